#!/usr/bin/env python3
"""`onoma authority`: zones from files; what is wrong with a file is told by line; reload, add, remove and apply over the
control socket; a bad file keeps what was served.
"""
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program, wait_for  # noqa: E402
from support.servers import Authority  # noqa: E402

ZONE = """$TTL 3600
@ SOA ns1 hostmaster {serial} 7200 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.{www}
child NS ns1.child
ns1.child A 192.0.2.3
"""
checks = Checks()


def write(path, serial, www=2, more=""):
    path.write_text(ZONE.format(serial=serial, www=www) + more)
    return path


def broken_files(lab):
    write(lab.folder / "bad.zone", 1, more="broken A 192.0.2.999\n")
    status, out, err = lab.run([program(), "zone", "check", "bad.zone", "--zone", "example.org"])
    checks.that(status == 3 and "bad.zone:8" in err + out, "zone check tells file and line, status 3", (status, out, err))
    (lab.folder / "empty.zone").write_text("; nothing\n")
    status, out, err = lab.run([program(), "zone", "check", "empty.zone", "--zone", "example.org"])
    checks.equal(status, 3, f"a zone without SOA is refused: {out}{err}")
    (lab.folder / "error.zone").write_text('{"error": "internal", "code": 500}\n')
    status, out, err = lab.run([program(), "zone", "check", "error.zone", "--zone", "example.org"])
    checks.equal(status, 3, f"an error document instead of a zone is refused: {out}{err}")
    status, out, err = lab.run([program(), "zone", "check", "not-there.zone", "--zone", "example.org"])
    checks.that(status in (3, 4) and "not-there.zone" in err + out, "a file that is not there is named", (status, out, err))
    status, out, err = lab.run([program(), "zone", "check", write(lab.folder / "good.zone", 1), "--zone", "example.org"])
    checks.equal(status, 0, f"a good zone is accepted: {out}{err}")
    status, out, err = lab.run([program(), "authority", "--listen", "127.0.0.1:1x", "--zone", "example.org=good.zone"])
    checks.that(status in (2, 3) and "127.0.0.1:1x" in err + out, "an address that is none is named", (status, out, err))
    status, out, err = lab.run([program(), "authority", "--listen", "127.0.0.1:0", "--zone", "example.org=bad.zone"])
    checks.that(status == 3, "with no zone that loads the server does not start", (status, out, err))


def control(lab, server, *words):
    return lab.run([program(), "zone", *words, "--control", server.control])


with Lab() as lab:
    broken_files(lab)
    zone = write(lab.folder / "one.zone", 1)
    server = Authority(lab, {"example.org": zone, "broken.example": lab.folder / "bad.zone"})
    client = packets.Client(server.address)
    checks.equal(client.serial("example.org"), 1, "a zone from a file is served")
    checks.equal(client.ask("www.broken.example", "A")[0] & 15, 2, "one that did not load: SERVFAIL")
    checks.equal(client.ask("other.example", "A")[0] & 15, 5, "one that is not ours: REFUSED")
    checks.equal(client.answers("WWW.Example.ORG", "A"), [bytes([192, 0, 2, 2])], "an address")
    answer = client.raw("ns1.child.example.org", "A")
    flags, _, (_, authority, additional) = packets.parse(answer)
    checks.that(not flags & packets.AA and authority and additional, "a referral with its glue")

    write(zone, 2, www=22)
    status, out, err = control(lab, server, "reload", "example.org")
    checks.equal((status, client.serial("example.org")), (0, 2), f"reload takes the new file: {out}{err}")
    checks.equal(client.answers("www.example.org", "A"), [bytes([192, 0, 2, 22])], "with what changed")
    write(zone, 3, more="broken A 192.0.2.999\n")
    status, out, err = control(lab, server, "reload", "example.org")
    checks.that(status == 3 and "one.zone:8" in err + out, "reload of a bad file: status 3, file and line", (status, out, err))
    checks.equal(client.serial("example.org"), 2, "and the old zone stays")
    (lab.folder / "one.zone").write_text('{"error": "internal"}\n')
    server.process.signal(signal.SIGHUP)
    wait_for(lambda: server.process.err.read_text().count("one.zone") > 0, 5, "the message about the bad file")
    checks.equal(client.serial("example.org"), 2, "SIGHUP with a bad file keeps the old zone too")
    write(zone, 4)
    server.process.signal(signal.SIGHUP)
    checks.that(wait_for(lambda: client.serial("example.org") == 4, 5, "serial 4"), "SIGHUP takes a good one")

    old, new = write(lab.folder / "old.zone", 4), write(lab.folder / "new.zone", 5, www=55, more="more TXT \"added\"\n")
    status, change, err = lab.run([program(), "zone", "diff", old, new, "--zone", "example.org"])
    checks.equal(status, 1, f"zone diff finds a difference: {err}")
    (lab.folder / "change").write_text(change)
    status, out, err = control(lab, server, "apply", lab.folder / "change", "--zone", "example.org")
    checks.equal((status, client.serial("example.org")), (0, 5), f"apply brings the zone to serial 5: {out}{err}")
    checks.equal(client.answers("more.example.org", "TXT"), [b"\5added"], "with what was added")
    checks.equal(client.answers("www.example.org", "A"), [bytes([192, 0, 2, 55])], "and what was changed")
    status, out, err = control(lab, server, "apply", lab.folder / "change", "--zone", "example.org")
    checks.equal(status, 3, f"a change that does not fit what is served is refused: {out}{err}")
    checks.equal(client.serial("example.org"), 5, "and changes nothing")

    two = write(lab.folder / "two.zone", 7)
    status, out, err = control(lab, server, "add", "second.example", two)
    checks.equal((status, client.serial("second.example")), (0, 7), f"add serves one more zone: {out}{err}")
    status, out, err = control(lab, server, "add", "second.example", two)
    checks.equal(status, 3, f"adding it twice is refused: {out}{err}")
    status, out, err = control(lab, server, "list")
    checks.that("second.example" in out and "example.org" in out, "list shows them", (status, out, err))
    status, out, err = control(lab, server, "remove", "second.example")
    checks.equal((status, client.ask("second.example", "SOA")[0] & 15), (0, 5), f"remove: REFUSED from then on: {out}{err}")
    status, out, err = control(lab, server, "remove", "second.example")
    checks.that(status in (1, 3), "removing what is not there is refused", (status, out, err))
    status, out, err = lab.run([program(), "zone", "list", "--control", lab.folder / "nowhere.sock"])
    checks.that(status == 4 and "nowhere.sock" in err + out, "no server behind the socket: status 4", (status, out, err))
    checks.equal(os.stat(server.control).st_mode & 0o777, 0o600, "the control socket is for the owner only")
    checks.equal(server.process.stop(), 0, "SIGTERM ends it with status 0")
sys.exit(checks.finish())
