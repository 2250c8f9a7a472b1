"""The servers of the table, each started with what a row needs. All on loopback, one worker, one core."""
import json
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import time

from artificial import NAME, SERIAL, tool
from common import Cpu, SOURCE, version
from support.lab import free_port, program, wait_for
from support.packets import Client, TYPES, name, text
from support.servers import Authority, _Foreign

SERVER_CORE, CLIENT_CORE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]
NAMES = {"onoma": "Onoma", "nsd": "NSD", "knot": "Knot", "echo": "echo"}
# What all limiters are told: answers a second of one kind to one network, and one of two withheld answers with TC.
LIMIT_PER_S, LIMIT_SLIP = 200, 2


def installed(key):
    """Why the server cannot take part, or None."""
    if key == "onoma" or key == "echo":
        return None
    binary = {"nsd": "nsd", "knot": "knotd"}[key]
    return None if shutil.which(binary, path="/usr/sbin:/usr/bin:/sbin") else f"{binary} is not installed"


def versions():
    out = {"onoma": version(program(), "--version")}
    for key, command in (("nsd", ("/usr/sbin/nsd", "-v")), ("knot", ("/usr/sbin/knotd", "-V"))):
        if installed(key) is None:
            out[key] = version(*command)
    commit = subprocess.run(["git", "-c", f"safe.directory={SOURCE}", "-C", SOURCE, "describe", "--always", "--dirty"],
                            capture_output=True, text=True, check=False).stdout.strip()
    return {**out, "commit": commit or "?"}


def resident(pids):
    """Octets of memory: shares of pages that several processes have, huge pages of both kinds included."""
    total = 0
    for pid in pids:
        try:
            for line in open(f"/proc/{pid}/smaps_rollup", encoding="ascii"):
                if line.startswith(("Pss:", "Shared_Hugetlb:", "Private_Hugetlb:")):
                    total += int(line.split()[1]) * 1024
        except OSError:
            pass
    return total


class _Reloads:
    """Servers whose zone is a link that can be turned to another file."""

    def link_zone(self, lab, key, file):
        self.zone_file = lab.folder / f"{key}.zone"
        self.zone_file.unlink(missing_ok=True)
        self.zone_file.symlink_to(file)

    def take(self, file):
        """Asks for a reload of the zone from another file; does not wait."""
        new = self.zone_file.with_suffix(".new")
        new.unlink(missing_ok=True)
        new.symlink_to(file)
        os.replace(new, self.zone_file)
        os.kill(self.reload_pid(), signal.SIGHUP)

    def serial(self):
        client = Client(self.address, timeout_s=1.0, tries=3)
        try:
            return client.serial(NAME)
        finally:
            client.close()

    def cpu_s(self):
        return Cpu(self.pids()).seconds()


def _is_process(pid, words):
    try:
        return any(word in pathlib.Path(f"/proc/{pid}/comm").read_text() for word in words)
    except OSError:
        return False


class Onoma(Authority, _Reloads):
    def __init__(self, lab, file, key="onoma", pin=True, flags=(), timeout_s=1800):
        self.link_zone(lab, key, file)
        # The background audit's work is not the answers'; nobody is there to approve large changes.
        always = ["--transfer", "127.0.0.1", "--no-change-limits", "--no-audit"]
        super().__init__(lab, {NAME: self.zone_file}, more=[*always, *flags], name=key, prefix=SERVER_CORE if pin else (), timeout_s=timeout_s)

    def reload_pid(self):
        return self.process.pid

    def control_call(self, document, timeout_s=600):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout_s)
            connection.connect(str(self.control))
            connection.sendall(json.dumps(document).encode() + b"\n")
            answer = b""
            while block := connection.recv(1 << 16):
                answer += block
        lines = [line for line in answer.splitlines() if line and not line.startswith(b"#")]
        result = json.loads(lines[-1]) if lines else {"error": "no answer"}
        if "error" in result:
            raise RuntimeError(f"onoma refused {document.get('command')}: {result}")
        return result


class Changes:
    """Lines of `onoma zone apply` that add delegations; keeps the serial."""

    def __init__(self, zone):
        self.made = 0
        self.soa = next(line.split(None, 1)[1].strip() for line in open(zone.file, encoding="ascii") if " SOA " in line)
        self.serial = SERIAL

    def lines(self, count):
        """(lines, a new delegation)"""
        old = self.soa.replace(f" {SERIAL} ", f" {self.serial} ", 1)
        self.serial += 1
        new = self.soa.replace(f" {SERIAL} ", f" {self.serial} ", 1)
        out = [f"-{NAME}. {old}", f"+{NAME}. {new}"]
        for _ in range(count):
            self.made += 1
            owner = f"x{self.made}.{NAME}."
            out += [f"+{owner} 86400 IN NS ns1.hoster1.example.", f"+{owner} 86400 IN NS ns2.hoster1.example."]
        return "\n".join(out) + "\n", f"x{self.made}.{NAME}"


class Nsd(_Foreign, _Reloads):
    def __init__(self, lab, file, key="nsd", pin=True, limit=False, timeout_s=1800):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        self.folder = lab.folder / key
        self.folder.mkdir()
        self.link_zone(lab, key, file)
        rate = LIMIT_PER_S if limit else 0
        (self.folder / "nsd.conf").write_text("\n".join([
            "server:", f"  ip-address: 127.0.0.1@{port}", '  username: ""', '  database: ""', "  server-count: 1",
            f'  zonesdir: "{self.folder}"', f'  pidfile: "{self.folder}/nsd.pid"', f'  logfile: "{self.folder}/nsd.log"',
            f'  xfrdfile: "{self.folder}/xfrd.state"', f'  zonelistfile: "{self.folder}/zone.list"', f'  xfrdir: "{self.folder}"',
            "  ipv4-edns-size: 1232", f"  rrl-ratelimit: {rate}", f"  rrl-whitelist-ratelimit: {rate}",
            f"  rrl-slip: {LIMIT_SLIP}", "  minimal-responses: yes", "  round-robin: no", "remote-control:", "  control-enable: no",
            "zone:", f'  name: "{NAME}"', f'  zonefile: "{self.zone_file}"', "  provide-xfr: 127.0.0.1 NOKEY"]) + "\n")
        self.begun = time.monotonic()
        self.process = lab.start(key, [*(SERVER_CORE if pin else ()), "/usr/sbin/nsd", "-d", "-c", self.folder / "nsd.conf"])
        self.wait([NAME], timeout_s)

    def log(self):
        path = self.folder / "nsd.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""

    def reload_pid(self):
        return int((self.folder / "nsd.pid").read_text())


class Knot(_Foreign, _Reloads):
    def __init__(self, lab, file, key="knot", pin=True, limit=False, journal=False, timeout_s=1800):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        folder = lab.folder / key
        folder.mkdir()
        self.link_zone(lab, key, file)
        lines = ["server:", f"  listen: 127.0.0.1@{port}", f'  rundir: "{folder}"', "  udp-workers: 1", "  tcp-workers: 1",
                 "  background-workers: 1", "log:", "  - target: stderr", "    any: warning", "database:", f'  storage: "{folder}"',
                 "acl:", "  - id: local", "    address: 127.0.0.1", "    action: [transfer, update]"]
        if limit:
            lines += ["mod-rrl:", "  - id: default", f"    rate-limit: {LIMIT_PER_S}", f"    slip: {LIMIT_SLIP}"]
        lines += ["template:", "  - id: default", f'    storage: "{folder}"', "    zonefile-load: whole", "    zonefile-sync: -1",
                  f"    journal-content: {'changes' if journal else 'none'}", "    semantic-checks: off", "    acl: local"]
        if limit:
            lines += ["    global-module: mod-rrl/default"]
        lines += ["zone:", f'  - domain: "{NAME}"', f'    file: "{self.zone_file}"']
        (folder / "knot.conf").write_text("\n".join(lines) + "\n")
        self.begun = time.monotonic()
        self.process = lab.start(key, [*(SERVER_CORE if pin else ()), "/usr/sbin/knotd", "-c", folder / "knot.conf"])
        self.wait([NAME], timeout_s)

    def reload_pid(self):
        return next(pid for pid in self.pids() if _is_process(pid, ["knotd"]))

    def update(self, owner):
        """One DNS UPDATE (RFC 2136) that adds a delegation; returns when the server has answered."""
        def record(target):
            data = name(target)
            return name(owner) + struct.pack("!HHIH", TYPES["NS"], 1, 86400, len(data)) + data
        ident = os.getpid() & 0xFFFF
        message = struct.pack("!HHHHHH", ident, 5 << 11, 1, 0, 2, 0) + name(NAME) + struct.pack("!HH", TYPES["SOA"], 1)
        message += record("ns1.hoster1.example") + record("ns2.hoster1.example")
        host, _, port = self.address.rpartition(":")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(60)
            udp.connect((host, int(port)))
            udp.send(message)
            answer = udp.recv(4096)
        if answer[3] & 15:
            raise RuntimeError(f"knotd refused the update of {text(name(owner))}: rcode {answer[3] & 15}")


class Echo:
    load_s = 0.0

    def __init__(self, lab, octets, key="echo"):
        self.address = f"127.0.0.1:{free_port()}"
        self.process = lab.start(key, [*SERVER_CORE, tool("echo_server"), self.address, max(12, min(1232, round(octets)))])
        wait_for(lambda: "ready" in self.process.out.read_text(), 5, "the echo")

    def pids(self):
        return [self.process.pid]

    def cpu_s(self):
        return Cpu(self.pids()).seconds()


CLASSES = {"onoma": Onoma, "nsd": Nsd, "knot": Knot}


class Load:
    """A run of load_gen, on its own core and before others there."""

    def __init__(self, server, *words):
        self.command = [*CLIENT_CORE, "nice", "-n", "-10", tool("load_gen"), server.address, *map(str, words)]
        self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait_for(self, word):
        """Reads messages until one has the word; False if the run ends before."""
        for line in self.child.stderr:
            if word in line:
                return True
        return False

    def stop(self):
        self.child.send_signal(signal.SIGTERM)

    def result(self):
        out, err = self.child.communicate()
        if self.child.returncode != 0:
            raise RuntimeError(f"{' '.join(self.command)} failed: {err}")
        return json.loads(out)


def load(server, *words):
    return Load(server, *words).result()
