"""Why two servers may answer differently and both be right, or the other one wrong in a way that is known."""
import collections

from support import packets

Question = collections.namedtuple("Question", "zone name qtype dnssec peer others")
AA, TC, RCODE = packets.AA, packets.TC, 15


def fields(mine, other):
    names = []
    if (mine[0] ^ other[0]) & RCODE:
        names.append(f"rcode {mine[0] & RCODE}/{other[0] & RCODE}")
    if (mine[0] ^ other[0]) & AA:
        names.append("aa")
    if (mine[0] ^ other[0]) & TC:
        names.append("tc")
    if (mine[0] ^ other[0]) & ~(RCODE | AA | TC):
        names.append("flags")
    for index, section in ((1, "answer"), (2, "authority"), (3, "additional")):
        if mine[index] != other[index]:
            more, less = bool(mine[index] - other[index]), bool(other[index] - mine[index])
            names.append(f"{section}{'+' if more else ''}{'-' if less else ''}")
    if mine[4] != other[4]:
        names.append("edns")
    return " ".join(names)


def describe(question, mine, other):
    lines = [f"{question.peer}, {question.zone.kind}, DO={int(question.dnssec)}: {question.name} {question.qtype}: "
             f"{fields(mine, other)}"]
    for index, section in ((1, "answer"), (2, "authority"), (3, "additional")):
        for mark, rows in (("only we  ", mine[index] - other[index]), ("only they", other[index] - mine[index]),
                           ("both     ", mine[index] & other[index])):
            lines += [f"    {mark} {section}: {packets.show(row)}" for row in sorted(rows)]
    return "\n".join(lines) + "\n" + "\n".join("    | " + line for line in question.zone.text().splitlines())


def _targets(rows):
    """Names that NS, MX, SRV, SVCB and HTTPS records point to."""
    found = set()
    for owner, kind, _, _, data in rows:
        if kind == 2:
            found.add(data)
        elif kind == 15:
            found.add(data[2:])
        elif kind == 33:
            found.add(data[6:])
        elif kind in (64, 65):
            end = 2
            while data[end]:
                end += 1 + data[end]
            found.add(owner if end == 2 else data[2:end + 1].lower())
    return found


def _optional(question, mine, other):
    """Additional data: each server chooses, but for the addresses of name servers inside of what a referral delegates."""
    targets = _targets(mine[1] | mine[2])
    cut = next((owner for owner, kind, *_ in mine[2] if kind == 2), None) if not mine[1] else None
    for owner, kind, _, _, data in mine[3] ^ other[3]:
        if kind not in (1, 28, 46) or owner not in targets:
            return False
        # Glue that the zone has; some servers also make glue from a wildcard below the cut, which is nobody's data.
        if (cut is not None and (owner == cut or owner.endswith(cut)) and (owner, kind) in {row[:2] for row in other[3]}
                and packets.text(owner) in question.zone.nodes):
            return False
    return True


def same(mine, other):
    """All but the additional section."""
    return mine[:3] == other[:3] and mine[4] == other[4]


def _bare_empty_non_terminal(question, mine):
    """Is there, at or above the name or an alias's target, an empty non-terminal without NSEC3 record because of opt-out?"""
    zone = question.zone
    if zone.kind != "opt-out" or not question.dnssec:
        return False
    for name in {question.name} | {packets.text(target) for _, target in _aliases(mine)}:
        while name.endswith("." + zone.apex):
            below = [owner for owner in zone.nodes if owner.endswith("." + name)]
            if name not in zone.nodes and below and not any(zone.authoritative(owner) for owner in below):
                return True
            name = name.partition(".")[2]
    return False


def _aliases(row):
    return {(owner, data) for owner, kind, _, _, data in row[1] if kind == 5}


def _chain(mine, other):
    """A chain that comes back to itself, or is longer than one of the servers follows: each stops somewhere else."""
    longest = max(_aliases(mine), _aliases(other), key=len)
    owners = {owner for owner, _ in longest}
    loop = any(data in owners for _, data in longest) and all(data in owners for _, data in longest)
    ours, theirs = _aliases(mine), _aliases(other)
    return (loop or len(longest) >= 5) and (ours <= theirs or theirs <= ours)


def reason(question, mine, other):
    if mine == other:
        return "equal"
    if same(mine, other):
        return "equal but for optional addresses" if _optional(question, mine, other) else None
    if sum(same(mine, third) for third in question.others.values()) >= 2:
        return f"alone, two others agree with us: {fields(mine, other)}"
    if _chain(mine, other):
        return "a circle of aliases, or a chain that is too long for one of the two"
    if question.peer != "bind" and _bare_empty_non_terminal(question, mine) and same(mine, question.others.get("bind", other)):
        return "below an empty non-terminal without NSEC3 record, where BIND agrees with us"
    return None
