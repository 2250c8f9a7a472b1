#!/usr/bin/env python3
"""Onoma's answer engine beside NSD, Knot and an echo that does nothing but receive and send.

  ./dev bench serve [--quick] [--only ROW,...] [--size N,...] [--again]

Rows: udp (CPU time an answer over the echo's, capacity, memory once every owner has been asked), inprocess (packet in, packet
out, without sockets), start (zone text to first answer), image (compiled image to first answer), update (a change until it is
visible), signed (udp with DNSSEC: NSEC3 without opt-out, DO), latency (answer times at half of the capacity, quiet and during a
reload, a transfer, a merge), flood (legitimate questions during a flood of random names), many (many small zones).

A row is measured at once for all servers, in turns; its result is saved when it is done, and not measured again by the same
program unless --again or --only asks for it. --quick: 100,000 delegations and short turns, to see that all works. Results:
bench/results/serve.{json,md} (--quick: build/bench-serve/quick). Zones are kept in ONOMA_BENCH_DIR or build/bench-zones.
"""
import argparse
import datetime
import hashlib
import json
import os
import pathlib
import shutil
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "macro"))

from common import BENCH, SOURCE, machine, table  # noqa: E402  (needs the path above)
import rows as measures  # noqa: E402
import servers  # noqa: E402
from support.lab import program  # noqa: E402

PEERS = ("onoma", "nsd", "knot")


def plan(sizes, quick):
    """[(row, size)] in the order of the table."""
    main = 1_000_000 if 1_000_000 in sizes else sizes[0]
    out = [("udp", size) for size in sizes] + [("inprocess", size) for size in sizes] + [("start", main)]
    out += [("image", size) for size in sizes]
    out += [("update", size) for size in sorted({*sizes, *(() if quick else (100_000,))})]
    return out + [("signed", main), ("latency", main), ("flood", main), ("many", 2000 if quick else 100_000)]


def number(value, digits=0):
    return "–" if value is None else f"{value:,.{digits}f}"


def short(size):
    return f"{size // 1_000_000} M" if size % 1_000_000 == 0 else f"{size // 1000} k"


class Lines:
    """What stands in the table: measure, target, a figure for each server."""

    def __init__(self, saved, program_mark):
        self.saved, self.mark, self.lines = saved, program_mark, []

    def add(self, row, size, measure, target, figure):
        """figure(server's values) is a text; a server that has no such value gets a dash."""
        found = self.saved.get(f"{row}-{size}")
        if not found:
            return
        texts = []
        for key in PEERS:
            try:
                texts.append(figure(found["result"]["servers"][key]))
            except (KeyError, TypeError):
                texts.append("–")
        self.lines.append([measure + self.old(found), target, *texts])

    def old(self, found):
        """Marks what another build of Onoma gave."""
        return "" if found["program"] == self.mark else " *"

    def write(self):
        for key, found in self.saved.items():
            row, _, size = key.partition("-")
            getattr(self, row)(int(size), found)
        return table(["measure", "target", *(servers.NAMES[key] for key in PEERS)], self.lines)

    def udp(self, size, found):
        of = short(size)
        at = {100_000: ("", ""), 1_000_000: ("≤ 1.2", "≤ 80"), 8_000_000: ("≤ 1.25", "≤ 64")}.get(size, ("", ""))
        echo = found["result"]["servers"].get("echo", {})
        self.add("udp", size, f"CPU an answer ÷ echo ({number(echo.get('cpu_us'), 2)} µs), {of}", at[0],
                 lambda one: f"{one['of_echo']:.2f} ({one['cpu_us']:.2f} µs)")
        self.add("udp", size, f"UDP answers a second, one core, {of} (echo {number(echo.get('per_s'))})", "", lambda one: number(one["per_s"]))
        self.add("udp", size, f"resident octets a delegation, all asked, {of}", at[1], lambda one: number(one["octets_per_delegation"]))

    def inprocess(self, size, _):
        target = {1_000_000: "≥ 5 M", 8_000_000: "≥ 3 M"}.get(size, "")
        self.add("inprocess", size, f"answers a second and core without sockets, {short(size)}", target,
                 lambda one: f"{one['per_s'] / 1e6:.2f} M ({one['ns']:.0f} ns)")

    def start(self, size, _):
        self.add("start", size, f"zone text → answering, {short(size)}, s", "≤ 1.5" if size == 1_000_000 else "", lambda one: number(one["start_s"], 2))
        self.add("start", size, "parsing, MB/s and core", "≥ 400", lambda one: number(max(one["parse"].values())))

    def image(self, size, _):
        self.add("image", size, f"compiled image → answering, {short(size)}, ms", "≤ 50", lambda one: number(one["start_ms"]))

    def update(self, size, _):
        self.add("update", size, f"update → visible, {short(size)}, ms (90 %)", "≤ 5", lambda one: f"{one['ms']:.2f} ({one['p90_ms']:.2f})")

    def signed(self, size, found):
        result = found["result"]
        facts, unsigned = result["signed_facts"], self.saved.get(f"udp-{size}", {})
        plain = unsigned["result"]["servers"] if unsigned.get("program") == found["program"] else {}
        more = facts["signature_octets"] + 20 * facts["nsec3"]
        of = f"{short(size)} signed, DO"
        self.add("signed", size, f"CPU an answer ÷ echo ({result['servers'].get('echo', {}).get('octets', '?')} octets), {of}", "≤ 1.5",
                 lambda one: f"{one['of_echo']:.2f} ({one['cpu_us']:.2f} µs)")
        self.add("signed", size, f"resident octets a delegation, {of}", "", lambda one: number(one["octets_per_delegation"]))
        self.lines.append([f"resident ÷ (unsigned + signatures and hashes, {more / size:.0f} octets), {of}" + self.old(found), "≤ 1.25",
                           *(f"{result['servers'][key]['resident'] / (plain[key]['resident'] + more):.2f}"
                             if key in plain and key in result["servers"] else "–" for key in PEERS)])

    def latency(self, size, found):
        echo = found["result"]["servers"].get("echo", {}).get("quiet", {})

        def both(phase):
            return lambda one: f"{one[phase]['p99.9'] / 1000:.2f} / {one[phase]['p99.99'] / 1000:.2f}" + (
                f", {one[phase]['lost']} lost" if one[phase]["lost"] else "")
        self.add("latency", size, f"half load, {short(size)}, questions a second", "", lambda one: number(one["capacity"] // 2))
        floor = f" (echo {echo['p99.9'] / 1000:.2f} / {echo['p99.99'] / 1000:.2f})" if echo else ""
        self.add("latency", size, f"p99.9 / p99.99 ms quiet{floor}", "≤ 1", both("quiet"))
        for phase in ("reload", "merge", "transfer"):
            self.add("latency", size, f"p99.9 / p99.99 ms during a {phase}", "< 5", both(phase))

    def flood(self, size, found):
        if not found["result"]["servers"].get("onoma", {}).get("limiter", True):
            self.lines.append(["(the following without Onoma's limiter: no --onoma-limit-flags)", "", "", "", ""])
        for kind, words in (("network", "from one /24"), ("spread", "from everywhere")):
            for times, target in ((1, "≥ 99.9 %"), (2, "≥ 95 %")):
                self.add("flood", size, f"legitimate answered, 5:1 flood {words}, {times} × capacity", target,
                         lambda one, k=f"{kind}_{times}x": f"{one[k]['answered'] * 100:.2f} %" +
                         (f" + {one[k]['truncated'] * 100:.1f} % TC" if one[k]["truncated"] >= 0.0005 else ""))

    def many(self, size, _):
        self.add("many", size, f"{size:,} zones: start, s", "", lambda one: number(one["load_s"], 2))
        self.add("many", size, f"{size:,} zones: octets a zone", "", lambda one: number(one["octets_per_zone"]))
        self.add("many", size, f"{size:,} zones: reload of one, ms", "≤ 10", lambda one: number(one.get("socket_reload_ms", one["reload_ms"]), 1))


def report(state, results, order, mark):
    saved = {}
    for row, size in order:
        path = state / f"{row}-{size}.json"
        if path.exists():
            saved[f"{row}-{size}"] = json.loads(path.read_text())
    if not saved:
        return
    lines = Lines(saved, mark)
    text = lines.write()
    about = servers.versions()
    skipped = {key: why for one in saved.values() for key, why in one["skipped"].items()}
    dates = sorted(one["date"] for one in saved.values())
    commits = sorted({one["versions"]["commit"] for one in saved.values()})
    head = [f"# serve: the answer engine\n\n{dates[0]} to {dates[-1]}, {machine()}.",
            f"Onoma {', '.join(commits)}; " + "; ".join(about[key] for key in ("nsd", "knot") if key in about) + ".",
            "Server on one core, generator on the other; `bench/README.md` tells how each figure is made.",
            *(f"Left out: {servers.NAMES[key]} ({why})." for key, why in skipped.items()),
            "Commands: " + "; ".join(f"`{one}`" for one in sorted({one["command"] for one in saved.values()})) + "."]
    if any(one["program"] != mark for one in saved.values()):
        head.append("Lines with * were measured with another build of Onoma than the last ones.")
    text = "\n".join(head) + "\n\n" + text + "\n"
    results.mkdir(parents=True, exist_ok=True)
    (results / "serve.md").write_text(text)
    (results / "serve.json").write_text(json.dumps({"benchmark": "serve", "machine": machine(), "rows": saved}, indent=1) + "\n")
    print(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="small and short, to see that all works")
    parser.add_argument("--only", action="append", default=[], help="rows, or rows with a size such as udp-1000000")
    parser.add_argument("--size", default="", help="delegations; default 1000000,8000000 (--quick: 100000)")
    parser.add_argument("--again", action="store_true", help="measure also what is saved")
    parser.add_argument("--turns", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=4, help="of each turn")
    parser.add_argument("--servers", default="onoma,nsd,knot")
    parser.add_argument("--onoma-flags", default=os.environ.get("ONOMA_BENCH_FLAGS", ""), help="further arguments of onoma authority")
    parser.add_argument("--onoma-limit-flags", default=os.environ.get("ONOMA_BENCH_LIMIT_FLAGS", "--limit on"),
                        help="the arguments that turn its limiter on, for flood; default: --limit on")
    given = parser.parse_args()
    if os.cpu_count() < 2:
        sys.exit("this needs two cores: one for the server, one for the questions")
    if shutil.which("taskset") is None:
        sys.exit("taskset is not installed (util-linux)")
    sizes = [int(one) for one in (given.size or ("100000" if given.quick else "1000000,8000000")).split(",")]
    only = [one for words in given.only for one in words.split(",")]
    state = SOURCE / "build/bench-serve" / ("quick" if given.quick else "full")
    state.mkdir(parents=True, exist_ok=True)
    results = state if given.quick else pathlib.Path(os.environ.get("ONOMA_RESULTS") or BENCH / "results")
    os.environ["ONOMA_RESULTS"] = str(state)  # for the scripts that rows run
    order = plan(sizes, given.quick)
    known = {row for row, _ in order} | {f"{row}-{size}" for row, size in order}
    if set(only) - known:
        sys.exit(f"no row {', '.join(sorted(set(only) - known))}; there are: {', '.join(sorted(known))}")
    mark = hashlib.sha256(pathlib.Path(program()).read_bytes()).hexdigest()[:16]
    failed = []
    for row, size in order:
        key, path = f"{row}-{size}", state / f"{row}-{size}.json"
        if only and row not in only and key not in only:
            continue
        if path.exists() and not given.again and not only and json.loads(path.read_text())["program"] == mark:
            print(f"== {key}: measured before", flush=True)
            continue
        print(f"== {key}", flush=True)
        run, begun = measures.Run(given), time.monotonic()
        try:
            result = getattr(measures, row)(run, size)
        except Exception as error:  # a row that fails must not take the others with it
            print(f"  FAILED: {error!r}", flush=True)
            failed.append(key)
            continue
        part = path.with_suffix(".part")
        part.write_text(json.dumps({
            "row": key, "date": datetime.datetime.now().isoformat(timespec="minutes"), "program": mark,
            "took_s": round(time.monotonic() - begun), "versions": servers.versions(), "machine": machine(),
            "command": " ".join(["./dev bench serve", *sys.argv[1:]]), "turns": run.turns, "seconds": run.seconds,
            "onoma_flags": run.flags, "onoma_limit_flags": run.limit_flags,
            "skipped": {**run.skipped, **result.pop("skipped", {})}, "result": result}, indent=1) + "\n")
        part.rename(path)
    report(state, results, order, mark)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
