#!/usr/bin/env python3
"""Checks the house rules that a compiler cannot: who includes whom, and how files look. The rules stand in rooms.txt.

  tidy_test.py [TREE]      check the tree (default: ONOMA_SOURCE_DIR, else the one this file lies in)
  tidy_test.py --self      check the checker: small trees with one fault each, which must be found

Exit status 1 and one line per fault, "file:line: what is wrong, and what to do".
"""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
ROOM_CALL = re.compile(r"^\s*onoma_room\s*\(([^)]*)\)", re.MULTILINE)
CODE = {".cc", ".h", ".inc"}
TEXT = CODE | {".txt", ".md", ".py", ".sh", ".cmake", ".sql", ".js", ".css", ".html", ".toml", ".json", ".yml", ".xml"}
# Written so that this file does not contain the words it looks for.
WORDS = re.compile(r"\b(%s)\b" % "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]))
MACHINE_PATH = re.compile(r"(?<![\w.:/$}-])/(%s)/\w" % "|".join(["work", "ro" + "ot", "home/[a-z]+", "Users/[A-Za-z]+"]))


class Rules:
    """rooms.txt, read. A line that cannot be read ends the program: a rule must not be lost silently."""

    def __init__(self, text):
        self.lets, self.rooms, self.only, self.libraries = {}, {}, {}, {}
        self.doors, self.banned, self.limits, self.system = set(), {}, {}, []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#", 1)[0].strip()
            if not line:
                continue
            word, _, rest = line.partition(" ")
            columns = [column.strip() for column in rest.split("|")]
            try:
                self.take(word, rest, columns)
            except (KeyError, ValueError, IndexError) as error:
                sys.exit(f"rooms.txt:{number}: cannot read this line ({error})")
        for room, (may, libraries, _) in self.rooms.items():
            for other in may:
                if other not in self.rooms:
                    sys.exit(f"rooms.txt: {room} may include {other}, which is no room")
            for library in libraries:
                if library not in self.libraries:
                    sys.exit(f"rooms.txt: {room} may use {library}, which is no library")

    def take(self, word, rest, columns):
        if word == "let":
            name, _, value = rest.partition("=")
            self.lets[name.strip()] = value.split()
        elif word == "room":
            name, may, libraries, never = (columns + [""])[:4]
            self.rooms[name] = (self.expand(may), self.expand(libraries), self.expand(never))
        elif word == "only":
            room, other = columns[0].split()
            self.only[room, other] = set(columns[1].split())
        elif word == "doors":
            self.doors.update(rest.split())
        elif word == "library":
            self.libraries[columns[0]] = columns[1].split()
        elif word == "system":
            self.system = columns[1].split()
        elif word == "ban":
            self.banned[columns[0]] = columns[1]
        elif word == "limit":
            name, value = rest.split()
            self.limits[name] = int(value)
        else:
            raise ValueError(f"no rule is called {word}")

    def expand(self, column):
        found = []
        for word in column.split():
            found += self.lets[word[1:]] if word.startswith("$") else [word]
        return found

    def library_of(self, header):
        """The library a <header> belongs to; "" for the language and the system, None if unknown."""
        for library, places in self.libraries.items():
            if matches(header, places):
                return library
        if re.fullmatch(r"[a-z_0-9]+", header) or matches(header, self.system):
            return ""
        return None


def matches(header, places):
    """A place is a whole header, or the beginning of one if it holds a slash."""
    return any(header == place or ("/" in place and header.startswith(place)) for place in places)


def tree_files(tree):
    """Files that belong to the tree, relative: those git knows or would take; without git, all but build/."""
    git = ["git", "-c", f"safe.directory={tree}", "-C", str(tree), "ls-files", "-co", "--exclude-standard", "-z"]
    if (tree / ".git").exists():
        done = subprocess.run(git, capture_output=True, check=False)
        if done.returncode == 0:
            names = [name for name in done.stdout.decode().split("\0") if name]
            return sorted(pathlib.Path(name) for name in set(names) if (tree / name).is_file())
    return sorted(path.relative_to(tree) for path in tree.rglob("*")
                  if path.is_file() and not {"build", ".git", "__pycache__"} & set(path.relative_to(tree).parts))


def without_comments_and_texts(source):
    """The same lines, with comments and quoted texts blanked. Raw strings are blanked too."""
    pattern = re.compile(r'R"(\w*)\(.*?\)\1"|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])\'', re.DOTALL)
    return pattern.sub(lambda found: "\n" * found.group().count("\n"), source)


class Tree:
    def __init__(self, tree, rules):
        self.tree, self.rules, self.faults = tree, rules, []
        self.files = tree_files(tree)
        self.deps = {}      # room -> rooms its CMakeLists.txt names
        self.included = {}  # room -> {room: where first}

    def fault(self, file, line, text):
        self.faults.append(f"{file}:{line}: {text}")

    def check(self):
        rooms = {file.parts[1] for file in self.files if file.parts[0] == "src" and len(file.parts) > 2}
        for room in sorted(rooms):
            if room not in self.rules.rooms:
                self.fault(f"src/{room}", 1, "this room is not in tests/tidy/rooms.txt; add its line")
            self.readme(room)
        for file in self.files:
            if file.suffix not in TEXT and file.name not in ("dev", "run", "README", "CMakeLists.txt"):
                continue
            try:
                text = (self.tree / file).read_text(encoding="utf-8")
            except UnicodeDecodeError:
                if file.suffix in CODE:
                    self.fault(file, 1, "is not UTF-8; write octets as escapes")
                continue
            self.words(file, text)
            if file.parts[0] != "src" or len(file.parts) < 3 or file.parts[1] not in self.rules.rooms:
                continue
            self.length(file, text)
            if file.name == "CMakeLists.txt":
                self.cmake(file, text)
            if file.suffix in CODE:
                self.includes(file, text)
                self.banned_calls(file, text)
                if file.suffix == ".h" and "#pragma once" not in text:
                    self.fault(file, 1, "a header begins with #pragma once")
        self.deps_cover_includes()
        return self.faults

    def readme(self, room):
        path = self.tree / "src" / room / "README.md"
        limit = self.rules.limits["readme"]
        if not path.is_file():
            self.fault(f"src/{room}", 1, f"has no README.md of at most {limit} lines")
        elif len(path.read_text(encoding="utf-8").splitlines()) > limit:
            self.fault(f"src/{room}/README.md", limit + 1, f"is longer than {limit} lines; move detail to the headers")

    def words(self, file, text):
        if file.parts[:3] == ("tests", "fuzz", "seeds"):
            return
        for number, line in enumerate(text.splitlines(), 1):
            if found := WORDS.search(line):
                self.fault(file, number, f"\"{found.group()}\": do it, or say in the room's README what is missing")
            if found := MACHINE_PATH.search(line):
                self.fault(file, number, f"\"{found.group()}...\" is a path of one machine")

    def length(self, file, text):
        limit = self.rules.limits["source"]
        lines = text.count("\n")
        if lines > limit:
            self.fault(file, limit + 1, f"has {lines} lines, more than {limit}; split it by what it does")

    def includes(self, file, text):
        room = file.parts[1]
        may, libraries, never = self.rules.rooms[room]
        for number, line in enumerate(text.splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            kind, header = found.groups()
            other = header.split("/")[0]
            if kind == '"':
                if not (self.tree / "src" / header).is_file():
                    self.fault(file, number, f"\"{header}\" is not in src/; quote headers of src/ by their full path")
                elif other == room:
                    self.door(file, number, header)
                elif other not in may:
                    self.fault(file, number, f"{room} may not include {other} (\"{header}\"); see tests/tidy/rooms.txt")
                else:
                    self.included.setdefault(room, {}).setdefault(other, f"{file}:{number}")
                    only = self.rules.only.get((room, other))
                    if only is not None and header.partition("/")[2] not in only:
                        self.fault(file, number, f"of {other}, {room} may include only {' '.join(sorted(only))}")
                continue
            if matches(header, never):
                self.fault(file, number, f"{room} has no threads, sockets or clock: <{header}> belongs to os or a stage")
            library = self.rules.library_of(header)
            if library is None:
                self.fault(file, number, f"<{header}> is of no library in tests/tidy/rooms.txt; add it there")
            elif library and library not in libraries:
                self.fault(file, number, f"{room} may not use {library} (<{header}>); see tests/tidy/rooms.txt")
            elif library and file.suffix != ".cc":
                self.fault(file, number, f"<{header}>: headers of libraries are included in .cc files only")

    def door(self, file, number, header):
        room = file.parts[1]
        mine, theirs = file.parts[2:-1], tuple(header.split("/")[1:-1])
        if room in self.rules.doors and mine and theirs and mine[0] != theirs[0]:
            self.fault(file, number, f"{room}/{mine[0]} may not include another door ({room}/{theirs[0]})")

    def banned_calls(self, file, text):
        if not self.rules.banned:
            return
        pattern = re.compile(r"(?<![\w.>~])(?:std::|::)?(%s)\s*\(" % "|".join(self.rules.banned))
        for number, line in enumerate(without_comments_and_texts(text).splitlines(), 1):
            for found in pattern.finditer(line):
                name = found.group(1)
                self.fault(file, number, f"{name} is banned; use {self.rules.banned[name]}")

    def cmake(self, file, text):
        room = file.parts[1]
        text = re.sub(r"#[^\n]*", "", text)
        for call in ROOM_CALL.finditer(text):
            words = call.group(1).split()
            number = text[:call.start()].count("\n") + 1
            if len(file.parts) == 3 and words[0] != room:
                self.fault(file, number, f"the room in src/{room} is called {room}, not {words[0]}")
            keyword, deps = "", self.deps.setdefault(room, set())
            for word in words[1:]:
                if word in ("DEPS", "LIBS"):
                    keyword = word
                elif keyword == "DEPS":
                    # A door's library may be named front_<door>.
                    other = word if word in self.rules.rooms else word.split("_")[0]
                    if other == room:
                        continue
                    deps.add(other)
                    if other not in self.rules.rooms[room][0]:
                        self.fault(file, number, f"{room} may not depend on {word}; see tests/tidy/rooms.txt")

    def deps_cover_includes(self):
        """Rooms hand their dependencies on, so an include must be reachable through DEPS."""
        for room, others in self.included.items():
            reached, waiting = set(), [room]
            while waiting:
                for dep in self.deps.get(waiting.pop(), ()):
                    if dep not in reached:
                        reached.add(dep)
                        waiting.append(dep)
            for other, where in others.items():
                if room in self.deps and other not in reached:
                    self.fault(f"src/{room}/CMakeLists.txt", 1, f"DEPS lacks {other}, which {where} includes")


def check_tree(tree, rules):
    return Tree(tree, rules).check()


# ---- the checker checked ----
GOOD = {
    "src/base/README.md": "# base\n",
    "src/base/CMakeLists.txt": "onoma_room(base)\n",
    "src/base/a.h": "#pragma once\n#include <string>\n#include <sys/types.h>\n",
    "src/wire/README.md": "# wire\n",
    "src/wire/CMakeLists.txt": "onoma_room(wire DEPS base)\n",
    "src/wire/name.h": '#pragma once\n#include "base/a.h"\n',
    "src/wire/message.h": '#pragma once\n#include "wire/name.h"\n',
    "src/wire/name.cc": '#include "wire/name.h"\n#include <fmt/format.h>\n// rand() and localtime() are not for us\n',
    "src/gate/README.md": "# gate\n",
    "src/gate/CMakeLists.txt": "onoma_room(gate\n  DEPS base wire # names only\n  LIBS x)\n",
    "src/gate/gate.cc": '#include "wire/name.h"\nint f(A a) { return a.rand(); }\nauto text = R"(rand())";\n',
    "src/front/README.md": "# front\n",
    "src/front/CMakeLists.txt": "onoma_room(front DEPS gate)\n",
    "src/front/door.h": "#pragma once\n",
    "src/front/dns/dns.h": '#pragma once\n#include "front/door.h"\n',
    "src/front/epp/epp.cc": '#include "front/door.h"\n#include "wire/name.h"\n#include <boost/asio.hpp>\n',
    "docs/a.md": "See https://example.test/wo" + "rk/notes, /rdap/domain/x and XX" + "XXXX.\n",
}
# (file, content, part of the message)
FAULTS = [
    ("src/base/bad.cc", '#include "wire/name.h"\n', "base may not include wire"),
    ("src/wire/bad.cc", '#include "gate/gate.h"\n', "is not in src/"),
    ("src/wire/bad.cc", "  # include <openssl/evp.h>\n", "wire may not use openssl"),
    ("src/wire/bad.cc", "#include <mutex>\n", "wire has no threads"),
    ("src/wire/bad.cc", "#include <sys/socket.h>\n", "wire has no threads"),
    ("src/wire/bad.h", "#pragma once\n#include <fmt/core.h>\n", ".cc files only"),
    ("src/wire/bad.h", "#include <string>\n", "#pragma once"),
    ("src/wire/bad.cc", "#include <strange/thing.hpp>\n", "of no library"),
    ("src/wire/bad.cc", "\n" * 601, "more than 600"),
    ("src/wire/bad.cc", "int x = std::rand();\n", "rand is banned"),
    ("src/wire/bad.cc", "// TO" + "DO later\n", "do it"),
    ("src/wire/bad.cc", "auto x = 1; // see /ro" + "ot/notes\n", "path of one machine"),
    ("docs/bad.md", "in /home" + "/ann/onoma\n", "path of one machine"),
    ("src/gate/bad.cc", '#include "wire/message.h"\n', "may include only"),
    ("src/front/epp/bad.cc", '#include "front/dns/dns.h"\n', "may not include another door"),
    ("src/wire/README.md", "line\n" * 41, "longer than 40"),
    ("src/wire/README.md", None, "has no README.md"),
    ("src/wire/CMakeLists.txt", "onoma_room(wire DEPS base gate)\n", "wire may not depend on gate"),
    ("src/wire/CMakeLists.txt", "onoma_room(wire)\n", "DEPS lacks base"),
    ("src/wire/CMakeLists.txt", "onoma_room(wires DEPS base)\n", "is called wire"),
    ("src/attic/a.cc", "\n", "not in tests/tidy/rooms.txt"),
]


def write_tree(tree, files):
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def self_test(rules):
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder)
        write_tree(tree, GOOD)
        wrong += [f"a good tree: {fault}" for fault in check_tree(tree, rules)]
    for name, text, expected in FAULTS:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            write_tree(tree, {k: v for k, v in GOOD.items() if k != name})
            if text is not None:
                write_tree(tree, {name: text})
            found = check_tree(tree, rules)
            if not any(expected in fault for fault in found):
                wrong.append(f"{name} with {text!r}: expected \"{expected}\", found {found}")
    return wrong


def main():
    rules = Rules((HERE / "rooms.txt").read_text(encoding="utf-8"))
    if sys.argv[1:] == ["--self"]:
        faults = self_test(rules)
    else:
        tree = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("ONOMA_SOURCE_DIR") or HERE.parent.parent
        faults = check_tree(pathlib.Path(tree).resolve(), rules)
    print("\n".join(faults) or "nothing to complain about")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
