"""Tests of writers: their place among files, processes and threads.

    header, names, modes, links, directories that are open to all or have no room
    locks, two at once, what is seen of a file that is being made
    forks, and files that are handed over

Rule 1: what holds for files of both versions is tried with both.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from .. import layout, system
from .._codec import parse
from .._document2 import Document2
from . import _files
from ._case import Case, Cases, NotApplicable
from ._locks import lock_of
from ._program import Failure, Program, Talk, shown
from ._reading import expect
from ._scenarios import (
    OVERFLOW,
    After,
    bits,
    counter,
    do,
    expect_families,
    families,
    family,
    field,
    histogram,
    inc,
    limit,
    plain,
    prepared,
    refused,
    said,
    scenario,
    scenario1,
    states,
    text,
    wait,
    waiting,
    written,
)

#: What a writer may take for a small file, and for one that it cannot go on with.
ROOM = 256 << 10


def _header(program: Program, directory: Path) -> None:
    """Who writes: as the system says it."""
    before = time.time_ns()
    with program.start(*prepared(directory, scenario([counter()], wait()))) as talk:
        path = Path(talk.expect("path"))
        waiting(talk)
        after = time.time_ns()
        content = path.read_bytes()
        parsed = parse(content)
        if not isinstance(parsed, Document2):
            raise Failure("the file is of version 1")
        header = parsed.header
        expect(header.pid, talk.pid, "the process id")
        if not before <= header.created <= after:
            raise Failure(f"created is {header.created}, but the file was made between {before} and {after}")
        for found, true, what in (
            (header.process_start, system.process(talk.pid)[2], "the process's start"),
            (header.boot_id.hex(), system.boot_id().hex(), "the boot id"),
            (header.pid_namespace, os.stat(f"/proc/{talk.pid}/ns/pid").st_ino, "the pid namespace"),
        ):
            if found not in (true, 0, "0" * 32):
                raise Failure(f"{what} is {true}, and it says {found}")
        if header.thread_id and not os.path.exists(f"/proc/{talk.pid}/task/{header.thread_id}"):
            raise Failure(f"it has no thread {header.thread_id}")
        expect((header.minor, header.incompatible), (0, 0), "minor version and incompatible features")
        if header.compatible >> len(layout.V2_COMPATIBLE):
            raise Failure(f"it sets unknown features: {header.compatible:#x}")
        expect(said(path)["state"], "live", "the state of a writer that runs")
        talk.say()
        talk.end()
    expect(said(path)["state"], "closed", "the state after a clean end")
    second = said(written(program, _again(directory), scenario([])))["writer"]["id"]
    if not any(header.writer_id) or header.writer_id.hex() == second:
        raise Failure(f"two writers have the id {second}")


def _again(directory: Path) -> Path:
    """Another empty directory."""
    again = directory / "again"
    again.mkdir()
    return again


def _grown(program: Program, directory: Path) -> None:
    """Thousands of series with long labels: all are there, and each extent is as large as all before it."""
    number, size = 3000, 200
    label = "#" + "x" * size
    grow = {"do": "each", "from": 0, "to": number - 1, "name": "hits", "labels": [label]}
    first = "0" + "x" * size
    limited = counter(labels=["a"], limit=number)
    steps = [inc("hits", "5", first), grow, inc("hits", "7", first), inc("more", "1")]
    path = written(
        program, directory, scenario([limited], *steps[:2], {"do": "declare", "family": counter("more")}, *steps[2:])
    )
    expected: dict[tuple[str, ...], Any] = {(f"{place}{'x' * size}",): "0" for place in range(number)}
    expected[(first,)] = "12"
    wanted = [After(limited, expected), plain(counter("more"), "1")]
    expect_families(said(path), wanted, "the families of a file that grew")
    sizes = [end - start for start, end in _files.extents(path.read_bytes())]
    if len(sizes) < 2:
        raise Failure(f"{number} series of {size} bytes are in one extent: how the file grows was not seen")
    for place in range(1, len(sizes)):
        if sizes[place] < sum(sizes[:place]):
            raise Failure(f"extent {place + 1} has {sizes[place]} bytes, and those before it {sum(sizes[:place])}")


def _no_room_to_grow(program: Program, directory: Path) -> None:
    """A limit on the size of files neither kills it nor makes a file that cannot be read."""
    number = 20_000
    grow = {"do": "each", "from": 0, "to": number - 1, "name": "hits", "labels": ["#" + "x" * 100]}
    content = scenario([counter(labels=["a"], limit=number), counter("more")], inc("more"), grow, inc("more"))
    path = written(program, directory, content, before=partial(limit, ROOM))
    grown, more = families(said(path))
    expect(more["series"][0]["value"], "2", "a counter that was there before")
    found = {series["labels"][0] for series in grown["series"]} - {OVERFLOW}
    if len(found) >= number or found != {f"{place}{'x' * 100}" for place in range(len(found))}:
        raise Failure(f"of {number} series, in {ROOM >> 10} KiB, there are {len(found)}, and not the first ones")


def _no_room_at_all(content: dict[str, Any], program: Program, directory: Path) -> None:
    refused(program, directory, content, "files may have 100 bytes here", before=partial(limit, 100))


def _no_directory(content: dict[str, Any], program: Program, directory: Path) -> None:
    where, _ = prepared(directory, content)
    status, lines = program.answer(where, directory / "none" / "it.mmstats")
    if status != 1 or not lines or "error" not in lines[-1]:
        raise Failure(f"a directory that is not there: status {status}, and it printed {shown(lines)}")


def _open_directory(program: Program, directory: Path) -> None:
    """Where everybody may replace files nothing is made; with the sticky bit it is."""
    content = scenario([counter()])
    out = prepared(directory, content)[1].parent
    out.chmod(0o777)
    refused(program, directory, content, "a directory that everybody may write to")
    out.chmod(0o1777)
    said(written(program, directory, content))


#: Names that are taken already, the name that is asked for, and the one that is given.
NAMES = [
    (["it.mmstats"], "it.mmstats", "it-1.mmstats"),
    (["it.mmstats", "it-1.mmstats", "it-2.mmstats"], "it.mmstats", "it-3.mmstats"),
    (["it"], "it", "it-1"),
    (["a.b.mmstats"], "a.b.mmstats", "a.b-1.mmstats"),
    ([".it"], ".it", ".it-1"),
    (["..it.x"], "..it.x", "..it-1.x"),
    (["it."], "it.", "it-1."),
]


def _names(content: dict[str, Any], program: Program, directory: Path) -> None:
    """A name is never taken from a file that is there."""
    for number, (taken, asked, given) in enumerate(NAMES):
        place = directory / str(number)
        place.mkdir()
        where, path = prepared(place, content, asked)
        for name in taken:
            (path.parent / name).write_bytes(b"mine")
        status, lines = program.answer(where, path)
        expect((status, [Path(line["path"]).name for line in lines]), (0, [given]), f"beside {taken}, {asked}")
        said(path.parent / given)
        if any((path.parent / name).read_bytes() != b"mine" for name in taken):
            raise Failure(f"of {taken} one was changed")


def _link(content: dict[str, Any], program: Program, directory: Path) -> None:
    """A link that leads nowhere is a name that is taken, and is not followed."""
    where, path = prepared(directory, content)
    path.symlink_to(directory / "elsewhere")
    status, lines = program.answer(where, path)
    expect((status, lines), (0, [{"path": str(path.with_name("it-1.mmstats"))}]), "beside a link of its name")
    if (directory / "elsewhere").exists() or not path.is_symlink():
        raise Failure("it followed or replaced a link that had its name")


def _two(content: dict[str, Any], program: Program, directory: Path) -> None:
    """Two that start at once under one name have a file each."""
    arguments = prepared(directory, content)
    for _ in range(3):
        for name in os.listdir(arguments[1].parent):
            (arguments[1].parent / name).unlink()
        with program.start(*arguments) as one, program.start(*arguments) as other:
            paths = [Path(talk.expect("path")) for talk in (one, other)]
            for talk in (one, other):
                waiting(talk)
            if sorted(path.name for path in paths) != ["it-1.mmstats", "it.mmstats"]:
                raise Failure(f"two at once have the paths {shown([str(path) for path in paths])}")
            for path in paths:
                said(path)


def _modes(content: dict[str, Any], program: Program, directory: Path) -> None:
    """Others read, none writes; less what the process's umask takes."""
    for umask, mode in ((0o000, 0o644), (0o022, 0o644), (0o077, 0o600)):
        place = directory / f"{umask:o}"
        place.mkdir()
        path = written(program, place, content, before=partial(os.umask, umask))
        expect(oct(stat.S_IMODE(path.stat().st_mode)), oct(mode), f"the mode, where the umask is {umask:03o}")


def _complete(content: dict[str, Any], program: Program, directory: Path) -> None:
    """Whenever the name is there, the file behind it is whole, and locked by who will ever lock it."""
    where, path = prepared(directory, content)
    for _ in range(8):
        with program.start(where, path) as talk:
            end = time.monotonic() + program.seconds
            while not path.exists():
                if time.monotonic() > end or not talk.alive():
                    break
            found, lock = _files.canonical(path.read_bytes()), lock_of(path)
            talk.expect("path")
            waiting(talk)
            expect(found, _files.canonical(path.read_bytes()), "the file when its name appeared")
            expect(lock and lock.kind, (now := lock_of(path)) and now.kind, "the lock when its name appeared")
            if others := sorted(set(os.listdir(path.parent)) - {path.name}):
                raise Failure(f"beside its file it left {others}")
        path.unlink()


def _lock(content: dict[str, Any], program: Program, directory: Path) -> None:
    """It holds an exclusive lock on the whole file as long as it runs, and says which."""
    where, path = prepared(directory, content)
    with program.start(where, path) as talk:
        talk.expect("path")
        waiting(talk)
        lock = lock_of(path)
        path.read_bytes()
        found = said(path)
        if found["version"] == 2:
            expected = [] if lock and not lock.pid else ["record lock"] if lock else ["no lock"]
            locks = [feature for feature in found["features"] if feature in ("record lock", "no lock")]
            expect(locks, expected, f"the features, where the lock is {lock}")
        if not lock and (found["version"] == 2 or not _mapped(talk, path)):
            raise NotApplicable("it holds no lock, as a writer through write calls may")
        if not lock:
            raise Failure("it holds no lock")
        if lock.pid not in (0, talk.pid) or (lock.start, lock.length) != (0, 0):
            raise Failure(f"the lock is not on the whole file, or not its own: {lock}")
        talk.kill()
        talk.wait()
        if lock_of(path):
            raise Failure("after its end the file is still locked")


def _mapped(talk: Talk, path: Path) -> bool:
    # By its inode: a file that was made without a name has none there.
    lines = Path(f"/proc/{talk.pid}/maps").read_text().splitlines()
    return str(path.stat().st_ino) in {line.split()[4] for line in lines}


def _write_calls(program: Program, directory: Path) -> None:
    """Who does not map the file stores through calls, and says so."""
    with program.start(*prepared(directory, scenario([counter()], inc("hits"), wait()))) as talk:
        path = Path(talk.expect("path"))
        waiting(talk)
        marked = "write calls" in said(path)["features"]
        if _mapped(talk, path):
            if marked:
                raise Failure("it has mapped the file, but has the bit of a writer through write calls")
            raise NotApplicable("it maps the file")
        if not marked:
            raise Failure("it does not map the file, and has not the bit of a writer through write calls")


def _forked(program: Program, directory: Path) -> None:
    """A child has a file of its own from its first update on, and it begins at nothing."""
    declared = [counter(), text("t", 8), counter("l", labels=["a"])]
    before = [inc("hits", "5"), do("set", "t", "parent"), inc("l", "1", "x")]
    child = [inc("hits", "2"), inc("l", "4", "y")]
    content = scenario(declared, *before, {"do": "fork", "steps": child}, inc("hits", "1"))
    status, lines = program.answer(*prepared(directory, content))
    parent, own = _two_paths(status, lines, directory)
    found = said(parent)
    wanted = [
        plain(declared[0], "6"),
        plain(declared[1], "parent"),
        After(declared[2], {("x",): "1"}),
    ]
    expect_families(found, wanted, "the parent's families")
    child_found = said(own)
    values = {
        (declared["name"], *series["labels"]): series["value"]
        for declared in child_found["families"]
        for series in declared["series"]
    }
    if {name: values.get((name,), "none") for name in ("hits", "t")} != {"hits": "2", "t": None}:
        raise Failure(f"the child's values are {values}")
    if values.get(("l", "y")) != "4" or values.get(("l", "x"), "0") != "0":
        raise Failure(f"the child's values are {values}")
    if child_found["writer"]["id"] == found["writer"]["id"] or child_found["writer"]["pid"] == found["writer"]["pid"]:
        raise Failure("the child's file has its parent's writer or process id")


def _two_paths(status: int, lines: list[Any], directory: Path) -> tuple[Path, Path]:
    if status or len(lines) != 2 or any(not isinstance(line, dict) or line.keys() != {"path"} for line in lines):
        raise Failure(f"status {status}, and it printed {shown(lines)}, where two paths were expected")
    first, second = (Path(line["path"]) for line in lines)
    if first == second or sorted(os.listdir(directory / "out")) != sorted([first.name, second.name]):
        raise Failure(f"there are {sorted(os.listdir(directory / 'out'))}, and it printed {first.name}, {second.name}")
    return first, second


def _forked_1(program: Program, directory: Path) -> None:
    """The same for version 1."""
    fields = [field("hits", "Q"), field("level", "d", buffered=False)]
    before = [inc("hits", "5"), do("set", "level", bits(2.5))]
    content = scenario1(fields, *before, {"do": "fork", "steps": [inc("hits", "2")]}, inc("hits", "1"))
    status, lines = program.answer(*prepared(directory, content))
    parent, own = _two_paths(status, lines, directory)
    expect([one["value"] for one in said(parent)["fields"]], ["6", bits(2.5)], "the parent's values")
    expect([one["value"] for one in said(own)["fields"]], ["2", bits(0.0)], "the child's values")


def _idle_child(content: dict[str, Any], program: Program, directory: Path) -> None:
    """A child that updates nothing has no file, and neither ends nor keeps its parent's lock."""
    where, path = prepared(directory, content)
    with program.start(where, path) as talk:
        talk.expect("path")
        waiting(talk, "parent")
        held = lock_of(path)
        talk.say()
        waiting(talk, "child")
        if os.listdir(path.parent) != [path.name]:
            raise Failure(f"a child that updated nothing made {os.listdir(path.parent)}")
        if not held:
            raise NotApplicable("it holds no lock")
        if not lock_of(path):
            raise Failure("a child ended its parent's lock")
        talk.kill()
        talk.wait()
        if lock_of(path):
            raise Failure("a child keeps its parent's lock after the parent's death")


def _handed_over(program: Program, directory: Path) -> None:
    """A thread that takes over a file: what was only the other's is unset, what adds up or is kept goes on."""
    declared = [
        counter(),
        family("jobs", "gauge", "signed"),
        *(family(f"g {how}", "gauge", "float", how) for how in ("min", "max", "last", "all")),
        states("phase", "on", "off"),
        text("t", 8),
        family("s", "summary", "float"),
        histogram("h", 1.0),
        family("kept", "gauge", "signed", "max", kept=True),
        text("kept text", 8, kept=True),
    ]
    before = [
        *(inc("hits", "5"), inc("jobs", "2"), do("set", "phase", "on"), do("set", "t", "x")),
        *(do("set", f"g {how}", bits(1.0)) for how in ("min", "max", "last", "all")),
        *(do("observe", "s", bits(1.0)), do("observe", "h", bits(1.0)), do("set", "kept", "4")),
        do("set", "kept text", "y"),
    ]
    content = scenario(declared, *before, wait(), {"do": "hand-over"}, inc("hits", "1"), wait("over"))
    with program.start(*prepared(directory, content)) as talk:
        path = Path(talk.expect("path"))
        waiting(talk)
        thread = said(path)["writer"]["thread"]
        talk.say()
        waiting(talk, "over")
        found = said(path)
        if os.listdir(path.parent) != [path.name]:
            raise Failure(f"one file was to be handed over, and there are {sorted(os.listdir(path.parent))}")
        one = {"count": "1", "sum": bits(1.0), "min": bits(1.0), "max": bits(1.0), "last": bits(1.0)}
        values = ["6", "2", None, None, None, None, None, None, one, {"sum": bits(1.0), "counts": ["1", "0"]}, "4", "y"]
        expect_families(found, map(plain, declared, values), "the families handed over")
        if thread != "0" and found["writer"]["thread"] == thread:
            raise Failure(f"it still says that thread {thread} writes")


_IDLE = (wait("parent"), {"do": "fork", "steps": [wait("child")]})
_CONTENTS: dict[int, Callable[..., dict[str, Any]]] = {
    1: partial(scenario1, [field("hits", "Q")]),
    2: partial(scenario, [counter()]),
}
_Test = Callable[[Program, Path], None]


def _of_version(version: int) -> list[tuple[str, tuple[str, ...], _Test, bool]]:
    """What holds for the files of both versions; the rules of version 2 go back to those of version 1."""
    content = _CONTENTS[version]
    own = ("V2-W9",) if version == 2 else ()
    lock = "V2-W10" if version == 2 else "V1-W6"
    fork = "V2-W12" if version == 2 else "V1-W7"
    return [
        ("names-that-are-taken", ("V1-W4", *own), partial(_names, content()), False),
        ("a-link-in-the-way", ("V1-W5", *own), partial(_link, content()), False),
        ("two-at-once", ("V1-W4", *own), partial(_two, content(wait())), False),
        ("modes", ("V1-W5", *own), partial(_modes, content()), False),
        ("complete-when-it-appears", ("V1-W5", *own), partial(_complete, content(wait())), False),
        ("no-room", ("V1-W5", *own), partial(_no_room_at_all, content()), False),
        ("no-directory", ("V1-W5", *own), partial(_no_directory, content()), False),
        ("lock", (lock,), partial(_lock, content(wait())), False),
        ("a-child-that-does-nothing", (fork, lock), partial(_idle_child, content(*_IDLE)), True),
    ]


def cases() -> Cases:
    """All tests of what is around a writer's file."""
    found = [
        Case("writer/v2/header", ("V2-5", "V2-6", "V2-7", "V2-8", "V2-9", "V2-W9", "V2-W11"), _header),
        Case("writer/v2/grown", ("V2-W4", "V2-W8"), _grown),
        Case("writer/v2/no-room-to-grow", ("V2-W4",), _no_room_to_grow),
        Case("writer/v2/open-directory", ("V2-W9",), _open_directory),
        Case("writer/v2/write-calls", ("V2-W6",), _write_calls),
        Case("writer/v2/forked", ("V2-W12",), _forked, True),
        Case("writer/v2/handed-over", ("V2-W13",), _handed_over, True),
        Case("writer/v1/forked", ("V1-W7",), _forked_1, True),
    ]
    return found + [
        Case(f"writer/v{version}/{name}", rules, run, may_decline)
        for version in _files.VERSIONS
        for name, rules, run, may_decline in _of_version(version)
    ]
