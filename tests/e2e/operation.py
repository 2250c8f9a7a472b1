#!/usr/bin/env python3
"""`onoma authority` in operation: the zone list read again while it runs, health for monitoring, root given up, and the
program replaced under load without a lost query.
"""
import json
import os
import pathlib
import signal
import socket
import struct
import sys
import threading
import time
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, free_port, need, program, wait_for  # noqa: E402
from support.servers import Authority  # noqa: E402

ZONE = """$TTL 3600
@ SOA ns1 hostmaster {serial} 7200 900 604800 300
@ NS ns1
ns1 A 192.0.2.1
www A 192.0.2.2
{more}
"""
NOBODY = 65534
checks = Checks()


def write(path, serial, more=""):
    path.write_text(ZONE.format(serial=serial, more=more))
    return path


def control(lab, server, *words):
    return lab.run([program(), *words, "--control", server.control])


def document(lab, server, *words):
    status, out, err = control(lab, server, *words, "--json")
    return status, json.loads(out or err or "null")


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def end(pid):
    """Ends a successor: no child of this script."""
    if alive(pid):
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not alive(pid), 10, f"the end of process {pid}")


def zone_list(lab):
    for i in range(1, 5):
        write(lab.folder / f"{i}.zone", i)
    time.sleep(0.05)  # a file that changed this moment is read again, in case it still changes
    listed = lab.folder / "zones.list"
    listed.write_text("# zones\none.example 1.zone\n\ntwo.example\t2.zone\n")
    server = Authority(lab, {"fixed.example": lab.folder / "4.zone"}, more=["--zone-list", listed], name="list")
    client = packets.Client(server.address)
    checks.equal([client.serial(zone) for zone in ("one.example", "two.example", "fixed.example")], [1, 2, 4],
                 "zones of a list and of the command line are served")
    control(lab, server, "zone", "add", "by-hand.example", lab.folder / "1.zone")
    time.sleep(0.05)  # file times older than this are told apart
    status, answer = document(lab, server, "zone", "reload", "--all")
    checks.equal((status, answer["unchanged"], answer["reloaded"]), (0, 4, 0), "a reload of what did not change reads nothing")

    write(lab.folder / "2.zone", 22)
    listed.write_text("two.example 2.zone\nthree.example 3.zone\n")
    status, answer = document(lab, server, "zone", "reload", "--all")
    checks.equal((status, answer["added"], answer["removed"], answer["reloaded"], answer["failed"]), (0, 1, 1, 1, 0),
                 "the list is followed: one zone added, one removed, one reloaded")
    checks.equal((client.serial("two.example"), client.serial("three.example"), client.serial("fixed.example"),
                  client.serial("by-hand.example")), (22, 3, 4, 1), "and zones of other origins stay")
    checks.equal(client.ask("one.example", "SOA")[0] & 15, 5, "the removed one is refused")

    listed.write_text("two.example 2.zone\nthree.example\nfour.example 4.zone\ntwo.example 1.zone\n")
    status, out, err = control(lab, server, "zone", "reload", "--all")
    checks.that(status == 3 and "zones.list:2:" in err and "zones.list:4:" in err and "line 1" in err,
                "a bad line and a name that comes twice are told with their lines, status 3", (status, out, err))
    checks.equal((client.serial("three.example"), client.ask("four.example", "SOA")[0] & 15), (3, 5),
                 "and a bad list changes nothing")
    listed.write_text("two.example 2.zone\nthree.example 3.zone\nfour.example 4.zone\n")
    write(lab.folder / "3.zone", 33)
    server.process.signal(signal.SIGHUP)
    checks.that(wait_for(lambda: client.serial("four.example") == 4 and client.serial("three.example") == 33, 5, "SIGHUP"),
                "SIGHUP does the same")
    listed.write_text("two.example 1.zone\nthree.example 3.zone\nfour.example 4.zone\n")
    status, answer = document(lab, server, "zone", "reload", "--all")
    checks.equal((status, answer["failed"]), (3, 1), f"another file with an older serial is refused: {answer}")
    checks.equal(client.serial("two.example"), 22, "and the zone stays")
    checks.equal(server.process.stop(), 0, "SIGTERM ends it with status 0")


def get(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


def health(lab):
    good = write(lab.folder / "good.zone", 5)
    (lab.folder / "bad.zone").write_text("nothing\n")
    admin = f"127.0.0.1:{free_port()}"
    server = Authority(lab, {"good.example": good, "bad.example": lab.folder / "bad.zone"}, more=["--admin", admin], name="health")
    checks.that(f"admin={admin}" in server.ready, "the ready line names the admin address", server.ready)
    status, zone = get(f"http://{admin}/health/good.example")
    checks.equal((status, zone["status"], zone["serial"], zone["stale"]), (200, "ok", 5, False), "a good zone: 200")
    status, zone = get(f"http://{admin}/health/bad.example")
    checks.that(status == 503 and zone["status"] == "not_loaded" and "bad.zone:1" in zone["reason"], "not loaded: 503 and why", zone)
    checks.equal(get(f"http://{admin}/health/nix.example")[0], 404, "a zone that is not ours: 404")
    status, every = get(f"http://{admin}/health")
    checks.equal((status, every["zones"], every["not_ok"], every["problems"][0]["zone"]), (503, 2, 1, "bad.example."),
                 "/health names what is not ok")
    began = time.monotonic()
    status, out, err = control(lab, server, "status", "--exit-code", "--zone", "good.example")
    took_ms = (time.monotonic() - began) * 1000
    checks.that(status == 0 and out.startswith("ok good.example. serial 5") and out.count("\n") == 1,
                "status --exit-code: 0 and one line", (status, out, err))
    checks.that(took_ms < 500, f"and it is quick: {took_ms:.0f} ms")
    status, out, _ = control(lab, server, "status", "--exit-code")
    checks.that(status == 1 and "1 of 2 zones are not ok" in out and "bad.zone:1" in out, "1 when one of all is not", (status, out))
    status, out, _ = control(lab, server, "status", "--exit-code", "--zone", "nix.example")
    checks.equal(status, 1, f"1 for a zone that is not served: {out}")
    status, _, err = lab.run([program(), "status", "--exit-code", "--control", lab.folder / "no.sock"])
    checks.that(status == 4 and "no.sock" in err, "4 when nobody answers", (status, err))
    time.sleep(1.1)
    status, out, _ = control(lab, server, "status", "--exit-code", "--zone", "good.example", "--max-age", "0")
    checks.that(status == 1 and out.startswith("too old"), "--max-age: 1 when it is older", (status, out))
    control(lab, server, "zone", "reload", "--all", "--force")
    write(good, 4)
    control(lab, server, "zone", "reload", "good.example")
    status, zone = get(f"http://{admin}/health/good.example")
    checks.equal((status, zone["status"], zone["audit"], zone["serial"], zone["stale"]), (503, "failed_audit", "refused", 5, True),
                 "a version that the gate refused: 503, failed_audit")
    good.write_text("nothing\n")
    control(lab, server, "zone", "reload", "good.example")
    status, zone = get(f"http://{admin}/health/good.example")
    checks.equal((status, zone["status"], zone["serial"]), (503, "stale", 5), "a newer file that is no zone: stale")
    old = "20200101000000 20191201000000"
    write(good, 6, more=f"www RRSIG A 13 3 3600 {old} 12345 good.example. {'A' * 86}==")
    control(lab, server, "zone", "reload", "good.example")
    status, zone = get(f"http://{admin}/health/good.example")
    checks.that(status == 503 and zone["status"] == "expired" and zone["signatures_expire_in_s"] < 0, "expired signatures: 503", zone)
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=5) as answer:
        checks.that(b"onoma_" in answer.read(), "metrics are there too")
    server.process.stop()


def question(ident):
    return packets.query(packets.name("www.load.example"), 1, ident)


class Load:
    """Queries from several threads until stopped; counts those that got no answer."""

    def __init__(self, address):
        host, _, port = address.rpartition(":")
        self.address = (host, int(port))
        self.sent = self.lost = self.tcp_sent = self.tcp_lost = self.kept_sent = self.kept_lost = 0
        self.going, self.lock = True, threading.Lock()
        self.threads = [threading.Thread(target=work) for work in [self.udp] * 2 + [self.tcp] * 2 + [self.kept]]
        for thread in self.threads:
            thread.start()

    def udp(self):
        """A window of queries on their way."""
        sent, lost, ident, waiting = 0, 0, 0, {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            sock.connect(self.address)
            sock.settimeout(2)
            while self.going or waiting:
                while self.going and len(waiting) < 32:
                    ident = (ident + 1) & 0xffff
                    sock.send(question(ident))
                    waiting[ident] = True
                    sent += 1
                try:
                    answer = sock.recv(4096)
                except (TimeoutError, OSError):
                    lost += len(waiting)
                    waiting.clear()
                    continue
                waiting.pop(struct.unpack("!H", answer[:2])[0], None)
        with self.lock:
            self.sent += sent
            self.lost += lost

    def ask_on(self, stream, ident):
        message = question(ident)
        stream.sendall(struct.pack("!H", len(message)) + message)
        need_octets = struct.unpack("!H", self.exactly(stream, 2))[0]
        return struct.unpack("!H", self.exactly(stream, need_octets)[:2])[0] == ident

    @staticmethod
    def exactly(stream, count):
        out = b""
        while len(out) < count:
            part = stream.recv(count - len(out))
            if not part:
                raise ConnectionError("closed")
            out += part
        return out

    def tcp(self):
        """Connections of 20 queries one after another."""
        sent = lost = 0
        while self.going:
            try:
                with socket.create_connection(self.address, 3) as stream:
                    for ident in range(20):
                        sent += 1
                        if not self.ask_on(stream, ident):
                            lost += 1
            except OSError:
                lost += 1
        with self.lock:
            self.tcp_sent += sent
            self.tcp_lost += lost

    def kept(self):
        """One connection that is used every 100 ms. As RFC 7766 §6.2.4 asks of clients, a query on a connection that the
        server has closed is sent again on another one."""
        stream, ident = None, 0
        while self.going:
            ident += 1
            self.kept_sent += 1
            for last in (False, True):
                try:
                    stream = stream or socket.create_connection(self.address, 3)
                    if self.ask_on(stream, ident & 0xffff):
                        break
                except OSError:
                    stream = None
                if last:
                    self.kept_lost += 1
            time.sleep(0.1)
        if stream:
            stream.close()

    def stop(self):
        self.going = False
        for thread in self.threads:
            thread.join()


def upgrade(lab):
    need("dnsperf")
    zone = write(lab.folder / "load.zone", 1)
    listed = lab.folder / "load.list"
    listed.write_text("load.example load.zone\n")
    pid_file, admin = lab.folder / "pid", f"127.0.0.1:{free_port()}"
    server = Authority(lab, {}, more=["--zone-list", listed, "--workers", "2", "--pid-file", pid_file, "--drain", "3", "--admin", admin],
                       name="upgrade")
    client = packets.Client(server.address)
    pids = [server.process.pid]
    checks.equal(int(pid_file.read_text()), pids[0], "the pid file holds the process")
    control(lab, server, "zone", "add", "added.example", zone)

    for what, more in (("that ends", ["--program", "/bin/false"]), ("that is none", ["--program", zone]),
                       ("that never gets ready", ["--program", "/usr/bin/yes", "--timeout", "1"])):
        status, out, err = control(lab, server, "upgrade", *more)
        checks.that(status in (3, 4) and "old" in err or "goes on" in err, f"a program {what}: refused, and why", (status, out, err))
        checks.equal(client.serial("load.example"), 1, "and the old one answers")
    try:
        run_upgrades(lab, server, client, pids, pid_file, admin)
    finally:
        end(pids[-1])
    checks.that(not os.path.exists(server.control), "the last one removes the control socket at its end")


def run_upgrades(lab, server, client, pids, pid_file, admin):
    host, _, port = server.address.rpartition(":")
    questions = lab.folder / "questions"
    questions.write_text("www.load.example A\n" * 1000)
    perf = lab.start("dnsperf", ["dnsperf", "-s", host, "-p", port, "-d", questions, "-l", "9", "-Q", "4000", "-c", "8", "-t", "3"])
    load = Load(server.address)
    time.sleep(0.5)
    for turn in range(3):
        if turn < 2:
            status, answer = document(lab, server, "upgrade")
            if not checks.that(status == 0 and answer["former_pid"] == pids[-1], f"upgrade {turn + 1}", (status, answer)):
                break
            pids.append(answer["pid"])
        else:
            os.kill(pids[-1], signal.SIGUSR2)
            pids.append(wait_for(lambda: (lambda pid: pid if pid != pids[-1] else None)(int(pid_file.read_text())), 20, "SIGUSR2"))
        checks.that(wait_for(lambda: not alive(pids[-2]), 10, "the end of the old process"), "the old process ends")
        checks.equal(int(pid_file.read_text()), pids[-1], "the pid file follows")
        time.sleep(0.3)
    load.stop()
    perf.child.wait(30)
    said = perf.out.read_text()
    lost = next((line for line in said.splitlines() if "Queries lost" in line), "")
    checks.that(" 0 (0.00%)" in lost, f"dnsperf lost nothing: {lost.strip()}", said)
    checks.that(load.sent > 1000 and load.lost == 0, f"UDP: {load.sent} queries, {load.lost} lost")
    checks.that(load.tcp_sent > 200 and load.tcp_lost == 0, f"TCP: {load.tcp_sent} queries, {load.tcp_lost} lost")
    checks.that(load.kept_sent > 20 and load.kept_lost == 0, f"a kept connection: {load.kept_sent} queries, {load.kept_lost} lost")
    checks.equal(client.serial("added.example"), 1, "a zone that was added by command is still served")
    write(lab.folder / "load.zone", 9)
    status, out, err = control(lab, server, "zone", "reload", "load.example")
    checks.equal((status, client.serial("load.example")), (0, 9), f"the new process is heard on the control socket: {out}{err}")
    checks.equal(get(f"http://{admin}/health/load.example")[0], 200, "and on the admin address")


def user(lab):
    zone = write(lab.folder / "user.zone", 1)
    status, _, err = lab.run([program(), "authority", "--listen", "127.0.0.1:0", "--zone", f"u.example={zone}", "--user", "no-such-user"])
    checks.that(status in (1, 3) and "no-such-user" in err and "useradd" in err, "a user that is not there is told", (status, err))
    if os.getuid() != 0:
        status, _, err = lab.run([program(), "authority", "--listen", "127.0.0.1:0", "--zone", f"u.example={zone}", "--user", "nobody"])
        checks.that(status == 3 and "only root" in err, "who is not root is told", (status, err))
        print("the rest of this part needs root")
        return
    lab.folder.chmod(0o755)
    zone.chmod(0o644)
    run = lab.folder / "run"
    run.mkdir()
    os.chown(run, NOBODY, NOBODY)
    status, _, err = lab.run(["setpriv", "--reuid", "65534", "--clear-groups", program(), "authority", "--listen", "127.0.0.1:0",
                              "--zone", f"u.example={zone}", "--user", "daemon", "--control", run / "x.sock"])
    checks.that(status == 3 and "only root" in err, "who is not root is told", (status, err))
    port = next(port for port in range(600, 1000) if port_is_free(port))
    control_path = run / "control.sock"
    process = lab.start("user", [program(), "authority", "--listen", f"127.0.0.1:{port}", "--zone", f"u.example={zone}", "--user",
                                 "nobody", "--control", control_path, "--pid-file", run / "pid"])
    wait_for(lambda: process.out.read_text().startswith("ready") or not process.running(), 20, "the ready line")
    client = packets.Client(f"127.0.0.1:{port}")
    pid = process.pid
    try:
        for turn in ("as started", "after an upgrade"):
            checks.equal(client.serial("u.example"), 1 if turn == "as started" else 2, f"a port below 1024 is answered, {turn}")
            facts = dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
            checks.equal((set(facts["Uid"].split()), int(facts["CapEff"], 16), int(facts["CapPrm"], 16)), ({str(NOBODY)}, 0, 0),
                         f"the process is nobody without capabilities, {turn}")
            tasks = {line.split()[1] for task in os.listdir(f"/proc/{pid}/task")
                     for line in pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text().splitlines() if line.startswith("Uid:")}
            checks.equal(tasks, {str(NOBODY)}, f"and so is every thread, {turn}")
            if turn == "as started":
                write(zone, 2)
                status, out, err = lab.run([program(), "zone", "reload", "u.example", "--control", control_path])
                checks.equal((status, client.serial("u.example")), (0, 2), f"it can reload what it may read: {out}{err}")
                zone.chmod(0o600)
                status, out, err = lab.run([program(), "zone", "reload", "u.example", "--control", control_path])
                checks.that(status == 3 and "user that this server runs as" in err, "and says when it may not", (status, out, err))
                zone.chmod(0o644)
                status, out, err = lab.run([program(), "upgrade", "--control", control_path, "--json"])
                if checks.equal(status, 0, f"an upgrade needs no root: {err}"):
                    pid = json.loads(out)["pid"]
    finally:
        if pid != process.pid:
            end(pid)


def port_is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as sock:
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


PARTS = {part.__name__: part for part in (zone_list, health, user, upgrade)}
for name in sys.argv[1:] or PARTS:
    with Lab() as lab:
        checks.part(PARTS[name], lab)
sys.exit(checks.finish())
