#!/usr/bin/env python3
"""Delegations a second of `onoma zone import` into a fresh registry, until the signed zone is visible: for the real .gov
zone and for an artificial one.

  import.py [--delegations 300000]
"""
import argparse
import json
import time

import artificial
from common import save, table
from support import zones
from support.lab import Lab
from support.servers import Serve


def measure(name, tld, path):
    with Lab() as lab:
        path = path(lab.folder)
        with open(path, encoding="latin-1") as lines:
            delegations = len({line.split()[0] for line in lines if "\tNS\t" in line or " NS " in line}) - 1
        serve = Serve(lab).start()
        begun = time.monotonic()
        status, out, err = serve.onoma("--json", "zone", "import", path, "--zone", tld, timeout_s=3600)
        if status != 0:
            raise SystemExit(f"{name}: {out}{err}")
        imported = json.loads(out)["registered_seconds"]
        rest = serve.rest()
        serve.settle(tld, 600)
        visible = time.monotonic() - begun
        zone = rest.get("/v1/zones").json["items"][0]
        serve.stop()
    return {"zone": name, "delegations": delegations, "import_s": round(imported, 2), "visible_s": round(visible, 2),
            "delegations_per_s": round(delegations / imported), "visible_per_s": round(delegations / visible),
            "served": zone.get("delegations"), "signatures": zone.get("signatures")}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delegations", type=int, default=300_000)
    given = parser.parse_args()

    rows = [measure(".gov", "gov", lambda folder: zones.unpack("zones/gov-2026-08-22.zone.xz", folder / "gov.zone")),
            measure("artificial", artificial.NAME, lambda _: artificial.Zone(given.delegations).file)]
    save("import", {"runs": rows},
         table(["zone", "delegations", "registered in s", "delegations/s", "visible after s", "delegations/s", "signatures"],
               [[row["zone"], row["delegations"], row["import_s"], row["delegations_per_s"], row["visible_s"],
                 row["visible_per_s"], row["signatures"]] for row in rows]))


if __name__ == "__main__":
    main()
