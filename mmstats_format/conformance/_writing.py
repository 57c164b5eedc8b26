"""Tests of writers: scenarios, and the files that are there after them.

Rule 1: what a file has to say is written here by hand, beside the scenario; the file is read with the schema.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from .. import layout
from .._codec import parse
from .._document import Document
from . import _files
from ._case import Case, Cases
from ._program import Failure, Program, shown
from ._reading import expect
from ._scenarios import (
    INFINITE,
    NAN,
    NOTHING,
    OVERFLOW,
    After,
    bits,
    counter,
    do,
    expect_families,
    families,
    family,
    field,
    histogram,
    inc,
    plain,
    prepared,
    refused,
    said,
    scenario,
    scenario1,
    states,
    text,
    wait,
    waiting,
    written,
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


def _at_rest(what: Scenario, program: Program, directory: Path) -> None:
    found = said(written(program, directory, what.content()))
    expect_families(found, what.expected)
    expect((found["writer"]["app"], found["writer"]["host"]), ("shop", "box"), "application and host")
    expect((found["state"], found["folded"]), ("closed", []), "state and FOLDED records")


_NUMBERS = {"unsigned": "7", "signed": "-7", "float": bits(-0.5), "boolean": True}
_WHOLE = [
    (kind, value, combination)
    for kind, (values, combinations) in layout.V2_ALLOWED.items()
    for value in values
    for combination in combinations
    if (value, combination) != ("boolean", "sum")
]


def _every_kind() -> list[dict[str, Any]]:
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
    steps = [do("set", gauge["name"], _NUMBERS[gauge["type"]]) for gauge in gauges]
    return Scenario(steps, [plain(gauge, _NUMBERS[gauge["type"]]) for gauge in gauges])


_LARGEST = str(2**64 - 1)
AT_REST: dict[str, tuple[tuple[str, ...], Scenario]] = {
    "nothing": (("V2-24",), Scenario([], [])),
    "before-the-first-update": (
        ("V2-26", "V2-27", "V2-31", "V2-32"),
        Scenario([], [plain(declared, _initial(declared)) for declared in _every_kind()]),
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


def _bad_at_first(why: str, declared: dict[str, Any], program: Program, directory: Path) -> None:
    refused(program, directory, scenario([counter(), declared]), why)


def _bad_later(program: Program, directory: Path) -> None:
    """What makes no sense is not added, and what is there goes on; so does a family that is there already."""
    steps = [{"do": "declare", "family": declared} for _, _, declared in BAD]
    again = {"do": "declare", "family": counter()}
    content = scenario([counter()], inc("hits"), again, *steps, inc("hits"))
    expect_families(said(written(program, directory, content)), [plain(counter(), "2")])


def _last(program: Program, directory: Path) -> None:
    """Gauges combined by last know when they were set."""
    gauges = [family(value, "gauge", value, "last") for value in _NUMBERS]
    begin = time.time_ns()
    content = scenario(gauges, *(do("set", value, number) for value, number in _NUMBERS.items()))
    found = families(said(written(program, directory, content)))
    end = time.time_ns()
    for one, (value, number) in zip(found, sorted(_NUMBERS.items()), strict=True):
        said_of = one["series"][0]["value"]
        if not isinstance(said_of, dict) or not begin <= int(said_of["time"]) <= end:
            raise Failure(f"a {value} gauge set between {begin} and {end} says {shown(said_of)}")
        expect(said_of["value"], number, f"the value of a {value} gauge")


def _unused(program: Program, directory: Path) -> None:
    """Bytes that mean nothing are zero, and so are flags that mean nothing."""
    declared = [*_every_kind(), counter("l", labels=["a", "b"])]
    content = written(program, directory, scenario(declared, inc("l", "1", "x", "y"))).read_bytes()
    head = layout.V2_HEADER_SIZE
    for what, some in (
        ("bytes 88 to 95 of the header", content[88:96]),
        ("bytes 120 to 127 of the header", content[120:128]),
        ("the last 8 bytes of the extent's head", content[head + 56 : head + 64]),
    ):
        if any(some):
            raise Failure(f"{what} are {some.hex()}")
    for place, record in enumerate(_files.records(content)):
        _, kind, flags, _, slot = struct.unpack_from(layout.V2_RECORD, record)
        if flags:
            raise Failure(f"record {place} has the flags {flags:#x}")
        if kind == layout.V2_FAMILY and (record[21] or any(record[28:32]) or slot):
            raise Failure(f"reserved bytes of record {place} are not zero, or it has a slot")


def _fields(
    fields: Sequence[dict[str, Any]],
    steps: Sequence[dict[str, Any]],
    expected: Sequence[Any],
    program: Program,
    directory: Path,
) -> None:
    path = written(program, directory, scenario1(fields, *steps))
    found = said(path)
    wanted = [
        {"label": one["label"], "type": one["type"], "buffered": one["buffered"], "value": value}
        for one, value in zip(fields, expected, strict=True)
    ]
    expect(found, {"version": 1, "fields": wanted}, "the document")
    if path.stat().st_size % 4096:
        raise Failure(f"its size, {path.stat().st_size}, is no multiple of the host page")


#: Of each integer type, what one more than its largest number is.
WRAPS = [
    (signature, str(2**width - 1 if unsigned else 2 ** (width - 1) - 1), "0" if unsigned else str(-(2 ** (width - 1))))
    for signatures, width in (("bB", 8), ("hH", 16), ("iI", 32), ("lL", 64), ("qQ", 64))
    for signature in signatures
    for unsigned in [signature.isupper()]
]


def _wraps(signature: str, largest: str, then: str, program: Program, directory: Path) -> None:
    fields = [field(f"{signature}{buffered}", signature, buffered=buffered) for buffered in (True, False)]
    steps = [step for one in fields for step in (inc(one["label"], largest), inc(one["label"], "1"))]
    _fields(fields, steps, [then, then], program, directory)


def _types(signature: str, value: Any, program: Program, directory: Path) -> None:
    """Set once and twice, with one buffer and two."""
    other = {"?": False, "f": bits(0.5), "d": bits(0.5), "c": "y"}.get(signature, "y" if signature[-1] == "s" else "2")
    fields = [
        field(f"{times} {buffered}", signature, buffered=buffered) for times in (1, 2) for buffered in (True, False)
    ]
    steps = [do("set", one["label"], value) for one in fields]
    steps += [do("set", one["label"], other) for one in fields[2:]]
    _fields(fields, steps, [value, value, other, other], program, directory)


def _buffers(program: Program, directory: Path) -> None:
    """Both zero at first, the index 0; then each update in the buffer that the index names, and the other index."""
    content = scenario1([field("hits", "Q")], wait("0"), inc("hits", "5"), wait("1"), inc("hits", "2"), wait("2"))
    with program.start(*prepared(directory, content)) as talk:
        path = Path(talk.expect("path"))
        for turn, expected in enumerate([(0, 0, 0), (1, 5, 0), (0, 5, 7)]):
            waiting(talk, str(turn))
            parsed = parse(path.read_bytes())
            if not isinstance(parsed, Document):
                raise Failure("the file is of version 2")
            (hits,) = parsed.fields
            found = (hits.index, *(int.from_bytes(buffer, "little") for buffer in hits.buffers))
            expect(found, expected, f"index and buffers after {turn} updates")
            talk.say()


def _first_values(program: Program, directory: Path) -> None:
    """A value from the beginning is there as after one update."""
    fields = [
        field("pid", "I", "4711", buffered=False),
        field("version", "16s", "3.11", buffered=False),
        field("hits", "Q", "7"),
        field("load", "d", bits(1.5)),
    ]
    parsed = parse(written(program, directory, scenario1(fields)).read_bytes())
    if not isinstance(parsed, Document):
        raise Failure("the file is of version 2")
    expect(
        [(one.index, *(buffer.hex() for buffer in one.buffers)) for one in parsed.fields],
        [
            (layout.V1_UNBUFFERED, struct.pack("<I", 4711).hex()),
            (layout.V1_UNBUFFERED, struct.pack("16s", b"3.11").hex()),
            (1, struct.pack("<Q", 7).hex(), bytes(8).hex()),
            (1, struct.pack("<d", 1.5).hex(), bytes(8).hex()),
        ],
        "index and buffers of the fields",
    )


def _raw(program: Program, directory: Path) -> None:
    """Booleans are 0 or 1, and text is filled with zero bytes."""
    fields = [field("yes", "?", buffered=False), field("t", "8s", buffered=False)]
    steps = [do("set", "yes", True), do("set", "t", "longer"), do("set", "t", "x")]
    parsed = parse(written(program, directory, scenario1(fields, *steps)).read_bytes())
    if not isinstance(parsed, Document):
        raise Failure("the file is of version 2")
    expect([one.buffers[0].hex() for one in parsed.fields], ["01", b"x".ljust(8, b"\0").hex()], "the bytes")


def _many_fields(program: Program, directory: Path) -> None:
    """More than a page of them."""
    fields = [field(f"field {number}", "Q") for number in range(400)]
    steps = [inc(one["label"], str(number)) for number, one in enumerate(fields)]
    _fields(fields, steps, [str(number) for number in range(400)], program, directory)


#: Of each type a value.
TYPES = {**dict.fromkeys("bBhHiIlLqQ", "1"), "?": True, "f": bits(1.5), "d": bits(1.1), "c": "x", "9s": "nine byte"}
#: Fields, steps, and the values afterwards.
CUT = ([field("t", "4s", buffered=False)], [do("set", "t", "aäö")], ["aä"])
#: Fields that cannot be.
BAD_FIELDS = [
    ("a label without bytes", field("", "Q")),
    ("a label that is too long", field("a" * 65536, "Q")),
    ("a type outside the registry", field("x", "x")),
    ("static text longer than its buffer", field("x", "3s", "four", buffered=False)),
]


def _bad_field(why: str, declared: dict[str, Any], program: Program, directory: Path) -> None:
    refused(program, directory, scenario1([field("hits", "Q"), declared]), why)


def cases() -> Cases:
    """All tests of writers that look at the file that is left."""
    found = [Case(f"writer/v2/{name}", rules, partial(_at_rest, what)) for name, (rules, what) in AT_REST.items()]
    found += [
        Case(f"writer/v2/declared-at-first-{why.replace(' ', '-')}", (rule,), partial(_bad_at_first, why, declared))
        for rule, why, declared in BAD
    ]
    found += [
        Case("writer/v2/declared-later-what-makes-no-sense", ("V2-25", "V2-26", "V2-27"), _bad_later),
        Case("writer/v2/gauges-set-last", ("V2-W2",), _last),
        Case("writer/v2/unused-bytes", ("V2-10",), _unused),
        Case("writer/v1/buffers", ("V1-W1", "V1-W2"), _buffers),
        Case("writer/v1/bytes", ("V1-12", "V1-13"), _raw, True),
        Case("writer/v1/many-fields", ("V1-3", "V1-11"), _many_fields),
        Case("writer/v1/initial-values", ("V1-6", "V1-W1"), _first_values),
        Case("writer/v1/text-is-cut-after-a-whole-character", ("V1-12",), partial(_fields, *CUT), True),
    ]
    found += [
        Case(f"writer/v1/wraps-{signature}", ("V1-W3",), partial(_wraps, signature, largest, then), True)
        for signature, largest, then in WRAPS
    ]
    found += [
        Case(f"writer/v1/type-{signature.replace('?', 'bool')}", ("V1-5", "V1-W2"), partial(_types, *one), True)
        for one in TYPES.items()
        for signature in one[:1]
    ]
    return found + [
        Case(f"writer/v1/bad-{why.replace(' ', '-')}", ("V1-W8",), partial(_bad_field, why, declared))
        for why, declared in BAD_FIELDS
    ]
