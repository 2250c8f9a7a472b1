"""What the macro benchmarks share: the lab of the tests, a line about the machine, results as JSON and as a table."""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parents[1]
SOURCE = BENCH.parent
sys.path.insert(0, str(SOURCE / "tests"))
sys.path.insert(0, str(BENCH))
if "ONOMA_PROGRAM" not in os.environ and "ONOMA_BINARY_DIR" not in os.environ:
    for preset in ("bench", "release", "debug"):
        if (SOURCE / "build" / preset / "onoma").exists():
            os.environ["ONOMA_PROGRAM"] = str(SOURCE / "build" / preset / "onoma")
            break


def machine():
    model = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    memory = next(int(line.split()[1]) // 1024 // 1024 for line in open("/proc/meminfo") if line.startswith("MemTotal"))
    return f"{model}, {os.cpu_count()} cores, {memory} GB, Linux {platform.release()}"


def version(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().splitlines()[0] if done.stdout + done.stderr else "?"


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def median(values):
    return percentile(values, 0.5)


def table(head, rows):
    lines = ["| " + " | ".join(map(str, head)) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def save(name, document, text):
    """Prints the table; writes NAME.json and NAME.md into bench/results, or the folder of ONOMA_RESULTS."""
    folder = pathlib.Path(os.environ.get("ONOMA_RESULTS") or BENCH / "results")
    folder.mkdir(parents=True, exist_ok=True)
    command = " ".join([f"bench/macro/{pathlib.Path(sys.argv[0]).name}", *sys.argv[1:]])
    build = pathlib.Path(os.environ.get("ONOMA_PROGRAM", "?")).parent.name
    document = {"benchmark": name, "date": datetime.date.today().isoformat(), "command": command, "build": build,
                "machine": machine(), **document}
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    heading = f"# {name}\n\n{document['date']}, build {build}, {document['machine']}.\n`{command}`\n\n"
    (folder / f"{name}.md").write_text(heading + text + "\n")
    print(heading + text)


class Cpu:
    """User and system time of processes, in seconds, in steps of 10 ms."""

    def __init__(self, pids):
        self.pids = pids

    def seconds(self):
        total = 0
        for pid in self.pids:
            try:
                words = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                total += int(words[11]) + int(words[12])
            except OSError:
                pass
        return total / os.sysconf("SC_CLK_TCK")


def proportional_set(pids):
    """Resident memory in octets, pages that several processes share counted once."""
    total = 0
    for pid in pids:
        try:
            for line in open(f"/proc/{pid}/smaps_rollup"):
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        except OSError:
            pass
    return total
