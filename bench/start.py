#!/usr/bin/env python3
"""Time from the start of a VM's creation to the first instruction of its application, alone and ten at once.

A VM is two processes more. The control, in the same minute, is one: from before the fork to the main function of a static
program that does nothing. What forks, executions and page faults cost differs by a factor of ten between machines.
"""
import argparse
import os
import time

import benchlib as lib

LIMIT_US = 1000
PROGRAM = os.path.join(lib.BUILD, "bench", "bare_process")


def start_process():
    """Microseconds."""
    reader, writer = os.pipe()
    begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    pid = os.posix_spawn(PROGRAM, [PROGRAM], {}, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    with os.fdopen(reader) as pipe:
        main_ns = int(pipe.read())
    os.waitpid(pid, 0)
    return (main_ns - begin) / 1000


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--mode", default="aware")
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    verdicts, data = lib.Verdicts(), {"control": []}
    for vms, runs in ((1, options.runs), (10, max(options.runs // 5, 1))):
        config = lib.write_config("start", f"0-{lib.last_processor()}" if known["cpus"] > 1 else 0,
                                  [lib.vm(f"idle{i}", "idle") for i in range(vms)])
        times = []
        try:
            for _ in range(runs):
                data["control"].append(start_process())
                times += [g["start_us"] for g in lib.run_candor(config, options.mode, 0.2)["guests"]]
        except lib.Refused as reason:
            verdicts.check(False, str(reason))
            break
        data[f"{vms}_at_once"] = times
        print(f"{vms} at once: {len(times)} VMs to their main: median {lib.median(times):.0f} us, worst {max(times):.0f} us")
        verdicts.check(min(times) > 0, f"{vms} at once: every guest reached its main")
    control, alone = lib.median(data["control"]), lib.median(data.get("1_at_once", [0]))
    print(f"a bare static process to its main: median {control:.0f} us; a VM: {alone / control:.1f} times that")
    verdicts.check(0 < alone <= LIMIT_US, f"a VM alone: median {alone:.0f} us (at most {LIMIT_US})")
    verdicts.finish("start", known, data)


if __name__ == "__main__":
    main()
