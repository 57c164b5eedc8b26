"""Totals of counters and gauges, and of what is listed file by file.

Rule 1: what a directory says together is worked out by hand.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

from . import _files
from ._directories import Total, everyone, file, gauges, hits
from ._files import last, unknown
from ._scenarios import INFINITE, NAN, bits, family, plain


def _sum(name: str, expected: Any, kind: str, *values: Any, counter: bool = False) -> Total:
    """The same as counters or summed gauges."""
    make = partial(_files.counter, "hits") if counter else partial(_files.gauge, "level", combine="sum")
    files = [file(number, make(value=value, kind=kind)) for number, value in enumerate(values)]
    return Total(name, ("V2-C1",), files, [hits(expected, kind) if counter else gauges("sum", kind, expected)])


def _extreme(name: str, combination: str, kind: str, expected: Any, *values: Any) -> Total:
    files = [file(number, _files.gauge("level", value, combination, kind)) for number, value in enumerate(values)]
    return Total(name, ("V2-C1", "V2-32"), files, [gauges(combination, kind, expected)])


def _last(name: str, kind: str, expected: Any, *settings: tuple[int, int, Any]) -> Total:
    """Of each file when it was created, when the gauge was set, and to what."""
    files = [
        file(number, last("level", time, value, kind), created=created)
        for number, (created, time, value) in enumerate(settings)
    ]
    return Total(name, ("V2-C1", "V2-32"), files, [gauges("last", kind, expected)])


def numbers() -> list[Total]:
    """Values of counters, gauges, states and texts."""
    largest = 2**64 - 1
    nan, infinite = math.nan, math.inf
    level = partial(_files.gauge, "level")
    return [
        _sum("sum/counters", "9007199254740998", "unsigned", 2**53 + 1, 1, 4, counter=True),
        _sum("sum/counters-wrap", "2", "unsigned", largest, 3, counter=True),
        _sum("sum/counters-of-the-largest", str(largest), "unsigned", largest, 0, counter=True),
        _sum("sum/unsigned-wraps", "1", "unsigned", 2**63, 2**63 - 1, 2),
        _sum("sum/signed", "-5", "signed", -7, 2),
        _sum("sum/signed-wraps", str(-(2**63) + 1), "signed", 2**63 - 1, 2),
        _sum("sum/signed-wraps-below", str(2**63 - 1), "signed", -(2**63) + 1, -2),
        _sum("sum/unset", "3", "signed", None, 3),
        _sum("sum/unset-unsigned", "3", "unsigned", None, 3),
        _sum("sum/unset-float", bits(3.0), "float", None, 3.0),
        _sum("sum/nothing-set", None, "float", None, None),
        _sum("sum/floats-exact", bits(1e16 + 4), "float", 1e16, 1.0, 1.0, 1.0, 1.0, counter=True),
        _sum("sum/floats-cancel", bits(1.0), "float", 1e16, 1.0, -1e16),
        _sum("sum/floats-cancel-far", bits(2.0), "float", 1.0, 1e100, 1.0, -1e100),
        _sum("sum/floats-tenths", bits(1.0), "float", *[0.1] * 10),
        _sum("sum/floats-beyond-the-largest", bits(1e308), "float", 1e308, 1e308, -1e308),
        _sum("sum/floats-infinite", INFINITE, "float", infinite, 1.0),
        _sum("sum/floats-nan", NAN, "float", nan, 1.0),
        _sum("sum/floats-both-infinite", NAN, "float", infinite, -infinite, 1.0),
        _extreme("min/unsigned", "min", "unsigned", "1", 2**63, 1, None),
        _extreme("max/unsigned", "max", "unsigned", str(2**63), 2**63, 1, None),
        _extreme("min/signed", "min", "signed", "-1", 1, -1, None),
        _extreme("max/signed", "max", "signed", "-1", -2, -1, None),
        _extreme("max/exact", "max", "signed", str(2**53 + 1), 2**53, 2**53 + 1),
        _extreme("min/float", "min", "float", bits(-2.5), 1.5, -2.5, None),
        _extreme("max/float", "max", "float", bits(-1.5), -1.5, -2.5, None),
        _extreme("min/nan", "min", "float", bits(2.0), nan, 2.0, 3.0),
        _extreme("max/nan", "max", "float", bits(-infinite), nan, -infinite),
        _extreme("min/only-nan", "min", "float", NAN, nan, None),
        _extreme("max/only-nan", "max", "float", NAN, nan, None),
        _extreme("min/boolean", "min", "boolean", False, True, False, None),
        _extreme("max/boolean", "max", "boolean", True, True, False, None),
        _extreme("max/nothing-set", "max", "signed", None, None, None),
        _last("last/by-time", "float", {"time": "9", "value": bits(1.0)}, (5, 8, 2.0), (3, 9, 1.0), (4, 7, 3.0)),
        _last("last/by-a-large-time", "signed", {"time": str(2**63 + 1), "value": "-1"}, (5, 8, 2), (3, 2**63 + 1, -1)),
        _last("last/equal-times", "unsigned", {"time": "9", "value": "2"}, (4, 9, 1), (5, 9, 2), (3, 9, 3)),
        _last("last/unset", "boolean", {"time": "8", "value": False}, (4, 8, False), (5, 0, True)),
        _last("last/unset-by-itself", "float", {"time": "8", "value": bits(2.0)}, (4, 8, 2.0), (5, 9, None)),
        _last("last/nothing-set", "float", None, (4, 0, 2.0), (5, 0, None)),
        _last("last/nan", "float", {"time": "9", "value": NAN}, (4, 8, 2.0), (5, 9, nan)),
        Total(
            "all",
            ("V2-C1", "V2-32"),
            [
                file(
                    number,
                    _files.gauge("each", (None, -2, 3)[number], "all"),
                    unknown("some", (1.5, None, nan)[number], "float"),
                    _files.text("what", ("", "größer", None)[number]),
                    _files.states("phase", ("idle", "busy"), (None, 0, 1)[number]),
                )
                for number in range(3)
            ],
            [
                plain(family("each", "gauge", "signed", "all"), everyone(None, "-2", "3")),
                plain(family("some", "unknown", "float", "all"), everyone(bits(1.5), None, NAN)),
                plain(family("what", "text", "text", "all", capacity="16"), everyone("", "größer")),
                plain(
                    family("phase", "state set", "unsigned", "all", states=["idle", "busy"]),
                    everyone(None, "idle", "busy"),
                ),
            ],
        ),
        Total(
            "all/nothing-set",
            ("V2-32",),
            [file(number, unknown("some", None)) for number in range(2)],
            [plain(family("some", "unknown", "unsigned", "all"), [])],
        ),
        Total(
            "all/texts-of-several-capacities",
            ("V2-C1",),
            [file(number, _files.text("what", "abc", capacity)) for number, capacity in enumerate((5, 21))],
            [plain(family("what", "text", "text", "all", capacity="21"), everyone("abc", "abc"))],
        ),
        Total(
            "what-is-no-value",
            ("V2-33",),
            [
                file(0, level(2**40, "max", "boolean"), _files.states("phase", ("idle",), 1)),
                file(1, level(False, "max", "boolean"), _files.states("phase", ("idle",), 0)),
            ],
            [
                gauges("max", "boolean", False),
                plain(family("phase", "state set", "unsigned", "all", states=["idle"]), everyone(None, "idle")),
            ],
        ),
    ]
