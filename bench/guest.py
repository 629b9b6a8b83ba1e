#!/usr/bin/env python3
"""What the guest kernel's operations cost: aware on Candor and by native threads, in nanoseconds, in turns;
and on an emulated machine of its own, in instructions."""
import re
import shutil
import subprocess
import sys

import benchlib as lib

ROUNDS = 5
# Nanoseconds at most, for an aware guest with one vCPU. A pair: there and back.
LIMITS = {"switch_pair": 2 * 100, "preempting_switch_pair": 2 * 300}
# What a trace may add to a switch.
TRACE_LIMIT = 20


def on_candor(config):
    console = lib.run_candor(config, "aware", 20)["console"]
    return {name: int(ps) / 1000 for name, ps in re.findall(r"kernel (\w+) ps=(\d+)", console)}


def by_native_threads(processor):
    result = subprocess.run([lib.BUILD + "/bench/native_threads", str(processor)], capture_output=True, text=True, check=False)
    if result.returncode == 3:
        raise lib.Refused(result.stderr.strip())
    if result.returncode != 0:
        sys.exit(f"native_threads ended with status {result.returncode}: {result.stderr}")
    return {name: int(ps) / 1000 for name, ps in re.findall(r"native (\w+) ps=(\d+)", result.stdout)}


def in_instructions():
    """The emulated clock moves on by a nanosecond with each instruction, so what the guest measures are instructions."""
    qemu = shutil.which("qemu-system-x86_64")
    if qemu is None:
        return {}
    result = subprocess.run([qemu, "-accel", "tcg", "-icount", "shift=0,sleep=off", "-cpu", "max", "-m", "32M", "-display", "none",
                             "-nodefaults", "-no-reboot", "-serial", "stdio", "-kernel", lib.guest("bench_kernel"), "-append", ""],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    return {name: int(ps) / 1000 for name, ps in re.findall(r"kernel (\w+) ps=(\d+)", result.stdout)}


def main():
    known = lib.facts()
    lib.print_facts(known)
    processor = lib.last_processor()
    config = lib.write_config("guest", processor, [lib.vm("kernel", "bench_kernel", memory="4MiB")])
    tracing = lib.write_config("guest-traced", processor, [lib.vm("kernel", "bench_kernel", memory="4MiB", cmdline="candor.trace=on")])
    aware, traced, native = {}, {}, {}
    for _ in range(ROUNDS):
        for best, measured in ((aware, on_candor(config)), (traced, on_candor(tracing)), (native, by_native_threads(processor))):
            for name, ns in measured.items():
                best[name] = min(ns, best.get(name, ns))
    instructions = in_instructions()
    lib.print_table([["", "aware, ns", "with a trace, ns", "native threads, ns", "own machine, instructions"]] + [
        [name, f"{ns:.0f}", f"{traced[name]:.0f}", f"{native[name]:.0f}" if name in native else "-",
         f"{instructions[name]:.0f}" if name in instructions else "-"] for name, ns in aware.items()])
    verdicts = lib.Verdicts()
    for name, limit in LIMITS.items():
        verdicts.check(aware[name] <= limit, f"{name}: {aware[name]:.0f} ns (at most {limit})")
    cost = (traced["switch_pair"] - aware["switch_pair"]) / 2
    verdicts.check(cost <= TRACE_LIMIT, f"a trace of a switch: {cost:.1f} ns (at most {TRACE_LIMIT})")
    if not instructions:
        print("no instructions counted: qemu-system-x86_64 is not installed")
    verdicts.finish("guest", known, {"aware_ns": aware, "traced_ns": traced, "native_ns": native, "instructions": instructions})


if __name__ == "__main__":
    main()
