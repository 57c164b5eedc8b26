"""Version 2's schema: documents and files are each other's inverse, and nothing but the project's errors comes out."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmstats_format import Document2, FormatError, build, parse
from mmstats_format._document2 import Extent, Folded, Header, Origin, Record, Series, Unknown
from mmstats_format.declaration import Declaration
from mmstats_format.schema2 import ALLOWED

#: Sizes of the areas of every extent; large enough for what is drawn below.
METADATA, VALUES = 1 << 14, 1 << 14

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = TEXTS.filter(bool)
WORDS = st.integers(0, 2**64 - 1)


@st.composite
def families(draw: st.DrawFn) -> Declaration:
    """Any declaration that FORMAT.md 3.6 allows; its name is made distinct by whoever puts it into a document."""
    kind = draw(st.sampled_from(sorted(ALLOWED)))
    types, combinations = ALLOWED[kind]
    value_type = draw(st.sampled_from(types))
    combination = draw(st.sampled_from([one for one in combinations if (one, value_type) != ("sum", "boolean")]))
    bounds = draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True, max_size=4))
    return Declaration(
        "",
        kind,
        value_type,
        combination,
        unit=draw(TEXTS),
        help=draw(TEXTS),
        labels=tuple(draw(st.lists(NAMES, unique=True, max_size=3))),
        # -0.0 equals 0.0, and the two do not ascend; `unique` has seen to that already.
        bounds=tuple(sorted(bounds)) if kind == "histogram" else (),
        states=tuple(draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))) if kind == "state set" else (),
        capacity=draw(st.integers(1, 20)) if kind == "text" else 0,
        kept=draw(st.booleans()),
    )


@st.composite
def documents(draw: st.DrawFn) -> Document2:
    """A header, and up to three extents of families, series and unknown records."""
    declared = [
        family._replace(name=f"family {number}") for number, family in enumerate(draw(st.lists(families(), max_size=4)))
    ]
    records: list[Record] = [Origin(draw(TEXTS), draw(TEXTS)), *declared]
    for number, family in enumerate(declared):
        for values in draw(st.sets(st.tuples(*[TEXTS] * len(family.labels)), max_size=2)):
            records.append(Series(number, values, draw(st.binary(min_size=family.slot, max_size=family.slot))))
    if draw(st.booleans()):
        records.append(Unknown(9, 0, b"whatever", bytes(8)))
    archive = draw(st.booleans())
    if archive:
        records += [Folded(draw(st.binary(min_size=16, max_size=16)))]
    cuts = sorted(draw(st.lists(st.integers(1, len(records)), max_size=2)))
    parts = [records[low:high] for low, high in zip([0, *cuts], [*cuts, len(records)], strict=True)]
    header = Header(
        draw(st.binary(min_size=16, max_size=16)),
        created=draw(WORDS),
        pid=draw(WORDS),
        state=draw(st.sampled_from([1, 2])),
        thread_id=draw(st.integers(0, 2**32 - 1)),
        heartbeat=draw(WORDS),
        incompatible=int(archive),
        compatible=draw(st.integers(0, 2**32 - 1)),
        minor=draw(st.integers(0, 2**16 - 1)),
    )
    return Document2(header, tuple(Extent(tuple(part), METADATA, VALUES) for part in parts))


@given(documents())
@settings(max_examples=100)
def test_parse_is_the_inverse_of_build(document: Document2) -> None:
    content = build(document)
    assert parse(content) == document
    assert build(parse(content)) == content


@given(documents(), st.data())
@settings(max_examples=100)
def test_a_malformed_file_ends_in_an_error_of_the_project_with_its_place(given: Document2, data: st.DataObject) -> None:
    content = bytearray(build(given))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    del content[data.draw(st.integers(0, len(content))) :]
    offset: int | None = 0
    try:
        parse(content)
    except FormatError as error:
        offset = error.offset
    assert offset is not None
    assert 0 <= offset <= len(content)


HEADER = Header(bytes(16))
ORIGIN = Origin("app", "host")
COUNTER = Declaration("hits", "counter", "unsigned", "sum")


def document(*records: Record, header: Header = HEADER, capacity: int = METADATA) -> Document2:
    return Document2(header, (Extent(records, capacity, VALUES),))


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (document(COUNTER), "bad-record"),
        (document(ORIGIN, ORIGIN), "bad-record"),
        (document(ORIGIN, COUNTER, COUNTER), "bad-family"),
        (document(ORIGIN, COUNTER._replace(kind="gadget")), "bad-value"),
        (document(ORIGIN, COUNTER._replace(type="signed")), "bad-family"),
        (document(ORIGIN, COUNTER._replace(name="x" * 65536)), "bad-value"),
        (document(ORIGIN, COUNTER._replace(help="\udcff")), "bad-value"),
        (document(ORIGIN, Series(0, (), bytes(8))), "bad-series"),
        (document(ORIGIN, COUNTER, Series(0, (), bytes(16))), "bad-series"),
        (document(ORIGIN, COUNTER, Series(0, (), bytes(8)), Series(0, (), bytes(8))), "bad-series"),
        (document(ORIGIN, Folded(bytes(16))), "bad-record"),
        (document(ORIGIN, Unknown(9, 1, b"", b"")), "unsupported-record"),
        (document(ORIGIN, COUNTER, capacity=64), "bad-size"),
        (document(ORIGIN, header=Header(bytes(15))), "bad-value"),
        (document(ORIGIN, header=Header(bytes(16), pid=-1)), "bad-value"),
        (document(ORIGIN, header=Header(bytes(16), state=3)), "bad-header"),
        (document(ORIGIN, header=Header(bytes(16), incompatible=4)), "unsupported-feature"),
    ],
)
def test_a_document_that_cannot_be_a_file_is_refused(wrong: Document2, code: str) -> None:
    with pytest.raises(FormatError) as refusal:
        build(wrong)
    assert refusal.value.code == code


def test_parsing_is_linear() -> None:
    """G-4: eight times the records take some eight times as long, not 64 times."""

    def seconds(count: int) -> float:
        records: list[Any] = [ORIGIN, COUNTER._replace(labels=("a",))]
        records += [Series(0, (str(number),), bytes(8)) for number in range(count)]
        content = build(Document2(HEADER, (Extent(tuple(records), 64 * count + 1024, 8 * count),)))
        taken = []
        for _ in range(3):
            start = time.process_time()
            parse(content)
            taken.append(time.process_time() - start)
        return min(taken)

    assert seconds(1600) < 32 * seconds(200)
