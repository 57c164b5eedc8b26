"""Totals of summaries and histograms.

Rule 1: what a directory says together is worked out by hand.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from . import _files
from ._directories import Total, file, summary_value
from ._files import summary
from ._scenarios import NOTHING, bits, family, plain


def _summaries(name: str, expected: dict[str, Any], *parts: tuple[Any, ...]) -> Total:
    """Files that are created one after the other."""
    files = [file(number, summary("size", *part)) for number, part in enumerate(parts)]
    return Total(name, ("V2-C1",), files, [plain(family("size", "summary", "float"), expected)])


def buckets(total: float, *counts: int) -> dict[str, Any]:
    """A histogram as a program prints it: its sum, and the counts of its buckets."""
    return {"sum": bits(total), "counts": [str(count) for count in counts]}


def _histograms(
    name: str,
    rule: str,
    bounds: Sequence[float],
    expected: dict[str, Any],
    *those: tuple[Sequence[float], float, Sequence[int]],
) -> Total:
    files = [file(number, _files.histogram("size", *one)) for number, one in enumerate(those)]
    declared = family("size", "histogram", "float", bounds=[bits(bound) for bound in bounds])
    return Total(name, (rule,), files, [plain(declared, expected)])


def distributions() -> list[Total]:
    """Values of summaries and histograms."""
    largest = 2**64 - 1
    nan = math.nan
    return [
        _summaries(
            "summary",
            summary_value(5, 12.5, -1.5, 8.0, 3.0),
            (3, 10.0, 1.0, 8.0, 7.0),
            (2, 2.5, -1.5, 4.0, 3.0),
        ),
        _summaries(
            "summary/last-of-those-with-any",
            summary_value(3, 6.0, 1.0, 3.0, 2.0),
            (1, 1.0, 1.0, 1.0, 1.0),
            (2, 5.0, 2.0, 3.0, 2.0),
            (),
        ),
        _summaries("summary/empty", NOTHING, (), ()),
        _summaries(
            "summary/count-wraps",
            summary_value(1, 3.0, 1.0, 2.0, 2.0),
            (largest, 1.0, 1.0, 1.0, 1.0),
            (2, 2.0, 2.0, 2.0, 2.0),
        ),
        _summaries(
            "summary/sum-exact",
            summary_value(3, 1.0, -1e16, 1e16, -1e16),
            (1, 1e16, 1e16, 1e16, 1e16),
            (1, 1.0, 1.0, 1.0, 1.0),
            (1, -1e16, -1e16, -1e16, -1e16),
        ),
        _summaries(
            "summary/nan", summary_value(2, 3.0, 2.0, 2.0, 2.0), (1, 1.0, nan, nan, 1.0), (1, 2.0, 2.0, 2.0, 2.0)
        ),
        _histograms(
            "histogram",
            "V2-C1",
            (1.0, 2.0),
            buckets(7.5, 4, 6, 10),
            ((1.0, 2.0), 5.0, (1, 2, 3)),
            ((1.0, 2.0), 2.5, (3, 4, 7)),
        ),
        _histograms(
            "histogram/counts-wrap",
            "V2-C1",
            (1.0,),
            buckets(2.0, 1, 3),
            ((1.0,), 1.0, (largest, 1)),
            ((1.0,), 1.0, (2, 2)),
        ),
        _histograms(
            "histogram/sum-exact", "V2-C1", (), buckets(1.0, 3), ((), 1e16, (1,)), ((), 1.0, (1,)), ((), -1e16, (1,))
        ),
        _histograms(
            "histogram/other-bounds",
            "V2-C4",
            (1.0, 4.0),
            buckets(9.0, 11, 222, 44),
            ((1.0, 2.0, 4.0), 4.0, (1, 20, 2, 4)),
            ((1.0, 3.0, 4.0), 5.0, (10, 100, 100, 40)),
        ),
        _histograms(
            "histogram/other-bounds-of-three",
            "V2-C4",
            (2.0,),
            buckets(6.0, 113, 1312),
            ((1.0, 2.0), 1.0, (1, 2, 2)),
            ((2.0, 3.0), 2.0, (10, 300, 10)),
            ((0.0, 2.0, 9.0), 3.0, (50, 50, 500, 500)),
        ),
        _histograms(
            "histogram/no-bound-in-common", "V2-C4", (), buckets(9.0, 10), ((1.0,), 4.0, (1, 2)), ((2.0,), 5.0, (3, 4))
        ),
    ]
