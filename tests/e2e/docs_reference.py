#!/usr/bin/env python3
"""docs/reference is what the program prints of its own tables: `onoma reference PAGE`. With --write, it is written anew."""
import difflib
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from support.lab import SOURCE, Checks, program  # noqa: E402

PAGES = {"settings": "settings.md", "metrics": "metrics.md", "errors": "errors.md", "types": "record-types.md",
         "schemes": "schemes.md", "commands": "commands.md"}
folder = pathlib.Path(SOURCE) / "docs/reference"
checks = Checks()
for page, name in PAGES.items():
    done = subprocess.run([program(), "reference", page], capture_output=True, text=True, check=False, timeout=60)
    checks.that(done.returncode == 0 and done.stdout.startswith("# "), f"the program prints the page {page}", done.stderr)
    path = folder / name
    if "--write" in sys.argv[1:]:
        path.write_text(done.stdout)
    written = path.read_text() if path.exists() else ""
    difference = "\n".join(list(difflib.unified_diff(written.splitlines(), done.stdout.splitlines(), name, "printed",
                                                     lineterm="", n=0))[:20])
    checks.that(written == done.stdout, f"docs/reference/{name} is what the program prints; "
                "`python3 tests/e2e/docs_reference.py --write` repairs it", difference)
known = set(PAGES.values()) | {"README.md"}
strangers = sorted(path.name for path in folder.iterdir() if path.name not in known)
checks.that(not strangers, "docs/reference has only pages that the program prints", strangers)
sys.exit(checks.finish())
