"""`parse` and `build`: inverses of one another, and strict (FORMAT.md 1.3 and chapter 2)."""

from __future__ import annotations

import array
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.documents import bytes_of, one, parsed, two
from mmstats_testing.strategies import documents, files, inputs, used
from mmstats_testing.vectors import content

from mmstats_format import CODES, Corrupt, Document, Field, FormatError, Truncated, UnsupportedVersion, build, parse
from mmstats_reader import _parse1
from mmstats_reader._reader import _parse

#: The codes that a file can end in; the others are for documents.
ON_FILES = {"truncated", "unsupported-version", "unknown-type", "bad-index", "trailing-bytes"}

#: Hostile inputs of `n` units.
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "tiny fields": lambda n: b"\1" + b"\1\0a\1\0c\xffz" * n,
    "fields without bytes": lambda n: b"\1" + b"\1\0a\2\x000s\0" * n,
    "distinct labels": lambda n: b"\1" + b"".join(b"\4\0%04x\1\0B\0ab" % (i & 0xFFFF) for i in range(n)),
    "tiny fields, then a fault": lambda n: b"\1" + b"\1\0a\1\0c\xffz" * n + b"\1\0a\1\0x",
    "padding": lambda n: b"\1" + bytes(8 * n),
    "padding, then a fault": lambda n: b"\1" + bytes(8 * n) + b"x",
    "long labels": lambda n: b"\1" + (b"\x00\x10" + b"l" * 4096 + b"\1\0c\xffz") * (n // 512),
    "unpublished text": lambda n: b"\1" + (b"\1\0a\5\x001000s\0" + b"t" * 2000) * (n // 256),
    "text that claims 999,999,999 bytes": lambda n: b"\1" + b"\1\0a\x0a\x00999999999s\0" + b"t" * n,
    "signature that claims 65,535 bytes": lambda n: b"\1\1\0a\xff\xff" + b"9" * min(n, 65534),
    "signature of 65,535 bytes": lambda n: b"\1\1\0a\xff\xff" + b"9" * 65535,
}


def outcome(parser: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return parser(data)
    except FormatError as error:
        return error


def parse_fast(data: bytes) -> Any:
    """The fast reader on a layout that it has not met: a plan would serve small files only."""
    _parse1._plans.clear()
    return _parse(data)


def cpu_seconds(parser: Callable[[bytes], Any], data: bytes) -> float:
    def once() -> float:
        start = time.process_time()
        outcome(parser, data)
        return time.process_time() - start

    return min(once() for _ in range(3))


def peak_bytes(parser: Callable[[bytes], Any], data: bytes) -> int:
    outcome(parser, data[:9])  # what is imported at the first use does not count
    tracemalloc.start()
    try:
        kept = outcome(parser, data)
        peak = tracemalloc.get_traced_memory()[1]
        del kept
    finally:
        tracemalloc.stop()
    return peak


@given(documents())
def test_a_document_is_parsed_as_it_was_built(document: Document) -> None:
    assert parse(build(document)) == document


@given(files)
def test_a_file_is_built_as_it_was_parsed(data: bytes) -> None:
    assert build(parse(data)) == data


@given(inputs)
def test_any_input_is_built_again_or_ends_in_one_error_of_the_list(data: bytes) -> None:
    """G-2."""
    match outcome(parse, data):
        case FormatError() as error:
            assert error.code in ON_FILES
            assert type(error) is CODES[error.code][0]
            assert error.offset is not None
            assert 0 <= error.offset <= len(data)
        case document:
            assert build(document) == data


@given(documents(), st.data())
def test_a_file_that_is_cut_is_truncated_or_has_fewer_fields(document: Document, data: st.DataObject) -> None:
    """V1-8, V1-10."""
    length = data.draw(st.integers(0, used(document.fields)))
    match outcome(parse, build(document)[:length]):
        case Truncated() as error:
            assert error.offset is not None
            assert error.offset <= length
        case left:
            assert left.fields == document.fields[: len(left.fields)]
            assert left.size == length


@given(documents())
def test_every_byte_has_its_place(document: Document) -> None:
    """V1-2, V1-3: little-endian sizes, nothing aligned, nothing between; written down by hand."""
    data = b"\1"
    for field in document.fields:
        data += len(field.label).to_bytes(2, "little") + field.label
        data += len(field.signature).to_bytes(2, "little") + field.signature.encode("ascii")
        data += bytes([field.index]) + b"".join(field.buffers)
    assert document.size is not None
    assert build(document) == data.ljust(document.size, b"\0")


@pytest.mark.parametrize(("label", "size"), [("h", 4096), ("h" * 4000, 4096), ("h" * 4081, 4096), ("h" * 4082, 8192)])
def test_a_document_without_a_size_ends_with_its_page(label: str, size: int) -> None:
    """V1-11; a `Q` with one buffer has 14 bytes beside its label, and the version one."""
    field = one(label, "Q", 1)
    assert build(Document((field,))) == build(Document((field,), size))
    assert parse(build(Document((field,)))) == Document((field,), size)


def test_a_file_without_fields_is_a_version_and_padding() -> None:
    assert build(Document()) == b"\1" + bytes(4095)
    assert build(Document(size=1)) == b"\1"
    assert parse(b"\1") == Document((), 1)


def test_the_specification_s_example_is_built() -> None:
    assert bytes_of(two("hits", "Q", 2, other=1)) == content("one-counter")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: array.array("B", data)])
def test_anything_with_bytes_is_parsed(kind: Callable[[bytes], Any]) -> None:
    data = content("one-counter")
    assert parse(kind(data)) == parse(data)


@pytest.mark.parametrize("data", ["\1", None, 1, [1]])
def test_what_has_no_bytes_is_a_type_error(data: Any) -> None:
    with pytest.raises(TypeError):
        parse(data)


EIGHT = bytes(8)
TWO = (EIGHT, EIGHT)


@pytest.mark.parametrize(
    ("field", "code", "element"),
    [
        (Field(b"", "Q", 0, TWO), "bad-label", "label"),
        (Field(b"l" * 65536, "Q", 0, TWO), "bad-label", "label"),
        *(
            (Field(b"a", signature, 255, (EIGHT,)), "unknown-type", "signature")
            for signature in [
                "",
                "x",
                "<Q",
                " Q",
                "Q ",
                "QQ",
                "2Q",
                "s",
                "00s",
                "08s",
                "1000000000s",
                "-1s",
                "8S",
                "8s\n",
            ]
        ),
        *(
            (Field(b"a", signature, 255, (EIGHT,)), "unknown-type", "signature")
            for signature in ["\u0668s", "\uff18s", "\xb2s", "\udc51", "8\u017f"]
        ),
        *((Field(b"a", "Q", index, TWO), "bad-index", "index") for index in [2, 127, 128, 254, 256, -1]),
        (Field(b"a", "Q", 0, ()), "bad-value", "buffers"),
        (Field(b"a", "Q", 0, (EIGHT,)), "bad-value", "buffers"),
        (Field(b"a", "Q", 1, (EIGHT, EIGHT, EIGHT)), "bad-value", "buffers"),
        (Field(b"a", "Q", 1, (EIGHT, EIGHT[:7])), "bad-value", "buffers"),
        (Field(b"a", "Q", 0, (EIGHT[:7], EIGHT + b"\0")), "bad-value", "buffers"),
        (Field(b"a", "Q", 255, ()), "bad-value", "buffers"),
        (Field(b"a", "Q", 255, TWO), "bad-value", "buffers"),
        (Field(b"a", "?", 255, (b"",)), "bad-value", "buffers"),
        (Field(b"a", "10s", 255, (b"short",)), "bad-value", "buffers"),
        (Field(b"a", "0s", 255, ()), "bad-value", "buffers"),
    ],
)
def test_a_field_that_cannot_be_in_a_file_is_refused(field: Field, code: str, element: str) -> None:
    """The second table of FORMAT.md 1.3; a document has no offsets."""
    good = one("good", "B", 1)
    with pytest.raises(Corrupt) as caught:
        build(Document((good, field, good)))
    assert (caught.value.code, caught.value.path) == (code, f"fields[1].{element}")
    assert caught.value.offset is None
    assert caught.value.rule == CODES[code][1]


@pytest.mark.parametrize("label", [b"l", b"l" * 65535])
def test_the_shortest_and_the_longest_label_are_built(label: bytes) -> None:
    """V1-4."""
    field = one(label, "B", 1)
    assert parsed(build(Document((field,)))).fields == (field,)


@pytest.mark.parametrize("size", [0, -1, 1, 15, -4096])
def test_a_size_that_does_not_hold_the_fields_is_refused(size: int) -> None:
    with pytest.raises(Corrupt) as caught:
        build(Document((one("a", "Q", 1),), size))
    assert (caught.value.code, caught.value.path, caught.value.offset) == ("bad-size", "size", None)


def test_a_size_that_just_holds_the_fields_is_built() -> None:
    assert len(build(Document((one("a", "Q", 1),), 16))) == 16


@pytest.mark.parametrize("version", [0, 3, 255, 256])
def test_a_document_of_another_version_is_refused(version: int) -> None:
    """G-1."""
    with pytest.raises(UnsupportedVersion) as caught:
        build(Document(version=version))
    assert (caught.value.code, caught.value.path, caught.value.offset) == ("unsupported-version", "version", None)


@pytest.mark.parametrize("version", [0, 3, 128, 255])
def test_a_file_of_another_version_shows_no_values(version: int) -> None:
    """G-1."""
    with pytest.raises(UnsupportedVersion) as caught:
        parse(bytes([version]) + content("one-counter")[1:])
    assert (caught.value.code, caught.value.rule, caught.value.offset) == ("unsupported-version", "G-1", 0)


def test_an_empty_file_is_truncated() -> None:
    """G-1."""
    with pytest.raises(Truncated) as caught:
        parse(b"")
    assert (caught.value.code, caught.value.rule, caught.value.offset) == ("truncated", "G-1", 0)


@pytest.mark.parametrize("parser", [parse, parse_fast])
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_memory_is_a_small_multiple_of_the_input(make: Callable[[int], bytes], parser: Callable[[bytes], Any]) -> None:
    """G-4: a field of eight bytes is some Python objects; what an input only claims costs nothing."""
    data = make(1024)
    assert peak_bytes(parser, data) < 100 * len(data) + 50_000


@pytest.mark.parametrize("parser", [parse, parse_fast])
@pytest.mark.parametrize("make", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_is_linear(make: Callable[[int], bytes], parser: Callable[[bytes], Any]) -> None:
    """G-4: sixteen times the input takes some sixteen times as long, not 256 times."""
    small, large = (cpu_seconds(parser, make(n)) for n in (512, 16 * 512))
    assert large < 64 * max(small, 0.0005)
