"""Tests of combiners, and of who judges liveness: whether the writer of a file lives.

Rule 1: this is asked of real processes and locks; those are the kit's own, and end with the test.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout, system
from . import _files
from ._case import Case, Cases, NotApplicable
from ._directories import CLOSED, expect_totals, file, file1, gauges, hits, local, polled, put
from ._locks import take
from ._program import Failure, Program, shown
from ._reading import expect, field
from ._scenarios import After, family, plain

_PROBES = 300


class There(NamedTuple):
    """A process, and what a writer in it would say of itself."""

    said: dict[str, Any]
    child: subprocess.Popen[bytes] | None = None

    def end(self) -> None:
        """Let the child end, and wait for it."""
        assert self.child is not None
        self.child.kill()
        self.child.wait()


class _Lives(NamedTuple):
    """What a header says of its writer, who locks the file, and what that means.

    Attributes:
        process: ``"here"`` for the kit's own, ``"gone"``, ``"zombie"``, ``"threads"`` for one whose first thread alone
            has ended, ``"named"`` for one of a name that is hard to read.
        header: what it says otherwise than the truth.
        features: the compatible ones.
        lock: ``"write"``, ``"read"``, ``"part"`` for an exclusive one on a few bytes, ``"record"`` for a process's.
        expected: what may be said.
        local: it is about file systems of this machine.
    """

    name: str
    rules: tuple[str, ...]
    expected: Sequence[str]
    process: str = "here"
    header: Mapping[str, Any] = {}
    features: Sequence[str] = ()
    lock: str = ""
    local: bool = False


_OTHER_BOOT = {"boot_id": bytes(range(16))}
_NO_BOOT = {"boot_id": bytes(16)}
_OTHER_SPACE = {"pid_namespace": 1}
_NO_SPACE = {"pid_namespace": 0}
_OTHER_START = {"process_start": 1}
_NO_START = {"process_start": 0}
_LIVES = [
    _Lives("alive", ("V2-L4",), ["live"]),
    _Lives("alive-without-a-lock", ("V2-L4",), ["live"], features=["no lock"]),
    _Lives("alive-and-locked", ("V2-L4",), ["live"], lock="write"),
    _Lives("alive-and-of-a-strange-name", ("V2-L4",), ["live"], "named"),
    _Lives("closed", ("V2-L2",), ["closed"], header={"state": 2}),
    _Lives("closed-and-locked", ("V2-L2",), ["closed"], header={"state": 2}, lock="write"),
    _Lives("gone", ("V2-L3",), ["dead"], "gone"),
    _Lives("gone-without-a-lock", ("V2-L3",), ["dead"], "gone", features=["no lock"]),
    _Lives("gone-and-locked", ("V2-L3",), ["dead"], "gone", lock="write"),
    _Lives("gone-and-of-unknown-start", ("V2-L3",), ["dead"], "gone", _NO_START),
    _Lives("zombie", ("V2-L3",), ["dead"], "zombie"),
    _Lives("zombie-and-locked", ("V2-L3",), ["dead"], "zombie", lock="write"),
    _Lives("zombie-with-threads", ("V2-L3", "V2-L4"), ["live"], "threads"),
    _Lives("another-start", ("V2-L3",), ["dead"], header=_OTHER_START),
    _Lives("another-start-and-locked", ("V2-L3",), ["dead"], header=_OTHER_START, lock="write"),
    _Lives("another-namespace", ("V2-L3",), ["dead"], header=_OTHER_SPACE, local=True),
    _Lives("another-namespace-and-gone", ("V2-L3",), ["dead"], "gone", _OTHER_SPACE, local=True),
    _Lives("another-namespace-read-lock", ("V2-L1",), ["dead"], header=_OTHER_SPACE, lock="read", local=True),
    _Lives("another-namespace-and-locked", ("V2-L4",), ["live"], header=_OTHER_SPACE, lock="write"),
    _Lives("another-namespace-gone-and-locked", ("V2-L4",), ["live"], "gone", _OTHER_SPACE, lock="write"),
    _Lives("another-namespace-without-a-lock", ("V2-L3", "V2-L5"), ["unknown"], "gone", _OTHER_SPACE, ["no lock"]),
    _Lives("another-namespace-record-lock", ("V2-L3", "V2-L5"), ["unknown"], "gone", _OTHER_SPACE, ["record lock"]),
    _Lives(
        "another-namespace-record-lock-held",
        ("V2-L1", "V2-L4"),
        ["live"],
        "gone",
        _OTHER_SPACE,
        ["record lock"],
        "record",
    ),
    _Lives("another-boot", ("V2-L3",), ["dead"], header=_OTHER_BOOT, local=True),
    _Lives("another-boot-without-a-lock", ("V2-L3",), ["dead"], header=_OTHER_BOOT, features=["no lock"], local=True),
    _Lives("unknown-boot", ("V2-L5",), ["unknown"], "gone", _NO_BOOT),
    _Lives("unknown-boot-and-locked", ("V2-L4",), ["live"], "gone", _NO_BOOT, lock="write"),
    _Lives("unknown-boot-read-lock", ("V2-L1",), ["unknown"], "gone", _NO_BOOT, lock="read"),
    _Lives("unknown-boot-part-locked", ("V2-L1", "V2-L4"), ["live"], "gone", _NO_BOOT, lock="part"),
    _Lives("unknown-namespace", ("V2-L5",), ["unknown"], "gone", _NO_SPACE),
    _Lives("unknown-namespace-and-locked", ("V2-L4",), ["live"], "gone", _NO_SPACE, lock="write"),
    _Lives("unknown-start", ("V2-L5",), ["unknown"], header=_NO_START),
    _Lives("unknown-start-and-locked", ("V2-L4",), ["live"], header=_NO_START, lock="write"),
    # A process id that is cut down is another's, and -1 is everybody's.
    _Lives("largest-process-id", ("V2-L3",), ["dead", "unknown"], header={"pid": 2**64 - 1}),
    _Lives("process-id-beyond-32-bits", ("V2-L3",), ["dead", "unknown"], header={"pid": 2**32 + os.getpid()}),
]


def _lives(one: _Lives, program: Program, directory: Path) -> None:
    if one.local:
        local(directory)
    path = directory / "a.mmstats"
    with process(one.process, directory) as there:
        said = {**there.said, **one.header}
        path.write_bytes(file(1, _files.counter("hits", 1), features=one.features, **said))
        _judge(program, path, one)


def _judge(program: Program, path: Path, one: _Lives) -> None:
    """The combiner says so, and again; and the locks are what they were."""
    with path.open("r+b") as held:
        _lock(held.fileno(), one.lock)
        before = _locks(path)
        with program.start("--poll", path.parent) as talk:
            for _ in range(2):
                found = polled(talk)
                state = found["writers"].get(path.name) if isinstance(found["writers"], dict) else None
                if state not in one.expected:
                    raise talk.failure(f"the writer is said to be {shown(state)}, not {' or '.join(one.expected)}")
                if _locks(path) != before:
                    raise talk.failure("the locks of the file are others after a pass")
            talk.end()
        if _locks(path) != before:
            raise Failure("the locks of the file are others at the end")


def _lock(descriptor: int, lock: str) -> None:
    if lock == "write":
        take(descriptor)
    elif lock == "read":
        take(descriptor, fcntl.F_RDLCK)
    elif lock == "part":
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, system.FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 200, 8, 0))
    elif lock == "record":
        fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _locks(path: Path) -> list[list[str]]:
    """All locks on a file, as the system lists them."""
    status = path.stat()
    place = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    lines = [line.split()[1:] for line in Path("/proc/locks").read_text().splitlines()]
    return sorted(line for line in lines if place in line)


@contextlib.contextmanager
def process(what: str, directory: Path) -> Iterator[There]:
    """A process of this sort; see `_Lives`."""
    if what == "here":
        yield There(_said(os.getpid()))
        return
    with _started(what, directory) as child:
        said = _said(child.pid)
        if what == "threads":
            _until(lambda: system.process(child.pid)[0] == "Z", "a process's first thread does not end by itself here")
        if what in ("zombie", "gone"):
            child.kill()
            os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        if what == "gone":
            child.wait()
        yield There(said, child)


def _said(pid: int) -> dict[str, Any]:
    boot, namespace = system.boot_id(), system.pid_namespace()
    if not any(boot) or not namespace:
        raise NotApplicable("this machine tells neither boot nor pid namespace")
    return {"pid": pid, "process_start": system.process(pid)[2], "boot_id": boot, "pid_namespace": namespace}


def _until(there: Callable[[], bool], otherwise: str, seconds: float = 5.0) -> None:
    end = time.monotonic() + seconds
    while not there():
        if time.monotonic() > end:
            raise NotApplicable(otherwise)
        time.sleep(0.01)


@contextlib.contextmanager
def _started(what: str, directory: Path) -> Iterator[subprocess.Popen[bytes]]:
    program, arguments = shutil.which("sleep") or "sleep", ["sleep", "600"]
    if what == "threads":
        program = sys.executable
        # Its first thread ends alone; the other goes on.
        lone = "import ctypes, threading, time; threading.Thread(target=time.sleep, args=(600,)).start(); "
        arguments = [program, "-c", lone + "ctypes.CDLL(None).pthread_exit(None)"]
    elif what == "named":
        link = directory / "a) Z 1 (b"
        link.symlink_to(program)
        program = str(link)
    try:
        process = subprocess.Popen(arguments, executable=program, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise NotApplicable(f"{program} cannot be started: {error.strerror}") from error
    try:
        if what == "named":
            _until(lambda: b"(a) Z 1 (b)" in Path(f"/proc/{process.pid}/stat").read_bytes(), "names are not shown")
        yield process
    finally:
        process.kill()
        process.wait()


_PID, _CREATED = ("kit.sys.pid",), ("kit.sys.created",)
_LIVES1 = [
    _Lives("alive", (), ["live"], header={"created": 0.0}),
    _Lives("alive-and-locked", (), ["live"], header={"created": 0.0}, lock="write"),
    _Lives("gone", (), ["dead"], "gone", {"created": 0.0}),
    _Lives("gone-read-lock", (), ["dead"], "gone", {"created": 0.0}, lock="read"),
    _Lives("gone-and-locked", (), ["live"], "gone", {"created": 0.0}, lock="write"),
    _Lives("zombie", (), ["dead"], "zombie", {"created": 0.0}),
    _Lives("another-process-by-now", (), ["dead"], header={"created": -1e8}),
    _Lives("another-process-by-now-and-locked", (), ["live"], header={"created": -1e8}, lock="write"),
    _Lives("without-both", (), ["unknown"], header={"pid": None}),
    _Lives("without-both-and-locked", (), ["live"], header={"pid": None}, lock="write"),
    _Lives("without-created", (), ["unknown"], "here"),
    _Lives("without-pid", (), ["unknown"], header={"created": 0.0, "pid": None}),
]


def _lives1(one: _Lives, program: Program, directory: Path) -> None:
    """The header is here what its fields say: the pid, if not the process's, and the seconds since its creation."""
    path = directory / "a.mmstats"
    local(directory)
    with process(one.process, directory) as there:
        pid = there.said["pid"]
        fields = [field("kit.hits", "Q", bytes(8), struct.pack("<Q", 3))]
        if one.header.get("pid", pid) is not None:
            fields.append(field("kit.sys.pid", "I", struct.pack("<I", pid)))
        if "created" in one.header:
            fields.append(field("kit.sys.created", "d", struct.pack("<d", time.time() + one.header["created"])))
        path.write_bytes(file1(*fields))
        _judge(program, path, one)


def _dead1(program: Program, directory: Path) -> None:
    """Of dead writers of version 1 counters count, and nothing else does."""
    local(directory)
    with process("gone", directory) as there:
        put(
            directory,
            {
                "a.mmstats": file1(
                    field("hits", "Q", bytes(8), struct.pack("<Q", 3)),
                    field("what", "4s", b"gone"),
                    field("sys.pid", "I", struct.pack("<I", there.said["pid"])),
                    field("sys.created", "d", struct.pack("<d", time.time())),
                ),
                "b.mmstats": file1(field("hits", "Q", bytes(8), struct.pack("<Q", 4)), field("what", "4s", b"here")),
            },
        )
        with program.start("--poll", directory) as talk:
            found = polled(talk)
            expect(found["writers"], {"a.mmstats": "dead", "b.mmstats": "unknown"}, "states")
            what = plain(family("what", "text", "text", "all", capacity="4"), [{"file": "b.mmstats", "value": "here"}])
            expect_totals(found["families"], [hits(7), what])
            talk.end()


def _dies(program: Program, directory: Path) -> None:
    """A writer dies between two passes, another closes its file."""
    with process("sleep", directory) as there, process("here", directory) as here:
        level = partial(_files.gauge, "level")
        put(directory, {"a.mmstats": file(1, level(1), **there.said), "b.mmstats": file(2, level(10), **here.said)})
        with program.start("--poll", directory) as talk:
            steps: list[tuple[Callable[[], object], dict[str, str], list[After]]] = [
                (lambda: None, {"a.mmstats": "live", "b.mmstats": "live"}, [gauges("sum", "signed", "11")]),
                (there.end, {"a.mmstats": "dead", "b.mmstats": "live"}, [gauges("sum", "signed", "10")]),
                (
                    lambda: _close(directory / "b.mmstats"),
                    {"a.mmstats": "dead", "b.mmstats": "closed"},
                    [],
                ),
            ]
            for step, states, expected in steps:
                step()
                found = polled(talk)
                expect(found["writers"], states, "states")
                expect_totals(found["families"], expected)
            talk.end()


def _close(path: Path) -> None:
    with path.open("r+b") as content:
        content.seek(layout.V2_HEADER_AT_STATE)
        content.write(_files.control(CLOSED))


def _overlay(program: Program, directory: Path) -> None:
    """Through an overlay locks do not reach, and it may be shared: who is not known to be dead counts as alive."""
    if os.geteuid():
        raise NotApplicable("only the superuser can mount an overlay file system")
    for name in ("upper", "work", "lower", "seen"):
        (directory / name).mkdir()
    said = _said(os.getpid())
    files = {
        "a.mmstats": file(1, _files.gauge("level", 1), features=(), **said | _OTHER_BOOT),
        "b.mmstats": file(2, _files.gauge("level", 2), features=(), **said | _OTHER_SPACE),
        "c.mmstats": file(3, _files.gauge("level", 4), features=(), **said),
    }
    put(directory / "upper", files)
    mount = partial(_mount_overlay, directory)
    try:
        subprocess.run([sys.executable, "-c", ""], preexec_fn=mount, check=True, timeout=program.seconds)
    except (OSError, subprocess.SubprocessError) as error:
        raise NotApplicable("no overlay file system can be mounted here") from error
    with program.start("--poll", directory / "seen", before=mount) as talk:
        found = polled(talk)
        expect(found["writers"], {"a.mmstats": "unknown", "b.mmstats": "unknown", "c.mmstats": "live"}, "states")
        expect_totals(found["families"], [gauges("sum", "signed", "7")])
        talk.end()


def _mount_overlay(directory: Path) -> None:
    """In this process alone, `seen` shows `upper` through an overlay."""
    library = ctypes.CDLL(None, use_errno=True)
    space, recursive, private = 0x20000, 0x4000, 1 << 18
    options = ",".join(f"{name}dir={directory / name}" for name in ("lower", "upper", "work"))
    if (
        library.unshare(space)
        or library.mount(b"none", b"/", None, recursive | private, None)
        or library.mount(b"overlay", os.fsencode(directory / "seen"), b"overlay", 0, options.encode())
    ):
        raise OSError(ctypes.get_errno(), "an overlay cannot be mounted")


def _probes(program: Program, directory: Path) -> None:
    """Nobody probes by locking, not for a moment."""
    names = [f"{number}.mmstats" for number in range(20)]
    put(directory, {name: file(number, _files.gauge("level", 1), features=()) for number, name in enumerate(names)})
    ended = threading.Event()
    seen: list[str] = []
    # Asking for an exclusive lock shows any that another has, without taking one.
    question = system.FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)

    def look() -> None:
        with (directory / names[-1]).open("r+b") as held:
            while not ended.is_set():
                answer = fcntl.fcntl(held.fileno(), fcntl.F_OFD_GETLK, question)
                if system.FLOCK.unpack(answer)[0] != fcntl.F_UNLCK:
                    seen.append("a lock")
                    return

    thread = threading.Thread(target=look)
    thread.start()
    try:
        with program.start("--poll", directory) as talk:
            for _ in range(_PROBES):
                expect(len(polled(talk)["writers"]), len(names), "files")
                if seen:
                    raise talk.failure("a file was locked for a moment while the combiner looked at it")
            talk.end()
    finally:
        ended.set()
        thread.join()


_OTHERS: list[tuple[str, tuple[str, ...], Callable[[Program, Path], None]]] = [
    ("v1/dead", ("V2-L6", "V2-C2"), _dead1),
    ("v2/writer/dies", ("V2-L2", "V2-L3", "V2-C2"), _dies),
    ("v2/writer/on-an-overlay", ("V2-L5",), _overlay),
    ("v2/writer/not-locked", ("V2-L1",), _probes),
]


def cases() -> Cases:
    """All tests of liveness."""
    found = [Case(f"combiner/v2/writer/{one.name}", one.rules, partial(_lives, one)) for one in _LIVES]
    found += [Case(f"combiner/v1/writer/{one.name}", ("V2-L6", *one.rules), partial(_lives1, one)) for one in _LIVES1]
    return found + [Case(f"combiner/{name}", rules, run) for name, rules, run in _OTHERS]
