"""``slurpstats --doctor``: what it finds, where, and what it says against it."""

from __future__ import annotations

import json
import os
import re
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mmstats_testing.documents import bytes_of, one, two, write
from mmstats_testing.documents2 import counter, gauge, histogram, myself, text, write2
from mmstats_testing.running import descriptors, environment, skip_or_fail

from mmstats_format import layout
from mmstats_reader import _doctor, _reader, slurpstats

NOBODY = 65534
CLOSED = {"state": 2}
ARCHIVE = {"incompatible": 1, "state": 2, "pid": 0}
UNORDERED = 1 << layout.V2_COMPATIBLE["unordered"]

#: What was found: of which file (empty for the directory), what sort of thing, and in which words.
Found = tuple[str, str, str, str]


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory of which there is nothing to say: in memory, and writable by its owner alone."""
    if not os.access("/dev/shm", os.W_OK):
        skip_or_fail("there is no directory in memory here")
    before = os.umask(0o022)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        os.chmod(name, 0o755)
        yield Path(name)
    os.umask(before)


@pytest.fixture(scope="module")
def gone() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


class Doctor:
    """Runs the tool in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def text(self, *arguments: str | Path) -> tuple[int, list[str]]:
        """Its status, and the lines that it prints."""
        status = slurpstats.main(["--doctor", *map(str, arguments)])
        said = self._capsys.readouterr()
        assert said.err == ""
        return status, said.out.splitlines()

    def found(self, *arguments: str | Path) -> list[Found]:
        """Its findings, from the JSON and from the text."""
        status, lines = self.text("--json", *arguments)
        document: dict[str, Any] = json.loads("\n".join(lines), parse_constant=refuse)
        assert set(document) == {"findings", "fine"}
        found: list[dict[str, str]] = document["findings"]
        assert status == bool(found)
        assert all(list(finding) == ["path", "problem", "what", "remedy"] for finding in found)
        said = self.text(*arguments)[1]
        if found:
            assert said == [f"{finding['path']}: {finding['what']}; {finding['remedy']}" for finding in found]
        else:
            assert said == [f"{document['fine']} file{'s are' if document['fine'] != 1 else ' is'} fine"]
        above = str(arguments[0]) if arguments else ""
        where = [finding["path"].removeprefix(above).removeprefix("/") for finding in found]
        return [(path, *list(finding.values())[1:]) for path, finding in zip(where, found, strict=True)]  # type: ignore[misc]


@pytest.fixture
def doctor(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Doctor:
    for name in ("MMSTATS_PATH", "MMSTATS_GLOB"):
        monkeypatch.delenv(name, raising=False)
    return Doctor(capsys)


def live(path: Path, name: str = "good", **parts: Any) -> Path:
    """A file of this process."""
    return write2(path / f"{name}.mmstats", counter("hits", 1), **{**myself(), **parts})


def test_where_nothing_is_wrong_it_says_how_many_files_are_fine(place: Path, doctor: Doctor) -> None:
    live(place)
    assert doctor.text(place) == (0, ["1 file is fine"])
    live(place, "other")
    write2(place / "shop.archive.mmstats", counter("hits", 4), **ARCHIVE)
    assert doctor.text(place) == (0, ["3 files are fine"])
    assert doctor.found(place) == []


def malformed(content: bytes) -> Callable[[Path], object]:
    return lambda place: (place / "x.mmstats").write_bytes(content)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def device(path: Path) -> None:
    if os.geteuid():
        skip_or_fail("only the superuser can make a device")
    os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))


def old(path: Path) -> None:
    path.write_bytes(b"\2")
    os.utime(path, (time.time() - 3600,) * 2)


def old_directory(place: Path) -> None:
    (place / ".shop.mmstats").mkdir()
    os.utime(place / ".shop.mmstats", (time.time() - 3600,) * 2)


def not_a_file(make: Callable[[Path], object], what: str) -> Any:
    what = f"it is {what} under the name of a statistics file"
    return pytest.param(
        lambda place: make(place / "x.mmstats"),
        [("x.mmstats", "not-a-file", what, "remove it, or give it another name")],
        id=what.split()[3],
    )


BAD_CONTROL = r"bad-control: .* \(rule V2-3, offset 96, header\.state\)"
CLEAN = "cleanstats removes it, with --fold it keeps the counts"


def flipped(place: Path) -> None:
    path = live(place, "x")
    content = bytearray(path.read_bytes())
    content[96] ^= 1
    path.write_bytes(content)


def declared_otherwise(place: Path) -> None:
    live(place, "a")
    write2(place / "b.mmstats", gauge("hits", 1), **myself())
    write2(place / "c.mmstats", counter("hits", 1, unit="bytes"), **myself())


def version_1(place: Path) -> None:
    fields = one("sys.pid", "I", os.getpid()), one("sys.created", "d", time.time())
    write(place / "x.mmstats", two("hits", "Q", 1), *fields)
    write2(place / "shop.archive.mmstats", **ARCHIVE)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        pytest.param(
            lambda place: live(place, "x", **CLOSED),
            [("x.mmstats", "stale", "its writer is dead: the writer closed the file", CLEAN)],
            id="closed",
        ),
        pytest.param(
            lambda place: live(place, "x", process_start=1),
            [("x.mmstats", "stale", r"its writer is dead: process \d+ is another one by now", CLEAN)],
            id="dead",
        ),
        pytest.param(
            lambda place: live(place, "x", pid_namespace=0),
            [
                (
                    "x.mmstats",
                    "unknown",
                    "whether its writer lives is not known: its pid namespace is not known",
                    "it counts as alive, and cleanstats keeps it: if you know better, remove it",
                )
            ],
            id="unknown",
        ),
        pytest.param(
            lambda place: place.chmod(0o777),
            [("", "replaceable", r"everybody may replace and remove files \(mode 0777\)", r"chmod \+t")],
            id="replaceable",
        ),
        pytest.param(lambda place: place.chmod(0o1777), [], id="sticky"),
        pytest.param(
            lambda place: live(place, "x").chmod(0o664),
            [("x.mmstats", "writable", r"others than its owner may write it \(mode 0664\)", "chmod go-w")],
            id="writable-by-group",
        ),
        pytest.param(
            lambda place: live(place, "x").chmod(0o602),
            [("x.mmstats", "writable", r"others than its owner may write it \(mode 0602\)", "chmod go-w")],
            id="writable-by-all",
        ),
        pytest.param(
            flipped,
            [("x.mmstats", "malformed", BAD_CONTROL, "keep a copy for its program's makers, or remove it")],
            id="malformed",
        ),
        pytest.param(
            malformed(b"\3"),
            [
                (
                    "x.mmstats",
                    "malformed",
                    r"unsupported-version: version byte 0x03 is not known \(rule G-1, offset 0, version\)",
                    "read it with a newer version of this software, or remove it",
                )
            ],
            id="of-a-newer-version",
        ),
        pytest.param(
            version_1,
            [
                (
                    "",
                    "both-versions",
                    "there are files of both versions, 1 of version 1 and 1 of version 2",
                    "version 1 has no kinds, .*: let its programs write version 2",
                )
            ],
            id="both-versions",
        ),
        pytest.param(
            declared_otherwise,
            [
                (
                    "a.mmstats",
                    "conflict",
                    r"'hits' has another kind here than in .*/b\.mmstats",
                    "their values stay .*",
                ),
                (
                    "a.mmstats",
                    "conflict",
                    r"'hits' has another unit here than in .*/c\.mmstats",
                    "their values stay .*",
                ),
            ],
            id="conflicts",
        ),
        pytest.param(
            lambda place: write2(place / "x.mmstats", text("t", "a"), compatible=UNORDERED, **myself()),
            [("x.mmstats", "unconfirmed", "1 of its values could not be confirmed, 't' first", "its machine may .*")],
            id="unordered",
        ),
        *(
            pytest.param(
                lambda place, name=name: old(place / name),
                [(re.escape(name), "leftover", "a writer or folder that was killed left it, incomplete", "remove it")],
                id=f"leftover{name}",
            )
            for name in (".0123456789abcdef", ".mmstats-1000.fold.new", ".shop-1-1.mmstats")
        ),
        *(
            pytest.param(lambda place, name=name: old(place / name), [], id=f"no-leftover-{name}")
            for name in (".mmstats-1000.fold", ".0123456789abcdeF", ".profile", "0123456789abcdef", "notes.txt")
        ),
        pytest.param(lambda place: (place / ".0123456789abcdef").write_bytes(b""), [], id="at-work"),
        pytest.param(old_directory, [], id="no-leftover-directory"),
        not_a_file(os.mkfifo, "a pipe"),
        not_a_file(listening, "a socket"),
        not_a_file(device, "a device"),
        not_a_file(os.mkdir, "a directory"),
        not_a_file(lambda path: path.symlink_to("good.mmstats"), "a link"),
        pytest.param(
            lambda place: (place / "x.mmstats").symlink_to("nowhere"),
            [
                ("x.mmstats", "not-a-file", "it is a link .*", "remove it, .*"),
                ("x.mmstats", "unreadable", "it cannot be read: No such file or directory", "see whether .*"),
            ],
            id="link-to-nowhere",
        ),
        pytest.param(
            lambda place: os.truncate(live(place, "x"), 1 << 40),
            [("x.mmstats", "unreadable", r"it cannot be read: \d+ bytes are more than .*", "see whether .*")],
            id="huge",
        ),
        pytest.param(lambda place: write2(place / "x.txt", **CLOSED), [], id="of-another-name"),
    ],
)
def test_it_finds_what_is_wrong_and_says_what_helps(
    place: Path, doctor: Doctor, make: Callable[[Path], object], expected: list[Found]
) -> None:
    """This, and nothing else."""
    live(place, "good")
    make(place)
    found = doctor.found(place)
    assert [finding[:2] for finding in found] == [
        (re.sub(r"\\(.)", r"\1", finding[0]), finding[1]) for finding in expected
    ]
    for finding, patterns in zip(found, expected, strict=True):
        assert [part for part, pattern in zip(finding, patterns, strict=True) if not re.fullmatch(pattern, part)] == []


def test_of_a_version_1_file_it_says_what_its_death_rests_on(place: Path, doctor: Doctor, gone: int) -> None:
    """V2-L6."""
    write(place / "x.mmstats", one("sys.pid", "I", gone), one("sys.created", "d", time.time()))
    what = f"its writer is dead: process {gone} is gone, or in another container: version 1 cannot tell"
    assert doctor.found(place) == [("x.mmstats", "stale", what, "cleanstats removes it")]


def test_what_may_not_be_read_is_found_by_who_may_not(place: Path, doctor: Doctor) -> None:
    if os.geteuid():
        skip_or_fail("only the superuser can become another user")
    live(place, "x").chmod(0o600)
    (place / "closed").mkdir(0o700)
    remedy = "let readers read it (chmod a+r, of a directory a+rx), or look as its owner"
    assert doctor.found(place) == [], "the superuser may"
    os.seteuid(NOBODY)
    try:
        found, closed = doctor.found(place), doctor.found(place / "closed")
    finally:
        os.seteuid(0)
    assert found == [("x.mmstats", "unreadable", "it cannot be read: Permission denied", remedy)]
    assert closed == [("", "unreadable", "it cannot be read: Permission denied", remedy)]


def test_another_user_s_archive_is_found_unless_the_directory_is_that_user_s(place: Path, doctor: Doctor) -> None:
    """V2-F1."""
    if os.geteuid():
        skip_or_fail("only the superuser can give a file to another user")
    archive = write2(place / "shop.archive.mmstats", counter("hits", 4), **ARCHIVE)
    os.chown(archive, NOBODY, NOBODY)
    what = f"it is user {NOBODY}'s archive, and counts for that user's files alone"
    remedy = "if that user has no statistics here, remove it"
    assert doctor.found(place) == [("shop.archive.mmstats", "foreign-archive", what, remedy)]
    os.chown(place, NOBODY, NOBODY)
    assert doctor.found(place) == []
    os.chown(archive, os.geteuid(), os.getegid())
    assert doctor.found(place) == []


def test_a_directory_on_disk_is_found(place: Path, doctor: Doctor, tmp_path: Path) -> None:
    """As stat(1) tells what it is on."""
    command = ["stat", "-f", "-c", "%T", str(tmp_path)]
    kind = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    tmp_path.chmod(0o755)
    live(tmp_path)
    if kind in ("tmpfs", "ramfs"):
        assert doctor.found(tmp_path) == []
        skip_or_fail("the temporary directory is in memory, so there is none on disk here")
    ((path, problem, what, remedy),) = doctor.found(tmp_path)
    assert (path, problem) == ("", "on-disk")
    assert re.fullmatch(r"it is on \w+: a page that is written back to disk can keep a writer waiting", what)
    assert remedy == "use one on tmpfs, such as /dev/shm/mmstats, and name it by MMSTATS_PATH"
    live(place)
    assert doctor.found(place) == []


def test_where_the_system_does_not_tell_what_a_directory_is_on_nothing_is_said(
    doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o755)
    live(tmp_path)
    monkeypatch.setattr(_doctor, "file_system", lambda fd: "")
    assert doctor.found(tmp_path) == []


def test_values_of_a_busy_writer_are_found(place: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-R3: none of the copies agrees with the one before."""
    fields = one("sys.pid", "I", os.getpid()), one("sys.created", "d", time.time())
    copies = (bytes_of(one("still", "Q", 1), one("busy", "Q", number), *fields) for number in range(100))
    (place / "x.mmstats").write_bytes(next(copies))
    monkeypatch.setattr(_reader, "_copy", lambda fd: next(copies))
    what, remedy = (
        "1 of its values could not be confirmed, 'busy' first",
        "its writer updates them all the time: look again",
    )
    assert doctor.found(place / "x.mmstats") == [("", "unconfirmed", what, remedy)]


def test_a_directory_without_files_is_a_finding(place: Path, doctor: Doctor) -> None:
    assert doctor.found(place) == [
        ("", "no-files", "no statistics files are here", "see which MMSTATS_PATH the programs have")
    ]


def test_of_a_file_that_is_named_only_the_file_is_looked_at(place: Path, doctor: Doctor) -> None:
    """Whatever its name; and one that is not there is a finding."""
    place.chmod(0o777)
    assert doctor.found(live(place)) == []
    assert [finding[1] for finding in doctor.found(write2(place / ".x", counter("a"), **CLOSED))] == ["stale"]
    assert [finding[1:3] for finding in doctor.found(place / "missing")] == [
        ("unreadable", "it cannot be read: No such file or directory")
    ]


def test_without_arguments_it_looks_where_readers_do(
    place: Path, doctor: Doctor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        (place / name).mkdir()
        live(place / name)
    monkeypatch.setenv("MMSTATS_PATH", str(place / "a"))
    assert doctor.text() == (0, ["1 file is fine"])
    monkeypatch.setenv("MMSTATS_PATH", str(place / "{CMD}"))
    assert doctor.text() == (0, ["2 files are fine"])
    monkeypatch.setenv("MMSTATS_PATH", str(place / "c"))
    remedy = "make it, and name it to writers and readers by MMSTATS_PATH"
    assert doctor.found() == [(f"{place}/c"[1:], "missing", "there is no such directory", remedy)]
    monkeypatch.setenv("MMSTATS_GLOB", f"{place}/*/x*")
    assert doctor.text() == (0, ["2 files are fine"])


def test_it_counts_as_fine_what_has_no_finding(place: Path, doctor: Doctor) -> None:
    live(place, "good")
    live(place, "bad", **CLOSED)
    lines = doctor.text("--json", place, place / "good.mmstats")[1]
    assert json.loads("\n".join(lines))["fine"] == 1


def test_it_does_not_go_with_a_filter(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        slurpstats.main(["--doctor", "--filter", "a"])
    assert caught.value.code == 2
    assert "--filter: not allowed with argument --doctor" in capsys.readouterr().err


def test_it_changes_nothing_and_keeps_nothing_open(place: Path, doctor: Doctor) -> None:
    path = write2(place / "x.mmstats", counter("a"), histogram("h", (1.0,), (1, 2)), **myself())
    before = (
        path.read_bytes(),
        path.stat().st_mtime_ns,
        path.stat().st_ctime_ns,
        os.listdir(place),
        descriptors(),
    )
    doctor.found(place)
    after = (
        path.read_bytes(),
        path.stat().st_mtime_ns,
        path.stat().st_ctime_ns,
        os.listdir(place),
        descriptors(),
    )
    assert after == before


def test_files_that_come_and_go_meanwhile_are_no_finding(place: Path) -> None:
    """As a process: what is listed and then gone is passed by."""
    program = "import sys, time\nfrom mmstats_reader import slurpstats\n" + (
        "end = time.monotonic() + 1\nwhile time.monotonic() < end:\n    slurpstats.main(['--doctor', sys.argv[1]])\n"
    )
    live(place)
    command = [sys.executable, "-c", program, str(place)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment()
    ) as tool:
        content = live(place, "gone").read_bytes()
        while tool.poll() is None:
            for number in range(20):
                (place / ".new.mmstats").write_bytes(content)
                (place / ".new.mmstats").rename(place / f"{number}.mmstats")
            for number in range(20):
                (place / f"{number}.mmstats").unlink()
        out, err = tool.communicate()
    assert err == ""
    assert {line for line in out.splitlines() if not re.fullmatch(r"\d+ files are fine", line)} == set()
    assert len(set(out.splitlines())) > 1, "they came and went"
