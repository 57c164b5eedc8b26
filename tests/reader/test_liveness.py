"""Whether a writer lives, with real locks and real processes (FORMAT.md 3.11)."""

from __future__ import annotations

import fcntl
import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, write
from mmstats_testing.documents2 import counter, gauge, myself, put, write2
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail

from mmstats_format import system
from mmstats_reader import Directory, Process, _liveness, _view

if not hasattr(fcntl, "F_OFD_SETLK") or not Path("/proc/self/stat").exists():
    skip_or_fail("this system has neither open-file-description locks nor /proc")

NO_LOCK, RECORD_LOCK = 8, 1


def process_of(path: Path) -> Process:
    """What a view says of the writer of the only file."""
    with Directory(path.parent) as directory:
        (process,) = directory.poll().processes
    assert process.path == str(path)
    return process


def state(path: Path) -> str:
    process = process_of(path)
    assert process.reason
    assert process.reason[0].islower()
    assert not process.reason.endswith(".")
    return process.state


@pytest.fixture
def lock() -> Iterator[Callable[[Path], int]]:
    """Hold a writer's lock on a file."""
    held = []

    def hold(path: Path, kind: int = fcntl.F_WRLCK, command: int = fcntl.F_OFD_SETLK) -> int:
        fd = os.open(path, os.O_RDWR)
        held.append(fd)
        fcntl.fcntl(fd, command, struct.pack("hhqqi4x", kind, os.SEEK_SET, 0, 0, 0))
        return fd

    yield hold
    for fd in held:
        os.close(fd)


@pytest.fixture
def file(tmp_path: Path) -> Callable[..., Path]:
    """Make a file with the identity of this process, but for what is given."""

    def make(**parts: Any) -> Path:
        return write2(tmp_path / "x.mmstats", counter("a", 1), **{**myself(), **parts})

    return make


@pytest.fixture(scope="module")
def gone() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def local(monkeypatch: pytest.MonkeyPatch, is_local: bool) -> None:
    monkeypatch.setattr(_liveness, "is_local", lambda fd: is_local)


def test_a_closed_file_s_writer_is_dead_whatever_holds_its_lock(
    file: Callable[..., Path], lock: Callable[[Path], int]
) -> None:
    """V2-L2."""
    path = file(state=2)
    lock(path)
    assert process_of(path)[-2:] == ("dead", "the writer closed the file")


def test_a_process_that_runs_lives_with_its_lock_and_without(
    file: Callable[..., Path], lock: Callable[[Path], int]
) -> None:
    """V2-L4."""
    path = file()
    assert process_of(path)[-2:] == ("live", f"process {os.getpid()} runs")
    lock(path)
    assert state(path) == "live"


def test_a_process_that_is_gone_is_dead(
    file: Callable[..., Path], gone: int, lock: Callable[[Path], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-L3: with a free lock; and with one that is held, by a child that it forked."""
    path = file(pid=gone)
    assert process_of(path)[-2:] == ("dead", f"process {gone} is gone")
    lock(path)
    assert state(path) == "dead"


@pytest.mark.parametrize("pid", [2**22 + 1, 2**31, 2**32 + 1, 2**64 - 1])
def test_a_number_that_no_process_has_is_gone(file: Callable[..., Path], pid: int) -> None:
    """V2-L3; and -1 or 0, which mean many processes, is never asked for."""
    assert state(file(pid=pid)) == "dead"


def test_a_pid_that_is_another_process_s_by_now_is_dead(file: Callable[..., Path]) -> None:
    """V2-L3: another start."""
    path = file(process_start=myself()["process_start"] + 1)
    assert process_of(path)[-2:] == ("dead", f"process {os.getpid()} is another one by now")


def test_a_process_that_nobody_has_waited_for_is_gone(file: Callable[..., Path]) -> None:
    """V2-L3: a zombie runs no more, though its number is taken."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    path = file(**myself(process.pid))
    assert state(path) == "live"
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_of(path)[-2:] == ("dead", f"process {process.pid} is gone")
    process.wait()
    if process.stdin:
        process.stdin.close()


@pytest.mark.parametrize("name", ["a) b (c", "x)", "(", "R 1 2 3)"])
def test_a_process_s_name_does_not_lead_astray(file: Callable[..., Path], name: str) -> None:
    """V2-L4: its start is found behind a name with blanks and parentheses."""
    program = f"open('/proc/self/comm', 'w').write({name!r}); print(flush=True); input()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        start = myself(process.pid)["process_start"]
        assert _liveness.look(process.pid) == ("there", start)
        assert state(file(**myself(process.pid))) == "live"
        process.kill()


@pytest.mark.parametrize(("is_local", "expected"), [(True, "dead"), (False, "unknown")])
def test_a_writer_of_another_boot_is_dead_on_a_file_system_of_this_machine(
    file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, is_local: bool, expected: str
) -> None:
    """V2-L3, V2-L5: a shared file system may have another machine's files."""
    path = file(boot_id=bytes(range(16)))
    local(monkeypatch, is_local)
    assert state(path) == expected


@pytest.mark.parametrize(
    ("compatible", "is_local", "expected"),
    [(0, True, "dead"), (0, False, "unknown"), (NO_LOCK, True, "unknown"), (RECORD_LOCK, True, "unknown")],
)
def test_a_writer_of_another_pid_namespace_is_dead_where_its_lock_says_so(
    file: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    lock: Callable[[Path], int],
    compatible: int,
    is_local: bool,
    expected: str,
) -> None:
    """V2-L3, V2-L5: its process cannot be seen; a lock that is held reaches from everywhere (V2-L4)."""
    path = file(pid_namespace=1, compatible=compatible)
    local(monkeypatch, is_local)
    assert state(path) == expected
    lock(path)
    assert state(path) == "live"


@pytest.mark.parametrize(
    "unknown", [{"boot_id": bytes(16)}, {"pid_namespace": 0}, {"process_start": 0}, {"pid": 0}], ids=str
)
def test_where_the_header_lacks_what_is_needed_the_lock_alone_tells(
    file: Callable[..., Path], lock: Callable[[Path], int], unknown: dict[str, Any]
) -> None:
    """V2-L5."""
    path = file(**unknown)
    assert state(path) == "unknown"
    lock(path)
    assert process_of(path)[-2:] == ("live", "it holds its lock")


def test_a_process_that_is_hidden_is_unknown(file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-L5: /proc may be mounted so that it shows other users' processes to nobody."""
    path = file()
    real = os.open

    def hidden(name: Any, *arguments: Any, **options: Any) -> Any:
        if str(name) == f"/proc/{os.getpid()}/stat":
            raise FileNotFoundError(2, "hidden")
        return real(name, *arguments, **options)

    monkeypatch.setattr(os, "open", hidden)
    assert state(path) == "unknown"


def test_another_user_s_process_is_seen(file: Callable[..., Path]) -> None:
    """V2-L4: that it may not be signalled says that it is there."""
    if os.geteuid():
        path = file(**myself(1))
        assert state(path) == "live"
        return
    child = os.fork()
    if not child:
        try:
            os.seteuid(65534)
            seen = _liveness.look(1)
        finally:
            os._exit(seen[0] != "there")
    assert os.waitpid(child, 0)[1] == 0


def test_probing_takes_no_lock_and_a_reader_s_lock_keeps_nobody_alive(
    file: Callable[..., Path], lock: Callable[..., int], gone: int
) -> None:
    """V2-L1: whoever may read the file could hold a read lock."""
    path = file(pid_namespace=0)
    with path.open("rb") as other:
        fcntl.fcntl(other, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0))
        assert state(path) == "unknown"
    assert state(path) == "unknown"
    lock(path)  # fails at once where somebody holds one


def test_a_record_lock_of_another_process_is_seen(file: Callable[..., Path]) -> None:
    """V2-L1, V2-W10: Java has only those."""
    path = file(compatible=RECORD_LOCK, pid_namespace=0)
    program = f"import fcntl\nf = open({str(path)!r}, 'r+b')\nfcntl.lockf(f, fcntl.LOCK_EX)\nprint(flush=True)\ninput()"
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert state(path) == "live"
        process.kill()
    assert state(path) == "unknown"


def test_nothing_is_told_where_the_system_tells_nothing(
    file: Callable[..., Path], lock: Callable[[Path], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-L5: neither /proc nor such locks."""
    path = file()
    lock(path)
    monkeypatch.setattr(sys, "platform", "other")
    monkeypatch.setattr(system, "boot_id", lambda: bytes(16))
    assert state(path) == "unknown"


# --- Version 1.


def version1(path: Path, pid: int, created: float) -> Path:
    return write(path / "x.mmstats", one("web.sys.pid", "I", pid), one("web.sys.created", "d", created))


def test_a_version_1_writer_lives_while_its_lock_is_held(
    tmp_path: Path, lock: Callable[[Path], int], gone: int
) -> None:
    """V2-L6."""
    path = version1(tmp_path, gone, time.time())
    lock(path)
    assert process_of(path)[-2:] == ("live", "it holds its lock")


def test_without_a_lock_a_version_1_writer_is_known_by_its_process(
    tmp_path: Path, gone: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-L6."""
    local(monkeypatch, True)
    assert state(version1(tmp_path, gone, time.time())) == "dead"
    assert state(version1(tmp_path, os.getpid(), time.time())) == "live"
    assert state(version1(tmp_path, os.getpid(), 1e9)) == "dead"  # made long before this process began
    local(monkeypatch, False)
    assert state(version1(tmp_path, gone, time.time())) == "unknown"


def test_a_version_1_file_without_process_or_time_is_unknown(tmp_path: Path) -> None:
    """V2-L6."""
    assert state(write(tmp_path / "x.mmstats", one("a", "B", 1))) == "unknown"
    assert state(write(tmp_path / "x.mmstats", one("sys.pid", "I", os.getpid()))) == "unknown"


# --- A worker that is killed.

WORKER = """
import fcntl, os, struct, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from mmstats_testing.documents2 import counter, gauge, myself, put, write2
path = Path(sys.argv[1])
write2(path.with_name(".new"), counter("served", 5), gauge("inflight", 3), gauge("limit", 7, kept=True), **myself())
fd = os.open(path.with_name(".new"), os.O_RDWR)
fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
os.rename(path.with_name(".new"), path)
print(flush=True)
sys.stdin.read()
"""


def test_a_killed_worker_s_gauge_leaves_the_total_and_its_counter_stays(tmp_path: Path) -> None:
    """V2-C2, V2-L3, with kill -9; a gauge that is kept stays too."""
    support = Path(__file__).parents[1] / "support"
    command = [sys.executable, "-c", WORKER, str(tmp_path / "b.mmstats"), str(support)]
    write2(tmp_path / "a.mmstats", counter("served", 1), gauge("inflight", 2), gauge("limit", 1, kept=True), **myself())
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), **pipes) as worker, Directory(tmp_path) as directory:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"\n"
        view = directory.poll()
        assert [view.total(name) for name in ("served", "inflight", "limit")] == [6, 5, 8]
        assert [process.state for process in view.processes] == ["live", "live"]
        worker.send_signal(signal.SIGKILL)
        worker.wait(HANG_SECONDS)
        after = directory.poll()
        assert [after.total(name) for name in ("served", "inflight", "limit")] == [6, 2, 8]
        assert [process.state for process in after.processes] == ["live", "dead"]
        assert after.processes[1].reason == f"process {worker.pid} is gone"
        assert [view.total(name) for name in ("served", "inflight", "limit")] == [6, 5, 8], "a view does not change"


def test_a_view_looks_at_each_process_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-L4: however many files its threads write."""
    looked = []

    def look(pid: int) -> tuple[str, int]:
        looked.append(pid)
        return _liveness.look(pid)

    monkeypatch.setattr(_view, "look", look)
    put(tmp_path, counter("m"), counter("m"), counter("m"), **myself())
    with Directory(tmp_path) as stats:
        assert [process.state for process in stats.poll().processes] == ["live"] * 3
        assert looked == [os.getpid()]
        assert stats.poll().processes[0].state == "live"
        assert looked == [os.getpid()] * 2
