#!/usr/bin/env python3
"""The real .gov zone: imported into `onoma serve`, signed, served, exported; NSD loads the export, and both give the same
answers: every owner name with seven types and 20,000 names that do not exist, with DO and without.

Also: nothing was lost or made up on the way (the export holds the records of the file and DNSSEC's own, nothing else).
Argument: nsec, nsec3 or opt-out, the denial of existence; opt-out by default.
"""
import collections
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from compare import ROOM, compare, questions  # noqa: E402
from support import zones  # noqa: E402
from support.lab import Checks, Lab, need  # noqa: E402
from support.servers import Nsd, Serve  # noqa: E402

need("nsd", "nsd-checkzone")
checks = Checks()
denial = sys.argv[1] if len(sys.argv) > 1 else "opt-out"
with Lab() as lab:
    original = zones.unpack("zones/gov-2026-08-22.zone.xz", lab.folder / "gov.zone")
    serve = Serve(lab).start()
    begun = time.monotonic()
    status, out, err = serve.onoma("zone", "import", original, "--zone", "gov", f"--{denial}", timeout_s=300)
    checks.equal((status, err if status else ""), (0, ""), "the import succeeds")
    print(f"imported in {time.monotonic() - begun:.1f} s\n{out}{err}"[:3000])
    serve.settle("gov")

    exported = lab.folder / "export.zone"
    status, out, err = serve.onoma("zone", "export", "gov", "--output", exported)
    if checks.equal((status, err), (0, ""), "the export succeeds"):
        before, after = zones.content(original), zones.content(exported)
        checks.that(not before - after, "the export has every record of the file", sorted(before - after)[:5])
        checks.that(not after - before, "the export has no other record than DNSSEC's", sorted(after - before)[:5])
        kinds = collections.Counter(kind for _, _, kind, _ in zones.records(exported))
        checks.that(kinds["NSEC" if denial == "nsec" else "NSEC3"] > (2000 if denial == "opt-out" else 16000) and
                    not kinds["NSEC3" if denial == "nsec" else "NSEC"], f"the zone is signed with {denial}", kinds)
        checks.that(denial != "opt-out" or kinds["NSEC3"] < 5000, "opt-out leaves out insecure delegations", kinds)
        status, out, err = lab.run(["nsd-checkzone", "gov", exported])
        checks.equal(status, 0, f"nsd-checkzone accepts the export: {out}{err}")
        nsd = Nsd(lab, {"gov": exported})
        serial = serve.client().serial("gov")
        owners = zones.owners(exported)
        asked = questions("gov", owners, 20_000)
        print(f"{len(owners)} owner names")
        for dnssec in (True, False):
            _, rcodes = compare(checks, serve.dns, nsd.address, asked, [ROOM], dnssec, f".gov, DO={int(dnssec)}")
            checks.that(rcodes[3] >= 10_000, "most of the names that should not exist do not", rcodes)
        checks.equal(serve.client().serial("gov"), serial, "the zone did not change meanwhile")
    checks.equal(serve.stop(), 0, "onoma serve ends with status 0 on SIGTERM")
sys.exit(checks.finish())
