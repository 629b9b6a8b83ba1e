#!/usr/bin/env python3
"""The main benchmark: real-time and batch work on one processor.

Two guests have a periodic thread and a fair one that is always ready; four guests have only the latter. The same
threads run as native ones (the control), and as guests under each mode, interleaved, so that a disturbance of the
machine meets all alike. Figures are medians over the rounds.

Batch work is counted for each second of processor time that real-time threads leave over. They take what their jobs
take as native threads, by the kernel's count; whatever else Candor's scheduler and VM processes use, batch work misses.
"""
import argparse
import contextlib

import benchlib as lib

REALTIME = (("steer", 5.0, 1.0), ("film", 16.7, 4.0))  # guest, period and work in ms
BATCH = ("batch1", "batch2", "batch3", "batch4")
RESERVE = 1.9  # times the work: what admission lets this processor hold, since jobs take more than their work (below)
MODES = ("unaware", "static-rt", "static-dl", "aware")


def config(processor, mixed, name="main", switches=""):
    """`switches`: words for the kernels of all guests."""
    own = " thread=own:fair" if mixed else ""
    vms = [lib.vm(guest, "load", cmdline=f"thread=loop:deadline:{period}ms:{work}ms{own} {switches}", bandwidth=work / period * RESERVE,
                  server_ms=period, priority=60 - round(period))
           for guest, period, work in REALTIME]
    return lib.write_config(name, processor, vms + [lib.vm(guest, "load", cmdline=f"thread=work:fair {switches}") for guest in BATCH])


def control_threads(mixed):
    own = [(name, None, None) for name, _, _ in REALTIME] if mixed else []
    return list(REALTIME) + own + [(name, None, None) for name in BATCH]


def run_one(mode, what, options, label):
    """The summary of the configuration or, as control, the threads `what`. `label`: for people who wait."""
    summary = (lib.run_control(options.processor, options.seconds, what) if mode == "control"
               else lib.run_candor(what, mode, options.seconds, options.processor))
    own = {name: lib.realtime_thread(summary, name) for name, _, _ in REALTIME}
    print(f"{label}: " + ", ".join(f"{name} missed {t['deadline_misses']}, p99 {t['wakeup_us']['p99']:.0f} us" for name, t in own.items()), flush=True)
    return summary


def job_seconds(runs):
    """Processor time of one job by guest, as the kernel counts it for native threads: the work, the wake-up, interrupts."""
    threads = {name: [lib.realtime_thread(run, name) for run in runs] for name, _, _ in REALTIME}
    return {name: lib.median(t["cpu_s"] / t["jobs"] for t in own) for name, own in threads.items()}


def judge(summary, seconds):
    """The figures of one run; `seconds` of processor time are taken by a job of each guest."""
    took = summary["duration_s"]
    figures = {"threads": {}, "scheduler_percent": 100 * summary["host"]["scheduler_cpu_s"] / took,
               "rank_changes": summary["host"]["rank_changes"] / took,  # a second
               # System calls and traps of guests, a second; native threads are not counted.
               "exits": sum(g.get("host_calls", 0) + g.get("port_accesses", 0) for g in summary["guests"]) / took}
    used = 0.0
    for name, period, _ in REALTIME:
        thread = lib.realtime_thread(summary, name)
        used += thread["jobs"] * seconds[name]
        # A thread that never ran has nothing to report, and missed all the same.
        due = thread["jobs"] + thread["skipped"] or int(summary["duration_s"] * 1000 / period)
        late = thread["deadline_misses"] if thread["jobs"] else due
        figures["threads"][name] = {"jobs": thread["jobs"], "due": due, "missed": late, "missed_percent": 100 * late / due,
                                    "p50": thread["wakeup_us"]["p50"], "p99": thread["wakeup_us"]["p99"], "max": thread["wakeup_us"]["max"]}
    # Whatever else runs on the processor, the scheduler and the VM processes, takes its time from batch work.
    left = summary["duration_s"] - used
    figures["batch"] = lib.batch_units(summary) / left
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--processor", type=int, default=lib.last_processor())
    parser.add_argument("--modes", default=",".join(MODES))
    parser.add_argument("--not-mixed", action="store_true", help="real-time guests without a fair thread of their own")
    parser.add_argument("--exclusive", action="store_true", help="take the processor out of load balancing meanwhile, so that SCHED_DEADLINE can be had")
    options = parser.parse_args()
    with lib.exclusive(options.processor) if options.exclusive else contextlib.nullcontext():
        compare(options)


def compare(options):
    mixed = not options.not_mixed
    known = lib.facts()
    lib.print_facts(known)

    toml, threads = config(options.processor, mixed), control_threads(mixed)

    run = lambda mode, number: run_one(mode, toml if mode != "control" else threads, options, f"round {number}: {mode}")
    summaries, refused = lib.in_turns(options.rounds, ("control", *options.modes.split(",")), run)
    seconds = job_seconds(summaries["control"])
    runs = {mode: [judge(summary, seconds) for summary in own] for mode, own in summaries.items()}

    def mid(mode, pick):
        return lib.median(pick(run) for run in runs[mode])

    def paired(mode, other, pick):
        """Median of the ratios within each round, which a slow minute of the machine does not change."""
        return lib.median(pick(a) / max(pick(b), 1e-9) for a, b in zip(runs[mode], runs[other]))

    shown = [mode for mode in ("control", *MODES) if mode in runs]
    rows = [["median of %d rounds of %g s" % (options.rounds, options.seconds), *shown]]
    for name, period, work in REALTIME:
        kind = "mixed" if mixed else "real-time only"
        thread = lambda run, key, name=name: run["threads"][name][key]
        rows.append([f"{name} ({kind}, {work:g} of {period:g} ms): missed %"] + [f"{mid(m, lambda r: thread(r, 'missed_percent')):.2f}" for m in shown])
        for key in ("p50", "p99", "max"):
            rows.append([f"  wake-up {key}, us"] + [f"{mid(m, lambda r, key=key: thread(r, key)):.0f}"
                                                    if mid(m, lambda r: thread(r, "jobs")) else "never ran" for m in shown])
    rows.append(["batch units per s of processor left over"] + [f"{mid(m, lambda r: r['batch']):.0f}" for m in shown])
    rows.append(["scheduler, % of a processor"] + [f"{mid(m, lambda r: r['scheduler_percent']):.3f}" for m in shown])
    print()
    lib.print_table(rows)
    print("a job takes, as a native thread: " + ", ".join(f"{name} {1e3 * s:.3f} ms" for name, s in seconds.items()))
    for mode, reason in refused.items():
        print(f"{mode}: {reason}")
    print()

    verdicts, known_problem = lib.Verdicts(), {}
    if "aware" in runs and "control" in runs:
        for name, _, _ in REALTIME:
            missed = {m: sum(r["threads"][name]["missed"] for r in runs[m]) for m in runs}
            verdicts.no_more_misses(f"{name}: ", *([r["threads"][name]["missed"] for r in runs[m]] for m in ("aware", "control")))
            for mode in ("unaware", "static-rt"):
                if mode in runs:
                    known_problem[mode] = known_problem.get(mode, 0) + missed[mode] - missed["control"]
            ratio = paired("aware", "control", lambda r: r["threads"][name]["p99"])
            verdicts.check(ratio <= 1.5, f"{name}: wake-up p99 {ratio:.2f} times the control's (at most 1.5)")
        for mode, more in known_problem.items():
            verdicts.check(more > 0, f"{mode} shows the problem: {more} more misses than the control")
    else:
        verdicts.check(False, "aware and control both ran")
    if "aware" in runs and "unaware" in runs:
        ratio = paired("aware", "unaware", lambda r: r["batch"])
        verdicts.check(ratio >= 0.97, f"batch work in the time left over {100 * ratio:.1f} % of unaware's (at least 97)")
    verdicts.finish("main", known, {"runs": runs, "refused": refused, "mixed": mixed, "seconds": options.seconds, "job_seconds": seconds})


if __name__ == "__main__":
    main()
