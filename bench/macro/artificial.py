"""Artificial zones, made once and kept in the folder that ONOMA_BENCH_DIR names, by default build/bench-zones."""
import fcntl
import functools
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from common import SOURCE
from support.lab import program

NAME = "bench"
SERIAL = 2026010101
_SIGNED_MAX_AGE_S = 5 * 86400  # signatures are good for longer, but not much


def tool(name):
    """A program of the benchmarks."""
    for folder in (pathlib.Path(program()).parent, SOURCE / "build/bench"):
        if os.access(folder / name, os.X_OK):
            return str(folder / name)
    sys.exit(f"{name} is not built; ./dev build bench onoma_benchmarks builds it")


def folder():
    path = pathlib.Path(os.environ.get("ONOMA_BENCH_DIR") or SOURCE / "build/bench-zones").absolute()
    path.mkdir(parents=True, exist_ok=True)
    return path


def needed(command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed: {done.stdout[-500:]}{done.stderr[-1500:]}")
    return done.stdout


@functools.cache
def _generator():
    """Eight digits that change when the generator's zones or questions do."""
    with tempfile.TemporaryDirectory() as small:
        files = [pathlib.Path(small) / what for what in ("zone", "owners", "queries")]
        needed([tool("zone_gen"), 5000, "--changed", 10, "--count", 1000, *(word for file in files for word in (f"--{file.name}", file))])
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]


class Zone:
    """`delegations` of them under bench. Questions: as many as delegations, but one to four million."""

    def __init__(self, delegations):
        self.delegations = delegations
        self.base = folder() / f"{delegations}-{_generator()}"
        self.questions = min(max(delegations, 1_000_000), 4_000_000)

    def _path(self, what):
        return self.base.with_name(f"{self.base.name}.{what}")

    def _make(self, what, build):
        """The file, made by build(path) if it is not there; whoever comes meanwhile waits. build must not need another file
        of this zone that may have to be made."""
        path = self._path(what)
        with open(f"{self.base}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                part = path.with_suffix(".part")
                build(part)
                part.rename(path)
        return path

    def _generate(self, option, *more):
        def build(part):
            facts = json.loads(needed([tool("zone_gen"), self.delegations, option, part, *more]))
            path = self._path("facts")
            known = json.loads(path.read_text()) if path.exists() else {}
            path.write_text(json.dumps({**known, **{key: value for key, value in facts.items() if value}}) + "\n")
        return build

    @property
    def file(self):
        return self._make("zone", self._generate("--zone"))

    def version(self, number):
        """The same zone with a newer serial and 1 % of the hosted delegations changed."""
        return self._make(f"v{number}.zone", self._generate("--zone", "--serial", SERIAL + number, "--changed", 10))

    @property
    def queries(self):
        return self._make("queries", self._generate("--queries", "--count", self.questions))

    @property
    def owners(self):
        return self._make("owners", self._generate("--owners"))

    @property
    def facts(self):
        assert self.file and self.queries
        return json.loads(self._path("facts").read_text())

    @property
    def signed(self):
        """NSEC3 without opt-out, ECDSA P-256."""
        path, file = self._path("signed"), self.file
        if path.exists() and time.time() - path.stat().st_mtime > _SIGNED_MAX_AGE_S:
            path.unlink()
        return self._make("signed", lambda part: needed([program(), "zone", "sign", file, "--zone", NAME, "--output", part,
                                                         "--keys", self._path("keys"), "--nsec3"]))

    def signed_facts(self):
        """Signatures, their octets (without the fixed fields and the signer's name), and NSEC3 records."""
        signed = self.signed

        def build(part):
            signatures = octets = hashes = 0
            with open(signed, "rb", buffering=1 << 20) as lines:
                for line in lines:
                    words = line.split(None, 5)
                    if len(words) < 5:
                        continue
                    if words[3] == b"RRSIG":
                        signatures += 1
                        octets += len(line.rsplit(None, 1)[1].rstrip(b"=")) * 3 // 4
                    elif words[3] == b"NSEC3":
                        hashes += 1
            part.write_text(json.dumps({"signatures": signatures, "signature_octets": octets, "nsec3": hashes}))
        path = self._path("signed-facts")
        if path.exists() and path.stat().st_mtime < signed.stat().st_mtime:
            path.unlink()
        return json.loads(self._make("signed-facts", build).read_text())

    def image(self, signed=False):
        """A compiled image by the program that is measured: made anew each time. None if it has no such command."""
        path = self._path("image")
        done = subprocess.run([program(), "zone", "compile", "--help"], capture_output=True, text=True, check=False)
        if done.returncode != 0 or "--output" not in done.stdout:
            return None
        path.unlink(missing_ok=True)
        needed([program(), "zone", "compile", self.signed if signed else self.file, "--zone", NAME, "--output", path])
        return path
