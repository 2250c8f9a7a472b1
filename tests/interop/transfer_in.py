#!/usr/bin/env python3
"""Zone transfers to Onoma: it is a secondary of BIND, NSD, Knot and PowerDNS, with TSIG and without. Versions follow one another;
each must arrive by NOTIFY alone, since refresh is a day away, and be the same here record by record. After kill -9 and
without its primary it serves what it had. Last a primary that lies: no bad version of its zone is ever visible.

  transfer_in.py [VERSIONS]     default 8
"""
import json
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pdns
from lying_primary import LIES, Primary
from support.lab import Checks, Lab, free_port, need, program, wait_for
from support.packets import Client
from support.servers import Authority
from transfer_out import KEY, NAMES, PLAIN, SECRET, SIGNED, Zone, asked, content


def bind(lab, port, to, files):
    folder = lab.folder / "bind"
    folder.mkdir()
    (folder / "named.conf").write_text(f"""
options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; dnssec-validation no;
  ixfr-from-differences yes; notify explicit; notify-delay 0; serial-query-rate 100; empty-zones-enable no; }};
controls {{ }};
logging {{ category default {{ default_stderr; }}; }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone "{PLAIN}" {{ type primary; file "{files[PLAIN]}"; allow-transfer {{ 127.0.0.1; }};
  also-notify {{ 127.0.0.1 port {to}; }}; }};
zone "{SIGNED}" {{ type primary; file "{files[SIGNED]}"; allow-transfer {{ key "{KEY}"; }};
  also-notify {{ 127.0.0.1 port {to} key "{KEY}"; }}; }};
""")
    return ["/usr/sbin/named", "-g", "-n", "1", "-c", folder / "named.conf"]


def nsd(lab, port, to, files):
    folder = lab.folder / "nsd"
    folder.mkdir()
    (folder / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  database: ""
  server-count: 1
  zonesdir: "{folder}"
  pidfile: "{folder}/nsd.pid"
  xfrdfile: "{folder}/xfrd.state"
  zonelistfile: "{folder}/zone.list"
  xfrdir: "{folder}"
remote-control:
  control-enable: no
key:
  name: "{KEY}"
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: "{PLAIN}"
  zonefile: "{files[PLAIN]}"
  provide-xfr: 127.0.0.1 NOKEY
  notify: 127.0.0.1@{to} NOKEY
zone:
  name: "{SIGNED}"
  zonefile: "{files[SIGNED]}"
  provide-xfr: 127.0.0.1 {KEY}
  notify: 127.0.0.1@{to} {KEY}
""")
    return ["/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"]


def knotd(lab, port, to, files):
    folder = lab.folder / "knot"
    folder.mkdir()
    (folder / "knot.conf").write_text(f"""
server:
  listen: 127.0.0.1@{port}
  rundir: "{folder}"
log:
  - target: stderr
    any: info
database:
  storage: "{folder}"
key:
  - id: {KEY}
    algorithm: hmac-sha256
    secret: {SECRET}
remote:
  - id: plain
    address: 127.0.0.1@{to}
  - id: signed
    address: 127.0.0.1@{to}
    key: {KEY}
acl:
  - id: plain
    address: 127.0.0.1
    action: transfer
  - id: signed
    key: {KEY}
    action: transfer
template:
  - id: default
    storage: "{folder}"
    semantic-checks: off
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: changes
zone:
  - domain: {PLAIN}
    file: "{files[PLAIN]}"
    notify: plain
    acl: plain
  - domain: {SIGNED}
    file: "{files[SIGNED]}"
    notify: signed
    acl: signed
""")
    return ["/usr/sbin/knotd", "-c", folder / "knot.conf"]


def pdns_server(lab, port, to, files):
    return pdns.primary(lab, port, to, files, SIGNED, KEY, SECRET)


# NSD 4.6 and PowerDNS 4.7 keep no differences of zones: they answer IXFR with the whole zone.
PRIMARIES = {"named": (bind, True), "nsd": (nsd, False), "knotd": (knotd, True), "pdns_server": (pdns_server, False)}


def serial_of(at, zone):
    client = Client(at, timeout_s=0.3, tries=1)
    try:
        return client.serial(zone)
    except (TimeoutError, OSError):
        return None
    finally:
        client.close()


class Secondary:
    """`onoma authority` whose zones come from primaries; it can be started again."""

    def __init__(self, lab, name, words):
        self.lab, self.name, self.starts = lab, name, 0
        self.words = [*words, "--data", lab.folder / f"{name}-data"]

    def start(self):
        self.starts += 1
        self.server = Authority(self.lab, {}, self.words, name=f"{self.name}-{self.starts}")
        self.control = self.server.control
        return self

    def states(self, *words):
        _, out, err = self.lab.run([program(), "zone", "secondaries", *words, "--control", self.control, "--json"])
        try:
            return {one["zone"].strip("."): one for one in json.loads(out)["zones"]}
        except (json.JSONDecodeError, KeyError) as wrong:
            raise RuntimeError(out + err) from wrong

    def said(self):
        return self.server.process.err.read_text(errors="replace")


def follows(lab, checks, versions, peer, keys):
    make, incremental = PRIMARIES[peer]
    (lab.folder / f"{peer}-zones").mkdir()
    zones = {name: Zone(name, lab.folder / f"{peer}-zones") for name in (PLAIN, SIGNED)}
    port, to = free_port(), free_port()
    command = make(lab, port, to, {name: zone.file for name, zone in zones.items()})
    # How it reads its files again: by SIGHUP, unless it comes with another way.
    command, reload = command if isinstance(command, tuple) else (command, None)
    primary = lab.start(peer, command)
    at, here = f"127.0.0.1:{port}", f"127.0.0.1:{to}"
    wait_for(lambda: all(serial_of(at, name) == 1 for name in zones), 30, f"{peer} serves its zones")
    words = ["--listen", here, "--tsig-key-file", keys, "--transfer", "127.0.0.1", "--secondary", f"{PLAIN}={at}",
             "--secondary", f"{SIGNED}={at},{KEY}"]
    onoma = Secondary(lab, f"secondary-of-{peer}", words).start()

    def arrived(what):
        for name, zone in zones.items():
            try:
                wait_for(lambda: serial_of(here, name) == zone.serial, 40, f"{what}: {name} {zone.serial} from {peer}")
                checks.that(True, what)
            except TimeoutError as error:
                checks.that(False, str(error), onoma.said()[-1500:])

    def same(what):
        for name in zones:
            key = ["-y", f"hmac-sha256:{KEY}:{SECRET}"] if name == SIGNED else []
            theirs, mine = content(lab, at, name, *key), content(lab, here, name)
            checks.that(len(theirs) > NAMES / 2 and mine == theirs, f"{what}: {name} is the same as at {peer}",
                        f"{len(mine)} and {len(theirs)} records, different: {sorted(set(mine) ^ set(theirs))[:6]}")

    arrived("the first version")
    same("the first version")
    slowest = 0.0
    for step in range(versions):
        for zone in zones.values():
            zone.change()
        time.sleep(1.1)  # file times of a second are all that some look at
        reload() if reload else primary.signal(signal.SIGHUP)
        wait_for(lambda: all(serial_of(at, name) == zone.serial for name, zone in zones.items()), 20,
                 f"{peer} serves the new version")
        begun = time.monotonic()
        arrived(f"version {step + 2}")
        slowest = max(slowest, time.monotonic() - begun)
    same("the last version")
    said = onoma.said()
    kind = "IXFR" if incremental else "AXFR"
    count = said.count(f": {kind} from ")
    checks.that(count >= 2 * versions, f"changes of {peer} come as {kind}: {count}", said[-1500:])
    states = onoma.states()
    checks.that(all("expires" in one and "problem" not in one for one in states.values()) and len(states) == 2,
                "the zones are known with their expiry, without a problem", states)
    print(f"{peer}: {versions} versions of 2 zones by NOTIFY, slowest {slowest * 1000:.0f} ms after the primary")

    # A NOTIFY from elsewhere, or without the key, is refused.
    out = asked(lab, here, "+opcode=notify", SIGNED, "SOA")
    checks.that("status: REFUSED" in out, f"{peer}: a NOTIFY without the key is refused", out)

    onoma.server.process.kill()
    primary.stop()
    onoma.start()
    arrived("after kill -9, without a primary")
    checks.that(wait_for(lambda: all("problem" in one for one in onoma.states().values()), 40, "the problem is told"),
                "that the primary is silent is told")
    onoma.server.process.stop()


def lies(lab, checks):
    zone = "lie.test"
    primary = Primary(zone)
    here = f"127.0.0.1:{free_port()}"
    onoma = Secondary(lab, "lied-to", ["--listen", here, "--secondary", f"{zone}=127.0.0.1:{primary.port}"]).start()
    wait_for(lambda: serial_of(here, zone) == 1, 20, "the first version")

    def address():
        return asked(lab, here, f"www.{zone}", "A", "+short").strip()

    checks.equal(address(), "192.0.2.1", "the first version is answered")
    primary.address = "192.0.2.66"
    for i, lie in enumerate(LIES):
        primary.serial, primary.lie = 10 + i, lie
        before = primary.attempts
        onoma.states(zone, "--refresh")
        wait_for(lambda: primary.attempts > before, 10, f"{lie}: a transfer is tried")
        state = wait_for(lambda: (lambda one: one if one["state"] == "idle" and "problem" in one else None)(
            onoma.states(zone)[zone]), 15, f"{lie}: the transfer has failed")
        checks.equal((serial_of(here, zone), address(), state["serial"]), (1, "192.0.2.1", 1), f"{lie}: nothing of it is visible")
        print(f"  {lie}: {state['problem']}")
    # A hint that is not true is two questions and no transfer.
    primary.serial, primary.lie = 1, None
    onoma.states(zone, "--refresh")
    wait_for(lambda: "problem" not in onoma.states(zone)[zone], 10, "the problem is over")
    before = primary.attempts
    primary.notify(int(here.split(":")[1]), 4000)
    time.sleep(1)
    checks.equal(primary.attempts, before, "a NOTIFY of a serial that is not there brings no transfer")
    primary.serial = 100
    primary.notify(int(here.split(":")[1]))
    wait_for(lambda: serial_of(here, zone) == 100, 10, "the truth after all lies")
    checks.equal(address(), "192.0.2.66", "the truth is taken at once")
    onoma.server.process.stop()


def expires(lab, checks):
    """A primary that is gone: the zone ends when its SOA says, across a restart, and comes back with the primary."""
    zone = "short.test"
    primary = Primary(zone)
    primary.soa_numbers = (3600, 10, 4, 300)
    here = f"127.0.0.1:{free_port()}"
    onoma = Secondary(lab, "expiring", ["--listen", here, "--secondary", f"{zone}=127.0.0.1:{primary.port}"]).start()
    wait_for(lambda: serial_of(here, zone) == 1, 20, "the first version")
    primary.silent = True
    onoma.server.process.kill()
    onoma.start()
    checks.equal(serial_of(here, zone), 1, "a restart serves at once")
    wait_for(lambda: "SERVFAIL" in asked(lab, here, zone, "SOA"), 8, "the zone expires")
    out = asked(lab, here, zone, "SOA")
    checks.that("EDE: 24" in out, "an expired zone is told with EDE 24", out)
    _, health, _ = lab.run([program(), "status", "--zone", zone, "--control", onoma.control, "--json"])
    checks.that('"expired"' in health, "and in its health", health)
    onoma.server.process.kill()
    onoma.start()
    checks.that("SERVFAIL" in asked(lab, here, zone, "SOA"), "it stays expired over a restart")
    primary.silent = False
    onoma.states(zone, "--refresh")
    wait_for(lambda: serial_of(here, zone) == 1, 20, "the zone comes back")
    checks.that(True, "it comes back when a primary confirms it")
    onoma.server.process.stop()


def main(versions):
    need("dig")
    checks = Checks()
    with Lab() as lab:
        keys = lab.folder / "keys"
        keys.write_text(f"{KEY} hmac-sha256 {SECRET}\n")
        keys.chmod(0o600)
        for peer in PRIMARIES:
            if (shutil.which(peer) or shutil.which(peer, path="/usr/sbin")) is None:
                print(f"{peer} is not installed: no primary of it")
                continue
            checks.part(follows, lab, checks, versions, peer, keys)
        checks.part(lies, lab, checks)
        checks.part(expires, lab, checks)
    sys.exit(checks.finish())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8)
