#!/usr/bin/env python3
"""Relative links of the documentation lead to files that are there, and to headings that are there.

  links_test.py [TREE]     check every .md file of the tree (default: ONOMA_SOURCE_DIR, else the one this file lies in)
  links_test.py --self     check the checker
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unicodedata

HERE = pathlib.Path(__file__).resolve().parent
LINK = re.compile(r"(?<!!)\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|!\[[^\]]*\]\(\s*([^)\s]+)\s*\)")
OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def prose(text):
    """(line number, line) outside of code blocks, without code spans."""
    fence = None
    for number, line in enumerate(text.splitlines(), 1):
        mark = re.match(r"\s*(```+|~~~+)", line)
        if mark and fence is None:
            fence = mark.group(1)
        elif mark and line.strip().startswith(fence) and not line.strip().strip(fence[0]):
            fence = None
        elif fence is None:
            yield number, line


def anchor(heading):
    """The name that a heading gets in the usual renderings of Markdown."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    kept = (c for c in text if c in " -_" or unicodedata.category(c)[0] in "LNM")
    return "".join(kept).replace(" ", "-")


def anchors(path):
    found, seen = set(), {}
    for _, line in prose(path.read_text()):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*\s*$", line)
        if heading:
            name = anchor(heading.group(1))
            count = seen.get(name, 0)
            seen[name] = count + 1
            found.add(name if count == 0 else f"{name}-{count}")
        found.update(re.findall(r"<a\s+(?:id|name)=\"([^\"]+)\"", line))
    return found


def pages(tree):
    listed = subprocess.run(["git", "-C", str(tree), "ls-files", "-co", "--exclude-standard", "*.md"], capture_output=True,
                            text=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [tree / name for name in listed.stdout.splitlines() if (tree / name).is_file()]
    return [path for path in sorted(tree.rglob("*.md")) if "build" not in path.relative_to(tree).parts]


def faults(tree):
    for page in pages(tree):
        for number, line in prose(page.read_text()):
            for match in LINK.finditer(re.sub(r"`[^`]*`", "``", line)):
                target = match.group(1) or match.group(2)
                if OUTSIDE.match(target):
                    continue
                place = f"{page.relative_to(tree)}:{number}"
                file, _, fragment = target.partition("#")
                path = (page.parent / file).resolve() if file else page
                if not path.is_relative_to(tree.resolve()):
                    yield f"{place}: {target} leads out of the tree"
                elif not path.exists():
                    yield f"{place}: there is no {target}"
                elif fragment and path.suffix == ".md" and fragment not in anchors(path):
                    yield f"{place}: {file or page.name} has no heading #{fragment}"


def self_check():
    good = {"a.md": "# A b `c`\n[x](sub/b.md#two-words) [self](#a-b-c) [out](https://example.org/)\n```\n[no](nothing.md)\n```\n",
            "sub/b.md": "## Two words\n[up](../a.md) [folder](../sub/) `[code](gone.md)`\n"}
    bad = {"[x](gone.md)": "there is no", "[x](sub/b.md#none)": "has no heading", "[x](../../x.md)": "leads out",
           "![p](p.png)": "there is no", "[x](#none)": "has no heading"}
    for extra, expected in [("", None)] + list(bad.items()):
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            (tree / "sub").mkdir()
            for name, text in good.items():
                (tree / name).write_text(text + (extra + "\n" if name == "a.md" else ""))
            found = list(faults(tree))
            if expected is None and found:
                sys.exit(f"the good tree has faults: {found}")
            if expected is not None and (len(found) != 1 or expected not in found[0]):
                sys.exit(f"{extra}: expected one fault, {expected!r}, found {found}")
    print("the checker finds what it should")


if __name__ == "__main__":
    if sys.argv[1:] == ["--self"]:
        self_check()
        sys.exit(0)
    root = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ONOMA_SOURCE_DIR") or HERE.parents[1])
    wrong = list(faults(root))
    print("\n".join(wrong) if wrong else "all links lead somewhere")
    sys.exit(1 if wrong else 0)
