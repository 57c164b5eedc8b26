"""Readers among files that are strange, hostile, too many, or change under their eyes (FORMAT.md 3.17)."""

from __future__ import annotations

import itertools
import json
import os
import re
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import bytes_of, one, two, write
from mmstats_testing.documents2 import (
    bytes2,
    counter,
    gauge,
    histogram,
    labelled,
    myself,
    states,
    text,
    write2,
)
from mmstats_testing.running import HANG_SECONDS, environment, python, skip_or_fail, within
from mmstats_testing.vectors import VECTORS, VECTORS2, path2_of, path_of

from mmstats_format import layout
from mmstats_format.__main__ import main as check
from mmstats_reader import Directory, cleanstats, pollstats, slurpstats

#: Files in a large directory.
MANY = 10_000

#: How long is looked at what changes. Nothing is measured: a slow machine sees less, never something else.
SECONDS = 1.0

NOBODY = 65534
UNORDERED = 1 << layout.V2_COMPATIBLE["unordered"]
ARCHIVE = {"incompatible": 1, "state": 2, "pid": 0}


def identified(content: bytes, number: int) -> bytes:
    """A version 2 file's content with this writer id, as the schema would build it, in a fraction of the time."""
    copy = bytearray(content)
    copy[layout.V2_HEADER_AT_WRITER_ID : layout.V2_HEADER_AT_CREATED] = number.to_bytes(16, "big")
    struct.pack_into("<L", copy, layout.V2_HEADER_AT_CRC, 0)
    struct.pack_into("<L", copy, layout.V2_HEADER_AT_CRC, zlib.crc32(copy[: layout.V2_CHECKED_HEADER]))
    return bytes(copy)


def crowd(path: Path, number: int) -> None:
    """Make so many files, every other one of version 1, that have 1 in ``hits`` each."""
    content1 = bytes_of(two("hits", "Q", 1))
    content2 = bytes2(counter("hits", 1), gauge("inflight", 1), histogram("h", (1.0,), (1, 0)), **myself())
    for place in range(number):
        content = identified(content2, place + 1) if place % 2 else content1
        (path / f"{place:05}.mmstats").write_bytes(content)


@pytest.fixture
def shared() -> Iterator[Path]:
    """A directory that every user can reach; pytest's own belong to one."""
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)
        yield Path(name)


@contextmanager
def another_user() -> Iterator[None]:
    """Go on as a user who has nothing."""
    if os.geteuid():
        skip_or_fail("only the superuser can become another user")
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


# --- What is no statistics file, under the name of one.


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def device(path: Path) -> None:
    if os.geteuid():
        skip_or_fail("only the superuser can make a device")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 5))  # zeros without an end


@pytest.mark.parametrize(
    ("make", "is_error"),
    [
        pytest.param(os.mkfifo, True, id="pipe"),
        pytest.param(listening, True, id="socket"),
        pytest.param(device, True, id="device"),
        pytest.param(lambda path: path.symlink_to("/dev/zero"), True, id="link to a device"),
        pytest.param(lambda path: path.symlink_to("pipe"), True, id="link to a pipe"),
        pytest.param(lambda path: path.symlink_to(path), True, id="link to itself"),
        pytest.param(lambda path: path.symlink_to("nowhere"), False, id="link to nowhere"),
        pytest.param(lambda path: path.symlink_to("."), False, id="link to the directory"),
        pytest.param(os.mkdir, False, id="directory"),
    ],
)
@pytest.mark.parametrize("mapped", [False, True])
def test_what_is_no_file_under_the_name_of_one_is_passed_by(
    tmp_path: Path, make: Callable[[Path], None], is_error: bool, mapped: bool
) -> None:
    """V1-R1: it is not opened, and the good ones are read."""
    os.mkfifo(tmp_path / "pipe")
    write2(tmp_path / "good.mmstats", counter("m", 1))
    make(tmp_path / "odd.mmstats")
    with within(20), Directory(tmp_path, mapped=mapped) as stats:
        for _ in range(2):
            view = stats.poll()
            assert view.total("m") == 1
            assert list(view.errors) == ([str(tmp_path / "odd.mmstats")] if is_error else [])


@pytest.mark.parametrize("name", ["odd.mmstats", "other.mmstats"])
def test_a_pipe_is_not_opened_so_that_its_writer_goes_on_waiting(tmp_path: Path, name: str) -> None:
    """V1-R1: a pipe that is opened for reading lets a program go on that waits to write."""
    os.mkfifo(tmp_path / "odd.mmstats")
    if name != "odd.mmstats":
        (tmp_path / name).symlink_to("odd.mmstats")
    program = "import sys\nprint('begun', flush=True)\nopen(sys.argv[1], 'wb')\nprint('opened', flush=True)"
    command = [sys.executable, "-c", program, str(tmp_path / "odd.mmstats")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) as waiting:
        try:
            assert waiting.stdout is not None
            assert waiting.stdout.readline() == b"begun\n"
            with Directory(tmp_path) as stats:
                for _ in range(20):
                    assert str(tmp_path / name) in stats.poll().errors
                    time.sleep(0.01)
            assert waiting.poll() is None
        finally:
            waiting.kill()
        assert waiting.stdout.read() == b""


# --- Other users.


@pytest.mark.parametrize("mapped", [False, True])
def test_other_users_files_are_read_as_far_as_they_may_be(shared: Path, mapped: bool) -> None:
    for name, mode in (("a", 0o644), ("b", 0o600), ("c", 0o444)):
        write2(shared / f"{name}.mmstats", counter("m", 1)).chmod(mode)
    with another_user(), Directory(shared, mapped=mapped) as stats:
        for _ in range(2):
            view = stats.poll()
            assert view.total("m") == 2
            (error,) = view.errors.values()
            assert isinstance(error, PermissionError)
            assert error.filename == str(shared / "b.mmstats")


@pytest.mark.parametrize("stranger", ["a.mmstats", "z.archive.mmstats"])
def test_another_user_s_file_with_my_writer_s_id_takes_nothing_from_me(tmp_path: Path, stranger: str) -> None:
    """V2-R8 among files of one owner only, as V2-F1: whoever may write here could hide what others count."""
    if os.geteuid():
        skip_or_fail("only the superuser can give a file to another user")
    mine = {"writer_id": bytes(range(16)), **myself()}
    write2(tmp_path / "m.mmstats", counter("m", 10), **mine)
    evil = {**mine, **ARCHIVE} if "archive" in stranger else mine
    os.chown(write2(tmp_path / stranger, counter("m", 1), **evil), NOBODY, NOBODY)
    with Directory(tmp_path) as stats:
        assert stats.poll().total("m") == 11
        assert stats.poll().rate("m") == 0
    os.chown(tmp_path / stranger, os.geteuid(), os.getegid())
    with Directory(tmp_path) as stats:
        assert stats.poll().total("m") == (1 if "archive" in stranger or stranger < "m" else 10)


# --- What changes while it is read.

POLLING = """
import collections, json, sys, time
from mmstats_reader import Directory, FormatError

end = time.monotonic() + float(sys.argv[3])
seen = collections.Counter()
print("begun", flush=True)
with Directory(sys.argv[1], mapped=sys.argv[2] == "mapped") as stats:
    while time.monotonic() < end:
        view = stats.poll()
        for error in view.errors.values():
            assert isinstance(error, (FormatError, OSError)), error
            seen["error"] += 1
        known = [name for name in "ab" if name in view]
        for name in known:
            assert view.total(name) == {"a": 200, "b": 3}[name], name
            assert view[name].labels == ("l",) * (name == "a"), name
            seen[name] += 1
        assert view.total("still") == 1
print(json.dumps(seen))
"""


@pytest.mark.parametrize(
    ("how", "cut"), [("called", True), ("mapped", False)], ids=["cut-called", "replaced-and-removed-mapped"]
)
def test_a_file_that_changes_while_it_is_read_gives_its_values_or_an_error(tmp_path: Path, how: str, cut: bool) -> None:
    """V2-R1, V2-R9: never a mixture, and never a signal. What is mapped must not be cut, and no writer does."""
    series = [((str(number),), counter("", 1)) for number in range(200)]
    first, second = bytes2(labelled(counter("a"), ("l",), *series)), bytes2(counter("b", 3))
    path, other = tmp_path / "x.mmstats", tmp_path / "other"
    write2(tmp_path / "still.mmstats", counter("still", 1))
    command = [sys.executable, "-c", POLLING, str(tmp_path), how, str(SECONDS)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=environment(), text=True, **pipes) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "begun\n"
        changes: list[Callable[[], object]] = [
            lambda: other.write_bytes(first),
            lambda: other.replace(path),
            *([partial(os.truncate, path, size) for size in (len(first) - 100, 200, 0)] if cut else []),
            lambda: other.write_bytes(second),
            lambda: other.replace(path),
            path.unlink,
        ]
        for change in itertools.cycle(changes):
            change()
            time.sleep(0.0005)  # else the reader would see the last of them alone
            if reader.poll() is not None:
                break
        out, err = reader.communicate(timeout=HANG_SECONDS)
    assert (reader.returncode, err) == (0, "")
    seen = json.loads(out)
    assert seen["a"] > 0
    assert seen["b"] > 0
    assert bool(seen.get("error")) is cut


def test_another_user_s_file_may_be_cut_at_any_time_though_mappings_are_wanted(shared: Path) -> None:
    """V2-R1: only files of the reader's own user are mapped, and nobody else can kill it by a signal."""
    path = write2(shared / "x.mmstats", *(counter(f"m{number}", 1) for number in range(200)))
    content = path.read_bytes()
    maps = Path("/proc/self/maps")
    with another_user(), Directory(shared, mapped=True) as stats:
        assert stats.poll().total("m0") == 1
        if maps.exists():
            assert str(path) not in maps.read_text(encoding="utf-8", errors="replace")
    with Directory(shared, mapped=True) as mine:
        mine.poll()
        if maps.exists():
            assert str(path) in maps.read_text(encoding="utf-8", errors="replace")
    assert path.read_bytes() == content


# --- Many files, and bad ones among them.


def test_among_many_files_the_good_ones_add_up_and_each_bad_one_is_named(tmp_path: Path) -> None:
    """All sorts of malformed files there are vectors of; in the view, and on slurpstats' standard error."""
    crowd(tmp_path, MANY)
    bad: dict[str, str] = {}
    for version, vectors, path in ((1, VECTORS, path_of), (2, VECTORS2, path2_of)):
        for vector in vectors:
            if vector["result"] == "invalid":
                name = tmp_path / f"{len(bad) * 7:05}-v{version}-{vector['id']}.mmstats"
                name.write_bytes(path(vector).read_bytes())
                bad[str(name)] = vector["error"]
    assert len(bad) >= 100
    with Directory(tmp_path) as stats:
        for _ in range(2):
            view = stats.poll()
            assert view.total("hits") == MANY
            assert view.total("inflight") == MANY // 2
            assert {path: getattr(error, "code", None) for path, error in view.errors.items()} == bad
    done = python("-m", "mmstats_reader.slurpstats", tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("==> ") == MANY
    said = [line.removeprefix("slurpstats: ").split(": ")[:2] for line in done.stderr.splitlines()]
    assert said == [[path, bad[path]] for path in sorted(bad)]


# --- Few descriptors.

FEW = """
import json, os, resource, sys
from mmstats_reader import Directory

free = int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
taken = []
while free:
    try:
        taken.append(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        break
for _ in range(free):
    os.close(taken.pop())
said = []
with Directory(sys.argv[1], mapped=sys.argv[2] == "mapped") as stats:
    for _ in range(3):
        view = stats.poll()
        states = sorted({process.state for process in view.processes})
        said.append([view.total("hits"), len(view.processes), states, len(view.errors), view.total("inflight")])
        said[-1].append(sorted({str(error.strerror) for error in view.errors.values()}))
print(json.dumps(said))
"""


@pytest.fixture(scope="module")
def two_thousand(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("crowd")
    crowd(directory, 2000)
    return directory


def few(directory: Path, how: str, free: int) -> list[Any]:
    """What three polls in a process of 256 descriptors say, of which all but so many are taken if any."""
    done = python("-c", FEW, directory, how, str(free))
    assert (done.returncode, done.stderr) == (0, "")
    said: list[Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("how", ["called", "mapped"])
@pytest.mark.parametrize("free", [0, 100, 4], ids=["all-free", "100-free", "4-free"])
def test_a_process_with_few_descriptors_reads_any_number_of_files(two_thousand: Path, how: str, free: int) -> None:
    """Whoever has the others."""
    expected = [2000, 2000, ["live", "unknown"], 0, 1000, []]
    assert few(two_thousand, how, free) == [expected] * 3


def test_archives_of_strangers_do_not_use_the_descriptors_up(tmp_path: Path) -> None:
    """V2-F4: archives are kept open; those that are too many are errors, and everything else goes on."""
    crowd(tmp_path, 20)
    content = bytes2(counter("old", 1), app="odd", **ARCHIVE)
    for number in range(300):
        (tmp_path / f"a{number:03}.archive.mmstats").write_bytes(identified(content, 1000 + number))
    for hits, processes, lives, errors, inflight, reasons in few(tmp_path, "called", 0):
        assert (hits, processes, lives, inflight) == (20, 20, ["live", "unknown"], 10)
        assert 100 < errors < 300
        assert reasons == ["too many files are open to keep an archive open"]


@pytest.mark.parametrize(
    ("arguments", "number"), [([], 2000), (["--json"], 2000), (["--doctor"], 1000)], ids=["text", "json", "doctor"]
)
def test_slurpstats_needs_few_descriptors(two_thousand: Path, arguments: list[str], number: int) -> None:
    """Of the version 1 files the doctor cannot know whether their writers live."""
    limit = 'ulimit -n 20; exec "$0" -m mmstats_reader.slurpstats "$@"'
    command = ["sh", "-c", limit, sys.executable, *arguments, str(two_thousand)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), check=False)
    assert (done.returncode, done.stderr) == (int("--doctor" in arguments), "")
    assert len(re.findall(rf"{two_thousand}/\d{{5}}\.mmstats", done.stdout)) == number


# --- What is in files, on the terminal.

MARK = "shown"
HOSTILE = {
    "harmless": MARK,
    "terminal-escapes": f"{MARK}\x1b[2J\x1b]0;gone\x07\x7f\b",
    "c1-controls": f"{MARK}\x9b1m\x9d0;gone\x9c\x85",
    "lines": f"{MARK}\r\n==> other\n\n\tx 1\v\f\u2028\u2029",
    "bidirectional-controls": f"{MARK}\u202egnp.exe\u2066\u200f\u061c",
    "html": f"{MARK}</script><script>alert('1')</script><img src=x onerror=\"alert(1)\">&amp;",
}

#: What shows something of a file to people or programs: a module's `main`, and its arguments before the files.
TOOLS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "slurpstats": (slurpstats.main, []),
    "slurpstats-json": (slurpstats.main, ["--json"]),
    "slurpstats-doctor": (slurpstats.main, ["--doctor"]),
    "slurpstats-doctor-json": (slurpstats.main, ["--doctor", "--json"]),
    "cleanstats": (cleanstats.main, ["--dry-run"]),
    "cleanstats-json": (cleanstats.main, ["--dry-run", "--json"]),
    "pollstats": (pollstats.main, ["-v", "-c1", "*"]),
    "pollstats-json": (pollstats.main, ["-c1", "--json", "*"]),
    "pollstats-csv": (pollstats.main, ["-c1", "--csv", "*"]),
    "check": (check, ["check"]),
    "dump": (check, ["dump"]),
}


def run(directory: Path, said: str, tool: str, capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    """What a tool prints, and what it complains of, for files that have this text wherever there can be one."""
    directory.mkdir()
    name = said.replace("/", "_")
    one1, two1 = one(said, "200s", said), two(said + "2", "Q", 1)
    write(directory / f"1{name}.mmstats", one1, two1)
    labels = labelled(counter("labels"), (said,), ((said,), counter("", 1)))
    described = counter("described", help=said, unit=said)
    some = (counter(said), text("text", said, 200), states("states", (said, "b")), labels, described)
    write2(directory / f"2{name}.mmstats", *some, app=said, host=said, pid_namespace=0, compatible=UNORDERED)
    write2(directory / f"3{name}.mmstats", gauge(said), pid_namespace=0)
    (directory / f"4{name}.mmstats").write_bytes(b"\1\1\0a" + struct.pack("<H", len(said.encode())) + said.encode())
    (directory / f"5{name}.mmstats").mkdir()
    main, arguments = TOOLS[tool]
    capsys.readouterr()
    main([*arguments, *map(str, sorted(directory.iterdir()))] if main is check else [*arguments, str(directory)])
    printed = capsys.readouterr()
    return printed.out, printed.err


@pytest.mark.parametrize("tool", TOOLS)
@pytest.mark.parametrize("sort", HOSTILE)
def test_what_is_in_a_file_acts_on_no_terminal(
    tmp_path: Path, sort: str, tool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """V2-33: nothing of it moves the cursor, begins a line or turns text around; JSON is JSON."""
    said = "".join(run(tmp_path / "it", HOSTILE[sort], tool, capsys))
    assert MARK in said
    assert [character for character in said if character != "\n" and not character.isprintable()] == []
    assert said.count("\n") == "".join(run(tmp_path / "harmless", MARK, tool, capsys)).count("\n")


@pytest.mark.parametrize("tool", ["slurpstats-json", "slurpstats-doctor-json", "pollstats-json", "dump"])
@pytest.mark.parametrize("sort", HOSTILE)
def test_what_is_in_a_file_breaks_no_json(
    tmp_path: Path, sort: str, tool: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """And comes out of it as it was; of a dump a line is a document."""
    out, _ = run(tmp_path / "it", HOSTILE[sort], tool, capsys)
    documents = [line for line in out.splitlines() if line.startswith("{")] if tool == "dump" else [out]
    found = set().union(*(texts(json.loads(document)) for document in documents))
    assert "".join(documents).isascii()
    if tool == "slurpstats-doctor-json":
        assert any(HOSTILE[sort].replace("/", "_") in text for text in found)
    else:
        assert HOSTILE[sort] in found


def texts(value: Any) -> set[str]:
    """All texts in a JSON value."""
    match value:
        case str():
            return {value}
        case dict():
            return texts(list(value)) | texts(list(value.values()))
        case list():
            return set().union(*map(texts, value))
    return set()
