"""Where a user's files may lie in memory: the directory is on a tmpfs, and the user's alone."""

from __future__ import annotations

import os
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mmstats_testing.running import skip_or_fail

from mmstats_writer import Writer, _where, memory_directory

MEMORY = Path("/dev/shm")


def is_in_memory(place: Path) -> bool:
    """What the system's own tool says."""
    done = subprocess.run(["stat", "--file-system", "--format=%T", place], capture_output=True, text=True, check=True)
    return done.stdout == "tmpfs\n"


@pytest.fixture
def memory() -> Iterator[Path]:
    """A directory on a tmpfs."""
    if not is_in_memory(MEMORY):
        skip_or_fail(f"{MEMORY} is no tmpfs here")
    with tempfile.TemporaryDirectory(dir=MEMORY) as place:
        yield Path(place)


@pytest.fixture
def disk(directory: Path) -> Path:
    """One on none; the directory of temporary files may be in memory as well."""
    for place in (directory, Path(__file__).parent, Path("/proc/self")):
        if not is_in_memory(place):
            return place
    raise AssertionError("/proc is no tmpfs")


@pytest.fixture(params=["XDG_RUNTIME_DIR", "shared memory"])
def place(request: pytest.FixtureRequest, memory: Path, disk: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What is to be the directory, by either way."""
    if request.param == "XDG_RUNTIME_DIR":
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(memory))
        monkeypatch.setattr(_where, "_SHARED_MEMORY", str(disk))
        return memory / "mmstats"
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(_where, "_SHARED_MEMORY", str(memory))
    return memory / f"mmstats-{os.geteuid()}"


def test_it_is_made_for_its_user_alone_and_found_again(place: Path) -> None:
    umask = os.umask(0)
    try:
        assert memory_directory() == str(place)
    finally:
        os.umask(umask)
    assert stat.S_IMODE(place.lstat().st_mode) == 0o700
    Writer(path=memory_directory()).counter("hits").inc()
    assert len(os.listdir(memory_directory())) == 1


@pytest.mark.parametrize("mode", [0o700, 0o755, 0o750, 0o1700])
def test_one_that_is_there_stays_as_it_is(place: Path, mode: int) -> None:
    place.mkdir()
    place.chmod(mode)
    assert memory_directory() == str(place)
    assert stat.S_IMODE(place.lstat().st_mode) == mode


def linked(place: Path) -> None:
    (place.parent / "real").mkdir(mode=0o700)
    place.symlink_to("real")


def given(place: Path) -> None:
    place.mkdir()
    os.chown(place, 65534, 65534)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (linked, NotADirectoryError, "no directory of its own"),
        (lambda place: place.symlink_to("nothing"), NotADirectoryError, "no directory of its own"),
        (lambda place: place.write_bytes(b""), NotADirectoryError, "no directory of its own"),
        (given, PermissionError, "belongs to user 65534"),
        (lambda place: (place.mkdir(), place.chmod(0o720)), PermissionError, "chmod go-w"),
        (lambda place: (place.mkdir(), place.chmod(0o1702)), PermissionError, "chmod go-w"),
    ],
    ids=["link", "link to nothing", "file", "another's", "group", "others"],
)
def test_what_others_could_replace_files_in_is_refused(
    place: Path, make: Callable[[Path], object], error: type[OSError], said: str
) -> None:
    if make is given and os.geteuid():
        skip_or_fail("only root can give a directory away")
    make(place)
    with pytest.raises(error, match=said) as refusal:
        memory_directory()
    assert refusal.value.filename == str(place)


@pytest.mark.parametrize("runtime", ["", "on a disk", "nowhere", "a relative one", "a file", "another's"])
def test_a_runtime_directory_that_is_not_the_users_in_memory_is_passed_over(
    memory: Path, disk: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    other = memory / "other"
    match runtime:
        case "a file":
            other.touch()
        case "another's":
            if os.geteuid():
                skip_or_fail("only root can give a directory away")
            given(other)
        case "a relative one":
            other.mkdir()
            monkeypatch.chdir(memory)
    named = {"on a disk": str(disk), "nowhere": str(memory / "nowhere"), "a relative one": "other", "": ""}
    monkeypatch.setenv("XDG_RUNTIME_DIR", named.get(runtime, str(other)))
    monkeypatch.setattr(_where, "_SHARED_MEMORY", str(memory))
    assert memory_directory() == str(memory / f"mmstats-{os.geteuid()}")


def test_where_there_is_none_it_is_an_oserror_that_says_so(disk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(disk))
    monkeypatch.setattr(_where, "_SHARED_MEMORY", str(disk))
    with pytest.raises(OSError, match="neither XDG_RUNTIME_DIR nor this is on a tmpfs"):
        memory_directory()
