"""Real zones of the shared data, and the names and records in a zone file that has one record a line."""
import ipaddress
import lzma
import os
import pathlib

from .lab import SOURCE, skip


def shared(path):
    """A file of the shared data; skips the test when it is not here."""
    given = os.environ.get("ONOMA_SHARED_DATA")
    for folder in ([pathlib.Path(given)] if given else []) + [SOURCE.parent / "shared/data"]:
        if (folder / path).exists():
            return folder / path
    skip(f"the shared data ({path}) is not here; ONOMA_SHARED_DATA names its folder")


def unpack(path, to):
    """Unpacks FILE.xz of the shared data into a file and returns its path."""
    to = pathlib.Path(to)
    with lzma.open(shared(path)) as packed, open(to, "wb") as out:
        while block := packed.read(1 << 20):
            out.write(block)
    return to


def records(path):
    """(owner, ttl, type, data) of every line `owner TTL [IN] type data`; owners in lower case, absolute."""
    with open(path, encoding="latin-1") as lines:
        for line in lines:
            if line[0] in ";$\n" or line[0].isspace():
                continue
            owner, ttl, rest = line.split(None, 2)
            if rest[:2].upper() == "IN" and rest[2:3].isspace():
                rest = rest[3:].lstrip()
            kind, data = rest.split(None, 1)
            if kind.upper() == "AAAA":
                data = str(ipaddress.IPv6Address(data.strip()))
            yield owner.lower(), int(ttl), kind.upper(), data.strip()


DNSSEC_TYPES = {"RRSIG", "DNSKEY", "NSEC", "NSEC3", "NSEC3PARAM", "CDS", "CDNSKEY"}


def content(path):
    """What a zone says, DNSSEC's types and the SOA aside: owner, TTL, type and data, in lower case but for TXT."""
    return {(owner, ttl, kind, " ".join((data if kind == "TXT" else data.lower()).split()))
            for owner, ttl, kind, data in records(path) if kind not in DNSSEC_TYPES | {"SOA"}}


def owners(path, but=("NSEC3",)):
    """Every owner name of a zone file, in order of appearance, without those that own only the types in `but`."""
    found = {}
    for owner, _, kind, data in records(path):
        if kind in but or (kind == "RRSIG" and data.split(None, 1)[0] in but):
            continue
        found[owner] = True
    return list(found)
