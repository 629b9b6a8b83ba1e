#!/usr/bin/env python3
"""Time from the start of a VM's creation to the first instruction of its application, alone and ten at once."""
import argparse

import benchlib as lib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    parser.add_argument("--mode", default="aware")
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    verdicts, data = lib.Verdicts(), {}
    for vms, runs in ((1, options.runs), (10, max(options.runs // 5, 1))):
        config = lib.write_config("start", f"0-{lib.last_processor()}" if known["cpus"] > 1 else 0,
                                  [lib.vm(f"idle{i}", "idle") for i in range(vms)])
        times = []
        try:
            for _ in range(runs):
                times += [g["start_us"] for g in lib.run_candor(config, options.mode, 0.2)["guests"]]
        except lib.Refused as reason:
            verdicts.check(False, str(reason))
            break
        times.sort()
        data[f"{vms}_at_once"] = times
        verdicts.check(times[0] > 0, f"{vms} at once: every guest of {len(times)} reached its main: median "
                                     f"{lib.median(times):.0f} us, worst {times[-1]:.0f} us")
    verdicts.finish("start", known, data)


if __name__ == "__main__":
    main()
