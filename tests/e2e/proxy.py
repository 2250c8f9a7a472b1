#!/usr/bin/env python3
"""PROXY v2 headers of listed peers, over UDP and TCP, sent by kdig and by hand: the cookie tells which address the server
took for the client's. From everybody else a header is a malformed packet.
"""
import os
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, free_port, need, program, wait_for  # noqa: E402

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 1 7200 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.80
"""
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT_COOKIE = b"12345678"
checks = Checks()


def header(source, stream, command=1):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    address = socket.inet_pton(family, source)
    block = address + address + struct.pack("!HH", 5353, 53)
    kind = (0x20 if ":" in source else 0x10) | (1 if stream else 2)
    return SIGNATURE + bytes([0x20 | command, kind]) + struct.pack("!H", len(block)) + block


def question(cookie=CLIENT_COOKIE):
    message = packets.query(packets.name("www.example.org"), 1, 4711)
    return message[:-2] + struct.pack("!HHH", 4 + len(cookie), 10, len(cookie)) + cookie


def udp(port, octets, source="127.0.0.1", timeout_s=1.0):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.bind((source, 0))
        client.connect(("127.0.0.1", port))
        client.settimeout(timeout_s)
        client.send(octets)
        try:
            return client.recv(4096)
        except TimeoutError:
            return None


def tcp(port, octets, source="127.0.0.1"):
    with socket.create_connection(("127.0.0.1", port), 2, source_address=(source, 0)) as client:
        client.sendall(octets)
        client.settimeout(2)
        data = b""
        try:
            while len(data) < 2 or len(data) < 2 + struct.unpack_from("!H", data)[0]:
                more = client.recv(4096)
                if not more:
                    return None
                data += more
        except OSError:
            return None
        return data[2:]


def cookie(answer):
    """The cookie in an answer: a hash of the client's address, sent back as it came while it is good."""
    if answer is None:
        return None
    options = [data for _, kind, _, _, data in packets.parse(answer)[2][2] if kind == 41][0]
    at = options.find(struct.pack("!H", 10))
    return options[at + 4:at + 4 + struct.unpack_from("!H", options, at + 2)[0]]


def framed(message):
    return struct.pack("!H", len(message)) + message


def by_hand(port):
    message = question()
    made = {}
    for source in ("192.0.2.7", "192.0.2.8", "2001:db8::7"):
        made[source] = cookie(udp(port, header(source, False) + message))
        checks.equal(len(made[source] or b""), 24, f"UDP for {source} is answered")
        again = question(made[source])
        for stream in (False, True):
            checks.equal(cookie(udp(port, header(source, stream) + again)), made[source],
                         f"the cookie of {source} is good over UDP")
        checks.equal(cookie(tcp(port, header(source, True) + framed(again))), made[source], "and over TCP")
    stolen = question(made["192.0.2.7"])
    for name, octets in (("another client", header("192.0.2.8", False) + stolen),
                         ("the proxy itself", header("192.0.2.7", False, command=0) + stolen)):
        got = cookie(udp(port, octets))
        checks.that(got is not None and got != made["192.0.2.7"], f"it is not good for {name}", got)
    checks.equal(udp(port, message), None, "UDP without a header is not answered")
    checks.equal(tcp(port, framed(message)), None, "TCP without a header is not answered")
    checks.equal(udp(port, header("192.0.2.7", False)[:20]), None, "half a header is not answered")


def with_kdig(kdig, port):
    for more in ([], ["+tcp"]):
        for source, target in (("192.0.2.7#5353", "198.51.100.1#53"), ("192.0.2.7", "198.51.100.1"),
                               ("2001:db8::7#5353", "2001:db8::1#53")):
            done = subprocess.run([kdig, "@127.0.0.1", "-p", str(port), "www.example.org", "A", "+short", "+time=2",
                                   "+retry=0", f"+proxy={source}-{target}", *more], capture_output=True, text=True)
            checks.equal(done.stdout.strip(), "192.0.2.80", f"kdig +proxy={source} {' '.join(more)} gets its answer")


def from_others(port):
    message = question()
    checks.that(udp(port, message, "127.0.0.2") is not None, "UDP of others needs no header")
    checks.that(tcp(port, framed(message), "127.0.0.2") is not None, "nor does TCP")
    answer = udp(port, header("192.0.2.7", False) + message, "127.0.0.2")
    checks.that(answer is None or packets.parse(answer)[0] & 15 != 0, "a header of others is no question", answer)


with Lab() as lab:
    kdig = need("kdig")["kdig"]
    (lab.folder / "example.zone").write_text(ZONE)
    (lab.folder / "cookies").write_text("00112233445566778899aabbccddeeff\n")
    port = free_port()
    server = lab.start("server", [program(), "authority", "--listen", f"127.0.0.1:{port}", "--proxy-from", "127.0.0.1/32",
                                  "--zone", f"example.org={lab.folder}/example.zone", "--control", lab.folder / "sock",
                                  "--cookie-secrets", lab.folder / "cookies"])
    wait_for(lambda: b"ready" in server.out.read_bytes() or not server.running(), 20, "the server answers")
    checks.part(by_hand, port)
    checks.part(with_kdig, kdig, port)
    checks.part(from_others, port)
    status, out, err = lab.run([program(), "authority", "--listen", "127.0.0.1:0", "--proxy-from", "127.0.0.1/8", "--zone",
                                f"example.org={lab.folder}/example.zone"])
    checks.that(status in (2, 3) and "bits behind the first 8 are set" in err + out, "a wrong network is named",
                (status, out, err))
sys.exit(checks.finish())
