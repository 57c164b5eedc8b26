"""What writers of version 2 are told to do, and the families that their files have then.

Rule 1: what a file has to say is written here by hand, beside the scenario.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import layout
from ._scenarios import (
    INFINITE,
    NAN,
    NOTHING,
    OVERFLOW,
    After,
    bits,
    counter,
    do,
    family,
    histogram,
    inc,
    plain,
    scenario,
    states,
    text,
)


class Scenario(NamedTuple):
    """What a writer does, and the families that its file has afterwards; those not declared at first come by steps."""

    steps: Sequence[dict[str, Any]]
    expected: Sequence[After]
    first: int | None = None

    def content(self) -> dict[str, Any]:
        """As the program reads it."""
        families = [after.family for after in self.expected[: self.first]]
        return scenario(families, *self.steps)


NUMBERS = {"unsigned": "7", "signed": "-7", "float": bits(-0.5), "boolean": True}
_WHOLE = [
    (kind, value, combination)
    for kind, (values, combinations) in layout.V2_ALLOWED.items()
    for value in values
    for combination in combinations
    if (value, combination) != ("boolean", "sum")
]


def every_kind() -> list[dict[str, Any]]:
    parts: dict[str, dict[str, Any]] = {
        "state set": {"states": ["on", "off", "ünbekannt"]},
        "text": {"capacity": "9"},
        "histogram": {"bounds": [bits(1.0), bits(2.5)]},
    }
    return [
        family(f"{kind} {value} {how}", kind, value, how, unit="bytes", help=f"A {kind}.", **parts.get(kind, {}))
        for kind, value, how in _WHOLE
    ]


def _initial(declared: dict[str, Any]) -> Any:
    match declared["kind"]:
        case "counter":
            return "0" if declared["type"] == "unsigned" else bits(0.0)
        case "summary":
            return NOTHING
        case "histogram":
            return {"sum": bits(0.0), "counts": ["0", "0", "0"]}
    return None


def _words() -> Scenario:
    gauges = [
        family(f"{kind} {value} {how}", kind, value, how)
        for kind, value, how in _WHOLE
        if kind in ("gauge", "unknown") and how != "last"
    ]
    steps = [do("set", gauge["name"], NUMBERS[gauge["type"]]) for gauge in gauges]
    return Scenario(steps, [plain(gauge, NUMBERS[gauge["type"]]) for gauge in gauges])


_LARGEST = str(2**64 - 1)
AT_REST: dict[str, tuple[tuple[str, ...], Scenario]] = {
    "nothing": (("V2-24",), Scenario([], [])),
    "before-the-first-update": (
        ("V2-26", "V2-27", "V2-31", "V2-32"),
        Scenario([], [plain(declared, _initial(declared)) for declared in every_kind()]),
    ),
    "words": (("V2-W1", "V2-26"), _words()),
    "counters": (
        ("V2-W1", "V2-W14"),
        Scenario(
            [
                *(inc("hits", "2"), inc("hits"), inc("hits", "0")),
                *(inc("seconds", bits(0.5)), inc("seconds", bits(0.25))),
                *(inc("round", _LARGEST), inc("round", "3")),
            ],
            [plain(counter(), "3"), plain(counter("seconds", "float"), bits(0.75)), plain(counter("round"), "2")],
        ),
    ),
    "counters-never-go-down": (
        ("V2-W14",),
        Scenario(
            [
                *(inc("hits", "5"), inc("hits", "-1"), inc("hits", "-5")),
                *(inc("seconds", bits(5.0)), inc("seconds", bits(-1.0)), inc("seconds", NAN)),
            ],
            [plain(counter(), "5"), plain(counter("seconds", "float"), bits(5.0))],
        ),
    ),
    "gauges-that-are-added-to": (
        ("V2-W1",),
        Scenario(
            [inc("jobs", "3"), inc("jobs", "-5"), inc("ratio", bits(0.5)), inc("ratio", bits(-2.0))],
            [
                plain(family("jobs", "gauge", "signed"), "-2"),
                plain(family("ratio", "gauge", "float"), bits(-1.5)),
            ],
        ),
    ),
    "numbers-at-their-limits": (
        ("V2-1", "V2-32"),
        Scenario(
            [
                do("set", "u", str(2**64 - 2)),
                do("set", "least", str(-(2**63) + 1)),
                do("set", "most", str(2**63 - 1)),
                *(
                    do("set", f"f{place}", value)
                    for place, value in enumerate((bits(-0.0), INFINITE, NAN, "0000000000000001"))
                ),
            ],
            [
                plain(family("u", "gauge"), str(2**64 - 2)),
                plain(family("least", "gauge", "signed"), str(-(2**63) + 1)),
                plain(family("most", "gauge", "signed"), str(2**63 - 1)),
                *(
                    plain(family(f"f{place}", "gauge", "float"), value)
                    for place, value in enumerate((bits(-0.0), INFINITE, NAN, "0000000000000001"))
                ),
            ],
        ),
    ),
    "states": (
        ("V2-W1", "V2-W14"),
        Scenario(
            [do("set", "phase", "off"), do("set", "phase", "nowhere"), do("set", "mode", "a"), do("set", "mode", "b")],
            [
                plain(states("phase", "on", "off"), "off"),
                plain(states("mode", "a", "b"), "b"),
                plain(states("x", "y"), None),
            ],
        ),
    ),
    "texts": (
        ("V2-W2", "V2-W14"),
        Scenario(
            [
                do("set", "whole", "aäö"),
                do("set", "cut", "aäö"),
                do("set", "cut before", "äöü"),
                do("set", "wide", "ab𝄞"),
                do("set", "twice", "longer"),
                do("set", "twice", "x"),
                do("set", "empty", ""),
                do("set", "zero", "a\0b"),
            ],
            [
                plain(text("whole", 5), "aäö"),
                plain(text("cut", 4), "aä"),
                plain(text("cut before", 5), "äö"),
                plain(text("wide", 5), "ab"),
                plain(text("twice", 8), "x"),
                plain(text("empty", 1), ""),
                plain(text("zero", 3), "a\0b"),
            ],
        ),
    ),
    "summaries": (
        ("V2-W2", "V2-W14"),
        Scenario(
            [
                *(do("observe", "s", bits(value)) for value in (3.0, -1.0, 2.5)),
                do("observe", "one", bits(-4.0)),
                do("observe", "one", NAN),
                do("observe", "none", NAN),
            ],
            [
                plain(
                    family("s", "summary", "float"),
                    {"count": "3", "sum": bits(4.5), "min": bits(-1.0), "max": bits(3.0), "last": bits(2.5)},
                ),
                plain(
                    family("one", "summary", "float"),
                    {"count": "1", "sum": bits(-4.0), "min": bits(-4.0), "max": bits(-4.0), "last": bits(-4.0)},
                ),
                plain(family("none", "summary", "float"), NOTHING),
            ],
        ),
    ),
    "histograms": (
        ("V2-W2", "V2-W14"),
        Scenario(
            [
                *(do("observe", "h", bits(value)) for value in (1.0, 1.0 + 2**-52, 2.5, 11.0, -5.0, 10.0)),
                do("observe", "h", NAN),
                do("observe", "unbound", bits(3.0)),
                do("observe", "beyond", INFINITE),
            ],
            [
                plain(
                    histogram("h", 1.0, 2.5, 10.0),
                    {"sum": bits(1.0 + (1.0 + 2**-52) + 2.5 + 11.0 - 5.0 + 10.0), "counts": ["2", "2", "1", "1"]},
                ),
                plain(histogram("unbound"), {"sum": bits(3.0), "counts": ["1"]}),
                plain(histogram("beyond", 1.0), {"sum": INFINITE, "counts": ["0", "1"]}),
            ],
        ),
    ),
    "labels": (
        ("V2-28", "V2-29"),
        Scenario(
            [
                inc("hits", "1", "GET", "200"),
                inc("hits", "2", "POST", "200"),
                inc("hits", "4", "GET", "200"),
                do("series", "hits", None, "200", "GET"),
                inc("hits", "8", "", 'ä\n"\\'),
                do("observe", "s", bits(1.0), "x"),
                do("set", "t", "hello", "y"),
                do("series", "t", None, "z"),
            ],
            [
                After(
                    counter(labels=["method", "status"]),
                    {("GET", "200"): "5", ("POST", "200"): "2", ("200", "GET"): "0", ("", 'ä\n"\\'): "8"},
                ),
                After(
                    family("s", "summary", "float", labels=["a"]),
                    {("x",): {"count": "1", "sum": bits(1.0), "min": bits(1.0), "max": bits(1.0), "last": bits(1.0)}},
                ),
                After(text("t", 16, labels=["a"]), {("y",): "hello", ("z",): None}),
            ],
        ),
    ),
    "series-beyond-the-limit": (
        ("V2-W14",),
        Scenario(
            [
                inc("hits", value, label)
                for label, value in (("a", "1"), ("b", "2"), ("c", "4"), ("d", "8"), ("a", "16"))
            ],
            [After(counter(labels=["a"], limit=2), {("a",): "17", ("b",): "2", (OVERFLOW,): "12"})],
        ),
    ),
    "families-added-while-it-runs": (
        ("V2-25", "V2-W3"),
        Scenario(
            [
                inc("hits", "3"),
                {"do": "declare", "family": counter("more", labels=["a"])},
                inc("more", "4", "x"),
                {"do": "declare", "family": text("late", 5)},
                inc("hits", "3"),
                do("set", "late", "night"),
                {"do": "declare", "family": family("never set", "gauge", "signed")},
                {"do": "declare", "family": family("empty", "summary", "float")},
            ],
            [
                plain(counter(), "6"),
                After(counter("more", labels=["a"]), {("x",): "4"}),
                plain(text("late", 5), "night"),
                plain(family("never set", "gauge", "signed"), None),
                plain(family("empty", "summary", "float"), NOTHING),
            ],
            first=1,
        ),
    ),
    "after-the-end": (
        ("V2-W11",),
        Scenario(
            [
                *(inc("hits", "3"), do("observe", "s", bits(1.0)), {"do": "close"}),
                *(inc("hits", "3"), do("observe", "s", bits(2.0)), do("series", "more", None, "a")),
                {"do": "declare", "family": counter("late")},
            ],
            [
                plain(counter(), "3"),
                plain(
                    family("s", "summary", "float"),
                    {"count": "1", "sum": bits(1.0), "min": bits(1.0), "max": bits(1.0), "last": bits(1.0)},
                ),
                After(counter("more", labels=["a"]), {}),
            ],
        ),
    ),
}
#: Declarations that make no sense, and the rule that they break.
BAD: list[tuple[str, str, dict[str, Any]]] = [
    ("V2-25", "a name without bytes", counter("")),
    ("V2-25", "a name with a zero byte", counter("a\0b")),
    ("V2-25", "a name that is too long", counter("a" * 65536)),
    ("V2-25", "a label name twice", counter("x", labels=["a", "a"])),
    ("V2-25", "an empty label name", counter("x", labels=[""])),
    ("V2-26", "a signed counter", counter("x", "signed")),
    ("V2-26", "a sum of booleans", family("x", "gauge", "boolean")),
    ("V2-26", "a kind that is none", family("x", "meter")),
    ("V2-27", "a state set without states", states("x")),
    ("V2-27", "a state twice", states("x", "a", "a")),
    ("V2-27", "an empty state", states("x", "a", "")),
    ("V2-27", "bounds that do not ascend", histogram("x", 1.0, 1.0)),
    ("V2-27", "an infinite bound", histogram("x", 1.0, float("inf"))),
    ("V2-27", "a bound that is no number", histogram("x", float("nan"))),
    ("V2-27", "a text without room", text("x", 0)),
    ("V2-27", "a text that is too large", text("x", (1 << 20) + 1)),
]
