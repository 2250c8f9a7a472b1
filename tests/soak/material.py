"""What the long runs serve and ask, made from the shared data: .gov, signed, and the Ferret zones, each below a suffix of
its own. Nothing of it is kept."""
import io
import json
import lzma
import random
import re
import tarfile

from support import packets, zones
from support.lab import program

FERRET = "ferret/ferret-even.tar.xz"


def _moved(line, suffix):
    """A record line with every name in it moved below the suffix."""
    owner, ttl, klass, kind, data = line.split(None, 4)
    if kind != "TXT":
        data = re.sub(r"(?<=\.)(?=\s|$)", suffix, data)
    return f"{owner}{suffix} {ttl} {klass} {kind} {data}".replace("..", ".")


def ferret(folder, count=None):
    """Writes the zones; returns [(zone, file, qname, qtype)]."""
    folder.mkdir()
    found = []
    with tarfile.open(fileobj=io.BytesIO(lzma.open(zones.shared(FERRET)).read())) as archive:
        members = {member.name: member for member in archive if member.isfile()}
        numbers = sorted(int(name.split("/")[-1][:-5]) for name in members if name.endswith(".zone"))
        for number in numbers[:count]:
            suffix = f"t{number}.ferret."
            text = archive.extractfile(members[f"ferret-even/zones/{number}.zone"]).read().decode()
            case = json.loads(archive.extractfile(members[f"ferret-even/expected/{number}.json"]).read())[0]["Query"]
            lines = [_moved(line, suffix) for line in text.splitlines() if line.strip()]
            apex = next(line.split()[0] for line in lines if line.split()[3] == "SOA")
            file = folder / f"{number}.zone"
            file.write_text("\n".join(lines) + "\n")
            found.append((apex, file, (case["Name"] + suffix).replace("..", "."), case["Type"]))
    return found


def zone_list(path, entries):
    path.write_text("".join(f"{zone} {file}\n" for zone, file, *_ in entries))
    return path


def signed_gov(lab, more=("--nsec3", "--opt-out")):
    """(plain file, signed file)"""
    plain = zones.unpack("zones/gov-2026-08-22.zone.xz", lab.folder / "gov.zone")
    signed = lab.folder / "gov.signed"
    status, out, err = lab.run([program(), "zone", "sign", plain, "--zone", "gov", "--output", signed,
                                "--keys", lab.folder / "keys", *more], timeout_s=900)
    if status != 0:
        raise RuntimeError(f"zone sign: {out}{err}")
    return plain, signed


class Facts:
    """What a zone file says about its answers without DNSSEC: for probes whose answers are known beforehand."""

    def __init__(self, file, zone):
        self.servers, self.owners, self.zone = {}, set(), zone
        for owner, _, kind, _ in zones.records(file):
            self.owners.add(owner)
            if kind == "NS" and owner != zone + ".":
                self.servers[owner] = self.servers.get(owner, 0) + 1

    def probes(self, count, seed=1):
        """[(name, type, rcode, AA, answers, authorities)] whose answers fit 512 octets."""
        chance = random.Random(seed)
        cuts = sorted(cut for cut, servers in self.servers.items() if servers <= 4 and len(cut) < 40)
        found = [(self.zone + ".", 6, 0, 1, 1, 0)]
        for cut in chance.sample(cuts, count // 2):
            below = chance.choice(["", "www.", "a.b.c."])
            found.append((below + cut, chance.choice([1, 28, 15, 2]), 0, 0, 0, self.servers[cut]))
        while len(found) < count:
            label = "".join(chance.choices("abcdefghijklmnopqrstuvwxyz0123456789", k=chance.randint(8, 30)))
            if f"{label}.{self.zone}." not in self.owners:
                found.append((f"{label}.{self.zone}.", chance.choice([1, 28, 15]), 3, 1, 0, 1))
        return found


def write_questions(path, names, types=(1, 2, 6, 15, 16, 28, 43, 46, 255)):
    chance = random.Random(3)
    path.write_text("".join(f"{name} {packets.TYPES.get(kind, kind) if kind else chance.choice(types)}\n"
                            for name, kind in names))
    return path


def write_probes(path, probes):
    path.write_text("".join(" ".join(map(str, probe)) + "\n" for probe in probes))
    return path


def resident_octets(pid):
    """Memory that is the process's own: not the program's pages, which it shares with whoever runs it too."""
    with open(f"/proc/{pid}/smaps_rollup") as lines:
        for line in lines:
            if line.startswith("Anonymous:"):
                return int(line.split()[1]) * 1024
    return 0


def slope(samples):
    """Least squares: octets per second of [(seconds, octets)]."""
    n = len(samples)
    mean_t = sum(t for t, _ in samples) / n
    mean_v = sum(v for _, v in samples) / n
    spread = sum((t - mean_t) ** 2 for t, _ in samples)
    return sum((t - mean_t) * (v - mean_v) for t, v in samples) / spread if spread else 0.0
