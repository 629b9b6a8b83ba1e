#!/usr/bin/env python3
"""Nanoseconds for a guest to publish a job, and a dispatch with so many ready threads."""
import re

LIMIT_NS = 50

import benchlib as lib


def main():
    known = lib.facts()
    lib.print_facts(known)
    config = lib.write_config("publish", lib.last_processor(), [lib.vm("publish", "bench_publish")])
    console = lib.run_candor(config, "unaware", 10)["console"]
    job = int(re.search(r"publish job_ps=(\d+)", console).group(1)) / 1000
    dispatch = {int(ready): int(ps) / 1000 for ready, ps in re.findall(r"publish ready=(\d+) ps=(\d+)", console)}
    print(f"a job line: {job:.1f} ns")
    for ready, ns in dispatch.items():
        print(f"a dispatch with {ready} ready threads: {ns:.1f} ns")
    verdicts = lib.Verdicts()
    verdicts.check(len(dispatch) == 3, "every figure was measured")
    for ready, ns in dispatch.items():
        verdicts.check(0 < ns <= LIMIT_NS, f"{ready} ready threads: {ns:.1f} ns (at most {LIMIT_NS})")
    verdicts.finish("publish", known, {"job_ns": job, "dispatch_ns": dispatch})


if __name__ == "__main__":
    main()
