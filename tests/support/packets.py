"""DNS queries and answers as octets, fast enough for hundreds of thousands of comparisons.

Names are wire octets, absolute, uncompressed. parse() gives plain tuples; comparable() gives what two servers must
agree on. Data of the RFC 1035 types are uncompressed and in lower case; all other data are taken as they are.
"""
import random
import select
import socket
import struct
import time

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33, "DNAME": 39,
         "OPT": 41, "DS": 43, "RRSIG": 46, "NSEC": 47, "DNSKEY": 48, "NSEC3": 50, "NSEC3PARAM": 51, "CDS": 59,
         "CDNSKEY": 60, "ZONEMD": 63, "HTTPS": 65, "URI": 256, "AXFR": 252, "ANY": 255}
TYPE_NAMES = {number: name for name, number in TYPES.items()}
RCODES = ("NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED", "YXDOMAIN")
QR, AA, TC, RD = 0x8000, 0x0400, 0x0200, 0x0100


def name(text):
    """Wire form of a name in presentation form (\\DDD and \\C known), lower case."""
    out, label, i = bytearray(), bytearray(), 0
    data = text.encode("idna" if not text.isascii() else "ascii") if not text.isascii() else text.encode()
    while i < len(data):
        c = data[i]
        if c == 0x5C and data[i + 1:i + 4].isdigit():
            label.append(int(data[i + 1:i + 4]))
            i += 4
        elif c == 0x5C:
            label.append(data[i + 1])
            i += 2
        elif c == 0x2E:
            if label:
                out += bytes([len(label)]) + label
                label = bytearray()
            i += 1
        else:
            label.append(c)
            i += 1
    if label:
        out += bytes([len(label)]) + label
    return bytes(out + b"\0").lower()


def text(wire):
    """Presentation form of a wire name."""
    parts, at = [], 0
    while wire[at]:
        label = wire[at + 1:at + 1 + wire[at]]
        parts.append("".join(chr(c) if 0x21 <= c <= 0x7E and c not in b'.\\"();@$' else f"\\{c:03d}" for c in label))
        at += 1 + wire[at]
    return ".".join(parts) + "."


def query(qname, qtype, ident=0, dnssec=False, edns=True, size=1232, rd=False):
    """One query; EDNS with the given buffer size unless told otherwise."""
    head = struct.pack("!HHHHHH", ident, RD if rd else 0, 1, 0, 0, 1 if edns else 0)
    tail = b"\0\0\x29" + struct.pack("!HIH", size, 0x8000 if dnssec else 0, 0) if edns else b""
    return head + qname + struct.pack("!HH", qtype, 1) + tail


class Malformed(Exception):
    pass


def _read_name(message, at, cache):
    """(name in lower case, where it ends). The cache holds names by offset."""
    known = cache.get(at)
    if known is not None:
        return known
    start, parts, end, hops = at, [], None, 0
    while True:
        length = message[at]
        if length == 0:
            tail, end = b"\0", end or at + 1
            break
        if length >= 0xC0:
            end = end or at + 2
            at = (length & 0x3F) << 8 | message[at + 1]
            hops += 1
            if hops > 64 or at >= start and hops == 1:
                raise Malformed("a compression pointer that points ahead or in a circle")
            known = cache.get(at)
            if known is not None:
                tail = known[0]
                break
            continue
        if length >= 0x40:
            raise Malformed("a label of unknown kind")
        parts.append(message[at:at + 1 + length])
        at += 1 + length
    value = b"".join(parts).lower() + tail
    cache[start] = (value, end)
    return value, end


def parse(message):
    """(flags, question, [answer, authority, additional]); records are (owner, type, class, ttl, data)."""
    try:
        _, flags, questions, *counts = struct.unpack_from("!HHHHHH", message)
        cache, at, question = {}, 12, None
        for _ in range(questions):
            qname, at = _read_name(message, at, cache)
            question = (qname, *struct.unpack_from("!HH", message, at))
            at += 4
        sections = []
        unpack, read = _FIXED.unpack_from, _read_name
        for count in counts:
            section = []
            for _ in range(count):
                if message[at] == 0xC0 and (known := cache.get(message[at + 1])) is not None:
                    owner, at = known[0], at + 2
                else:
                    owner, at = read(message, at, cache)
                kind, klass, ttl, length = unpack(message, at)
                at += 10
                if kind == 2 or kind == 5 or kind == 12 or kind == 39:
                    data, end = read(message, at, cache)
                    if end != at + length:
                        raise Malformed("data longer than their name")
                elif kind == 6:
                    mname, end = read(message, at, cache)
                    rname, end = read(message, end, cache)
                    data = mname + rname + message[end:at + length]
                elif kind == 15:
                    data = message[at:at + 2] + read(message, at + 2, cache)[0]
                elif kind == 33:
                    data = message[at:at + 6] + read(message, at + 6, cache)[0]
                else:
                    data = message[at:at + length]
                at += length
                if at > len(message):
                    raise Malformed("data beyond the end")
                section.append((owner, kind, klass, ttl, data))
            sections.append(section)
        if at != len(message):
            raise Malformed(f"{len(message) - at} octets after the last record")
        return flags, question, sections
    except (IndexError, struct.error) as error:
        raise Malformed(f"cut short: {error}") from None


_FIXED = struct.Struct("!HHIH")


def comparable(message):
    """(flags with rcode and AA, TC, RA, AD, CD, RD; answer, authority, additional as frozensets; EDNS or None).

    EDNS counts as (DO, extended rcode, version); the buffer size and options are each server's own.
    """
    flags, _, (answer, authority, additional) = parse(message)
    edns, others = None, []
    for record in additional:
        if record[1] == 41:
            edns = (record[3] & 0x8000, record[3] >> 16)
        else:
            others.append(record)
    sets = frozenset(answer), frozenset(authority), frozenset(others)
    if len(sets[0]) + len(sets[1]) + len(sets[2]) != len(answer) + len(authority) + len(others):
        raise Malformed("a record that is there twice")
    return flags, *sets, edns


def show(record):
    owner, kind, _, ttl, data = record
    return f"{text(owner)} {ttl} {TYPE_NAMES.get(kind, f'TYPE{kind}')} {data.hex()[:60]}"


class Client:
    """Single questions over UDP to one server; answers are parsed."""

    def __init__(self, address, timeout_s=2.0, tries=3):
        host, _, port = address.rpartition(":")
        self.address = (host.strip("[]"), int(port))
        family = socket.AF_INET6 if ":" in self.address[0] else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.connect(self.address)
        self.timeout_s, self.tries = timeout_s, tries

    def raw(self, qname, qtype, dnssec=False, **more):
        ident = random.randrange(65536)
        message = query(name(qname) if isinstance(qname, str) else qname, TYPES.get(qtype, qtype), ident, dnssec, **more)
        last = None
        for _ in range(self.tries):
            try:
                self.socket.send(message)
                end = time.monotonic() + self.timeout_s
                while (left := end - time.monotonic()) > 0:
                    self.socket.settimeout(left)
                    answer = self.socket.recv(65535)
                    if answer[:2] == message[:2]:
                        return answer
            except OSError as error:  # also refused: nobody listens
                last = error
                if isinstance(error, ConnectionRefusedError):
                    time.sleep(0.01)
        raise TimeoutError(f"no answer from {self.address}: {last}")

    def ask(self, qname, qtype, dnssec=False, **more):
        return parse(self.raw(qname, qtype, dnssec, **more))

    def answers(self, qname, qtype, **more):
        """The data of the answer section that are of the type asked."""
        wanted = TYPES.get(qtype, qtype)
        return [data for _, kind, _, _, data in self.ask(qname, qtype, **more)[2][0] if kind == wanted]

    def serial(self, zone):
        data = self.answers(zone, "SOA")
        return struct.unpack("!I", data[0][-20:-16])[0] if data else None

    def close(self):
        self.socket.close()


def ask_all(address, queries, window=64, timeout_s=1.0, rounds=6):
    """Answers to many queries over UDP, in order: octets, or None where none came after several rounds.

    queries: sequence of octets; their identifiers are overwritten.
    """
    host, _, port = address.rpartition(":")
    answers = [None] * len(queries)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        udp.connect((host, int(port)))
        udp.settimeout(timeout_s)
        send, receive, pack = udp.send, udp.recv, struct.pack
        todo = range(len(queries))
        for _ in range(rounds):
            for start in range(0, len(todo), window):
                # The identifier tells which of the window it is, and from which window, so that a late answer to an
                # earlier one is not taken for another.
                salt = random.randrange(0, 65536, window)
                batch = todo[start:start + window]
                for i, index in enumerate(batch):
                    send(pack("!H", (salt + i) & 0xFFFF) + queries[index][2:])
                left = len(batch)
                try:
                    while left:
                        answer = receive(65535)
                        i = ((answer[0] << 8 | answer[1]) - salt) & 0xFFFF
                        if i < len(batch) and answers[batch[i]] is None and _same_question(answer, queries[batch[i]]):
                            answers[batch[i]] = answer
                            left -= 1
                except (TimeoutError, ConnectionRefusedError):
                    pass
            todo = [index for index in todo if answers[index] is None]
            if not todo:
                break
    return answers


def _same_question(answer, asked):
    end = 12
    while end < len(asked) and asked[end]:
        end += 1 + asked[end]
    end += 5
    return answer[12:end] == asked[12:end] or answer[4:6] == b"\0\0"


def ask_all_tcp(address, queries, window=100, timeout_s=10.0):
    """The same over TCP, pipelined; answers may come in any order."""
    host, _, port = address.rpartition(":")
    answers = [None] * len(queries)
    at = 0
    while at < len(queries):
        with socket.create_connection((host, int(port)), timeout_s) as tcp:
            # A few thousand on one connection: servers limit how many they take.
            part = range(at, min(at + 2000, len(queries)))
            for start in range(part.start, part.stop, window):
                batch = range(start, min(start + window, part.stop))
                tcp.sendall(b"".join(struct.pack("!HH", len(queries[i]), i - start) + queries[i][2:] for i in batch))
                data, left = bytearray(), len(batch)
                while left:
                    block = tcp.recv(1 << 18)
                    if not block:
                        raise ConnectionError(f"{address} closed the connection with {left} answers outstanding")
                    data += block
                    offset = 0
                    while len(data) - offset >= 2:
                        size = data[offset] << 8 | data[offset + 1]
                        if len(data) - offset - 2 < size:
                            break
                        answer = bytes(data[offset + 2:offset + 2 + size])
                        answers[start + (answer[0] << 8 | answer[1])] = answer
                        offset += 2 + size
                        left -= 1
                    del data[:offset]
        at = part.stop
    return answers


def wait_readable(sock, timeout_s):
    return bool(select.select([sock], [], [], timeout_s)[0])
