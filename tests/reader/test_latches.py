"""Latches are read whole or not at all, while a writer stores (FORMAT.md 3.7 to 3.9).

A writer stores step by step between the reader's calls, as a case names it; and at full speed, in another process.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.documents2 import bytes2, counter, histogram, last, summary, text, write2
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.storing import Latch
from mmstats_testing.vectors import content2

from mmstats_reader import Directory, Histogram, Reader, _file2, read

BOUNDS = (1.0, 2.0)
#: How long is looked. Nothing is measured: a slow machine sees less, never something else.
SECONDS = 1.0
UNORDERED = 4


def content(number: int) -> list[int]:
    """The words of a histogram whose counts are all the same."""
    return [0, number, number, number]


def value(number: int) -> Histogram:
    return Histogram(0.0, BOUNDS, (number,) * 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write2(tmp_path / "x.mmstats", histogram("h", BOUNDS, (0, 0, 0)), counter("c", 7))


class Between:
    """Does something before each read call of the reader.

    Attributes:
        calls: how many there were.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
        self.calls = 0
        real = _file2.call

        def call(fd: int, size: int, offset: int) -> bytes:
            self.calls += 1
            act()
            return real(fd, size, offset)

        monkeypatch.setattr(_file2, "call", call)


def unmapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_file2, "_mapping", lambda fd: None)


def test_a_latch_of_a_writer_that_is_stopped_anywhere_is_read_whole(file: Path) -> None:
    """V2-R4: R2 of the requirements; what was published last is there between any two stores."""
    latch = Latch(file, 4)
    reader = Reader(file)
    for number in range(1, 5):
        for _ in latch.steps(content(number)):
            snapshot = reader.poll()
            published = number if latch.sequence == number else number - 1
            assert snapshot["h"] == read(file)["h"] == value(published)
            assert snapshot.unconfirmed == frozenset()
    latch.close()


@pytest.mark.parametrize("every", [1, 2, 3, 5, 8, 13])
def test_steps_between_the_reader_s_calls_never_show_what_was_not_published(
    file: Path, monkeypatch: pytest.MonkeyPatch, every: int
) -> None:
    """V2-R4, V2-R5: some steps of the writer before each call; no mapping helps."""
    unmapped(monkeypatch)
    latch = Latch(file, 4)
    updates = (step for number in range(1, 10**6) for step in latch.steps(content(number)))

    def act() -> None:
        for _ in range(every):
            next(updates)

    reader = Reader(file)
    Between(monkeypatch, act)
    counts = []
    for _ in range(60):
        before = latch.sequence
        snapshot = reader.poll()
        found = snapshot["h"]
        if found is None:
            assert snapshot.unconfirmed == {"h"}
            continue
        (number,) = set(found.counts)
        counts.append(number)
        if not snapshot.unconfirmed:
            assert before <= number <= latch.sequence
        assert snapshot["c"] == 7
    assert counts == sorted(counts)
    latch.close()


@given(st.lists(st.integers(0, 12), min_size=1, max_size=40))
def test_any_interleaving_shows_what_was_published_while_it_was_read(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int]
) -> None:
    """V2-R4: contents that come again, too, which two equal copies could not tell apart."""
    file = tmp_path_factory.mktemp("latch") / "x.mmstats"
    write2(file, histogram("h", BOUNDS, (0, 0, 0)))
    latch = Latch(file, 4)
    published = [0]

    def updates() -> Iterator[None]:
        for number in range(1, 10**6):
            yield from latch.steps(content(number % 3))
            published.append(number % 3)

    running, waiting = updates(), iter(steps)

    def act() -> None:
        for _ in range(next(waiting, 0)):
            next(running)

    with pytest.MonkeyPatch.context() as monkeypatch:
        unmapped(monkeypatch)
        Between(monkeypatch, act)
        first = len(published) - 1
        found = read(file)["h"]
    if found is not None:
        assert found.counts[0] in [*published[first:], latch.sequence % 3]
        assert len(set(found.counts)) == 1
    latch.close()


def test_sequence_words_and_buffers_come_from_calls_of_their_own(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R4: three copies of a file that is still, after header and extents."""
    reads: list[tuple[int, int]] = []
    real = _file2.call

    def call(fd: int, size: int, offset: int) -> bytes:
        reads.append((offset, size))
        return real(fd, size, offset)

    monkeypatch.setattr(_file2, "call", call)
    reader = Reader(file)
    reader.poll()
    assert len(set(reads[-3:])) == 1
    del reads[:]
    reader.poll()
    assert [size for _, size in reads] == [192, *[8 + 2 * 8 * 4 + 8] * 3], "control words, and the values three times"


def test_what_leads_to_other_bytes_is_read_in_a_call_before_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R2: metadata used and next; what is published after they were read is seen by the next poll, and not cut."""
    file = tmp_path / "x.mmstats"
    whole = content2("extents-three")
    short = bytearray(whole)
    at = 128 + 48
    short[at : at + 8] = struct.pack("<LL", 0, 0xFFFFFFFF)  # the first extent's next: none yet
    calls: list[int] = []

    def grow() -> None:
        calls.append(1)
        if len(calls) == 2:  # the first call has read the head
            file.write_bytes(whole)

    file.write_bytes(short)
    reader = Reader(file)
    first = len(read(file))
    Between(monkeypatch, grow)
    assert len(reader.poll()) == first
    assert len(reader.poll()) == len(list(read(file))) > first


def test_a_busy_latch_s_last_confirmed_value_is_returned_and_marked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R5: or none, where none was ever confirmed; words go on."""
    unmapped(monkeypatch)
    latch = Latch(file, 4)
    busy, still = Reader(file), Reader(file)
    latch.store(content(1))
    assert still.poll()["h"] == value(1)
    numbers = iter(range(2, 10**6))
    between = Between(monkeypatch, lambda: latch.store(content(next(numbers))))
    snapshot = busy.poll()
    assert (snapshot["h"], snapshot["c"], snapshot.unconfirmed) == (None, 7, frozenset({"h"}))
    assert snapshot.families["h"].unconfirmed == {()}
    assert between.calls < 60, "tries are bounded"
    for _ in range(2):
        snapshot = still.poll()
        assert (snapshot["h"], snapshot.unconfirmed) == (value(1), frozenset({"h"}))
    latch.close()


@pytest.mark.parametrize(
    "metric",
    [text("m", "x"), summary("m", 1, 2.0, 2.0, 2.0, 2.0), histogram("m", (), (1,)), last("m", 1, 2.0)],
    ids=lambda metric: metric.family.kind,
)
def test_what_was_never_confirmed_is_no_value_of_any_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: Any
) -> None:
    """V2-R5, V2-32."""
    unmapped(monkeypatch)
    file = write2(tmp_path / "x.mmstats", metric)
    at = 128 + struct.unpack_from("<Q", file.read_bytes(), 128 + 24)[0]
    numbers = iter(range(1, 10**6))

    def count() -> None:
        with file.open("r+b") as other:
            other.seek(at)
            other.write(struct.pack("<Q", next(numbers)))

    Between(monkeypatch, count)
    snapshot = read(file)
    assert (list(snapshot), snapshot["m"], snapshot.unconfirmed) == ([("m", None)], None, frozenset({"m"}))
    assert dict(snapshot.families["m"].times) == {}


def test_a_sum_never_drops_a_member_that_it_had(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R5."""
    unmapped(monkeypatch)
    for number, name in enumerate("ab", 1):
        write2(tmp_path / f"{name}.mmstats", histogram("h", BOUNDS, (number,) * 3), counter("c", 1))
    latch = Latch(tmp_path / "a.mmstats", 4)
    with Directory(tmp_path) as stats:
        assert stats.poll().total("h") == value(3)
        numbers = iter(range(10, 10**6))
        Between(monkeypatch, lambda: latch.store(content(next(numbers))))
        for _ in range(2):
            view = stats.poll()
            assert (view.total("h"), view["h"].unconfirmed) == (value(3), frozenset({()}))
            assert (view.total("c"), view["c"].unconfirmed) == (2, frozenset())
    with Directory(tmp_path) as stats:
        view = stats.poll()
        assert (view.total("h"), view["h"].unconfirmed) == (value(2), frozenset({()})), "the other one is confirmed"
    latch.close()


def test_a_value_confirmed_before_is_not_another_writer_s(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R5, V2-R9: a file that is written anew has confirmed nothing yet."""
    unmapped(monkeypatch)
    reader = Reader(file)
    assert reader.poll()["h"] == value(0)
    file.write_bytes(bytes2(histogram("h", BOUNDS, (5, 5, 5)), counter("c", 7)))
    latch = Latch(file, 4)
    numbers = iter(range(6, 10**6))
    Between(monkeypatch, lambda: latch.store(content(next(numbers))))
    assert reader.poll()["h"] is None
    latch.close()


def test_a_busy_latch_is_read_through_a_mapping_of_the_reader_s_own_file(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R1, R4.1 to R4.5: read calls never confirm it here."""
    latch = Latch(file, 4)
    numbers = iter(range(1, 10**6))
    Between(monkeypatch, lambda: latch.store(content(next(numbers))))
    snapshot = read(file)
    assert snapshot.unconfirmed == frozenset()
    assert snapshot["h"] == value(latch.sequence)
    latch.close()


def test_another_user_s_file_is_not_mapped(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-R1."""
    fd = os.open(file, os.O_RDONLY)
    mapping = _file2._mapping(fd)
    assert mapping is not None
    mapping.close()
    monkeypatch.setattr(os, "geteuid", lambda: os.fstat(fd).st_uid + 1)
    assert _file2._mapping(fd) is None
    os.close(fd)


@pytest.mark.parametrize("sequence", [0, 1, 2, 2**64 - 1])
def test_latches_of_a_file_that_says_unordered_are_marked(tmp_path: Path, sequence: int) -> None:
    """V2-R6: and words are not."""
    file = write2(tmp_path / "x.mmstats", histogram("h", BOUNDS, (3, 3, 3)), counter("c", 7), compatible=UNORDERED)
    latch = Latch(file, 4)
    latch._words[latch._at] = sequence
    snapshot = read(file)
    assert (snapshot["h"], snapshot["c"], snapshot.unconfirmed) == (value(3), 7, frozenset({"h"}))
    assert snapshot.families["h"].unconfirmed == {()}
    latch.close()
    with Directory(tmp_path) as stats:
        view = stats.poll()
        assert (view["h"].unconfirmed, view["c"].unconfirmed) == (frozenset({()}), frozenset())


def test_words_are_read_at_once(file: Path) -> None:
    """V2-R3: aligned, and all of a file by one call, so that none is made of two."""
    reader = Reader(file)
    calls: list[int] = []
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        calls.append(offset % 8 + size % 8)
        return real(fd, size, offset)

    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(_file2, "_pread", pread)
        reader.poll()
        del calls[:]
        reader.poll()
    assert calls == [0] * 4


# --- At full speed.


@contextmanager
def storing(file: Path, buckets: int) -> Iterator[subprocess.Popen[str]]:
    """Another process that stores without a pause; killed in the end."""
    support = str(Path(__file__).parents[1] / "support")
    command = [sys.executable, "-m", "mmstats_testing.storing", str(file), str(buckets)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environment(PYTHONPATH=support), **pipes) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "begun\n", process.communicate(timeout=HANG_SECONDS)[1]
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("how", ["calls", "mapping for what is busy", "mapping"])
def test_a_latch_that_is_stored_without_a_pause_is_never_read_in_parts(
    tmp_path: Path, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V2-R4, V2-R5: all counts are the same number, and never an older one than before."""
    file = write2(tmp_path / "x.mmstats", histogram("h", tuple(map(float, range(20))), (0,) * 21))
    if how == "calls":
        unmapped(monkeypatch)
    found: list[tuple[int, ...]] = []
    with storing(file, 21) as writer, Directory(tmp_path, mapped=how == "mapping") as stats:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            view = stats.poll()
            found.append(view.total("h").counts)
        assert writer.poll() is None, "the writer still runs"
    assert {len(set(counts)) for counts in found} == {1}
    numbers = [counts[0] for counts in found]
    assert numbers == sorted(numbers)
    if how != "calls":  # calls alone seldom confirm anything at this speed
        assert numbers[-1] > numbers[0]
