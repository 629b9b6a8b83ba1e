#!/usr/bin/env python3
"""What the guest kernel's operations cost: aware on Candor and by native threads, in nanoseconds, in turns;
on an emulated machine of its own, in instructions; and how often the console enters the host."""
import re
import shutil
import subprocess
import sys

import benchlib as lib

ROUNDS = 5
# Nanoseconds at most, for an aware guest with one vCPU; a pair is two.
LIMITS = {"switch_pair": 100, "preempting_switch_pair": 300}
LIMIT_PUBLISHING_NS = 20
LIMIT_TRACE_NS = 20
LEAST_FEWER_EXITS = 50


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
    if shutil.which("qemu-system-x86_64") is None:
        return {}
    result = subprocess.run([*lib.MACHINE, "-icount", "shift=0,sleep=off", "-kernel", lib.guest("bench_kernel")],
                            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    return {name: int(ps) / 1000 for name, ps in re.findall(r"kernel (\w+) ps=(\d+)", result.stdout)}


def console_exits(config):
    """For each KiB, by the registers and by the ring."""
    console = lib.run_candor(config, "aware", 20)["console"]
    return {face: int(exits) for face, exits in re.findall(r"(ring|uart): (\d+) exits for each KiB", console)}


def main():
    known = lib.facts()
    lib.print_facts(known)
    reason = lib.no_counter_of_instructions()
    print("instructions are counted on the emulated machine" + (f"; this one has no counter for them ({reason})" if reason else ""))
    processor = lib.last_processor()
    # With room for a trace.
    config = lib.write_config("guest", processor, [lib.vm("kernel", "bench_kernel", memory="4MiB")])
    silent = lib.write_config("guest-silent", processor, [lib.vm("kernel", "bench_kernel", memory="4MiB", cmdline="candor.publish=off")])
    tracing = lib.write_config("guest-traced", processor, [lib.vm("kernel", "bench_kernel", memory="4MiB", cmdline="candor.trace=on")])
    faces = lib.write_config("guest-console", processor, [lib.vm("kernel", "prices_console_faces")])
    aware, quiet, traced, native = {}, {}, {}, {}
    for _ in range(ROUNDS):
        for best, measured in ((aware, on_candor(config)), (quiet, on_candor(silent)), (traced, on_candor(tracing)), (native, by_native_threads(processor))):
            for name, ns in measured.items():
                best[name] = min(ns, best.get(name, ns))
    instructions = in_instructions()
    lib.print_table([["", "aware, ns", "not publishing", "with a trace", "native threads", "own machine, instructions"]] + [
        [name] + [f"{column[name]:.0f}" if name in column else "-" for column in (aware, quiet, traced, native, instructions)] for name in aware])
    verdicts = lib.Verdicts()
    for name, limit in LIMITS.items():
        verdicts.check(aware[name] / 2 <= limit, f"{name}: {aware[name] / 2:.0f} ns each (at most {limit})")
    publishing = (aware["switch_pair"] - quiet["switch_pair"]) / 2
    verdicts.check(publishing <= LIMIT_PUBLISHING_NS, f"of a switch, publishing takes {publishing:.1f} ns (at most {LIMIT_PUBLISHING_NS})")
    trace = (traced["switch_pair"] - aware["switch_pair"]) / 2
    verdicts.check(trace <= LIMIT_TRACE_NS, f"of a switch, a trace takes {trace:.1f} ns (at most {LIMIT_TRACE_NS})")
    exits = console_exits(faces)
    verdicts.check(exits["uart"] >= LEAST_FEWER_EXITS * exits["ring"], f"a KiB on the console costs {exits['uart']} exits by its registers "
                   f"and {exits['ring']} by the ring ({LEAST_FEWER_EXITS} times fewer at least)")
    if instructions:
        loop = instructions["loop_of_1000"]
        verdicts.check(abs(loop - 1000) <= 10, f"the emulated machine counts {loop:.0f} instructions where there are 1000 (within 1 %)")
    else:
        print("no instructions counted: qemu-system-x86_64 is not installed")
    verdicts.finish("guest", known, {"aware_ns": aware, "not_publishing_ns": quiet, "traced_ns": traced, "native_ns": native, "instructions": instructions,
                                     "console_exits_per_kib": exits})


if __name__ == "__main__":
    main()
