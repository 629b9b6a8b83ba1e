#!/usr/bin/env python3
"""Slices: how soon a fair thread that mostly sleeps has done its short jobs, beside guests that always have work.

One processor, three guests that are always ready, and one that wakes up periodically, computes for a while and
publishes how long that is. Without slices ([host] slices = false) and with them, in turn; figures are medians of the
rounds, from a release to the end of its job. What must hold in the first case: jobs end sooner on average, and the guests
that are always ready get the part that they got of what all guests get. In the last one of these publishes 0.1 ms: it must get no more than its equals.
"""
import argparse
import re

import benchlib as lib

# Period, work as published; and what one of the always ready ones publishes.
CASES = (("2.1ms", "300us", "0ns"), ("5.3ms", "700us", "0ns"), ("11.3ms", "300us", "0ns"), ("2.1ms", "300us", "100us"))
SWITCHES = ("off", "on")
LATENCIES = ("mean", "p50", "p90", "p99", "max")


def run(switch, case, processor, seconds):
    period, work, lie = case
    vms = [lib.vm("short", "bench_slices", cmdline=f"wakes {period} {work} {work}")]
    vms += [lib.vm(name, "bench_slices", cmdline=f"endless {says}") for name, says in (("one", "0ns"), ("two", "0ns"), ("three", lie))]
    toml = lib.write_config("slices", processor, vms, host=f"slices = {'true' if switch == 'on' else 'false'}\n")
    summary = lib.run_candor(toml, "aware", seconds)
    line = re.search(r"jobs=\d+ .*", summary["console"]).group(0)
    figures = {name: int(figure) for name, figure in re.findall(r"(\w+)=(\d+)", line)}
    cpu = {g["name"]: g["cpu_s"] for g in summary["guests"]}
    return {"jobs": figures["jobs"], **{name: figures[f"{name}_ns"] / 1e6 for name in LATENCIES}, "cpu_s": cpu,
            "busy": (sum(cpu.values()) - cpu["short"]) / sum(cpu.values()), "guests": sum(cpu.values()), "third": 2 * cpu["three"] / (cpu["one"] + cpu["two"]),
            "work": lib.batch_units(summary), "changes": summary["host"]["slice_changes"],
            "scheduler": 100 * summary["host"]["scheduler_cpu_s"] / seconds}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4)
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    processor = lib.last_processor()
    runs = {case: {switch: [] for switch in SWITCHES} for case in CASES}
    for number in range(options.rounds):
        for case in CASES:
            for switch in SWITCHES if number % 2 == 0 else SWITCHES[::-1]:
                runs[case][switch].append(run(switch, case, processor, options.seconds))

    def middle(case, switch, key):
        return lib.median(r[key] for r in runs[case][switch])

    def ratio(case, key):
        return lib.median(on[key] / off[key] for on, off in zip(runs[case]["on"], runs[case]["off"]))

    wanted = (*(f"{name}, ms" for name in LATENCIES), "jobs", "guests, s", "busy's part", "third/others", "changes", "scheduler, %")
    keys = (*LATENCIES, "jobs", "guests", "busy", "third", "changes", "scheduler")
    rows = [["period, work, third publishes", "slices", *wanted]]
    for case in CASES:
        for switch in SWITCHES:
            figures = [middle(case, switch, key) for key in keys]
            rows.append([" ".join(case) if switch == "off" else "", switch] + [f"{f:.0f}" if k in ("jobs", "changes") else f"{f:.3f}" for k, f in zip(keys, figures)])
        rows.append(["", "on / off"] + [f"{ratio(case, key):.2f}" if key in (*LATENCIES, "jobs", "busy") else "" for key in keys])
    print()
    lib.print_table(rows)
    print()
    verdicts = lib.Verdicts()
    first, last = CASES[0], CASES[-1]
    verdicts.check(ratio(first, "mean") <= 0.95, f"the mean is {ratio(first, 'mean'):.2f} of that without slices (at most 0.95)")
    verdicts.check(0.97 <= ratio(first, "busy") <= 1.03, f"the part of the always ready is {ratio(first, 'busy'):.3f} of that without (0.97 to 1.03)")
    verdicts.check(middle(last, "on", "third") <= 1.03, f"one that publishes falsely gets {middle(last, 'on', 'third'):.3f} of what its equals get (at most 1.03)")
    verdicts.finish("slices", known, {"runs": {" ".join(case): r for case, r in runs.items()}})


if __name__ == "__main__":
    main()
