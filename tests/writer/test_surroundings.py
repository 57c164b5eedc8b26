"""Hostile surroundings: no room, no descriptors, no right, names that are taken. No update fails, nothing is touched.

Real ones: each test that needs a full disk or a limit has it in a forked child of its own.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import itertools
import os
import resource
import socket
import stat
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.original import Missing
from mmstats_testing.running import descriptors, environment, skip_or_fail, within
from mmstats_testing.system_calls import UPDATES, count
from mmstats_testing.written import bits, canonical, number, values

import mmstats
from mmstats_format import system
from mmstats_writer import (
    AverageField,
    BaseMmStats,
    BoolField,
    CounterField,
    DoubleField,
    GaugeField,
    HistogramField,
    MovingAverageField,
    StateField,
    StringField,
    SummaryField,
    TextField,
    TimerField,
    Writer,
)

InChild = Callable[[Callable[[], Any]], Any]
InThread = Callable[[Callable[[], Any]], Any]

NOBODY = 65534
#: How many more descriptors a process under a limit may open.
DESCRIPTORS = 240


class Stats(BaseMmStats):
    hits = CounterField()
    seconds = CounterField(type=float)
    jobs = GaugeField(combine="sum", type=int)
    ratio = GaugeField()
    last = GaugeField(combine="last")
    mean = AverageField()
    span = SummaryField()
    moving = MovingAverageField(size=3)
    sizes = HistogramField(bounds=(1.0,))
    time = TimerField()
    phase = StateField(states=("begin", "end"))
    name = TextField()
    level = DoubleField()
    ready = BoolField()
    text = StringField()
    routed = CounterField(labelnames=("a",))


class Old(BaseMmStats):
    format = 1
    hits = CounterField()
    level = DoubleField()
    text = StringField()
    mean = AverageField()
    time = TimerField()


def use(stats: Any) -> None:
    """An update of each kind."""
    stats.hits.inc()
    stats.level = 2.5
    stats.text = "y"
    stats.mean.add(4)
    with stats.time.time():
        pass
    if isinstance(stats, Stats):
        stats.seconds.inc(0.5)
        stats.jobs.inc(2)
        stats.ratio.set(0.25)
        stats.last.set(8)
        stats.span.observe(3)
        stats.moving.add(9)
        stats.sizes.observe(1)
        stats.phase.set("end")
        stats.name.set("x")
        stats.ready = True
        stats.routed.labels(a="b").inc()


def used(path: str) -> int:
    """How many uses a version 2 file shows, in which all kinds agree."""
    found = values(path)
    times = int(found["hits"])
    assert number(found["seconds"]) == times / 2
    assert (int(found["jobs"]), found["ratio"], found["last"]["value"]) == (2 * times, bits(0.25), bits(8.0))
    assert [int(found[name]["count"]) for name in ("mean", "span")] == [times, times]
    assert (found["moving"], found["sizes"]["counts"]) == (bits(9.0), [str(times), "0"])
    assert sum(map(int, found["time"]["counts"])) == times
    plain = (found["phase"], found["name"], found["level"], found["ready"], found["text"])
    assert plain == ("end", "x", bits(2.5), True, "y")
    assert found["routed"] == {("b",): str(times)}
    return times


def mount(directory: Path, size: str = "128k") -> None:
    """A small file system in memory over the directory, which this process alone sees and which ends with it."""
    libc = ctypes.CDLL(None, use_errno=True)
    new_namespace, private_below = 0x20000, 0x44000
    if (
        libc.unshare(new_namespace)
        or libc.mount(b"none", b"/", None, private_below, None)
        or libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, f"size={size}".encode())
    ):
        raise Missing(os.strerror(ctypes.get_errno()))


class Trouble(NamedTuple):
    """Something for want of which no file can be made.

    Attributes:
        begin: bring it about, in this process.
        end: take it away.
        code: what making a file fails with.
        before: what the process needs for it.
    """

    begin: Callable[[Path], object]
    end: Callable[[Path], object]
    code: int
    before: Callable[[Path], object] = lambda directory: None


def fill(directory: Path) -> None:
    with open(directory / "filler", "wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(4096)):
            pass


def limit(kind: int, soft: int | None = None) -> None:
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (hard if soft is None else soft, hard))


def limit_descriptors(directory: Path | None = None) -> None:
    """Leave this process room for as many, however many there are of what ran before it."""
    taken = set(descriptors())
    free = (number for number in itertools.count() if str(number) not in taken)
    limit(resource.RLIMIT_NOFILE, next(itertools.islice(free, DESCRIPTORS - 1, None)) + 1)


_taken: list[int] = []


def take_descriptors(directory: Path) -> None:
    with contextlib.suppress(OSError):
        while True:
            _taken.append(os.open(os.devnull, os.O_RDONLY))


def give_descriptors_back(directory: Path) -> None:
    while _taken:
        os.close(_taken.pop())


def become_nobody(directory: Path) -> None:
    """Who can reach neither this nor what is in it."""
    if os.geteuid():
        directory.chmod(0)
    else:
        os.seteuid(NOBODY)


def become_oneself(directory: Path) -> None:
    os.seteuid(os.getuid())
    directory.chmod(0o700)


TROUBLES = {
    "a full disk": Trouble(fill, lambda directory: os.unlink(directory / "filler"), errno.ENOSPC, mount),
    "a limit on size": Trouble(
        lambda _: limit(resource.RLIMIT_FSIZE, 1), lambda _: limit(resource.RLIMIT_FSIZE), errno.EFBIG
    ),
    "no directory": Trouble(
        lambda directory: directory.rename(directory.with_name("aside")),
        lambda directory: directory.with_name("aside").rename(directory),
        errno.ENOENT,
    ),
    "no right": Trouble(become_nobody, become_oneself, errno.EACCES),
    "no descriptors": Trouble(take_descriptors, give_descriptors_back, errno.EMFILE, limit_descriptors),
    "a directory open to all": Trouble(
        lambda directory: directory.chmod(0o777), lambda directory: directory.chmod(0o700), errno.EPERM
    ),
}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The writer's clock, which stands still: when it tries again is the test's to say."""
    time = [1000.0]
    monkeypatch.setattr("mmstats_writer._file2.time.monotonic", lambda: time[0])
    return time


@pytest.fixture(params=TROUBLES)
def trouble(request: pytest.FixtureRequest) -> Trouble:
    return TROUBLES[request.param]


@pytest.fixture
def in_trouble(in_child: InChild, directory: Path, trouble: Trouble) -> InChild:
    """Run a function in a forked child that can get into the trouble."""

    def prepared(function: Callable[[], Any]) -> Any:
        try:
            trouble.before(directory)
        except Missing as missing:
            return missing
        return function()

    def run(function: Callable[[], Any]) -> Any:
        result = in_child(lambda: prepared(function))
        if isinstance(result, Missing):
            skip_or_fail(f"no file system can be mounted here: {result}")
        return result

    return run


class TestTrouble:
    @pytest.mark.parametrize(
        ("trouble", "kind"),
        [
            (name, kind)
            for name, trouble in TROUBLES.items()
            for kind in (Stats, Writer, Old, mmstats.MmStats)
            if trouble.code != errno.EPERM or kind in (Stats, Writer)  # version 1 goes on there
        ],
        indirect=["trouble"],
    )
    def test_an_instance_that_cannot_be_made_is_an_oserror_with_the_path_and_leaves_nothing(
        self, directory: Path, trouble: Trouble, in_trouble: InChild, kind: Any
    ) -> None:
        def make() -> tuple[Any, ...]:
            before = len(descriptors())
            trouble.begin(directory)
            try:
                kind(filename="it")
            except OSError as error:
                raised = error
            trouble.end(directory)
            return raised.errno, raised.filename, os.listdir(directory), len(descriptors()) - before

        assert in_trouble(make) == (trouble.code, str(directory / "it"), [], 0)

    def test_an_instance_that_is_made_afterwards_knows_all_of_itself(
        self, directory: Path, trouble: Trouble, in_trouble: InChild
    ) -> None:
        """3.3: what could not be asked for in the trouble is not taken for unknown."""
        system._boot_id.cache_clear()

        def make() -> dict[str, str]:
            trouble.begin(directory)
            with contextlib.suppress(OSError):
                Writer()
            trouble.end(directory)
            writer: dict[str, str] = canonical(Writer().filename)["writer"]
            return writer

        assert [name for name, value in in_trouble(make).items() if not value.strip("0")] == []

    def test_what_is_there_is_updated_as_before(self, directory: Path, trouble: Trouble, in_trouble: InChild) -> None:
        """No store can be a signal: the room was reserved."""

        def work() -> tuple[int, int]:
            stats, old = Stats(), Old()
            use(stats)
            trouble.begin(directory)
            for _ in range(9):
                use(stats)
                use(old)
            trouble.end(directory)
            fields = {field.label: field for field in parsed(Path(old.filename).read_bytes()).fields}
            hits = fields[b"hits"]
            return used(stats.filename), int.from_bytes(hits.buffers[1 - hits.index], "little")

        assert in_trouble(work) == (10, 9)

    @pytest.mark.parametrize("who", ["thread", "child"])
    def test_a_thread_or_child_without_a_file_counts_in_private_and_then_all_is_in_its_file(
        self,
        directory: Path,
        now: list[float],
        trouble: Trouble,
        in_trouble: InChild,
        in_thread: InThread,
        in_child: InChild,
        caplog: pytest.LogCaptureFixture,
        who: str,
    ) -> None:
        """V2-W12, V2-W13. One warning, and tries at growing intervals."""

        def late() -> tuple[Any, ...]:
            stats, files = Stats(), len(os.listdir(directory))

            def work() -> tuple[Any, ...]:
                trouble.begin(directory)
                for _ in range(30):
                    use(stats)
                    now[0] += 0.5
                private = stats.hits.value
                trouble.end(directory)
                there = len(os.listdir(directory)) - files
                now[0] += 61
                use(stats)
                return private, there, used(stats.filename), len(caplog.records)

            found: tuple[Any, ...] = (in_thread if who == "thread" else in_child)(work)
            return found

        assert in_trouble(late) == (30, 0, 31, 1)

    def test_a_new_label_set_counts_in_private_and_then_is_in_the_file(
        self, directory: Path, now: list[float], trouble: Trouble, in_trouble: InChild, caplog: pytest.LogCaptureFixture
    ) -> None:
        """V2-W4. In a directory that is open to all a file that is there may grow."""

        def work() -> tuple[Any, ...]:
            stats = Stats()
            use(stats)
            size = stats.size
            trouble.begin(directory)
            for amount in range(100):
                stats.routed.labels(a=f"{amount:0200}").inc(amount)
            private = [stats.routed.labels(a=f"{amount:0200}").value for amount in range(100)]
            trouble.end(directory)
            grown = stats.size != size
            now[0] += 61
            stats.routed.labels(a="b").inc()
            for amount in range(100):
                stats.routed.labels(a=f"{amount:0200}").inc()
            found = {labels[0]: int(value) for labels, value in values(stats.filename)["routed"].items()}
            return private, grown, found, len(caplog.records)

        private, grown, found, warnings = in_trouble(work)
        assert private == list(range(100))
        assert found == {f"{amount:0200}": amount + 1 for amount in range(100)} | {"b": 2}
        assert (grown, warnings) == ((True, 0) if trouble.code == errno.EPERM else (False, 1))

    def test_each_trouble_is_told_once_in_each_process(
        self, directory: Path, now: list[float], in_child: InChild, caplog: pytest.LogCaptureFixture
    ) -> None:
        trouble, stats = TROUBLES["no directory"], Stats()

        def child() -> int:
            use(stats)
            use(stats)
            return len(caplog.records)

        for turn in (1, 2):
            sets = [f"{turn}{number}" * 2000 for number in range(3)]
            trouble.begin(directory)
            for name in sets:
                stats.routed.labels(a=name).inc()
                now[0] += 1
            assert len(caplog.records) == turn
            assert in_child(child) == turn + 1
            trouble.end(directory)
            now[0] += 61
            for name in sets:
                stats.routed.labels(a=name).inc()
            assert [values(stats.filename)["routed"][name,] for name in sets] == ["2"] * 3


class TestDescriptors:
    @pytest.mark.parametrize("kind", [Stats, Old])
    @pytest.mark.parametrize("temporary", ["unnamed", "dotted"])
    def test_making_a_file_takes_four_and_fewer_are_an_oserror_that_leaves_nothing(
        self, directory: Path, in_child: InChild, monkeypatch: pytest.MonkeyPatch, temporary: str, kind: type[Any]
    ) -> None:
        """At whichever step there is none."""
        if temporary == "dotted":
            monkeypatch.delattr(os, "O_TMPFILE")

        def make(spare: int) -> tuple[Any, ...]:
            limit_descriptors()
            before = len(descriptors())
            take_descriptors(directory)
            for _ in range(spare):
                os.close(_taken.pop())
            raised = 0
            try:
                kind().remove()
            except OSError as error:
                raised = error.errno or -1
            give_descriptors_back(directory)
            return raised, os.listdir(directory), len(descriptors()) - before

        assert [in_child(lambda: make(spare)) for spare in range(5)] == [(errno.EMFILE, [], 0)] * 4 + [(0, [], 0)]  # noqa: B023

    def test_a_file_takes_two_and_one_more_each_time_it_has_grown(self) -> None:
        before = len(descriptors())
        stats = Stats()
        assert len(descriptors()) == before + 2
        size = stats.size
        for label in range(30):
            stats.routed.labels(a=f"{label:0200}").inc()
        assert stats.size != size
        assert len(descriptors()) == before + 2 + len(stats._file.here()._extents) - 1

    def test_two_hundred_threads_under_a_limit_of_descriptors_count_exactly(
        self, directory: Path, now: list[float], in_child: InChild, caplog: pytest.LogCaptureFixture
    ) -> None:
        """As many have a file as can; the others have theirs as soon as there are descriptors. It is told once."""
        threads = 200

        def work() -> tuple[Any, ...]:
            limit_descriptors()
            stats = Stats()
            together = threading.Barrier(threads + 1)
            raised: list[BaseException] = []

            def busy() -> None:
                try:
                    for _ in range(2):
                        for _ in range(10):
                            use(stats)
                        together.wait()
                        together.wait()
                except BaseException as error:
                    raised.append(error)
                    together.abort()

            workers = [threading.Thread(target=busy) for _ in range(threads)]
            for worker in workers:
                worker.start()
            together.wait()
            limit(resource.RLIMIT_NOFILE)
            files = len(os.listdir(directory))
            now[0] += 61
            together.wait()
            together.wait()
            found = [used(str(path)) for path in directory.iterdir() if str(path) != stats.filename]
            together.wait()
            for worker in workers:
                worker.join()
            return raised, files, found, len(caplog.records)

        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 4 * threads and hard != resource.RLIM_INFINITY:
            skip_or_fail(f"no more than {hard} descriptors may be open here")
        raised, files, found, warnings = in_child(work)
        assert raised == []
        assert DESCRIPTORS // 4 < files < DESCRIPTORS // 2
        assert found == [20] * threads
        assert warnings == 1

    def test_instances_beyond_the_limit_are_an_oserror_and_those_before_go_on(self, in_child: InChild) -> None:
        def work() -> tuple[Any, ...]:
            limit_descriptors()
            made: list[Stats] = []
            try:
                while True:
                    made.append(Stats())
            except OSError as error:
                refused = error.errno
            for stats in made:
                use(stats)
            paths = [stats.filename for stats in made]
            limit(resource.RLIMIT_NOFILE)
            return refused, len(made) > DESCRIPTORS // 4, {used(path) for path in paths}

        assert in_child(work) == (errno.EMFILE, True, {1})

    def test_where_there_is_none_for_the_warning_either_it_comes_later(self, directory: Path) -> None:
        """`logging` is loaded when it is needed."""
        program = """
            import os, resource, sys, threading, time
            from mmstats_writer import Writer
            place = os.environ["MMSTATS_PATH"]
            hits = Writer().counter("hits")
            assert "logging" not in sys.modules
            def work():
                hits.inc()
                while taken:
                    os.close(taken.pop())
                os.rename(place, place + ".aside")
                time.sleep(0.15)
                hits.inc()
                os.rename(place + ".aside", place)
                time.sleep(0.25)
                hits.inc()
            thread = threading.Thread(target=work)
            taken = []
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
            try:
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                thread.start()
            thread.join()
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            check=False,
            env=environment(MMSTATS_PATH=str(directory)),
        )
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert line.startswith("statistics stay in private memory for now: [Errno 2]")
        assert sorted(int(values(path)["hits"]) for path in directory.iterdir()) == [0, 3]


class TestDisabled:
    """`MMSTATS_DISABLE=1`: everything works on private memory, and nobody looks for the directory."""

    @pytest.mark.parametrize("kind", [Stats, Old])
    def test_every_kind_works_in_threads_and_children_and_there_is_no_file(
        self,
        directory: Path,
        monkeypatch: pytest.MonkeyPatch,
        in_thread: InThread,
        in_child: InChild,
        kind: type[Any],
    ) -> None:
        monkeypatch.setenv("MMSTATS_DISABLE", "1")
        stats = kind(path="/nowhere/at/all", on_exit="discard")

        def work() -> tuple[Any, ...]:
            use(stats)
            use(stats)
            seen = stats.hits.value, stats.level, stats.text, stats.mean.value
            if kind is Old:
                return seen, stats.time.value > 0
            assert (stats.seconds.value, stats.jobs.value, stats.ratio.value, stats.last.value) == (1.0, 4, 0.25, 8.0)
            assert (stats.span.count, stats.moving.value, stats.sizes.counts) == (2, 9.0, (2, 0))
            assert (stats.phase.value, stats.name.value, stats.ready) == ("end", "x", True)
            assert stats.routed.labels(a="b").value == 2
            return seen, stats.time.count == 2

        for run in (lambda function: function(), in_thread, in_child):
            assert run(work) == ((2, 2.5, "y", 4.0), True)
        stats.flush()
        assert str(stats.filename).startswith("/nowhere/at/all/")
        stats.remove()
        assert not os.listdir(directory)

    @pytest.mark.parametrize("version", UPDATES)
    def test_no_update_makes_a_system_call(self, version: int) -> None:
        times = 2000
        try:
            calls = count(version, dict.fromkeys(UPDATES[version], times), MMSTATS_DISABLE="1")
        except Missing as missing:
            skip_or_fail(str(missing))
        # What the interpreter does by itself now and then, such as asking for memory, is no matter.
        assert {kind: len(made) for kind, made in calls.items() if len(made) > times // 100} == {}
        assert {line for made in calls.values() for line in made if "open" in line or "fallocate" in line} == set()


def give_away(path: Path, target: Path) -> None:
    path.write_bytes(b"theirs")
    os.chown(path, NOBODY, NOBODY)


#: What can stand under the name that a writer wants.
TAKEN: dict[str, Callable[[Path, Path], object]] = {
    "a file": lambda path, target: path.write_bytes(b"precious"),
    "a link": lambda path, target: path.symlink_to(target),
    "a link to nothing": lambda path, target: path.symlink_to(target.with_name("nothing")),
    "a link to a directory": lambda path, target: path.symlink_to(target.parent),
    "a link to itself": lambda path, target: path.symlink_to(path),
    "another name of a file": lambda path, target: os.link(target, path),
    "a FIFO": lambda path, target: os.mkfifo(path),
    "a socket": lambda path, target: socket.socket(socket.AF_UNIX).bind(str(path)),
    "a directory": lambda path, target: path.mkdir(),
    "a device": lambda path, target: os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 7)),
    "another user's file": give_away,
}


class TestNames:
    @pytest.mark.filterwarnings("ignore::ResourceWarning")  # a socket that is bound, and let go
    @pytest.mark.parametrize("taken", TAKEN)
    @pytest.mark.parametrize("temporary", ["unnamed", "dotted"])
    @pytest.mark.parametrize("kind", [Stats, Old, mmstats.MmStats])
    def test_what_has_the_name_is_neither_touched_nor_followed(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, taken: str, temporary: str, kind: Any
    ) -> None:
        """V1-W4, V2-W9: the writer takes the next name."""
        if temporary == "dotted":
            monkeypatch.delattr(os, "O_TMPFILE")
        target = directory / "target"
        target.write_bytes(b"precious")
        names = [directory / name for name in ("it.mmstats", "it-1.mmstats")]
        for name in names:
            try:
                TAKEN[taken](name, target)
            except PermissionError:
                skip_or_fail(f"{taken} cannot be made here")

        def seen() -> list[tuple[Any, ...]]:
            status = [os.lstat(path) for path in (*names, target)]
            return [
                (s.st_ino, s.st_mode, s.st_nlink, s.st_uid, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for s in status
            ]

        before = seen()
        with within(10):
            stats = kind(filename="it.mmstats")
        assert stats.filename == str(directory / "it-2.mmstats")
        assert seen() == before
        assert sorted(os.listdir(directory)) == ["it-1.mmstats", "it-2.mmstats", "it.mmstats", "target"]
        stats.remove()
        assert seen() == before

    def test_a_link_under_a_temporary_name_is_not_followed(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """V1-W5. Nobody can guess the name; here somebody did."""
        monkeypatch.delattr(os, "O_TMPFILE")
        monkeypatch.setattr(os, "urandom", bytes)
        target = directory / "target"
        (directory / f".{bytes(8).hex()}").symlink_to(target)
        with pytest.raises(FileExistsError):
            Stats()
        assert not target.exists()

    def test_a_file_that_a_link_has_taken_the_place_of_does_not_grow(
        self, directory: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        stats = Stats(filename="it")
        (directory / "it").rename(directory / "aside")
        (directory / "it").symlink_to("aside")
        before = (directory / "aside").stat().st_size
        for label in range(50):
            stats.routed.labels(a=f"{label:0200}").inc()
        assert (directory / "aside").stat().st_size == before
        assert "Too many levels of symbolic links" in caplog.text

    def test_a_directory_may_be_a_link(self, directory: Path) -> None:
        (directory / "real").mkdir()
        (directory / "link").symlink_to("real")
        stats = Stats(path=directory / "link", filename="it")
        use(stats)
        assert used(str(directory / "real" / "it")) == 1


class TestADirectoryOpenToAll:
    """Whoever may write to a directory without the sticky bit may replace any file in it."""

    @pytest.fixture
    def exposed(self, directory: Path) -> Path:
        place = directory / "open"
        place.mkdir()
        place.chmod(0o777)
        return place

    @pytest.mark.parametrize("through", ["itself", "a link"])
    @pytest.mark.parametrize("kind", [Stats, Writer, lambda path: mmstats.MmStats(path=path, format=2)])
    def test_version_2_is_refused_there_and_it_says_what_helps(
        self, exposed: Path, through: str, kind: Callable[..., Any]
    ) -> None:
        path = exposed
        if through == "a link":
            path = exposed.with_name("link")
            path.symlink_to(exposed)
        with pytest.raises(PermissionError, match="everybody may replace the files in") as refusal:
            kind(path=str(path))
        assert repr(str(path)) in str(refusal.value)
        assert "chmod +t" in str(refusal.value)
        assert not os.listdir(exposed)

    @pytest.mark.parametrize("kind", [Old, mmstats.MmStats])
    def test_version_1_goes_on_with_one_warning(
        self, exposed: Path, caplog: pytest.LogCaptureFixture, in_thread: InThread, kind: Any
    ) -> None:
        """The original's users have such directories."""
        stats = [kind(path=str(exposed)) for _ in range(2)]
        in_thread(lambda: stats[0].filename)
        assert len(os.listdir(exposed)) == 3
        (record,) = caplog.records
        assert str(exposed) in record.getMessage()
        assert "chmod +t" in record.getMessage()

    @pytest.mark.parametrize("mode", [0o1777, 0o770, 0o775, 0o700])
    def test_any_other_directory_is_taken(self, exposed: Path, caplog: pytest.LogCaptureFixture, mode: int) -> None:
        exposed.chmod(mode)
        for kind in (Stats, Old):
            kind(path=str(exposed)).remove()
        assert not caplog.records

    def test_another_users_directory_is_taken(self, exposed: Path) -> None:
        """Containers share such ones."""
        if os.geteuid():
            skip_or_fail("only root can give a directory away")
        exposed.chmod(0o755)
        os.chown(exposed, NOBODY, NOBODY)
        stats = Stats(path=exposed)
        use(stats)
        assert used(stats.filename) == 1
