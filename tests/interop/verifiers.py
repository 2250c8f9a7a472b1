#!/usr/bin/env python3
"""The signed .gov zone, judged by others: ldns-verify-zone, dnssec-verify and kzonecheck accept what `onoma serve` exports
and what `onoma zone sign` writes with NSEC, NSEC3 and opt-out; delv validates positive and negative answers of the
running server from its keys. The gate's own view, `onoma zone verify`, must agree.
"""
import base64
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets, zones  # noqa: E402
from support.lab import Checks, Lab, need, program  # noqa: E402
from support.servers import Authority, Serve  # noqa: E402

need("ldns-verify-zone", "dnssec-verify", "kzonecheck", "delv")
checks = Checks()


def judge(lab, file, what):
    for command in (["ldns-verify-zone", "-V", "1", file], ["dnssec-verify", "-o", "gov", file],
                    ["kzonecheck", "-d", "on", "-o", "gov.", file], [program(), "zone", "verify", file, "--zone", "gov"]):
        status, out, err = lab.run(command, timeout_s=300)
        checks.that(status == 0, f"{os.path.basename(command[0])} accepts {what}", (out + err)[-1500:])


def delv(lab, address, anchors, name, kind):
    host, _, port = address.rpartition(":")
    status, out, err = lab.run(["delv", f"@{host}", "-p", port, "-a", anchors, "+root=gov", "+nocrypto", name, kind])
    return status, out + err


def validate(lab, address, file, what):
    """Asks delv for one answer of every kind."""
    keys = packets.Client(address).answers("gov", "DNSKEY", dnssec=True)
    seps = [key for key in keys if key[0] << 8 | key[1] == 257]
    if not checks.that(seps, f"{what}: there is a key for a trust anchor", keys):
        return
    anchors = lab.folder / f"anchors-{what.split()[0]}.conf"
    anchors.write_text("trust-anchors {\n" + "".join(
        f'  gov. static-key 257 3 {key[3]} "{base64.b64encode(key[4:]).decode()}";\n' for key in seps) + "};\n")
    kinds = {}
    for owner, _, kind, _ in zones.records(file):
        kinds.setdefault(owner, set()).add(kind)
    secure = [owner for owner, of in kinds.items() if "DS" in of][:3]
    insecure = [owner for owner, of in kinds.items() if "NS" in of and "DS" not in of and owner != "gov."][:3]
    for name, kind in [("gov", "SOA"), ("gov", "NS"), ("gov", "DNSKEY")] + [(one, "DS") for one in secure]:
        status, text = delv(lab, address, anchors, name, kind)
        checks.that(status == 0 and "; fully validated" in text and "negative" not in text,
                    f"{what}: delv validates {name} {kind}", text)
    for name, kind, negative in ([("no-such-name-here.gov", "A", "ncache nxdomain"), ("a.b.no-such-name.gov", "TXT", "ncache nxdomain"),
                                  ("gov", "MX", "ncache nxrrset"), ("gov", "HTTPS", "ncache nxrrset")] +
                                 [(one, "DS", "ncache nxrrset") for one in insecure]):
        status, text = delv(lab, address, anchors, name, kind)
        # Below an opt-out span a name's absence is shown but not signed for certain: RFC 5155 §9.2.
        good = "; negative response, fully validated" in text
        if "opt-out" in what and not good:
            good = "; negative response, unsigned answer" in text
        checks.that(good and negative in text, f"{what}: delv validates the absence of {name} {kind}", text)


with Lab() as lab:
    gov = zones.unpack("zones/gov-2026-08-22.zone.xz", lab.folder / "gov.zone")
    serve = Serve(lab).start()
    status, out, err = serve.onoma("zone", "import", gov, "--zone", "gov", timeout_s=300)
    checks.equal((status, err if status else ""), (0, ""), "the import succeeds")
    serve.settle("gov")
    exported = lab.folder / "export.zone"
    status, out, err = serve.onoma("zone", "export", "gov", "--output", exported)
    if checks.equal((status, err), (0, ""), "the export succeeds"):
        judge(lab, exported, "the export")
        validate(lab, serve.dns, exported, "export opt-out")
    checks.equal(serve.stop(), 0, "onoma serve ends with status 0 on SIGTERM")

    for mode in (["--opt-out"], ["--nsec3"], []):
        words = " ".join(mode) or "--nsec"
        signed = lab.folder / f"signed{words}.zone"
        status, out, err = lab.run([program(), "zone", "sign", gov, "--zone", "gov", "--output", signed, *mode], 300)
        if checks.equal((status, err), (0, ""), f"zone sign {words} succeeds"):
            judge(lab, signed, f"what zone sign {words} writes")
            authority = Authority(lab, {"gov": signed}, ["--gate", "dnssec"], name=f"authority{words}")
            validate(lab, authority.address, signed, f"{words.strip('-')} zone")
            authority.process.stop()
sys.exit(checks.finish())
