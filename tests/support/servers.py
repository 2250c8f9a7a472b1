"""Servers under test and those we compare with, on loopback, with generated settings. Each returns when it answers."""
import json
import os
import pathlib
import re
import time

from .lab import free_port, program, wait_for
from .packets import Client
from .rest import Rest


def _ready_line(process, timeout_s):
    """The first line on stdout; an error with the program's own words if it ends or says nothing."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        line = process.out.read_text(errors="replace").partition("\n")
        if line[1]:
            return line[0]
        if not process.running():
            raise RuntimeError(f"{process.name} ended with status {process.child.returncode}:\n{process.errors()}")
        time.sleep(0.005)
    raise TimeoutError(f"{process.name} printed no ready line within {timeout_s} s:\n{process.errors()}")


def _facts(line):
    return dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)


class Serve:
    """`onoma serve`. `data` stays between starts, and so do the ports."""

    def __init__(self, lab, data=None, demo=False, settings=None, name="serve", prefix=()):
        self.lab, self.name, self.demo, self.prefix = lab, name, demo, list(prefix)
        self.data = pathlib.Path(data or lab.folder / f"{name}-data")
        self.dns, self.http, self.admin = (f"127.0.0.1:{free_port()}" for _ in range(3))
        self.config = lab.folder / f"{name}.toml"
        tables = {"dns": {"listen": [self.dns]}, "http": {"listen": [self.http]}, "admin": {"listen": [self.admin]}}
        for key, value in (settings or {}).items():
            table, _, word = key.partition(".")
            tables.setdefault(table, {})[word] = value
        lines = [f"data = {json.dumps(str(self.data))}"]
        for table, values in tables.items():
            lines += [f"[{table}]"] + [f"{key} = {json.dumps(value)}" for key, value in values.items()]
        self.config.write_text("\n".join(lines) + "\n")
        self.process = None
        self.starts = 0

    def start(self, timeout_s=60):
        self.starts += 1
        command = self.prefix + [program(), "serve", "--config", self.config] + (["--demo"] if self.demo else [])
        self.process = self.lab.start(f"{self.name}-{self.starts}", command)
        self.ready = _ready_line(self.process, timeout_s)
        if not self.ready.startswith("ready "):
            raise RuntimeError(f"{self.name} said {self.ready!r} instead of ready")
        self.facts = _facts(self.ready)
        return self

    def stop(self):
        return self.process.stop()

    @property
    def token(self):
        return re.search(r'^token\s*=\s*["\']([^"\']+)', (self.data / "client.toml").read_text(), re.MULTILINE)[1]

    def rest(self):
        return Rest(self.http, self.token)

    def client(self):
        return Client(self.dns)

    def settle(self, zone, timeout_s=120):
        """Waits until the zone shows everything that was committed. Events that change nothing in the zone make no
        version: then it has been idle for a second with the same one."""
        rest = self.rest()
        last = rest.get("/v1/events?limit=1").json["newest"]

        seen = [None, 0.0]

        def done():
            found = [one for one in rest.get("/v1/zones").json["items"] if one["zone"].strip(".") == zone.strip(".")]
            if not found or found[0]["state"] != "idle":
                return False
            if found[0]["last_event"] != seen[0]:
                seen[:] = found[0]["last_event"], time.monotonic()
            return seen[0] >= last or time.monotonic() - seen[1] > 1

        wait_for(done, timeout_s, f"the zone {zone} up to event {last}")
        rest.close()

    def onoma(self, *words, timeout_s=120, env=None):
        """The command line, told of this server through its data directory: (status, stdout, stderr)."""
        return self.lab.run([program(), *words, "--data", self.data], timeout_s, env=env)


class Authority:
    """`onoma authority` with zones {name: file}."""

    def __init__(self, lab, zones, more=(), name="authority", prefix=(), timeout_s=120):
        self.address = f"127.0.0.1:{free_port()}"
        self.control = lab.folder / f"{name}.sock"
        command = [*prefix, program(), "authority", "--listen", self.address, "--control", self.control, *more]
        for zone, file in zones.items():
            command += ["--zone", f"{zone}={file}"]
        begun = time.monotonic()
        self.process = lab.start(name, command, cwd=lab.folder)
        self.ready = _ready_line(self.process, timeout_s)
        self.load_s = time.monotonic() - begun
        if not self.ready.startswith("ready "):
            raise RuntimeError(f"{name} said {self.ready!r} instead of ready")

    def pids(self):
        return [self.process.pid]


class _Foreign:
    """What NSD, Knot and BIND share: a folder, a process, and waiting until every zone is answered."""

    def wait(self, zones, timeout_s):
        client = Client(self.address, timeout_s=0.25, tries=1)
        end = time.monotonic() + timeout_s
        for zone in zones:
            while True:
                try:
                    if client.serial(zone) is not None:
                        break
                except TimeoutError:
                    pass
                if not self.process.running() or time.monotonic() > end:
                    raise RuntimeError(f"{self.process.name} does not answer for {zone}:\n{self.process.errors()}\n"
                                       f"{self.log()}")
                time.sleep(0.01)
        self.load_s = time.monotonic() - self.begun
        client.close()

    def log(self):
        return ""

    def pids(self):
        """The process and its descendants, those that answer among them."""
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    queue += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except OSError:
                pass
        return found


class Nsd(_Foreign):
    def __init__(self, lab, zones, name="nsd", udp_size=1232, prefix=(), timeout_s=120, more=()):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        folder = lab.folder / name
        folder.mkdir()
        lines = ["server:", f"  ip-address: 127.0.0.1@{port}", '  username: ""', '  database: ""', "  server-count: 1",
                 f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/nsd.pid"', f'  logfile: "{folder}/nsd.log"',
                 f'  xfrdfile: "{folder}/xfrd.state"', f'  zonelistfile: "{folder}/zone.list"', f'  xfrdir: "{folder}"',
                 f"  ipv4-edns-size: {udp_size}", "  rrl-ratelimit: 0", "  rrl-whitelist-ratelimit: 0",
                 "  minimal-responses: yes", "  tcp-count: 100", "  tcp-query-count: 0", "  round-robin: no", *more,
                 "remote-control:", "  control-enable: no"]
        for zone, file in zones.items():
            lines += ["zone:", f'  name: "{zone}"', f'  zonefile: "{file}"']
        (folder / "nsd.conf").write_text("\n".join(lines) + "\n")
        self.folder = folder
        self.begun = time.monotonic()
        self.process = lab.start(name, [*prefix, "/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"])
        self.wait(zones, timeout_s)

    def log(self):
        path = self.folder / "nsd.log"
        return path.read_text(errors="replace")[-2000:] if path.exists() else ""


class Knot(_Foreign):
    """`more`: lines of the section `server`; `modules`: whole sections and the global modules made of them."""

    def __init__(self, lab, zones, name="knot", prefix=(), timeout_s=120, more=(), modules=(), global_modules=()):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        folder = lab.folder / name
        folder.mkdir()
        lines = ["server:", f"  listen: 127.0.0.1@{port}", f'  rundir: "{folder}"', "  udp-workers: 1", "  tcp-workers: 1",
                 "  background-workers: 1", *more, "log:", "  - target: stderr", "    any: warning",
                 "database:", f'  storage: "{folder}"', *modules, "template:", "  - id: default", f'    storage: "{folder}"',
                 "    zonefile-load: whole", "    journal-content: none", "    semantic-checks: off"]
        if global_modules:
            lines.append(f"    global-module: [{', '.join(global_modules)}]")
        lines.append("zone:")
        for zone, file in zones.items():
            lines += [f'  - domain: "{zone}"', f'    file: "{file}"']
        (folder / "knot.conf").write_text("\n".join(lines) + "\n")
        self.begun = time.monotonic()
        self.process = lab.start(name, [*prefix, "/usr/sbin/knotd", "-c", folder / "knot.conf"])
        self.wait(zones, timeout_s)


class Bind(_Foreign):
    """named as an authoritative server. `more`: further options; `minimal`: what it leaves out of answers."""

    def __init__(self, lab, zones, name="bind", prefix=(), timeout_s=120, more=(), udp_size=1232, minimal="yes"):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        folder = lab.folder / name
        folder.mkdir()
        lines = ["options {", f'  directory "{folder}";', f'  pid-file "{folder}/named.pid";',
                 f'  session-keyfile "{folder}/session.key";', f"  listen-on port {port} {{ 127.0.0.1; }};",
                 "  listen-on-v6 { none; };", "  recursion no;", "  notify no;", f"  minimal-responses {minimal};",
                 "  dnssec-validation no;", f"  max-udp-size {udp_size};", f"  edns-udp-size {udp_size};",
                 "  check-integrity no;", "  allow-transfer { none; };", "  zone-statistics none;", "  empty-zones-enable no;",
                 "  rrset-order { order none; };", *(f"  {line}" for line in more), "};", "controls { };",
                 "logging { category default { default_stderr; }; };"]
        for zone, file in zones.items():
            lines.append(f'zone "{zone}" {{ type primary; file "{file}"; check-names ignore; }};')
        (folder / "named.conf").write_text("\n".join(lines) + "\n")
        self.begun = time.monotonic()
        self.process = lab.start(name, [*prefix, "/usr/sbin/named", "-g", "-n", "1", "-c", folder / "named.conf"])
        self.wait(zones, timeout_s)
