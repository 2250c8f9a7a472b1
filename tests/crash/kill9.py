#!/usr/bin/env python3
"""kill -9 of `onoma serve` at random moments of concurrent creates, again and again. After each restart:

- every domain whose create was acknowledged is in the registry, and in the DNS;
- a domain whose create was not acknowledged is in both or in neither;
- no serial goes back below one that was ever seen outside;
- the gate, and ldns-verify-zone where it is installed, accept the export;
and at no moment does any answer carry a signature that does not hold.

Arguments: ROUNDS [SEED].
"""
import os
import random
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support import packets  # noqa: E402
from support.lab import Checks, Lab, program, wait_for  # noqa: E402
from support.rest import Rest  # noqa: E402
from support.servers import Serve  # noqa: E402
from support.signatures import Validator  # noqa: E402

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else int(os.environ.get("ONOMA_KILLS", "10"))
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else random.SystemRandom().randrange(1 << 30)
WRITERS = 4
ZONES = ("test", "xn--0zwm56d")
DS = "{} 13 2 CDE0D742D6998AA554A92D890F8184C698CFAC8A26FA59875A990C03E576343C"
chance = random.Random(SEED)
checks = Checks()


class Writer(threading.Thread):
    """Creates domains one after another until the server is gone."""

    def __init__(self, address, token, round_number, number):
        super().__init__(daemon=True)
        self.rest = Rest(address, token, 10)
        self.prefix, self.round = f"k{round_number}-{number}", round_number
        self.acknowledged, self.open, self.refused = [], None, []

    def run(self):
        count = 0
        while True:
            zone = ZONES[count % 2]
            name = f"{self.prefix}-{count}.{zone}"
            body = {"name": name, "name_servers": ["ns1.shop.test", "ns2.hosting.example"]}
            if count % 3 == 0:
                body["ds"] = [DS.format(count % 65536)]
            if count % 5 == 0:
                body["name_servers"] = [f"ns.{name}"]
                body["glue"] = [{"host": f"ns.{name}", "addresses": ["192.0.2.77"]}]
            count += 1
            self.open = name
            try:
                answer = self.rest.post("/v1/domains", body)
            except OSError:
                return
            except Exception:  # http.client's own errors: the answer was cut off
                return
            if answer.status == 201:
                self.acknowledged.append((name, body["name_servers"], "ds" in body))
            else:
                self.refused.append((name, answer))
            self.open = None


class Watcher(threading.Thread):
    """Looks at answers all the time: serials may not fall, signatures must hold."""

    def __init__(self, address, serials, validators):
        super().__init__(daemon=True)
        self.client = packets.Client(address, timeout_s=0.3, tries=1)
        self.serials, self.validators = serials, validators
        self.faults, self.seen, self.names, self.done = [], 0, [], threading.Event()

    def run(self):
        picks = random.Random(1)
        while not self.done.is_set():
            for zone in ZONES:
                names = [zone, f"nothing-{picks.randrange(1 << 20)}.{zone}", f"shop.{zone}"]
                recent = [writer.acknowledged[-1][0] for writer in self.names if writer.acknowledged]
                names += [name for name in recent if name.endswith(f".{zone}")]
                for name, kind in [(names[0], "SOA")] + [(name, "A") for name in names[1:]]:
                    try:
                        flags, _, sections = self.client.ask(name, kind, dnssec=True)
                    except (TimeoutError, OSError):
                        continue
                    self.seen += 1
                    if flags & 15 not in (0, 3):
                        self.faults.append(f"{name}: rcode {flags & 15}")
                    self.faults += self.validators[zone].judge(sections)
                    for owner, record, _, _, data in sections[0] + sections[1]:
                        if record == 6 and owner == packets.name(zone):
                            serial = int.from_bytes(data[-20:-16], "big")
                            if (serial - self.serials[zone]) & 0xFFFFFFFF >= 0x80000000:
                                self.faults.append(f"{zone}: serial {serial} after {self.serials[zone]}")
                            self.serials[zone] = serial
            time.sleep(0.002)


def in_dns(client, name, servers, with_ds):
    _, _, (_, authority, _) = client.ask(name, "A", dnssec=True)
    owner = packets.name(name)
    found = {packets.text(data) for at, kind, _, _, data in authority if kind == 2 and at == owner}
    ds = any(kind == 43 and at == owner for at, kind, _, _, _ in authority)
    return found == {f"{server}." for server in servers} and ds == with_ds


def judge_files(lab, serve, zone):
    exported = lab.folder / f"{zone}.export"
    status, out, err = serve.onoma("zone", "export", zone, "--output", exported)
    if not checks.equal(status, 0, f"export of {zone}: {out}{err}"):
        return
    status, out, err = lab.run([program(), "zone", "verify", exported, "--zone", zone])
    checks.that(status == 0, f"the gate accepts the export of {zone}", (out + err)[-1000:])
    if shutil.which("ldns-verify-zone"):
        status, out, err = lab.run(["ldns-verify-zone", "-V", "1", exported])
        checks.that(status == 0, f"ldns-verify-zone accepts the export of {zone}", (out + err)[-1000:])


with Lab() as lab:
    print(f"{ROUNDS} rounds, seed {SEED}")
    serve = Serve(lab, demo=True).start()
    client = serve.client()
    serials = {zone: client.serial(zone) for zone in ZONES}
    validators = {zone: Validator(client.answers(zone, "DNSKEY", dnssec=True)) for zone in ZONES}
    total, answers, restart_s = 0, 0, []
    for round_number in range(ROUNDS):
        token = serve.token
        writers = [Writer(serve.http, token, round_number, number) for number in range(WRITERS)]
        watcher = Watcher(serve.dns, serials, validators)
        watcher.names = writers
        for thread in writers + [watcher]:
            thread.start()
        # Short lives more often than long ones, so that starting up is hit as well.
        time.sleep(chance.choice((0.02, 0.1, 0.3, 0.6, 1.0)) * (0.5 + chance.random()))
        serve.process.kill()
        for writer in writers:
            writer.join(20)
            checks.that(not writer.is_alive(), "a client notices that the server is gone")
        if chance.random() < 0.2:  # killed once more while it starts
            early = lab.start(f"early-{round_number}", [program(), "serve", "--config", serve.config])
            time.sleep(chance.random() * 0.2)
            early.kill()
        begun = time.monotonic()
        serve.demo = False
        serve.start()
        restart_s.append(time.monotonic() - begun)
        rest = serve.rest()
        acknowledged = [one for writer in writers for one in writer.acknowledged]
        total += len(acknowledged)
        lost = [name for name, _, _ in acknowledged if rest.get(f"/v1/domains/{name}").status != 200]
        checks.that(not lost, f"round {round_number}: every acknowledged domain is in the registry", lost[:5])
        if acknowledged:
            try:
                wait_for(lambda: all(in_dns(client, *one) for one in reversed(acknowledged)), 10, "all domains in the DNS")
            except TimeoutError:
                absent = [one for one in acknowledged if not in_dns(client, *one)]
                checks.that(not absent, f"round {round_number}: every acknowledged domain is in the DNS", absent[:2])
                print(f"    {rest.get('/v1/zones').body.decode()[:1500]}\n    {serve.process.errors(8)}")
                break
        for writer in writers:
            checks.that(not writer.refused, f"round {round_number}: no create was refused", writer.refused[:2])
            if writer.open:
                there = rest.get(f"/v1/domains/{writer.open}").status == 200
                visible = client.ask(writer.open, "A")[0] & 15 == 0
                checks.equal(visible, there, f"round {round_number}: {writer.open}, not acknowledged, is in both or neither")
        watcher.done.set()
        watcher.join()
        answers += watcher.seen
        checks.that(not watcher.faults, f"round {round_number}: no false signature, no serial that falls", watcher.faults[:5])
        if not checks.that(watcher.seen, "the watcher saw answers") or checks.bad > 10:
            break
        if round_number % 10 == 9 or round_number == ROUNDS - 1:
            for zone in ZONES:
                judge_files(lab, serve, zone)
    print(f"{total} domains acknowledged, {answers} answers watched, "
          f"{sum(one.checked for one in validators.values())} signatures checked, restart to ready "
          f"{sorted(restart_s)[len(restart_s) // 2] * 1000:.0f} ms median, {max(restart_s) * 1000:.0f} ms worst")
    checks.that(total > 0, "domains were created")
    checks.equal(serve.stop(), 0, "SIGTERM ends it with status 0")
sys.exit(checks.finish())
