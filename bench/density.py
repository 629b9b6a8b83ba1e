#!/usr/bin/env python3
"""Memory of a mostly idle VM besides its RAM: mean of 50, in proportional set size of VM process and tender."""
import argparse
import time

import benchlib as lib
from processes import Running, pss_kib


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vms", type=int, default=50)
    parser.add_argument("--mode", default="aware")
    options = parser.parse_args()
    known = lib.facts()
    lib.print_facts(known)
    config = lib.write_config("density", lib.last_processor(), [lib.vm(f"idle{i}", "idle", memory="16MiB") for i in range(options.vms)])
    verdicts, data = lib.Verdicts(), {}
    try:
        with Running(config, options.mode, 10) as running:
            running.wait_for(options.vms)
            time.sleep(3)
            kinds = running.kinds()
            sizes = {kind: [pss_kib(pid) for pid in pids] for kind, pids in kinds.items()}
    except lib.Refused as reason:
        verdicts.check(False, str(reason))
        verdicts.finish("density", known, data)
    besides = sum(total - ram for kind in ("vm", "tender") for total, ram in sizes[kind]) / options.vms
    ram = sum(ram for kind in ("vm", "tender") for _, ram in sizes[kind]) / options.vms
    for kind, values in sizes.items():
        mean = sum(total - in_ram for total, in_ram in values) / max(len(values), 1)
        data[kind] = {"processes": len(values), "mean_kib_besides_ram": mean}
        print(f"{kind}: {len(values)} processes, {mean:.0f} KiB each besides guest RAM")
    print(f"guest RAM touched: {ram:.0f} KiB a VM")
    data["ram_kib"], data["besides_kib"] = ram, besides
    verdicts.check(ram > 0, "guest RAM was recognized among the mappings")
    verdicts.check(besides <= 1536, f"{besides:.0f} KiB a VM besides its RAM (at most 1536)")
    verdicts.finish("density", known, data)


if __name__ == "__main__":
    main()
