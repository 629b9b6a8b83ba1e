#!/usr/bin/env python3
"""Nanoseconds that publishing adds to a dispatch with so many ready threads, and to the start of a job.

The same guest dispatches as an aware one and, as the control, as one that does not publish, in turns; the shortest of
many samples counts for each."""
import re

import benchlib as lib

LIMIT_NS = 50
ROUNDS = 5


def figures(mode, config):
    console = lib.run_candor(config, mode, 20)["console"]
    dispatch = {int(ready): (int(published), int(ps) / 1000)
                for ready, published, ps in re.findall(r"publish ready=(\d+) published=(\d+) ps=(\d+)", console)}
    return dispatch, int(re.search(r"publish job_ps=(\d+)", console).group(1)) / 1000


def main():
    known = lib.facts()
    lib.print_facts(known)
    config = lib.write_config("publish", lib.last_processor(), [lib.vm("publish", "bench_publish")])
    dispatch, job, published = {}, {}, {}
    for _ in range(ROUNDS):
        for mode in ("unaware", "aware"):
            measured, job_ns = figures(mode, config)
            job[mode] = min(job_ns, job.get(mode, job_ns))
            for ready, (count, ns) in measured.items():
                published[mode, ready] = count
                dispatch[mode, ready] = min(ns, dispatch.get((mode, ready), ns))
    counts = sorted({ready for _, ready in dispatch})
    lib.print_table([["ns for a dispatch with so many ready threads", "unaware", "aware", "publishing"]] + [
        [str(ready), *(f"{dispatch[mode, ready]:.1f}" for mode in ("unaware", "aware")),
         f"{dispatch['aware', ready] - dispatch['unaware', ready]:.1f}"] for ready in counts])
    print(f"a job line: {job['aware']:.1f} ns")
    verdicts = lib.Verdicts()
    verdicts.check(len(counts) == 4 and all(published["aware", ready] == ready for ready in counts), "every ready thread was published")
    verdicts.check(all(published["unaware", ready] == 0 for ready in counts), "the control published nothing")
    for ready in counts:
        cost = dispatch["aware", ready] - dispatch["unaware", ready]
        verdicts.check(cost <= LIMIT_NS, f"{ready} ready threads: publishing costs {cost:.1f} ns a dispatch (at most {LIMIT_NS})")
    verdicts.check(0 < job["aware"] <= LIMIT_NS, f"a job line: {job['aware']:.1f} ns (at most {LIMIT_NS})")
    verdicts.finish("publish", known, {"dispatch_ns": {f"{mode} {ready}": ns for (mode, ready), ns in dispatch.items()}, "job_ns": job})


if __name__ == "__main__":
    main()
