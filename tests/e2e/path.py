#!/usr/bin/env python3
"""The path of a name through `onoma serve --demo`: created by command line and REST, visible and signed in the DNS,
resolved; what must be refused is refused with the right status; a restart continues serials and signs nothing anew.
"""
import json
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program, wait_for  # noqa: E402
from support.rest import Rest, quoted  # noqa: E402
from support.servers import Serve  # noqa: E402
from support.signatures import Validator  # noqa: E402

DS = "31589 13 2 CDE0D742D6998AA554A92D890F8184C698CFAC8A26FA59875A990C03E576343C"
CHINESE = "xn--6qq79v.xn--0zwm56d"  # 你好.测试
checks = Checks()


def delegation(client, name):
    """(name servers, types signed) of a referral."""
    flags, _, (answer, authority, _) = client.ask(name, "A", dnssec=True)
    servers = {packets.text(data) for owner, kind, _, _, data in authority if kind == 2 and owner == packets.name(name)}
    signed = {data[0] << 8 | data[1] for _, kind, _, _, data in authority if kind == 46}
    return flags & 15, servers, signed


def command_line(serve, client):
    status, out, err = serve.onoma("domain", "create", "hello.test", "--ns", "ns1.hello.test", "--glue",
                                   "ns1.hello.test=192.0.2.1", "--ds", DS)
    checks.equal(status, 0, f"domain create hello.test: {out}{err}")
    checks.that("visible" in out, "the command line says when the name is visible in the DNS", out)
    rcode, servers, signed = delegation(client, "hello.test")
    checks.equal((rcode, servers), (0, {"ns1.hello.test."}), "hello.test is delegated at once")
    checks.that(43 in signed, "its DS set is signed", signed)

    status, out, err = serve.onoma("domain", "create", "你好.测试", "--ns", "ns1.hello.test")
    checks.equal(status, 0, f"domain create 你好.测试: {out}{err}")
    rcode, servers, signed = delegation(client, CHINESE)
    checks.equal((rcode, servers), (0, {"ns1.hello.test."}), "你好.测试 is delegated at once")
    checks.that(signed & {47, 50}, "the absence of its DS is proved", signed)

    status, out, err = serve.onoma("domain", "info", "你好.测试", "--json")
    checks.equal(status, 0, f"domain info 你好.测试: {out}{err}")
    document = json.loads(out)
    checks.equal((document.get("name"), document.get("unicode")), (CHINESE, "你好.测试"), "info shows both forms")

    status, out, err = serve.onoma("domain", "create", "hello.test", "--ns", "ns1.hello.test")
    checks.that(status == 3 and "hello.test" in err + out, "a second create is refused, status 3", (status, out, err))
    status, out, err = serve.onoma("domain", "info", "not-there.test")
    checks.equal(status, 1, f"info of a name that is not there has status 1: {out}{err}")
    status, out, err = serve.onoma("domain", "create")
    checks.equal(status, 2, f"a command without its argument has status 2: {out}{err}")
    status, out, err = serve.onoma("domain", "create", "no-such-tld.example", "--ns", "ns1.hello.test")
    checks.that(status == 3, "a name outside every zone is refused, status 3", (status, out, err))

    status, out, err = serve.onoma("resolve", "你好.测试", "--trace")
    checks.that(status == 0 and "ns1.hello.test" in out, "resolve 你好.测试 --trace", (status, out, err))
    status, out, err = serve.onoma("identifier", "create", "10.1000/hello", "--value", "URL=https://www.example.net/")
    checks.equal(status, 0, f"identifier create: {out}{err}")
    status, out, err = serve.onoma("resolve", "doi:10.1000/hello", "--json")
    checks.that(status == 0 and "https://www.example.net/" in json.dumps(json.loads(out) if out else {}),
                "resolve doi:10.1000/hello --json", (status, out, err))
    status, out, err = serve.onoma("resolve", "10.1000/nothing")
    checks.equal(status, 1, f"resolve of an identifier that is not there has status 1: {out}{err}")
    status, out, err = serve.onoma("status", "--json")
    checks.that(status == 0 and len(json.loads(out).get("zones", [])) == 2, "status --json shows two zones", (status, out, err))
    status, out, err = serve.lab.run([program(), "status", "--server", "http://127.0.0.1:1", "--data", serve.lab.folder / "none"])
    checks.that(status == 4 and "127.0.0.1:1" in err + out, "no server there: status 4 and its address", (status, out, err))


def over_rest(serve, client):
    rest = serve.rest()
    answer = rest.get("/r/10.1000/182?format=json")
    checks.that(answer.status == 200 and "handbook" in answer.body.decode(), "GET /r/10.1000/182", answer)
    answer = rest.post("/v1/domains?wait=visible", {"name": "rest.test", "name_servers": ["ns1.hello.test"]})
    checks.equal(answer.status, 201, f"POST /v1/domains: {answer}")
    checks.that(answer.headers.get("Onoma-Event") and answer.headers.get("Onoma-Seq"), "a write names its event", answer.headers)
    checks.that(answer.json.get("published"), "?wait=visible tells what was published", answer)
    checks.equal(delegation(client, "rest.test")[1], {"ns1.hello.test."}, "after ?wait=visible it is visible")
    etag = rest.get("/v1/domains/rest.test").headers.get("ETag")
    checks.that(etag, "a domain has an ETag")
    for method in ("PATCH", "PUT"):
        answer = rest.call(method, "/v1/domains/rest.test", {"name_servers": ["ns2.hosting.example"]}, {"If-Match": '"77"'})
        if answer.status != 405:
            checks.equal(answer.status, 412, f"a stale If-Match is refused: {answer}")

    for what, status, arguments in (
            ("a name that exists", 409, ("POST", "/v1/domains", {"name": "rest.test", "name_servers": ["ns1.hello.test"]})),
            ("an unknown field", 400, ("POST", "/v1/domains", {"name": "x.test", "nameservers": ["ns1.hello.test"]})),
            ("text that is no JSON", 400, ("POST", "/v1/domains", b"{")),
            ("a path that is not there", 404, ("GET", "/v1/nothing")),
            ("a domain that is not there", 404, ("GET", "/v1/domains/nothing.test")),
            ("a method that is not there", 405, ("POST", "/v1/status", {}))):
        answer = rest.call(*arguments)
        good = answer.status == status or (status == 400 and answer.status == 422)
        checks.that(good, f"{what}: status {status}", answer)
        checks.that(answer.headers.get("Content-Type", "").startswith("application/problem+json") and
                    answer.json.get("status") == answer.status and answer.json.get("code"),
                    f"{what}: a problem document", answer)
    answer = rest.post("/v1/domains", {"name": "x.test", "nameservers": ["ns1.hello.test"]})
    checks.that("nameservers" in answer.body.decode(), "an unknown field is named", answer)
    answer = rest.post("/v1/domains", {"name": "x.test", "name_servers": ["ns1.hello.test"]}, token="wrong")
    checks.that(answer.status == 401 and answer.headers.get("WWW-Authenticate"), "a wrong token: 401", answer)
    nobody = Rest(serve.http)
    answer = nobody.post("/v1/domains", {"name": "x.test", "name_servers": ["ns1.hello.test"]})
    checks.equal(answer.status, 401, f"no token: {answer}")
    checks.equal(rest.get("/v1/domains/x.test").status, 404, "nothing of what was refused is there")

    first = rest.post("/v1/domains", {"name": "once.test", "name_servers": ["ns1.hello.test"]}, headers={"Idempotency-Key": "k1"})
    again = rest.post("/v1/domains", {"name": "once.test", "name_servers": ["ns1.hello.test"]}, headers={"Idempotency-Key": "k1"})
    checks.that(first.status == 201 and again.status in (200, 201) and first.headers["Onoma-Event"] == again.headers["Onoma-Event"],
                "a retry with the same Idempotency-Key is answered with the first event", (first, again))
    path = f"/v1/identifiers/{quoted('10.1000/a b/测试')}"
    answer = rest.post("/v1/identifiers", {"identifier": "10.1000/a b/测试", "values": [{"index": 1, "type": "URL", "data": "https://example.net/x"}]})
    checks.equal(answer.status, 201, f"an identifier with a blank, a slash and Chinese characters: {answer}")
    checks.equal(rest.get(path).status, 200, "and it is found under its percent-encoded form")


def hostile_clients(serve, client):
    host, _, port = serve.http.rpartition(":")
    begun = time.monotonic()
    with socket.create_connection((host, int(port)), 10) as tcp:
        tcp.sendall(f"POST /v1/domains HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {serve.token}\r\n"
                    f"Content-Type: application/json\r\nContent-Length: {10 << 20}\r\n\r\n".encode() + b"x" * 65536)
        head = tcp.recv(4096)
    checks.that(b" 413 " in head.split(b"\r\n")[0], "a body of 10 MB is refused with 413 before it is sent", head)
    checks.that(time.monotonic() - begun < 5, "and at once")

    host, _, port = serve.dns.rpartition(":")
    question = packets.query(packets.name("hello.test"), 2, 4711)
    with socket.create_connection((host, int(port)), 10) as half, socket.create_connection((host, int(port)), 10) as quick:
        half.sendall(struct.pack("!H", len(question)) + question[:7])
        quick.sendall(struct.pack("!H", len(question)) + question)
        checks.that(len(quick.recv(4096)) > 20, "half a TCP message holds nobody else up")
        checks.equal(client.ask("hello.test", "NS")[0] & 15, 0, "nor does it over UDP")
        half.sendall(question[7:])
        checks.that(len(half.recv(4096)) > 20, "the other half completes it")
    with socket.create_connection((host, int(port)), 10) as half:
        half.sendall(b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.connect((host, int(port)))
        for octets in (b"", b"\0", b"\xff" * 11, b"\xff" * 600, question[:-1], question[:4] + b"\xff\xff" + question[6:]):
            udp.send(octets)
    checks.equal(client.ask("hello.test", "NS")[0] & 15, 0, "malformed packets leave the server answering")


def in_use(lab, serve):
    other = Serve(lab, name="other")
    other.config.write_text(other.config.read_text().replace(other.dns, serve.dns))
    status, out, err = lab.run([program(), "serve", "--config", other.config])
    port = serve.dns.rpartition(":")[2]
    checks.that(status == 4 and port in err, "a DNS port in use: status 4 and the port", (status, out, err))
    other = Serve(lab, name="another")
    other.config.write_text(other.config.read_text().replace(other.http, serve.http))
    status, out, err = lab.run([program(), "serve", "--config", other.config])
    port = serve.http.rpartition(":")[2]
    checks.that(status == 4 and port in err, "an HTTP port in use: status 4 and the port", (status, out, err))
    other = Serve(lab, data=serve.data, name="second")
    status, out, err = lab.run([program(), "serve", "--config", other.config])
    checks.that(status in (3, 4) and str(serve.data) in err, "a data directory in use is refused by name", (status, out, err))
    other.config.write_text("[dns]\nlisten = [\"127.0.0.1:5300\"]\nlissten = 1\n")
    status, out, err = lab.run([program(), "serve", "--config", other.config])
    checks.that(status == 3 and "lissten" in err and "3" in err, "an unknown setting: status 3, its name and line", (status, out, err))


def restart(serve, client):
    def signatures(name):
        sections = client.ask(name, "A", dnssec=True)[2]
        return {record for section in sections for record in section if record[1] == 46}

    before = {name: signatures(name) for name in ("shop.test", "hello.test", "test", CHINESE)}
    serials = {zone: client.serial(zone) for zone in ("test", "xn--0zwm56d")}
    keys = {zone: sorted(client.answers(zone, "DNSKEY")) for zone in serials}
    checks.equal(serve.stop(), 0, "SIGTERM ends it with status 0")
    serve.start()
    checks.equal({zone: client.serial(zone) for zone in serials}, serials, "after a restart the serials are the same")
    checks.equal({name: signatures(name) for name in before}, before, "and the signatures, octet for octet")
    checks.equal({zone: sorted(client.answers(zone, "DNSKEY")) for zone in serials}, keys, "and the keys")
    rest = serve.rest()
    checks.equal(rest.get(f"/v1/domains/{CHINESE}").status, 200, "and the objects")
    answer = rest.post("/v1/domains?wait=visible", {"name": "after.test", "name_servers": ["ns1.hello.test"]})
    checks.equal(answer.status, 201, f"and it takes changes: {answer}")
    checks.that(wait_for(lambda: delegation(client, "after.test")[1], 5, "after.test in the DNS"), "which become visible")
    checks.that(client.serial("test") > serials["test"], "with a higher serial")
    unrelated = {record for record in before["shop.test"] if record[4][:2] == b"\0\x2b"}
    checks.that(unrelated and unrelated <= signatures("shop.test"), "and without signing anew what did not change")


def judge(client):
    for zone in ("test", "xn--0zwm56d"):
        validator = Validator(client.answers(zone, "DNSKEY", dnssec=True))
        faults = []
        for name in (zone, f"shop.{zone}", f"hello.{zone}", f"nothing.{zone}", f"id.{zone}", CHINESE):
            if name.endswith(zone):
                for kind in ("SOA", "DNSKEY", "NS", "DS", "TXT"):
                    faults += validator.judge(client.ask(name, kind, dnssec=True)[2])
        checks.that(not faults and validator.checked >= 5, f"every signature of {zone} holds", (faults, validator.checked))


with Lab() as lab:
    serve = Serve(lab, demo=True).start()
    client = serve.client()
    checks.that(serve.dns in serve.ready and serve.http in serve.ready, "the ready line tells where it answers", serve.ready)
    checks.equal(os.stat(serve.data / "client.toml").st_mode & 0o777, 0o600, "client.toml is for the owner only")
    for part in (command_line, over_rest, hostile_clients):
        checks.part(part, serve, client)
    checks.part(judge, client)
    checks.part(in_use, lab, serve)
    checks.part(restart, serve, client)
    checks.part(judge, client)
    checks.equal(serve.process.out.read_text().count("\n"), 1, "stdout has the ready line and nothing else")
    secret = serve.token
    checks.that(all(secret not in path.read_text(errors="replace") for path in lab.folder.glob("serve-*.err")),
                "the token is in no log")
    checks.equal(serve.stop(), 0, "SIGTERM ends it with status 0")
sys.exit(checks.finish())
