#!/usr/bin/env python3
"""Time from the start of a VM's creation to the first instruction of its application, alone and ten at once.

A VM is two processes more. The control, in the same minute, is one: from before the fork to the main function of a static
program that does nothing. What forks, executions and page faults cost differs by a factor of ten between machines.

The last part of it, from the guest's first instruction to its main, is shown apart. Its control is what cannot be less there: one
undefined instruction that a signal handler steps over (VMCPUID), which a process measures that does nothing else.
"""
import argparse
import os
import re
import subprocess
import time

import benchlib as lib

LIMIT_US = 1000
LIMIT_BOOT_US = 50
PROGRAM = os.path.join(lib.BUILD, "bench", "bare_process")
FLOOR = os.path.join(lib.BUILD, "bench", "entry_floor")


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


def measure_floor():
    """What traps cost in a process of its own, by name, in microseconds."""
    return {name: int(ns) / 1000 for name, ns in re.findall(r"(\w+)=(\d+)", subprocess.run([FLOOR], capture_output=True, text=True, check=True).stdout)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--mode", default="aware")
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    verdicts, data = lib.Verdicts(), {"control": [], "boot": [], "floor": []}
    for vms, runs in ((1, options.runs), (10, max(options.runs // 5, 1))):
        config = lib.write_config("start", f"0-{lib.last_processor()}" if known["cpus"] > 1 else 0,
                                  [lib.vm(f"idle{i}", "idle") for i in range(vms)])
        times = []
        try:
            for _ in range(runs):
                data["control"].append(start_process())
                data["floor"].append(measure_floor())
                guests = lib.run_candor(config, options.mode, 0.2)["guests"]
                times += [g["start_us"] for g in guests]
                data["boot"] += [g["boot_us"] for g in guests if vms == 1]
        except lib.Refused as reason:
            verdicts.check(False, str(reason))
            break
        data[f"{vms}_at_once"] = times
        print(f"{vms} at once: {len(times)} VMs to their main: median {lib.median(times):.0f} us, worst {max(times):.0f} us")
        verdicts.check(min(times) > 0, f"{vms} at once: every guest reached its main")
    control, alone = lib.median(data["control"]), lib.median(data.get("1_at_once", [0]))
    print(f"a bare static process to its main: median {control:.0f} us; a VM: {alone / control:.1f} times that")
    boot = lib.median(data["boot"] or [0])
    floor = {name: lib.median(one[name] for one in data["floor"]) for name in data["floor"][0]}
    print(f"alone, from the guest's first instruction to its main: median {boot:.0f} us, least {min(data['boot'] or [0]):.0f} us; in a process of its own the first trap "
          f"takes {floor['first_trap']:.1f} us, a later one {floor['trap']:.1f}, a new page {floor['fault']:.1f}, CPUID {floor['cpuid']:.1f}")
    verdicts.check(0 < boot <= LIMIT_BOOT_US, f"of that in the guest: median {boot:.0f} us (at most {LIMIT_BOOT_US})")
    verdicts.check(0 < alone <= LIMIT_US, f"a VM alone: median {alone:.0f} us (at most {LIMIT_US})")
    verdicts.finish("start", known, data)


if __name__ == "__main__":
    main()
