"""The canonical JSON document, against values worked out by hand (FORMAT.md 1.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from mmstats_testing.documents import one, two
from mmstats_testing.strategies import documents
from mmstats_testing.values import stats_of

from mmstats_format import Document, Field, build


def unbuffered(signature: str, raw: bytes) -> Field:
    return Field(b"a", signature, 255, (raw,))


def test_a_document_is_its_version_and_its_fields_in_order() -> None:
    """J-1; neither the unpublished buffer nor the index nor the padding is part of it."""
    fields = (
        two("hits", "Q", 2, other=1),
        two("hits", "Q", 3, other=9, index=1),
        one("name", "8s", b"x\0rest"),
    )
    expected = {
        "version": 1,
        "fields": [
            {"label": "hits", "type": "Q", "buffered": True, "value": "2"},
            {"label": "hits", "type": "Q", "buffered": True, "value": "3"},
            {"label": "name", "type": "8s", "buffered": False, "value": "x"},
        ],
    }
    assert Document(fields).canonical() == expected
    assert Document(fields, 4096).canonical() == expected


def test_an_empty_document_has_no_fields() -> None:
    """J-1."""
    assert Document().canonical() == {"version": 1, "fields": []}


@pytest.mark.parametrize(
    ("signature", "raw", "digits"),
    [
        ("b", "80", "-128"),
        ("b", "7f", "127"),
        ("B", "ff", "255"),
        ("B", "00", "0"),
        ("h", "0080", "-32768"),
        ("h", "ff7f", "32767"),
        ("H", "ffff", "65535"),
        ("H", "0100", "1"),
        ("i", "00000080", "-2147483648"),
        ("i", "ffffffff", "-1"),
        ("I", "ffffffff", "4294967295"),
        ("l", "0000000000000080", "-9223372036854775808"),
        ("L", "ffffffffffffffff", "18446744073709551615"),
        ("q", "ffffffffffffff7f", "9223372036854775807"),
        ("q", "0000000000000080", "-9223372036854775808"),
        ("Q", "0100000000002000", "9007199254740993"),
        ("Q", "0102030405060708", "578437695752307201"),
    ],
)
def test_an_integer_is_its_digits(signature: str, raw: str, digits: str) -> None:
    """J-2, V1-2."""
    assert unbuffered(signature, bytes.fromhex(raw)).canonical()["value"] == digits


@pytest.mark.parametrize(
    ("signature", "bits", "canonical"),
    [
        ("d", "3ff8000000000000", "3ff8000000000000"),  # 1.5
        ("d", "8000000000000000", "8000000000000000"),  # -0.0
        ("d", "0000000000000001", "0000000000000001"),  # the least subnormal
        ("d", "7ff0000000000000", "7ff0000000000000"),
        ("d", "fff0000000000000", "fff0000000000000"),
        ("d", "7ff8000000000000", "7ff8000000000000"),  # quiet
        ("d", "fff8000000000123", "fff8000000000123"),
        ("d", "7ff0000000000001", "7ff0000000000001"),  # signalling
        ("f", "3fc00000", "3ff8000000000000"),  # 1.5
        ("f", "80000000", "8000000000000000"),  # -0.0
        ("f", "00000000", "0000000000000000"),
        ("f", "00000001", "36a0000000000000"),  # 2^-149, the least subnormal
        ("f", "007fffff", "380fffffc0000000"),  # 2^-126 - 2^-149, the largest subnormal
        ("f", "7f7fffff", "47efffffe0000000"),  # the largest
        ("f", "3dcccccd", "3fb99999a0000000"),  # what is nearest to 0.1
        ("f", "7f800000", "7ff0000000000000"),
        ("f", "ff800000", "fff0000000000000"),
        ("f", "7fc00000", "7ff8000000000000"),  # quiet
        ("f", "ffc00001", "fff8000020000000"),
        ("f", "7fa00000", "7ff4000000000000"),  # signalling
        ("f", "7fa00001", "7ff4000020000000"),
        ("f", "ff800001", "fff0000020000000"),
        ("f", "7fffffff", "7fffffffe0000000"),
    ],
)
def test_a_float_is_the_bits_of_its_binary64(signature: str, bits: str, canonical: str) -> None:
    """J-3; the bits as people write them, the most significant first."""
    assert unbuffered(signature, bytes.fromhex(bits)[::-1]).canonical()["value"] == canonical


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        (b"", ""),
        (b"text", "text"),
        (b"\0\0\0\0", ""),
        (b"ab\0cd", "ab"),
        (b"ab\0\xff", "ab"),
        ("\u00e9\u4e16\U0001f600".encode(), "\u00e9\u4e16\U0001f600"),
        (b"\xff", {"hex": "ff"}),
        (b"a\xc3", {"hex": "61c3"}),
        (b"\xc3\0\xa9", {"hex": "c3"}),
        (b"\xed\xa0\x80", {"hex": "eda080"}),  # a surrogate
        (b"\xc0\x80", {"hex": "c080"}),  # overlong
        (b"\xf4\x90\x80\x80", {"hex": "f4908080"}),  # above U+10FFFF
        (b"\xef\xbb\xbfx", "\ufeffx"),
    ],
)
def test_text_is_a_string_or_the_digits_of_its_bytes(raw: bytes, canonical: object) -> None:
    """J-4, V1-12."""
    assert unbuffered(f"{len(raw)}s", raw).canonical()["value"] == canonical


@pytest.mark.parametrize(("raw", "canonical"), [(b"x", "x"), (b"\0", ""), (b"\xc3", {"hex": "c3"})])
def test_a_character_is_text_of_one_byte(raw: bytes, canonical: object) -> None:
    """J-4, V1-12."""
    assert unbuffered("c", raw).canonical()["value"] == canonical


@pytest.mark.parametrize(
    ("label", "canonical"),
    [
        (b"web.hits", "web.hits"),
        (b"a\0b", "a\0b"),
        (b"\0", "\0"),
        ("\u00e9".encode(), "\u00e9"),
        (b"a\0\xff", {"hex": "6100ff"}),
    ],
)
def test_a_label_counts_whole(label: bytes, canonical: object) -> None:
    """J-4."""
    assert Field(label, "B", 255, (b"\0",)).canonical()["label"] == canonical


@pytest.mark.parametrize(("raw", "canonical"), [(b"\0", False), (b"\1", True), (b"\2", True), (b"\xff", True)])
def test_a_boolean_is_false_for_zero_alone(raw: bytes, canonical: bool) -> None:
    """J-5, V1-13."""
    assert unbuffered("?", raw).canonical()["value"] is canonical


@pytest.mark.parametrize(
    ("field", "published"),
    [
        (Field(b"a", "B", 0, (b"\1", b"\2")), 2),
        (Field(b"a", "B", 1, (b"\1", b"\2")), 1),
        (Field(b"a", "B", 255, (b"\1",)), 1),
        (Field(b"a", "2s", 0, (b"un", b"ok")), b"ok"),
        (Field(b"a", "?", 1, (b"\1", b"\0")), True),
        (Field(b"a", "d", 1, (bytes(6) + b"\xf8\x3f", bytes(8))), 1.5),
    ],
)
def test_the_published_buffer_is_the_one_that_the_index_does_not_name(field: Field, published: object) -> None:
    """V1-7."""
    assert field.value == published
    assert type(field.value) is type(published)


@given(documents())
def test_a_document_is_strict_json(document: Document) -> None:
    """J-1 to J-5: no number but the version, and so no NaN and no integer beyond 2^53."""
    text = json.dumps(document.canonical(), allow_nan=False)
    assert json.loads(text) == document.canonical()
    numbers: list[str] = []

    def number(digits: str) -> Any:
        numbers.append(digits)

    json.loads(text, parse_int=number, parse_float=number, parse_constant=number)
    assert numbers == ["1"]


@given(documents())
def test_the_canonical_value_is_the_field_s(document: Document) -> None:
    """What J-2 to J-5 write is the value that Python programs see, text apart: that is bytes to them."""
    for field, (_, value) in zip(document.fields, stats_of(document.canonical()), strict=True):
        if isinstance(field.value, bytes):
            assert isinstance(value, str)
        else:
            assert type(field.value) is type(value)
            assert field.value == value or field.value != field.value


@pytest.mark.parametrize("field", [Field("text", "B", 255, (b"\1",)), Field(b"a", "B", 255.0, (b"\1",))])  # type: ignore[arg-type]
def test_a_part_of_the_wrong_type_is_a_type_error(field: Field) -> None:
    with pytest.raises(TypeError, match=r"fields\[0\]: a label is bytes"):
        build(Document((field,)))
