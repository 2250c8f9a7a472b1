#!/usr/bin/env python3
"""DNS cookies are one for all servers of a set (RFC 9018): given the same secret, BIND, Knot and NSD take the cookies that
Onoma made and Onoma takes theirs; dig and kdig find them good."""
import os
import re
import shutil
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from conformance.compliance import ZONE, exchange, options_of  # noqa: E402
from support import packets  # noqa: E402
from support.lab import Checks, Lab  # noqa: E402
from support.servers import Authority, Bind, Knot, Nsd  # noqa: E402

SECRET, OTHER = "e5e973e5a6b2a43f48e7dc849e37bfcf", "445536bcd2513298075a5d379663c962"
CLIENT = bytes.fromhex("2464c4abcf10c957")
NAME, BADCOOKIE = "compliance.example", 23


def ask(address, cookie):
    """(rcode, cookie in the answer)"""
    option = struct.pack("!HH", 10, len(cookie)) + cookie
    head = struct.pack("!HHHHHH", 77, 0, 1, 0, 0, 1)
    packet = head + packets.name(NAME) + b"\0\6\0\1" + b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(option)) + option
    answer = exchange(address, packet, False)
    flags, _, (_, _, additional) = packets.parse(answer)
    opt = next(record for record in additional if record[1] == 41)
    found = [data for code, data in options_of(opt) if code == 10]
    return flags & 15 | opt[3] >> 24 << 4, found[0] if found else None


def installed(program):
    return shutil.which(program, path="/usr/sbin:/usr/bin")


checks = Checks()
with Lab() as lab:
    file = lab.folder / "zone"
    file.write_text(ZONE)
    zones = {NAME: file}

    def onoma(name, *secrets):
        path = lab.folder / f"{name}.secrets"
        path.write_text("\n".join(secrets) + "\n")
        return Authority(lab, zones, ["--cookie-secrets", path], name=name).address

    ours = onoma("first", SECRET)
    rcode, fresh = ask(ours, CLIENT)
    checks.that(rcode == 0 and len(fresh) == 24 and fresh[:8] == CLIENT and fresh[8:12] == b"\1\0\0\0", "a cookie of RFC 9018's form",
                fresh)
    checks.equal(ask(ours, fresh), (0, fresh), "our own cookie comes back unchanged")
    forged = fresh[:-1] + bytes([fresh[-1] ^ 1])
    checks.that(ask(ours, forged)[1] not in (forged, None), "a forged one is replaced")
    twin, rolled, strange = onoma("twin", SECRET), onoma("rolled", OTHER, SECRET), onoma("strange", OTHER)
    checks.equal(ask(twin, fresh), (0, fresh), "a server of the same set takes it")
    checks.that(ask(strange, fresh)[1] != fresh, "a server with another secret does not")
    checks.that(ask(rolled, fresh)[1] not in (fresh, None), "after a roll-over the answer has a cookie of the new secret")
    checks.equal(ask(strange, ask(rolled, fresh)[1])[1], ask(rolled, fresh)[1], "and that is the new secret's")

    if installed("named"):
        bind = Bind(lab, zones, more=["cookie-algorithm siphash24;", f'cookie-secret "{SECRET}";', "answer-cookie yes;",
                                      "require-server-cookie yes;"]).address
        checks.equal(ask(bind, forged)[0], BADCOOKIE, "BIND refuses the forged cookie")
        checks.equal(ask(bind, fresh)[0], 0, "BIND takes our cookie")
        theirs = ask(bind, CLIENT)[1]
        checks.equal(ask(ours, theirs), (0, theirs), "we take BIND's cookie")
    if installed("knotd"):
        knot = Knot(lab, zones, modules=["mod-cookies:", "  - id: all", f"    secret: 0x{SECRET}", "    badcookie-slip: 1"],
                    global_modules=["mod-cookies/all"]).address
        checks.equal(ask(knot, forged)[0], BADCOOKIE, "Knot refuses the forged cookie")
        checks.equal(ask(knot, fresh)[0], 0, "Knot takes our cookie")
        theirs = ask(knot, CLIENT)[1]
        checks.equal(ask(ours, theirs), (0, theirs), "we take Knot's cookie")
    if installed("nsd"):
        nsd = Nsd(lab, zones, more=["  answer-cookie: yes", f'  cookie-secret: "{SECRET}"']).address
        checks.that(ask(nsd, forged)[1] != forged, "NSD replaces the forged cookie")
        checks.equal(ask(nsd, fresh)[1], fresh, "NSD takes our cookie")
        theirs = ask(nsd, CLIENT)[1]
        checks.equal(ask(ours, theirs), (0, theirs), "we take NSD's cookie")
    port = ours.rpartition(":")[2]
    if installed("dig"):
        _, out, _ = lab.run(["dig", "@127.0.0.1", "-p", port, "+norec", "+cookie", NAME, "SOA"])
        found = re.search(r"COOKIE: ([0-9a-f]{48}) \(good\)", out)
        checks.that(found, "dig finds the cookie good", out)
        if found:
            _, again, _ = lab.run(["dig", "@127.0.0.1", "-p", port, "+norec", f"+cookie={found[1]}", NAME, "SOA"])
            checks.that(f"COOKIE: {found[1]} (good)" in again, "dig sends it back and gets it back", again)
    if installed("kdig"):
        _, out, _ = lab.run(["kdig", "@127.0.0.1", "-p", port, "+norec", f"+cookie={fresh.hex()}", NAME, "SOA"])
        checks.that(fresh.hex() in out.replace(" ", "").lower() and "NOERROR" in out, "kdig gets it back", out)
sys.exit(checks.finish())
