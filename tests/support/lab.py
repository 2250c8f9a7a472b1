"""The surroundings of a script test: a temporary directory, processes, free ports, checks, and skipping.

A Lab ends what it started and removes what it made, whatever happens: on leaving the `with`, on SIGTERM, and, through
the kernel's parent-death signal, even when the script is killed. One thread uses a Lab.
"""
import ctypes
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

SOURCE = pathlib.Path(os.environ.get("ONOMA_SOURCE_DIR") or pathlib.Path(__file__).resolve().parents[2])
SKIPPED = 77
_libc = ctypes.CDLL(None, use_errno=True)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need(*tools):
    """Skips unless every program is installed; returns their paths."""
    found = {tool: shutil.which(tool) or shutil.which(tool, path="/usr/sbin:/sbin") for tool in tools}
    missing = [tool for tool, path in found.items() if path is None]
    if missing:
        skip(f"{', '.join(missing)} is not installed")
    return found


def program():
    """The onoma under test."""
    given = os.environ.get("ONOMA_PROGRAM")
    if given:
        return os.path.abspath(given)
    for folder in (os.environ.get("ONOMA_BINARY_DIR"), SOURCE / "build/release", SOURCE / "build/debug"):
        if folder and os.access(pathlib.Path(folder) / "onoma", os.X_OK):
            return str(pathlib.Path(folder) / "onoma")
    skip("the program onoma is not built")


def free_port(address="127.0.0.1"):
    """A port free for UDP and TCP, below those the system gives to clients, so that nobody takes it meanwhile."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(1000):
        port = random.SystemRandom().randrange(20000, 32000)
        try:
            with socket.socket(family, socket.SOCK_STREAM) as tcp, socket.socket(family, socket.SOCK_DGRAM) as udp:
                tcp.bind((address, port))
                udp.bind((address, port))
                return port
        except OSError:
            continue
    raise RuntimeError("no free port")


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Process:
    """A child in a session of its own. Its output goes to files in the lab."""

    def __init__(self, name, command, folder, env=None, cwd=None):
        self.name, self.command = name, [str(word) for word in command]
        self.out, self.err = folder / f"{name}.out", folder / f"{name}.err"
        with open(self.out, "ab") as out, open(self.err, "ab") as err:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd=cwd,
                                          start_new_session=True, preexec_fn=_die_with_parent,
                                          env={**os.environ, **(env or {})})

    @property
    def pid(self):
        return self.child.pid

    def running(self):
        return self.child.poll() is None

    def signal(self, number):
        if self.running():
            self.child.send_signal(number)

    def kill(self):
        """kill -9, and waits until it is gone."""
        self.signal(signal.SIGKILL)
        self.child.wait()

    def stop(self, patience_s=20):
        """SIGTERM; the whole session is killed if it does not go. Returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            status = self.child.wait(patience_s)
        except subprocess.TimeoutExpired:
            status = None
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        if status is None:
            self.child.wait()
            print(f"{self.name} did not stop within {patience_s} s of SIGTERM")
        return self.child.returncode

    def errors(self, lines=30):
        return "\n".join(self.err.read_text(errors="replace").splitlines()[-lines:])


class Lab:
    def __init__(self, keep=False):
        self.keep = keep or bool(os.environ.get("ONOMA_KEEP"))
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="onoma-test-"))
        self.processes = []
        self.started = time.monotonic()

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
        return self

    def __exit__(self, kind, value, trace):
        for process in reversed(self.processes):
            process.stop(5)
        if kind is not None and kind is not SystemExit:
            for process in self.processes:
                print(f"--- last messages of {process.name} ---\n{process.errors()}")
        if self.keep:
            print(f"kept: {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name, command, env=None, cwd=None):
        process = Process(name, command, self.folder, env, cwd)
        self.processes.append(process)
        return process

    def run(self, command, timeout_s=120, cwd=None, env=None, input=None):
        """A command that ends by itself: (status, stdout, stderr) as text."""
        done = subprocess.run([str(word) for word in command], cwd=cwd or self.folder, timeout=timeout_s, check=False,
                              env={**os.environ, **(env or {})}, input=input, capture_output=True, text=True,
                              errors="replace", preexec_fn=_die_with_parent,
                              **({} if input is not None else {"stdin": subprocess.DEVNULL}))
        return done.returncode, done.stdout, done.stderr


def wait_for(condition, timeout_s=10.0, what="a condition"):
    """Polls until condition() is true, and returns what it returned."""
    end = time.monotonic() + timeout_s
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not come true within {timeout_s} s")
        time.sleep(0.005)


class Checks:
    """Counts what holds and what does not; a script ends with `sys.exit(checks.finish())`."""

    def __init__(self, show=False):
        self.good = self.bad = 0
        self.show = show or bool(os.environ.get("ONOMA_VERBOSE"))

    def that(self, condition, what, detail=""):
        if condition:
            self.good += 1
            if self.show:
                print(f"ok: {what}")
        else:
            self.bad += 1
            detail = str(detail)
            print(f"FAILED: {what}" + (f"\n    {detail[:2000]}" if detail else ""))
        sys.stdout.flush()
        return bool(condition)

    def equal(self, got, expected, what):
        return self.that(got == expected, what, f"got {got!r}, expected {expected!r}")

    def part(self, function, *arguments):
        """Calls a part of the script; an exception fails the script but not what follows."""
        try:
            function(*arguments)
        except Exception:
            self.that(False, f"{function.__name__} runs to its end", traceback.format_exc())

    def finish(self):
        print(f"{self.good} checks passed, {self.bad} failed")
        return 1 if self.bad or not self.good else 0
