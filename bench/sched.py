#!/usr/bin/env python3
"""Nanoseconds that one event costs the scheduler core: a job ends, and its processor's order is decided anew."""
import json
import os
import subprocess

import benchlib as lib

LIMIT_NS = 10_000  # with 16 claims on the processor: next to the 10 us and more that waking candord costs, not the greater part


def main():
    known = lib.facts()
    lib.print_facts(known)
    program = os.path.join(lib.BUILD, "bench", "scheduler_bench")
    result = subprocess.run([program, "--benchmark_format=json", "--benchmark_repetitions=7", "--benchmark_report_aggregates_only=true"],
                            capture_output=True, text=True, check=True)
    medians = {b["run_name"]: b for b in json.loads(result.stdout)["benchmarks"] if b["aggregate_name"] == "median"}
    for name, b in medians.items():
        print(f"{name}: {b['real_time']:.0f} ns, {b['rank_changes']:.2f} rank changes")
    verdicts = lib.Verdicts()
    sixteen = next(b["real_time"] for name, b in medians.items() if "claims:16/processors:2" in name)
    verdicts.check(sixteen <= LIMIT_NS, f"16 claims on a processor: {sixteen:.0f} ns an event (at most {LIMIT_NS})")
    verdicts.finish("sched", known, medians)


if __name__ == "__main__":
    main()
