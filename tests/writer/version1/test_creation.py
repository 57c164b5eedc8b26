"""How a file comes into the world: whole, reserved, locked, then named (V1-W5, V1-W6)."""

from __future__ import annotations

import errno
import gc
import mmap
import os
import signal
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.locks import locked
from mmstats_testing.running import descriptors, skip_or_fail

from mmstats_writer._version1 import BaseMmStats, CounterField, MmStats, StringField


class Hits(MmStats):
    hits = CounterField()


class Large(BaseMmStats):
    text = StringField(size=100_000)


@pytest.fixture(params=["unnamed", "dotted"])
def temporary(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways to a file without a name."""
    if request.param == "dotted":
        monkeypatch.delattr(os, "O_TMPFILE")
    return str(request.param)


@pytest.fixture
def links(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was in the file each time it was to get its name."""
    seen: list[bytes] = []
    link = os.link

    def look(source: str, target: str, **options: int) -> None:
        place = os.open(source, os.O_RDONLY, dir_fd=options["src_dir_fd"])
        seen.append(os.read(place, 1 << 20))
        os.close(place)
        link(source, target, **options)  # type: ignore[arg-type]  # a descriptor or a flag

    monkeypatch.setattr(os, "link", look)
    return seen


def test_a_file_is_whole_and_locked_before_it_has_its_name(temporary: str, links: list[bytes], directory: Path) -> None:
    """V1-W5."""
    stats = Hits()
    (before,) = links
    assert before == Path(stats.filename).read_bytes()
    assert [field.label for field in parsed(before).fields][-1] == b"hits"
    assert os.listdir(directory) == [os.path.basename(stats.filename)]


def test_a_file_is_a_multiple_of_the_page_in_size_and_on_disk(temporary: str) -> None:
    """V1-W5: the space is there, not promised."""
    stats = Large()
    status = os.stat(stats.filename)
    assert status.st_size == stats.size == 25 * mmap.PAGESIZE
    assert status.st_blocks * 512 >= status.st_size


def test_a_file_may_be_read_by_all_and_written_by_its_owner(temporary: str) -> None:
    umask = os.umask(0o022)
    try:
        assert stat.S_IMODE(os.stat(Hits().filename).st_mode) == 0o644
    finally:
        os.umask(umask)


@pytest.mark.parametrize("call", ["write", "link", "posix_fallocate"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_failure_on_the_way_is_an_oserror_and_leaves_nothing(
    temporary: str, directory: Path, monkeypatch: pytest.MonkeyPatch, call: str, code: int
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    gc.collect()
    before = len(descriptors())
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=os.strerror(code)):
        Hits()
    monkeypatch.undo()
    assert not os.listdir(directory)
    assert len(descriptors()) == before


def test_a_limit_on_file_size_is_an_oserror_and_no_signal(directory: Path) -> None:
    program = """
        import errno, os, resource, sys
        from mmstats_writer._version1 import BaseMmStats, StringField
        class Large(BaseMmStats):
            text = StringField(size=100_000)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8192, 8192))
        try:
            Large()
        except OSError as error:
            print(errno.errorcode[error.errno], os.listdir(os.environ["MMSTATS_PATH"]))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=True)
    assert done.stdout == "EFBIG []\n"


def test_a_full_disk_is_an_oserror_when_the_file_is_made(tmp_path: Path) -> None:
    """On a file system of one page, really full; needs the right to mount one."""
    program = f"""
        import ctypes, errno, os
        from mmstats_writer._version1 import BaseMmStats, StringField
        class Large(BaseMmStats):
            text = StringField(size=100_000)
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(0x20000) or libc.mount(b"none", b"/", None, 0x44000, None):
            raise SystemExit(77)
        if libc.mount(b"tmpfs", {os.fsencode(tmp_path)!r}, b"tmpfs", 0, b"size=64k"):
            raise SystemExit(77)
        try:
            Large(path={str(tmp_path)!r})
        except OSError as error:
            print(errno.errorcode[error.errno], os.listdir({str(tmp_path)!r}))
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, check=False)
    if done.returncode == 77:
        skip_or_fail("a small tmpfs cannot be mounted here; RLIMIT_FSIZE is tested beside")
    assert (done.stdout, done.stderr) == ("ENOSPC []\n", "")


@pytest.mark.parametrize("code", [errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL])
def test_a_file_system_without_unnamed_files_gets_dotted_ones(
    directory: Path, monkeypatch: pytest.MonkeyPatch, links: list[bytes], code: int
) -> None:
    really_open = os.open

    def open_(path: str, flags: int, *arguments: int, **options: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(code, os.strerror(code))
        return really_open(path, flags, *arguments, **options)

    monkeypatch.setattr(os, "open", open_)
    stats = Hits()
    stats.hits.inc()
    assert len(links) == 1
    assert os.listdir(directory) == [os.path.basename(stats.filename)]


def test_a_file_system_without_reservation_gets_its_zeros_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(errno.EOPNOTSUPP, "no")

    monkeypatch.setattr(os, "posix_fallocate", unsupported)
    status = os.stat(Large().filename)
    assert status.st_blocks * 512 >= status.st_size


def test_a_live_writer_holds_the_lock_and_a_removed_one_does_not(temporary: str) -> None:
    """V1-W6."""
    stats = Hits()
    assert locked(stats.filename)
    kept = os.path.join(os.path.dirname(stats.filename), "kept")
    os.link(stats.filename, kept)
    stats.remove()
    assert not locked(kept)


def test_a_reader_in_the_writers_process_leaves_the_lock() -> None:
    stats = Hits()
    Path(stats.filename).read_bytes()
    assert locked(stats.filename)


@pytest.mark.parametrize("touch", [False, True], ids=["idle child", "updating child"])
def test_a_forked_child_does_not_keep_the_dead_parents_lock(directory: Path, touch: bool) -> None:
    """V1-W6: neither through the inherited descriptor nor through the inherited mapping."""
    program = f"""
        import os, signal, sys, time
        from mmstats_writer._version1 import BaseMmStats, CounterField
        class Hits(BaseMmStats):
            hits = CounterField()
        stats = Hits(filename="parent.mmstats")
        child = os.fork()
        if not child:
            if {touch}:
                stats.hits.inc()
            print(os.getpid(), flush=True)
            time.sleep(60)
        time.sleep(60)
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        path = str(directory / "parent.mmstats")
        try:
            assert locked(path)
            parent.kill()
            parent.wait()
            assert not locked(path)
        finally:
            os.kill(child, signal.SIGKILL)


def test_a_thread_that_ends_gives_its_descriptors_back(directory: Path) -> None:
    stats = Hits()
    gc.collect()
    before = len(descriptors())
    for _ in range(20):
        thread = threading.Thread(target=lambda: stats.hits.inc())
        thread.start()
        thread.join()
    assert len(descriptors()) == before
    assert len(os.listdir(directory)) == 21


def test_two_hundred_starters_of_one_name_get_two_hundred_files(directory: Path) -> None:
    """V1-W4: with `link`, no two own one name."""
    program = """
        import sys
        from mmstats_writer._version1 import BaseMmStats, CounterField
        class Hits(BaseMmStats):
            hits = CounterField()
        sys.stdin.read(1)
        kept = [Hits(filename="same.mmstats") for _ in range(50)]
        for stats in kept:
            stats.hits.inc()
    """
    starters = [
        subprocess.Popen([sys.executable, "-c", textwrap.dedent(program)], stdin=subprocess.PIPE) for _ in range(4)
    ]
    for starter in starters:
        assert starter.stdin is not None
        starter.stdin.close()
    assert [starter.wait() for starter in starters] == [0] * 4
    files = sorted(directory.iterdir())
    assert len(files) == 200
    assert all(parsed(path.read_bytes()).fields[0].value == 1 for path in files)
