#!/usr/bin/env python3
"""Zone transfers of a large zone: out of Onoma, NSD and Knot, and into them.

  transfer.py [--size 1000000] [--turns 3] [--changes 1,100,10000]

Out: AXFR over one connection to a client that throws it away; server and client have a core each. In: each server starts
with an empty folder as the secondary of Knot, and the time runs until it answers from the zone; its memory is read then.
Changes: the primary is Onoma; N delegations are added in one version, and the time runs from the primary's answer that has the
new serial to the secondary's (NOTIFY at once, IXFR); beside it Onoma's own time from the command until the version is visible.
"""
import argparse
import pathlib
import sys
import time

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parents[1] / "serve"))

from artificial import NAME, Zone
from common import median, save, table
from rows import mix
from servers import CLASSES, Changes, Onoma, Load, installed, resident, versions
from support.lab import Lab, free_port, wait_for
from support.packets import Client
from support.servers import Authority, _Foreign


def serial(address):
    client = Client(address, timeout_s=0.2, tries=1)
    try:
        return client.serial(NAME)
    except (TimeoutError, OSError):
        return None
    finally:
        client.close()


def until_serial(address, wanted, patience_s=600):
    """Asks without pause: what is waited for takes milliseconds."""
    client = Client(address, timeout_s=1.0, tries=3)
    end = time.monotonic() + patience_s
    while client.serial(NAME) != wanted:
        if time.monotonic() > end:
            raise TimeoutError(f"{address} does not get serial {wanted}")
        time.sleep(0.0005)
    client.close()


def out_of(given, zone):
    found = {}
    for key, make in CLASSES.items():
        if installed(key):
            continue
        with Lab() as lab:
            server = make(lab, zone.file)
            turns = []
            for _ in range(given.turns):
                before = server.cpu_s()
                asking = Load(server, *mix(zone), "--rate", 1000, "--warmup", 0.3, "--transfer", NAME, "--transfer-at", 0.5,
                              "--seconds", 600)
                asking.wait_for("transferred")
                asking.stop()
                done = asking.result()["transfer"]
                turns.append((done["seconds"], done["octets"], server.cpu_s() - before))
            found[key] = {"seconds": median([turn[0] for turn in turns]), "octets": turns[0][1],
                          "cpu_seconds": median([turn[2] for turn in turns])}
            print(f"out of {key}: {found[key]}", flush=True)
    return found


class NsdSecondary(_Foreign):
    def __init__(self, lab, primary, port):
        self.folder = lab.folder / "nsd-secondary"
        self.address = f"127.0.0.1:{port}"
        self.folder.mkdir()
        (self.folder / "nsd.conf").write_text(f"""
server:
  ip-address: 127.0.0.1@{port}
  username: ""
  database: ""
  server-count: 1
  zonesdir: "{self.folder}"
  pidfile: "{self.folder}/nsd.pid"
  logfile: "{self.folder}/nsd.log"
  xfrdfile: "{self.folder}/xfrd.state"
  zonelistfile: "{self.folder}/zone.list"
  xfrdir: "{self.folder}"
  xfrd-reload-timeout: 0
remote-control:
  control-enable: no
zone:
  name: "{NAME}"
  zonefile: "secondary.zone"
  request-xfr: {primary.replace(":", "@")} NOKEY
  allow-notify: 127.0.0.1 NOKEY
""")
        self.process = lab.start("nsd-secondary", ["/usr/sbin/nsd", "-d", "-c", self.folder / "nsd.conf"])


class KnotSecondary(_Foreign):
    def __init__(self, lab, primary, port):
        self.folder = lab.folder / "knot-secondary"
        self.address = f"127.0.0.1:{port}"
        self.folder.mkdir()
        (self.folder / "knot.conf").write_text(f"""
server:
  listen: 127.0.0.1@{port}
  rundir: "{self.folder}"
  udp-workers: 1
  tcp-workers: 1
log:
  - target: stderr
    any: warning
database:
  storage: "{self.folder}"
remote:
  - id: primary
    address: {primary.replace(":", "@")}
acl:
  - id: notify
    address: 127.0.0.1
    action: notify
template:
  - id: default
    storage: "{self.folder}"
    semantic-checks: off
zone:
  - domain: {NAME}
    master: primary
    acl: notify
""")
        self.process = lab.start("knot-secondary", ["/usr/sbin/knotd", "-c", self.folder / "knot.conf"])


class OnomaSecondary(Authority):
    def __init__(self, lab, primary, port):
        super().__init__(lab, {}, more=["--listen", f"127.0.0.1:{port}", "--secondary", f"{NAME}={primary}", "--no-audit",
                                        "--no-change-limits", "--data", lab.folder / "onoma-data"], name="onoma-secondary")
        self.address = f"127.0.0.1:{port}"


SECONDARIES = {"onoma": OnomaSecondary, "nsd": NsdSecondary, "knot": KnotSecondary}


def into(zone):
    """From an empty folder to answers, from one Knot for all."""
    found = {}
    with Lab() as lab:
        primary = CLASSES["knot"](lab, zone.file)
        for key, make in SECONDARIES.items():
            if installed(key):
                continue
            begun = time.monotonic()
            server = make(lab, primary.address, free_port())
            wait_for(lambda: serial(server.address) is not None, 1800, f"{key} answers")
            found[key] = {"seconds": time.monotonic() - begun, "octets_per_delegation": resident(server.pids()) / zone.delegations}
            print(f"into {key}: {found[key]}", flush=True)
            server.process.stop()
    return found


def changes(given, zone):
    found = {}
    for key, make in SECONDARIES.items():
        if installed(key):
            continue
        with Lab() as lab:
            port = free_port()
            primary = Onoma(lab, zone.file, pin=False, flags=["--notify", f"127.0.0.1:{port}", "--notify-interval", "0"])
            server = make(lab, primary.address, port)
            wait_for(lambda: serial(server.address) is not None, 1800, f"{key} answers")
            series = Changes(zone)
            one = {}
            for count in map(int, given.changes.split(",")):
                visible, behind = [], []
                for _ in range(given.turns * 3):
                    lines, _ = series.lines(count)
                    begun = time.monotonic()
                    primary.control_call({"command": "apply", "zone": NAME, "lines": lines})
                    visible.append(time.monotonic() - begun)
                    begun = time.monotonic()
                    until_serial(server.address, series.serial)
                    behind.append(time.monotonic() - begun)
                one[count] = {"primary_ms": median(visible) * 1000, "secondary_ms": median(behind) * 1000}
            found[key] = one
            print(f"changes to {key}: {one}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--changes", default="1,100,10000")
    given = parser.parse_args()
    zone = Zone(given.size)
    zone.file.read_bytes()
    results = {"out": out_of(given, zone), "in": into(zone), "changes": changes(given, zone)}
    keys = [key for key in CLASSES if key in results["out"]]
    rows = [["AXFR out, s", *(f"{results['out'][key]['seconds']:.2f}" for key in keys)],
            ["AXFR out, CPU s", *(f"{results['out'][key]['cpu_seconds']:.2f}" for key in keys)],
            ["AXFR out, MB/s", *(f"{results['out'][key]['octets'] / results['out'][key]['seconds'] / 1e6:.0f}" for key in keys)],
            ["AXFR in from Knot until answers, s", *(f"{results['in'][key]['seconds']:.2f}" for key in keys)],
            ["octets a delegation then", *(f"{results['in'][key]['octets_per_delegation']:.0f}" for key in keys)]]
    for count in map(int, given.changes.split(",")):
        rows.append([f"{count} more delegations, from visible at Onoma to visible at the secondary, ms",
                     *(f"{results['changes'][key][count]['secondary_ms']:.1f}" for key in keys)])
    save(f"transfer-{given.size}", {"results": results, "versions": versions()}, table(["", *(key for key in keys)], rows))


if __name__ == "__main__":
    main()
