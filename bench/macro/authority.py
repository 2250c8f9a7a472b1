#!/usr/bin/env python3
"""`onoma authority` beside NSD and Knot, and beside an echo that does nothing but receive and send: time to load, answers
a second, CPU time an answer, memory. In turns, in one run: only ratios count.

  authority.py [--zone gov|N]... [--turns 5] [--seconds 4] [--signed] [--only onoma,nsd,knot,echo]

N: an artificial zone of N delegations (bench/gen/zone_gen.cc). The server is pinned to core 0, dnsperf to core 1; response
rate limits are off. Questions: 60 % referrals without DS, 10 % with DS, 30 % names that do not exist; EDNS 1,232; DO only
with --signed, which signs the zone (NSEC3, opt-out) first. CPU: user and system time of all processes of the server over
answers, median of the turns. The echo gives answers of Onoma's mean length. Memory: proportional set size after the turns.
"""
import argparse
import os
import pathlib
import random
import re
import sys

import artificial
from common import SOURCE, Cpu, median, proportional_set, save, table, version
from support import zones
from support.lab import Lab, free_port, need, program, wait_for
from support.servers import Authority, Knot, Nsd

SERVER_CORE, CLIENT_CORE = ["taskset", "-c", "0"], ["taskset", "-c", "1"]


class Echo:
    def __init__(self, lab, octets):
        path = pathlib.Path(program()).parent / "echo_server"
        if not path.exists():
            path = SOURCE / "build/bench/echo_server"
        self.address, self.load_s = f"127.0.0.1:{free_port()}", 0.0
        self.process = lab.start("echo", [*SERVER_CORE, path, self.address, octets])
        wait_for(lambda: "ready" in self.process.out.read_text(), 5, "the echo")

    def pids(self):
        return [self.process.pid]


def gov_queries(zone, path, count):
    """The same mix for a real zone."""
    chance = random.Random(2)
    secure, insecure = set(), set()
    for owner, _, kind, _ in zones.records(zone):
        if kind == "NS":
            insecure.add(owner)
        if kind == "DS":
            secure.add(owner)
    insecure = sorted(insecure - secure - {"gov."})
    secure = sorted(secure)
    with open(path, "w", encoding="ascii") as out:
        for _ in range(count):
            spread = chance.random()
            if spread < 0.6:
                out.write(f"{chance.choice(insecure)} A\n")
            elif spread < 0.7:
                out.write(f"www.{chance.choice(secure)} A\n")
            else:
                label, _, rest = chance.choice(insecure).partition(".")
                out.write(f"{label[:50]}x{chance.randrange(100000)}.{rest} A\n")


def prepare(lab, name, signed):
    """(zone, file, questions)"""
    zone, file, queries = ("gov" if name == "gov" else "bench"), lab.folder / f"{name}.zone", lab.folder / f"{name}.queries"
    if name == "gov":
        zones.unpack("zones/gov-2026-08-22.zone.xz", file)
        gov_queries(file, queries, 500_000)
    else:
        made = artificial.Zone(int(name))
        file, queries = made.file, made.queries
    if signed:
        out = lab.folder / f"{name}.signed"
        status, _, err = lab.run([program(), "zone", "sign", file, "--zone", zone, "--output", out, "--opt-out"], 3600)
        if status != 0:
            sys.exit(f"signing failed: {err}")
        file = out
    return zone, file, queries


def fire(lab, server, queries, seconds, signed):
    """One turn of dnsperf: what happened."""
    host, _, port = server.address.rpartition(":")
    cpu = Cpu(server.pids())
    before = cpu.seconds()
    status, out, err = lab.run([*CLIENT_CORE, "dnsperf", "-s", host, "-p", port, "-d", queries, "-l", str(seconds), "-c", "8",
                                "-q", "200", "-T", "1", "-e"] + (["-D"] if signed else []), seconds + 60)
    used = cpu.seconds() - before

    def number(pattern):
        found = re.search(pattern, out)
        if status != 0 or not found:
            sys.exit(f"dnsperf failed: {out}{err}")
        return float(found[1])

    completed, lost = number(r"Queries completed:\s+(\d+)"), number(r"Queries lost:\s+(\d+)")
    return {"answers": completed, "lost": lost, "per_s": number(r"Queries per second:\s+([\d.]+)"),
            "cpu_us": used / completed * 1e6, "octets": number(r"response (\d+)"),
            "rcodes": re.search(r"Response codes:\s+(.*)", out)[1].strip()}


def measure(name, given):
    only = given.only.split(",")
    with Lab() as lab:
        zone, file, queries = prepare(lab, name, given.signed)
        print(f"{name}: {file.stat().st_size / 1e6:.1f} MB of text", flush=True)
        servers = {}
        if "onoma" in only:
            servers["onoma"] = Authority(lab, {zone: file}, prefix=SERVER_CORE, timeout_s=600)
        if "nsd" in only:
            servers["nsd"] = Nsd(lab, {zone: file}, prefix=SERVER_CORE, timeout_s=600)
        if "knot" in only:
            servers["knot"] = Knot(lab, {zone: file}, prefix=SERVER_CORE, timeout_s=600)
        turns = {key: [] for key in servers}
        for turn in range(given.turns):
            for key in list(servers):
                turns[key].append(fire(lab, servers[key], queries, given.seconds, given.signed))
                print(f"  turn {turn + 1} {key}: {turns[key][-1]['cpu_us']:.2f} µs, {turns[key][-1]['per_s']:.0f}/s", flush=True)
            if turn == 0 and "echo" in only:
                octets = int(median([one["octets"] for one in turns[next(iter(turns))]]))
                servers["echo"] = Echo(lab, octets)
                turns["echo"] = [fire(lab, servers["echo"], queries, given.seconds, given.signed)]
        memory = {key: proportional_set(server.pids()) for key, server in servers.items()}
        delegations = int(name) if name != "gov" else 16536
        floor = median([one["cpu_us"] for one in turns["echo"]]) if "echo" in turns else None
        rows = []
        for key, server in servers.items():
            cpu = median([one["cpu_us"] for one in turns[key]])
            rows.append({"server": key, "load_s": round(server.load_s, 3), "per_s": round(median([one["per_s"] for one in turns[key]])),
                         "cpu_us": round(cpu, 2), "of_echo": round(cpu / floor, 2) if floor else None,
                         "octets": turns[key][0]["octets"], "lost": sum(one["lost"] for one in turns[key]),
                         "memory": memory[key], "octets_per_delegation": round(memory[key] / delegations),
                         "rcodes": turns[key][0]["rcodes"], "cpu_us_of_turns": [round(one["cpu_us"], 2) for one in turns[key]]})
        return {"zone": name, "signed": given.signed, "delegations": delegations, "servers": rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zone", action="append", help="gov or a number of delegations")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--signed", action="store_true")
    parser.add_argument("--only", default="onoma,nsd,knot,echo")
    given = parser.parse_args()
    need("dnsperf", "taskset", *({"nsd": "nsd", "knot": "knotd"}[one] for one in given.only.split(",") if one in ("nsd", "knot")))
    runs = [measure(name, given) for name in given.zone or ["gov", "1000000"]]
    rows = [[run["zone"] + (" signed" if run["signed"] else ""), one["server"], f"{one['load_s']:.2f}", one["per_s"],
             f"{one['cpu_us']:.2f}", one["of_echo"] or "–", round(one["memory"] / 1e6), one["octets_per_delegation"],
             one["octets"], one["lost"]] for run in runs for one in run["servers"]]
    versions = {"nsd": version("/usr/sbin/nsd", "-v"), "knot": version("/usr/sbin/knotd", "-V"), "dnsperf": "2.10"}
    save("authority-signed" if given.signed else "authority", {"versions": versions, "runs": runs},
         f"{versions['nsd']}, {versions['knot']}\n\n" +
         table(["zone", "server", "start to answer s", "answers/s", "CPU µs/answer", "× echo", "MB", "octets/delegation",
                "answer octets", "lost"], rows))


if __name__ == "__main__":
    main()
