"""The rows of the table: each measures one thing at one size and returns plain values for its JSON file.

A row's function gets the run's settings (`Run`, below) and the number of delegations. Servers that are not installed, or for
which there is not enough memory, are left out with the reason in "skipped".
"""
import contextlib
import itertools
import json
import os
import subprocess
import time

from artificial import NAME, SERIAL, Zone, needed, tool
from common import median, percentile
from servers import CLASSES, CLIENT_CORE, SERVER_CORE, Changes, Echo, Load, Onoma, installed, load, resident
from support.lab import Lab
from support.packets import Client, TYPES, name

WINDOW = 256  # outstanding questions of a closed loop: every batch is full
SOURCES = 65536
LEGITIMATE = f"127.128.0.0/9:{SOURCES}"  # two in each /24
FLOODS = {"network": "127.66.7.0/24", "spread": "127.64.0.0/10"}


class Run:
    """Settings of a whole run."""

    def __init__(self, given):
        self.turns, self.seconds = (2, 1) if given.quick else (given.turns, given.seconds)
        self.quick = given.quick
        self.servers = given.servers.split(",")
        self.flags, self.limit_flags = given.onoma_flags.split(), given.onoma_limit_flags.split()
        self.skipped = {}

    def peers(self, wanted=("onoma", "nsd", "knot")):
        out = []
        for key in wanted:
            why = installed(key) if key in self.servers else "not asked for"
            if why:
                self.skipped[key] = why
            else:
                out.append(key)
        return out

    def start(self, lab, key, file, octets_each=1300, **more):
        """The server, or None without enough memory."""
        available = next(int(line.split()[1]) * 1024 for line in open("/proc/meminfo", encoding="ascii") if line.startswith("MemAvailable"))
        expected = os.path.getsize(file) / 150 * octets_each
        if available < expected:
            self.skipped[key] = f"{available >> 20} MB of memory are free, about {int(expected) >> 20} are needed"
            print(f"  {key} left out: {self.skipped[key]}", flush=True)
            return None
        if key == "onoma":
            more["flags"] = [*self.flags, *more.get("flags", ())]
        server = CLASSES[key](lab, file, **more)
        print(f"  {key} answers after {server.load_s:.2f} s", flush=True)
        return server


def mix(zone, dnssec=False, **more):
    words = [f"mix={zone.queries}"] + (["dnssec"] if dnssec else []) + [f"{key}={value}" for key, value in more.items()]
    return ["--queries", ",".join(words)]


@contextlib.contextmanager
def away_from_server():
    """This script stays off the server's core meanwhile."""
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(CLIENT_CORE[-1])})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def answered(stream):
    """Full answers, as a share of what was asked."""
    return (stream["noerror"] + stream["nxdomain"]) / max(1, stream["sent"])


def udp(run, size, signed=False):
    """CPU time an answer, capacity and memory: servers in turns, the echo among them."""
    zone = Zone(size)
    file = zone.signed if signed else zone.file
    with Lab() as lab:
        servers = {key: server for key in run.peers() if (server := run.start(lab, key, file))}
        turns = {}
        for turn in range(run.turns):
            for key in list(servers) + (["echo"] if turn == 0 else []):
                if key not in servers:
                    octets = turns[next(iter(servers))][0]["octets"] if servers else 116
                    servers["echo"] = Echo(lab, octets)
                before = servers[key].cpu_s()
                one = load(servers[key], *mix(zone, signed), "--window", WINDOW, "--seconds", run.seconds)
                one["cpu_us"] = (servers[key].cpu_s() - before) / one["answers_all"] * 1e6
                turns.setdefault(key, []).append(one)
                print(f"  turn {turn + 1} {key}: {one['cpu_us']:.2f} µs, {one['per_s']}/s", flush=True)
        # The machine changes from turn to turn, so each turn has its own ratio to the echo.
        out = {}
        for key, server in servers.items():
            lines = turns[key]
            out[key] = {"cpu_us": round(median([one["cpu_us"] for one in lines]), 3),
                        "per_s": round(median([one["per_s"] for one in lines])),
                        "of_echo": round(median([one["cpu_us"] / echo["cpu_us"] for one, echo in zip(lines, turns["echo"])]), 3),
                        "of_echo_turns": [round(one["cpu_us"] / echo["cpu_us"], 3) for one, echo in zip(lines, turns["echo"])],
                        "octets": lines[0]["octets"], "lost": sum(one["streams"]["mix"]["lost"] for one in lines),
                        "nxdomain": round(lines[0]["streams"]["mix"]["nxdomain"] / max(1, lines[0]["streams"]["mix"]["sent"]), 3),
                        "load_s_one_core": round(server.load_s, 3)}
            if key != "echo":
                every = f"each={zone.owners}" + (",dnssec" if signed else "")
                asked = load(server, "--queries", every, "--once", "--window", WINDOW)
                memory = resident(server.pids())
                out[key] |= {"owners_answered": round(answered(asked["streams"]["each"]), 6), "resident": memory,
                             "octets_per_delegation": round(memory / size, 1)}
        return {"servers": out, "facts": zone.facts}


def signed(run, size):
    zone = Zone(size)
    facts = zone.signed_facts()
    out = udp(run, size, signed=True)
    return {**out, "signed_facts": facts}


def inprocess(run, size):
    zone = Zone(size)
    facts = zone.facts
    lines = [json.loads(needed([*SERVER_CORE, tool("serve_inprocess"), zone.file, "--zone", NAME, "--queries", zone.queries, "--seconds",
                                2 if run.quick else 10, "--expect-nxdomain", facts["absent"]]))
             for _ in range(1 if run.quick or size > 2_000_000 else 3)]
    return {"servers": {"onoma": {"per_s": round(median([one["per_s"] for one in lines])), "ns": median([one["ns"] for one in lines]),
                                  "octets": lines[0]["octets"], "runs": lines}}}


def start(run, size):
    """From the start of the program to the first answer, all cores; parsing alone."""
    zone = Zone(size)
    file = zone.file
    with open(file, "rb") as data:  # into the page cache: what is measured is not the disk
        while data.read(1 << 24):
            pass
    out = {}
    rounds = 1 if run.quick or size > 2_000_000 else 3
    for key in run.peers():
        times = []
        for _ in range(rounds):
            with Lab() as lab:
                server = run.start(lab, key, file, pin=False)
                if server:
                    times.append(server.load_s)
        if times:
            out[key] = {"start_s": round(median(times), 3), "times": [round(one, 3) for one in times]}
    if "onoma" in out:
        done = subprocess.run([tool("bench_zone_load"), "--benchmark_filter=parse", "--benchmark_format=json"], check=False,
                              capture_output=True, text=True, env={**os.environ, "ONOMA_BENCH_ZONE": str(file)})
        if done.returncode == 0:
            runs = [one for one in json.loads(done.stdout)["benchmarks"] if "bytes_per_second" in one]
            out["onoma"]["parse"] = {one["name"]: round(one["bytes_per_second"] / 1e6) for one in runs}
    return {"servers": out, "text_octets": file.stat().st_size}


def image(run, size):
    """From a compiled image to the first answer."""
    zone = Zone(size)
    begun = time.monotonic()
    path = zone.image()
    if path is None:
        return {"servers": {}, "skipped": {"onoma": "it has no `zone compile`"}}
    compile_s, times = time.monotonic() - begun, []
    for _ in range(3 if run.quick else 7):
        with Lab() as lab:
            server = run.start(lab, "onoma", path, octets_each=200, pin=False)
            client = Client(server.address)
            assert client.serial(NAME) == SERIAL
            client.close()
            times.append(server.load_s)
    return {"servers": {"onoma": {"start_ms": round(median(times) * 1000, 1), "times_ms": [round(one * 1000, 1) for one in times],
                                  "compile_s": round(compile_s, 2), "image_octets": path.stat().st_size}}}


def update(run, size):
    """From asking for a change (one more delegation) to the first answer that shows it."""
    zone, out = Zone(size), {}
    for key in run.peers(("onoma", "knot")):
        with Lab() as lab:
            server = run.start(lab, key, zone.file, **({"journal": True} if key == "knot" else {}))
            if not server:
                continue
            with away_from_server():
                times = _update_times(server, Changes(zone), 6 if run.quick else 60)
            times = times[len(times) // 6:]  # the first ones warm up
            out[key] = {"ms": round(median(times), 2), "p90_ms": round(percentile(times, 0.9), 2), "max_ms": round(max(times), 2)}
            print(f"  {key}: {out[key]}", flush=True)
    return {"servers": out}


def _update_times(server, changes, count):
    client, times = Client(server.address), []
    for _ in range(count):
        lines, owner = changes.lines(1)
        wire = name(owner)
        begun = time.monotonic()
        if isinstance(server, Onoma):
            server.control_call({"command": "apply", "zone": NAME, "lines": lines})
        else:
            server.update(owner)
        # A referral: the name servers stand in the authority section.
        while not any(one[0] == wire and one[1] == TYPES["NS"] for one in client.ask(wire, "A")[2][1]):
            if time.monotonic() - begun > 600:
                raise TimeoutError(f"{owner} is not shown")
        times.append((time.monotonic() - begun) * 1000)
        time.sleep(0.02)
    client.close()
    return times


def latency(run, size):
    """Times of answers at half of each server's capacity: quiet, and while something else goes on."""
    zone, out, calm = Zone(size), {}, 3 if run.quick else 10
    versions = [zone.version(number) for number in range(1, 2 if run.quick else 4)]
    with Lab() as lab:
        servers = {key: server for key in run.peers() if (server := run.start(lab, key, zone.file))}
        servers["echo"] = Echo(lab, 116)
        capacity = {key: [] for key in servers}
        for _ in range(run.turns):
            for key, server in servers.items():
                capacity[key].append(load(server, *mix(zone), "--window", WINDOW, "--seconds", run.seconds)["per_s"])
        for key in servers:
            out[key] = {"capacity": round(median(capacity[key])), "quiet": []}
        for _ in range(run.turns):
            for key, server in servers.items():
                out[key]["quiet"].append(_phase(load(server, *mix(zone), "--rate", out[key]["capacity"] // 2, "--warmup", 0.5,
                                                     "--seconds", calm)))
        for key, server in servers.items():
            # The median of the turns: one bad moment of a shared machine is not the server's.
            turns = sorted(out[key]["quiet"], key=lambda one: one["p99.99"])
            out[key]["quiet_turns"], out[key]["quiet"] = turns, turns[len(turns) // 2]
            print(f"  {key} at {out[key]['capacity'] // 2}/s, quiet: {_words(out[key]['quiet'])}", flush=True)
            if key == "echo":
                continue
            rate = out[key]["capacity"] // 2
            for what, event in (("reload", _reload), ("transfer", _transfer), ("merge", _merge)):
                result = event(server, zone, rate, versions)
                if result:
                    out[key][what] = result
                    print(f"  {key} during a {what} of {result['event_s']} s: {_words(result)}", flush=True)
    return {"servers": out}


def _phase(one):
    stream = one["streams"]["mix"]
    return {**{key: stream["us"][key] for key in ("count", "p50", "p99", "p99.9", "p99.99", "max")},
            "disturbed": stream["disturbed_us"]["count"], "lost": stream["lost"], "sent": stream["sent"],
            "stall_us": one["stalls"]["total_us"]}


def _words(phase):
    return f"p99.9 {phase['p99.9'] / 1000:.2f} ms, p99.99 {phase['p99.99'] / 1000:.2f} ms, {phase['lost']} lost"


def _with_events(server, zone, rate, act):
    """Load during act(), which returns when what it started is over."""
    running = Load(server, *mix(zone), "--rate", rate, "--warmup", 0.3, "--seconds", 600)
    running.wait_for("started")
    time.sleep(0.5)
    begun = time.monotonic()
    try:
        with away_from_server():
            act()
    finally:
        ended = time.monotonic()
        time.sleep(0.3)
        running.stop()
        result = running.result()
    return {**_phase(result), "event_s": round(ended - begun, 2)}


def _reload(server, zone, rate, versions):
    def act():
        for number, file in enumerate(versions, 1):
            server.take(file)
            while server.serial() != SERIAL + number:
                time.sleep(0.1)
    return _with_events(server, zone, rate, act)


def _transfer(server, zone, rate, _):
    running = Load(server, *mix(zone), "--rate", rate, "--warmup", 0.3, "--transfer", NAME, "--transfer-at", 0.5, "--seconds", 600)
    running.wait_for("transferred")
    running.stop()
    result = running.result()
    if result["transfer"]["octets"] < 20 * zone.delegations:
        return None  # it does not serve transfers
    return {**_phase(result), "event_s": result["transfer"]["seconds"], "octets": result["transfer"]["octets"]}


def _merge(server, zone, rate, versions):
    """Changes to one delegation in ten, in pieces; what a merge needs is the server's affair."""
    if not isinstance(server, Onoma):
        return None
    changes = Changes(zone)
    changes.serial = SERIAL + len(versions)  # what the reloads left
    pieces = [changes.lines(zone.delegations // 400)[0] for _ in range(40)]

    def act():
        for lines in pieces:
            server.control_call({"command": "apply", "zone": NAME, "lines": lines})
        time.sleep(2)  # what it does afterwards
    return {**_with_events(server, zone, rate, act), "delegations": changes.made}


def flood(run, size):
    """Five random names for each legitimate question, at the measured capacity and at twice that, with the servers' limiters;
    servers in turns."""
    zone, seconds = Zone(size), 3 if run.quick else 10
    with Lab() as lab:
        limits = {"onoma": {"flags": run.limit_flags}}
        servers = {key: server for key in run.peers() if (server := run.start(lab, key, zone.file, **limits.get(key, {"limit": True})))}
        seeds = itertools.count(1)  # each run has its own: other sources, in another order

        def ask(key, *words):
            before = servers[key].cpu_s()
            one = load(servers[key], *words, "--seed", next(seeds))
            return {**one, "cpu_us": (servers[key].cpu_s() - before) / max(1, one["sent_all"]) * 1e6}

        def peace(key):
            return ask(key, *mix(zone, sources=LEGITIMATE), "--window", WINDOW, "--seconds", run.seconds)

        quiet = {key: [] for key in servers}
        for _ in range(run.turns):
            for key in servers:
                quiet[key].append(peace(key))
        out = {}
        for key, runs in quiet.items():
            capacity = median([one["per_s"] for one in runs])
            # A server is attacked after days of peace: until then each source has asked a dozen questions.
            while sum(one["sent_all"] for one in runs) < 12 * SOURCES:
                runs.append(peace(key))
            out[key] = {"capacity": round(capacity), "limiter": key != "onoma" or bool(run.limit_flags),
                        "answered_quiet": round(median([answered(one["streams"]["mix"]) for one in runs]), 5),
                        "cpu_us_quiet": round(median([one["cpu_us"] for one in runs]), 3)}
        for kind, sources in FLOODS.items():
            for times in (1, 2):
                rounds = {key: [] for key in servers}
                for _ in range(1 if run.quick else 3):
                    for key in servers:
                        rounds[key].append(ask(key, *mix(zone, weight=1, sources=LEGITIMATE), "--random",
                                               f"flood={NAME},weight=5,burst=5,sources={sources}", "--rate", out[key]["capacity"] * times,
                                               "--warmup", 1 if run.quick else 3, "--seconds", seconds))
                for key, runs in rounds.items():
                    out[key][f"{kind}_{times}x"] = _under_flood(runs, out[key]["capacity"] * times)
                    print(f"  {key} flood {kind} {times} x: {out[key][f'{kind}_{times}x']}", flush=True)
        return {"servers": out}


def _under_flood(runs, offered):
    """Medians of runs; cpu_us is of a packet, answered or not."""
    def of(figure, digits=5):
        return round(median([figure(one) for one in runs]), digits)
    return {"answered": of(lambda one: answered(one["streams"]["mix"])),
            "answered_runs": sorted(round(answered(one["streams"]["mix"]), 5) for one in runs),
            "truncated": of(lambda one: one["streams"]["mix"]["truncated"] / max(1, one["streams"]["mix"]["sent"])),
            "flood_answered": of(lambda one: answered(one["streams"]["flood"])), "offered": offered,
            "sent_per_s": of(lambda one: one["sent_per_s"], 0), "cpu_us": of(lambda one: one["cpu_us"], 3),
            "p99_us": of(lambda one: one["streams"]["mix"]["us"]["p99"], 1)}


def many(run, size):
    """Runs bench/macro/many_zones.py with so many zones."""
    command = ["python3", "-B", os.path.join(os.path.dirname(__file__), "../macro/many_zones.py"), "--zones", str(size),
               "--only", ",".join(run.peers())]
    folder = os.environ["ONOMA_RESULTS"]
    done = subprocess.run(command, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed")
    file = max((os.path.join(folder, one) for one in os.listdir(folder) if one.startswith("many-zones") and one.endswith(".json")),
               key=os.path.getmtime)
    with open(file, encoding="utf-8") as text:
        return {"servers": {one["server"]: one for one in json.load(text)["servers"]}}
