#!/usr/bin/env python3
"""Days of the real .gov zone, one after another, through `zone import --diff`: each becomes a version with a higher serial
and the file's content, only what changed is signed anew, and three verifiers accept the last one. The day on which the
publisher's export failed is refused and changes nothing, and so is a file that lost most of its delegations.

Argument: how many days of the 60 (default 5).
"""
import lzma
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets, zones  # noqa: E402
from support.lab import Checks, Lab, need, program  # noqa: E402
from support.servers import Serve  # noqa: E402

days = int(sys.argv[1]) if len(sys.argv) > 1 else 5
need("ldns-verify-zone", "dnssec-verify", "kzonecheck")
checks = Checks()


def signatures_of(path):
    """(owner, type covered): the signatures, as text."""
    found = {}
    for owner, _, kind, data in zones.records(path):
        if kind == "RRSIG":
            found.setdefault((owner, data.split(None, 1)[0]), set()).add(data)
    return found


with Lab() as lab:
    folder = zones.shared("zones/gov-history")
    base = next(folder.glob("base-*.zone.xz"))
    today = lab.folder / "gov.zone"
    lines = {line: True for line in lzma.open(base, "rt").read().splitlines() if line and not line.startswith(";")}
    today.write_text("\n".join(lines) + "\n")
    serve = Serve(lab).start()
    client = serve.client()

    def take(*more):
        status, out, err = serve.onoma("zone", "import", today, "--zone", "gov", *more, timeout_s=300)
        if status == 0:
            serve.settle("gov")
        return status, out + err

    def export(name):
        status, out, err = serve.onoma("zone", "export", "gov", "--output", lab.folder / name)
        checks.equal(status, 0, f"export: {out}{err}")
        return lab.folder / name

    status, text = take("--opt-out")
    checks.equal(status, 0, f"the first day is imported: {text if status else ''}")
    before = export("before.zone")
    checks.equal(zones.content(before), zones.content(today), "the first day is published as it is")
    serial = client.serial("gov")
    for diff in sorted(folder.glob("[0-9]*.diff.xz"))[:days]:
        changes = [line for line in lzma.open(diff, "rt").read().splitlines()
                   if line[:1] in "+-" and line[:3] not in ("+++", "---") and line[1:2] != ";"]
        for line in changes:
            if line[0] == "-":
                lines.pop(line[1:])
        for line in changes:
            if line[0] == "+":
                lines[line[1:]] = True
        today.write_text("\n".join(lines) + "\n")
        status, text = take("--diff")
        if not checks.equal(status, 0, f"{diff.name} is taken: {text if status else ''}"):
            break
        after = export("after.zone")
        got, expected = zones.content(after), zones.content(today)
        checks.that(got == expected, f"after {diff.name} the zone is the file's", sorted(got ^ expected)[:5])
        newer = client.serial("gov")
        checks.that(newer > serial, f"after {diff.name} the serial is higher", (newer, serial))
        serial = newer
        old, new = signatures_of(before), signatures_of(after)
        anew = [key for key in new if key in old and new[key] != old[key]]
        # The SOA, and at most the denial neighbours and sets of what changed.
        checks.that(len(anew) <= 4 * len(changes), f"after {diff.name} little is signed anew: {len(anew)} sets for {len(changes)} lines")
        os.replace(after, before)

    for command in (["ldns-verify-zone", "-V", "1", before], ["dnssec-verify", "-o", "gov", before],
                    [program(), "zone", "verify", before, "--zone", "gov"]):
        status, out, err = lab.run(command)
        checks.that(status == 0, f"{os.path.basename(command[0])} accepts the last day", (out + err)[-800:])

    # Some days name servers without address inside .gov; that is as found.
    findings = [sorted(line for line in "".join(lab.run(["kzonecheck", "-d", mode, "-o", "gov.", file])[1:]).splitlines() if "[" in line)
                for mode, file in (("on", before), ("off", today))]
    checks.that(findings[0] == findings[1], "kzonecheck finds nothing in the last day that the file does not have", findings)

    good = today.read_text()
    for what, bad in (("the failed publication", (folder / "bad-publication-2026-07-27.txt").read_text()),
                      ("an empty file", ""), ("a third of the zone", "\n".join(good.splitlines()[:len(good.splitlines()) // 3]) + "\n")):
        today.write_text(bad)
        status, text = take("--diff")
        checks.that(status == 3, f"{what} is refused with status 3", (status, text))
    checks.equal(client.serial("gov"), serial, "and the zone stays as it is")
    checks.equal(client.ask("cisa.gov", "NS")[0] & 15, 0, "and answers")
    checks.equal(len(packets.parse(client.raw("gov", "NS"))[2][0]), 4, "with its own name servers")
    checks.equal(serve.stop(), 0, "SIGTERM ends it with status 0")
sys.exit(checks.finish())
