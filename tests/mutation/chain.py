#!/usr/bin/env python3
"""Mutants of the signer's chain code against the gate. One line of src/sign/chain.cc at a time is bent in a copy (a
comparison turned round, a condition negated, a statement left out); a program that signs random histories and has the
gate check each version is linked against it. The gate must refuse a version, the signer must refuse to go on, or the
program must end badly: a mutant that nobody notices fails the test, unless it is known to mean the same.

    chain.py [--jobs N] [--list] [--only LINE]
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ.get("ONOMA_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
BUILD = pathlib.Path(os.environ.get("ONOMA_BINARY_DIR") or SOURCE / "build/debug")
CODE = SOURCE / "src/sign/chain.cc"
PROGRAM = "unit_gate"
FILTER = "--gtest_filter=*RandomHistoryPasses*"

SWAPS = [(r"==", "!="), (r"!=", "=="), (r"&&", "||"), (r"\|\|", "&&"), (r"\btrue\b", "false"), (r"\bfalse\b", "true"),
         (r" < ", " >= "), (r" - 1U", " - 0U"), (r"\+\+index", "index"), (r"index % ", "(index + 1) % "),
         (r"\.next\b(?! =)", ".key")]
# Lines whose mutants mean the same, or guard against what a sound chain never has. Parts of lines, and why.
SAME = {
    "broken()": "the version before is sound: nothing of it is ever broken",
    "set->size() != 1": "the version before is sound",
    "nsec3->next_hash.size()": "the version before is sound",
    "if (!moved) continue;": "more records are looked at, and come out as they were",
}


def mutants(text):
    """(line number, what was done, whole text)"""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        code = line.split("//")[0]
        if not code.strip() or code.lstrip().startswith(("#", "namespace", "using")):
            continue
        new = []
        for pattern, by in SWAPS:
            for match in re.finditer(pattern, code):
                new.append((f"{match[0].strip()} -> {by.strip()}", code[:match.start()] + by + code[match.end():]))
        match = re.search(r"\bif \((.*)\)( \{| return.*| continue;|)$", code.rstrip())
        if match:
            new.append(("condition negated", code[:match.start(1)] + "!(" + match[1] + ")" + code.rstrip()[match.end(1):]))
        stripped = code.strip()
        if stripped.endswith(";") and re.match(r"(entry|record|index|links|chain|added|entries_|lower|\*octet|if \(!moved\))", stripped) \
                and "=" in stripped + "=":
            new.append(("left out", code[:len(code) - len(code.lstrip())] + ";"))
        for what, changed in new:
            yield number + 1, what, "\n".join(lines[:number] + [changed] + lines[number + 1:])


def commands():
    """(how chain.cc is compiled, how the program is linked), as the build does it."""
    out = subprocess.run(["ninja", "-C", str(BUILD), "-t", "commands", PROGRAM], capture_output=True, text=True, check=True)
    lines = out.stdout.splitlines()
    compile_line = next(line for line in lines if line.endswith(("/src/sign/chain.cc", " src/sign/chain.cc")))
    link_line = next(line for line in reversed(lines) if f"-o {PROGRAM} " in line)
    return compile_line, link_line


def try_mutant(mutant, compile_line, link_line, folder):
    number, what, text = mutant
    with tempfile.TemporaryDirectory(dir=folder) as at:
        at = pathlib.Path(at)
        (at / "chain.cc").write_text(text)
        words = shlex.split(compile_line)
        words = words[next(i for i, word in enumerate(words) if re.search(r"(g\+\+|clang\+\+)[-0-9]*$", word)):]
        words[words.index("-o") + 1] = str(at / "chain.o")
        words[words.index("-c") + 1] = str(at / "chain.cc")
        for option in ("-MT", "-MF"):
            if option in words:
                words[words.index(option) + 1] = str(at / "chain.d")
        words += ["-O0", "-g0", "-w", f"-I{SOURCE / 'src'}"]
        if subprocess.run(words, cwd=BUILD, capture_output=True, check=False).returncode != 0:
            return number, what, "does not compile"
        program = at / "program"
        link = link_line.replace(f"-o {PROGRAM} ", f"-o {program} {at / 'chain.o'} ", 1)
        linked = subprocess.run(link, shell=True, cwd=BUILD, capture_output=True, text=True, check=False)
        if linked.returncode != 0:
            raise RuntimeError(f"cannot link: {linked.stderr[-2000:]}")
        try:
            done = subprocess.run([str(program), FILTER, "--gtest_brief=1"], capture_output=True, text=True, timeout=60,
                                  check=False, errors="replace", env={**os.environ, "GTEST_OUTPUT": ""})
        except subprocess.TimeoutExpired:
            return number, what, "does not end"
        if done.returncode == 0:
            return number, what, "unnoticed"
        if done.returncode < 0 or "FAILED" not in done.stdout:
            return number, what, "crashes"
        return number, what, "gate" if "FATAL" in done.stdout else "signer"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    text = CODE.read_text()
    lines = text.split("\n")
    todo = [one for one in mutants(text) if given.only in (None, one[0])]
    if given.list:
        for number, what, _ in todo:
            print(f"{number}: {what}: {lines[number - 1].strip()}")
        return 0
    compile_line, link_line = commands()
    fates = {}
    unexpected = []
    with tempfile.TemporaryDirectory(prefix="onoma-mutants-") as folder, concurrent.futures.ThreadPoolExecutor(given.jobs) as pool:
        sound = try_mutant((0, "none", text), compile_line, link_line, folder)
        if sound[2] != "unnoticed":
            print(f"the code as it is does not pass: {sound[2]}")
            return 1
        for number, what, fate in pool.map(lambda one: try_mutant(one, compile_line, link_line, folder), todo):
            line = lines[number - 1].strip()
            fates[fate] = fates.get(fate, 0) + 1
            if fate == "unnoticed":
                reason = next((why for part, why in SAME.items() if part in line), None)
                print(f"UNNOTICED chain.cc:{number} {what}: {line}{'  (known: ' + reason + ')' if reason else ''}", flush=True)
                if reason is None:
                    unexpected.append(number)
            elif given.only:
                print(f"{fate}: chain.cc:{number} {what}: {line}")
    print(", ".join(f"{count} {fate}" for fate, count in sorted(fates.items())))
    if not fates.get("gate"):
        print("the gate noticed nothing: this test does not test it")
        return 1
    if unexpected:
        print(f"FAILED: {len(unexpected)} mutants went unnoticed")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
