#!/usr/bin/env python3
"""Keys of a running server: what `onoma key` says, a KSK roll from beginning to end with short waits, a ZSK roll as far as
its new key, what is refused, and that all of it survives a kill.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.lab import Checks, Lab, program, wait_for  # noqa: E402
from support.servers import Serve  # noqa: E402

checks = Checks()
QUICK = {"keys.dnskey_ttl": "1s", "keys.propagation": "1s", "keys.safety": "0", "keys.parent_propagation": "1s",
         "keys.parent_ds_ttl": "1s", "keys.re_sign": "1s", "keys.max_ttl": "1s", "keys.ds_digests": "sha256, sm3"}


def key(lab, server, *words):
    status, out, err = lab.run([program(), "--data", server.data, "--json", "key", *words])
    return status, json.loads(out or err or "null")


def states(document, role):
    return {one["tag"]: one["state"] for one in document["keys"] if one["role"] == role}


def listed(lab, server, zone="test"):
    status, document = key(lab, server, "list", zone)
    assert status == 0, document
    return document


def reaches(lab, server, role, tag, state):
    wait_for(lambda: states(listed(lab, server), role).get(tag) == state, 30, f"{role} {tag} {state}")


with Lab() as lab:
    server = Serve(lab, demo=True, settings=QUICK).start()
    first = listed(lab, server)
    ksk, zsk = (next(iter(states(first, role))) for role in ("ksk", "zsk"))
    checks.equal((states(first, "ksk")[ksk], states(first, "zsk")[zsk]), ("ready", "active"), "the first keys sign at once")
    status, out, _ = lab.run([program(), "--data", server.data, "key", "list", "test"])
    checks.that(status == 0 and "ds-seen" in out and f"IN DS {ksk} 13 2" in out, "the list says what the KSK waits for", out)
    status, out, _ = lab.run([program(), "--data", server.data, "key", "ds", "test", "--digest", "all"])
    checks.equal([line.split()[5] for line in out.splitlines()], ["2", "4", "6"], "DS in three digests")
    checks.equal(key(lab, server, "ds-seen", "test", zsk)[0], 1, "a ZSK has no DS")
    checks.equal(key(lab, server, "ds-seen", "test", ksk)[0], 0, "the DS of the KSK was seen")
    checks.equal(states(listed(lab, server), "ksk")[ksk], "active", "and the KSK is active")
    checks.equal(key(lab, server, "ds-seen", "test", ksk)[0], 3, "a second time is refused")
    checks.equal(key(lab, server, "list", "nowhere")[0], 1, "keys of a zone that is not signed here")
    checks.equal(key(lab, server, "roll", "test", "--role", "boss")[0], 3, "a role that is none")
    checks.equal(key(lab, server, "roll", "test", "--algorithm", "RSASHA1")[0], 3, "an algorithm that signs nothing")

    status, document = key(lab, server, "roll", "test", "--role", "ksk")
    checks.equal(status, 0, f"a KSK roll begins: {document}")
    new = next(tag for tag in states(document, "ksk") if tag != ksk)
    checks.equal(key(lab, server, "roll", "test", "--role", "ksk")[0], 3, "one at a time")
    checks.equal(key(lab, server, "roll", "test", "--algorithm", "ED25519")[0], 3, "and no other algorithm meanwhile")
    reaches(lab, server, "ksk", new, "ready")
    checks.equal(states(listed(lab, server), "ksk")[ksk], "retired", "the old one retires")
    server.process.kill()
    server.start()
    checks.equal(states(listed(lab, server), "ksk"), {ksk: "retired", new: "ready"}, "a kill loses nothing")
    checks.equal(key(lab, server, "ds-seen", "test", new)[0], 0, "the new DS was seen")
    reaches(lab, server, "ksk", ksk, "removed")

    status, document = key(lab, server, "roll", "test", "--role", "zsk")
    new_zsk = next(tag for tag in states(document, "zsk") if tag != zsk)
    reaches(lab, server, "zsk", new_zsk, "active")
    checks.equal(states(listed(lab, server), "zsk")[zsk], "retired", "the old ZSK stays for what caches hold")
    step = next(one for one in listed(lab, server)["keys"] if one["tag"] == zsk)
    checks.that(bool(step.get("why")), "and the list says why", step)

    # A version that was signed through all of it passes the gate.
    export = lab.folder / "export.zone"

    def settled():
        status, _, _ = lab.run([program(), "--data", server.data, "zone", "export", "test", "--output", export])
        text = export.read_text() if status == 0 else ""
        return f" {new_zsk} test." in text and f" {zsk} test." not in text

    wait_for(settled, 30, "the new ZSK's signatures everywhere")
    status, out, err = lab.run([program(), "zone", "verify", export, "--zone", "test"])
    checks.equal(status, 0, f"the zone verifies: {out}{err}")
    checks.equal(server.stop(), 0, "the server ends cleanly")

    broken = Serve(lab, settings={"keys.zsk_lifetime": "1d"}, name="broken")
    try:
        broken.start(20)
        checks.that(False, "a lifetime that is too short is refused")
    except (RuntimeError, TimeoutError) as error:
        checks.that("zsk" in str(error).lower(), "a lifetime that is too short is refused", error)

sys.exit(checks.finish())
