#!/usr/bin/env python3
"""Nanoseconds that one event costs the scheduler core: a job ends, and its processor's order is decided anew."""
import json
import os
import re
import subprocess

import benchlib as lib

# (claims, processors): at most so many ns. Processor time, so that neighbours on the machine count for little.
LIMITS = {(16, 2): 200, (1000, 64): 1000}


def main():
    known = lib.facts()
    lib.print_facts(known)
    program = os.path.join(lib.BUILD, "bench", "scheduler_bench")
    result = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=5", "--benchmark_min_time=0.1",
                             "--benchmark_report_aggregates_only=true"],
                            capture_output=True, text=True, check=True)
    medians = {}
    for b in json.loads(result.stdout)["benchmarks"]:
        if b["aggregate_name"] == "median":
            medians[tuple(int(n) for n in re.findall(r":(\d+)", b["run_name"]))] = b
    print("claims  processors  ns an event  rank changes an event")
    for (claims, processors), b in sorted(medians.items(), key=lambda m: (m[0][1], m[0][0])):
        print(f"{claims:6} {processors:11} {b['cpu_time']:12.0f} {b['rank_changes']:22.2f}")
    verdicts = lib.Verdicts()
    for (claims, processors), limit in LIMITS.items():
        ns = medians[claims, processors]["cpu_time"]
        verdicts.check(ns <= limit, f"{claims} claims on {processors} processors: {ns:.0f} ns an event, median of 5 runs (at most {limit})")
    verdicts.finish("sched", known, {b["run_name"]: b for b in medians.values()})


if __name__ == "__main__":
    main()
