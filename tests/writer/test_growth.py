"""A file that grows: more extents, everything published stays where it is, and what does not fit yet is not lost."""

from __future__ import annotations

import errno
import gc
import logging
import mmap
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.running import descriptors, environment
from mmstats_testing.slots import Slot, document
from mmstats_testing.written import values

from mmstats_format import layout
from mmstats_writer import BaseMmStats, CounterField, GaugeField, SummaryField, TextField, Writer
from mmstats_writer._file2 import _Extent

InThread = Callable[[Callable[[], Any]], Any]
InChild = Callable[[Callable[[], Any]], Any]


class Stats(BaseMmStats):
    hits = CounterField(labelnames=("number",))


def counts(stats: Any) -> dict[int, int]:
    return {int(labels[0]): int(count) for labels, count in values(stats.filename)["hits"].items()}


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The writer's clock, which stands still: when it tries again is the test's to say."""
    time = [1000.0]
    monkeypatch.setattr("mmstats_writer._file2.time.monotonic", lambda: time[0])
    return time


class TestWhatIsThere:
    def test_it_stays_where_it_is_and_an_earlier_mapping_shows_it(self) -> None:
        """V2-W5: nothing published is moved, removed or changed in size. V2-W4: what is mapped stays valid."""
        stats = Stats()
        first = stats.hits.labels(number=0)
        slot = Slot(stats.filename, "hits", ("0",))
        before = Path(stats.filename).read_bytes()
        sizes = []
        for number in range(1, 600):
            stats.hits.labels(number=number).inc(number)
            first.inc()
            assert slot.value == str(number)
            if number % 60 == 0:
                after = Path(stats.filename).read_bytes()
                assert len(before) <= len(after) == stats.size
                assert records_of(after).startswith(records_of(before))
                assert counts(stats) == {0: number} | {n: n for n in range(1, number + 1)}
                before = after
                sizes.append(len(document(stats.filename).extents))
        assert max(sizes) > 3

    def test_each_extent_is_at_least_as_large_as_all_before_it(self) -> None:
        """V2-W8."""
        stats = Stats()
        for number in range(1000):
            stats.hits.labels(number=number).inc()
        sizes = [
            layout.V2_EXTENT_SIZE + extent.metadata_capacity + extent.values_capacity
            for extent in document(stats.filename).extents
        ]
        sizes[0] += layout.V2_HEADER_SIZE
        assert len(sizes) > 3
        assert all(size % mmap.PAGESIZE == 0 for size in sizes)
        assert all(size >= before for size, before in zip(sizes[1:], accumulate(sizes), strict=False))
        assert sum(sizes) == stats.size == os.stat(stats.filename).st_size
        assert os.stat(stats.filename).st_blocks * 512 >= sum(sizes)

    @given(st.lists(st.tuples(st.integers(0, 4000), st.integers(1, 40_000)), min_size=1, max_size=5))
    def test_records_and_slots_of_any_size_find_room(self, sizes: list[tuple[int, int]]) -> None:
        """V2-W3, V2-W4: a record or slot larger than all before."""
        writer = Writer()
        for number, (help_size, text_size) in enumerate(sizes):
            writer.text(f"text {number}", size=text_size, help="h" * help_size).set("x" * text_size)
        assert values(writer.filename) == {f"text {n}": "x" * size for n, (_, size) in enumerate(sizes)}
        writer.remove()

    def test_the_next_extent_is_there_before_it_is_led_to_and_a_slot_before_its_record(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """V2-W3, V2-W4: at each step the file is valid, and shows the new series at W3.4 alone."""
        stats = Stats()
        seen: list[tuple[str, int, int]] = []
        for name in ("write", "publish", "lead_to"):
            monkeypatch.setattr(_Extent, name, looking(name, getattr(_Extent, name), stats.filename, seen))
        for number in range(40):
            stats.hits.labels(number=f"{number:0200}").inc()
        steps = [step for step, _, _ in seen]
        assert steps.count("publish") == steps.count("write") == 40
        assert "lead_to" in steps
        for (step, extents, found), (_, more_extents, more) in pairwise(seen):
            assert more - found == (step == "publish")
            assert more_extents - extents in ((0, 1) if step == "lead_to" else (0,))


def records_of(data: bytes) -> bytes:
    """The records of the first extent, which only become more."""
    first = layout.V2_HEADER_SIZE
    units = int.from_bytes(data[first + layout.V2_EXTENT_AT_METADATA_USED :][:4], "little")
    return data[: first + layout.V2_EXTENT_AT_METADATA_USED] + data[first + 64 : first + 64 + 8 * units]


def looking(name: str, function: Callable[..., Any], path: str, seen: list[tuple[str, int, int]]) -> Callable[..., Any]:
    """`function`, before which it is noted how many extents and series the file has."""

    def look(*arguments: Any) -> Any:
        seen.append((name, len(document(path).extents), len(values(path)["hits"])))
        return function(*arguments)

    return look


class TestWhenItCannotGrow:
    """Only the making of the instance may raise; an update never does, and nothing of it is lost."""

    @staticmethod
    def fill(stats: Stats, first: int, last: int) -> None:
        for number in range(first, last):
            stats.hits.labels(number=number).inc(number)

    @pytest.mark.parametrize("how", ["unlinked", "replaced", "no directory"])
    def test_without_its_file_it_counts_on_in_private(
        self, directory: Path, now: list[float], caplog: pytest.LogCaptureFixture, how: str
    ) -> None:
        place = directory / "sub"
        place.mkdir()
        stats = Stats(path=str(place), filename="it")
        self.fill(stats, 0, 5)
        aside = directory / "aside"
        if how == "unlinked":
            os.link(place / "it", aside)
            os.unlink(place / "it")
        elif how == "replaced":
            os.rename(place / "it", aside)
            (place / "it").write_bytes(b"another's")
        else:
            os.rename(place, directory / "away")
            aside = directory / "away" / "it"
        with caplog.at_level(logging.WARNING, "mmstats"):
            self.fill(stats, 0, 300)
        assert stats.hits.labels(number=4).value == 8
        assert stats.hits.labels(number=299).value == 299
        assert "statistics stay in private memory for now" in caplog.text
        assert len(caplog.records) == 1
        found = {int(labels[0]): int(count) for labels, count in values(aside)["hits"].items()}
        assert 5 <= len(found) < 300
        assert all(count == (2 if number < 5 else 1) * number for number, count in found.items())
        if how == "replaced":
            assert (place / "it").read_bytes() == b"another's"

    def test_once_it_can_what_was_counted_is_in_the_file(
        self, now: list[float], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Tried again at growing intervals; each further trouble is told once."""
        stats = Stats()
        tried: list[float] = []

        def fail(*_: object) -> None:
            tried.append(now[0])
            raise OSError(errno.ENOSPC, "no space")

        with monkeypatch.context() as full:
            full.setattr(os, "posix_fallocate", fail)
            for _ in range(600):
                self.fill(stats, 0, 200)
                now[0] += 0.5
        assert len(caplog.records) == 1
        waits = [round(after - before, 1) for before, after in pairwise(tried)]
        assert waits == sorted(waits)
        assert waits[:3] == [0.5, 0.5, 0.5]
        assert 60 <= waits[-1] < 61
        assert len(counts(stats)) < 200
        now[0] += 61
        self.fill(stats, 0, 200)
        assert counts(stats) == {number: 601 * number for number in range(200)}

    @pytest.mark.parametrize("call", ["posix_fallocate", "write", "fstat", "open"])
    def test_whatever_fails_leaves_the_file_valid(
        self, now: list[float], monkeypatch: pytest.MonkeyPatch, call: str
    ) -> None:
        stats = Stats()
        gc.collect()
        before = len(descriptors())

        def fail(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "trouble")

        with monkeypatch.context() as trouble:
            trouble.setattr(os, call, fail)
            self.fill(stats, 0, 200)
        now[0] += 1
        assert len(descriptors()) == before
        assert len(document(stats.filename).extents) == 1
        self.fill(stats, 0, 200)
        assert counts(stats) == {number: 2 * number for number in range(200)}

    def test_a_new_thread_or_child_without_a_file_counts_in_private_and_then_in_its_file(
        self, directory: Path, now: list[float], in_thread: InThread, in_child: InChild, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """V2-W12, V2-W13."""

        class Several(BaseMmStats):
            hits = CounterField()
            ratio = GaugeField()
            sizes = SummaryField()
            name = TextField()

        stats = Several()
        aside = directory.with_name("aside")

        def late() -> tuple[Any, ...]:
            directory.rename(aside)
            stats.hits.inc(3)
            stats.ratio.set(1.5)
            stats.sizes.observe(2)
            stats.name.set("x")
            private = stats.hits.value, stats.ratio.value, stats.sizes.count, stats.name.value
            aside.rename(directory)
            now[0] += 1
            stats.hits.inc()
            found = values(stats.filename)
            return private, found["hits"], found["sizes"]["count"], found["name"]

        expected = (3, 1.5, 1, "x"), "4", "1", "x"
        assert in_thread(late) == expected
        assert in_child(late) == expected
        assert values(stats.filename)["hits"] == "0"

    def test_a_limit_on_file_size_is_no_signal_and_no_error(self, directory: Path) -> None:
        """For real: with SIGXFSZ ignored, as Python does."""
        program = """
            import os, resource
            from mmstats_writer import Writer
            writer = Writer(filename="it")
            hits = writer.counter("hits", labelnames=("number",))
            resource.setrlimit(resource.RLIMIT_FSIZE, (writer.size, resource.RLIM_INFINITY))
            for number in range(300):
                hits.labels(number=number).inc()
            print(writer.size == os.stat(writer.filename).st_size, hits.labels(number=299).value)
        """
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(program)],
            capture_output=True,
            text=True,
            check=False,
            env=environment(MMSTATS_PATH=str(directory)),
        )
        assert (done.returncode, done.stdout) == (0, "True 1\n")
        assert done.stderr.count("statistics stay in private memory for now") == 1
        found = values(directory / "it")["hits"]
        assert 0 < len(found) < 300
        assert set(found.values()) == {"1"}
