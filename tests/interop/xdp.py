#!/usr/bin/env python3
"""AF_XDP between two network namespaces joined by a veth pair: thousands of answers equal to those of UDP sockets over
IPv4 and IPv6; what the filter must leave alone goes its usual way; a killed server leaves the interface as it was; what
cannot be opened is said and the sockets answer.

`xdp.py --measure PROGRAM` prints the throughput of sockets and AF_XDP in turns instead.
"""
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, need, program, skip, wait_for  # noqa: E402

PORT, PLAIN_PORT = 5300, 5301
V4, V6, OTHER = "198.51.100.1", "2001:db8::1", "198.51.100.3"
checks = Checks()


def enter_namespaces():
    """Starts this script again in namespaces of its own, so that whatever it makes there goes with it."""
    if os.geteuid() != 0:
        skip("network namespaces and AF_XDP need root")
    tools = need("ip", "unshare")
    if subprocess.run([tools["unshare"], "--net", "--mount", "true"], capture_output=True).returncode != 0:
        skip("this system allows no new network namespaces")
    os.environ["ONOMA_XDP_INSIDE"] = "1"
    os.execv(tools["unshare"], ["unshare", "--net", "--mount", sys.executable, "-B", *sys.argv])


def ip(*words):
    done = subprocess.run([need("ip")["ip"], *words], capture_output=True, text=True)
    if done.returncode != 0:
        skip(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def inside(*words):
    return [need("ip")["ip"], "netns", "exec", "server", *words]


def make_network():
    # The script's own mount namespace also hides the names of its network namespaces from others.
    os.makedirs("/run/netns", exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "onoma", "/run/netns"], check=True)
    ip("netns", "add", "server")
    ip("link", "add", "client", "numrxqueues", "1", "numtxqueues", "1", "type", "veth",
       "peer", "name", "veth0", "numrxqueues", "1", "numtxqueues", "1", "netns", "server")
    for prefix, device, last in ((["-n", "server"], "veth0", "1"), ([], "client", "2")):
        ip(*prefix, "addr", "add", f"198.51.100.{last}/24", "dev", device)
        ip(*prefix, "addr", "add", f"2001:db8::{last}/64", "dev", device, "nodad")
        ip(*prefix, "link", "set", device, "up")
        ip(*prefix, "link", "set", "lo", "up")
    ip("-n", "server", "addr", "add", f"{OTHER}/24", "dev", "veth0")


def write_zone(folder):
    lines = ["$TTL 3600", "@ SOA ns1 hostmaster 1 7200 900 604800 300", "@ NS ns1", f"ns1 A {V4}", f"ns1 AAAA {V6}",
             "*.wild TXT \"anything\"", "large TXT " + " ".join(f'"{i:0200}"' for i in range(8))]
    for i in range(1000):
        lines += [f"a{i} A 192.0.{i // 256}.{i % 256}", f"child{i} NS ns.child{i}", f"ns.child{i} AAAA 2001:db8:1::{i:x}"]
    (folder / "example.zone").write_text("\n".join(lines) + "\n")
    return folder / "example.zone"


def start(lab, name, zone, listen, *more, before=(), the_program=None):
    command = [*inside(), *before, the_program or program(), "authority", *more, "--zone", f"example={zone}",
               "--control", lab.folder / f"{name}.sock", "--identity", name]
    for address in listen:
        command += ["--listen", address]
    server = lab.start(name, command)
    wait_for(lambda: b"ready" in server.out.read_bytes() or not server.running(), 20, f"{name} answers")
    if not server.running():
        raise RuntimeError(f"{name} did not start: {server.errors()}")
    return server


def questions(count):
    kinds = ["A", "AAAA", "NS", "TXT", "ANY"]
    for i in range(count):
        number = random.randrange(1200)
        name = random.choice([f"a{number}.example", f"x.child{number}.example", f"no{i}.example", "example",
                              f"{i}.wild.example", "large.example", "elsewhere.test"])
        yield packets.query(packets.name(name), packets.TYPES[random.choice(kinds)], random.randrange(65536),
                            dnssec=random.random() < .3, edns=random.random() < .8,
                            size=random.choice([512, 1232, 4096]))


def ask_all(address, port, messages, window=64):
    """The answers in the order of the questions, asked in batches; what gets lost is asked again."""
    answers = {}
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect((address, port))
        client.settimeout(0.5)
        for start_at in range(0, len(messages), window):
            waiting = {}
            for i, message in enumerate(messages[start_at:start_at + window]):
                waiting[i] = struct.pack("!H", i) + message[2:]
            for _ in range(5):
                for message in waiting.values():
                    client.send(message)
                while waiting:
                    try:
                        answer = client.recv(65535)
                    except TimeoutError:
                        break
                    i = struct.unpack_from("!H", answer)[0]
                    if waiting.pop(i, None):
                        answers[start_at + i] = answer[2:]
                if not waiting:
                    break
    return answers


def datagrams_in():
    """What the server's UDP sockets have received: AF_XDP does not count here."""
    text = subprocess.run(inside("cat", "/proc/net/snmp", "/proc/net/snmp6"), capture_output=True, text=True).stdout
    v4 = [line.split() for line in text.splitlines() if line.startswith("Udp:")]
    v6 = re.search(r"Udp6InDatagrams\s+(\d+)", text)
    return int(v4[1][v4[0].index("InDatagrams")]) + int(v6[1])


def compare_answers(count):
    for address in (V4, V6):
        asked = list(questions(count))
        before = datagrams_in()
        got = ask_all(address, PORT, asked)
        through_sockets = datagrams_in() - before
        wanted = ask_all(address, PLAIN_PORT, asked)
        checks.equal((len(got), len(wanted)), (count, count), f"{address}: every question is answered by both")
        different = [i for i in range(count) if got.get(i) != wanted.get(i)]
        checks.that(not different, f"{address}: {count} answers are equal",
                    [(asked[i].hex(), got.get(i), wanted.get(i)) for i in different[:2]])
        checks.that(through_sockets < count / 10, f"{address}: they did not come through the sockets",
                    f"{through_sockets} of {count} did")


def echo(address):
    """One ICMP echo, by a socket that needs no ping program."""
    v6 = ":" in address
    family, protocol = (socket.AF_INET6, socket.getprotobyname("ipv6-icmp")) if v6 else (socket.AF_INET, 1)
    message = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 4711, 1) + b"onoma!"
    if not v6:
        total = sum(struct.unpack(f"!{len(message) // 2}H", message))
        total = (total & 0xFFFF) + (total >> 16)
        message = message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]
    with socket.socket(family, socket.SOCK_RAW, protocol) as raw:
        raw.settimeout(2)
        raw.sendto(message, (address, 0))
        end = time.monotonic() + 2
        while time.monotonic() < end:
            try:
                answer = raw.recv(2048)
            except TimeoutError:
                return False
            answer = answer if v6 else answer[20:]
            if answer[0] == (129 if v6 else 0) and answer[4:] == message[4:]:
                return True
    return False


def over_tcp(address, port=PORT):
    message = packets.query(packets.name("a7.example"), 1, 7)
    with socket.create_connection((address, port), 3) as stream:
        stream.sendall(struct.pack("!H", len(message)) + message)
        return stream.recv(2) != b"" and stream.recv(2) == message[:2]


def usable(when):
    for address in (V4, V6):
        checks.that(echo(address), f"{when}: {address} answers an echo")


def identity(address, port=PORT):
    answer = packets.parse(packets.Client(f"[{address}]:{port}" if ":" in address else f"{address}:{port}").raw(
        "a7.example", "A", edns=False))
    return answer[0] & 15


def unusual_packets(server):
    usable("while it serves")
    for address in (V4, V6):
        checks.that(over_tcp(address), f"{address}: TCP goes its usual way")
    # A question so long that it comes in fragments: an option of 2,000 octets of padding.
    message = packets.query(packets.name("a7.example"), 1, 7)
    long = message[:-2] + struct.pack("!HHH", 2004, 12, 2000) + bytes(2000)
    for address in (V4, V6):
        before = datagrams_in()
        answers = ask_all(address, PORT, [long])
        checks.that(0 in answers and datagrams_in() > before, f"{address}: fragments go through the sockets")
    # IPv4 with options (four times "no operation").
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\1\1\1\1")
        client.settimeout(2)
        client.connect((V4, PORT))
        before = datagrams_in()
        client.send(message)
        checks.that(client.recv(4096)[:2] == message[:2] and datagrams_in() > before,
                    "IPv4 options go through the sockets")
    # Without a UDP checksum.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK
        client.settimeout(2)
        client.connect((V4, PORT))
        client.send(message)
        checks.that(client.recv(4096)[:2] == message[:2], "IPv4 without a UDP checksum is answered")
    # Same port, another address, another server.
    before = datagrams_in()
    checks.equal(identity(OTHER), 0, "an address that is not listed is left to its own server")
    checks.that(datagrams_in() > before, "through that server's socket")
    checks.that(server.running(), "the server lives")


def attached():
    """Whether a program is attached to the server's interface, as `ip` shows it."""
    return "xdp" in ip("-n", "server", "-d", "link", "show", "veth0")


def main():
    need("ip")
    with Lab() as lab:
        make_network()
        zone = write_zone(lab.folder)
        listen = [f"{V4}:{PORT}", f"[{V6}]:{PORT}"]
        plain = [f"{V4}:{PLAIN_PORT}", f"[{V6}]:{PLAIN_PORT}"]
        start(lab, "plain", zone, plain)
        start(lab, "other", zone, [f"{OTHER}:{PORT}"])
        server = start(lab, "xdp", zone, listen, "--xdp", "veth0")
        said = server.errors()
        if "AF_XDP takes requests from veth0" not in said:
            checks.that("UDP sockets answer everything" in said, "a refusal is told once", said)
            skip(f"this kernel refuses: {said.strip()}")
        print(re.search("AF_XDP takes requests from .*", said)[0])
        checks.that(attached(), "the filter is attached")
        checks.part(compare_answers, int(os.environ.get("ONOMA_XDP_QUESTIONS", "5000")))
        checks.part(unusual_packets, server)

        second = start(lab, "second", zone, [f"{V4}:5302"], "--xdp", "veth0:0")
        checks.that(second.errors().count("veth0: no AF_XDP") == 1 and "another program" in second.errors(),
                    "a second server on the same queue says once why it has none", second.errors())
        checks.equal(identity(V4, 5302), 0, "and answers by its sockets")

        server.kill()
        wait_for(lambda: not attached(), 5, "the filter goes with the process")
        usable("after kill -9")
        again = start(lab, "again", zone, [f"0.0.0.0:{PORT + 10}", f"[::]:{PORT + 10}"], "--xdp", "veth0:0")
        checks.that("AF_XDP takes requests" in again.errors(), "the next one takes the interface", again.errors())
        before = datagrams_in()
        for address in (V4, V6):
            asked = list(questions(500))
            checks.equal(len(ask_all(address, PORT + 10, asked)), 500, f"{address}: behind a wildcard")
        checks.that(datagrams_in() - before < 100, "also past the sockets")
        again.signal(signal.SIGTERM)
        again.child.wait(10)
        checks.that(not attached(), "a server that stops detaches")
        usable("after SIGTERM")

        none = start(lab, "none", zone, [f"{V4}:5303"], "--xdp", "nosuch0")
        checks.that("nosuch0: no AF_XDP: there is no such network interface" in none.errors(),
                    "an interface that is not there is named", none.errors())
        checks.equal(identity(V4, 5303), 0, "and the sockets answer")
        tool = need("setpriv")["setpriv"]
        weak = start(lab, "weak", zone, [f"{V4}:5304"], "--xdp", "veth0",
                     before=(tool, "--bounding-set=-all", "--inh-caps=-all"))
        checks.that("not permitted; it needs the capabilities" in weak.errors(),
                    "missing capabilities are named", weak.errors())
        checks.equal(identity(V4, 5304), 0, "and the sockets answer")
    sys.exit(checks.finish())


def measure(the_program):
    """Sockets and AF_XDP in turns, each asked by dnsperf as fast as it answers."""
    need("dnsperf")
    with Lab() as lab:
        make_network()
        zone = write_zone(lab.folder)
        asked = lab.folder / "questions"
        asked.write_text("".join(f"a{random.randrange(1100)}.example A\n" for _ in range(20000)))
        for turn in range(3):
            for name, more in (("sockets", ()), ("xdp", ("--xdp", "veth0"))):
                server = start(lab, f"{name}{turn}", zone, [f"{V4}:{PORT}", f"[{V6}]:{PORT}"], *more,
                               the_program=the_program)
                _, out, _ = lab.run(["dnsperf", "-s", V4, "-p", str(PORT), "-d", asked, "-l", "5", "-c", "8", "-q", "400"])
                stat = open(f"/proc/{server.pid}/stat", encoding="ascii").read().rsplit(")", 1)[1].split()
                cpu = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
                rate = re.search(r"Queries per second:\s+([\d.]+)", out)[1]
                done = int(re.search(r"Queries completed:\s+(\d+)", out)[1])
                lost = re.search(r"Queries lost:\s+(\d+)", out)[1]
                print(f"{name}: {float(rate):.0f} answers/s, {cpu / done * 1e6:.2f} us of the server's CPU an answer "
                      f"(user {int(stat[11])}, system {int(stat[12])} ticks), {lost} lost")
                server.stop()


if "ONOMA_XDP_INSIDE" not in os.environ:
    enter_namespaces()
elif len(sys.argv) > 2 and sys.argv[1] == "--measure":
    measure(os.path.abspath(sys.argv[2]))
else:
    main()
