"""Tests of writers by the file that is left.

Rule 1: what a file has to say is written by hand, beside what the writer is told; the file is read with the schema.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from .. import layout
from .._codec import parse
from .._document import Document
from . import _files
from ._at_rest import AT_REST, BAD, NUMBERS, Scenario, every_kind
from ._case import Case, Cases
from ._program import Failure, Program, shown
from ._reading import expect
from ._scenarios import (
    bits,
    counter,
    do,
    expect_families,
    families,
    family,
    field,
    inc,
    plain,
    prepared,
    refused,
    said,
    scenario,
    scenario1,
    wait,
    waiting,
    written,
)


def _at_rest(what: Scenario, program: Program, directory: Path) -> None:
    found = said(written(program, directory, what.content()))
    expect_families(found, what.expected)
    expect((found["writer"]["app"], found["writer"]["host"]), ("shop", "box"), "application and host")
    expect((found["state"], found["folded"]), ("closed", []), "state and FOLDED records")


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
    gauges = [family(value, "gauge", value, "last") for value in NUMBERS]
    begin = time.time_ns()
    content = scenario(gauges, *(do("set", value, number) for value, number in NUMBERS.items()))
    found = families(said(written(program, directory, content)))
    end = time.time_ns()
    for one, (value, number) in zip(found, sorted(NUMBERS.items()), strict=True):
        said_of = one["series"][0]["value"]
        if not isinstance(said_of, dict) or not begin <= int(said_of["time"]) <= end:
            raise Failure(f"a {value} gauge set between {begin} and {end} says {shown(said_of)}")
        expect(said_of["value"], number, f"the value of a {value} gauge")


def _unused(program: Program, directory: Path) -> None:
    """Bytes that mean nothing are zero, and so are flags that mean nothing."""
    declared = [*every_kind(), counter("l", labels=["a", "b"])]
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
