#!/usr/bin/env python3
"""Asks a server what ISC's compliance report asks (RFC 8906, RFC 6891) and judges each answer as that report does: one
question at the apex of a signed zone for each header flag, opcode, EDNS version, flag and option, and for every type.

Without arguments: `onoma authority` must have no remark with --echo-cd, and without it the one that RFC 4035 asks for
(CD is cleared). BIND, NSD and Knot are asked too where they are installed, so that the judge is judged: BIND has none, the
other two have known ones. `compliance.py ADDRESS:PORT ZONE` prints the report of any server.
"""
import dataclasses
import os
import random
import shutil
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program  # noqa: E402
from support.servers import Authority, Bind, Knot, Nsd  # noqa: E402

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010
DO = 0x8000
SOA, DNSKEY = 6, 48
RCODES = {0: "noerror", 1: "formerr", 2: "servfail", 3: "nxdomain", 4: "notimp", 5: "refused", 9: "notauth", 16: "badvers",
          23: "badcookie"}
CLIENT = bytes(range(1, 9))
NSID, ECS, EXPIRE, COOKIE = b"\0\3\0\0", b"\0\x08\0\4\0\1\0\0", b"\0\x09\0\0", b"\0\x0a\0\x08" + CLIENT
UNKNOWN = b"\0\x64\0\0"


@dataclasses.dataclass(frozen=True)
class Edns:
    size: int = 4096
    version: int = 0
    flags: int = 0
    options: bytes = b""


@dataclasses.dataclass(frozen=True)
class Case:
    name: str
    qtype: int = SOA
    flags: int = 0
    opcode: int = 0
    edns: Edns = None
    tcp: bool = False
    keep_truncated: bool = False  # judge a truncated answer instead of asking again over TCP

    @property
    def version(self):
        return self.edns.version if self.edns else 0

    @property
    def cookie(self):
        return bool(self.edns) and COOKIE in self.edns.options

    def packet(self, zone, ident):
        head = struct.pack("!HHHHHH", ident, self.opcode << 11 | self.flags, 0 if self.opcode else 1, 0, 0,
                           1 if self.edns else 0)
        question = b"" if self.opcode else zone + struct.pack("!HH", self.qtype, 1)
        if not self.edns:
            return head + question
        return head + question + b"\0" + struct.pack("!HHBBHH", 41, self.edns.size, 0, self.edns.version, self.edns.flags,
                                                     len(self.edns.options)) + self.edns.options


def cases():
    plain = [Case("dns"), Case("aa", flags=AA), Case("ad", flags=AD), Case("cd", flags=CD), Case("ra", flags=RA),
             Case("rd", flags=RD), Case("tc", flags=TC), Case("zflag", flags=Z), Case("opcode", qtype=0, opcode=15),
             Case("opcodeflg", qtype=0, opcode=15, flags=AA | TC | RD | RA | Z | AD | CD), Case("type666", qtype=666),
             Case("tcp", tcp=True)]
    edns = [Case("edns", edns=Edns()), Case("edns1", edns=Edns(version=1)),
            Case("edns@512", DNSKEY, edns=Edns(512, flags=DO), keep_truncated=True),
            Case("ednsopt", edns=Edns(options=UNKNOWN)), Case("edns1opt", edns=Edns(version=1, options=UNKNOWN)),
            Case("do", edns=Edns(flags=DO)), Case("docd", flags=CD, edns=Edns(flags=DO)),
            Case("edns1do", edns=Edns(version=1, flags=DO)), Case("ednsflags", edns=Edns(flags=0x0080)),
            Case("optlist", edns=Edns(options=NSID + ECS + EXPIRE + COOKIE)),
            Case("ednstcp", DNSKEY, edns=Edns(512, flags=DO), tcp=True)]
    for version, prefix in ((0, "edns"), (1, "edns1")):
        edns += [Case(prefix + word, edns=Edns(version=version, options=option))
                 for word, option in (("nsid", NSID), ("cookie", COOKIE), ("expire", EXPIRE), ("subnet", ECS))]
    common = [Case("bind11", edns=Edns(flags=DO, options=COOKIE)), Case("dig11", flags=RD | AD, edns=Edns(options=COOKIE))]
    # Every type that may stand in a question for data, obsolete ones and one that does not exist among them.
    types = [*range(1, 13), *range(13, 40), 42, 43, 44, 45, *range(46, 54), 55, 59, 60, 61, 62, 63, 64, 65, 99,
             *range(104, 110), *range(256, 260), 32768, 32769, 1000]
    return plain + edns + common + [Case(f"type{number}", number) for number in types]


def exchange(address, packet, tcp):
    host, _, port = address.rpartition(":")
    if not tcp:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect((host, int(port)))
            udp.settimeout(1.0)
            for _ in range(3):
                udp.send(packet)
                try:
                    return udp.recv(65535)
                except (TimeoutError, ConnectionRefusedError):
                    continue
        return None
    with socket.create_connection((host, int(port)), 10) as stream:
        stream.sendall(struct.pack("!H", len(packet)) + packet)
        data = b""
        while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
            block = stream.recv(65535)
            if not block:
                return None
            data += block
        return data[2:]


def options_of(record):
    found, data = [], record[4]
    while data:
        if len(data) < 4 or len(data) < 4 + struct.unpack_from("!H", data, 2)[0]:
            raise packets.Malformed("an option that overruns OPT")
        code, size = struct.unpack_from("!HH", data)
        found.append((code, data[4:4 + size]))
        data = data[4 + size:]
    return found


def judge(case, zone, answer):
    """(remarks, what the server can do). No remark: ok."""
    try:
        flags, question, (answers, authority, additional) = packets.parse(answer)
        opts = [record for record in additional if record[1] == 41]
        options = options_of(opts[0]) if opts else []
        if len(opts) > 1:
            return ["malformed"], []
    except packets.Malformed:
        return ["malformed"], []
    if question and question[:2] != (zone.lower(), case.qtype):
        return ["mismatch"], []
    remarks, able = [], []

    def expect(holds, remark):
        if not holds:
            remarks.append(remark)

    ttl = opts[0][3] if opts else 0
    rcode = flags & 15 | ttl >> 24 << 4
    rcode_text = RCODES.get(rcode, f"rcode{rcode}")
    query = case.opcode == 0
    server_cookies = [data for code, data in options if code == 10 and 16 <= len(data) <= 40]
    if not query:
        expect(question is None and not answers and not authority and not additional, "sections-not-empty")
    expect(flags >> 11 & 15 == case.opcode, f"opcode{flags >> 11 & 15}")
    if case.version:
        expect(rcode == 16, rcode_text)
    elif not query:
        expect(rcode == 4, rcode_text)
    else:
        expect(rcode == 0 or case.cookie and rcode == 23 and server_cookies, rcode_text)
    # EDNS: there when it was in the query, of version 0, with nothing but DO in its flags, unknown options not sent back.
    expect(not opts or ttl >> 16 & 255 == 0, "version-not-zero")
    expect(not opts or (rcode == 16) == (case.version > 0), "badversion")
    expect(bool(opts) == bool(case.edns) or not query and not case.edns and not opts, "noopt" if case.edns else "opt")
    expect(ttl & 0x7FFF == 0, "mbz")
    expect(all(code != 100 for code, _ in options), "echoed")
    # The record asked for is there exactly when all is well.
    soa = any(record[0] == zone.lower() and record[1] == SOA for record in answers)
    if case.qtype == SOA:
        if case.version == 0 and rcode == 0:
            expect(soa, "nosoa")
        else:
            expect(not soa, "soa")
    signed = any(record[1] == 46 for record in answers)
    asked_do = bool(case.edns) and bool(case.edns.flags & DO)
    if opts and asked_do and signed:
        expect(ttl & DO, "nodo")
        expect(not case.flags & CD or not ttl & DO or flags & CD, "nocd")
    # Header flags mean something in QUERY only, and are never just sent back.
    if query and case.version == 0 and rcode == 0:
        expect(flags & AA, "noaa")
    expect(query or not flags & AA, "aa")
    expect(query or not flags & RA, "ra")
    expect(not flags & RD or query and case.flags & RD, "rd")
    expect(flags & RD or not (query and case.flags & RD), "nord")
    expect(not flags & AD or query and (case.flags & AD or asked_do), "ad")
    expect(not flags & CD or query and case.flags & CD, "cd")
    expect(not flags & Z, "z")
    if case.keep_truncated:
        expect(len(answer) <= case.edns.size, "toobig")
    for cookie in server_cookies:
        expect(not case.cookie or cookie[:8] == CLIENT, "cookie-mismatch")
    able += [word for word, there in (("nsid", any(code == 3 and data for code, data in options)),
                                      ("expire", any(code == 9 and len(data) == 4 for code, data in options)),
                                      ("cookie", server_cookies), ("subnet", any(code == 8 for code, _ in options)))
             if there]
    return remarks, able


def report(address, zone_text):
    """{case name: (remarks, able)}"""
    zone, results = packets.name(zone_text), {}
    for case in cases():
        packet = case.packet(zone, random.randrange(65536))
        try:
            answer = exchange(address, packet, case.tcp)
            if answer and answer[2] & 2 and not case.tcp and not case.keep_truncated:
                answer = exchange(address, packet, True)
        except OSError as error:
            results[case.name] = [type(error).__name__], []
            continue
        if answer is None:
            results[case.name] = ["timeout" if not case.tcp else "eof"], []
        elif answer[:2] != packet[:2] or not answer[2] & 0x80:
            results[case.name] = ["no-answer-to-this"], []
        else:
            results[case.name] = judge(case, zone, answer)
    return results


def words(results):
    return " ".join(f"{name}={','.join((remarks or ['ok']) + able)}" for name, (remarks, able) in results.items())


def remarks_of(results):
    return {name: remarks for name, (remarks, _) in results.items() if remarks}


ZONE = """$ORIGIN compliance.example.
$TTL 3600
@ SOA ns1 hostmaster 2026010101 7200 900 1209600 300
@ NS ns1
@ NS ns2
@ MX 10 mail
@ TXT "a zone for questions about EDNS"
ns1 A 192.0.2.1
ns2 AAAA 2001:db8::2
mail A 192.0.2.3
"""


def main():
    if len(sys.argv) == 3:
        print(words(report(sys.argv[1], sys.argv[2])))
        return 0
    checks = Checks()
    with Lab() as lab:
        plain, signed = lab.folder / "plain.zone", lab.folder / "signed.zone"
        plain.write_text(ZONE)
        zone = "compliance.example"
        status, out, err = lab.run([program(), "zone", "sign", plain, "--zone", zone, "--output", signed, "--keys",
                                    lab.folder / "keys"])
        checks.equal(status, 0, f"the zone is signed: {out}{err}")
        secrets = lab.folder / "secrets"
        secrets.write_text("e5e973e5a6b2a43f48e7dc849e37bfcf\n")
        served = {zone: signed}
        full = ["--identity", "node-1", "--cookie-secrets", secrets]
        ours = report(Authority(lab, served, [*full, "--echo-cd"]).address, zone)
        print(f"onoma --echo-cd: {words(ours)}")
        checks.equal(remarks_of(ours), {}, f"onoma is all ok with --echo-cd: {len(ours)} cases")
        for name, able in (("ednsnsid", "nsid"), ("ednscookie", "cookie"), ("ednsexpire", "expire"), ("optlist", "expire"),
                           ("optlist", "nsid"), ("optlist", "cookie")):
            checks.that(able in ours[name][1], f"onoma answers the option: {name} has {able}", ours[name])
        ours = report(Authority(lab, served, full, name="without").address, zone)
        checks.equal(remarks_of(ours), {"docd": ["nocd"]}, "without --echo-cd CD is cleared (RFC 4035), which one case remarks")
        bare = report(Authority(lab, {zone: plain}, ["--echo-cd"], name="bare").address, zone)
        checks.equal(remarks_of(bare), {}, "onoma is all ok with an unsigned zone and nothing configured")
        for name, server, binary in (("BIND", Bind, "named"), ("NSD", Nsd, "nsd"), ("Knot", Knot, "knotd")):
            if not shutil.which(binary, path="/usr/sbin:/usr/bin"):
                continue
            theirs = report(server(lab, served).address, zone)
            print(f"{name}: {words(theirs)}")
            print(f"{name}: remarks {remarks_of(theirs)}")
            if name == "BIND":
                checks.equal(remarks_of(theirs), {}, "BIND is all ok")
            else:
                checks.equal(theirs["docd"][0], ["nocd"], f"{name} clears CD, and the judge sees it")
                checks.that(remarks_of(theirs).keys() <= {"docd", "opcodeflg"}, f"{name} has no other remark than the known",
                            remarks_of(theirs))
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
