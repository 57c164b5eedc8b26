"""Direction 1: the original's reader says of generated files what ours says, to the letter and to the bit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmstats_testing.documents import one, parsed, two
from mmstats_testing.saying import Speaker, expected, quiet, said
from mmstats_testing.strategies import SIZES, documents, used

import mmstats_writer._version1 as writer
from mmstats_format import Document, Field, build
from mmstats_reader import read

DOCUMENTS = 1000
MODELS = 300

#: The least and the most of each type of integer, published from either buffer or from the only one.
EXTREMES = tuple(
    place("extreme", signature, value)
    for signature in "bBhHiIlLqQ"
    for bits in [8 * SIZES[signature]]
    for value in ([-(2 ** (bits - 1)), 2 ** (bits - 1) - 1] if signature.islower() else [0, 2**bits - 1])
    for place in (one, two, partial(two, index=1))
)


class Declared(NamedTuple):
    """A field of a generated model, and its updates."""

    kind: Callable[..., writer.Field[Any]]
    name: str
    options: dict[str, Any]
    #: The method of the attribute that takes a value; None for assignment to it.
    method: str | None
    values: list[Any]


# Some integers are too large for any type: they wrap.
integers = st.integers(-(2**70), 2**70) | st.integers(-300, 300)
floats = st.floats(allow_subnormal=True)
names = (st.text(min_size=1, max_size=12) | st.text(min_size=90, max_size=90).map(lambda text: text * 3)).filter(
    lambda name: not name.startswith(("sys.", "org."))  # the labels of the fields about the process
)

#: Classes of fields by how they are updated, and with what.
ASSIGNED: dict[Callable[..., writer.Field[Any]], st.SearchStrategy[Any]] = {
    writer.UInt64Field: integers,
    writer.UIntField: integers,
    writer.IntField: integers,
    writer.ShortField: integers,
    writer.UShortField: integers,
    writer.ByteField: integers,
    writer.FloatField: floats,
    writer.DoubleField: floats,
    writer.BoolField: st.booleans(),
    writer.StringField: st.text(max_size=40),
}
CALLED: dict[Callable[..., writer.Field[Any]], tuple[str, st.SearchStrategy[Any]]] = {
    writer.CounterField: ("inc", integers),
    writer.AverageField: ("add", floats),
    writer.MovingAverageField: ("add", floats),
    writer.TimerField: ("add", floats),
}
STATIC: dict[Callable[..., writer.Field[Any]], st.SearchStrategy[Any]] = {
    writer.StaticUIntField: integers,
    writer.StaticInt64Field: integers,
    writer.StaticUInt64Field: integers,
    writer.StaticFloatField: floats,
    writer.StaticDoubleField: floats,
    writer.StaticTextField: st.text(max_size=64),
}


def _options(kind: Callable[..., writer.Field[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    if kind is writer.StringField:
        return st.fixed_dictionaries({"size": st.sampled_from([0, 1, 3, 40, 255])})
    if kind in (writer.MovingAverageField, writer.TimerField):
        return st.fixed_dictionaries({"size": st.integers(1, 4)})
    return st.just({})


@st.composite
def declared(draw: st.DrawFn) -> Declared:
    kind = draw(st.sampled_from([*ASSIGNED, *CALLED, *STATIC]))
    name = draw(names)
    if (values := STATIC.get(kind)) is not None:
        return Declared(kind, name, {"value": draw(values)}, None, [])
    method, values = (None, ASSIGNED[kind]) if kind in ASSIGNED else CALLED[kind]
    return Declared(kind, name, draw(_options(kind)), method, draw(st.lists(values, max_size=4)))


def readable(document: Document) -> Document:
    """The same document, with the bytes of what is not UTF-8 brought into ASCII.

    Of such bytes the original drops those that it cannot decode, which ones is Python 2's affair, and ours shows all.
    """
    return replace(document, fields=tuple(map(_readable, document.fields)))


def _readable(field: Field) -> Field:
    label, buffers = field.label, field.buffers
    if not _is_utf8(label):
        label = _ascii(label)
    if isinstance(field.value, bytes) and not _is_utf8(field.value):
        buffers = tuple(map(_ascii, buffers))
    return replace(field, label=label, buffers=buffers)


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _ascii(raw: bytes) -> bytes:
    return bytes(byte & 0x7F for byte in raw)


def _compare(path: Path, document: Document, their_reader: Speaker) -> None:
    """One file, as the original's reader, ours and the schema say it."""
    theirs = quiet(document, their_reader.say(path))
    assert theirs == quiet(document, expected(document))
    assert theirs == quiet(document, said(read(path)))


def test_any_document(their_reader: Speaker, scratch: Path) -> None:
    path = scratch / "document.mmstats"
    seen: set[bytes] = set()

    @settings(max_examples=DOCUMENTS * 5 // 4)
    @given(documents().map(readable))
    @example(Document(EXTREMES, used(EXTREMES)))
    def compare(document: Document) -> None:
        content = build(document)
        seen.add(content)
        path.write_bytes(content)
        _compare(path, document, their_reader)

    compare()
    assert len(seen) >= DOCUMENTS
    types = {(field.signature, field.buffered) for content in seen for field in parsed(content).fields}
    assert types > {(signature, buffered) for signature in "?bBhHiIlLqQfdc" for buffered in (False, True)}


def test_any_model(their_reader: Speaker, scratch: Path) -> None:
    seen: set[Callable[..., writer.Field[Any]]] = set()

    @settings(max_examples=MODELS)
    @given(
        st.sampled_from([writer.BaseMmStats, writer.MmStats]),
        st.lists(declared(), max_size=8, unique_by=lambda field: field.name),
        st.text(max_size=8),
    )
    def compare(base: type[writer.BaseMmStats], fields: list[Declared], prefix: str) -> None:
        attributes = {f"field{number}": field.kind(field.name, **field.options) for number, field in enumerate(fields)}
        stats = type("Model", (base,), attributes)(path=scratch, filename="model.mmstats", prefix=prefix)
        try:
            for number, field in enumerate(fields):
                for value in field.values:
                    _update(stats, f"field{number}", field.method, value)
            path = Path(stats.filename)
            _compare(path, parsed(path.read_bytes()), their_reader)
        finally:
            stats.remove()
        seen.update(field.kind for field in fields)

    compare()
    assert seen == {*ASSIGNED, *CALLED, *STATIC}


def _update(stats: writer.BaseMmStats, name: str, method: str | None, value: Any) -> None:
    if method is None:
        setattr(stats, name, value)
    else:
        getattr(getattr(stats, name), method)(value)
