#!/usr/bin/env python3
"""Zone transfers from Onoma: dig and kdig ask for them, and BIND, NSD, Knot and PowerDNS are its secondaries, with TSIG and
without. Versions of the zones follow one another; each must reach every secondary by NOTIFY and IXFR alone, since
refresh is a day away, and be the same there record by record.

  transfer_out.py [VERSIONS]     default 12
"""
import base64
import pathlib
import random
import re
import shutil
import signal
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import pdns
from support import packets
from support.lab import Checks, Lab, free_port, need, wait_for
from support.packets import Client
from support.servers import Authority

KEY, SECRET = "transfer.test.", base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()
PLAIN, SIGNED = "plain.test", "signed.test"
NAMES = 3000
AXFR, NOTIMP = 252, 4


class Zone:
    """A zone that changes at random, the same way every time."""

    def __init__(self, name, folder):
        self.name, self.file, self.serial = name, folder / f"{name}.zone", 1
        self.chance = random.Random(name)
        self.hosts = {f"h{i}": [f"3600 A 192.0.2.{i % 250}"] for i in range(NAMES)}
        self.hosts["mail"] = ["3600 MX 10 h1", "300 TXT \"one\" \"two\""]
        self.hosts["sub"] = ["3600 NS ns.sub"]
        self.hosts["ns.sub"] = ["3600 A 192.0.2.7", "3600 AAAA 2001:db8::7"]
        self.hosts["*.wild"] = ["60 CNAME h2"]
        self.write()

    def write(self):
        lines = [f"@ 3600 SOA ns.{self.name}. admin.{self.name}. {self.serial} 86400 3600 2592000 300", "@ 3600 NS ns",
                 "ns 3600 A 192.0.2.1"]
        lines += [f"{name} {record}" for name, records in self.hosts.items() for record in records]
        new = self.file.with_suffix(".new")
        new.write_text("\n".join(lines) + "\n")
        new.rename(self.file)

    def change(self):
        self.serial += 1
        for _ in range(self.chance.randint(1, 30)):
            kind = self.chance.randrange(4)
            name = f"h{self.chance.randrange(NAMES)}"
            if kind == 0:
                self.hosts.pop(name, None)
            elif kind == 1:
                self.hosts[name] = [f"{self.chance.choice((60, 3600))} A 192.0.2.{self.chance.randrange(250)}"]
            elif kind == 2:
                self.hosts.setdefault(name, []).append(f"300 TXT \"{self.serial}-{self.chance.random()}\"")
            else:
                self.hosts[f"n{self.serial}-{self.chance.randrange(99)}"] = ["3600 AAAA 2001:db8::1"]
        self.write()


def bind(lab, primary):
    port, folder = free_port(), lab.folder / "bind"
    folder.mkdir()
    host, at = primary.split(":")
    (folder / "named.conf").write_text(f"""
options {{ directory "{folder}"; pid-file "{folder}/named.pid"; session-keyfile "{folder}/session.key";
  listen-on port {port} {{ 127.0.0.1; }}; listen-on-v6 {{ none; }}; recursion no; notify no; dnssec-validation no;
  allow-transfer {{ 127.0.0.1; }}; empty-zones-enable no; }};
controls {{ }};
logging {{ category default {{ default_stderr; }}; }};
key "{KEY}" {{ algorithm hmac-sha256; secret "{SECRET}"; }};
zone "{PLAIN}" {{ type secondary; primaries {{ {host} port {at}; }}; file "plain.zone"; }};
zone "{SIGNED}" {{ type secondary; primaries {{ {host} port {at} key "{KEY}"; }}; file "signed.zone"; }};
""")
    return port, ["/usr/sbin/named", "-g", "-n", "1", "-c", folder / "named.conf"]


def nsd(lab, primary):
    port, folder = free_port(), lab.folder / "nsd"
    folder.mkdir()
    at = primary.replace(":", "@")
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
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
key:
  name: "{KEY}"
  algorithm: hmac-sha256
  secret: "{SECRET}"
zone:
  name: "{PLAIN}"
  zonefile: "plain.zone"
  request-xfr: {at} NOKEY
  allow-notify: 127.0.0.1 NOKEY
  provide-xfr: 127.0.0.1 NOKEY
zone:
  name: "{SIGNED}"
  zonefile: "signed.zone"
  request-xfr: {at} {KEY}
  allow-notify: 127.0.0.1 {KEY}
  provide-xfr: 127.0.0.1 NOKEY
""")
    return port, ["/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"]


def knotd(lab, primary):
    port, folder = free_port(), lab.folder / "knot"
    folder.mkdir()
    at = primary.replace(":", "@")
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
    address: {at}
  - id: signed
    address: {at}
    key: {KEY}
acl:
  - id: anybody
    address: 127.0.0.1
    action: transfer
  - id: plain-notify
    address: 127.0.0.1
    action: notify
  - id: signed-notify
    address: 127.0.0.1
    key: {KEY}
    action: notify
template:
  - id: default
    storage: "{folder}"
    semantic-checks: off
zone:
  - domain: {PLAIN}
    master: plain
    acl: [anybody, plain-notify]
  - domain: {SIGNED}
    master: signed
    acl: [anybody, signed-notify]
""")
    return port, ["/usr/sbin/knotd", "-c", folder / "knot.conf"]


def pdns_server(lab, primary):
    port = free_port()
    return port, pdns.secondary(lab, port, primary, PLAIN, SIGNED, KEY, SECRET)


SECONDARIES = {"named": bind, "nsd": nsd, "knotd": knotd, "pdns_server": pdns_server}


def asked(lab, address, *words, tool="dig", timeout_s=60):
    host, port = address.split(":")
    _, out, err = lab.run([tool, f"@{host}", "-p", port, *words], timeout_s)
    return out + err


def content(lab, address, zone, *more):
    """All records of a zone as a server transfers it, in one order and one form."""
    out = asked(lab, address, *more, zone, "AXFR", "+noall", "+answer", "+onesoa")
    return sorted(re.sub(r"\s+", " ", line).lower() for line in out.splitlines() if line and not line.startswith(";"))


def with_tools(checks, lab, address, zones):
    """What clients are told, good and bad."""
    key = ["-y", f"hmac-sha256:{KEY}:{SECRET}"]
    for tool in ("dig", "kdig"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed: not asked with it")
            continue
        for zone, more in ((PLAIN, []), (SIGNED, key)):
            out = asked(lab, address, *more, zone, "AXFR", tool=tool)
            soas = [line for line in out.splitlines() if line.startswith(zone) and "SOA" in line.split()]
            checks.that(len(soas) == 2 and out.count("192.0.2.") > NAMES / 2, f"{tool} gets {zone} whole", out[-500:])
            checks.that("WARNING" not in out and "rror:" not in out, f"{tool} has nothing to object to in {zone}",
                        out[-500:])
        serial = zones[PLAIN].serial
        out = asked(lab, address, PLAIN, f"IXFR={serial}", "+tcp", tool=tool)
        checks.equal(len(re.findall(r"\bSOA\b.*\bns\.plain", out)), 1, f"{tool}: an IXFR that is up to date is one SOA")
    refused = asked(lab, address, SIGNED, "AXFR")
    checks.that("Transfer failed" in refused, "without the key there is no transfer", refused)
    refused = asked(lab, address, "-b", "127.0.0.9", PLAIN, "AXFR")
    checks.that("Transfer failed" in refused, "from another address there is none", refused)
    wrong = asked(lab, address, "-y", f"hmac-sha256:{KEY}:{OTHER}", SIGNED, "SOA")
    checks.that("NOTAUTH" in wrong and "BADSIG" in wrong, "another secret is NOTAUTH, BADSIG", wrong)
    wrong = asked(lab, address, "-y", f"hmac-sha256:unknown.test.:{SECRET}", SIGNED, "SOA")
    checks.that("NOTAUTH" in wrong and "BADKEY" in wrong, "an unknown key is NOTAUTH, BADKEY", wrong)
    good = asked(lab, address, *key, "+norec", SIGNED, "SOA")
    checks.that("status: NOERROR" in good and "Couldn't verify" not in good and "WARNING" not in good,
                "an ordinary signed query has a signed answer", good)
    udp = asked(lab, address, PLAIN, f"IXFR={zones[PLAIN].serial - 1}", "+notcp")
    checks.that("(UDP)" in udp and len(re.findall(r"\bSOA\b.*\bns\.plain", udp)) in (1, 4), "IXFR over UDP is answered",
                udp)
    client = Client(address)
    answer = client.raw(packets.name(PLAIN), AXFR)
    checks.equal(answer[3] & 15, NOTIMP, "AXFR over UDP is NOTIMP")
    client.close()


def main(versions):
    need("dig")
    checks = Checks()
    with Lab() as lab:
        zones = {name: Zone(name, lab.folder) for name in (PLAIN, SIGNED)}
        keys = lab.folder / "keys"
        keys.write_text(f"{KEY} hmac-sha256 {SECRET}\n")
        keys.chmod(0o600)
        # The ports of secondaries are needed before the primary starts, and its address before they do.
        port = free_port()
        address = f"127.0.0.1:{port}"
        peers = {}
        for program, make in SECONDARIES.items():
            path = shutil.which(program) or shutil.which(program, path="/usr/sbin")
            if path is None:
                print(f"{program} is not installed: no secondary of it")
                continue
            peers[program] = make(lab, address)
        more = ["--tsig-key-file", keys, "--transfer", f"127.0.0.1 zone={PLAIN}", "--transfer",
                f"127.0.0.1 key={KEY} zone={SIGNED}", "--notify-interval", "0", "--no-change-limits"]
        for at, _ in peers.values():
            more += ["--notify", f"127.0.0.1:{at} zone={PLAIN}", "--notify", f"127.0.0.1:{at} key={KEY} zone={SIGNED}"]
        server = Authority(lab, {name: zone.file for name, zone in zones.items()}, ["--listen", address, *more])

        secondaries = {}
        for program, (at, command) in peers.items():
            lab.start(program, command)
            secondaries[program] = f"127.0.0.1:{at}"

        def serial_of(at, zone):
            client = Client(at, timeout_s=0.3, tries=1)
            try:
                return client.serial(zone)
            except (TimeoutError, OSError):
                return None
            finally:
                client.close()

        def arrived(what):
            for program, at in secondaries.items():
                for name, zone in zones.items():
                    try:
                        wait_for(lambda: serial_of(at, name) == zone.serial, 40, f"{what}: {name} {zone.serial} at {program}")
                        checks.that(True, f"{what}: {name} at {program}")
                    except TimeoutError as error:
                        checks.that(False, str(error))

        def same(what):
            for name in zones:
                mine = content(lab, address, name, *(["-y", f"hmac-sha256:{KEY}:{SECRET}"] if name == SIGNED else []))
                checks.that(len(mine) > NAMES / 2, f"{what}: {name} comes from the primary", mine[:5])
                for program, at in secondaries.items():
                    theirs = content(lab, at, name)
                    checks.that(mine == theirs, f"{what}: {name} is the same at {program}",
                                f"{len(mine)} and {len(theirs)} records, different: {sorted(set(mine) ^ set(theirs))[:6]}")

        arrived("the first version")
        same("the first version")
        for step in range(versions):
            for zone in zones.values():
                zone.change()
            server.process.signal(signal.SIGHUP)
            wait_for(lambda: all(serial_of(address, name) == zone.serial for name, zone in zones.items()), 20,
                     "the primary serves the new version")
            arrived(f"version {step + 2}")
        same("the last version")
        with_tools(checks, lab, address, zones)
        said = server.process.err.read_text(errors="replace")
        incremental = len(re.findall(r"IXFR to ", said))
        whole = len(re.findall(r"IXFR \(whole zone\) to ", said))
        if secondaries:
            checks.that(incremental >= versions, f"changes went as IXFR ({incremental}, whole zones instead: {whole})", said[-1500:])
        checks.that(" error " not in said, "the primary logged no error", said[-1500:])
        print(f"{versions} versions to {', '.join(secondaries) or 'nobody'}: {incremental} IXFR, {whole} whole instead")
    sys.exit(checks.finish())


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 12)
