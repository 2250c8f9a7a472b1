#!/usr/bin/env python3
"""The signed root zone, served by `onoma authority` and by NSD: every owner name with seven types and names that do not
exist get the same answers, with DO and without."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from compare import ROOM, compare, questions  # noqa: E402
from support import zones  # noqa: E402
from support.lab import Checks, Lab, need  # noqa: E402
from support.servers import Authority, Nsd  # noqa: E402

need("nsd")
checks = Checks()
with Lab() as lab:
    zone = zones.unpack("zones/root-2020-10-19.zone.xz", lab.folder / "root.zone")
    onoma = Authority(lab, {".": zone})
    nsd = Nsd(lab, {".": zone})
    owners = zones.owners(zone)
    asked = questions(".", owners, 20_000)
    print(f"{len(owners)} owner names")
    for dnssec in (True, False):
        _, rcodes = compare(checks, onoma.address, nsd.address, asked, [ROOM], dnssec, f"root, DO={int(dnssec)}")
        checks.that(rcodes[3] >= 10_000, "most of the names that should not exist do not", rcodes)
    checks.equal(onoma.process.stop(), 0, "onoma authority ends with status 0 on SIGTERM")
sys.exit(checks.finish())
