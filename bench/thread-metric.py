#!/usr/bin/env python3
"""The eight tests of the Thread-Metric suite's idea, in events a second: aware on Candor, by native threads, and on an emulated machine.

Written after the suite's public description; each test checks itself as that has it: the counters of all threads (and of
interrupts) agree within 1 whenever they are looked at, and messages come out as they went in. The suite asks for 30 s each."""
import argparse
import os
import re
import shutil
import subprocess
import sys

import benchlib as lib

TESTS = ["basic_processing", "cooperative_scheduling", "preemptive_scheduling", "interrupt_processing", "interrupt_preemption",
         "message_processing", "synchronization", "memory_allocation"]


def events_per_second(text):
    """None for a test that found itself wrong; without those that were not run."""
    return {name: total and int(total) * 1e9 / int(ns) if fine == "valid" else None
            for name, total, ns, fine in re.findall(r"thread-metric (\w+) (?:total=(\d+) ns=(\d+) )?(valid|INVALID)", text)}


def on_candor(milliseconds):
    config = lib.write_config("thread-metric", lib.last_processor(), [lib.vm("metric", "thread_metric", cmdline=str(milliseconds))])
    return events_per_second(lib.run_candor(config, "aware", 8 * milliseconds / 1000 + 20)["console"])


def by_native_threads(milliseconds):
    result = subprocess.run([os.path.join(lib.BUILD, "bench", "native_thread_metric"), str(lib.last_processor()), str(milliseconds)],
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"native_thread_metric ended with status {result.returncode}: {result.stderr}")
    return events_per_second(result.stdout)


def on_a_machine(milliseconds):
    if shutil.which("qemu-system-x86_64") is None:
        return {}
    result = subprocess.run([*lib.MACHINE, "-kernel", lib.guest("thread_metric"), "-append", str(milliseconds)],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=8 * milliseconds / 1000 + 60)
    return events_per_second(result.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=2, help="of each test (default: 2)")
    milliseconds = round(parser.parse_args().seconds * 1000)
    known = lib.facts()
    lib.print_facts(known)
    data = {"aware": on_candor(milliseconds), "native threads": by_native_threads(milliseconds), "emulated machine": on_a_machine(milliseconds)}
    if not data["emulated machine"]:
        print("no emulated machine: qemu-system-x86_64 is not installed")
        del data["emulated machine"]
    lib.print_table([["events a second", *data]] + [
        [name] + [f"{column[name]:,.0f}" if column.get(name) else "INVALID" for column in data.values()] for name in TESTS])
    verdicts = lib.Verdicts()
    for where, column in data.items():
        verdicts.check(all(column.get(name) for name in TESTS), f"{where}: each test finds itself valid")
    verdicts.finish("thread-metric", known, {"seconds_each": milliseconds / 1000, "events_per_second": data})


if __name__ == "__main__":
    main()
