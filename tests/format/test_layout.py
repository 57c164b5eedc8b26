"""What is generated from the schema: the layout module, and the tables of FORMAT.md."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from mmstats_testing.strategies import SIZES
from mmstats_testing.vectors import ROOT

from mmstats_format import Declaration, generate, layout
from mmstats_format.types import Type, type_of

FORMAT = ROOT / "spec" / "FORMAT.md"


def test_the_layout_module_is_what_the_schema_gives() -> None:
    assert generate.layout() == generate.LAYOUT.read_text(encoding="utf-8")


def test_the_specification_s_tables_are_what_the_schema_gives() -> None:
    text = FORMAT.read_text(encoding="utf-8")
    assert generate.with_tables(text) == text


def test_every_generated_table_has_its_place_in_the_specification() -> None:
    assert re.findall(r"<!-- generated: ([\w-]+) -->", FORMAT.read_text(encoding="utf-8")) == list(generate.tables())


def test_a_table_that_was_edited_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = FORMAT.read_text(encoding="utf-8")
    row = "| index | 1 |"
    assert row in text
    edited = tmp_path / "FORMAT.md"
    edited.write_text(text.replace(row, "| index | 2 |"), encoding="utf-8")
    monkeypatch.setattr(generate, "LAYOUT", tmp_path / "layout.py")
    generate.main([str(edited)])
    assert edited.read_text(encoding="utf-8") == text
    assert (tmp_path / "layout.py").read_text(encoding="utf-8") == generate.layout()


def test_the_numbers_are_these() -> None:
    """Literal numbers: what is derived from the schema is wrong with it."""
    assert (layout.V1_VERSION, layout.V1_VERSION_SIZE, layout.V1_UNBUFFERED) == (1, 1, 255)
    assert (layout.V1_LABEL_SIZE, layout.V1_SIGNATURE_SIZE, layout.V1_INDEX) == ("<H", "<H", "<B")


@pytest.mark.parametrize(
    ("signature", "row"),
    [
        ("?", ("?", 1, "boolean")),
        ("b", ("b", 1, "signed")),
        ("B", ("B", 1, "unsigned")),
        ("h", ("h", 2, "signed")),
        ("H", ("H", 2, "unsigned")),
        ("i", ("i", 4, "signed")),
        ("I", ("I", 4, "unsigned")),
        ("l", ("q", 8, "signed")),
        ("L", ("Q", 8, "unsigned")),
        ("q", ("q", 8, "signed")),
        ("Q", ("Q", 8, "unsigned")),
        ("f", ("f", 4, "float")),
        ("d", ("d", 8, "float")),
        ("c", ("c", 1, "text")),
    ],
)
def test_a_type_has_its_size_and_kind(signature: str, row: tuple[str, int, str]) -> None:
    """V1-5; the code means the same in native and in standard size."""
    code, size, _ = row
    assert layout.V1_TYPES[signature] == row == type_of(signature)
    assert struct.calcsize("=" + code) == struct.calcsize("@" + code) == size == SIZES[signature]


def test_the_registry_holds_no_other_types() -> None:
    assert sorted(layout.V1_TYPES) == sorted(SIZES)


@pytest.mark.parametrize(("signature", "size"), [("0s", 0), ("1s", 1), ("255s", 255), ("999999999s", 999_999_999)])
def test_fixed_text_has_the_size_that_it_says(signature: str, size: int) -> None:
    """V1-12."""
    assert type_of(signature) == Type(signature, size, "text")


@pytest.mark.parametrize(
    "signature", ["", "s", "00s", "01s", "1000000000s", "+1s", " 1s", "1s\n", "\u0661s", "Q\0", "x"]
)
def test_a_signature_outside_the_registry_has_no_type(signature: str) -> None:
    """V1-5, V1-12."""
    with pytest.raises(KeyError):
        type_of(signature)


def test_the_numbers_of_version_2_are_these() -> None:
    """Literal numbers, from FORMAT.md 3.2 to 3.7."""
    assert (layout.V2_MAGIC, layout.V2_TAG, layout.V2_CRC) == (b"\x02MMSTATS", b"XTNT", "<L")
    assert (layout.V2_HEADER, layout.V2_HEADER_SIZE, layout.V2_CHECKED_HEADER) == ("<8sHHLLL16sQQQ16sQ8sQQQ8s", 128, 96)
    assert (layout.V2_EXTENT, layout.V2_EXTENT_SIZE, layout.V2_CHECKED_EXTENT) == ("<4sLQQQQQQ8s", 64, 40)
    assert (layout.V2_RECORD, layout.V2_RECORD_SIZE) == ("<LHHLL", 16)
    assert (layout.V2_FAMILY_HEAD, layout.V2_SERIES_HEAD, layout.V2_FOLDED_BODY) == ("<BBBBB1sHL4s", "<L", "<16s")
    assert [layout.V2_HEADER_AT_STATE, layout.V2_HEADER_AT_THREAD_ID, layout.V2_HEADER_AT_HEARTBEAT] == [96, 104, 112]
    assert [layout.V2_EXTENT_AT_METADATA_USED, layout.V2_EXTENT_AT_NEXT, layout.V2_RECORD_AT_SLOT] == [40, 48, 12]
    assert [layout.V2_UNIT, layout.V2_CONTROL, layout.V2_CONTROL_BITS, layout.V2_CONTROL_MASK] == [
        8,
        "<Q",
        32,
        2**32 - 1,
    ]
    assert [layout.V2_ORIGIN, layout.V2_FAMILY, layout.V2_SERIES, layout.V2_FOLDED] == [1, 2, 3, 4]
    assert [layout.V2_LONGEST, layout.V2_MOST_LABELS, layout.V2_MOST_PARTS, layout.V2_MOST_EXTENTS] == [
        65535,
        255,
        65535,
        32,
    ]
    assert layout.V2_UNSET == {"unsigned": 2**64 - 1, "signed": 2**63, "float": 0x7FF8000000000001, "boolean": 2}


@pytest.mark.parametrize(
    ("declaration", "size"),
    [
        (Declaration("x", "counter", "unsigned", "sum"), 8),
        (Declaration("x", "unknown", "boolean", "all"), 8),
        (Declaration("x", "state set", "unsigned", "all", states=("a", "b")), 8),
        (Declaration("x", "gauge", "float", "last"), 8 + 2 * 16),
        (Declaration("x", "text", "text", "all", capacity=8), 8 + 2 * 16),
        (Declaration("x", "text", "text", "all", capacity=9), 8 + 2 * 24),
        (Declaration("x", "summary", "float", "sum"), 8 + 2 * 40),
        (Declaration("x", "histogram", "float", "sum"), 8 + 2 * 16),
        (Declaration("x", "histogram", "float", "sum", bounds=(1.0, 2.0)), 8 + 2 * 32),
    ],
    ids=lambda given: getattr(given, "kind", None),
)
def test_a_slot_has_the_size_of_its_family(declaration: Declaration, size: int) -> None:
    """FORMAT.md 3.7."""
    assert declaration.slot == size
