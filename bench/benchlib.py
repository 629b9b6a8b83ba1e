"""What the benchmarks share: running candor and the control, machine facts, verdicts."""
import contextlib
import ctypes
import datetime
import json
import os
import platform
import random
import re
import statistics
import struct
import subprocess
import sys

ROOT = os.path.abspath(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
BUILD = os.path.join(ROOT, "build", "release")
RESULTS = os.path.join(ROOT, "build", "bench")
CANDOR = os.path.join(BUILD, "candor")
# What an emulated machine begins with; its first serial port is our standard output.
MACHINE = ["qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-m", "32M", "-display", "none", "-nodefaults", "-no-reboot",
           "-serial", "stdio"]


class Refused(Exception):
    """This host cannot do it; the text says why."""


def guest(name):
    return os.path.join(BUILD, "guests", name)


# ------------------------------------------------------------------- facts

def first_line(path, default=""):
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().strip()
    except OSError:
        return default


def output(*command):
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    return result.stdout.strip() if result.returncode == 0 else ""


def timer_frequency():
    """CONFIG_HZ, where the kernel tells."""
    config = output("zgrep", "^CONFIG_HZ=", "/proc/config.gz") or output("grep", "^CONFIG_HZ=", f"/boot/config-{platform.release()}")
    return config.partition("=")[2] or "unknown"


def preemption():
    """The mode in brackets of "none voluntary (full)", else what the kernel's version says."""
    chosen = re.search(r"\((\w+)\)", first_line("/sys/kernel/debug/sched/preempt"))
    return chosen.group(1) if chosen else " ".join(re.findall(r"PREEMPT\w*", platform.version())) or "none"


def facts():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        cpuinfo = file.read()
    model = re.search(r"^model name\s*: (.*)$", cpuinfo, re.MULTILINE)
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output("git", "describe", "--always", "--dirty"),
        "kernel": platform.release(),
        "preempt": preemption(),
        "hz": timer_frequency(),
        "cpu": model.group(1) if model else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
        "virtual": " hypervisor" in cpuinfo,
        "clocksource": first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource"),
        "load_before": round(os.getloadavg()[0], 2),
        "root": os.geteuid() == 0,
    }


def print_facts(known):
    where = "a virtual machine" if known["virtual"] else "hardware"
    print(f"{known['cpu']}, {known['cpus']} processors, {where}; Linux {known['kernel']}, preempt {known['preempt']}, "
          f"HZ {known['hz']}; load before: {known['load_before']}")
    if known["load_before"] > 0.3 * known["cpus"]:
        print("NOTE: this machine is busy with something else; tails will be long for control and guests alike")


def no_counter_of_instructions():
    """Why the processor's counter of instructions cannot be had; "" if it can."""
    perf_event_open = 298  # on x86-64
    # perf_event_attr: PERF_TYPE_HARDWARE, its size, PERF_COUNT_HW_INSTRUCTIONS
    attributes = struct.pack("<IIQ", 0, 112, 1).ljust(112, b"\0")
    libc = ctypes.CDLL(None, use_errno=True)
    counter = libc.syscall(perf_event_open, ctypes.create_string_buffer(attributes, 112), 0, -1, -1, 0)
    if counter < 0:
        return f"perf_event_open: {os.strerror(ctypes.get_errno())}"
    os.close(counter)
    return ""


# ---------------------------------------------------------------- programs

def last_processor():
    """Not the first, where most machines have their interrupts."""
    return max(os.sched_getaffinity(0))


def vm(name, image, memory="4MiB", cmdline="", bandwidth=None, vcpus=1, server_ms=10, priority=50, weight=None):
    """`server_ms` and `priority` are what an administrator sets for the modes static-dl and static-rt."""
    lines = ["[[vm]]", f'name = "{name}"', f'image = "{guest(image)}"', f'memory = "{memory}"', f'cmdline = "{cmdline}"',
             f"vcpus = {vcpus}"]
    if weight is not None:
        lines.append(f"weight = {weight}")
    if bandwidth is not None:
        lines += ["[vm.realtime]", f"bandwidth = {bandwidth:.4f}", f'period = "{server_ms}ms"', f"max_priority = {priority}"]
    return "\n".join(lines) + "\n"


def write_config(name, processors, vms, host=""):
    """`host`: further lines of [host]."""
    os.makedirs(RESULTS, exist_ok=True)
    path = os.path.join(RESULTS, f"{name}.toml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f'[host]\ncpus = "{processors}"\n{host}\n' + "\n".join(vms))
    return path


def command(config, mode, seconds, summary, processor=None):
    """With a processor, all of Candor is confined to it, so that what it costs is missing there and nowhere else."""
    confined = ["taskset", "--cpu-list", str(processor)] if processor is not None else []
    return confined + [CANDOR, "run", config, "--mode", mode, "--duration", f"{round(seconds * 1000)}ms", "--summary-json", summary]


def run_candor(config, mode, seconds, processor=None):
    """The summary of a run in which every guest ended in order."""
    os.makedirs(RESULTS, exist_ok=True)
    summary = os.path.join(RESULTS, "summary.json")
    result = subprocess.run(command(config, mode, seconds, summary, processor), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    said = (result.stderr.strip().splitlines() or ["no reason given"])[0]
    if result.returncode == 3:
        raise Refused(said)
    if result.returncode != 0:
        sys.exit(f"candor run --mode {mode} ended with status {result.returncode}:\n{result.stdout}{result.stderr}")
    with open(summary, encoding="utf-8") as file:
        return dict(json.load(file), console=result.stdout)


def run_control(processor, seconds, threads, deadline=False):
    """`threads`: (guest, period in ms or None, work in ms)."""
    words = [name if period is None else f"{name}:{round(period * 1000)}:{round(work * 1000)}" for name, period, work in threads]
    options = ["--processor", str(processor), "--seconds", str(seconds)] + (["--deadline"] if deadline else [])
    result = subprocess.run([os.path.join(BUILD, "bench", "native_control"), *options, *words],
                            capture_output=True, text=True, check=False)
    if result.returncode == 3:
        raise Refused(result.stderr.strip())
    if result.returncode != 0:
        sys.exit(f"native_control ended with status {result.returncode}: {result.stderr}")
    return json.loads(result.stdout)


def in_turns(rounds, kinds, run):
    """Calls run(kind, round number) for each of `kinds` in each round, interleaved so that a disturbance of the machine
    meets all alike; none is always the first. What they gave, by kind; and why this host refused others."""
    given, refused = {}, {}
    for number in range(rounds):
        first = number % len(kinds)
        for kind in (*kinds[first:], *kinds[:first]):
            if kind in refused:
                continue
            try:
                given.setdefault(kind, []).append(run(kind, number + 1))
            except Refused as reason:
                refused[kind] = str(reason)
    return {kind: own for kind, own in given.items() if own}, refused


# ------------------------------------------------------------------ cpuset

CPUSET_V1 = "/sys/fs/cgroup/cpuset"
CPUSET_V2 = "/sys/fs/cgroup"


@contextlib.contextmanager
def exclusive(processor):
    """Within, this process and its children have `processor` to themselves, in a cpuset that no load balancing crosses:
    where SCHED_DEADLINE permits threads that are pinned to one processor. All is as before afterwards, but other
    processes may be moved to other processors by the kernel meanwhile. Exits where this host or the user cannot."""
    v1 = os.path.isdir(CPUSET_V1)
    root = CPUSET_V1 if v1 else CPUSET_V2
    own = os.path.join(root, f"candor-bench-{os.getpid()}")
    processes, prefix = os.path.join(root, "cgroup.procs"), "cpuset."
    undo = contextlib.ExitStack()

    def write(path, value):
        with open(path, "w", encoding="utf-8") as file:
            file.write(str(value))

    def change(path, value):
        undo.callback(write, path, first_line(path))
        write(path, value)

    with undo:
        try:
            if not v1 and "cpuset" not in first_line(os.path.join(root, "cgroup.subtree_control")).split():
                undo.callback(write, os.path.join(root, "cgroup.subtree_control"), "-cpuset")
                write(os.path.join(root, "cgroup.subtree_control"), "+cpuset")
            os.mkdir(own)
            undo.callback(os.rmdir, own)
            write(os.path.join(own, prefix + "cpus"), processor)
            if v1:
                write(os.path.join(own, prefix + "mems"), first_line(os.path.join(root, prefix + "mems")))
                write(os.path.join(own, prefix + "cpu_exclusive"), 1)
                change(os.path.join(root, prefix + "sched_load_balance"), 0)
            else:
                write(os.path.join(own, prefix + "cpus.partition"), "root")
                state = first_line(os.path.join(own, prefix + "cpus.partition"))
                if state != "root":
                    raise OSError(f"the partition is '{state}'")
            undo.callback(write, processes, os.getpid())
            write(os.path.join(own, "cgroup.procs"), os.getpid())
        except OSError as reason:
            sys.exit(f"--exclusive: cannot make a cpuset of its own for processor {processor}: {reason}; it needs root and cgroups that are not read-only")
        yield


# ----------------------------------------------------------------- reports

median = statistics.median


def realtime_thread(summary, name):
    """The one thread of guest `name` that has jobs to do."""
    threads = next(g["threads"] for g in summary["guests"] if g["name"] == name)
    return next(t for t in threads if t["class"] in ("deadline", "fixed"))


def batch_units(summary):
    return sum(t["work_units"] for g in summary["guests"] for t in g["threads"] if t["class"] not in ("deadline", "fixed"))


def print_table(rows):
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


CHANCE = 0.05
TRIALS = 20_000


def chance_of_more(values, others):
    """How likely a sum as far above the other would come about if it were chance alone which of a round's two values is
    whose: the sign-flip test of paired values. By drawing, from a fixed seed, so that the same values give the same answer."""
    differences = [a - b for a, b in zip(values, others) if a != b]
    found, rng = sum(differences), random.Random(1)
    return sum(sum(d if rng.random() < 0.5 else -d for d in differences) >= found for _ in range(TRIALS)) / TRIALS


class Verdicts:
    def __init__(self):
        self.lines = []

    def check(self, passed, text):
        self.lines.append({"passed": bool(passed), "text": text})
        print(f"{'PASS' if passed else 'FAIL'}  {text}")

    def no_more_misses(self, what, aware, control):
        """Of two lists with the misses of each round: in the middle no more, and in all no more than chance
        explains. A machine that others use takes the processor away for milliseconds, now in this run and now in that one."""
        chance = chance_of_more(aware, control)
        told = lambda values: f"{median(values):g} a round, {sum(values)} in all, in {sum(v > 0 for v in values)} of {len(values)}"
        self.check(median(aware) <= median(control) and chance >= CHANCE,
                   f"{what}aware missed {told(aware)}; the control {told(control)} (no more, beyond chance: {chance:.2f}, at least {CHANCE})")

    def finish(self, name, known, data):
        """Saves all and ends the program."""
        os.makedirs(RESULTS, exist_ok=True)
        stamp = known["date"][:19].replace(":", "").replace("-", "")
        path = os.path.join(RESULTS, f"{name}-{stamp}.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"benchmark": name, "facts": known, "verdicts": self.lines, "data": data}, file, indent=1)
        print(f"saved: {os.path.relpath(path, ROOT)}")
        sys.exit(0 if all(line["passed"] for line in self.lines) else 1)
