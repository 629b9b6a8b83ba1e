"""What a running candor consists of, seen from outside."""
import os
import re
import subprocess
import time

import benchlib as lib


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="utf-8") as file:
                found += [int(word) for word in file.read().split()]
    except OSError:  # it has just ended
        pass
    return found


class Running:
    """A candor that runs for `seconds`, as a context."""

    def __init__(self, config, mode, seconds):
        self.summary = os.path.join(lib.RESULTS, "summary.json")
        self.command = lib.command(config, mode, seconds, self.summary)

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, *exception):
        if exception[0] is not None:
            self.process.terminate()
        self.console, _ = self.process.communicate()

    def kinds(self):
        """Process ids by kind: the launcher, the scheduler (a child without children), VM processes, tenders."""
        kinds = {"launcher": [self.process.pid], "scheduler": [], "vm": [], "tender": []}
        for child in children(self.process.pid):
            tenders = children(child)
            kinds["vm" if tenders else "scheduler"].append(child)
            kinds["tender"] += tenders
        return kinds

    def wait_for(self, vms, limit=20):
        end = time.monotonic() + limit
        while len(self.kinds()["tender"]) < vms:
            if self.process.poll() is not None or time.monotonic() > end:
                raise lib.Refused(f"only {len(self.kinds()['tender'])} of {vms} VMs came up")
            time.sleep(0.05)


def cpu_ns(pids):
    """Processor time of all threads of these processes so far."""
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="utf-8") as file:
                total += int(file.read().split()[0])
    return total


def pss_kib(pid):
    """(proportional set size, the part of it that is guest RAM), in KiB."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="utf-8") as file:
        total = int(re.search(r"^Pss:\s+(\d+)", file.read(), re.MULTILINE).group(1))
    ram, in_ram = 0, False
    with open(f"/proc/{pid}/smaps", encoding="utf-8") as file:
        for line in file:
            if re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                in_ram = "memfd:candor-ram" in line
            elif in_ram and line.startswith("Pss:"):
                ram += int(line.split()[1])
    return total, ram
