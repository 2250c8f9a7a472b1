#!/usr/bin/env python3
"""A full disk: creates are refused with an error, not lost and not half done; the DNS goes on answering what was there;
with room again, creates work, at the latest after a restart, and every create that was acknowledged is there.

The data directory lies on a small file system in a mount namespace of the server's own (needs root).
"""
import os
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.lab import Checks, Lab, need, skip  # noqa: E402
from support.servers import Serve  # noqa: E402

need("unshare", "mount")
if os.geteuid() != 0 or subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], check=False,
                                       capture_output=True).returncode != 0:
    skip("mounting a small file system needs root")

checks = Checks()
with Lab() as lab:
    disk = lab.folder / "disk"
    disk.mkdir()
    # The file system lives as long as this process: the server, started and restarted, joins its namespace.
    holder = lab.start("holder", ["unshare", "-m", "sh", "-c", f"mount -t tmpfs -o size=24m none '{disk}' && echo up && exec sleep 3600"])
    while "up" not in holder.out.read_text():
        time.sleep(0.01)
    serve = Serve(lab, data=disk / "data", demo=True, prefix=["nsenter", f"--mount=/proc/{holder.pid}/ns/mnt"])
    serve.start()
    inside = pathlib.Path(f"/proc/{holder.pid}/root{disk}")
    serve.data = inside / "data"
    rest, client = serve.rest(), serve.client()
    acknowledged, refused, number = [], [], 0

    def create():
        global number
        number += 1
        name = f"full-{number}.test"
        answer = rest.post("/v1/domains", {"name": name, "name_servers": ["ns1.shop.test"]})
        (acknowledged if answer.status == 201 else refused).append((name, answer))
        return answer

    checks.equal(create().status, 201, "a create before the disk is full")
    filler = open(inside / "filler", "wb", buffering=0)
    try:
        while True:
            filler.write(b"\0" * 65536)
    except OSError:
        pass
    try:
        while True:
            filler.write(b"\0" * 512)
    except OSError:
        pass
    for _ in range(300):
        if create().status != 201 and len(refused) > 20:
            break
    checks.that(refused, "creates are refused while the disk is full")
    checks.that(all(500 <= answer.status < 600 for _, answer in refused), "with a status of 500 and above", refused[:1])
    checks.that(serve.process.running(), "the server lives")
    checks.equal(client.ask("shop.test", "NS")[0] & 15, 0, "and answers queries")
    filler.close()
    (inside / "filler").unlink()
    time.sleep(0.5)
    answer = create()
    if answer.status != 201:
        print(f"note: with room again, a create before a restart gave {answer}")
    status = serve.stop()
    checks.that(status == 0, "it stops with status 0", status)
    serve.data = disk / "data"
    serve.start()
    serve.data = inside / "data"
    rest = serve.rest()
    checks.equal(create().status, 201, "with room again, and after a restart, creates work")
    last = acknowledged[-1][0]
    end = time.monotonic() + 10
    while time.monotonic() < end and client.ask(last, "NS")[0] & 15 != 0:
        time.sleep(0.02)
    missing = [name for name, _ in acknowledged if rest.get(f"/v1/domains/{name}").status != 200]
    checks.that(not missing, f"every acknowledged domain ({len(acknowledged)}) is in the registry", missing)
    absent = [name for name, _ in acknowledged if client.ask(name, "A")[0] & 15 != 0]
    checks.that(not absent, "and in the DNS", absent)
    half = [name for name, _ in refused if (rest.get(f"/v1/domains/{name}").status == 200) != (client.ask(name, "A")[0] & 15 == 0)]
    checks.that(not half, "what was refused is nowhere, or wholly there", half)
    checks.equal(serve.stop(), 0, "it stops with status 0")
sys.exit(checks.finish())
