#!/usr/bin/env python3
"""Random real-time task sets up to what admission permits: do guests' threads miss more than native ones, and than simulated ones?

Each set is 5 tasks in 2 VMs on one processor: unbiased utilisations (UUniFast, Bini and Buttazzo 2005), periods log-uniform
from 1 to 100 ms. Its work is scaled to the most of which every claim is still admitted, in steps of 2 % of the processor. Then it runs as guests' threads, as native threads
(SCHED_FIFO in rate-monotonic order; with --exclusive SCHED_DEADLINE) and simulated, each set's runs one after the other. The seed is printed.
"""
import argparse
import contextlib
import json
import math
import os
import random

import benchlib as lib

TASKS = 5
VMS = 2
MOST = 0.86  # of the processor; admission allows less
STEP = 0.02
# What a VM is given for a task beside its work: this part of it, and 50 us for each job; and not less than what counts (docs/abi.md, section 6).
MARGIN = 0.02
JOB_MS = 0.05
LEAST_MS = 0.03


def draw(rng):
    """[(VM, period in ms, part of the set's utilisation)]"""
    parts, left = [], 1.0
    for i in range(TASKS - 1):
        rest = left * rng.random() ** (1 / (TASKS - 1 - i))
        parts.append(left - rest)
        left = rest
    parts.append(left)
    return [(i % VMS, round(math.exp(rng.uniform(math.log(1), math.log(100))), 1), part) for i, part in enumerate(parts)]


def tasks_at(drawn, utilisation):
    """[(VM, name, period in ms, work in ms)], work in whole microseconds and at least 10."""
    return [(vm, f"t{i}", period, max(round(part * utilisation * period * 1000), 10) / 1000) for i, (vm, period, part) in enumerate(drawn)]


def write_vms(tasks, processor):
    vms = []
    for vm in range(VMS):
        own = [t for t in tasks if t[0] == vm]
        words = " ".join(f"thread={name}:deadline:{period}ms:{work}ms" for _, name, period, work in own)
        vms.append(lib.vm(f"vm{vm}", "load", cmdline=words + " thread=own:fair", bandwidth=reserved(own) + 0.0001) + f"vcpus = {len(own)}\n")
    return lib.write_config("sets", processor, vms)


def reserved(tasks):
    return sum((max(work * (1 + MARGIN), LEAST_MS) + JOB_MS) / period for _, _, period, work in tasks)


def refusals(summary):
    """How many claims were refused, by what the guests say."""
    said = [line for line in summary["console"].splitlines() if ", admitted" in line or ", refused" in line]
    if len(said) != TASKS:
        raise SystemExit(f"{len(said)} answers to {TASKS} claims:\n{summary['console']}")
    return sum(", refused" in line for line in said)


def admitted(tasks, processor):
    """Whether every claim is."""
    # Of a configuration that reserves more, nothing starts.
    return reserved(tasks) < 0.849 and refusals(lib.run_candor(write_vms(tasks, processor), "aware", 0.1)) == 0


def most_admitted(drawn, processor):
    """The set with the most work of which all is admitted, in steps."""
    low, high = 1, round(MOST / STEP)  # STEP is taken to be admitted, MOST not to be
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if admitted(tasks_at(drawn, middle * STEP), processor) else (low, middle)
    return tasks_at(drawn, low * STEP)


def simulated(tasks, seconds):
    """Misses of the same set in the simulator's composite scheduler, and claims that it refuses."""
    lines = ['name = "sets"', f'duration = "{round(seconds * 1000)}ms"', 'policies = ["composite"]']
    for vm in range(VMS):
        lines += ["[[vm]]", f'name = "vm{vm}"']
        for _, name, period, work in (t for t in tasks if t[0] == vm):
            lines += ["[[vm.thread]]", f'name = "{name}"', 'class = "deadline"', f'period = "{round(period * 1000)}us"', f'work = "{round(work * 1000)}us"']
        lines += ["[[vm.thread]]", f'name = "own{vm}"']
    path, found = os.path.join(lib.RESULTS, "sets-sim.toml"), os.path.join(lib.RESULTS, "sets-sim.json")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    if not lib.output(lib.CANDOR, "sim", path, "--json", found):
        raise SystemExit(f"candor sim {path} failed")
    with open(found, encoding="utf-8") as file:
        return sum(s["misses"] + s["refused"] for p in json.load(file)["points"] for s in p["sets"])


def realtime(summary):
    return [t for g in summary["guests"] for t in g["threads"] if t["class"] in ("deadline", "fixed")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=5, help="of each run")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processor", type=int, default=lib.last_processor())
    parser.add_argument("--exclusive", action="store_true", help="take the processor out of load balancing meanwhile, so that SCHED_DEADLINE can be had")
    options = parser.parse_args()
    with lib.exclusive(options.processor) if options.exclusive else contextlib.nullcontext():
        compare(options)


def compare(options):
    known = lib.facts()
    lib.print_facts(known)
    print(f"seed {options.seed}")
    rng, rows, data = random.Random(options.seed), [["set: periods, ms", "work", "reserved", "jobs", "native missed", "aware missed", "simulated"]], []
    policy = ""
    for number in range(options.sets):
        tasks = most_admitted(draw(rng), options.processor)
        threads = [(name, period, work) for _, name, period, work in tasks] + [(f"own{vm}", None, None) for vm in range(VMS)]
        runs = {"control": lambda: lib.run_control(options.processor, options.seconds, threads, deadline=options.exclusive),
                "aware": lambda: lib.run_candor(write_vms(tasks, options.processor), "aware", options.seconds)}
        own = {mode: runs[mode]() for mode in (sorted(runs) if number % 2 else sorted(runs, reverse=True))}
        policy = own["control"].get("policy", policy)
        missed = {mode: sum(t["deadline_misses"] for t in realtime(summary)) for mode, summary in own.items()}
        jobs = {mode: sum(t["jobs"] + t["skipped"] for t in realtime(summary)) for mode, summary in own.items()}
        found = {"tasks": tasks, "work": sum(work / period for _, _, period, work in tasks), "missed": missed, "jobs": jobs,
                 "refused": refusals(own["aware"]), "simulated": simulated(tasks, options.seconds)}
        data.append(found)
        rows.append([f"{number + 1}: " + ", ".join(f"{t[2]:g}" for t in tasks), f"{100 * found['work']:.1f} %", f"{100 * reserved(tasks):.1f} %", str(jobs["aware"]), str(missed["control"]), str(missed["aware"]), str(found["simulated"])])
    print()
    lib.print_table(rows)
    print(f"the control's policy: {policy}; {options.seconds:g} s each\n")
    verdicts = lib.Verdicts()
    verdicts.check(all(f["refused"] == 0 for f in data), "every claim was admitted, and its thread ran to the end")
    verdicts.check(all(abs(f["jobs"]["aware"] - f["jobs"]["control"]) <= 2 * TASKS for f in data), "as many jobs as the control")
    verdicts.no_more_misses("", *([f["missed"][m] for f in data] for m in ("aware", "control")))
    verdicts.check(sum(f["simulated"] for f in data) == 0, f"simulated, misses and refusals of the same sets: {sum(f['simulated'] for f in data)}")
    verdicts.finish("sets", known, {"seed": options.seed, "policy": policy, "sets": data})


if __name__ == "__main__":
    main()
