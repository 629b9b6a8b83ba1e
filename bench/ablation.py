#!/usr/bin/env python3
"""What each part of a guest's awareness is worth: the main benchmark with one switch off at a time.

Aware guests do several things, each of which the command line switches off (docs/guests.md). The workload of the main
benchmark runs with all of them, without one at a time and without any, beside mode unaware and native threads, interleaved. Some
switches have little to do there; four smaller workloads are made for these: two guests that need the order of deadlines, a guest
that is often idle, one whose threads share a mutex, and one that prints. What was expected, and what was found: docs/ablation.md.
"""
import argparse
import re

import benchlib as lib
import edf
import main as mixed
from idle import compare_idle

OFF = ("candor.publish=off", "candor.placement=fair", "candor.wake_claims=off", "candor.locks=spin", "candor.idle=halt", "candor.idle=poll", "candor.console=uart")
VARIANTS = {"whole": "", **{words: words for words in OFF}, "all off": " ".join(words for words in OFF if words != "candor.idle=poll")}
REFERENCES = ("unaware", "control")
CHANCE = lib.CHANCE / len(VARIANTS)  # of many comparisons one is unlikely by chance


def printed(summary, pattern):
    """The figures by name in the line of a guest's that matches."""
    return {name: int(figure) for name, figure in re.findall(r"(\w+)=(\d+)", re.search(pattern, summary["console"]).group(0))}


def guest_of(summary, name):
    return next(g for g in summary["guests"] if g["name"] == name)


def middle(runs, key):
    return lib.median(run[key] for run in runs)


def missed_percent(runs):
    return f"{100 * sum(run['missed'] for run in runs) / sum(run['due'] for run in runs):.2f}"


def relative(runs, whole, key):
    """Median of the ratios within each round."""
    return lib.median(a[key] / max(b[key], 1e-9) for a, b in zip(runs, whole))


# ------------------------------------------------- the main benchmark's workload

def run_mixed(options):
    configs = {name: mixed.config(options.processor, True, f"ablation-{number}", words) for number, (name, words) in enumerate(VARIANTS.items())}
    configs.update(unaware=configs["whole"], control=mixed.control_threads(True))
    run = lambda name, number: mixed.run_one(name if name in REFERENCES else "aware", configs[name], options, f"round {number}: {name}")
    summaries, refused = lib.in_turns(options.rounds, list(configs), run)
    seconds = mixed.job_seconds(summaries["control"])
    return {name: [mixed.judge(summary, seconds) for summary in own] for name, own in summaries.items()}, refused


def show_mixed(runs, options):
    rows = [[f"{options.rounds} rounds of {options.seconds:g} s", "missed %", *(f"{name} {key}" for key in ("p50", "p99") for name, _, _ in mixed.REALTIME),
             "batch", "rank changes/s", "exits/s", "scheduler %"]]
    for name, own in runs.items():
        threads = [t for run in own for t in run["threads"].values()]
        wakeups = [lib.median(run["threads"][thread][key] for run in own) for key in ("p50", "p99") for thread, _, _ in mixed.REALTIME]
        rows.append([name, missed_percent(threads), *(f"{us:.0f}" for us in wakeups),
                     f"{relative(own, runs['whole'], 'batch'):.3f}", f"{middle(own, 'rank_changes'):.1f}", f"{middle(own, 'exits'):.0f}", f"{middle(own, 'scheduler_percent'):.2f}"])
    lib.print_table(rows)


# -------------------------------------------------------- where the order matters

def run_order(options):
    """Two guests that need each other's slack, as in the benchmark of deadlines: rate-monotonic order misses."""
    configs = {words or "whole": edf.config(options.processor, f"ablation-order-{number}", words)
               for number, words in enumerate(("", "candor.publish=off", "candor.wake_claims=off"))}

    def run(name, _):
        summary = lib.run_candor(configs[name], "aware", options.seconds)
        threads, seconds = [lib.realtime_thread(summary, guest) for guest, _, _ in edf.THREADS], summary["duration_s"]
        return {"missed": sum(t["deadline_misses"] for t in threads), "due": sum(t["jobs"] + t["skipped"] for t in threads),
                "p99": [t["wakeup_us"]["p99"] for t in threads], "changes": summary["host"]["rank_changes"] / seconds,
                "exits": sum(g["host_calls"] for g in summary["guests"]) / seconds, "scheduler": 100 * summary["host"]["scheduler_cpu_s"] / seconds}
    return lib.in_turns(options.rounds, list(configs), run)[0]


def show_order(runs):
    rows = [["order", "missed %", *(f"{name} p99 us" for name, _, _ in edf.THREADS), "rank changes/s", "exits/s", "scheduler %"]]
    for name, own in runs.items():
        rows.append([name, missed_percent(own), *(f"{lib.median(r['p99'][i] for r in own):.0f}" for i in range(len(edf.THREADS))),
                     *(f"{middle(own, key):.{digits}f}" for key, digits in (("changes", 0), ("exits", 0), ("scheduler", 2)))])
    lib.print_table(rows)


# ----------------------------------------------------------- where idling matters

IDLE_WAYS = ("candid", "poll", "halt")


def run_idle(options):
    """A guest that wakes up 2,000 times a second for 50 us, beside one that always has work, and alone."""
    def run(kind, _):
        company, way = kind
        vms = [lib.vm("short", "bench_slices", cmdline=f"wakes 500us 50us 50us candor.idle={way}")]
        if company == "beside work":
            vms.append(lib.vm("busy", "load", cmdline=f"thread=work:fair candor.idle={way}"))
        summary = lib.run_candor(lib.write_config("ablation-idle", options.processor, vms), "aware", options.seconds, options.processor)
        figures, seconds = printed(summary, r"slices: jobs=.*"), summary["duration_s"]
        return {"batch": lib.batch_units(summary) / seconds, "cpu": 100 * guest_of(summary, "short")["cpu_s"] / seconds,
                "mean": figures["mean_ns"] / 1000, "p99": figures["p99_ns"] / 1000, "jobs": figures["jobs"] / seconds}
    return lib.in_turns(options.rounds, [(company, way) for company in ("beside work", "alone") for way in IDLE_WAYS], run)[0]


def show_idle(runs, seen):
    rows = [["idle", "the other's work", "own cpu %", "jobs/s", "to a job's end: mean us", "p99 us", "work seen by an idle vCPU, ns"]]
    for (company, way), own in runs.items():
        rows.append([f"{way}, {company}", f"{relative(own, runs[company, 'candid'], 'batch'):.3f}" if company == "beside work" else "-",
                     *(f"{middle(own, key):.{digits}f}" for key, digits in (("cpu", 1), ("jobs", 0), ("mean", 0), ("p99", 0))),
                     f"{lib.median(seen[way]):.0f}" if seen and company == "alone" else "-"])
    lib.print_table(rows)


# ------------------------------------------------------------- where locks matter

def run_locks(options):
    """A real-time thread and fair ones on two vCPUs share a mutex; two guests beside always have work."""
    def run(way, _):
        vms = [lib.vm("shares", "bench_shares_mutex", cmdline=f"candor.locks={way}", bandwidth=0.2, vcpus=2)]
        vms += [lib.vm(name, "load", cmdline=f"thread=work:fair candor.locks={way}") for name in ("busy1", "busy2")]
        summary = lib.run_candor(lib.write_config("ablation-locks", options.processor, vms), "aware", options.seconds, options.processor)
        waits, urgent = printed(summary, r"shares_mutex: waits=.*"), lib.realtime_thread(summary, "shares")
        due, seconds = urgent["jobs"] + urgent["skipped"], summary["duration_s"]
        return {"missed": urgent["deadline_misses"], "due": due, **{key: waits[f"{key}_ns"] / 1000 for key in ("p50", "p99", "max")},
                "sections": guest_of(summary, "shares")["work_units"] / seconds,
                "batch": sum(guest_of(summary, name)["work_units"] for name in ("busy1", "busy2")) / seconds,
                "exits": guest_of(summary, "shares")["host_calls"] / seconds}
    return lib.in_turns(options.rounds, ("inherit", "spin"), run)[0]


def show_locks(runs):
    rows = [["locks", "missed %", "wait p50 us", "p99 us", "max us", "critical sections/s", "others' work", "exits/s"]]
    for way, own in runs.items():
        rows.append([way, missed_percent(own), *(f"{middle(own, key):.0f}" for key in ("p50", "p99", "max")),
                     f"{middle(own, 'sections'):.0f}", f"{relative(own, runs['inherit'], 'batch'):.3f}", f"{middle(own, 'exits'):.0f}"])
    lib.print_table(rows)


# ------------------------------------------------------- where the console matters

def run_console(options):
    """A guest prints a line of 80 characters 200 times a second; one beside always has work."""
    def run(face, _):
        vms = [lib.vm("prints", "bench_prints", cmdline=f"candor.console={face}"), lib.vm("busy", "load", cmdline="thread=work:fair")]
        summary = lib.run_candor(lib.write_config("ablation-console", options.processor, vms), "aware", options.seconds, options.processor)
        guest, seconds = guest_of(summary, "prints"), summary["duration_s"]
        return {"lines": sum(t["jobs"] for t in guest["threads"]) / seconds, "cpu": 100 * guest["cpu_s"] / seconds,
                "exits": (guest["host_calls"] + guest["port_accesses"]) / seconds, "batch": lib.batch_units(summary) / seconds}
    return lib.in_turns(options.rounds, ("ring", "uart"), run)[0]


def show_console(runs):
    rows = [["console", "lines/s", "own cpu %", "exits/s", "the other's work"]]
    for face, own in runs.items():
        rows.append([face, *(f"{middle(own, key):.{digits}f}" for key, digits in (("lines", 0), ("cpu", 2), ("exits", 0))),
                     f"{relative(own, runs['ring'], 'batch'):.3f}"])
    lib.print_table(rows)


# ------------------------------------------------------------------------ verdicts

def judge(verdicts, runs, order, idle, seen, locks, console):
    missed = {name: [sum(t["missed"] for t in run["threads"].values()) for run in own] for name, own in runs.items()}
    verdicts.check(sum(missed["whole"]) < sum(missed["all off"]), f"without any part {sum(missed['all off'])} deadlines were missed, with all {sum(missed['whole'])}")
    for name in VARIANTS:
        if name == "whole":
            continue
        chance = lib.chance_of_more(missed["whole"], missed[name])
        verdicts.check(chance >= CHANCE, f"{name}: no fewer misses, {sum(missed[name])} and {sum(missed['whole'])} (beyond chance: {chance:.3f}, at least {CHANCE:.3f})")
        batch = relative(runs[name], runs["whole"], "batch")
        # What does not keep its deadlines has time to spare for others.
        if sum(missed[name]) <= 2 * sum(missed["whole"]) + 1:
            verdicts.check(batch <= 1.03, f"{name}: batch work {batch:.3f} of the whole's (at most 1.03)")
    late = {name: sum(r["missed"] for r in own) for name, own in order.items()}
    verdicts.check(late["whole"] < late["candor.publish=off"], f"publish=off: where the order matters {late['candor.publish=off']} deadlines missed, with it {late['whole']}")
    other = relative(idle["beside work", "poll"], idle["beside work", "candid"], "batch")
    verdicts.check(other < 0.97, f"idle=poll: a neighbour gets {other:.3f} of the work that it gets beside candid (less than 0.97)")
    late = {way: sum(r["missed"] for r in own) for way, own in locks.items()}
    verdicts.check(late["inherit"] < late["spin"], f"locks=spin: {late['spin']} deadlines missed, with inheritance {late['inherit']}")
    ratio = middle(console["uart"], "exits") / middle(console["ring"], "exits")
    verdicts.check(ratio > 10, f"console=uart: {ratio:.0f} times the exits")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--processor", type=int, default=lib.last_processor())
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    runs, refused = run_mixed(options)
    order, idle, seen = run_order(options), run_idle(options), compare_idle(options.rounds, IDLE_WAYS)
    locks, console = run_locks(options), run_console(options)
    print("\nThe main benchmark; wake-ups in us, batch work for each second left over, relative to the whole\n")
    show_mixed(runs, options)
    for way, reason in refused.items():
        print(f"{way}: {reason}")
    for about, show in ((run_order, lambda: show_order(order)), (run_idle, lambda: show_idle(idle, seen)), (run_locks, lambda: show_locks(locks)), (run_console, lambda: show_console(console))):
        print(f"\n{about.__doc__}\n")
        show()
    print()
    verdicts = lib.Verdicts()
    judge(verdicts, runs, order, idle, seen, locks, console)
    verdicts.finish("ablation", known, {"runs": runs, "refused": refused, "order": order, "idle": {" ".join(kind): own for kind, own in idle.items()}, "wakes_soon_ns": seen,
                                        "locks": locks, "console": console, "seconds": options.seconds})


if __name__ == "__main__":
    main()
