#!/usr/bin/env python3
"""What newcomers read, typed as it stands: the hints that `onoma serve --demo` prints, and the first block of commands of
each README. Default ports, in a network namespace of its own, where nothing else listens.
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

OURS = re.compile(r"^(\./)?(build/release/)?onoma |^dig |^curl ")
checks = Checks()


def commands_of(text):
    """Commands of the first fenced block that has some; what follows `$ ` or stands alone. Servers are left out."""
    for block in re.findall(r"```\w*\n(.*?)```", text, re.DOTALL):
        lines = [line.strip().removeprefix("$ ") for line in block.splitlines()]
        found = [line for line in lines if OURS.match(line)]
        if len(found) > 1:
            return [line for line in found if " serve" not in line and " watch" not in line]
    return []


def type_all(title, commands):
    """A fresh server and directory for each set of commands, since they create things."""
    with Lab() as lab:
        release = lab.folder / "build/release"
        release.mkdir(parents=True)
        (release / "onoma").symlink_to(program())
        server = lab.start("serve", ["build/release/onoma", "serve", "--demo"], cwd=lab.folder)
        wait_for(lambda: server.out.read_text().startswith("ready ") or not server.running(), 30, "the ready line")
        if not commands:
            wait_for(lambda: "Ctrl-C" in server.err.read_text(), 5, "the hints")
            commands = [line.strip() for line in server.err.read_text().splitlines() if OURS.match(line.strip())]
            checks.that(len(commands) >= 5, f"{title}: there are hints", server.err.read_text())
        for command in commands:
            path = f"{release}:{os.environ['PATH']}"
            status, out, err = lab.run(["bash", "-c", command], 30, env={"PATH": path})
            checks.that(status == 0 and out.strip(), f"{title}: {command}", f"status {status}\n{out}{err}")
            if command.startswith("dig"):
                checks.that("status: NOERROR" in out or "+short" in command, f"{title}: NOERROR for {command}", out)
            if command.startswith("curl"):
                checks.that('"code"' not in out, f"{title}: no problem document from {command}", out)


type_all("hints", [])
for name in ("README.md", "README.zh-CN.md"):
    path = pathlib.Path(SOURCE) / name
    if path.exists():
        commands = commands_of(path.read_text())
        checks.that(commands, f"{name} has commands to type")
        if commands:
            type_all(name, commands)
sys.exit(checks.finish())
