#!/usr/bin/env python3
"""Versions that wait for a person, as an operator meets them: held, shown as a diff, approved, rejected, rolled back, over
kill -9; the incident of .gov on 2026-07-27; the audit of what is served.
"""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, free_port, program, wait_for  # noqa: E402
from support.servers import Authority, Serve  # noqa: E402

checks = Checks()
ERROR_MESSAGE = '{"success":false,"errors":[{"code":10000,"message":"Authentication error"}]}\n'


def zone_text(serial, count):
    lines = [f"@ 300 IN SOA ns.example. admin.example. {serial} 1800 900 604800 300", "@ 300 IN NS ns.example."]
    return "\n".join(lines + [f"d{i} 300 IN NS ns.d{i}.example." for i in range(count)]) + "\n"


def zone(lab, server, *words):
    status, out, err = lab.run([program(), "zone", *words, "--control", server.control, "--json"])
    return status, json.loads(out) if out.strip().startswith("{") else out + err


def held(lab, server):
    return [(one["serial"], one["state"]) for one in zone(lab, server, "held")[1]["held"]]


def from_files(lab):
    file = lab.folder / "test.zone"
    file.write_text(zone_text(1, 200))
    start = 0

    def run():
        nonlocal start
        start += 1
        return Authority(lab, {"test": file}, name=f"files{start}")

    def serial(server):
        return packets.Client(server.address).serial("test")

    server = run()
    file.write_text(zone_text(2, 100))
    status, answer = zone(lab, server, "reload", "test")
    checks.that(status == 3 and "100 of 200 delegations" in str(answer), "half of the names gone is held", (status, answer))
    checks.equal((serial(server), held(lab, server)), (1, [(2, "held")]), "the version before stays")
    status, answer = zone(lab, server, "diff", "test", "2")
    lines = answer["lines"].splitlines()
    checks.equal((status, sum(line.startswith("-d") for line in lines), answer["complete"]), (0, 100, True),
                 "the diff shows what would go")
    status, out, err = lab.run([program(), "zone", "held", "--control", server.control])
    checks.that(status == 0 and "test. serial 2 held since" in out, "as text too", out + err)
    status, out, err = lab.run([program(), "status", "--exit-code", "--control", server.control])
    checks.that(status == 1 and "failed_audit" in out, "health says so", out + err)

    server.process.kill()
    server = run()
    checks.equal((serial(server), held(lab, server)), (1, [(2, "held")]), "after kill -9 too")
    status, answer = zone(lab, server, "approve", "test", "2")
    checks.equal(status, 2, "no approval without a reason")
    status, answer = zone(lab, server, "approve", "test", "7", "--reason", "typing error")
    checks.equal(status, 1, f"no approval of what is not held: {answer}")
    status, answer = zone(lab, server, "approve", "test", "2", "--reason", "wanted", "--by", "ada")
    checks.equal((status, serial(server), held(lab, server)), (0, 2, []), f"approved {answer}")

    status, answer = zone(lab, server, "rollback", "test", "--to", "1", "--reason", "it was not")
    checks.equal((status, serial(server)), (0, 3), f"rolled back {answer}")
    rcode = packets.ask_all(server.address, [packets.query(packets.name("d150.test"), 1)])[0][3] & 15
    checks.equal(rcode, 0, "what had gone is there again")
    server.process.kill()
    server = run()
    checks.equal(serial(server), 3, "and stays after kill -9")

    file.write_text(ERROR_MESSAGE)
    status, answer = zone(lab, server, "reload", "test")
    checks.equal((status, serial(server)), (3, 3), "an error message instead of a zone is refused")
    checks.that((0, "refused") in held(lab, server), "and kept", held(lab, server))
    status, answer = zone(lab, server, "approve", "test", "0", "--reason", "no")
    checks.that(status == 3 and "cannot be approved" in str(answer), "it cannot be approved", answer)
    server.process.kill()
    server = run()
    checks.equal(serial(server), 3, "after kill -9 the zone is still served, although its file cannot be read")
    file.write_text(zone_text(4, 199))
    status, answer = zone(lab, server, "reload", "test")
    checks.equal((status, serial(server)), (0, 4), "a good file is taken")
    status, answer = zone(lab, server, "announce", "test", "--removes", "100", "--reason", "ticket 4711")
    checks.equal(status, 0, f"announced {answer}")
    file.write_text(zone_text(5, 110))
    checks.equal((zone(lab, server, "reload", "test")[0], serial(server)), (0, 5), "what was announced is not held")
    decisions = [json.loads(line) for line in (lab.folder / "onoma-data/held/@decisions.log").read_text().splitlines()]
    checks.equal([(one["who"], one["reason"]) for one in decisions[:1]], [("ada", "wanted")], "who, and why, is written down")
    server.process.stop()


def of_the_registry(lab):
    serve = Serve(lab, demo=True, settings={"gate.change_percent": 0, "gate.change_least": 2, "gate.audit_rest_s": 1}).start()
    client = serve.client()

    def servers(name):
        _, _, (_, authority, _) = client.ask(name, "A")
        return {packets.text(data) for _, kind, _, _, data in authority if kind == 2}

    def onoma(*words):
        status, out, err = serve.onoma(*words, "--json")
        return status, json.loads(out) if out.strip().startswith("{") else out + err

    def waiting():
        return [one for one in onoma("zone", "held", "test")[1]["held"] if one["state"] != "refused"]

    for i in range(6):
        status, answer = onoma("domain", "create", f"h{i}.test", "--ns", "ns1.old.example")
        checks.equal(status, 0, f"domain create {answer}")
    before = client.serial("test")
    for i in range(6):
        onoma("domain", "update", f"h{i}.test", "--ns", "ns1.new.example")
    wait_for(waiting, 10, "a version that is held")
    checks.equal(servers("h0.test"), {"ns1.new.example."}, "the first changes are within the limits")
    checks.equal(servers("h5.test"), {"ns1.old.example."}, "what comes behind waits")
    serve.process.kill()
    serve.start()
    client = serve.client()
    checks.equal((len(waiting()), servers("h5.test")), (1, {"ns1.old.example."}), "after kill -9 too")
    for _ in range(6):  # what had gathered behind it may be too much again
        now = waiting()
        if not now:
            break
        status, answer = onoma("zone", "approve", "test", str(now[0]["serial"]), "--reason", "planned move")
        checks.equal(status, 0, f"approve {answer}")
        serial = now[0]["serial"]
        wait_for(lambda: not any(one["serial"] == serial for one in waiting()), 10, "the next one, or none")
        wait_for(lambda: waiting() or servers("h5.test") == {"ns1.new.example."}, 10, "what was behind it")
    checks.equal(servers("h5.test"), {"ns1.new.example."}, "approved")

    status, answer = onoma("zone", "rollback", "test", "--to", str(before), "--reason", "the new servers are lame")
    checks.equal((status, servers("h5.test")), (0, {"ns1.old.example."}), f"rolled back {answer}")
    serve.process.kill()
    serve.start()
    client = serve.client()
    checks.equal(servers("h5.test"), {"ns1.old.example."}, "and stays after kill -9")
    status, answer = onoma("zone", "approve", "test", str(waiting()[0]["serial"]), "--reason", "they answer again")
    checks.equal((status, servers("h5.test")), (0, {"ns1.new.example."}), f"forward again {answer}")
    rest = serve.rest()
    wait_for(lambda: rest.get("/v1/status").json["audit_rounds"] >= 2, 30, "two rounds of the audit")
    checks.that(not any("audit" in one for one in rest.get("/v1/status").json["zones"]), "which found nothing",
                rest.get("/v1/status").json["zones"])
    serve.stop()


def audit(lab):
    """Signatures that expire while they are served."""
    file = lab.folder / "plain.zone"
    file.write_text("@ 300 IN SOA ns.example. admin.example. 1 1800 900 604800 300\n@ 300 IN NS ns.example.\nwww 300 IN A 192.0.2.1\n")
    status, out, err = lab.run([program(), "zone", "sign", file, "--zone", "signed.example", "--output", lab.folder / "signed.zone"])
    checks.equal(status, 0, f"zone sign {err}")
    admin = f"127.0.0.1:{free_port()}"
    server = Authority(lab, {"signed.example": lab.folder / "signed.zone"},
                       ("--gate", "dnssec", "--audit-rest", "1", "--audit-margin", str(365 * 86400), "--admin", admin), name="audit")

    def health():
        return lab.run([program(), "status", "--exit-code", "--zone", "signed.example", "--control", server.control])

    wait_for(lambda: health()[0] == 1, 20, "the audit")
    status, out, err = health()
    checks.that("audit of serial 1" in out and "expires in" in out, "signatures that expire within the margin are told", out)
    server.process.stop()


with Lab() as lab_:
    from_files(lab_)
    of_the_registry(lab_)
    audit(lab_)
    sys.exit(checks.finish())
