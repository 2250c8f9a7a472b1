#!/usr/bin/env python3
"""From commit to the DNS: domains created through REST, one after another and many at a time, while the DNS is asked for
them all the time. Every one must become visible, with signed DS.

  visible.py [--count 1000] [--connections 16]

commit → visible is the time of the first DNS answer that has the domain, seen by a client on the same machine, less the
commit time that the server states for the event; it contains the client's own polling step. Beside it stands what the
server itself wrote down for the version that carried the event.
"""
import argparse
import datetime
import json
import multiprocessing
import struct
import sys
import threading
import time

from common import median, percentile, save, table
from support import packets
from support.lab import Lab
from support.rest import Rest
from support.servers import Serve
from support.signatures import Validator

DS = "{} 13 2 CDE0D742D6998AA554A92D890F8184C698CFAC8A26FA59875A990C03E576343C"


def create(address, token, names, results):
    """In a process of its own: [(name, sent, answered, event, committed)], times in seconds since 1970."""
    rest = Rest(address, token)
    found = []
    for number, name in enumerate(names):
        body = {"name": name, "name_servers": ["ns1.shop.test", "ns2.hosting.example"], "ds": [DS.format(number % 65536)]}
        sent = time.time()
        answer = rest.post("/v1/domains", body)
        answered = time.time()
        if answer.status != 201:
            raise RuntimeError(f"{name}: {answer}")
        committed = answer.json.get("committed", "")
        found.append((name, sent, answered, answer.json["seq"], datetime.datetime.fromisoformat(committed.replace("Z", "+00:00")).timestamp()))
    results.put(found)


def creators(address, token, lists, results):
    """All connections in one process, so that the one that watches the DNS has a core of its own."""
    threads = [threading.Thread(target=create, args=(address, token, names, results)) for names in lists]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def watch(client, lists, limit_s):
    """Asks for the next few names of each list until all were seen: {name: (time, answer)}."""
    names = [name for one in lists for name in one]
    queries = {name: packets.query(packets.name(name), 43, 0, True)[2:] for name in names}
    waiting = [list(one) for one in lists]
    width = max(2, 32 // len(lists))
    seen = {}
    client.socket.settimeout(0.2)
    end = time.time() + limit_s
    while any(waiting):
        if time.time() > end:
            raise TimeoutError(f"{sum(map(len, waiting))} domains did not become visible")
        asked = [(one, name) for one in waiting for name in one[:width]]
        for number, (_, name) in enumerate(asked):
            client.socket.send(struct.pack("!H", number) + queries[name])
        for _ in asked:
            try:
                answer = client.socket.recv(4096)
            except TimeoutError:
                break
            number = answer[0] << 8 | answer[1]
            if answer[6] << 8 | answer[7] and number < len(asked):
                one, name = asked[number]
                if answer[12:12 + len(packets.name(name))].lower() == packets.name(name) and name not in seen:
                    seen[name] = (time.time(), answer)
                    one.remove(name)
        # On a small machine a client that polls without pause takes the time from the server.
        time.sleep(0.0002)
    return seen


def measure(serve, title, lists):
    client = serve.client()
    validator = Validator(client.answers("test", "DNSKEY", dnssec=True))
    results = multiprocessing.Queue()
    worker = multiprocessing.Process(target=creators, args=(serve.http, serve.token, lists, results))
    begun = time.time()
    worker.start()
    seen = watch(client, lists, 120)
    created = [one for _ in lists for one in results.get(timeout=30)]
    worker.join()
    faults = []
    for _, answer in seen.values():
        sections = packets.parse(answer)[2]
        if not any(record[1] == 46 for record in sections[0]):
            faults.append("a DS set without signature")
        faults += validator.judge(sections)
    if faults:
        sys.exit(f"{title}: {faults[:3]}")
    visible = [(seen[name][0] - committed) * 1000 for name, _, _, _, committed in created]
    answered = [(answered - sent) * 1000 for _, sent, answered, _, _ in created]
    rest = serve.rest()
    stated = []
    for _, _, _, seq, _ in created:
        stated += [one["visible_after_us"] / 1000 for one in rest.get(f"/v1/events/{seq}").json.get("published", [])]
    wall = max(one[2] for one in created) - min(one[1] for one in created)
    client.close()
    return {"title": title, "domains": len(created), "connections": len(lists), "creates_per_s": round(len(created) / wall, 1),
            "create_ms": {"p50": round(median(answered), 2), "p99": round(percentile(answered, 0.99), 2)},
            "commit_to_visible_ms": {"p50": round(median(visible), 2), "p99": round(percentile(visible, 0.99), 2),
                                     "max": round(max(visible), 2)},
            "stated_by_server_ms": {"p50": round(median(stated), 2), "p99": round(percentile(stated, 0.99), 2)},
            "signatures_checked": validator.checked, "all_visible_after_s": round(max(one[0] for one in seen.values()) - begun, 2)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    with Lab() as lab:
        serve = Serve(lab, demo=True).start()
        rows = [measure(serve, "one after another", [[f"one-{i}.test" for i in range(given.count)]])]
        many = [[f"many-{j}-{i}.test" for i in range(given.count // given.connections)] for j in range(given.connections)]
        rows.append(measure(serve, "at the same time", many))
        events = serve.rest().get("/v1/status").json
        serve.stop()
    document = {"runs": rows, "zones": [{key: zone.get(key) for key in ("zone", "records")} for zone in events.get("zones", [])]}
    text = table(["creates", "connections", "creates/s", "create p50 / p99 ms", "commit → visible p50 / p99 / max ms", "stated by the server p50 / p99 ms", "signatures checked"],
                 [[f"{row['domains']} {row['title']}", row["connections"], row["creates_per_s"],
                   f"{row['create_ms']['p50']} / {row['create_ms']['p99']}",
                   f"{row['commit_to_visible_ms']['p50']} / {row['commit_to_visible_ms']['p99']} / {row['commit_to_visible_ms']['max']}",
                   f"{row['stated_by_server_ms']['p50']} / {row['stated_by_server_ms']['p99']}", row["signatures_checked"]] for row in rows])
    save("visible", json.loads(json.dumps(document)), text)


if __name__ == "__main__":
    main()
