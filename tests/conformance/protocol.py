#!/usr/bin/env python3
"""The rules of the protocol over real sockets, one line a rule: packets in, and what must come out. Unit tests hold the
answer engine to the same rules from inside; this is the program as others see it."""
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from conformance.compliance import options_of  # noqa: E402
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program  # noqa: E402
from support.servers import Authority  # noqa: E402

AA, TC, RD, AD, CD = packets.AA, packets.TC, packets.RD, 0x20, 0x10
A, NS, CNAME, SOA, MX, TXT, AAAA, DNAME, DS, RRSIG, NSEC3, AXFR, IXFR, ANY = 1, 2, 5, 6, 15, 16, 28, 39, 43, 46, 50, 252, 251, 255
NOERROR, FORMERR, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, YXDOMAIN, BADVERS = 0, 1, 2, 3, 4, 5, 6, 16
IN, CH, HS, NONE, ANY_CLASS = 1, 3, 4, 254, 255

TLD = """$ORIGIN tld.
$TTL 3600
@ SOA ns1 hostmaster 2026092501 1800 900 604800 300
@ NS ns1
ns1 A 127.0.0.1
child NS ns1.child
ns1.child A 192.0.2.1
mail.child A 192.0.2.99
sec NS ns1.sec
sec DS 12345 13 2 0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF
ns1.sec A 192.0.2.5
deep.opt NS ns.deep.opt
ns.deep.opt A 192.0.2.6
*.w A 192.0.2.7
a.b.ent A 192.0.2.9
c1 CNAME c2
c2 CNAME www
www A 192.0.2.10
www TXT "one" "two"
cx CNAME nowhere
cd CNAME x.sec
co CNAME www.example.net.
loop1 CNAME loop2
loop2 CNAME loop1
dn DNAME target
x.target A 192.0.2.11
dlong DNAME aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.target
"""
for server in range(20):
    TLD += f"big NS server{server}.big\nserver{server}.big A 192.0.2.{server}\nserver{server}.big AAAA 2001:db8::{server:x}\n"
    TLD += f"sib NS host{server}.sec\nhost{server}.sec A 192.0.2.{server}\nhost{server}.sec AAAA 2001:db8::{server:x}\n"
CHILD = """$ORIGIN child.tld.
@ 3600 SOA ns1 hostmaster 7 1800 900 604800 300
@ 3600 NS ns1
ns1 3600 A 192.0.2.1
mail 3600 A 192.0.2.98
"""


def question(name, qtype=A, qclass=IN):
    return packets.name(name) + struct.pack("!HH", qtype, qclass)


def opt(options=b"", size=1232, flags=0, version=0):
    return b"\0" + struct.pack("!HHBBHH", 41, size, 0, version, flags, len(options)) + options


def option(code, data=b""):
    return struct.pack("!HH", code, len(data)) + data


def message(body=b"", flags=0, counts=(1, 0, 0, 0), ident=0x4F4E):
    return struct.pack("!HHHHHH", ident, flags, *counts) + body


class Server:
    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.where = host, int(port)

    def udp(self, packet, wait_s=1.0):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(self.where)
            sock.settimeout(wait_s)
            sock.send(packet)
            try:
                return sock.recv(65535)
            except TimeoutError:
                return None

    def tcp(self, packet, many=1):
        with socket.create_connection(self.where, 5) as sock:
            sock.sendall((struct.pack("!H", len(packet)) + packet) * many)
            data, found = b"", []
            while len(found) < many:
                while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
                    block = sock.recv(65535)
                    if not block:
                        return None
                    data += block
                size = struct.unpack_from("!H", data)[0]
                found.append(data[2:2 + size])
                data = data[2 + size:]
            return found[0] if many == 1 else found


class Answer:
    def __init__(self, raw):
        self.raw = raw
        self.flags, self.question, (self.answer, self.authority, self.additional) = packets.parse(raw)
        opts = [record for record in self.additional if record[1] == 41]
        self.opt = opts[0] if opts else None
        self.additional = [record for record in self.additional if record[1] != 41]
        self.options = dict(options_of(self.opt)) if opts else {}
        self.rcode = self.flags & 15 | (self.opt[3] >> 24 << 4 if opts else 0)
        self.ede = struct.unpack_from("!H", self.options[15])[0] if 15 in self.options else None

    def count(self, section, kind):
        return sum(record[1] == kind for record in section)

    def __str__(self):
        return f"flags {self.flags:04x} rcode {self.rcode} {self.answer} {self.authority} {self.additional} {self.options}"


def main():
    checks = Checks()
    with Lab() as lab:
        files = {"tld": lab.folder / "tld.zone", "child.tld": lab.folder / "child.zone", "lost.example": lab.folder / "lost.zone"}
        files["tld"].write_text(TLD)
        files["child.tld"].write_text(CHILD)
        files["lost.example"].write_text("this is no zone\n")
        secrets = lab.folder / "secrets"
        secrets.write_text("e5e973e5a6b2a43f48e7dc849e37bfcf\n")
        more = ["--identity", "node-7", "--version-text", "a server", "--cookie-secrets", secrets]
        server = Server(Authority(lab, files, more).address)
        quiet = Server(Authority(lab, {"tld": files["tld"]}, name="quiet").address)
        status, out, err = lab.run([program(), "zone", "sign", files["tld"], "--zone", "tld", "--output", lab.folder / "signed",
                                    "--keys", lab.folder / "keys", "--nsec3", "--opt-out"])
        checks.equal(status, 0, f"the zone is signed {out}{err}")
        signed = Server(Authority(lab, {"tld": lab.folder / "signed"}, name="signed").address)
        for part in (dropped, malformed, opcodes, classes_and_types, chaos, edns_options, lookups, truncation, zones_apart,
                     streams):
            checks.part(part, checks, server)
        checks.part(nothing_configured, checks, quiet)
        checks.part(denial, checks, signed)
    return checks.finish()


def ask(server, name, qtype=A, options=b"", flags=0, edns=True, do=False, size=1232, qclass=IN, tcp=False):
    body = question(name, qtype, qclass) + (opt(options, size, 0x8000 if do else 0) if edns else b"")
    packet = message(body, flags, (1, 0, 0, int(edns)))
    return Answer(server.tcp(packet) if tcp else server.udp(packet))


def dropped(checks, server):
    good = message(question("www.tld"))
    for size in (0, 1, 11):
        checks.that(server.udp(good[:size], 0.15) is None, f"{size} octets get no answer")
    checks.that(server.udp(message(question("www.tld"), 0x8000), 0.15) is None, "a response gets no answer")


def malformed(checks, server):
    def bare(packet, what, rcode=FORMERR):
        raw = server.udp(packet)
        if checks.that(raw is not None, f"{what} is answered"):
            checks.that(len(raw) == 12 and raw[3] & 15 == rcode and raw[:2] == packet[:2] and raw[4:] == bytes(8),
                        f"{what}: a header with rcode {rcode}", raw.hex())

    www = question("www.tld")
    bare(message(b""), "QDCOUNT 1 without a question")
    bare(message(b"", counts=(0, 0, 0, 0)), "QDCOUNT 0")
    bare(message(www + www, counts=(2, 0, 0, 0)), "two questions")
    bare(message(b"\x80www" + www), "a label of unknown kind")
    bare(message(b"\xc0\x0c" + b"\0\1\0\1"), "a name that points at itself")
    bare(message(b"\x3f" + b"a" * 20), "a name cut short")
    bare(message(b"\x01a" * 128 + b"\0\0\1\0\1"), "a name of 257 octets")
    bare(message(www, counts=(1, 1, 0, 0)), "an answer that is not there")
    bare(message(www, counts=(1, 0, 0, 1)), "an additional record that is not there")
    bare(message(www + opt() + opt(), counts=(1, 0, 0, 2)), "two OPT")
    bare(message(www + opt(), counts=(1, 1, 0, 0)), "OPT as an answer")
    bare(message(www + b"\1x" + opt(), counts=(1, 0, 0, 1)), "OPT with an owner")
    bare(message(www + opt(b"\0\3\0\1"), counts=(1, 0, 0, 1)), "an option that overruns OPT")
    bare(message(www + b"\0"), "an octet behind the message")
    cookie = Answer(server.udp(message(opt(option(10, bytes(8))), counts=(0, 0, 0, 1))))
    checks.that(cookie.rcode == NOERROR and len(cookie.options.get(10, b"")) == 24, "QDCOUNT 0 with a cookie gets a cookie", cookie)


def opcodes(checks, server):
    for code in (1, 2, 3, 6, *range(7, 16)):
        raw = server.udp(message(b"", code << 11 | 0x07F0, (0, 0, 0, 0)))
        checks.equal(raw and raw[2:], struct.pack("!H", 0x8000 | code << 11 | NOTIMP) + bytes(8), f"opcode {code}: NOTIMP, no flag")
    got = ask(server, "www.tld", flags=0x07F0)
    checks.equal(got.flags, 0x8000 | AA | RD, "AA, TC, RA, Z, AD and CD of a query are ignored, RD is copied")


def classes_and_types(checks, server):
    for qclass, rcode in ((ANY_CLASS, FORMERR), (NONE, FORMERR), (HS, REFUSED), (0, REFUSED), (1000, REFUSED)):
        checks.equal(ask(server, "www.tld", qclass=qclass).rcode, rcode, f"class {qclass}: rcode {rcode}")
    for qtype, rcode in ((0, FORMERR), (41, FORMERR), (249, FORMERR), (250, FORMERR), (253, NOTIMP), (254, NOTIMP),
                         (AXFR, NOTIMP), (666, NOERROR), (65280, NOERROR)):
        checks.equal(ask(server, "www.tld", qtype).rcode, rcode, f"type {qtype}: rcode {rcode}")
    nxname = ask(server, "www.tld", 128)
    checks.equal((nxname.rcode, nxname.ede), (FORMERR, 30), "type NXNAME may not be asked for")
    got = ask(server, "www.tld", ANY)
    checks.equal({record[1] for record in got.answer}, {A}, "ANY: one set, the smallest")
    checks.equal([record[1] for record in ask(server, "c1.tld", ANY).answer], [CNAME], "ANY at an alias: the alias, not followed")
    checks.equal(ask(server, "www.tld", ANY, tcp=True).answer, got.answer, "ANY over TCP: the same")


def chaos(checks, server):
    for name, text in (("id.server", b"\6node-7"), ("HOSTNAME.bind", b"\6node-7"), ("version.bind", b"\x08a server"),
                       ("version.server", b"\x08a server")):
        for qtype in (TXT, ANY):
            got = ask(server, name, qtype, qclass=CH)
            checks.equal([record[1:] for record in got.answer], [(TXT, CH, 0, text)], f"CH {name}, type {qtype}")
    for name, qtype in (("id.server", A), ("authors.bind", TXT), ("www.tld", TXT), ("tld", SOA)):
        checks.equal(ask(server, name, qtype, qclass=CH).rcode, REFUSED, f"CH {name} {qtype} is refused")


def edns_options(checks, server):
    checks.equal(ask(server, "www.tld", edns=False).opt, None, "no EDNS unless asked")
    got = ask(server, "www.tld", do=True)
    checks.equal((got.opt[2], got.opt[3]), (1232, 0x8000), "the server's size, version 0, DO copied")
    got = Answer(server.udp(message(question("www.tld") + opt(flags=0x7FFF), counts=(1, 0, 0, 1))))
    checks.equal(got.opt[3], 0, "unknown EDNS flags are not sent back")
    got = Answer(server.udp(message(question("www.tld") + opt(option(3) + option(100, b"x"), version=9), counts=(1, 0, 0, 1))))
    checks.equal((got.rcode, got.opt[3] >> 16 & 255, got.answer, got.options), (BADVERS, 0, [], {}), "version 9: BADVERS, nothing else")
    got = ask(server, "tld", SOA, option(3) + option(8, b"\0\1\0\0") + option(9) + option(11) + option(12, bytes(9)) + option(19)
              + option(65001, b"x"))
    checks.equal(got.options, {3: b"node-7", 9: struct.pack("!I", 604800), 19: b"\1\0" + struct.pack("!I", 2026092501)},
                 "over UDP NSID, EXPIRE and ZONEVERSION are answered, nothing is sent back")
    got = ask(server, "tld", SOA, option(11) + option(12, bytes(9)), tcp=True)
    checks.that(set(got.options) == {11} and len(got.options[11]) == 2, "over TCP keepalive is answered, padding is not", got)
    checks.equal(ask(server, "tld", SOA, option(11, b"\0\1"), tcp=True).rcode, FORMERR, "keepalive with a value: FORMERR")
    checks.equal(ask(server, "www.tld", A, option(9)).options, {}, "EXPIRE is for SOA questions")
    for size in (0, 1, 7, 9, 15, 41, 200):
        checks.equal(ask(server, "www.tld", A, option(10, bytes(size))).rcode, FORMERR, f"a cookie of {size} octets: FORMERR")
    for options, what in ((option(19, b"\0"), "with a value"), (option(19) + option(19), "twice")):
        checks.equal(ask(server, "www.tld", A, options).rcode, FORMERR, f"ZONEVERSION {what}: FORMERR")
    checks.equal(ask(server, "mail.child.tld", A, option(19)).options.get(19), b"\2\0\0\0\0\7", "ZONEVERSION is of the zone that answers")
    checks.equal(ask(server, "x.sec.tld", A, option(19)).options.get(19), b"\1\0" + struct.pack("!I", 2026092501), "in a referral, of the parent's")
    got = ask(server, "www.example.org", A, option(19) + option(3))
    checks.equal((got.rcode, got.ede, 19 in got.options, got.options.get(3)), (REFUSED, 20, False, b"node-7"), "REFUSED has no zone's version")
    got = ask(server, "x.lost.example")
    checks.equal((got.rcode, got.ede, bool(got.flags & AA)), (SERVFAIL, 14, False), "a zone that could not be loaded: SERVFAIL, not ready")
    checks.that(14 not in ask(server, "x.lost.example", edns=False).options, "no EDE without EDNS")


def lookups(checks, server):
    got = ask(server, "x.sec.tld")
    checks.that(not got.flags & AA and got.count(got.authority, NS) == 1 and got.count(got.additional, A) == 1, "a referral", got)
    for qtype in (NS, ANY, A, SOA, TXT):
        got = ask(server, "sec.tld", qtype)
        checks.that(not got.flags & AA and not got.answer and got.count(got.authority, NS) == 1, f"at the cut, type {qtype}: a referral", got)
    got = ask(server, "sec.tld", DS)
    checks.that(got.flags & AA and got.count(got.answer, DS) == 1, "DS at the cut is the parent's", got)
    got = ask(server, "x.sec.tld", DS)
    checks.that(not got.flags & AA and got.count(got.authority, NS) == 1, "DS below the cut: a referral", got)
    got = ask(server, "tld", DS)
    checks.that(got.flags & AA and not got.answer and got.count(got.authority, SOA) == 1, "DS of the apex without its parent: no data", got)
    got = ask(server, "b.ent.tld")
    checks.that(got.rcode == NOERROR and got.count(got.authority, SOA) == 1, "an empty non-terminal has no data, but exists", got)
    checks.equal(got.authority[0][3], 300, "the TTL of a negative answer is the smaller of the two")
    checks.equal(ask(server, "A.b.Q.W.tld").answer[0][0], packets.name("a.b.q.w.tld"), "a wildcard serves any depth")
    raw = server.udp(message(question("x.tld").replace(b"\1x", b"\1X")))
    checks.equal(raw[12:18], b"\1X\3tld", "the question comes back in its own letters")
    checks.equal(ask(server, "*.w.tld").answer[0][0], packets.name("*.w.tld"), "the asterisk itself can be asked for")
    got = ask(server, "c1.tld")
    checks.equal([record[1] for record in got.answer], [CNAME, CNAME, A], "a chain in order")
    got = ask(server, "cx.tld")
    checks.that(got.rcode == NXDOMAIN and len(got.answer) == 1 and got.count(got.authority, SOA) == 1, "rcode is that of the last name", got)
    got = ask(server, "cd.tld")
    checks.that(got.rcode == NOERROR and got.flags & AA and len(got.answer) == 1 and got.count(got.authority, NS) == 1 and
                got.count(got.additional, A) == 1, "an alias into a delegation: referral with AA", got)
    got = ask(server, "co.tld")
    checks.that(got.rcode == NOERROR and len(got.answer) == 1 and not got.authority, "an alias out of the zone ends there", got)
    checks.equal(len(ask(server, "loop1.tld").answer), 2, "a circle is sent once")
    got = ask(server, "x.dn.tld")
    checks.equal([record[1] for record in got.answer], [DNAME, CNAME, A], "DNAME, the made alias, its target")
    checks.that(ask(server, "dn.tld").rcode == NOERROR and not ask(server, "dn.tld").answer, "the DNAME's owner itself is not rewritten")
    checks.equal([record[1] for record in ask(server, "x.dn.tld", CNAME).answer], [DNAME, CNAME], "asked for CNAME it stops there")
    long_name = ".".join(["b" * 63, "b" * 63, "b" * 60, "dlong.tld"])
    got = ask(server, long_name, tcp=True)
    checks.equal((got.rcode, [record[1] for record in got.answer]), (YXDOMAIN, [DNAME]), "a rewritten name beyond 255 octets: YXDOMAIN")
    for size in (250, 254, 255):
        labels = [b"\x3f" + b"n" * 63] * 3
        labels.append(bytes([size - 192 - 5 - 1]) + b"n" * (size - 192 - 5 - 1))
        name = b"".join(labels) + b"\3tld\0"
        raw = server.udp(message(name + b"\0\1\0\1"))
        checks.that(len(name) == size and raw and raw[3] & 15 == NXDOMAIN and raw[12:12 + size] == name, f"a name of {size} octets is answered")


def truncation(checks, server):
    for size in (900, 1232):
        got = ask(server, "x.big.tld", do=True, size=size)
        checks.that(got.flags & TC and len(got.raw) <= size, f"20 servers of its own do not fit {size} octets: TC", got)
        families = got.count(got.additional, A), got.count(got.additional, AAAA)
        checks.that(families[0] >= families[1], "one address of each server before the second of any", families)
        got = ask(server, "x.sib.tld", do=True, size=size)
        checks.that(not got.flags & TC and len(got.raw) <= size and got.count(got.authority, NS) == 20, "siblings' addresses may be missing", got)
    got = ask(server, "x.big.tld", tcp=True)
    checks.that(not got.flags & TC and len(got.additional) == 40, "over TCP all are there")
    for size in (0, 100, 511, 512, 4096, 65535):
        got = ask(server, "x.big.tld", size=size)
        limit = min(max(size, 512), 1232)
        checks.that(got.flags & TC and len(got.raw) <= limit, f"buffer size {size} means {limit}", len(got.raw))
    checks.that(len(ask(server, "x.big.tld", edns=False).raw) <= 512, "without EDNS the limit is 512")


def zones_apart(checks, server):
    got = ask(server, "mail.child.tld")
    checks.that(got.flags & AA and got.answer[0][4] == bytes([192, 0, 2, 98]), "the child's zone answers at and below its apex", got)
    got = ask(server, "child.tld", DS)
    checks.that(got.flags & AA and got.authority[0][0] == packets.name("tld"), "but DS is the parent's", got)
    got = ask(server, "www.example.org")
    checks.that(got.rcode == REFUSED and not got.answer + got.authority + got.additional and not got.flags & AA,
                "other names are refused, without a referral upwards", got)
    checks.equal(ask(server, ".", NS).rcode, REFUSED, "the root is refused too")


def streams(checks, server):
    checks.equal(ask(server, "tld", AXFR, tcp=True).rcode, REFUSED, "AXFR is refused unless allowed")
    answers = server.tcp(message(question("www.tld")), many=50)
    checks.that(answers and len(answers) == 50, "50 questions sent at once are all answered")
    with socket.create_connection(server.where, 5) as sock:
        packet = message(question("www.tld"))
        for octet in struct.pack("!H", len(packet)) + packet:
            sock.sendall(bytes([octet]))
        checks.that(len(sock.recv(2)) == 2, "a question may come octet by octet")


def nothing_configured(checks, server):
    for name in ("id.server", "version.bind"):
        checks.equal(ask(server, name, TXT, qclass=CH).rcode, REFUSED, f"CH {name} is refused when nothing is configured")
    checks.equal(ask(server, "tld", SOA, option(3) + option(10, bytes(8))).options, {}, "no NSID and no cookie without settings")
    checks.equal(Answer(server.udp(message(question("www.tld") + opt(option(10, bytes(8))), counts=(1, 0, 0, 1)))).rcode, NOERROR,
                 "a cookie does no harm")


def denial(checks, server):
    got = ask(server, "nope.tld", do=True)
    checks.that(got.rcode == NXDOMAIN and 2 <= got.count(got.authority, NSEC3) <= 3, "a name that is not there: encloser, next closer, wildcard", got)
    got = ask(server, "nope.tld")
    checks.that(got.rcode == NXDOMAIN and len(got.authority) == 1, "without DO just the SOA", got)
    got = ask(server, "opt.tld", do=True)
    checks.that(got.rcode == NOERROR and got.count(got.authority, NSEC3) == 2,
                "an empty non-terminal above an opted-out delegation alone: encloser and next closer", got)
    got = ask(server, "opt.tld", DS, do=True)
    checks.that(got.rcode == NOERROR and got.count(got.authority, NSEC3) == 2, "the same for DS there", got)
    got = ask(server, "child.tld", DS, do=True)
    checks.that(got.flags & AA and got.count(got.authority, SOA) == 1 and got.count(got.authority, NSEC3) >= 1, "no DS at an opted-out cut", got)
    got = ask(server, "x.sec.tld", do=True)
    checks.that(got.count(got.authority, DS) == 1 and not got.count(got.authority, NSEC3), "a secure referral has DS and no denial", got)
    got = ask(server, "x.y.w.tld", do=True)
    checks.that(got.count(got.answer, RRSIG) == 1 and got.count(got.authority, NSEC3) == 1, "a wildcard's answer proves that nothing is closer", got)
    got = ask(server, "www.tld", ANY, do=True)
    checks.that(len({record[1] for record in got.answer}) == 2 and got.count(got.answer, RRSIG) == 1, "ANY with DO: one set, signed", got)
    got = ask(server, "www.tld", RRSIG, do=True)
    checks.that(got.answer and {record[1] for record in got.answer} == {RRSIG}, "RRSIG asked for", got)
    owner = next(record[0] for record in ask(server, "nope.tld", do=True).authority if record[1] == NSEC3)
    for qtype in (A, NSEC3):
        checks.equal(ask(server, packets.text(owner), qtype, do=True).rcode, NXDOMAIN, f"owners of NSEC3 are no names, type {qtype}")


if __name__ == "__main__":
    sys.exit(main())
