#!/usr/bin/env python3
"""The limiter, the statistics and dnstap of a running server, as an operator meets them: a flood of random names from one
address while others ask for what is there, a dry run, cookies, what was asked, the files of a day.
"""
import ctypes
import json
import os
import random
import shutil
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, free_port, program, wait_for  # noqa: E402
from support.servers import Authority, Serve  # noqa: E402

ZONE = """$TTL 3600
@ SOA ns1 hostmaster 7 7200 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.2
"""
# Small numbers, so that a sender in Python is a flood.
LIMITS = ["--limit-flood-names", "100", "--limit-flood-source", "5", "--limit-shed", "0"]
FLOODER = "127.0.0.66"
SECRET = "00112233445566778899aabbccddeeff"
checks = Checks()


class Flood(threading.Thread):
    """Random names below a zone from one address, in bursts, until stop(); counts full answers to them."""

    def __init__(self, address, source, zone="flood.example", per_s=4000):
        super().__init__(daemon=True)
        host, _, port = address.rpartition(":")
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 21)
        self.socket.bind((source, 0))
        self.socket.connect((host, int(port)))
        self.socket.setblocking(False)
        self.zone, self.per_s, self.ended = packets.name(zone), per_s, threading.Event()
        self.sent = self.answered = self.truncated = 0

    def read(self):
        try:
            while True:
                flags = struct.unpack_from("!H", self.socket.recv(2048), 2)[0]
                self.truncated += bool(flags & packets.TC)
                self.answered += not flags & packets.TC
        except OSError:
            pass

    def run(self):
        burst = 40
        while not self.ended.is_set():
            begun = time.monotonic()
            for _ in range(burst):
                label = b"%016x" % random.getrandbits(64)
                try:
                    self.socket.send(packets.query(bytes([len(label)]) + label + self.zone, 1))
                    self.sent += 1
                except OSError:
                    pass
            self.read()
            self.ended.wait(max(0.0, burst / self.per_s - (time.monotonic() - begun)))

    def stop(self):
        self.ended.set()
        self.join()
        time.sleep(0.05)
        self.read()
        self.socket.close()


def client_at(server, source, **more):
    client = packets.Client(server.address, **more)
    client.socket.close()
    client.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.socket.bind((source, 0))
    client.socket.connect(client.address)
    return client


def page(admin, path):
    with urllib.request.urlopen(f"http://{admin}{path}", timeout=5) as answer:
        return answer.read().decode()


def metric(admin, name):
    """The value of a metric without labels, or the sum over its labels."""
    lines = [line for line in page(admin, "/metrics").splitlines() if line.startswith((name + " ", name + "{"))]
    return sum(float(line.split()[-1]) for line in lines)


def onoma(lab, *words):
    return lab.run([program(), *words])


def authority(lab, name, *more):
    file = lab.folder / "flood.zone"
    file.write_text(ZONE)
    server = Authority(lab, {"flood.example": file}, more=more, name=name)
    return server


def cookie_question(cookie, qname):
    message = packets.query(packets.name(qname), 1)
    return message[:-2] + struct.pack("!HHH", 4 + len(cookie), 10, len(cookie)) + cookie


def cookie_in(answer):
    for owner, kind, _, _, data in packets.parse(answer)[2][2]:
        if kind == 41 and data[:2] == b"\0\x0a":
            return data[4:4 + struct.unpack("!H", data[2:4])[0]]
    return b""


def exchange(client, message):
    client.socket.settimeout(0.5)
    client.socket.send(message)
    try:
        return client.socket.recv(4096)
    except TimeoutError:
        return b""


def attack(lab):
    admin = f"127.0.0.1:{free_port()}"
    (lab.folder / "cookies").write_text(SECRET + "\n")
    server = authority(lab, "on", "--limit", "on", *LIMITS, "--admin", admin, "--cookie-secrets", lab.folder / "cookies")
    status, out, _ = onoma(lab, "status", "--control", server.control, "--json")
    quiet = json.loads(out)
    checks.equal((status, quiet["limits"], quiet["floods"]), (0, "on", []), "status tells the mode, and no flood while there is none")

    # A cookie from before, for the address that will flood.
    holder = client_at(server, FLOODER)
    cookie = cookie_in(exchange(holder, cookie_question(b"8 octets", "www.flood.example")))
    checks.equal(len(cookie), 24, "the server gives a cookie")

    flood = Flood(server.address, FLOODER)
    flood.start()
    wait_for(lambda: json.loads(onoma(lab, "status", "--control", server.control, "--json")[1])["floods"], 5, "the flood in the status")
    found = json.loads(onoma(lab, "status", "--control", server.control, "--json")[1])["floods"][0]
    checks.equal(found["below"], "flood.example.", "the status names the flooded zone")
    status, out, _ = onoma(lab, "status", "--control", server.control)
    checks.that(status == 0 and "flood of random names below flood.example." in out, "also in words", out)
    status, out, _ = onoma(lab, "status", "--exit-code", "--control", server.control)
    checks.that(status == 0 and out.count("\n") == 1, "and --exit-code stays one line", out)

    good = total = 0
    for i in range(150):
        client = client_at(server, f"127.0.0.{100 + i % 100}", timeout_s=0.5, tries=1)
        total += 1
        try:
            good += client.answers("www.flood.example", "A") == [bytes([192, 0, 2, 2])]
        except TimeoutError:
            pass
        client.close()
    checks.that(good >= 0.99 * total, f"{good} of {total} questions for what is there are answered during the flood")

    passed = sum(bool(answer) and not struct.unpack_from("!H", answer, 2)[0] & packets.TC
                 for answer in (exchange(holder, cookie_question(cookie, f"miss{i}.flood.example")) for i in range(40)))
    checks.equal(passed, 40, "who shows a good cookie gets every answer, from the flooding address too")
    holder.close()

    # What the limiter withholds once it has found the flood.
    sent, answered = flood.sent, flood.answered
    time.sleep(0.6)
    sent, answered = flood.sent - sent, flood.answered - answered
    checks.that(sent > 500 and answered < 0.05 * sent, f"{answered} of {sent} random names are answered once the flood is known")
    flood.stop()
    checks.that(flood.truncated > 0, "some leave empty with TC")
    wait_for(lambda: metric(admin, "onoma_dns_limit_flood_total") > 500, 5, "the counters")
    checks.that(metric(admin, "onoma_dns_limit_dropped_total") > 500 and metric(admin, "onoma_dns_limit_truncated_total") > 0 and
                metric(admin, "onoma_dns_limit_exempt_total") >= 40 and metric(admin, "onoma_dns_limit_dry_run_total") == 0,
                "/metrics has what was withheld and who was exempt")
    checks.equal(metric(admin, "onoma_dns_floods"), 1, "and that there is a flood")
    checks.that(metric(admin, "onoma_dns_responses_total") > 0 and "onoma_dns_service_seconds_bucket" in page(admin, "/metrics"),
                "and the metrics with labels")

    names(lab, server, admin)
    checks.equal(server.process.stop(), 0, "it ends with status 0")
    checks.that("flood of random names below flood.example. began" in server.process.errors(), "the log tells of the flood",
                server.process.errors())


def names(lab, server, admin):
    """What was asked, over the control socket and on the admin address."""
    client = client_at(server, "127.0.0.9")
    for _ in range(300):
        client.ask("www.flood.example", "A")
    client.close()
    status, out, err = onoma(lab, "stats", "--top", "--most", "5", "--json", "--control", server.control)
    top = json.loads(out) if status == 0 else {}
    checks.that(any(one["name"] == "www.flood.example." for one in top["names"]) and
                any(one["address"] == FLOODER for one in top["addresses"]),
                "stats --top has the frequent name and the address of the flood", out + err)
    status, out, _ = onoma(lab, "stats", "--top", "--control", server.control)
    checks.that(status == 0 and "www.flood.example." in out and FLOODER in out and "networks" in out, "also in words", out)
    checks.equal({one["name"] for one in json.loads(page(admin, "/v1/stats/top?most=5"))["names"]},
                 {one["name"] for one in top["names"]}, "and the page /v1/stats/top")
    status, out, _ = onoma(lab, "stats", "--json", "--control", server.control)
    counters = json.loads(out)
    checks.that(status == 0 and counters["requests"] > 1000 and counters["rcodes"]["NXDOMAIN"] > 0 and
                counters["rcodes"]["NOERROR"] >= 300, "stats has the counters", out)
    status, out, _ = onoma(lab, "stats", "--control", server.control)
    checks.that(status == 0 and out.startswith("since 20") and "NOERROR" in out, "also in words", out)
    status, out, err = onoma(lab, "stats", "--magnitude", "--control", server.control)
    checks.that(status == 3 and "--stats-magnitude" in err, "what is not counted is told, and how to change it", out + err)


def dry_run(lab):
    admin = f"127.0.0.1:{free_port()}"
    server = authority(lab, "dry", "--limit", "dry-run", *LIMITS, "--admin", admin, "--stats", "off")
    flood = Flood(server.address, FLOODER, per_s=2000)
    flood.start()
    wait_for(lambda: metric(admin, "onoma_dns_limit_dry_run_total") > 200, 6, "the dry run's counter")
    flood.stop()
    checks.equal((flood.truncated, flood.sent), (0, flood.answered), "a dry run withholds nothing")
    checks.that(metric(admin, "onoma_dns_limit_dropped_total") == 0 and metric(admin, "onoma_dns_limit_truncated_total") == 0,
                "and counts nothing as withheld")
    status, out, _ = onoma(lab, "status", "--control", server.control)
    checks.that(status == 0 and "would have been withheld" in out, "status says that they would have been", out)
    status, out, err = onoma(lab, "stats", "--control", server.control)
    checks.that(status == 3 and "--stats on" in err, "without statistics, stats says how to have them", out + err)
    try:
        page(admin, "/v1/stats")
        checks.that(False, "there is no page of statistics")
    except urllib.error.HTTPError as error:
        checks.equal(error.code, 404, "there is no page of statistics")
    server.process.stop()


def yesterday(state):
    """Makes the saved state one of the day before; False without the library for its sum."""
    try:
        library = ctypes.CDLL("libxxhash.so.0")
    except OSError:
        return False
    library.XXH3_64bits.restype = ctypes.c_uint64
    library.XXH3_64bits.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    octets = state.read_bytes()
    body = octets[:-8]
    today = int(time.time()) // 86400
    at = body.index(struct.pack("!Q", today))
    checks.that(octets[-8:] == struct.pack("!Q", library.XXH3_64bits(body, len(body))), "the state ends with the sum over it")
    body = body[:at] + struct.pack("!Q", today - 1) + body[at + 8:]
    state.write_bytes(body + struct.pack("!Q", library.XXH3_64bits(body, len(body))))
    return True


def files(lab):
    folder, tap = lab.folder / "stats", lab.folder / "tap.fstrm"
    more = ["--stats-folder", folder, "--stats-service", "a.test-servers.example", "--stats-zone", "flood.example",
            "--stats-magnitude", "--dnstap-file", tap, "--identity", "test-server"]
    server = authority(lab, "files", *more)
    client = client_at(server, "127.0.0.7")
    for _ in range(20):
        client.ask("www.flood.example", "A")
    client.close()
    status, out, err = onoma(lab, "stats", "--magnitude", "--control", server.control)
    checks.that(status == 0 and "flood.example" in out, "stats --magnitude", out + err)
    checks.equal(server.process.stop(), 0, "it ends with status 0")
    if shutil.which("dnstap-read"):
        status, out, err = lab.run(["dnstap-read", "-p", tap])
        checks.that(status == 0 and out.count("AQ 127.0.0.7:") == 20 and out.count("AR 127.0.0.7:") == 20 and
                    "www.flood.example/IN/A" in out, "dnstap-read shows every query and answer", out[:500] + err)
    else:
        checks.that(tap.stat().st_size > 1000, "the dnstap file has something in it")
    checks.that((folder / "statistics.state").exists(), "the day is saved at the end")

    server = authority(lab, "again", *more[:-4])
    status, out, _ = onoma(lab, "stats", "--magnitude", "--json", "--control", server.control)
    checks.equal(json.loads(out)["totalQueryVolume"], 20, "and goes on after a restart")
    server.process.stop()

    if yesterday(folder / "statistics.state"):
        server = authority(lab, "tomorrow", *more[:-4])
        path = folder / time.strftime("%Y/%m/{0}/a-test-servers-example-%Y%m%d-{0}.yaml", time.gmtime(time.time() - 86400))
        volume = wait_for(lambda: (one := type(path)(str(path).format("traffic-volume"))).exists() and one.read_text(), 5, "the files of a day")
        checks.that("service: a.test-servers.example" in volume and "dns-udp-queries-received-ipv4: 20" in volume,
                    "a day that is over leaves its RSSAC002 files", volume)
        size = wait_for(lambda: (one := type(path)(str(path).format("zone-size"))).exists() and one.read_text(), 5, "zone-size")
        checks.that("  7: 200\n" in size, "with the octets of the zone", size)
        server.process.stop()

    (folder / "statistics.state").write_bytes(b"damaged")
    server = authority(lab, "damaged", *more[:-4])
    checks.that((folder / "statistics.state.damaged").exists() and "the day begins anew" in server.process.errors(),
                "a damaged state is set aside and the server answers", server.process.errors())
    server.process.stop()
    (lab.folder / "file").write_text("")
    status, _, err = onoma(lab, "authority", "--listen", f"127.0.0.1:{free_port()}", "--control", lab.folder / "x.sock",
                           "--zone", f"flood.example={lab.folder}/flood.zone", "--stats-folder", lab.folder / "file/below")
    checks.that(status == 4 and "file/below" in err, "a folder that cannot be made ends the start", (status, err))


def words(lab):
    """Wrong settings are told before anything is opened."""
    start = ["authority", "--listen", f"127.0.0.1:{free_port()}", "--zone", "flood.example=flood.zone", "--control", lab.folder / "w.sock"]
    for given, expected, hint in ((["--limit", "maybe"], 2, "dry-run"), (["--limit-answers", "5"], 2, "--limit"),
                                  (["--limit", "on", "--limit-answers", "-1"], 3, "0 (no limit)"),
                                  (["--dnstap", "a", "--dnstap-file", "b"], 3, "one of them"),
                                  (["--dnstap-sample", "0", "--dnstap-file", "b"], 3, "1 (every query)"),
                                  (["--stats-service", "a b"], 3, "a.root-servers.net")):
        status, _, err = onoma(lab, *start, *given)
        checks.that(status == expected and hint in err, f"{' '.join(given)}: status {expected}, and what may stand there", (status, err))
    config = lab.folder / "bad.toml"
    for line, hint in (('limits.mode = "yes"', "dry-run"), ("limits.answers = -1", "0 (no limit)"), ("stats.top = 1", "true or false"),
                       ('dnstap.anonymise = "some"', "permuted"), ("limits.flood-names = 1", "no setting limits.flood-names")):
        config.write_text(line + "\n")
        status, _, err = onoma(lab, "serve", "--config", config)
        checks.that(status == 3 and hint in err, f"{line}: status 3, and what may stand there", (status, err))


def registry(lab):
    server = Serve(lab, demo=True, settings={"limits.mode": "on", "limits.flood_names": 100, "limits.flood_source": 5,
                                             "stats.folder": str(lab.folder / "serve-stats")}).start()
    client = server.client()
    client.address_text = server.dns
    client.ask("test", "SOA")
    client.close()
    flooded = type("Server", (), {"address": server.dns})
    flood = Flood(flooded.address, FLOODER, zone="test")
    flood.start()
    wait_for(lambda: json.loads(onoma(lab, "status", "--json", "--data", server.data)[1])["floods"], 6, "the flood in the status of serve")
    status, out, err = onoma(lab, "status", "--data", server.data)
    checks.that(status == 0 and "flood of random names below test." in out, "status of serve, over REST, names the flood", out + err)
    flood.stop()
    status, out, err = onoma(lab, "stats", "--top", "--data", server.data)
    checks.that(status == 0 and FLOODER in out, "stats works on serve", out + err)
    checks.that("onoma_dns_requests_total{" in page(server.admin, "/metrics"), "its /metrics has the labels")
    checks.equal(server.stop(), 0, "it ends with status 0")
    checks.that((lab.folder / "serve-stats/statistics.state").exists(), "and saves the day")


with Lab() as the_lab:
    for part in (attack, dry_run, files, words, registry):
        begun = time.monotonic()
        checks.part(part, the_lab)
        if checks.show:
            print(f"{part.__name__}: {time.monotonic() - begun:.1f} s")
sys.exit(checks.finish())
