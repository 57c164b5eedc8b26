"""What can be read and what is refused; and that reading leaves no trace (FORMAT.md V1-R1)."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.running import descriptors, skip_or_fail, within
from mmstats_testing.vectors import DIRECTORY

import mmstats_reader
from mmstats_format import Corrupt, FormatError, Truncated, UnsupportedVersion
from mmstats_reader import Reader, Snapshot, _reader, read

NOBODY = 65534


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "x.mmstats", two("hits", "Q", 2, other=1), one("name", "8s", "shop"))


@contextmanager
def bound_by_permissions() -> Iterator[None]:
    """Go on as a user whom permissions bind, which the superuser is not."""
    user = os.geteuid()
    if user == 0:
        try:
            os.seteuid(NOBODY)
        except PermissionError:
            skip_or_fail("permissions bind neither the superuser nor one who cannot become another user")
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own belong to one."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o755)
        yield path


def test_the_public_names_are_these() -> None:
    assert mmstats_reader.__all__ == [
        "Cleaned",
        "Conflict",
        "Corrupt",
        "Directory",
        "Family",
        "FormatError",
        "Histogram",
        "Process",
        "Reader",
        "Snapshot",
        "Stat",
        "Summary",
        "Truncated",
        "UnsupportedVersion",
        "View",
        "clean",
        "clean_every",
        "kind_of",
        "read",
    ]
    assert all(hasattr(mmstats_reader, name) for name in mmstats_reader.__all__)


@pytest.mark.parametrize("kind", [str, Path])
def test_a_file_is_named_by_text_or_path(file: Path, kind: Callable[[Path], Any]) -> None:
    snapshot = read(kind(file))
    assert (snapshot.path, snapshot["hits"], snapshot["name"]) == (str(file), 2, "shop")


def test_a_reader_reads_again_and_again(file: Path) -> None:
    reader = Reader(file)
    assert reader.poll()["hits"] == 2
    write(file, two("hits", "Q", 3))
    assert reader.poll()["hits"] == 3
    file.unlink()
    with pytest.raises(FileNotFoundError):
        reader.poll()
    write(file, two("hits", "Q", 4))
    assert reader.poll()["hits"] == 4


def test_a_reader_opens_nothing_before_it_is_asked(tmp_path: Path) -> None:
    before = descriptors()
    assert Reader(tmp_path / "missing").path == str(tmp_path / "missing")
    assert descriptors() == before


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    assert read(tmp_path / "link")["hits"] == 2


@pytest.mark.parametrize("path", [None, 1, object()])
def test_what_is_no_path_is_a_type_error(path: Any) -> None:
    with pytest.raises(TypeError):
        Reader(path)


def missing(path: Path) -> Path:
    return path / "missing"


def below_a_file(path: Path) -> Path:
    return write(path / "file") / "x"


def directory(path: Path) -> Path:
    return path


def named_pipe(path: Path) -> Path:
    os.mkfifo(path / "pipe")
    return path / "pipe"


def listening_socket(path: Path) -> Path:
    here = os.open(".", os.O_RDONLY)
    os.chdir(path)  # a socket's path has 107 bytes at most
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("socket")
    finally:
        os.fchdir(here)
        os.close(here)
    return path / "socket"


def null(path: Path) -> Path:
    return Path("/dev/null")


def zero(path: Path) -> Path:
    return Path("/dev/zero")


def linked_pipe(path: Path) -> Path:
    (path / "link").symlink_to(named_pipe(path))
    return path / "link"


def circle(path: Path) -> Path:
    (path / "circle").symlink_to("circle")
    return path / "circle"


def huge(path: Path) -> Path:
    (path / "huge").touch()
    os.truncate(path / "huge", 1 << 40)
    return path / "huge"


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (missing, errno.ENOENT),
        (below_a_file, errno.ENOTDIR),
        (directory, errno.EINVAL),
        (named_pipe, errno.EINVAL),
        (linked_pipe, errno.EINVAL),
        (listening_socket, errno.EINVAL),
        (null, errno.EINVAL),
        (zero, errno.EINVAL),
        (circle, errno.ELOOP),
        (huge, errno.EFBIG),
    ],
)
def test_what_is_no_statistics_file_is_an_os_error(make: Callable[[Path], Path], number: int, tmp_path: Path) -> None:
    """V1-R1; no named pipe makes the reader wait, and none is opened: that would let its writer go on."""
    path = make(tmp_path)
    before = descriptors()
    with within(10), pytest.raises(OSError, match=r".") as caught:
        read(path)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))
    assert caught.value.strerror
    assert descriptors() == before


@pytest.mark.parametrize("make", [directory, named_pipe, linked_pipe, listening_socket, null, zero, huge])
def test_nothing_is_opened_but_regular_files(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V1-R1: opening alone makes some devices act."""
    path = make(tmp_path)
    opened: list[Any] = []
    monkeypatch.setattr(os, "open", lambda *arguments: opened.append(arguments))
    with pytest.raises(OSError, match=r"."):
        read(path)
    monkeypatch.undo()
    assert opened == []


@pytest.mark.parametrize("make", [named_pipe, null])
def test_what_takes_the_place_of_a_file_at_the_last_moment_is_refused(
    make: Callable[[Path], Path], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V1-R1: what is opened is looked at once more."""
    path = make(tmp_path)
    real = os.open
    monkeypatch.setattr(os, "open", lambda name, flags: real(path, flags))
    before = descriptors()
    with within(10), pytest.raises(OSError, match="not a regular file") as caught:
        read(file)
    assert caught.value.filename == str(file)
    assert descriptors() == before


def test_a_file_that_may_not_be_read_is_a_permission_error(open_directory: Path) -> None:
    file = write(open_directory / "x.mmstats")
    file.chmod(0)
    with bound_by_permissions(), pytest.raises(PermissionError) as caught:
        read(file)
    assert caught.value.filename == str(file)


def test_the_limit_of_a_file_s_size_is_that_of_the_specification() -> None:
    """FORMAT.md 2.7."""
    assert _reader.LARGEST_FILE == 8 * 1024 * 1024


def test_a_file_of_the_largest_size_is_read_and_one_byte_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FORMAT.md 2.7."""
    file = write(tmp_path / "x", one("a", "B", 1))
    monkeypatch.setattr(_reader, "LARGEST_FILE", 4096)
    assert read(file)["a"] == 1
    os.truncate(file, 4097)
    with pytest.raises(OSError, match="4097 bytes are more than a statistics file has"):
        read(file)


def test_a_file_that_grows_too_large_while_it_is_read_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = _reader._copy

    def grown(fd: int) -> bytes:
        os.truncate(file, 1 << 40)
        return real(fd)

    monkeypatch.setattr(_reader, "_copy", grown)
    with pytest.raises(OSError, match="bytes are more than a statistics file has") as caught:
        read(file)
    assert caught.value.filename == str(file)


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"", Truncated, "truncated"),
        (b"\2", Truncated, "truncated"),
        (b"\3", UnsupportedVersion, "unsupported-version"),
        (b"\0" * 4096, UnsupportedVersion, "unsupported-version"),
        (b"\1\1\0a\1\0Q\7", Corrupt, "bad-index"),
    ],
)
def test_a_malformed_file_s_error_names_the_file(
    data: bytes, kind: type[FormatError], code: str, tmp_path: Path
) -> None:
    """G-1, G-2."""
    path = tmp_path / "bad.mmstats"
    path.write_bytes(data)
    before = descriptors()
    with pytest.raises(kind) as caught:
        Reader(path).poll()
    assert (caught.value.code, caught.value.filename) == (code, str(path))
    assert str(caught.value).startswith(f"{path}: {code}: ")
    assert descriptors() == before


def test_a_file_of_nothing_but_its_version_has_no_fields(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\1")
    assert list(read(path)) == []


def test_reading_leaves_no_descriptor_open(file: Path) -> None:
    before = descriptors()
    reader = Reader(file)
    kept = [reader.poll() for _ in range(20)]
    assert descriptors() == before
    assert len(kept) == 20


def test_reading_changes_nothing(file: Path) -> None:
    """V1-R1; the time of access apart, which is the system's own affair."""

    def looks() -> list[object]:
        status = file.stat()
        return [
            file.read_bytes(),
            (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_nlink),
            os.listdir(file.parent),
        ]

    before = looks()
    for _ in range(3):
        read(file)
    assert looks() == before


def test_a_file_is_opened_for_reading_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-R1."""
    real, flags = os.open, []

    def record(path: str, given: int) -> int:
        flags.append(given)
        return real(path, given)

    monkeypatch.setattr(os, "open", record)
    read(file)
    monkeypatch.undo()
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
    assert [given & writing for given in flags] == [0]


def test_a_file_that_may_not_be_written_is_read(open_directory: Path) -> None:
    """V1-R1."""
    file = write(open_directory / "x.mmstats", one("a", "B", 1))
    file.chmod(0o444)
    with bound_by_permissions():
        assert not os.access(file, os.W_OK, effective_ids=True)
        assert read(file)["a"] == 1


def lock(fd: int) -> None:
    """Lock the whole file exclusively in both ways, or fail at once where anybody holds a lock."""
    if not hasattr(fcntl, "F_OFD_SETLK"):
        skip_or_fail("this system has no open-file-description locks")
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))


def test_a_reader_waits_for_no_lock(file: Path) -> None:
    """V1-R1, V1-W6: the writer holds one all the time."""
    with file.open("r+b") as writer, within(10):
        lock(writer.fileno())
        assert read(file)["hits"] == 2


def test_a_reader_takes_no_lock(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-R1: while it copies, others can lock the file."""
    real, locked = _reader._copy, []

    def copy(fd: int) -> bytes:
        with file.open("r+b") as other:
            lock(other.fileno())
            locked.append(True)
        return real(fd)

    monkeypatch.setattr(_reader, "_copy", copy)
    assert read(file)["hits"] == 2
    assert locked


def test_a_reader_maps_nothing(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-R1: a mapping of a file that is truncated meanwhile would kill the program."""
    if not os.path.exists("/proc/self/maps"):
        skip_or_fail("this system does not tell what is mapped")
    real, maps = _reader._copy, []

    def copy(fd: int) -> bytes:
        data = real(fd)
        maps.append(Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace"))
        return data

    monkeypatch.setattr(_reader, "_copy", copy)
    read(file)
    assert maps
    assert not any(str(file) in text for text in maps)


def test_a_file_that_is_read_in_pieces_is_read_whole(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read call may give less than was asked for."""
    real = os.read
    monkeypatch.setattr(os, "read", lambda fd, size: real(fd, min(size, 7)))
    assert read(file)["hits"] == 2


def test_readers_are_many(file: Path) -> None:
    snapshots: list[Snapshot] = [reader.poll() for reader in [Reader(file) for _ in range(5)]]
    assert {snapshot["hits"] for snapshot in snapshots} == {2}


def test_the_shipped_vectors_are_there() -> None:
    assert list(read(DIRECTORY / "one-counter.mmstats")) == [("hits", 2)]
