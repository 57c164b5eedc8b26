"""A file's life: who it says it is, how it comes to be, that it holds its lock, how it ends (V2-W9 to V2-W11)."""

from __future__ import annotations

import builtins
import errno
import gc
import mmap
import os
import platform
import stat
import subprocess
import sys
import textwrap
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from mmstats_testing.locks import locked
from mmstats_testing.running import descriptors, environment
from mmstats_testing.slots import document
from mmstats_testing.written import canonical, values

from mmstats_format import ClosedError, UnsupportedHost, system
from mmstats_writer import (
    BaseMmStats,
    CounterField,
    DoubleField,
    GaugeField,
    HistogramField,
    StaticTextField,
    TextField,
    Writer,
)

InThread = Callable[[Callable[[], Any]], Any]


class Stats(BaseMmStats):
    hits = CounterField(help="Hits")
    ratio = GaugeField()
    sizes = HistogramField(bounds=(1.0, 2.0))
    name = TextField()
    level = DoubleField()
    by_kind = CounterField(labelnames=("kind",))
    release = StaticTextField(value="1.0")


def run(program: str, directory: Path) -> str:
    """Standard output of a program that writes there, which ends well and says nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        env=environment(MMSTATS_PATH=str(directory)),
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


class TestIdentity:
    """3.3, R8: the header says who writes."""

    def test_process_thread_boot_and_host_are_the_systems(self) -> None:
        before = time.time_ns()
        stats = Stats(app="shop")
        after = time.time_ns()
        writer = canonical(stats.filename)["writer"]
        assert before <= int(writer.pop("created")) <= after
        assert len(writer.pop("id")) == 32
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        assert writer == {
            "app": "shop",
            "host": platform.node(),
            "pid": str(os.getpid()),
            "thread": str(threading.get_native_id()),
            "start": fields[19],
            "boot": uuid.UUID(Path("/proc/sys/kernel/random/boot_id").read_text().strip()).hex,
            "namespace": str(os.stat("/proc/self/ns/pid").st_ino),
        }

    def test_each_file_has_an_id_of_its_own(self, in_thread: InThread) -> None:
        """V2-W9: random."""
        stats = Stats()
        paths = [stats.filename, Stats().filename, Writer().filename, in_thread(lambda: stats.filename)]
        assert len({canonical(path)["writer"]["id"] for path in paths}) == 4

    def test_a_file_of_a_machine_that_keeps_stores_in_order_has_no_features(self) -> None:
        """V2-W7; the lock is held, so `no lock` is not among them (V2-W10)."""
        features = canonical(Stats().filename)["features"]
        assert features == ([] if platform.machine() in ("x86_64", "s390x") else ["unordered"])

    def test_it_stores_through_its_mapping_alone(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """V2-W6 is for others: it makes no write calls, and does not say that it did."""
        stats = Stats()
        monkeypatch.setattr(os, "write", None)
        monkeypatch.setattr(os, "pwrite", None)
        stats.hits.inc(3)
        stats.sizes.observe(1)
        monkeypatch.undo()
        assert values(stats.filename)["hits"] == "3"
        assert "write calls" not in canonical(stats.filename)["features"]

    @pytest.mark.parametrize("machine", ["aarch64", "ppc64le", "riscv64"])
    def test_on_others_it_says_so(self, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
        """V2-W7."""
        name = SimpleNamespace(nodename="box", machine=machine)
        monkeypatch.setattr(os, "uname", lambda: name)
        assert canonical(Stats().filename)["features"] == ["unordered"]

    def test_without_locks_it_says_so(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """V2-W10."""
        monkeypatch.delattr("fcntl.F_OFD_SETLK")
        stats = Stats()
        assert not locked(stats.filename)
        assert "no lock" in canonical(stats.filename)["features"]

    @pytest.mark.parametrize("gone", ["/proc/self/stat", "/proc/sys/kernel/random/boot_id", "/proc/self/ns/pid"])
    def test_what_the_system_does_not_tell_is_zero(self, monkeypatch: pytest.MonkeyPatch, gone: str) -> None:
        """3.3: unknown."""
        for cached in (system._boot_id, system._namespace_of):
            cached.cache_clear()
        for module, name, real in ((os, "open", os.open), (os, "stat", os.stat), (builtins, "open", open)):

            def fake(path: Any, *rest: Any, real: Any = real, **named: Any) -> Any:
                if path == gone:
                    raise FileNotFoundError(errno.ENOENT, "gone", path)
                return real(path, *rest, **named)

            monkeypatch.setattr(module, name, fake)
        writer = canonical(Stats().filename)["writer"]
        monkeypatch.undo()
        for cached in (system._boot_id, system._namespace_of):
            cached.cache_clear()
        part, unknown = {"stat": ("start", "0"), "boot_id": ("boot", "0" * 32), "pid": ("namespace", "0")}[
            gone.rpartition("/")[2]
        ]
        assert {name for name, value in writer.items() if not value.strip("0")} == {part}
        assert writer[part] == unknown


class TestMaking:
    def test_a_file_is_whole_and_locked_before_it_has_its_name(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """V2-W9, by V1-W5: all metrics, constants and the lock are there when it is linked."""
        seen: list[bytes] = []
        link = os.link

        def look(source: str, target: str, **options: Any) -> None:
            place = os.open(source, os.O_RDONLY, dir_fd=options["src_dir_fd"])
            seen.append(os.read(place, 1 << 20))
            os.close(place)
            assert locked(source if os.path.isabs(source) else directory / source)
            link(source, target, **options)

        monkeypatch.setattr(os, "link", look)
        stats = Stats()
        assert seen == [Path(stats.filename).read_bytes()]
        assert values(stats.filename)["release"] == "1.0"
        assert os.listdir(directory) == [os.path.basename(stats.filename)]

    def test_it_is_a_multiple_of_the_page_in_size_and_on_disk(self) -> None:
        """V2-W9, by V1-W5: the space is there, not promised."""
        status = os.stat(Stats().filename)
        assert status.st_size % mmap.PAGESIZE == 0
        assert status.st_blocks * 512 >= status.st_size
        assert stat.S_IMODE(status.st_mode) & 0o133 == 0

    def test_one_hundred_counters_with_help_of_sixty_bytes_take_16_kib(self) -> None:
        counters: dict[str, Any] = {f"counter_{number:02}": CounterField(help="x" * 60) for number in range(100)}
        stats = type("Hundred", (BaseMmStats,), counters)()
        assert len(values(stats.filename)) == 100
        assert os.stat(stats.filename).st_blocks * 512 <= 16 * 1024
        assert stats.size == os.stat(stats.filename).st_size

    def test_a_name_that_is_taken_gets_a_suffix(self, directory: Path) -> None:
        """V1-W4, V2-W9: no name is ever taken from another file."""
        (directory / "a.b.mmstats").write_bytes(b"another's")
        paths = [Stats(filename="a.b.mmstats").filename for _ in range(2)]
        assert [os.path.basename(path) for path in paths] == ["a.b-1.mmstats", "a.b-2.mmstats"]
        assert (directory / "a.b.mmstats").read_bytes() == b"another's"

    @pytest.mark.parametrize("call", ["posix_fallocate", "write", "link", "fstat"])
    @pytest.mark.parametrize("kind", [Stats, Writer])
    def test_a_failure_is_an_oserror_and_leaves_nothing(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, call: str, kind: type[Any]
    ) -> None:
        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.ENOSPC, "no space")

        gc.collect()
        before = len(descriptors())
        monkeypatch.setattr(os, call, fail)
        with pytest.raises(OSError, match="no space") as failure:
            kind()
        monkeypatch.undo()
        assert failure.value.filename.startswith(str(directory))
        assert not os.listdir(directory)
        assert len(descriptors()) == before

    @pytest.mark.parametrize("kind", [Stats, Writer])
    def test_a_directory_that_is_not_there_is_an_oserror(self, kind: type[Any]) -> None:
        with pytest.raises(FileNotFoundError, match="/nowhere/at/all"):
            kind(path="/nowhere/at/all")

    @pytest.mark.parametrize("kind", [Stats, Writer])
    def test_other_hosts_are_refused(self, directory: Path, monkeypatch: pytest.MonkeyPatch, kind: type[Any]) -> None:
        monkeypatch.setattr(sys, "byteorder", "big")
        with pytest.raises(UnsupportedHost, match="64-bit little-endian"):
            kind(path=str(directory))
        assert not os.listdir(directory)

    def test_a_disabled_one_makes_no_file_and_its_values_work(
        self, directory: Path, monkeypatch: pytest.MonkeyPatch, in_thread: InThread
    ) -> None:
        monkeypatch.setenv("MMSTATS_DISABLE", "1")
        stats, writer = Stats(), Writer()
        monkeypatch.delenv("MMSTATS_DISABLE")
        stats.hits.inc(3)
        stats.ratio = 0.5  # type: ignore[assignment]  # what a gauge takes
        stats.sizes.observe(1)
        stats.name.set("x")
        stats.level = 2.5
        stats.by_kind.labels(kind="a").inc()
        writer.counter("late").inc(7)
        assert in_thread(lambda: stats.hits.value) == 0
        found = (stats.hits.value, stats.ratio.value, stats.sizes.counts, stats.name.value, stats.level, stats.release)
        assert found == (3, 0.5, (1, 0, 0), "x", 2.5, "1.0")
        assert stats.by_kind.labels(kind="a").value == 1
        stats.flush()
        assert stats.size is None
        assert not os.listdir(directory)
        stats.remove()
        with pytest.raises(ClosedError):
            stats.hits.inc()


class TestTheLock:
    """V2-W10, by V1-W6."""

    def test_it_is_held_until_the_file_is_removed(self, directory: Path) -> None:
        stats = Stats()
        os.link(stats.filename, directory / "kept")
        assert locked(stats.filename)
        stats.remove()
        assert not locked(directory / "kept")

    def test_a_reader_in_the_writers_process_leaves_it(self) -> None:
        stats = Stats()
        document(stats.filename)
        assert locked(stats.filename)

    def test_neither_mapping_nor_fork_keeps_it_when_the_writer_is_killed(self, directory: Path) -> None:
        program = """
            import os, signal, time
            from mmstats_writer import Writer
            writer = Writer(filename="it")
            hits = writer.counter("hits", labelnames=("number",))
            for number in range(200):
                hits.labels(number=number).inc()
            child = os.fork()
            if not child:
                os.close(1)
                os.close(2)
                time.sleep(60)
            print(child, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        """
        command = [sys.executable, "-c", textwrap.dedent(program)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            child = int(process.stdout.read())
        try:
            assert len(document(directory / "it").extents) > 1
            assert not locked(directory / "it")
        finally:
            os.kill(child, 9)


class TestTheEnd:
    """V2-W11: on a clean end the state is closed, and nothing is stored afterwards."""

    def test_it_is_live_until_then(self) -> None:
        assert canonical(Stats().filename)["state"] == "live"

    def test_at_the_interpreters_exit(self, directory: Path) -> None:
        program = """
            import atexit, threading
            from mmstats_writer import Writer
            atexit.register(lambda: hits.inc(100))  # runs before
            writer = Writer(filename="it")
            hits = writer.counter("hits")
            hits.inc(2)
            thread = threading.Thread(target=lambda: (hits.inc(), writer.filename))
            thread.start()
            thread.join()
        """
        run(program, directory)
        found = [canonical(path) for path in directory.iterdir()]
        assert [one["state"] for one in found] == ["closed", "closed"]
        assert sorted(one["families"][0]["series"][0]["value"] for one in found) == ["1", "102"]

    def test_what_comes_after_it_is_not_stored_and_no_error(self, directory: Path) -> None:
        program = """
            import atexit
            hits = []
            atexit.register(lambda: (hits[0].inc(5), print(hits[0].value)))  # runs after what comes later
            from mmstats_writer import Writer
            hits.append(Writer(filename="it").counter("hits"))
            hits[0].inc(2)
        """
        assert run(program, directory) == "7\n"
        assert (canonical(directory / "it")["state"], values(directory / "it")) == ("closed", {"hits": "2"})

    def test_with_an_instance_that_nobody_has_any_more(self, directory: Path) -> None:
        stats = Stats()
        stats.hits.inc(4)
        path = stats.filename
        del stats
        gc.collect()
        assert canonical(path)["state"] == "closed"
        assert values(path)["hits"] == "4"
        assert not locked(path)

    def test_a_metric_that_is_kept_keeps_the_file(self) -> None:
        stats = Stats()
        path, hits = stats.filename, stats.hits
        del stats
        gc.collect()
        hits.inc(4)
        assert (canonical(path)["state"], values(path)["hits"]) == ("live", "4")
        assert locked(path)

    def test_a_process_that_is_killed_leaves_a_live_state_and_a_free_lock(self, directory: Path) -> None:
        program = """
            import os
            from mmstats_writer import Writer
            Writer(filename="it").counter("hits").inc(2)
            os._exit(0)
        """
        run(program, directory)
        assert (canonical(directory / "it")["state"], values(directory / "it")) == ("live", {"hits": "2"})
        assert not locked(directory / "it")


class TestRemoval:
    def test_the_files_of_all_threads_go_and_a_second_call_does_nothing(
        self, directory: Path, in_thread: InThread
    ) -> None:
        stats, other = Stats(), Stats()
        threads_file = in_thread(lambda: (stats.hits.inc(), stats.filename)[1])
        assert os.path.exists(threads_file)
        path = stats.filename
        stats.remove()
        stats.remove()
        assert os.listdir(directory) == [os.path.basename(other.filename)]
        assert (stats.size, path in os.listdir(directory)) == (None, False)

    def test_another_file_under_its_name_stays(self, directory: Path) -> None:
        stats = Stats(filename="it")
        os.unlink(directory / "it")
        (directory / "it").write_bytes(b"another's")
        stats.remove()
        assert (directory / "it").read_bytes() == b"another's"

    @pytest.mark.parametrize(
        "use",
        [
            lambda stats: stats.hits.inc(),
            lambda stats: stats.hits.value,
            lambda stats: stats.ratio.set(1),
            lambda stats: stats.sizes.observe(1),
            lambda stats: stats.name.set("x"),
            lambda stats: stats.name.value,
            lambda stats: setattr(stats, "level", 1.0),
            lambda stats: stats.level,
            lambda stats: stats.release,
            lambda stats: stats.by_kind.labels(kind="a").inc(),
            lambda stats: stats.by_kind.labels(kind="new"),
            lambda stats: stats.declare("late", CounterField()),
            lambda stats: stats.flush(),
        ],
    )
    def test_any_further_use_is_an_error(self, use: Callable[[Any], Any], in_thread: InThread) -> None:
        stats = Stats()
        stats.by_kind.labels(kind="a").inc()
        stats.remove()
        with pytest.raises(ClosedError, match="removed"):
            use(stats)
        with pytest.raises(ClosedError, match="removed"):
            in_thread(partial(use, stats))

    def test_a_kept_method_is_closed_too(self) -> None:
        stats = Stats()
        uses: list[Callable[[], Any]] = [
            stats.hits.inc,
            stats.by_kind.labels(kind="a").inc,
            lambda: stats.sizes.observe(1.0),
        ]
        stats.remove()
        for use in uses:
            with pytest.raises(ClosedError, match="removed"):
                use()


class Watched:
    """A mapping whose `flush` only calls a function."""

    def __init__(self, mapping: mmap.mmap, flushed: Callable[[object], None]) -> None:
        self._mapping, self._flushed = mapping, flushed

    def __len__(self) -> int:
        return len(self._mapping)

    def flush(self) -> None:
        self._flushed(self)


class TestFlush:
    """R15: the writer can sync at any time."""

    def test_all_threads_and_extents_are_synced(self, monkeypatch: pytest.MonkeyPatch, in_thread: InThread) -> None:
        stats = Stats()
        in_thread(stats.hits.inc)
        for number in range(300):
            stats.by_kind.labels(kind=number).inc()
        extents = [extent for file in stats._file._files for extent in file._extents]
        assert len(extents) == len(document(stats.filename).extents) + 1 > 2
        synced: list[object] = []
        for extent in extents:
            monkeypatch.setattr(extent, "map", Watched(extent.map, synced.append))
        stats.flush(wait=False)
        assert synced == []
        stats.flush()
        assert sorted(map(id, synced)) == sorted(id(extent.map) for extent in extents)

    def test_an_error_of_the_kernel_is_an_oserror(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(mapping: object) -> None:
            raise OSError(errno.EIO, "no disk")

        stats = Stats()
        (extent,) = stats._file.here()._extents
        monkeypatch.setattr(extent, "map", Watched(extent.map, fail))
        with pytest.raises(OSError, match="no disk"):
            stats.flush()
        stats.flush(wait=False)
