"""Asks two servers the same questions and explains every difference, or fails. Used by compare_*.py.

Compared: rcode, the bits QR, AA, TC, RD, RA, AD, CD, the answer, authority and additional sections as sets, and whether
EDNS is there, with its DO bit, version and extended rcode. Order, compression and the EDNS buffer size are each
server's own.
"""
import collections
import random
import string
import time

from support import packets

QTYPES = ("A", "AAAA", "NS", "DS", "MX", "TXT", "SOA")
UDP_LIMIT = 1232

Difference = collections.namedtuple("Difference", "qname qtype dnssec transport ours theirs our_size their_size")
# ours, theirs: packets.comparable()
Known = collections.namedtuple("Known", "reason holds")  # holds(Difference) says whether this reason explains it


def _octets(records):
    """What address records take at least: their owners stand in the answer already, as names of the NS set."""
    return sum(2 + 10 + len(data) for _, _, _, _, data in records)


def no_room_for_all_addresses(d):
    """Over UDP, same flags and sections but the additional one, of which each server gives a part. The parts differ
    only where an answer with everything would pass the limit."""
    if d.transport != "udp" or d.ours[0] != d.theirs[0] or d.ours[1:3] != d.theirs[1:3] or d.ours[4] != d.theirs[4]:
        return False
    both = d.ours[3] | d.theirs[3]
    return all(size + _octets(both - part) > UDP_LIMIT
               for size, part in ((d.our_size, d.ours[3]), (d.their_size, d.theirs[3])) if part != both)


ROOM = Known("addresses that no longer fit are left out, and which ones is the server's choice (RFC 9471 §3.2); over "
             "TCP both give all of them", no_room_for_all_addresses)


def absent_names(zone, existing, count, seed=1):
    """Names of which most do not exist: random labels at the apex, near misses of existing names, deep names, labels
    of the greatest length, names below delegations and below names that do not exist."""
    chance = random.Random(seed)
    suffix = packets.name(zone)
    there = set(existing)
    letters = string.ascii_lowercase + string.digits

    def label(least, most):
        return "".join(chance.choices(letters, k=chance.randint(least, most))).encode()

    found = set()
    while len(found) < count:
        kind = chance.randrange(10)
        if kind < 5:
            base = suffix
            parts = [label(1, 20)]
        elif kind < 7:  # one character off an existing name
            near = bytearray(chance.choice(existing))
            length = near[0]
            if length == 0:
                continue
            near[chance.randint(1, length)] = ord(chance.choice(letters + "-"))
            base, parts = bytes(near), []
        elif kind == 7:
            base, parts = suffix, [label(1, 8) for _ in range(chance.randint(2, 10))]
        elif kind == 8:
            base, parts = suffix, [label(60, 63)]
        else:
            base, parts = chance.choice(existing), [label(1, 12)]
        candidate = b"".join(bytes([len(part)]) + part for part in parts) + base
        if len(candidate) <= 255 and candidate not in there:
            found.add(candidate)
    return sorted(found, key=lambda one: chance.random())


def questions(zone, owners, absent, qtypes=QTYPES):
    existing = [packets.name(owner) for owner in owners]
    numbers = [packets.TYPES[qtype] for qtype in qtypes]
    asked = [(owner, number) for owner in existing for number in numbers]
    chance = random.Random(2)
    asked += [(missing, chance.choice(numbers)) for missing in absent_names(zone, existing, absent)]
    return asked


def _describe(d):
    lines = [f"{packets.text(d.qname)} {packets.TYPE_NAMES[d.qtype]} over {d.transport}, DO={int(d.dnssec)}: "
             f"flags {d.ours[0]:04x} / {d.theirs[0]:04x}, {d.our_size} / {d.their_size} octets, EDNS {d.ours[4]} / {d.theirs[4]}"]
    for number, section in ((1, "answer"), (2, "authority"), (3, "additional")):
        for mark, records in (("only we say   ", d.ours[number] - d.theirs[number]), ("only they say ", d.theirs[number] - d.ours[number])):
            lines += [f"      {mark} {section}: {packets.show(record)}" for record in sorted(records)[:6]]
    return "\n".join(lines)


def compare(checks, ours, theirs, asked, known, dnssec, title):
    """Every question over UDP; where either answer is truncated, or they differ, also over TCP."""
    begun = time.monotonic()
    queries = [packets.query(qname, qtype, dnssec=dnssec, size=UDP_LIMIT) for qname, qtype in asked]
    answers = packets.ask_all(ours, queries), packets.ask_all(theirs, queries)
    asked_s = time.monotonic() - begun
    counts = collections.Counter()
    unexplained, malformed, again = [], [], []

    def look(index, transport, one, other):
        """Compares one pair; returns whether the question should be asked again over TCP."""
        if one is None or other is None:
            malformed.append(f"{packets.text(asked[index][0])}: no answer from {'us' if one is None else 'them'}")
            return False
        if one[2:] == other[2:]:
            counts["equal to the octet"] += 1
            return bool(one[2] & 0x02)
        try:
            a, b = packets.comparable(one), packets.comparable(other)
        except packets.Malformed as error:
            malformed.append(f"{packets.text(asked[index][0])} {asked[index][1]}: {error}")
            return False
        if a == b:
            counts["equal"] += 1
            return bool(a[0] & packets.TC)
        difference = Difference(*asked[index], dnssec, transport, a, b, len(one), len(other))
        for reason in known:
            if reason.holds(difference):
                counts[reason.reason] += 1
                return transport == "udp"
        unexplained.append(difference)
        return False

    for index, pair in enumerate(zip(*answers)):
        if look(index, "udp", *pair):
            again.append(index)
    if again:
        queries = [packets.query(*asked[index], dnssec=dnssec, size=UDP_LIMIT) for index in again]
        for index, *pair in zip(again, packets.ask_all_tcp(ours, queries), packets.ask_all_tcp(theirs, queries)):
            look(index, "tcp", *pair)
    rcodes = collections.Counter(answer[3] & 15 for answer in answers[0] if answer)
    print(f"{title}: {len(asked)} questions, {len(again)} of them also over TCP; asked in {asked_s:.1f} s, "
          f"{time.monotonic() - begun:.1f} s in all; rcodes {dict(rcodes)}")
    for reason, count in counts.most_common():
        print(f"    {count:8} {reason}")
    checks.that(not malformed, f"{title}: every question has a well-formed answer from both", "\n    ".join(malformed[:10]))
    checks.that(not unexplained, f"{title}: no difference is left unexplained ({len(unexplained)} are)",
                "\n    ".join(_describe(one) for one in unexplained[:5]))
    return counts, rcodes
