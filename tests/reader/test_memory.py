"""Memory is linear in what is read, and what is remembered is bounded (FORMAT.md G-4)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mmstats_testing.answers import forget
from mmstats_testing.running import python

from mmstats_format import Declaration, Document2, Extent, Folded, Header, Origin, Series, build
from mmstats_reader import _families, _records, read


def file(*records: Declaration | Series | Folded, extents: int = 1) -> bytes:
    """An archive of these records, and then of extents without any."""
    first = Extent((Origin("shop", "box"), *records))
    return build(Document2(Header(bytes(16), incompatible=1), (first, *[Extent(())] * (extents - 1))))


def series(number: int, names: tuple[str, ...] = ("label",), extents: int = 1) -> bytes:
    """A family of so many series with these label names."""
    values = [(str(place), *[""] * (len(names) - 1)) for place in range(number)]
    family = Declaration("hits", "counter", "unsigned", "sum", labels=names)
    return file(family, *(Series(0, those, bytes(8)) for those in values), extents=extents)


def families(number: int) -> bytes:
    return file(*(Declaration(str(place), "counter", "unsigned", "sum") for place in range(number)))


def folded(number: int) -> bytes:
    return file(*(Folded(place.to_bytes(16, "big")) for place in range(number)))


#: Prints the bytes in use at most while the second file is read. The first is another of its kind: what is imported and
#: made once does not count. A process of its own, since whatever else a process does would count too.
_MEASURE = """
import sys, tracemalloc
from mmstats_reader import read
first, second = sys.argv[1:]
read(first).families.items()
tracemalloc.start()
read(second).families.items()
print(tracemalloc.get_traced_memory()[1])
"""


def memory(content: bytes, other: bytes, path: Path) -> int:
    """Bytes in use at most while a file is read that nothing is known of, after another one."""
    for name, data in [("first", other), ("second", content)]:
        path.joinpath(name).write_bytes(data)
    done = python("-c", _MEASURE, path / "first", path / "second")
    assert not done.returncode, done.stderr
    return int(done.stdout)


@pytest.mark.parametrize("made", [series, families, folded])
def test_memory_is_linear_in_the_file(made: Callable[[int], bytes], tmp_path: Path) -> None:
    small, large = made(200), made(1600)
    assert memory(large, small, tmp_path) / len(large) < 1.5 * memory(small, made(1), tmp_path) / len(small)


def test_extents_take_no_memory_for_what_those_before_hold(tmp_path: Path) -> None:
    many, one = (memory(series(1000, extents=number), series(1), tmp_path) for number in (32, 1))
    assert many < 2 * one


def test_what_is_remembered_of_many_extents_is_bounded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 3 of the records' module: each extent's plan holds what those before it say."""
    forget()
    monkeypatch.setattr(_records._plans, "most", 64 << 10)
    for number in range(100, 110):
        (tmp_path / "x").write_bytes(series(number, extents=32))
        assert len(read(tmp_path / "x")) == number
        smallest = 32  # bytes of a record of a series
        assert 0 < sum(len(plan.series) * smallest for plan in _records._plans.known.values()) <= 64 << 10


def test_names_that_repeat_long_names_of_labels_in_many_series_are_refused(tmp_path: Path) -> None:
    """Together they grow with the square of the file: two thousand series repeat label names of 16 KiB."""
    names = tuple(f"{place:02}" + "x" * 1022 for place in range(16))
    path = tmp_path / "x"
    path.write_bytes(series(_families.LARGEST_NAMES // (16 * 1024) - 1, names))
    assert len(read(path)) == _families.LARGEST_NAMES // (16 * 1024) - 1
    path.write_bytes(series(_families.LARGEST_NAMES // (16 * 1024) + 1, names))
    assert path.stat().st_size < 1 << 18
    with pytest.raises(OSError, match="characters of names are more than a statistics file has") as caught:
        read(path)
    assert caught.value.filename == str(path)
