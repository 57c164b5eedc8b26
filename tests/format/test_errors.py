"""The errors: their places, their words, their classes, and the closed list of their codes (FORMAT.md 1.3)."""

from __future__ import annotations

import copy
import pickle
import re

import pytest
from mmstats_testing.vectors import ROOT

import mmstats_format
from mmstats_format import (
    CODES,
    ClosedError,
    Corrupt,
    DeclarationError,
    FormatError,
    MmstatsError,
    Truncated,
    UnsupportedHost,
    UnsupportedVersion,
    parse,
)

FORMAT = (ROOT / "spec" / "FORMAT.md").read_text(encoding="utf-8")


def rows(heading: str) -> list[dict[str, str]]:
    """The table of FORMAT.md whose first columns are these, row by row."""
    table = FORMAT[FORMAT.index(heading) :].split("\n\n")[0]
    names, _, *lines = ([cell.strip(" `") for cell in line.strip("|").split("|")] for line in table.splitlines())
    found = [dict(zip(names, line, strict=True)) for line in lines]
    assert found, "the table is empty"
    return found


def rules_of(row: dict[str, str]) -> list[str]:
    """The rules that a row names: single ones, as in "G-1 for an empty file", and ranges, as in "V2-14 to V2-17"."""
    found = []
    for first, last in re.findall(r"([A-Z]\d?-[A-Z]?\d+)(?: to V2-(\d+))?", row["rule"]):
        family, _, number = first.rpartition("-")
        found += (
            [first, *(f"{family}-{other}" for other in range(int(number[-2:]), int(last) + 1))] if last else [first]
        )
    return found


ON_FILES = rows("| code | class | rule | the input |")
ON_DOCUMENTS = rows("| code | class | rule | the document |")


@pytest.mark.parametrize("row", ON_FILES + ON_DOCUMENTS, ids=lambda row: row["code"])
def test_a_code_has_the_class_and_the_rule_of_the_specification(row: dict[str, str]) -> None:
    kind, rule = CODES[row["code"]]
    assert kind.__name__ == row["class"]
    assert getattr(mmstats_format, row["class"]) is kind
    assert rule in rules_of(row)


def test_the_codes_are_those_of_the_specification() -> None:
    """G-2."""
    assert set(CODES) == {row["code"] for row in ON_FILES + ON_DOCUMENTS}


def test_the_rules_that_errors_name_are_in_the_specification() -> None:
    rules = set(re.findall(r"^- \*\*([A-Z]\d*-[A-Z]?\d+)\*\*", FORMAT, re.MULTILINE))
    assert {rule for _, rule in CODES.values()} <= rules


def test_a_format_error_s_place_is_attributes() -> None:
    error = FormatError("bad-index", "7 is odd", rule="V1-7", offset=3, path="fields[0].index", filename="/x")
    assert (error.code, error.rule, error.offset) == ("bad-index", "V1-7", 3)
    assert (error.path, error.detail, error.filename) == ("fields[0].index", "7 is odd", "/x")


def test_a_format_error_names_the_rule_of_its_code_unless_told_otherwise() -> None:
    error = FormatError("bad-index", "7 is odd")
    assert (error.rule, error.offset, error.path, error.filename) == ("V1-6", None, None, None)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (FormatError("bad-index", "7 is odd"), "bad-index: 7 is odd (rule V1-6)"),
        (FormatError("bad-index", "7 is odd", offset=0), "bad-index: 7 is odd (rule V1-6, offset 0)"),
        (FormatError("bad-size", "too small", path="size"), "bad-size: too small (rule V1-10, size)"),
        (
            FormatError("bad-index", "7 is odd", rule="G-1", offset=3, path="fields[0].index", filename="/x"),
            "/x: bad-index: 7 is odd (rule G-1, offset 3, fields[0].index)",
        ),
    ],
)
def test_a_format_error_s_text_has_all_that_it_knows(error: FormatError, text: str) -> None:
    assert str(error) == text


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("", "truncated: the file is empty (rule G-1, offset 0, version)"),
        ("03", "unsupported-version: version byte 0x03 is not known (rule G-1, offset 0, version)"),
        ("01 0500 61", "truncated: the file ends inside this element (rule V1-10, offset 3, fields[0].label)"),
        (
            "01 0100 61 0100 78",
            "unknown-type: b'x' is not a type of the registry (rule V1-5, offset 6, fields[0].signature)",
        ),
        (
            "01 0100 61 0100 42 02",
            "bad-index: 2 is not a write-buffer index: 0, 1 or 255 (rule V1-6, offset 7, fields[0].index)",
        ),
        ("01 0000 0078", "trailing-bytes: a byte other than zero after the last field (rule V1-9, offset 4, padding)"),
    ],
)
def test_a_malformed_file_s_error_says_what_and_where(data: str, text: str) -> None:
    with pytest.raises(FormatError) as caught:
        parse(bytes.fromhex(data))
    assert str(caught.value) == text


def test_an_error_is_readable_however_long_the_fault() -> None:
    with pytest.raises(Corrupt) as caught:
        parse(b"\1\1\0a\xff\xff" + b"x" * 65535)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (MmstatsError, (Exception,)),
        (FormatError, (MmstatsError, ValueError)),
        (UnsupportedVersion, (FormatError,)),
        (Truncated, (FormatError, EOFError)),
        (Corrupt, (FormatError,)),
        (DeclarationError, (MmstatsError, ValueError)),
        (ClosedError, (MmstatsError, ValueError)),
        (UnsupportedHost, (MmstatsError, OSError)),
    ],
)
def test_the_classes_fit_python_s_own(kind: type[Exception], bases: tuple[type[Exception], ...]) -> None:
    assert kind.__bases__ == bases


@pytest.mark.parametrize("kind", [FormatError, UnsupportedVersion, Truncated, Corrupt])
def test_a_format_error_survives_copying_and_the_way_between_processes(kind: type[FormatError]) -> None:
    error = kind("truncated", "short", rule="G-1", offset=5, path="version", filename="/x")
    for twin in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(twin) is kind
        assert vars(twin) == vars(error)
        assert str(twin) == str(error)


def test_a_declaration_error_survives_the_way_between_processes() -> None:
    error = DeclarationError("bad-label", "hits", "too long")
    twin = pickle.loads(pickle.dumps(error))
    assert (twin.code, twin.name, str(twin)) == ("bad-label", "hits", "bad-label: too long ('hits')")
    assert str(error) == str(twin)
