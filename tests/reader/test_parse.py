"""The fast parser against the vectors, and against the schema (FORMAT.md chapter 2).

Everything is parsed field by field at first, and then by the plan that was made for files of its layout.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mmstats_testing.documents import bytes_of, one, two
from mmstats_testing.strategies import documents, files, inputs, relatives
from mmstats_testing.values import exactly, stats_of
from mmstats_testing.vectors import VECTORS, content, path_of, vectors

import mmstats_format
from mmstats_format import Document, FormatError, build
from mmstats_reader import _parse1, read
from mmstats_reader._reader import _parse

MOST_PLANS = 100
LARGEST_PLANNED = 64 << 10

Said = list[Any] | tuple[str, str, int | None, str | None]


def said(parser: Callable[[bytes], list[Any]], data: bytes) -> Said:
    """Labels and values exactly; or the error's code, rule, offset and path."""
    try:
        return parser(data)
    except FormatError as error:
        return error.code, error.rule, error.offset, error.path


def by_schema(data: bytes) -> Said:
    return said(lambda data: exactly(stats_of(mmstats_format.parse(data).canonical())), data)


def by_reader(data: bytes) -> Said:
    def stats(data: bytes) -> list[Any]:
        fields = _parse(data)
        return exactly(zip(fields.labels, fields.values, strict=True))

    return said(stats, data)


def plans() -> int:
    return sum(map(len, _parse1._plans.values()))


def no_walk(data: bytes) -> NoReturn:
    raise AssertionError("it was parsed field by field")


@pytest.mark.parametrize("vector", vectors("valid"))
def test_a_valid_vector_says_its_values(vector: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    expected = exactly(stats_of(vector["document"]))
    for times in range(2):
        if times and vector["size"] <= LARGEST_PLANNED:
            monkeypatch.setattr(_parse1, "_walk", no_walk)
        snapshot = read(path_of(vector))
        assert exactly(snapshot) == expected
        assert snapshot.unconfirmed == frozenset()


@pytest.mark.parametrize("vector", vectors("invalid"))
def test_an_invalid_vector_ends_in_its_error(vector: dict[str, Any]) -> None:
    for _ in range(2):
        with pytest.raises(FormatError) as caught:
            read(path_of(vector))
        assert (caught.value.code, caught.value.offset) == (vector["error"], vector["offset"])
        assert caught.value.rule in vector["rules"]
        assert caught.value.filename == str(path_of(vector))


def test_vectors_say_the_same_to_reader_and_schema_whatever_was_read_before() -> None:
    """A plan for one file is no plan for another; that of the first vectors is there, or thrown away, for the last."""
    contents = {vector["id"]: path_of(vector).read_bytes() for vector in VECTORS}
    expected = {name: by_schema(data) for name, data in contents.items()}
    for order in (sorted(contents), sorted(contents, reverse=True), sorted(contents, key=lambda name: contents[name])):
        assert {name: by_reader(contents[name]) for name in order} == expected


@settings(max_examples=400)
@given(inputs)
def test_any_input_says_the_same_to_reader_and_schema(data: bytes) -> None:
    """G-2, G-3: the same values, or the same code and rule at the same offset of the same element."""
    _parse1._plans.clear()
    expected = by_schema(data)
    assert by_reader(data) == expected
    assert by_reader(data) == expected


@given(files)
def test_any_file_says_the_same_to_reader_and_schema(data: bytes) -> None:
    _parse1._plans.clear()
    expected = by_schema(data)
    assert by_reader(data) == expected
    assert plans() == 1
    assert by_reader(data) == expected
    assert plans() == 1


@settings(max_examples=200)
@given(st.lists(relatives(), min_size=1, max_size=2), st.randoms(use_true_random=False))
def test_files_that_are_alike_are_told_apart(families: list[list[bytes]], random: Any) -> None:
    """Changed values, indexes, heads and padding, with the plans of all the others at hand."""
    _parse1._plans.clear()
    some = [data for family in families for data in family]
    expected = [by_schema(data) for data in some]
    for _ in range(2):
        order = list(range(len(some)))
        random.shuffle(order)
        for place in order:
            assert by_reader(some[place]) == expected[place]


@given(documents(), st.data())
def test_every_byte_of_a_file_counts_with_a_plan_too(document: Document, data: st.DataObject) -> None:
    """One byte is changed at a time, in a file whose plan is there."""
    content = bytearray(build(document))
    by_reader(bytes(content))
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    assume(content[0] != 2)  # version 2 has tests of its own
    assert by_reader(bytes(content)) == by_schema(bytes(content))


BASE = [two("hits", "Q", 5, other=4), one("name", "8s", "x"), two("load", "d", 0.5), one("on", "?", True)]


@pytest.mark.parametrize(
    ("change", "planned"),
    [
        (bytes_of(two("hits", "Q", 6, other=5, index=1), *BASE[1:]), True),
        (bytes_of(*BASE[:1], one("name", "8s", "other"), *BASE[2:]), True),
        (bytes_of(*BASE[:3], one("on", "?", False)), True),
        (bytes_of(two("miss", "Q", 5), *BASE[1:]), False),  # another label
        (bytes_of(two("hits", "q", 5), *BASE[1:]), False),  # another type of the same size
        (bytes_of(*BASE[:3], one("an", "?", True)), False),  # the last label
        (bytes_of(*BASE[:3]), False),  # a field less
        (bytes_of(*BASE[::-1]), False),  # another order
        (bytes_of(*BASE, size=4097), False),
        (bytes_of(*BASE, size=8192), False),
    ],
)
def test_a_plan_serves_files_of_its_layout(change: bytes, planned: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    by_reader(bytes_of(*BASE))
    walks: list[bytes] = []
    walk = _parse1._walk

    def count(data: bytes) -> Any:
        walks.append(data)
        return walk(data)

    monkeypatch.setattr(_parse1, "_walk", count)
    assert by_reader(change) == by_schema(change)
    assert len(walks) == (0 if planned else 1)


@pytest.mark.parametrize(
    ("offset", "byte", "code"),
    [(4095, 1, "trailing-bytes"), (100, 1, "trailing-bytes"), (10, 2, "bad-index"), (10, 255, None), (0, 3, None)],
)
def test_a_plan_sees_what_is_malformed(offset: int, byte: int, code: str | None) -> None:
    good = bytes_of(*BASE)
    assert good[10] == 0, "the first index"
    by_reader(good)
    bad = bytearray(good)
    bad[offset] = byte
    answer = by_reader(bytes(bad))
    assert answer == by_schema(bytes(bad))
    assert isinstance(answer, tuple)
    assert code is None or answer[0] == code


def test_plans_are_bounded_in_number_whatever_is_read() -> None:
    for number in range(3 * MOST_PLANS):
        data = bytes_of(one(f"{number:04}", "Q", number))  # all of one size and beginning
        assert by_reader(data) == by_schema(data)
        assert 1 <= plans() <= MOST_PLANS
    for number in range(1, 3 * MOST_PLANS):
        data = bytes_of(one("x" * number, "B", 1), size=1000)
        assert by_reader(data) == by_schema(data)
        assert 1 <= plans() <= MOST_PLANS


def test_plans_are_bounded_in_their_files_size() -> None:
    for size, planned in [(LARGEST_PLANNED, 1), (LARGEST_PLANNED + 1, 0)]:
        _parse1._plans.clear()
        data = bytes_of(one("a", "Q", 1), size=size)
        assert by_reader(data) == by_reader(data) == by_schema(data)
        assert plans() == planned


def test_malformed_files_leave_no_plan() -> None:
    for name in ("bad-index-2", "trailing-field", "unknown-type-capital", "truncated-page-last-byte"):
        by_reader(content(name))
    assert plans() == 0


def test_two_files_of_one_plan_share_no_values() -> None:
    first, second = _parse(bytes_of(one("a", "Q", 1))), _parse(bytes_of(one("a", "Q", 2)))
    third = _parse(bytes_of(one("a", "Q", 2)))
    second.values[0] = 9
    assert (first.values, third.values) == ([1], [2])
