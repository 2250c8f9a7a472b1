#!/usr/bin/env python3
"""The tutorial, typed as it stands: every line behind `$ ` of docs/start/first-name.md and of its Chinese twin, in order,
against a fresh `onoma serve --demo` on the default ports, in a network namespace of its own. Then the restart it tells of.
"""
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.lab import SOURCE, Checks, Lab, need, program, skip, wait_for  # noqa: E402

need("unshare", "ip", "dig", "curl")
if "ONOMA_IN_NAMESPACE" not in os.environ:
    onoma = program()
    unshare = ["unshare", "-n"] if os.geteuid() == 0 else ["unshare", "-rn"]
    if subprocess.run(unshare + ["true"], check=False, capture_output=True).returncode != 0:
        skip("this system does not let us make a network namespace")
    os.execvpe("unshare", unshare + [sys.executable, "-B", os.path.abspath(__file__)],
               {**os.environ, "ONOMA_IN_NAMESPACE": "1", "ONOMA_PROGRAM": os.path.abspath(onoma)})
subprocess.run(["ip", "link", "set", "lo", "up"], check=True)

checks = Checks()


def blocks(text):
    """(command, the lines shown below it) of all code blocks."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        shown = None
        for line in block.splitlines():
            if line.startswith("$ "):
                if shown is not None:
                    yield shown
                shown = (line[2:], [])
            elif shown is not None:
                shown[1].append(line)
        if shown is not None:
            yield shown


def words(line):
    """What must be the same again: no times, serials, hashes, keys and signatures, and nothing behind a gap."""
    return re.sub(r"\d+(\.\d+)?|[0-9a-v]{32}", "#", line.partition("…")[0]).split()[:3]


def start(lab, name, *options):
    server = lab.start(name, [program(), "serve", *options], cwd=lab.folder)
    wait_for(lambda: server.out.read_text().startswith("ready ") or not server.running(), 30, "the ready line")
    return server


def type_page(page):
    text = page.read_text()
    with Lab() as lab:
        (lab.folder / "bin").mkdir()
        (lab.folder / "bin/onoma").symlink_to(os.path.abspath(program()))
        path = {"PATH": f"{lab.folder / 'bin'}:{os.environ['PATH']}"}
        server = start(lab, "serve", "--demo")
        checks.that(server.out.read_text().strip() in text, f"{page.name}: the ready line is the one shown", server.out.read_text())
        commands = list(blocks(text))
        checks.that(len(commands) >= 8, f"{page.name} has commands to type", commands)
        for command, shown in commands:
            status, out, err = lab.run(["bash", "-c", command], 30, env=path)
            checks.that(status == 0, f"{page.name}: {command}", f"status {status}\n{out}{err}")
            printed = [words(line) for line in out.splitlines()]
            missing = [line for line in shown if words(line) and words(line) not in printed
                       and not line.startswith(("o738", "  e6s5", ";; ->>"))]
            checks.that(not missing, f"{page.name}: {command} prints what is shown", (missing, out))
        checks.equal(server.stop(), 0, f"{page.name}: the server stops with status 0")
        server = start(lab, "again")
        status, out, err = lab.run([program(), "resolve", "doi:10.1000/hello"], 30)
        checks.that(status == 0 and "https://www.example.net/" in out, f"{page.name}: the identifier is there after a restart", out + err)
        there = sorted(entry.name for entry in (lab.folder / "onoma-data").iterdir())
        unknown = [name for name in there if name.removesuffix("-wal").removesuffix("-shm").removesuffix(".lock") not in text]
        checks.that(not unknown, f"{page.name}: the files of the data directory are explained", unknown)
        checks.equal(server.stop(), 0, f"{page.name}: it stops with status 0")


for name in ("docs/start/first-name.md", "docs/zh/first-name.md"):
    type_page(pathlib.Path(SOURCE) / name)
sys.exit(checks.finish())
