#!/usr/bin/env python3
"""Many small zones: `onoma authority` beside NSD and Knot. Time from the start until zones all over the list are answered,
memory per zone, and one zone's reload while all are loaded.

  many_zones.py [--zones 100000] [--distinct] [--files 2000] [--reloads 20] [--only onoma,nsd,knot]

Each zone has 6 records with relative names. --files distinct files serve all zones, so that what is measured is not the
disk; --distinct gives every zone a file of its own. The servers use all cores to load; they run one after another. A reload
is timed from the start of the command (onoma, nsd-control, knotc) until an answer has the new serial; for Onoma also
without a command, over the control socket.
"""
import argparse
import json
import os
import pathlib
import random
import socket
import time

from common import median, percentile, proportional_set, save, table, version
from support.lab import Lab, free_port, need, program, wait_for
from support.packets import Client

ZONE = """$TTL 3600
@ SOA ns1.dns.example. hostmaster {serial} 7200 900 1209600 300
@ NS ns1.dns.example.
@ NS ns2.dns.example.
@ A 192.0.2.{last}
www A 192.0.2.{last}
@ MX 10 mail
"""


def write(path, serial, last=1):
    path.write_text(ZONE.format(serial=serial, last=last))


def prepare(lab, given):
    """[(zone, file)]; the last zone has a file of its own, to be reloaded."""
    folder = lab.folder / "zones"
    folder.mkdir()
    count = given.zones if given.distinct else min(given.files, given.zones)
    paths = []
    for i in range(count):
        if i % 1000 == 0:
            (folder / str(i // 1000)).mkdir()
        paths.append(folder / str(i // 1000) / f"{i}.zone")
        write(paths[-1], 1, i % 250 + 1)
    own = folder / "own.zone"
    write(own, 1)
    zones = [(f"zone-{i}.example", paths[i % count]) for i in range(given.zones - 1)] + [("reloaded.example", own)]
    return zones, own


class Server:
    def __init__(self, lab, name):
        self.lab, self.name, self.address = lab, name, f"127.0.0.1:{free_port()}"
        self.folder = lab.folder / name
        self.folder.mkdir()

    def start(self, command):
        self.begun = time.monotonic()
        self.process = self.lab.start(self.name, command)

    def pids(self):
        found, queue = [], [self.process.pid]
        while queue:
            pid = queue.pop()
            found.append(pid)
            for task in os.listdir(f"/proc/{pid}/task"):
                try:
                    queue += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
                except OSError:
                    pass
        return found

    def wait(self, zones, patience_s=1800):
        """Until a sample of the zones, the last among them, is answered."""
        sample = random.Random(1).sample(zones, min(300, len(zones))) + zones[-1:]
        client = Client(self.address, timeout_s=0.25, tries=1)
        end = time.monotonic() + patience_s
        for zone, _ in sample:
            while True:
                try:
                    if client.serial(zone) is not None:
                        break
                except (TimeoutError, OSError):
                    pass
                if not self.process.running() or time.monotonic() > end:
                    raise RuntimeError(f"{self.name} does not answer for {zone}:\n{self.process.errors()}")
                time.sleep(0.01)
        self.load_s = time.monotonic() - self.begun
        client.close()


class Onoma(Server):
    def __init__(self, lab, zones):
        super().__init__(lab, "onoma")
        listed = self.folder / "zones.list"
        listed.write_text("".join(f"{zone} {file}\n" for zone, file in zones))
        self.control = self.folder / "control.sock"
        self.start([program(), "authority", "--listen", self.address, "--zone-list", listed, "--control", self.control])
        wait_for(lambda: self.process.out.read_text().startswith("ready") or not self.process.running(), 1800, "onoma")
        self.wait(zones)

    def reload(self):
        return [program(), "zone", "reload", "reloaded.example", "--control", self.control]

    def reload_by_socket(self):
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(self.control))
            sock.sendall(b'{"command":"reload","zone":"reloaded.example"}\n')
            answer = sock.makefile().readline()
        if "error" in json.loads(answer):
            raise RuntimeError(answer)

    def reload_all(self):
        began = time.monotonic()
        status, out, err = self.lab.run([program(), "zone", "reload", "--all", "--control", self.control], 1800)
        if status != 0:
            raise RuntimeError(out + err)
        return time.monotonic() - began


class Nsd(Server):
    def __init__(self, lab, zones):
        super().__init__(lab, "nsd")
        port, folder = self.address.rpartition(":")[2], self.folder
        head = ["server:", f"  ip-address: 127.0.0.1@{port}", '  username: ""', '  database: ""', "  server-count: 1",
                f'  zonesdir: "{folder}"', f'  pidfile: "{folder}/nsd.pid"', f'  logfile: "{folder}/nsd.log"',
                f'  xfrdfile: "{folder}/xfrd.state"', f'  zonelistfile: "{folder}/zone.list"', f'  xfrdir: "{folder}"',
                "  rrl-ratelimit: 0", "remote-control:", "  control-enable: yes", f"  control-interface: {folder}/control"]
        with open(folder / "nsd.conf", "w", encoding="ascii") as out:
            out.write("\n".join(head) + "\n")
            for zone, file in zones:
                out.write(f'zone:\n  name: "{zone}"\n  zonefile: "{file}"\n')
        self.start(["/usr/sbin/nsd", "-d", "-c", folder / "nsd.conf"])
        self.wait(zones)

    def reload(self):
        return ["/usr/sbin/nsd-control", "-c", self.folder / "nsd.conf", "reload", "reloaded.example"]


class Knot(Server):
    def __init__(self, lab, zones):
        super().__init__(lab, "knot")
        port, folder = self.address.rpartition(":")[2], self.folder
        head = ["server:", f"  listen: 127.0.0.1@{port}", f'  rundir: "{folder}"', "  udp-workers: 1", "  tcp-workers: 1",
                f"  background-workers: {os.cpu_count()}", "control:", f"  listen: {folder}/knot.sock", "log:", "  - target: stderr",
                "    any: warning", "database:", f'  storage: "{folder}"', "template:", "  - id: default", f'    storage: "{folder}"',
                "    zonefile-load: whole", "    journal-content: none", "    semantic-checks: off", "zone:"]
        with open(folder / "knot.conf", "w", encoding="ascii") as out:
            out.write("\n".join(head) + "\n")
            for zone, file in zones:
                out.write(f'  - domain: "{zone}"\n    file: "{file}"\n')
        self.start(["/usr/sbin/knotd", "-c", folder / "knot.conf"])
        self.wait(zones)

    def reload(self):
        return ["/usr/sbin/knotc", "-s", self.folder / "knot.sock", "zone-reload", "reloaded.example"]


def time_reloads(server, own, given):
    """Milliseconds until the new serial is answered: by the command, and over the socket where there is one."""
    client = Client(server.address, timeout_s=5)
    serial, by_command, by_socket = client.serial("reloaded.example"), [], []

    def one(ask):
        nonlocal serial
        serial += 1
        write(own, serial)
        began = time.monotonic()
        ask()
        while client.serial("reloaded.example") != serial:
            if time.monotonic() - began > 600:
                raise TimeoutError(f"{server.name} does not take the new file:\n{server.process.errors()}")
            time.sleep(0.0005)
        return (time.monotonic() - began) * 1000

    def command():
        # Without a copy of this process: that would take longer than the command.
        words = [str(word) for word in server.reload()]
        quiet = [(os.POSIX_SPAWN_OPEN, number, "/dev/null", os.O_WRONLY, 0) for number in (1, 2)]
        child = os.posix_spawn(words[0], words, os.environ, file_actions=quiet)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise RuntimeError(f"{' '.join(words)} failed")

    for _ in range(given.reloads):
        by_command.append(one(command))
        if hasattr(server, "reload_by_socket"):
            by_socket.append(one(server.reload_by_socket))
    client.close()
    return by_command, by_socket


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zones", type=int, default=100_000)
    parser.add_argument("--distinct", action="store_true")
    parser.add_argument("--files", type=int, default=2000)
    parser.add_argument("--reloads", type=int, default=20)
    parser.add_argument("--only", default="onoma,nsd,knot")
    given = parser.parse_args()
    kinds = {"onoma": Onoma, "nsd": Nsd, "knot": Knot}
    need(*(name for kind in given.only.split(",") for name in {"nsd": ["nsd", "nsd-control"], "knot": ["knotd", "knotc"]}.get(kind, [])))
    rows = []
    with Lab() as lab:
        zones, own = prepare(lab, given)
        for kind in given.only.split(","):
            server = kinds[kind](lab, zones)
            octets = proportional_set(server.pids())
            by_command, by_socket = time_reloads(server, own, given)
            row = {"server": kind, "load_s": round(server.load_s, 2), "memory": octets, "octets_per_zone": round(octets / given.zones),
                   "reload_ms": round(median(by_command), 1), "reload_ms_worst": round(percentile(by_command, 1), 1)}
            if by_socket:
                row |= {"socket_reload_ms": round(median(by_socket), 2), "socket_reload_ms_worst": round(percentile(by_socket, 1), 2),
                        "reload_all_s": round(server.reload_all(), 2)}
            rows.append(row)
            print(row, flush=True)
            server.process.stop(60)
            write(own, 1)
    text = table(["server", "start to answer s", "MB", "octets/zone", "one reload ms (worst)", "over the socket ms (worst)", "reload --all s"],
                 [[row["server"], row["load_s"], round(row["memory"] / 1e6), row["octets_per_zone"],
                   f"{row['reload_ms']} ({row['reload_ms_worst']})",
                   f"{row['socket_reload_ms']} ({row['socket_reload_ms_worst']})" if "socket_reload_ms" in row else "–",
                   row.get("reload_all_s", "–")] for row in rows])
    versions = {"nsd": version("/usr/sbin/nsd", "-v"), "knot": version("/usr/sbin/knotd", "-V")}
    name = "many-zones" + ("-distinct" if given.distinct else "") + ("" if given.zones == 100_000 else f"-{given.zones}")
    save(name, {"zones": given.zones, "files": given.zones if given.distinct else given.files, "versions": versions, "servers": rows},
         f"{given.zones} zones of 6 records, {'a file each' if given.distinct else f'{given.files} files'}. "
         f"{versions['nsd']}, {versions['knot']}.\n\n" + text)


if __name__ == "__main__":
    main()
