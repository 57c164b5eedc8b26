"""Values are confirmed by a second copy of the file (FORMAT.md V1-R1 to V1-R4).

A real file is rewritten before each copy that the reader makes of it, so that each copy is the one that a case names.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path

import pytest
from mmstats_testing.documents import bytes_of, one, two

from mmstats_format import Corrupt, Field, FormatError, Truncated, UnsupportedVersion
from mmstats_reader import Snapshot, Stat, _reader, read

#: Copies that the reader makes at most of a file that is well-formed.
MOST = 10

BAD_INDEX = b"\1\1\0a\1\0B\7\0"
NAN = float("nan")
OTHER_NAN = bytes.fromhex("010000000000f4ff")


class Copies:
    """A file whose content is another at each copy; the last content stays.

    Attributes:
        made: the number of copies made.
    """

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.made = path, 0
        self._next: Iterator[bytes] = iter(())
        self._copy = _reader._copy
        monkeypatch.setattr(_reader, "_copy", self._rewritten)

    def poll(self, *contents: bytes) -> Snapshot:
        """Read the file while it has these contents, one after the other."""
        self.path.write_bytes(contents[0])
        self._next = chain(contents, repeat(contents[-1]))
        self.made = 0
        return read(self.path)

    def _rewritten(self, fd: int) -> bytes:
        self.path.write_bytes(next(self._next))
        self.made += 1
        return self._copy(fd)


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copies:
    return Copies(tmp_path / "x.mmstats", monkeypatch)


def numbers(*values: int) -> bytes:
    """A file of as many fields: a, b, …, all with two buffers."""
    return bytes_of(*(two("abcdefg"[place], "Q", value) for place, value in enumerate(values)))


def counting(make: Callable[[int], Field], *still: Field) -> list[bytes]:
    """Contents in which one field changes with every copy, more of them than are ever made."""
    return [bytes_of(make(number), *still) for number in range(2 * MOST)]


@pytest.mark.parametrize(
    ("contents", "values", "made"),
    [
        pytest.param([numbers(5)], [5], 2, id="still"),
        pytest.param([numbers(5), numbers(6)], [6], 3, id="changes-once"),
        pytest.param([numbers(5), numbers(6), numbers(7)], [7], 4, id="changes-twice"),
        pytest.param([numbers(5), numbers(6), numbers(5)], [5], 4, id="changes-and-back"),
        pytest.param([numbers(5, 1), numbers(5, 2), numbers(6, 2)], [5, 2], 3, id="each-by-another-pair"),
        pytest.param(
            [bytes_of(two("a", "Q", 5, other=4)), bytes_of(two("a", "Q", 5, other=6))],
            [5],
            2,
            id="next-value-is-stored",
        ),
        pytest.param(
            [bytes_of(two("a", "Q", 5)), bytes_of(two("a", "Q", 5, index=1))],
            [5],
            3,
            id="same-value-by-the-other-index",
        ),
        pytest.param(
            [bytes_of(two("a", "Q", 5)), bytes_of(one("a", "Q", 5), size=4096)], [5], 3, id="other-kind-of-index"
        ),
        pytest.param([bytes_of(one("a", "d", 0.0)), bytes_of(one("a", "d", -0.0))], [-0.0], 3, id="sign-of-zero"),
        pytest.param([bytes_of(one("a", "4s", "ab")), bytes_of(one("a", "4s", "cd"))], ["cd"], 3, id="text"),
        pytest.param(
            [bytes_of(one("a", "4s", b"ab\0x")), bytes_of(one("a", "4s", b"ab\0y"))], ["ab"], 2, id="text-end"
        ),
        pytest.param(
            [bytes_of(two("a", "Q", 5)), bytes_of(two("a", "Q", 6, index=1)), bytes_of(two("a", "Q", 6))],
            [6],
            4,
            id="index-of-another-copy",
        ),
        pytest.param([b"\1"], [], 2, id="no-fields"),
    ],
)
def test_a_value_on_which_two_copies_agree_is_confirmed(
    copies: Copies, contents: list[bytes], values: list[object], made: int
) -> None:
    """V1-R2: label, signature, index and published value are the same in two copies."""
    snapshot = copies.poll(*contents)
    assert [repr(stat.value) for stat in snapshot] == [repr(value) for value in values]
    assert snapshot.unconfirmed == frozenset()
    assert copies.made == made


@pytest.mark.parametrize(
    ("make", "last"),
    [
        pytest.param(lambda number: two("a", "Q", number), MOST - 1, id="counter"),
        pytest.param(lambda number: two("a", "Q", number, index=number % 2), MOST - 1, id="both-indexes"),
        pytest.param(lambda number: one("a", "q", -number), 1 - MOST, id="one-buffer"),
        pytest.param(lambda number: two("a", "d", number / 2), (MOST - 1) / 2, id="float"),
        pytest.param(lambda number: one("a", "4s", str(number)), str(MOST - 1), id="text"),
        pytest.param(lambda number: one("a", "?", number % 2 == 1), True, id="to-and-fro"),
    ],
)
def test_a_value_that_changes_with_every_copy_is_the_last_copy_s_and_is_marked(
    copies: Copies, make: Callable[[int], Field], last: object
) -> None:
    """V1-R2, V1-R3: copies are bounded in number."""
    snapshot = copies.poll(*counting(make))
    assert list(snapshot) == [("a", last)]
    assert snapshot.unconfirmed == {"a"}
    assert copies.made == MOST


def test_what_changes_does_not_keep_the_rest_from_being_confirmed(copies: Copies) -> None:
    """V1-R2, V1-R3."""
    snapshot = copies.poll(
        *counting(lambda number: two("busy", "Q", number), two("still", "Q", 5), one("name", "4s", "x"))
    )
    assert list(snapshot) == [("busy", MOST - 1), ("still", 5), ("name", "x")]
    assert snapshot.unconfirmed == {"busy"}


def test_a_value_once_confirmed_is_the_one_returned(copies: Copies) -> None:
    """V1-R2: what the copies after say of it is not confirmed."""
    snapshot = copies.poll(numbers(5, 0), numbers(5, 1), *(numbers(number, number) for number in range(6, 30)))
    assert list(snapshot) == [("a", 5), ("b", 6 + MOST - 3)]
    assert snapshot.unconfirmed == {"b"}


@pytest.mark.parametrize("signature", ["f", "d"])
def test_a_nan_is_confirmed(copies: Copies, signature: str) -> None:
    """V1-R2: a NaN equals nothing, itself included, but it is the same value."""
    snapshot = copies.poll(*counting(lambda number: two("busy", "Q", number), two("nan", signature, NAN)))
    assert isinstance(snapshot["nan"], float)
    assert math.isnan(snapshot["nan"])
    assert snapshot.unconfirmed == {"busy"}


def test_a_value_that_becomes_a_nan_and_a_number_again_is_not_confirmed(copies: Copies) -> None:
    """V1-R2."""
    snapshot = copies.poll(*counting(lambda number: two("a", "d", NAN if number % 2 else 1.0)))
    assert snapshot.unconfirmed == {"a"}


@pytest.mark.parametrize(
    ("contents", "stats"),
    [
        pytest.param([BAD_INDEX, numbers(5)], [("a", 5)], id="at-first"),
        pytest.param([b"", numbers(5)], [("a", 5)], id="empty-at-first"),
        pytest.param([b"\0" * 4096, numbers(5)], [("a", 5)], id="zeros-at-first"),
        pytest.param([numbers(5), BAD_INDEX, numbers(5)], [("a", 5)], id="in-the-second-copy"),
        pytest.param([numbers(5), b"", numbers(6)], [("a", 6)], id="emptied-and-changed"),
        pytest.param(
            [numbers(5), numbers(6)[:9], numbers(7), numbers(8)[:1000], numbers(7)], [("a", 7)], id="cut-twice"
        ),
        pytest.param([b"", numbers(5), b"", numbers(5)], [("a", 5)], id="now-and-then"),
    ],
)
def test_a_copy_that_is_malformed_once_does_no_harm(
    copies: Copies, contents: list[bytes], stats: list[tuple[str, int]]
) -> None:
    """V1-R4: the original gives a file its name before it is complete."""
    snapshot = copies.poll(*contents)
    assert list(snapshot) == stats
    assert snapshot.unconfirmed == frozenset()


@pytest.mark.parametrize(
    ("contents", "kind", "offset"),
    [
        pytest.param([BAD_INDEX], Corrupt, 7, id="always"),
        pytest.param([b"", BAD_INDEX, numbers(5)], Corrupt, 7, id="the-second-fault-counts"),
        pytest.param([BAD_INDEX, b"", numbers(5)], Truncated, 0, id="empty-in-the-end"),
        pytest.param([BAD_INDEX, b"\2"], UnsupportedVersion, 0, id="another-version-in-the-end"),
        pytest.param([numbers(5), BAD_INDEX, BAD_INDEX, numbers(5)], Corrupt, 7, id="after-a-good-copy"),
    ],
)
def test_a_copy_that_is_malformed_twice_is_an_error(
    copies: Copies, contents: list[bytes], kind: type[FormatError], offset: int
) -> None:
    """V1-R4."""
    with pytest.raises(kind) as caught:
        copies.poll(*contents)
    assert (caught.value.offset, caught.value.filename) == (offset, str(copies.path))


A, B = bytes_of(two("a", "Q", 5), one("b", "B", 1)), bytes_of(two("x", "Q", 5), one("y", "B", 1), one("z", "B", 2))


@pytest.mark.parametrize(
    ("contents", "stats", "made"),
    [
        pytest.param([A, B], [("x", 5), ("y", 1), ("z", 2)], 3, id="replaced"),
        pytest.param([A, B, A], [("a", 5), ("b", 1)], 4, id="replaced-and-back"),
        pytest.param([A, b"", B], [("x", 5), ("y", 1), ("z", 2)], 4, id="emptied-between"),
        pytest.param([A, b"\1"], [], 3, id="no-fields-left"),
        pytest.param([b"\1", A], [("a", 5), ("b", 1)], 3, id="fields-come"),
        pytest.param([bytes_of(two("a", "Q", 1)), bytes_of(two("a", "q", 1))], [("a", 1)], 3, id="another-type"),
        pytest.param([bytes_of(one("a", "?", True)), bytes_of(one("a", "B", 1))], [("a", 1)], 3, id="equal-to-python"),
    ],
)
def test_fields_that_are_replaced_by_others_are_confirmed_anew(
    copies: Copies, contents: list[bytes], stats: list[tuple[str, int]], made: int
) -> None:
    """V1-R2: nothing of one set of fields confirms anything of another."""
    snapshot = copies.poll(*contents)
    assert [(label, repr(value)) for label, value in snapshot] == [(label, repr(value)) for label, value in stats]
    assert snapshot.unconfirmed == frozenset()
    assert copies.made == made


def test_fields_that_are_replaced_with_every_copy_are_all_marked(copies: Copies) -> None:
    """V1-R3."""
    snapshot = copies.poll(*(bytes_of(two(f"a{number}", "Q", 5), one("b", "B", 1)) for number in range(2 * MOST)))
    assert list(snapshot) == [(f"a{MOST - 1}", 5), ("b", 1)]
    assert snapshot.unconfirmed == {f"a{MOST - 1}", "b"}


@pytest.mark.parametrize("busy", [0, 1])
def test_a_label_that_occurs_twice_is_marked_where_either_value_is_unconfirmed(copies: Copies, busy: int) -> None:
    """V1-R3."""
    contents = [bytes_of(two("a", "Q", 0 if busy else n), two("a", "Q", n if busy else 0)) for n in range(2 * MOST)]
    snapshot = copies.poll(*contents)
    assert len(snapshot) == 2
    assert snapshot.unconfirmed == {"a"}


def test_marks_are_labels_as_they_are_shown(copies: Copies) -> None:
    """V1-R3, V1-4."""
    snapshot = copies.poll(*counting(lambda number: two(b"\xff", "Q", number)))
    assert snapshot.unconfirmed == {"\\xff"}
    assert snapshot.unconfirmed <= {stat.label for stat in snapshot}


def test_a_second_copy_is_made_even_of_a_file_that_is_still(copies: Copies) -> None:
    """V1-R2."""
    assert list(copies.poll(A)) == [Stat("a", 5), Stat("b", 1)]
    assert copies.made == 2
