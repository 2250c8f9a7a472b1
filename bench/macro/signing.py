#!/usr/bin/env python3
"""Signing a zone file and checking what was signed: `onoma zone sign` and `zone verify` beside kzonesign, dnssec-signzone
and ldns-signzone, dnssec-verify, ldns-verify-zone and kzonecheck, one after another, every core for those that use several.

  signing.py [--size 1000000] [--opt-out] [--nsec] [--only onoma,knot,bind,ldns] [--turns 1]

ECDSA P-256, a KSK and a ZSK, NSEC3 without salt and iterations. Times are from the start of the program to its end; memory
is the largest resident set. The raw rates are what `openssl speed` does on all cores: signing and checking cannot be faster.
`onoma zone sign` checks what it signed with the gate before it writes; its own clock tells the steps apart.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import tempfile
import time

from artificial import NAME, Zone
from common import median, save, table, version
from support.lab import program


def run(command, cwd):
    """(seconds, CPU seconds, largest resident set in MiB, output) of a command that must succeed."""
    with open(cwd / "output", "w+b") as output:
        begun = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            os.chdir(cwd)
            os.execvp(str(command[0]), [str(word) for word in command])
        _, status, used = os.wait4(pid, 0)
        seconds = time.monotonic() - begun
        output.seek(0)
        text = output.read().decode(errors="replace")
    if status != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {text[-1000:]}")
    return seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, text


def raw_rates(folder):
    """(signatures, checks) a second on all cores."""
    text = run(["openssl", "speed", "-seconds", "3", "-multi", os.cpu_count(), "ecdsap256"], folder)[3]
    words = next(line for line in text.splitlines() if "nistp256" in line and "0.0" in line).split()
    return float(words[-2]), float(words[-1])


class Onoma:
    title = "Onoma"

    def __init__(self, given, folder):
        self.given, self.folder, self.signed = given, folder, folder / "signed"

    def prepare(self, _file):
        pass

    def sign(self, file):
        chain = ["--opt-out"] if self.given.opt_out else [] if self.given.nsec else ["--nsec3"]
        *used, text = run([program(), "zone", "sign", file, "--zone", NAME, "--keys", "keys", "--output", self.signed, *chain,
                           "--json"], self.folder)
        steps = json.loads(text[text.index("{"):])
        return (*used, steps)

    def check(self, file):
        return {"zone verify": run([program(), "zone", "verify", file, "--zone", NAME], self.folder)[:3]}

    def text(self):
        return self.signed


class Knot:
    title = "Knot: kzonesign, kzonecheck"

    def __init__(self, given, folder):
        self.given, self.folder = given, folder

    def prepare(self, file):
        (self.folder / "out").mkdir(exist_ok=True)
        (self.folder / "knot.conf").write_text(f"""
database:
  storage: "{self.folder}"
policy:
  - id: p
    algorithm: ecdsap256sha256
    signing-threads: {os.cpu_count()}
    nsec3: {"off" if self.given.nsec else "on"}
    nsec3-iterations: 0
    nsec3-salt-length: 0
    nsec3-opt-out: {"on" if self.given.opt_out else "off"}
    cds-cdnskey-publish: none
zone:
  - domain: {NAME}
    file: "{file}"
    dnssec-signing: on
    dnssec-policy: p
""")

    def sign(self, _file):
        *used, _ = run(["kzonesign", "-c", self.folder / "knot.conf", "-o", self.folder / "out", NAME], self.folder)
        return (*used, {})

    def check(self, file):
        return {"kzonecheck": run(["kzonecheck", "-d", "on", "-o", NAME, file], self.folder)[:3]}

    def text(self):
        return next((self.folder / "out").iterdir())


class Bind:
    title = "BIND: dnssec-signzone, dnssec-verify"

    def __init__(self, given, folder):
        self.given, self.folder = given, folder

    def prepare(self, _file):
        (self.folder / "keys").mkdir(exist_ok=True)
        for kind in ([], ["-f", "KSK"]):
            run(["dnssec-keygen", "-K", "keys", "-a", "ECDSAP256SHA256", *kind, NAME], self.folder)

    def sign(self, file):
        chain = [] if self.given.nsec else ["-3", "-", "-H", "0", *(["-A"] if self.given.opt_out else [])]
        *used, _ = run(["dnssec-signzone", "-S", "-K", "keys", "-n", os.cpu_count(), "-o", NAME, "-f", self.folder / "signed",
                        "-P", *chain, file], self.folder)
        return (*used, {})

    def check(self, file):
        return {"dnssec-verify": run(["dnssec-verify", "-o", NAME, file], self.folder)[:3]}

    def text(self):
        return self.folder / "signed"


class Ldns:
    title = "ldns: ldns-signzone, ldns-verify-zone"

    def __init__(self, given, folder):
        self.given, self.folder, self.keys = given, folder, []

    def prepare(self, _file):
        for kind in ([], ["-k"]):
            self.keys.append(run(["ldns-keygen", "-a", "ECDSAP256SHA256", *kind, NAME], self.folder)[3].split()[-1])

    def sign(self, file):
        chain = [] if self.given.nsec else ["-n", "-t", "0", *(["-p"] if self.given.opt_out else [])]
        *used, _ = run(["ldns-signzone", *chain, "-o", NAME, "-f", self.folder / "signed", file, *self.keys], self.folder)
        return (*used, {})

    def check(self, file):
        return {"ldns-verify-zone": run(["ldns-verify-zone", "-V", "1", file], self.folder)[:3]}

    def text(self):
        return self.folder / "signed"


SIGNERS = {"onoma": (Onoma, None), "knot": (Knot, "kzonesign"), "bind": (Bind, "dnssec-signzone"),
           "ldns": (Ldns, "ldns-signzone")}


def signatures_in(file):
    """RRSIG records: the word, a type and an algorithm; the word alone also stands in bitmaps."""
    count = 0
    with open(file, "rb", buffering=1 << 20) as lines:
        for line in lines:
            words = line.split(None, 7)
            at = words.index(b"RRSIG") if b"RRSIG" in words[:4] else None
            count += at is not None and len(words) > at + 2 and words[at + 2].isdigit()
    return count


def measure(given, file, folder, raw):
    found = {}
    for name, (make, tool) in SIGNERS.items():
        if name not in given.only.split(",") or (tool and not shutil.which(tool)):
            continue
        own = folder / name
        own.mkdir()
        signer = make(given, own)
        signer.prepare(file)
        turns = [signer.sign(file) for _ in range(given.turns)]
        made = signatures_in(signer.text())
        one = {"title": signer.title, "signatures": made, "seconds": median([turn[0] for turn in turns]),
               "cpu_seconds": median([turn[1] for turn in turns]), "memory_mib": max(turn[2] for turn in turns),
               "steps": turns[-1][3], "checks": {}}
        for what, (seconds, cpu, memory) in signer.check(signer.text()).items():
            one["checks"][what] = {"seconds": seconds, "cpu_seconds": cpu, "memory_mib": memory}
        one["of_raw"] = made / one["seconds"] / raw[0]
        found[name] = one
        print(f"{name}: {one}", flush=True)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=1_000_000)
    parser.add_argument("--opt-out", action="store_true")
    parser.add_argument("--nsec", action="store_true")
    parser.add_argument("--only", default=",".join(SIGNERS))
    parser.add_argument("--turns", type=int, default=1)
    given = parser.parse_args()
    file = Zone(given.size).file
    file.read_bytes()  # into the page cache
    with tempfile.TemporaryDirectory(prefix="onoma-signing-") as name:
        folder = pathlib.Path(name)
        raw = raw_rates(folder)
        found = measure(given, file, folder, raw)
    rows = []
    for one in found.values():
        rows.append([one["title"], one["signatures"], f"{one['seconds']:.1f}", f"{one['cpu_seconds']:.1f}", f"{one['memory_mib']:.0f}",
                     f"{one['signatures'] / one['seconds']:.0f}",
                     "; ".join(f"{what}: {check['seconds']:.1f} s, {check['memory_mib']:.0f} MiB" for what, check in one["checks"].items())])
    text = table(["", "signatures", "s", "CPU s", "MiB", "signatures/s, all included", "checking it"], rows)
    text += (f"\n\nThe zone's text: {file.stat().st_size / 2**20:.0f} MiB. `openssl speed` on {os.cpu_count()} cores: "
             f"{raw[0]:.0f} signatures/s, {raw[1]:.0f} checks/s.")
    steps = found.get("onoma", {}).get("steps")
    if steps:
        text += (f" Onoma's steps: reading {steps['read_seconds']:.1f} s, signing {steps['sign_seconds']:.1f} s "
                 f"({steps['signatures'] / steps['sign_seconds'] / raw[0]:.0%} of the raw rate), gate {steps['check_seconds']:.1f} s "
                 f"({steps['signatures'] / steps['check_seconds'] / raw[1]:.0%} of the raw rate), writing {steps['write_seconds']:.1f} s.")
    chain = "nsec" if given.nsec else "opt-out" if given.opt_out else "nsec3"
    save(f"signing-{given.size}-{chain}", {"raw": {"sign": raw[0], "verify": raw[1]}, "signers": found,
                                          "versions": {"knot": version("kzonesign", "-V"), "bind": version("dnssec-signzone", "-V"),
                                                       "ldns": version("ldns-signzone", "-v"), "openssl": version("openssl", "version")}},
         text)


if __name__ == "__main__":
    main()
