#!/usr/bin/env python3
"""Processor time of a guest that has next to nothing to do, with all of Candor around it; and how much sooner an idle
vCPU that polls sees work from another one than a vCPU that sleeps."""
import argparse
import re
import subprocess
import time

import benchlib as lib
from processes import Running, cpu_ns

MODES = ("unaware", "aware")


def compare_idle(rounds, ways=("candid", "halt")):
    """Medians in ns, for each way to idle one of each round; nothing where vCPUs cannot have a processor each."""
    if lib.last_processor() == 0:
        return {}
    medians = {way: [] for way in ways}
    for _ in range(rounds):
        for way in medians:
            config = lib.write_config("wakes_soon", f"{lib.last_processor() - 1}-{lib.last_processor()}",
                                      [lib.vm("pair", "wakes_soon", cmdline=f"candor.idle={way}", vcpus=2)])
            done = subprocess.run([lib.CANDOR, "run", config], capture_output=True, text=True, check=True)
            medians[way].append(int(re.search(r"median (\d+) ns", done.stdout).group(1)))
    return medians


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    config = lib.write_config("idle", lib.last_processor(), [lib.vm("idle", "idle")])
    verdicts, data = lib.Verdicts(), {}
    for mode in MODES:
        try:
            with Running(config, mode, options.seconds + 3) as running:
                running.wait_for(1)
                time.sleep(1)  # what starting costs is another benchmark
                kinds, begin = running.kinds(), time.monotonic()
                before = {kind: cpu_ns(pids) for kind, pids in kinds.items()}
                time.sleep(options.seconds)
                after = {kind: cpu_ns(pids) for kind, pids in kinds.items()}
                took = time.monotonic() - begin
        except lib.Refused as reason:
            verdicts.check(False, f"{mode}: {reason}")
            continue
        percent = {kind: (after[kind] - before[kind]) / took / 1e7 for kind in kinds}
        data[mode] = percent
        print(f"{mode}: " + ", ".join(f"{kind} {value:.4f} %" for kind, value in percent.items()) + " of a processor")
        own = percent["vm"] + percent["tender"]
        verdicts.check(own <= 0.1, f"{mode}: an idle guest and its VM process use {own:.4f} % of a processor (at most 0.1)")
    data["wakes_soon_ns"] = soon = compare_idle(options.rounds)
    if soon:
        ratio = lib.median(a / b for a, b in zip(soon["candid"], soon["halt"]))
        print(f"work seen by an idle vCPU after, median of {options.rounds}: polling {lib.median(soon['candid']):.0f} ns, "
              f"sleeping {lib.median(soon['halt']):.0f} ns")
        verdicts.check(ratio < 1, f"polling sees it in {ratio:.2f} of the time")
    else:
        print("how much sooner: not measured, needs two processors")
    verdicts.finish("idle", known, data)


if __name__ == "__main__":
    main()
