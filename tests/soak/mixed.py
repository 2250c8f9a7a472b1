#!/usr/bin/env python3
"""A day of an authoritative server in a few minutes: `onoma authority` with .gov, the signed root and Ferret zones, asked without pause over UDP and TCP, while changes are applied, files reloaded, zones added and removed. Every
question must have a well-formed answer, every change must be visible at once, and memory must stay flat: after a warm-up, the
slope of memory over time may not add 5 % by the end (nor 4 MiB, where that is more: allocators keep a little after reloads).

    mixed.py [--minutes N] [--seed N]
"""
import argparse
import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from soak import material  # noqa: E402
from support import packets, zones  # noqa: E402
from support.lab import Checks, Lab, program  # noqa: E402
from support.servers import Authority  # noqa: E402

parser = argparse.ArgumentParser()
parser.add_argument("--minutes", type=float, default=20)
parser.add_argument("--seed", type=int, default=int(time.time()))
given = parser.parse_args()
# What a day has, spread over 20 minutes; a shorter run has its share.
UPDATES, RELOADS, ADDS = (max(1, round(count * min(1.0, given.minutes / 20))) for count in (2880, 48, 240))

checks = Checks()


class Asker(threading.Thread):
    """Asks batches of random questions until told to stop."""

    def __init__(self, address, names, seed):
        super().__init__()
        self.address, self.names, self.chance = address, names, random.Random(seed)
        self.stop, self.asked, self.silent, self.faults = False, 0, 0, []

    def run(self):
        while not self.stop:
            queries = []
            for _ in range(2000):
                name = self.chance.choice(self.names)
                if self.chance.random() < 0.3:
                    name = packets.name(f"nope{self.chance.randrange(10 ** 9)}") [:-1] + name
                if len(name) > 255:
                    continue
                queries.append(packets.query(name, self.chance.choice((1, 2, 6, 15, 16, 28, 43, 255)),
                                             dnssec=self.chance.random() < 0.5, edns=self.chance.random() < 0.9))
            try:
                answers = (packets.ask_all_tcp if self.chance.random() < 0.2 else packets.ask_all)(self.address, queries)
            except OSError as error:
                self.faults.append(f"{type(error).__name__}: {error}")
                continue
            self.asked += len(queries)
            self.silent += sum(answer is None for answer in answers)
            for answer in self.chance.sample(answers, 50):
                try:
                    if answer is not None:
                        packets.comparable(answer)
                except packets.Malformed as error:
                    self.faults.append(f"{error}: {answer.hex()}")


def main():
    with Lab() as lab:
        plain = zones.unpack("zones/gov-2026-08-22.zone.xz", lab.folder / "gov.zone")
        root = zones.unpack("zones/root-2020-10-19.zone.xz", lab.folder / "root.zone")
        ferret = material.ferret(lab.folder / "ferret", 400)
        kept, guests = ferret[:300], ferret[300:]
        listed = material.zone_list(lab.folder / "zones", [("gov", plain), (".", root), *kept])
        server = Authority(lab, {}, ["--zone-list", listed], timeout_s=300)
        control = ["--control", server.control]
        names = [packets.name(owner) for owner in material.Facts(plain, "gov").owners]
        names += [packets.name(qname) for _, _, qname, _ in ferret] + [packets.name(owner) for owner in zones.owners(root)]
        askers = [Asker(server.address, names, given.seed + i) for i in range(2)]
        for asker in askers:
            asker.start()
        client, chance, samples = packets.Client(server.address), random.Random(given.seed), []
        begun, length = time.monotonic(), given.minutes * 60
        # (when, what): spread evenly, in an order of chance.
        work = [(length * i / UPDATES, "update") for i in range(UPDATES)]
        work += [(length * (i + 0.5) / RELOADS, "reload") for i in range(RELOADS)]
        work += [(length * (i + 0.25) / ADDS, "guest") for i in range(ADDS)]
        done, late, applied, there = {"update": 0, "reload": 0, "guest": 0}, 0, {}, set()
        change = lab.folder / "change"

        def onoma(*words):
            status, out, err = lab.run([program(), "zone", *words, *control])
            if status != 0:
                checks.that(False, f"onoma zone {' '.join(map(str, words))}", out + err)
            return status == 0

        def update():
            """Adds or takes away a delegation; it must be visible when the command returns."""
            serial = client.serial("gov")
            soa = client.ask("gov", "SOA")[2][0][0]
            rest = soa[4][-16:]
            end, names_found = 0, []
            while len(names_found) < 2:
                start = end
                while soa[4][end]:
                    end += 1 + soa[4][end]
                end += 1
                names_found.append(packets.text(soa[4][start:end]))
            mname, rname = names_found
            timers = " ".join(str(int.from_bytes(rest[i:i + 4], "big")) for i in range(0, 16, 4))
            old = f"gov. {soa[3]} IN SOA {mname} {rname} {serial} {timers}"
            new = f"gov. {soa[3]} IN SOA {mname} {rname} {(serial + 1) & 0xFFFFFFFF} {timers}"
            lines = [f"-{old}", f"+{new}"]
            if applied and chance.random() < 0.5:
                name = chance.choice(sorted(applied))
                lines += [f"-{row}" for row in applied.pop(name)]
            else:
                name = f"soak{chance.randrange(10 ** 6)}.gov."
                if name in applied:
                    return
                applied[name] = [f"{name} 10800 IN NS ns{i}.{name}" for i in range(2)] + [f"ns{i}.{name} 10800 IN A 192.0.2.{i}" for i in range(2)]
                lines += [f"+{row}" for row in applied[name]]
            change.write_text("\n".join(lines) + "\n")
            if onoma("apply", change, "--zone", "gov"):
                got = client.ask(name, "A")
                referral = sum(row[1] == 2 for row in got[2][1]) == 2
                if referral != (name in applied) or client.serial("gov") != (serial + 1) & 0xFFFFFFFF:
                    checks.that(False, f"the change of {name} is visible at once", got)

        text, first_serial = plain.read_text(encoding="latin-1"), str(client.serial("gov"))

        def reload():
            zone = chance.choice(["gov", "gov", "."] + [entry[0] for entry in kept[:3]])
            if zone == "gov":  # the file as it was, with a newer serial: what was applied is gone
                plain.write_text(text.replace(first_serial, str(client.serial("gov") + 1), 1), encoding="latin-1")
            if onoma("reload", zone) and zone == "gov":
                applied.clear()

        def guest():
            zone, file, _, _ = chance.choice(guests)
            if zone in there:
                if onoma("remove", zone):
                    there.discard(zone)
            elif onoma("add", zone, file):
                there.add(zone)
            if (client.serial(zone) is not None) != (zone in there):
                checks.that(False, f"{zone} is {'there' if zone in there else 'gone'}", client.ask(zone, "SOA"))

        next_sample = 0.0
        for when, what in sorted(work):
            while (now := time.monotonic() - begun) < when:
                time.sleep(min(0.05, when - now))
            if now > next_sample:
                samples.append((now, material.resident_octets(server.process.pid)))
                next_sample = now + max(0.25, length / 400)
            late = max(late, now - when)
            {"update": update, "reload": reload, "guest": guest}[what]()
            done[what] += 1
            if not server.process.running() or checks.bad > 20 or now > 1.5 * length + 60:
                break
        for asker in askers:
            asker.stop = True
        for asker in askers:
            asker.join()
        checks.that(server.process.running(), "the server is still running", server.process.errors(40))
        asked = sum(asker.asked for asker in askers)
        faults = [fault for asker in askers for fault in asker.faults]
        checks.that(not faults, "every answer was well-formed, every connection kept", faults[:5])
        checks.equal(sum(asker.silent for asker in askers), 0, f"all of {asked} questions were answered")
        checks.equal(done, {"update": UPDATES, "reload": RELOADS, "guest": ADDS}, "all the day's work was done")
        later = [sample for sample in samples if sample[0] >= samples[-1][0] / 3]
        per_s = material.slope(later)
        mean = sum(octets for _, octets in later) / len(later)
        span = later[-1][0] - later[0][0]
        print(f"seed {given.seed}: {asked} questions in {time.monotonic() - begun:.0f} s, {done}, at most {late:.1f} s behind; "
              f"resident {later[0][1] >> 20} to {later[-1][1] >> 20} MiB, mean {mean / (1 << 20):.1f}, slope {per_s * 60 / 1024:.0f} KiB/min")
        checks.that(per_s * span <= max(0.05 * mean, 4 << 20), "memory stays flat", f"{per_s * span:.0f} octets in {span:.0f} s")
        checks.equal(server.process.stop(), 0, "the server ends with status 0")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
