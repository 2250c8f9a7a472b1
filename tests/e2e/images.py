#!/usr/bin/env python3
"""Compiled images: `onoma zone compile` and `info`; a server answers from an image as from the text; what is damaged or
cut while it is mapped is told and harms nobody; a bad image keeps the zone that was there; many changes go into a new
image and none is lost.
"""
import json
import os
import random
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets, zones  # noqa: E402
from support.lab import Checks, Lab, free_port, program, wait_for  # noqa: E402
from support.servers import Authority  # noqa: E402

checks = Checks()


def text_of(serial, delegations, changed=0):
    """The first `changed` delegations have other name servers."""
    lines = [f"$TTL 300\n@ SOA ns1 admin {serial} 7200 900 604800 300\n@ NS ns1\nns1 A 192.0.2.1\n*.wild TXT \"w\"\n"]
    for i in range(delegations):
        host = f"ns{(i * 7 + (1 if i < changed else 0)) % 97}"
        lines.append(f"d{i} NS {host}.example.\nd{i} NS {host}.example.net.\n")
        if i % 10 == 0:
            lines.append(f"ns.in{i} A 192.0.2.{i % 250}\nin{i} NS ns.in{i}\n")
    return "".join(lines)


def zone(lab, *words):
    return lab.run([program(), "zone", *words])


def compile_text(lab, text, image, name="example.org"):
    path = lab.folder / "to-compile.zone"
    path.write_text(text)
    status, out, err = zone(lab, "compile", path, "--zone", name, "--output", image)
    checks.equal(status, 0, f"compile: {out}{err}")
    return image


def questions(names, rng):
    out = []
    for name in names:
        kind = packets.TYPES[rng.choice(["A", "NS", "DS", "TXT", "SOA"])]
        out.append(packets.query(packets.name(name), kind, dnssec=rng.random() < 0.5))
    return out


def same_answers(one, other, names, what):
    rng = random.Random(7)
    asked = questions(names, rng)
    left, right = packets.ask_all(one, asked), packets.ask_all(other, asked)
    different = [i for i in range(len(asked))
                 if left[i] is None or right[i] is None
                 or packets.comparable(left[i]) != packets.comparable(right[i])]
    checks.that(not different, f"{what}: {len(asked)} answers are the same", [names[i] for i in different[:5]])


def metric(admin, name):
    with urllib.request.urlopen(f"http://{admin}/metrics", timeout=5) as reply:
        for line in reply.read().decode().splitlines():
            if line.startswith(name + " "):
                return int(line.split()[1])
    raise KeyError(name)


def tools(lab):
    image = compile_text(lab, text_of(3, 500), lab.folder / "tools.image")
    status, out, err = lab.run([program(), "--json", "zone", "info", image, "--check"])
    told = json.loads(out)
    checks.that(status == 0 and told["zone"][0]["serial"] == 3 and told["names_checked"] == told["zone"][0]["names"],
                "info --check reads every name", (status, out, err))
    status, out, err = zone(lab, "diff", lab.folder / "to-compile.zone", image, "--zone", "example.org")
    checks.equal((status, out), (0, ""), f"text and image are the same zone {err}")
    status, out, err = zone(lab, "check", image, "--zone", "example.com")
    checks.that(status == 3 and "it holds example.org." in err, "a zone that is not in it: which is", (status, err))
    octets = bytearray(image.read_bytes())
    octets[9000] ^= 1
    bad = lab.folder / "bad.image"
    bad.write_bytes(octets)
    status, out, err = zone(lab, "info", bad, "--check")
    checks.that(status != 0 and "does not fit its checksum" in err, "info --check finds one bit", (status, err))
    bad.write_bytes(octets[:-1])
    status, out, err = zone(lab, "info", bad)
    checks.that(status != 0 and "copied whole" in err, "an image that was cut says so", (status, err))
    status, out, err = zone(lab, "compile", bad, "--zone", "example.org", "--output", image)
    checks.that(status != 0 and zone(lab, "info", image, "--check")[0] == 0, "a bad source leaves the old image", err)


def gov(lab):
    text = lab.folder / "gov.zone"
    zones.unpack("zones/gov-2026-08-22.zone.xz", text)
    image = lab.folder / "gov.image"
    status, out, err = zone(lab, "compile", text, "--zone", "gov", "--output", image, "--gate", "dnssec")
    checks.equal(status, 0, f"compile .gov: {err}")
    one = Authority(lab, {"gov": text}, name="text")
    other = Authority(lab, {"gov": image}, name="image")
    names = sorted(zones.owners(text))
    rng = random.Random(3)
    names += [f"www.{name}" for name in names] + [f"x{rng.randrange(10**9)}.gov." for _ in range(5000)]
    same_answers(one.address, other.address, names, ".gov from text and image")
    one.process.stop()
    other.process.stop()


def damage(lab):
    # The head is right, so it opens; a block in the middle is not.
    image = compile_text(lab, text_of(3, 30000), lab.folder / "damaged.image")
    with open(image, "r+b") as file:
        file.seek(200_000)
        octet = file.read(1)
        file.seek(200_000)
        file.write(bytes([octet[0] ^ 4]))
    server = Authority(lab, {"example.org": image}, name="damaged")
    wait_for(lambda: "IMAGE DAMAGED" in server.process.err.read_text(), 10, "the alarm")
    names = [f"d{i}.example.org." for i in range(30000)]
    answers = packets.ask_all(server.address, [packets.query(packets.name(name), 1) for name in names])
    good = sum(1 for answer in answers if answer and answer[3] & 15 == 0)
    failed = sum(1 for answer in answers if answer and answer[3] & 15 == 2)
    checks.that(good > 20000 and failed > 0 and good + failed == len(names),
                "what lies in whole blocks is answered, the rest is SERVFAIL", (good, failed))
    compile_text(lab, text_of(4, 30000), image)
    status, out, err = zone(lab, "reload", "example.org", "--control", server.control)
    client = packets.Client(server.address)
    checks.equal((status, client.serial("example.org")), (0, 4), f"a good file mends it {err}")

    octets = bytearray(compile_text(lab, text_of(5, 30000), lab.folder / "next.image").read_bytes())
    octets[200_000] ^= 4
    (lab.folder / "next.bad").write_bytes(octets)
    os.replace(lab.folder / "next.bad", image)
    status, out, err = zone(lab, "reload", "example.org", "--control", server.control)
    checks.that(status == 3 and "checksum" in err + out, "a damaged image is refused", (status, err))
    checks.equal(client.serial("example.org"), 4, "and the old zone stays")
    server.process.stop()


def cut(lab):
    image = compile_text(lab, text_of(3, 30000), lab.folder / "cut.image")
    server = Authority(lab, {"example.org": image}, name="cut")
    os.truncate(image, 8192)
    names = [f"d{i}.example.org." for i in range(30000)]
    answers = packets.ask_all(server.address, [packets.query(packets.name(name), 1) for name in names])
    checks.that(all(answer and answer[3] & 15 in (0, 2) for answer in answers) and server.process.running(),
                "a file that is cut under the server harms nobody")
    server.process.stop()


def merges(lab):
    admin = f"127.0.0.1:{free_port()}"
    count = 20000
    image = compile_text(lab, text_of(1, count), lab.folder / "merged.image")
    server = Authority(lab, {"example.org": image}, ("--admin", admin, "--no-change-limits"), name="merged")
    wait_for(lambda: metric(admin, "onoma_images_verified_total") == 1, 10, "the check of the image")
    client = packets.Client(server.address)
    serial, change = 1, lab.folder / "change"
    for batch in range(16):
        lines = [f"-example.org. 300 SOA ns1.example.org. admin.example.org. {serial} 7200 900 604800 300",
                 f"+example.org. 300 SOA ns1.example.org. admin.example.org. {serial + 1} 7200 900 604800 300"]
        for i in range(batch * 1000, batch * 1000 + 1000):
            for host in ("example.", "example.net."):
                lines.append(f"-d{i}.example.org. 300 NS ns{i * 7 % 97}.{host}")
                lines.append(f"+d{i}.example.org. 300 NS ns{(i * 7 + 1) % 97}.{host}")
        change.write_text("\n".join(lines) + "\n")
        status, out, err = zone(lab, "apply", change, "--zone", "example.org", "--control", server.control)
        serial += 1
        if not checks.equal((status, client.serial("example.org")), (0, serial), f"change {batch}: {out}{err}"):
            return
    wait_for(lambda: metric(admin, "onoma_image_merges_total") >= 1, 20, "a merge")
    wait_for(lambda: metric(admin, "onoma_image_delta_owners") < 16000, 20, "a smaller delta")
    checks.that(metric(admin, "onoma_image_merge_written_octets_total") > 0
                and metric(admin, "onoma_image_merge_changed_octets_total") > 0, "octets written and changed are told")
    text = lab.folder / "wanted.zone"
    text.write_text(text_of(serial, count, changed=16000))
    other = Authority(lab, {"example.org": text}, name="wanted")
    names = [f"d{i}.example.org." for i in range(0, count)] + [f"n{i}.example.org." for i in range(1000)]
    same_answers(server.address, other.address, names, "after merges")
    server.process.stop()
    other.process.stop()


with Lab() as lab:
    for part in (tools, damage, cut, merges, gov):  # the last one needs the shared data
        checks.part(part, lab)
sys.exit(checks.finish())
