"""Hypothesis strategies for documents of version 2, and for bytes that are nearly files."""

from __future__ import annotations

from hypothesis import strategies as st

from mmstats_format import Document2
from mmstats_format._document2 import Extent, Folded, Header, Origin, Record, Series, Unknown
from mmstats_format.declaration import Declaration
from mmstats_format.schema2 import ALLOWED

from .documents2 import Metric, counter, gauge, histogram, labelled, last, states, summary, text, unknown
from .mending import mended

#: Small numbers, so that values meet.
NUMBERS = st.integers(0, 5)
#: Sizes of the areas of every extent; large enough for what is drawn below.
METADATA, VALUES = 1 << 12, 1 << 12

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
NAMES = TEXTS.filter(bool)
WORDS = st.integers(0, 2**64 - 1)
#: Words that random bytes hardly hit: unset of every type, zeros, infinities, other NaNs.
SPECIAL = [2**64 - 1, 1 << 63, 0x7FF8000000000001, 2, 0, 1, 0x7FF0 << 48, 0xFFF0 << 48, 0x7FF8 << 48, 0x7FF4 << 48]


@st.composite
def families2(draw: st.DrawFn, name: str) -> Declaration:
    """Any declaration that FORMAT.md 3.6 allows."""
    kind = draw(st.sampled_from(sorted(ALLOWED)))
    types, combinations = ALLOWED[kind]
    value_type = draw(st.sampled_from(types))
    combination = draw(st.sampled_from([one for one in combinations if (one, value_type) != ("sum", "boolean")]))
    bounds = draw(st.lists(st.floats(allow_nan=False, allow_infinity=False), unique=True, max_size=4))
    return Declaration(
        name,
        kind,
        value_type,
        combination,
        unit=draw(TEXTS),
        help=draw(TEXTS),
        labels=tuple(draw(st.lists(NAMES, unique=True, max_size=3))),
        bounds=tuple(sorted(bounds)) if kind == "histogram" else (),
        states=tuple(draw(st.lists(NAMES, unique=True, min_size=1, max_size=3))) if kind == "state set" else (),
        capacity=draw(st.integers(1, 20)) if kind == "text" else 0,
        kept=draw(st.booleans()),
    )


@st.composite
def slots2(draw: st.DrawFn, size: int) -> bytes:
    """The bytes of a slot: any, and often those of special words; a sequence word and lengths among them."""
    words = st.sampled_from(SPECIAL) | st.integers(0, 20) | WORDS
    return b"".join(draw(words).to_bytes(8, "little") for _ in range(size // 8))


@st.composite
def documents2(draw: st.DrawFn) -> Document2:
    """A header, and up to three extents of families, series and unknown records."""
    declared = [draw(families2(f"family {number}")) for number in range(draw(st.integers(0, 4)))]
    records: list[Record] = [Origin(draw(TEXTS), draw(TEXTS)), *declared]
    for number, family in enumerate(declared):
        for values in draw(st.sets(st.tuples(*[TEXTS] * len(family.labels)), max_size=2)):
            records.append(Series(number, values, draw(slots2(family.slot))))
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
        compatible=draw(st.integers(0, 15)),
        incompatible=int(archive),
    )
    return Document2(header, tuple(Extent(tuple(part), METADATA, VALUES) for part in parts))


@st.composite
def metrics2(draw: st.DrawFn) -> Metric:
    """A metric of few names, kinds and values, so that files meet in some and differ in others."""
    name = draw(st.sampled_from("mno"))
    number = draw(NUMBERS)
    made = draw(
        st.sampled_from(
            [
                counter(name, number),
                counter(name, number / 2, "float"),
                gauge(name, number - 2),
                gauge(name, None),
                gauge(name, number, "max"),
                gauge(name, number, "min", "unsigned", kept=True),
                last(name, number, float(number)),
                summary(name, 1, float(number), float(number), float(number), float(number)),
                summary(name),
                histogram(name, (1.0, 2.0), (number, 1, 0), 0.5),
                histogram(name, (2.0, 3.0), (number, 1, 0), 0.5),
                states(name, ("up", "down"), number),
                text(name, "x" * number),
                unknown(name, number, unit=draw(st.sampled_from(["", "bytes"]))),
            ]
        )
    )
    if draw(st.booleans()):
        return made
    values = draw(st.sets(st.sampled_from("xy"), min_size=1))
    return labelled(made, ("l",), *(((value,), made) for value in sorted(values)))


@st.composite
def mutated2(draw: st.DrawFn, bases: list[bytes]) -> bytes:
    """The bytes of a file after a few accidents, its CRCs often set right again; some leave it valid."""
    content = bytearray(draw(st.sampled_from(bases)))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(content)))
        match draw(st.sampled_from(["byte", "bit", "cut", "word", "insert"])):
            case "byte":
                content[at : at + 1] = draw(st.binary(max_size=1))
            case "bit" if at < len(content):
                content[at] ^= 1 << draw(st.integers(0, 7))
            case "cut":
                del content[at:]
            case "insert":
                content[at:at] = bytes(8 * draw(st.integers(1, 3)))
            case "word":
                at -= at % 4
                number = draw(st.sampled_from([0, 1, 2, 3, 4, 7, 8, 16, 24, 64, 0xFFFF, 0x8000, 2**31, 2**32 - 1]))
                content[at : at + 4] = number.to_bytes(4, "little")[: len(content[at : at + 4])]
    return bytes(content if draw(st.booleans()) else mended(content))
