#!/usr/bin/env python3
"""How often the guest kernel's detection by timing is right about where it runs, and how often wrong, under load and without.

Each round is a new look of the guest `detect`, several boots of some each. Places: this machine from below Candor, and
QEMU's emulated machine, which hides. "published" compares with the figures that come from publications only, so with
nothing that was recorded on this machine. "stand-in" times 180 cycles of multiplications in CPUID's place, as many as
hardware takes: what noise alone does. It is no hardware, so a rate of false positives on hardware does not follow.
"""
import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys

import benchlib as lib

LOADS = (0, 1, 4)  # endless loops beside the guest, on its processor


@contextlib.contextmanager
def endless_loops(count, processor):
    loops = [subprocess.Popen(["taskset", "-c", str(processor), "sh", "-c", "while :; do :; done"]) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def on_candor(mode, processor, cmdline):
    config = lib.write_config("detection", processor, [lib.vm("detect", "detect", cmdline=cmdline)])
    result = subprocess.run([lib.CANDOR, "run", config, "--mode", mode], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                            check=False, timeout=300)
    return result.stdout


def on_qemu(cpu, processors, processor, cmdline):
    return subprocess.run(["taskset", "-c", str(processor), "qemu-system-x86_64", "-accel", "tcg", "-cpu", cpu, "-smp", str(processors),
                           "-m", "64M", "-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel",
                           lib.guest("detect"), "-append", cmdline],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300).stdout


def places(processor, virtual):
    """Name, truth, how to run it with a command line."""
    here = "hypervisor" if virtual else "hardware"
    for mode in ("aware", "unaware"):
        yield f"Candor, {mode}", here, lambda c, m=mode: on_candor(m, processor, c), ""
    yield "Candor, published", here, lambda c: on_candor("unaware", processor, c), " published"
    yield "Candor, stand-in", "hardware", lambda c: on_candor("unaware", processor, c), " stand-in"
    if shutil.which("qemu-system-x86_64"):
        for cpu, processors in (("max,-hypervisor,tcg-cpuid=off", 1), ("qemu64,-hypervisor,tcg-cpuid=off", 4)):
            yield (f"QEMU's TCG, {cpu.split(',')[0]}, {processors} processors", "emulator",
                   lambda c, u=cpu, n=processors: on_qemu(u, n, processor, c), "")
        yield ("QEMU's TCG, published", "emulator",
               lambda c: on_qemu("max,-hypervisor,tcg-cpuid=off", 1, processor, c), " published")


def virtual(kind):
    return kind if kind in ("hardware", "unknown") else "virtual"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boots", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=20, help="looks in each boot")
    parser.add_argument("--only", default="", metavar="PLACE", help="places whose name begins so: Candor, QEMU")
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    processor = lib.last_processor()
    table = [["where", "is", "load", "looks", "right: likely", "perhaps", "no telling", "wrong: perhaps", "likely"]]
    data, wrong = [], 0
    taken_for = {truth: dict.fromkeys(("hardware", "virtual", "unknown"), 0) for truth in ("hardware", "virtual")}
    for name, truth, run, more in places(processor, known["virtual"]):
        if not name.startswith(options.only):
            continue
        for load in LOADS:
            counts = {"right likely": 0, "right perhaps": 0, "no telling": 0, "wrong perhaps": 0, "wrong likely": 0}
            with endless_loops(load, processor):
                for _ in range(options.boots):
                    text = run(f"rounds={options.rounds}{more}")
                    found = re.findall(r"detect: verdict=(\w+) likely=(\d+) perhaps=(\d+)", text)
                    if sum(int(n) for _, *both in found for n in both) != options.rounds:
                        sys.exit(f"{name}: the guest did not look {options.rounds} times:\n{text}")
                    for kind, likely, perhaps in found:
                        taken_for[virtual(truth)][virtual(kind)] += int(likely) + int(perhaps)
                        if kind == "unknown":
                            counts["no telling"] += int(likely) + int(perhaps)
                        else:
                            judged = "right" if kind == truth else "wrong"
                            counts[f"{judged} likely"] += int(likely)
                            counts[f"{judged} perhaps"] += int(perhaps)
            wrong += counts["wrong likely"]
            table.append([name, truth, str(load), str(sum(counts.values()))] + [str(n) for n in counts.values()])
            data.append({"where": name, "is": truth, "load": load, **counts})
    lib.print_table(table)
    for error, truth, kind in (("false negatives", "virtual", "hardware"), ("false positives", "hardware", "virtual")):
        seen = taken_for[truth]
        if sum(seen.values()) != 0:
            print(f"{error}, {truth} taken for {kind}: {seen[kind]} of {sum(seen.values())}; no telling: {seen['unknown']}")
    verdicts = lib.Verdicts()
    verdicts.check(wrong == 0, f"{wrong} wrong verdicts that are called likely (none)")
    verdicts.finish("detection", known, data)


if __name__ == "__main__":
    main()
