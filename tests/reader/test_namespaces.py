"""Whether real writers live: in containers, of other users, killed, forked, and with reused pids (FORMAT.md 3.11)."""

from __future__ import annotations

import fcntl
import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, write
from mmstats_testing.documents2 import counter, myself, write2
from mmstats_testing.locks import locked
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail
from mmstats_testing.vectors import VECTORS, content, path_of

from mmstats_reader import Directory, Reader, View, _liveness, read, slurpstats
from mmstats_writer import Writer
from mmstats_writer import _version1 as version1

if not hasattr(fcntl, "F_OFD_SETLK") or not Path("/proc/self/ns/pid").exists():
    skip_or_fail("this system has neither open-file-description locks nor pid namespaces")

NOBODY, ANOTHER = 65534, 65533


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that all users share, on a file system of this machine, which that of a container may not be."""
    if not os.access("/dev/shm", os.W_OK):
        skip_or_fail("there is no directory in memory here")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        os.chmod(name, 0o1777)
        yield Path(name)


@pytest.fixture(scope="module")
def unshare() -> list[str]:
    """What a command begins with that runs as the first process of a pid namespace of its own."""
    command = ["unshare", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    command += ["--pid", "--fork", "--kill-child", "--mount-proc"]
    if shutil.which("unshare") is None:
        skip_or_fail("there is no unshare here")
    tried = subprocess.run([*command, "true"], capture_output=True, text=True, check=False)
    if tried.returncode:
        skip_or_fail(f"pid namespaces cannot be made here: {tried.stderr.strip()}")
    return command


@contextmanager
def running(program: str, *arguments: str | Path, within: list[str] | None = None) -> Iterator[Any]:
    """A program, killed in the end if it still runs; perhaps in a pid namespace of its own."""
    command = [*(within or []), sys.executable, "-c", program, *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment()
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def kill(process: subprocess.Popen[str], within: list[str] | None) -> None:
    """Kill the program itself, not what made its namespace."""
    pid = process.pid
    if within:
        (pid,) = map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
    os.kill(pid, signal.SIGKILL)
    process.wait(HANG_SECONDS)


def look(directory: Path) -> tuple[str, str]:
    """What a reader in this process says of the only writer."""
    with Directory(directory) as stats:
        (process,) = stats.poll().processes
    return process.state, process.reason


WRITER = """
import sys
from mmstats_writer import Writer

writer = Writer(app="shop", path=sys.argv[1])
writer.counter("served").inc(5)
inflight = writer.gauge("inflight", combine="sum")
inflight.set(3)
print("begun", flush=True)
sys.stdin.read()
"""

WRITER1 = """
import sys
from mmstats_writer._version1 import CounterField, MmStats

class Stats(MmStats):
    served = CounterField()

stats = Stats(path=sys.argv[1])
stats.served.inc(5)
print("begun", flush=True)
sys.stdin.read()
"""

#: A line in, what it sees of the only writer as a line of JSON out.
READER = """
import json, sys
from mmstats_reader import Directory

with Directory(sys.argv[1]) as stats:
    for line in sys.stdin:
        (process,) = stats.poll().processes
        print(json.dumps([process.state, process.reason]), flush=True)
"""

IN_ANOTHER = "it is in another pid namespace"


def totals(view: View) -> tuple[Any, Any]:
    return view.total("served"), view.total("inflight")


# --- Containers.


def test_a_container_s_writer_is_seen_from_outside_until_it_is_killed(place: Path, unshare: list[str]) -> None:
    """V2-L3, V2-L4, V2-C2: its pid says nothing here, and its lock everything."""
    with running(WRITER, place, within=unshare) as writer, Directory(place) as stats:
        assert writer.stdout.readline() == "begun\n"
        view = stats.poll()
        (process,) = view.processes
        assert process.pid == 1
        assert process.namespace != myself()["pid_namespace"]
        assert (process.state, process.reason) == ("live", "it holds its lock")
        assert totals(view) == (5, 3)
        kill(writer, unshare)
        view = stats.poll()
        assert [process[-2:] for process in view.processes] == [("dead", f"its lock is free, and {IN_ANOTHER}")]
        assert totals(view) == (5, None)


def test_a_writer_outside_is_seen_from_within_a_container_until_it_is_killed(place: Path, unshare: list[str]) -> None:
    """V2-L3, V2-L4: its number is perhaps another process's there."""
    with running(WRITER, place) as writer, running(READER, place, within=unshare) as reader:

        def seen() -> list[str]:
            reader.stdin.write("\n")
            reader.stdin.flush()
            said: list[str] = json.loads(reader.stdout.readline())
            return said

        assert writer.stdout.readline() == "begun\n"
        assert seen() == ["live", "it holds its lock"]
        kill(writer, None)
        assert seen() == ["dead", f"its lock is free, and {IN_ANOTHER}"]


def test_a_container_s_writer_of_version_1_lives_while_it_holds_its_lock(place: Path, unshare: list[str]) -> None:
    """V2-L6: whatever process has its number outside."""
    with running(WRITER1, place, within=unshare) as writer:
        assert writer.stdout.readline() == "begun\n"
        assert look(place) == ("live", "it holds its lock")


# --- Forks.

#: A writer forks a child that touches nothing. When the child runs, the writer is killed, and its parent tells.
FORKING = """
import ctypes, os, signal, sys
from mmstats_writer import Writer

reading, writing = os.pipe()
writer = os.fork()
if not writer:
    stats = Writer(app="shop", path=sys.argv[1])
    stats.counter("served").inc(5)
    # A fork in C: Python knows nothing of it, and so nobody closes the child's copy of the lock.
    child = ctypes.PyDLL(None).fork() if sys.argv[2] == "in C" else os.fork()
    if not child:
        os.write(writing, str(os.getpid()).encode())
    signal.pause()
child = os.read(reading, 20).decode()
os.kill(writer, signal.SIGKILL)
os.waitpid(writer, 0)
print(writer, child, flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("contained", [False, True], ids=["same-namespace", "another-namespace"])
@pytest.mark.parametrize("fork", ["by Python", "in C"])
def test_a_forked_child_that_touches_nothing_keeps_nobody_alive(
    place: Path, unshare: list[str], fork: str, contained: bool
) -> None:
    """V1-W6: it has closed its copy of the lock.

    V2-L3: where it could not, the process that is gone is certain, and the lock is not; from outside nobody can tell.
    """
    with running(FORKING, place, fork, within=unshare if contained else None) as parent:
        pid, child = map(int, parent.stdout.readline().split())
        try:
            (path,) = place.iterdir()
            assert locked(path) == (fork == "in C")
            if not contained:
                assert _liveness.look(child)[0] == "there"
                assert look(place) == ("dead", f"process {pid} is gone")
            elif fork == "in C":
                assert look(place) == ("live", "it holds its lock")
            else:
                assert look(place) == ("dead", f"its lock is free, and {IN_ANOTHER}")
        finally:
            if not contained:  # a namespace ends with its first process
                os.kill(child, signal.SIGKILL)


# --- A number that another process has.

#: The first process of a namespace: a writer is killed, its number is given again, and a reader looks.
AGAIN = """
import json, os, signal, sys, time
from mmstats_reader import Directory
from mmstats_writer import Writer

def forked(action):
    pid = os.fork()
    if not pid:
        action()
    return pid

def write():
    Writer(app="shop", path=sys.argv[1]).counter("served").inc(5)
    os.kill(os.getpid(), signal.SIGKILL)

def look():
    with Directory(sys.argv[1]) as stats:
        (process,) = stats.poll().processes
    return process.pid, process.state, process.reason

writer = forked(write)
os.waitpid(writer, 0)
said = [look()]
time.sleep(2 / os.sysconf("SC_CLK_TCK"))  # a start is told in these
try:
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(writer - 1))
except OSError as error:
    print(json.dumps(str(error)))
    sys.exit()
assert forked(signal.pause) == writer
said.append(look())
print(json.dumps(said))
"""


def test_a_number_that_another_process_has_by_now_keeps_nobody_alive(place: Path, unshare: list[str]) -> None:
    """V2-L3: the start is another."""
    with running(AGAIN, place, within=unshare) as first:
        said = json.loads(first.stdout.readline())
    if isinstance(said, str):
        skip_or_fail(f"which number the next process gets cannot be said here: {said}")
    pid = said[0][0]
    assert said == [[pid, "dead", f"process {pid} is gone"], [pid, "dead", f"process {pid} is another one by now"]]


# --- Other users.


def write_as(user: int, directory: Path, ends: Connection) -> None:
    os.setuid(user)
    writer = Writer(app="shop", path=str(directory))
    writer.counter("served").inc()
    ends.send(os.getpid())
    ends.recv()


@contextmanager
def writing(user: int, directory: Path) -> Iterator[Any]:
    """A process of another user that publishes."""
    if os.geteuid():
        skip_or_fail("only the superuser can become another user")
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    # What Python loads late is loaded now: the other user may not be able to read where it is installed.
    with tempfile.TemporaryDirectory() as elsewhere:
        Writer(path=elsewhere).counter("served").inc()
        look(Path(elsewhere))
    process = fork.Process(target=write_as, args=(user, directory, theirs))
    process.start()
    try:
        assert ours.poll(HANG_SECONDS)
        ours.recv()
        yield process
    finally:
        process.kill()
        process.join()


@pytest.mark.parametrize("user", [0, NOBODY, ANOTHER], ids=["superuser", "itself", "another"])
def test_another_user_s_writer_is_seen_to_live_and_to_be_dead(place: Path, user: int) -> None:
    """V2-L3, V2-L4: by everybody, though not everybody may signal it."""
    fork = multiprocessing.get_context("fork")
    with writing(NOBODY, place) as writer, fork.Pool(1, os.setuid, (user,)) as reader:
        (path,) = place.iterdir()
        assert path.stat().st_uid == NOBODY
        assert reader.apply(look, (place,)) == ("live", f"process {writer.pid} runs")
        writer.kill()
        writer.join()
        assert reader.apply(look, (place,)) == ("dead", f"process {writer.pid} is gone")


# --- What a look does.


@pytest.mark.parametrize("mapped", [False, True])
@pytest.mark.parametrize("version", [1, 2])
def test_a_reader_in_the_writer_s_process_leaves_its_lock(place: Path, version: int, mapped: bool) -> None:
    """V1-W6, V2-W10: as a record lock would be lost by any close of the file, whoever has opened it."""
    kinds: dict[int, type[Any]] = {1: version1.BaseMmStats, 2: Writer}
    writer = kinds[version](path=str(place))
    name = writer.filename
    looks: list[Callable[[], object]] = [
        lambda: read(name),
        lambda: Reader(name).poll(),
        lambda: slurpstats.main([name]),
        lambda: slurpstats.main(["--doctor", str(place)]),
    ]
    for some in looks:
        some()
        assert locked(name)
    with Directory(place, mapped=mapped) as stats:
        for _ in range(2):
            assert stats.poll().processes[0].state == "live"
            assert locked(name)
    del stats
    assert locked(name)
    writer.remove()


def test_a_look_locks_nothing_and_signals_nobody(place: Path) -> None:
    """V2-L1: by the system calls that it makes; signal number 0 is none, and only asks."""
    strace = shutil.which("strace")
    if strace is None:
        skip_or_fail("there is no strace here")
    write2(place / "live.mmstats", counter("m"), **myself())
    write2(place / "other.mmstats", counter("m"), **{**myself(), "pid_namespace": 1})
    write2(place / "unknown.mmstats", counter("m"))
    write(place / "one.mmstats", one("sys.pid", "I", os.getpid()), one("sys.created", "d", time.time()))
    calls = "fcntl,flock,kill,tkill,tgkill,pidfd_send_signal,rt_sigqueueinfo,rt_tgsigqueueinfo,ptrace"
    program = "import sys\nfrom mmstats_reader import slurpstats\nslurpstats.main(['--doctor', sys.argv[1]])"
    with tempfile.NamedTemporaryFile("r", encoding="utf-8") as trace:
        command = [strace, "-f", "-o", trace.name, "-e", f"trace={calls}", sys.executable, "-c", program, str(place)]
        done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
        made = trace.read()
    if "exited with" not in made:
        skip_or_fail(f"strace may not trace here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
    asked = re.findall(r"(\w+)\(\d+, (\w+)", made)
    assert ("kill", "0") in asked
    assert ("fcntl", "F_OFD_GETLK") in asked
    locking = re.compile(r"F_(OFD_)?SETLK|F_SETLEASE|F_SETSIG|F_SETOWN|LOCK_|SIG")
    assert [ask for ask in asked if locking.match(ask[1])] == []
    assert {call for call, _ in asked} == {"fcntl", "kill"}


# --- Where the file is.


def test_a_file_of_another_boot_is_dead_where_only_this_machine_writes(place: Path) -> None:
    """V2-L3, on a real file system; what the system shows as files is on none that is known."""
    write2(place / "x.mmstats", counter("m"), **{**myself(), "boot_id": bytes(range(16))})
    assert look(place) == ("dead", "it began before this machine was started again")
    for path, is_local in ((place / "x.mmstats", True), (Path("/proc/self/stat"), False)):
        with path.open("rb") as file:
            assert _liveness.is_local(file.fileno()) is is_local


# --- Version 1 by its process alone.

BY_PID = ", or in another container: version 1 cannot tell"
SYS_PID = b"sys.pid\x01\0I\xff"
ORIGINAL = [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["id"].startswith("original-")]


@pytest.fixture(scope="module")
def gone() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_version_1_writer_without_a_lock_is_dead_by_its_process_and_that_is_said(place: Path, gone: int) -> None:
    """V2-L6, FORMAT.md 2.8: its number may be of another pid namespace."""
    path = place / "x.mmstats"
    now = one("web.sys.created", "d", time.time())
    write(path, one("web.sys.pid", "I", gone), now)
    assert look(place) == ("dead", f"process {gone} is gone{BY_PID}")
    pid = one("web.sys.pid", "I", os.getpid())
    write(path, pid, one("web.sys.created", "d", 1e9))
    assert look(place) == ("dead", f"process {os.getpid()} is another one by now{BY_PID}")
    write(path, pid, now)
    assert look(place) == ("live", f"process {os.getpid()} runs")
    for field in (pid, now):
        write(path, field)
        assert look(place) == ("unknown", "the file says neither process nor time of creation")


@pytest.mark.parametrize("vector", ORIGINAL)
def test_the_original_s_files_are_judged_by_their_process_where_they_name_one(
    place: Path, gone: int, vector: dict[str, Any]
) -> None:
    """V2-L6: the original holds no lock. A file that does not say its process is unknown, and so is kept."""
    path = place / "x.mmstats"
    raw = path_of(vector).read_bytes()
    head, named, rest = raw.partition(SYS_PID)
    path.write_bytes(head + named + gone.to_bytes(4, "little") + rest[4:] if named else raw)
    assert not locked(path)
    if named:
        assert look(place) == ("dead", f"process {gone} is gone{BY_PID}")
    else:
        assert look(place) == ("unknown", "the file says neither process nor time of creation")


def test_there_are_files_of_the_original_with_a_process_and_without() -> None:
    named = [SYS_PID in content(vector["id"]) for vector in VECTORS if vector["id"].startswith("original-")]
    assert {True, False} == set(named)
