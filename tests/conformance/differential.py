#!/usr/bin/env python3
"""Random small zones in Onoma, NSD, Knot and BIND at once: unsigned, and signed by us with NSEC, NSEC3 and opt-out. Every
name of each zone and names near it are asked for nine types, with DO and without. An answer of ours must be the others'
answer; where it is not, one of the reasons below must hold, or it is a fault.

    differential.py [--zones N] [--seed N] [--batch N]
"""
import argparse
import collections
import os
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from conformance import explain  # noqa: E402
from conformance.random_zones import Zone  # noqa: E402
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program, skip  # noqa: E402
from support.servers import Authority, Bind, Knot, Nsd  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--zones", type=int, default=50)
parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30))
parser.add_argument("--batch", type=int, default=200, help="zones loaded at once")
parser.add_argument("--show", type=int, default=12, help="differences printed in full")
given = parser.parse_args()

QTYPES = ("A", "AAAA", "NS", "DS", "TXT", "CNAME", "MX", "SOA", "DNAME")
KINDS = {"unsigned": None, "nsec": [], "nsec3": ["--nsec3"], "opt-out": ["--nsec3", "--opt-out"]}
PEERS = {"nsd": ("nsd", Nsd), "knot": ("knotd", Knot), "bind": ("named", Bind)}
# BIND: the TTL of negative answers to SOA questions as everywhere else, and additional data.
SETTINGS = {"bind": {"minimal": "no-auth", "more": ["zero-no-soa-ttl no;"]}}
peers = {name: server for name, (binary, server) in PEERS.items() if shutil.which(binary, path="/usr/sbin:/usr/bin")}
if not peers:
    skip("neither NSD nor Knot nor BIND is installed")


def answers_of(address, queries):
    """Parsed answers; what was truncated is asked again over TCP."""
    raw = packets.ask_all(address, queries)
    short = [i for i, answer in enumerate(raw) if answer and answer[2] & 2]
    for i, answer in zip(short, packets.ask_all_tcp(address, [queries[i] for i in short])):
        raw[i] = answer
    return raw


def readable(answer):
    """An answer in comparable form, or what is wrong with it."""
    if answer is None:
        return "is silent"
    try:
        return packets.comparable(answer)
    except packets.Malformed as fault:
        return f"is malformed: {fault}"


def batch(checks, number, count, totals, shown):
    with Lab() as lab:
        zones, files = {}, {}
        for i in range(count):
            apex = f"z{number + i}.test."
            kind = list(KINDS)[(number + i) % len(KINDS)]
            zone = zones[apex] = Zone(apex, (given.seed << 20) + number + i)
            file = lab.folder / f"{number + i}.zone"
            file.write_text(zone.text())
            zone.kind, zone.file = kind, file
            if KINDS[kind] is not None:
                signed = lab.folder / f"{number + i}.signed"
                status, out, err = lab.run([program(), "zone", "sign", file, "--zone", apex, "--output", signed, "--keys",
                                            lab.folder / "keys", *KINDS[kind]])
                if not checks.that(status == 0, f"{apex} is signed", out + err + zone.text()):
                    return
                file = signed
            files[apex] = file
        ours = Authority(lab, files)
        others = {name: server(lab, files, **SETTINGS.get(name, {})) for name, server in peers.items()}
        asked, queries = [], []
        for apex, zone in zones.items():
            for name in zone.names():
                for qtype in QTYPES:
                    for dnssec in (False, True):
                        if zone.kind == "unsigned" and dnssec:
                            continue
                        asked.append((zone, name, qtype, dnssec))
                        queries.append(packets.query(packets.name(name), packets.TYPES[qtype], dnssec=dnssec))
        got = answers_of(ours.address, queries)
        theirs = {name: answers_of(server.address, queries) for name, server in others.items()}
        totals["questions"] += len(asked)
        for i, (zone, name, qtype, dnssec) in enumerate(asked):
            mine = readable(got[i])
            if isinstance(mine, str):
                totals[f"our answer {mine}"] += 1
                kind = ("ours", zone.kind, mine)
                shown[kind] += 1
                if shown[kind] <= 2:
                    print(f"{name} {qtype} DO={int(dnssec)}, {zone.kind}: our answer {mine}\n{packets.parse(got[i])}\n{zone.text()}")
                continue
            rows = {peer: readable(answers[i]) for peer, answers in theirs.items()}
            for peer, other in rows.items():
                if isinstance(other, str):
                    totals[f"{peer} {other}"] += 1
                    continue
                if theirs[peer][i][2:] == got[i][2:]:
                    totals[f"{peer} equal to the octet"] += 1
                    continue
                question = explain.Question(zone, name, qtype, dnssec, peer,
                                            {third: row for third, row in rows.items()
                                             if third != peer and not isinstance(row, str)})
                reason = explain.reason(question, mine, other)
                totals[f"{peer} {reason or 'UNEXPLAINED'}"] += 1
                if reason is None:
                    kind = (peer, zone.kind, explain.fields(mine, other))
                    shown[kind] += 1
                    if shown[kind] <= 2 and len(shown) <= given.show:
                        print(explain.describe(question, mine, other), flush=True)


checks = Checks()
totals, shown = collections.Counter(), collections.Counter()
begun = time.monotonic()
for number in range(0, given.zones, given.batch):
    batch(checks, number, min(given.batch, given.zones - number), totals, shown)
print(f"seed {given.seed}: {given.zones} zones, {totals['questions']} questions, {time.monotonic() - begun:.0f} s")
for what, count in sorted(totals.items()):
    print(f"    {count:9} {what}")
for kind, count in shown.most_common():
    print(f"    {count:9} unexplained: {kind}")
checks.that(totals["questions"] > 0 and not shown, "every difference is explained")
sys.exit(checks.finish())
