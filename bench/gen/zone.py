#!/usr/bin/env python3
"""Makes an artificial top-level zone and questions about it. The same arguments give the same octets.

  zone.py N ZONE_FILE [--tld NAME] [--queries FILE --count M] [--seed S]

N delegations: 12 % with a name server of their own below them (glue), 4 % with DS; most share the name servers of a
few hosting companies, whose sizes follow a power law. Questions (dnsperf's format), uniform over all names: 60 %
referrals without DS, 10 % with DS, 30 % names that do not exist.
"""
import argparse
import random

CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"
HOSTERS = 2000


def label(number, chance):
    """A label that looks like a word, different for every number."""
    parts, rest = [], number
    while rest or not parts:
        rest, digit = divmod(rest, len(CONSONANTS) * len(VOWELS))
        parts.append(CONSONANTS[digit % len(CONSONANTS)] + VOWELS[digit // len(CONSONANTS)])
    tail = "".join(chance.choices(CONSONANTS + "-" + VOWELS, k=chance.randrange(1, 9)))
    return "".join(parts) + "q" + tail.strip("-").replace("--", "-")


def kind(number):
    """own: a name server below itself; ds: with DS; both properties are spread evenly."""
    spread = number * 2654435761 % 100
    return "own" if spread < 12 else "ds" if spread < 16 else "plain"


def labels(count, seed):
    chance = random.Random(seed)
    return [label(number, chance) for number in range(count)]


def write_zone(path, tld, names, seed):
    chance = random.Random(seed + 1)
    digest = chance.randbytes
    with open(path, "w", encoding="ascii", buffering=1 << 20) as out:
        out.write(f"$ORIGIN {tld}.\n$TTL 3600\n"
                  f"@ 3600 IN SOA ns1.nic.{tld}. hostmaster.nic.{tld}. 2026010101 1800 900 604800 300\n"
                  f"@ 86400 IN NS ns1.nic.{tld}.\n@ 86400 IN NS ns2.nic.{tld}.\n"
                  f"nic 86400 IN NS ns1.nic.{tld}.\nnic 86400 IN NS ns2.nic.{tld}.\n"
                  "ns1.nic 86400 IN A 192.0.2.1\nns1.nic 86400 IN AAAA 2001:db8::1\nns2.nic 86400 IN A 192.0.2.2\n")
        lines = []
        for number, name in enumerate(names):
            what = kind(number)
            if what == "own":
                lines.append(f"{name} 86400 IN NS ns1.{name}.{tld}.\n{name} 86400 IN NS ns2.{name}.{tld}.\n"
                             f"ns1.{name} 86400 IN A 198.51.{number >> 8 & 255}.{number & 255}\n"
                             f"ns2.{name} 86400 IN A 203.0.{number >> 8 & 255}.{number & 255}\n")
            else:
                hoster = int(HOSTERS ** chance.random())  # few are large
                lines.append(f"{name} 86400 IN NS ns1.hoster{hoster}.example.\n{name} 86400 IN NS ns2.hoster{hoster}.example.\n")
            if what == "ds":
                lines.append(f"{name} 3600 IN DS {number % 65536} 13 2 {digest(32).hex().upper()}\n")
            if len(lines) >= 50000:
                out.write("".join(lines))
                lines.clear()
        out.write("".join(lines))


def write_queries(path, tld, names, count, seed):
    chance = random.Random(seed + 2)
    secure = [number for number in range(len(names)) if kind(number) == "ds"]
    insecure = [number for number in range(len(names)) if kind(number) != "ds"]
    with open(path, "w", encoding="ascii") as out:
        for _ in range(count):
            spread = chance.random()
            if spread < 0.6:
                out.write(f"{names[chance.choice(insecure)]}.{tld} A\n")
            elif spread < 0.7:
                out.write(f"www.{names[chance.choice(secure)]}.{tld} A\n")
            else:
                out.write(f"{names[chance.randrange(len(names))]}x{chance.randrange(100000)}.{tld} A\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("delegations", type=int)
    parser.add_argument("zone_file")
    parser.add_argument("--tld", default="bench")
    parser.add_argument("--queries")
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    names = labels(given.delegations, given.seed)
    write_zone(given.zone_file, given.tld, names, given.seed)
    if given.queries:
        write_queries(given.queries, given.tld, names, given.count, given.seed)


if __name__ == "__main__":
    main()
