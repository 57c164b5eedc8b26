"""What is generated from the schema: the layout module, and the tables of FORMAT.md."""

from __future__ import annotations

import re
import struct
from pathlib import Path

import pytest
from mmstats_testing.strategies import SIZES
from mmstats_testing.vectors import ROOT

from mmstats_format import generate, layout
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
