#!/usr/bin/env python3
"""Zones that other servers stumbled over, loaded by the program: each is refused with a word that says why, and the server
goes on serving the others; or it is served, and answers. Then updates that would make a good zone such a one."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program  # noqa: E402
from support.servers import Authority  # noqa: E402

APEX = "@ 3600 SOA ns1 h 1 7200 900 1209600 300\n@ 3600 NS ns1\nns1 3600 A 192.0.2.1\n"
HASH = "0" * 32


def chain(parameters, owner=HASH, following=HASH):
    return APEX + f"@ 0 NSEC3PARAM 1 0 {parameters}\n{owner} 300 NSEC3 1 0 {parameters} {following} A\n"


def texts(count):
    return APEX + "".join(f"big 60 TXT \"{i:04}{'x' * 240}\" \"{'y' * 255}\" \"{'z' * 255}\" \"{'w' * 237}\"\n" for i in range(count))


# name: (zone text, words that its refusal contains; None: it is served). Words after "warned:" are those of a warning.
ZONES = {
    "good": (APEX, None),
    "no_soa": ("@ 60 NS ns1\nns1 60 A 192.0.2.1\n", "SOA"),
    "two_soa": (APEX + "@ 3600 SOA ns2 h 2 7200 900 1209600 300\n", "SOA"),
    "soa_in_the_middle": (APEX + "x 3600 SOA ns2 h 2 7200 900 1209600 300\n", "SOA"),
    "outofzone": (APEX + "www.example.org. 60 A 192.0.2.1\n", "www.example.org"),
    "class_chaos": (APEX + "www 60 CH A 192.0.2.1\n", "class"),
    "cname_and_other": (APEX + "www 60 CNAME x\nwww 60 A 192.0.2.1\n", "CNAME"),
    "two_cnames": (APEX + "www 60 CNAME x\nwww 60 CNAME y\n", "CNAME"),
    "large_rrset_that_fits": (texts(60), None),
    "large_rrset": (texts(66), "65535"),
    "svcb_uint16_wrap": (APEX + "svc 60 TYPE64 \\# 65512 000100" + "0008ffe1" + "00" * 65505 + "\n", ""),
    "nsec3_50_iterations": (chain("50 -"), None),
    "nsec3_51_iterations": (chain("51 -"), "iterations"),
    "nsec3_owner_not_base32hex": (chain("0 -", "w" + HASH[1:]), "warned: not a hash"),
    "nsec3_owner_too_short": (chain("0 -", "0000"), "warned: not a hash"),
    "nsec3_owner_deep": (chain("0 -", HASH + ".b"), "warned: not a hash"),
    "nsec3_bad_next_length": (APEX + "@ 0 NSEC3PARAM 1 0 0 -\n" + HASH + " 300 \\# 8 0100000000020000\n", ""),
    "print_apl": (APEX + "apl 60 APL \\# 10 00012005010203040506\n", ""),
    "name_too_long": (APEX + ".".join(["a" * 63] * 4) + " 60 A 192.0.2.1\n", "255"),
    "label_too_long": (APEX + "a" * 64 + " 60 A 192.0.2.1\n", "63"),
    "ns_at_wildcard": (APEX + "*.w 60 NS ns1\n", "warned: wildcard"),
    "dname_at_wildcard": (APEX + "*.w 60 DNAME x\n", "warned: wildcard"),
    "json": ('{"error": "the export has failed"}\n', ""),
    "empty": ("", ""),
    "zeros": ("\0" * 5000, ""),
    "generate_bomb": ("$GENERATE 0-4294967295 a$ A 192.0.2.1\n" + APEX, ""),
    "include_itself": (APEX + "$INCLUDE include_itself.zone\n", "INCLUDE"),
}


def main():
    checks = Checks()
    with Lab() as lab:
        files = {}
        for name, (text, _) in ZONES.items():
            files[f"{name}.test"] = lab.folder / f"{name}.zone"
            files[f"{name}.test"].write_bytes(text.encode())
        server = Authority(lab, files)
        client = packets.Client(server.address)
        said = server.process.err.read_text(errors="replace")
        for name, (_, words) in ZONES.items():
            rcode = client.ask(f"{name}.test", "SOA")[0] & 15
            lines = [line for line in said.splitlines() if f"{name}.test" in line or f"{name}.zone" in line]
            if words is None:
                checks.that(rcode == 0 and not any("error" in line.lower() for line in lines), f"{name} is served", lines)
            elif words.startswith("warned: "):
                checks.that(rcode == 0 and any(words[8:] in line for line in lines), f"{name} is served with a warning", lines)
            else:
                checks.that(rcode == 2 and any(words in line for line in lines), f"{name} is refused, and says why ({words})",
                            f"rcode {rcode}: {lines}")
        control = ["--control", server.control, "--zone", "good.test"]
        head = "good.test. 3600 IN SOA ns1.good.test. h.good.test."
        for name, row, words in (
                ("a set that no message holds", "".join(f"+big.good.test. 60 IN TXT {' '.join(['x' * 250] * 4)} n{i}\n" for i in range(66)), "65535"),
                ("a second SOA", "+x.good.test. 60 IN SOA a. b. 1 2 3 4 5\n", "SOA"),
                ("a CNAME beside others", "+ns1.good.test. 60 IN CNAME x.good.test.\n", "CNAME"),
                ("a record of another zone", "+www.example.org. 60 IN A 192.0.2.1\n", "example.org"),
                ("the last name server gone", "-good.test. 3600 IN NS ns1.good.test.\n", "NS")):
            change = lab.folder / "change"
            change.write_text(f"-{head} 1 7200 900 1209600 300\n+{head} 2 7200 900 1209600 300\n{row}")
            status, out, err = lab.run([program(), "zone", "apply", change, *control])
            checks.that(status == 3 and words in out + err, f"an update is refused: {name}", f"status {status}: {out}{err}")
            checks.equal(client.serial("good.test"), 1, "and the zone is what it was")
        checks.that(server.process.running(), "the server is still running")
        checks.equal(server.process.stop(), 0, "and ends with status 0")
    return checks.finish()


if __name__ == "__main__":
    sys.exit(main())
