"""Small random zones for differential tests: wildcards, empty non-terminals, cuts with and without glue, DNAME, chains of
CNAME, deep and long names, occluded records. They keep the rules that every server enforces when it loads a zone (no data
beside CNAME, none below DNAME, no NS or DNAME at a wildcard), so that each is served by all."""
import random

LABELS = ["a", "b", "c", "d", "ns", "www", "x-1"]


class Zone:
    """One zone; `names` are all names worth a question, as text."""

    def __init__(self, apex, seed):
        self.apex, self.chance = apex, random.Random(seed)
        self.nodes = {}     # owner → {type: [data]}
        self.cuts, self.dnames = set(), set()
        self._make()

    def name(self, depth=None):
        """A random name below the apex; most are near each other, so that they meet."""
        chance = self.chance
        labels = [chance.choice(LABELS) for _ in range(depth or chance.choice((1, 1, 1, 2, 2, 3, 4)))]
        if chance.random() < 0.02:
            labels = [chance.choice("lm") * 63 for _ in range(3)]
        return ".".join(labels + [self.apex])

    def _add(self, owner, kind, data):
        rows = self.nodes.setdefault(owner, {}).setdefault(kind, [])
        if data not in rows:
            rows.append(data)

    def _free(self, owner):
        return owner not in self.nodes and not any(owner.endswith("." + dname) for dname in self.dnames)

    def _target(self):
        chance = self.chance
        kind = chance.random()
        if kind < 0.45 and self.nodes:
            return chance.choice(sorted(self.nodes))
        if kind < 0.6 and self.nodes:
            return self.chance.choice(LABELS) + "." + chance.choice(sorted(self.nodes))
        if kind < 0.9:
            return self.name()
        return f"host.elsewhere{chance.randrange(3)}.example."

    def _make(self):
        chance = self.chance
        self._add(self.apex, "SOA", f"ns1.{self.apex} host.{self.apex} 1 7200 900 1209600 300")
        self._add(self.apex, "NS", f"ns1.{self.apex}")
        self._add(f"ns1.{self.apex}", "A", "192.0.2.1")
        if chance.random() < 0.3:
            self._add(self.apex, "NS", "ns.elsewhere.example.")
        if chance.random() < 0.3:
            self._add(self.apex, "MX", f"10 {self._target()}")
        for _ in range(chance.randint(1, 10)):
            getattr(self, "_" + chance.choices(("data", "wild", "alias", "cut", "dname"), (4, 3, 3, 4, 1))[0])()

    def _rows(self, owner):
        chance = self.chance
        for kind in chance.sample(("A", "AAAA", "TXT", "MX", "SRV", "HTTPS", "PTR"), chance.choice((1, 1, 2, 3))):
            for i in range(chance.choice((1, 1, 2))):
                number = chance.randrange(1, 250)
                self._add(owner, kind, {
                    "A": f"192.0.2.{number}", "AAAA": f"2001:db8::{number:x}", "TXT": f'"text {number}"',
                    "MX": f"{i} {self._target()}", "SRV": f"0 {i} 443 {self._target()}",
                    "HTTPS": f"1 {self._target()} alpn=h2" if chance.random() < 0.5 else "1 . alpn=h2",
                    "PTR": self._target()}[kind])

    def _data(self):
        owner = self.name()
        if self._free(owner):
            self._rows(owner)

    def _wild(self):
        owner = "*." + (self.apex if self.chance.random() < 0.4 else self.name())
        if not self._free(owner):
            return
        if self.chance.random() < 0.4:
            self._add(owner, "CNAME", self._target())
        else:
            self._rows(owner)

    def _alias(self):
        owner = self.name()
        if self._free(owner):
            self._add(owner, "CNAME", self._target())

    def _dname(self):
        owner = self.name()
        if not self._free(owner) or any(other.endswith("." + owner) for other in self.nodes):
            return
        self.dnames.add(owner)
        target = self._target()
        self._add(owner, "DNAME", target)
        if self.chance.random() < 0.3:
            self._add(owner, "A", "192.0.2.250")

    def _cut(self):
        chance = self.chance
        owner = self.name()
        if not self._free(owner):
            return
        self.cuts.add(owner)
        for i in range(chance.randint(1, 3)):
            where = chance.random()
            if where < 0.45:
                host = f"ns{i}.{owner}" if chance.random() < 0.8 else owner
            elif where < 0.7 and len(self.cuts) > 1:
                host = f"ns{i}." + chance.choice(sorted(self.cuts))
            elif where < 0.85:
                host = self._target()
            else:
                host = f"ns{i}.elsewhere.example."
            self._add(owner, "NS", host)
            below_cut = any(host == cut or host.endswith("." + cut) for cut in self.cuts)
            if below_cut and chance.random() < 0.8 and "CNAME" not in self.nodes.get(host, {}):
                if not any(host.endswith("." + dname) for dname in self.dnames):
                    self._add(host, "A", f"192.0.2.{chance.randrange(1, 250)}")
                    if chance.random() < 0.5:
                        self._add(host, "AAAA", f"2001:db8::{chance.randrange(1, 250):x}")
        if chance.random() < 0.35:
            self._add(owner, "DS", f"{chance.randrange(65536)} 13 2 {'%064x' % chance.getrandbits(256)}")
        if chance.random() < 0.2:
            occluded = f"{chance.choice(LABELS)}.{owner}"
            if self._free(occluded):
                self._rows(occluded)

    def text(self):
        lines = [f"{self.apex} 3600 IN SOA {self.nodes[self.apex]['SOA'][0]}"]
        for owner, kinds in self.nodes.items():
            for kind, rows in kinds.items():
                lines += [f"{owner} {300 if kind == 'NS' else 3600} IN {kind} {data}" for data in rows if kind != "SOA"]
        return "\n".join(lines) + "\n"

    def authoritative(self, owner):
        """Has the name records that are signed: no insecure cut, nothing below a cut or a DNAME?"""
        if any(owner.endswith("." + above) for above in self.cuts | self.dnames):
            return False
        return owner not in self.cuts or "DS" in self.nodes[owner]

    def names(self):
        """Owners, the names between them and the apex, and below each of these a few that mostly do not exist."""
        there = set()
        for owner in self.nodes:
            while owner != self.apex:
                there.add(owner)
                owner = owner.partition(".")[2]
        there.add(self.apex)
        near = {f"{label}.{owner}" for owner in there for label in ("q", "a", "*")}
        near |= {f"q.{self.chance.choice(LABELS)}.{owner}" for owner in there}
        return sorted(name for name in there | near if len(name) < 250)
