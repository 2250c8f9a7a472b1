"""Checks signatures of ECDSA P-256 with SHA-256 (algorithm 13) in answers, with libcrypto: none of our code judges ours.

Parsed records come from packets.py, whose data have names uncompressed and in lower case: RFC 4034 §6.2's form.
"""
import ctypes
import ctypes.util
import struct
import time

_SPKI_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200" "04")


class _Crypto:
    def __init__(self):
        self.lib = ctypes.CDLL(ctypes.util.find_library("crypto") or "libcrypto.so.3")
        void = ctypes.c_void_p
        for name, result, arguments in (
                ("d2i_PUBKEY", void, [void, ctypes.POINTER(ctypes.c_char_p), ctypes.c_long]),
                ("EVP_MD_CTX_new", void, []),
                ("EVP_MD_CTX_free", None, [void]),
                ("EVP_sha256", void, []),
                ("EVP_DigestVerifyInit", ctypes.c_int, [void, void, void, void, void]),
                ("EVP_DigestVerify", ctypes.c_int, [void, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t])):
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments

    def key(self, point):
        der = _SPKI_P256 + point
        return self.lib.d2i_PUBKEY(None, ctypes.byref(ctypes.c_char_p(der)), len(der))

    def verify(self, key, signature, signed):
        context = self.lib.EVP_MD_CTX_new()
        try:
            return (self.lib.EVP_DigestVerifyInit(context, None, self.lib.EVP_sha256(), None, key) == 1 and
                    self.lib.EVP_DigestVerify(context, signature, len(signature), signed, len(signed)) == 1)
        finally:
            self.lib.EVP_MD_CTX_free(context)


def key_tag(rdata):
    total = sum(octet << 8 if i % 2 == 0 else octet for i, octet in enumerate(rdata))
    return (total + (total >> 16)) & 0xFFFF


def _integer(octets):
    octets = octets.lstrip(b"\0") or b"\0"
    octets = b"\0" + octets if octets[0] & 0x80 else octets
    return bytes([2, len(octets)]) + octets


def _labels(name):
    found, at = [], 0
    while name[at]:
        found.append(name[at:at + 1 + name[at]])
        at += 1 + name[at]
    return found


class Validator:
    """Knows a zone's keys; judge() says what is wrong with an answer's signatures."""

    def __init__(self, dnskeys):
        self.crypto = _Crypto()
        self.keys = {}
        for rdata in dnskeys:
            if rdata[3] == 13 and len(rdata) == 68:
                self.keys[key_tag(rdata)] = self.crypto.key(rdata[4:])
        self.checked = 0
        self.seen = set()

    def judge(self, sections, now=None):
        """Faults of all RRSIGs in parsed sections ([(owner, type, class, ttl, rdata)]); each signature once."""
        now = int(time.time() if now is None else now)
        sets, signatures, faults = {}, [], []
        for section in sections:
            for owner, kind, _, _, rdata in section:
                if kind == 46:
                    signatures.append((owner, rdata))
                elif kind != 41:
                    sets.setdefault((owner, kind), set()).add(rdata)
        for owner, rdata in signatures:
            fault = self._one(owner, rdata, sets, now)
            if fault:
                faults.append(f"{owner!r}: {fault}")
        return faults

    def _one(self, owner, rdata, sets, now):
        covered, algorithm, labels, ttl, expires, begins, tag = struct.unpack_from("!HBBIIIH", rdata)
        end = 18
        while rdata[end]:
            end += 1 + rdata[end]
        end += 1
        data = sets.get((owner, covered))
        if data is None:
            return f"a signature over type {covered}, which is not in the answer"
        if not begins <= now <= expires:
            return f"type {covered}: not valid now ({begins} to {expires})"
        key = self.keys.get(tag)
        if key is None or algorithm != 13:
            return f"type {covered}: no key with tag {tag}, algorithm {algorithm}"
        parts = _labels(owner)
        name = owner if labels >= len(parts) else b"\1*" + b"".join(parts[len(parts) - labels:]) + b"\0"
        head = name + struct.pack("!HHI", covered, 1, ttl)
        signed = rdata[:end] + b"".join(head + struct.pack("!H", len(one)) + one for one in sorted(data))
        mark = (rdata[end:], hash(signed))
        if mark in self.seen:
            return None
        r, s = _integer(rdata[end:end + 32]), _integer(rdata[end + 32:end + 64])
        if not self.crypto.verify(key, b"\x30" + bytes([len(r) + len(s)]) + r + s, signed):
            return f"type {covered}: the signature is false"
        self.seen.add(mark)
        self.checked += 1
        return None
