#!/usr/bin/env python3
"""Millions of bent packets over UDP and TCP against `onoma authority` with .gov, signed, and all Ferret zones; in between,
questions with known answers, which must come within a second. Meant for a build with sanitizers (ONOMA_PROGRAM names it):
any report of theirs ends the server and fails the test, and so does memory that grows.

    storm.py [--packets N] [--tcp SHARE] [--seed N] [--workers N] [--patience MS]
"""
import argparse
import os
import pathlib
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from soak import material  # noqa: E402
from support.lab import SOURCE, Checks, Lab, program, skip  # noqa: E402
from support.servers import Authority  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--packets", type=int, default=10_000_000)
parser.add_argument("--tcp", type=float, default=0.03, help="share of the packets that go over TCP")
parser.add_argument("--seed", type=int, default=int(time.time()))
parser.add_argument("--workers", type=int, default=2)
parser.add_argument("--patience", type=int, default=1000, help="milliseconds that a probe's answer may take")
given = parser.parse_args()

# More than this while the storm blows, after its first fifth, is a leak: the sanitizer's quarantine is bounded below.
GROWTH_MAX = 24 << 20
SANITIZERS = {"ASAN_OPTIONS": "detect_leaks=1:quarantine_size_mb=32:exitcode=99:abort_on_error=0:halt_on_error=1",
              "UBSAN_OPTIONS": "halt_on_error=1:exitcode=99:print_stacktrace=1"}


def storm_program():
    for folder in (os.environ.get("ONOMA_BINARY_DIR"), pathlib.Path(program()).parent, SOURCE / "build/release",
                   SOURCE / "build/debug"):
        if folder and os.access(pathlib.Path(folder) / "packet_storm", os.X_OK):
            return str(pathlib.Path(folder) / "packet_storm")
    skip("the program packet_storm is not built")


checks = Checks()
with Lab() as lab:
    storm = storm_program()
    plain, signed = material.signed_gov(lab)
    ferret = material.ferret(lab.folder / "ferret")
    listed = material.zone_list(lab.folder / "zones", [("gov", signed), *ferret])
    facts = material.Facts(plain, "gov")
    probes = material.write_probes(lab.folder / "probes", facts.probes(400, given.seed))
    names = [(owner, None) for owner in sorted(facts.owners)] + [(qname, qtype) for _, _, qname, qtype in ferret]
    names += [(f"nope{i}.gov.", None) for i in range(2000)] + [("id.server.", 16), ("version.bind.", 16), (".", 2)]
    questions = material.write_questions(lab.folder / "questions", names)
    os.environ.update(SANITIZERS)
    server = Authority(lab, {}, ["--zone-list", listed, "--workers", given.workers, "--identity", "node-1"], timeout_s=600)
    print(f"{server.ready[:200]}; loaded in {server.load_s:.1f} s; seed {given.seed}", flush=True)
    raw = sorted((SOURCE / "tests/fuzz/seeds/serve_query").iterdir()) + sorted((SOURCE / "tests/fuzz/seeds/wire_message").iterdir())
    tcp = int(given.packets * given.tcp)
    command = [storm, "--server", server.address, "--questions", questions, "--probes", probes, "--packets",
               given.packets - tcp, "--tcp", tcp, "--seed", given.seed, "--patience-ms", given.patience]
    for file in raw:
        command += ["--raw", file]
    samples, stop = [], threading.Event()

    def watch():
        begun = time.monotonic()
        while not stop.wait(0.25):
            try:
                samples.append((time.monotonic() - begun, material.resident_octets(server.process.pid)))
            except OSError:
                return

    watcher = threading.Thread(target=watch)
    watcher.start()
    done = subprocess.run([str(word) for word in command], check=False)
    stop.set()
    watcher.join()
    checks.equal(done.returncode, 0, f"the storm of {given.packets} packets passed, every probe answered rightly in time")
    checks.that(server.process.running(), "the server is still running", server.process.errors(60))
    later = samples[len(samples) // 5:] or [(0.0, 0)]
    growth = max(octets for _, octets in later) - later[0][1]
    checks.that(growth <= GROWTH_MAX, "memory stays flat", f"grew by {growth} octets")
    status = server.process.stop(60)
    checks.equal(status, 0, "the server ends with status 0: no leak, no report")
    text = server.process.err.read_text(errors="replace")
    checks.that("Sanitizer" not in text and "runtime error" not in text, "no sanitizer had anything to say", text[-3000:])
    print(f"resident: {later[0][1] >> 20} MiB after a fifth, {later[-1][1] >> 20} MiB at the end, growth {growth >> 10} KiB")
sys.exit(checks.finish())
