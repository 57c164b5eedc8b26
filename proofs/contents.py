"""Contents of metrics that tell which update they are of, so that one that is made of two shows.

Each is a function of the number of the update alone, from 1, and all of its parts grow with it: where parts of two
updates meet, they give different numbers. No content comes again.
"""

from __future__ import annotations

from collections.abc import Sequence

#: What a content says that is of no update.
TORN = -1

#: Bytes of a text and of a page, a text whose copying takes a while, at most.
TEXT, PAGE = 54, 4000

#: Bounds of a histogram, and of one whose copying takes a while.
BOUNDS, MANY_BOUNDS = ((1.0, 2.0, 3.0), tuple(map(float, range(1, 256))))

#: A word of update n is n in both halves.
_HALVES = 2**32 + 1


def text(number: int) -> str:
    """The text of this update: its number, one to six times."""
    return f"{number:08d}|" * (1 + number % 6)


def of_text(value: str) -> int:
    """The update that a text is of."""
    number = _number(value)
    return number if value == text(number) else TORN


def page(number: int) -> str:
    """The page of this update: its number, until it is full or nearly so."""
    return f"{number:08d}" * (500 - number % 5)


def of_page(value: str) -> int:
    """The update that a page is of."""
    number = _number(value)
    return number if value == page(number) else TORN


def _number(value: str) -> int:
    return int(value[:8]) if value[:8].isdecimal() else 0


def counted(number: int, bounds: tuple[float, ...] = BOUNDS) -> int:
    """What this update counts in a histogram: each bucket's turn comes round."""
    return 1 + number % (len(bounds) + 1)


def of_histogram(total: float, counts: Sequence[int]) -> int:
    """The update that a histogram is of."""
    number, buckets = sum(counts), len(counts)
    rounds, begun = divmod(number, buckets)
    # Update 1 counts in the second bucket.
    whole = tuple(counts) == (rounds,) + (rounds + 1,) * begun + (rounds,) * (buckets - 1 - begun)
    values = rounds * buckets * (buckets + 1) // 2 + begun * (begun + 3) // 2
    return number if whole and total == values else TORN


def of_summary(count: int, total: float, least: float | None, greatest: float | None, last: float | None) -> int:
    """The update that a summary is of; update n observes n."""
    whole = least == 1 and greatest == last == count and total == count * (count + 1) / 2
    return count if whole else TORN


def word(number: int) -> int:
    """The word of this update."""
    return number * _HALVES


def of_word(value: int) -> int:
    """The update that a word is of."""
    number = value >> 32
    return number if value == number * _HALVES else TORN
