#!/usr/bin/env python3
"""Fair shares: busy VMs of different weights and numbers of vCPUs on the same processors get what their weights say.

Weights that are no steps of nice, and vCPUs that do not divide the processors. What each VM
is to get: all that the busy vCPUs got together, by weight, at most one processor for each vCPU (max-min fairness). The
control is the mode unaware, where the host kernel shares by nice and vCPU.
"""
import argparse
import os

import benchlib as lib

VMS = (("a", 100, 1), ("b", 170, 1), ("c", 60, 2), ("d", 230, 1))  # name, weight, vCPUs


def ideal(total, most):
    share = {}
    while True:
        free = [(n, w, v) for n, w, v in VMS if n not in share]
        left, weights = total - sum(share.values()), sum(w for _, w, _ in free)
        capped = [n for n, w, v in free if left * w / weights > v * most]
        if not capped:
            return {**share, **{n: left * w / weights for n, w, _ in free}}
        for n, _, v in free:
            if n in capped:
                share[n] = v * most


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10)
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    processors = sorted(os.sched_getaffinity(0))[:2]
    toml = lib.write_config("shares", ",".join(map(str, processors)), [
        lib.vm(n, "load", cmdline=" ".join(f"thread=busy{i}:fair" for i in range(v)), vcpus=v, weight=w) for n, w, v in VMS])
    runs = {}
    for _ in range(options.rounds):
        for mode in ("unaware", "aware"):
            summary = lib.run_candor(toml, mode, options.seconds)
            got = {g["name"]: g["cpu_s"] for g in summary["guests"]}
            runs.setdefault(mode, []).append({"got": got, "scheduler_cpu_s": summary["host"]["scheduler_cpu_s"]})
    rows = [["VM: weight, vCPUs", "ideal, s"] + [f"{mode}, s (off)" for mode in runs]]
    off = {mode: [] for mode in runs}
    for name, weight, vcpus in VMS:
        row = [f"{name}: {weight}, {vcpus}"]
        for mode, own in runs.items():
            got = lib.median(r["got"][name] for r in own)
            wanted = lib.median(ideal(sum(r["got"].values()), options.seconds)[name] for r in own)
            if len(row) == 1:
                row.append(f"{wanted:.2f}")
            off[mode].append(abs(got / wanted - 1))
            row.append(f"{got:.2f} ({100 * (got / wanted - 1):+.1f} %)")
        rows.append(row)
    rows.append(["scheduler, % of a processor", ""] + [f"{100 * lib.median(r['scheduler_cpu_s'] for r in own) / options.seconds:.3f}" for own in runs.values()])
    print()
    lib.print_table(rows)
    print()
    verdicts = lib.Verdicts()
    verdicts.check(max(off["aware"]) <= 0.05, f"aware: within {100 * max(off['aware']):.1f} % of the weights (at most 5)")
    print(f"unaware: within {100 * max(off['unaware']):.1f} %")
    verdicts.finish("shares", known, {"runs": runs})


if __name__ == "__main__":
    main()
