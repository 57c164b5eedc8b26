"""Declarations that no file can be made of (V1-W8)."""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from typing import Any

import pytest

from mmstats_format import DeclarationError, MmstatsError, UnsupportedHost
from mmstats_writer._version1 import (
    BaseMmStats,
    BufferedField,
    CounterField,
    Field,
    MmStats,
    StaticDoubleField,
    StaticTextField,
    StaticUIntField,
    StringField,
    UIntField,
    UnbufferedField,
)


class Odd(UnbufferedField[int]):
    signature = "<Q"


class BufferedText(BufferedField[str]):
    signature = "5s"


def model(**fields: Field[Any]) -> type[BaseMmStats]:
    return type("Model", (BaseMmStats,), dict(fields))


def duplicate() -> type[BaseMmStats]:
    return model(a=CounterField("same"), b=UIntField("same"))


def shared() -> type[BaseMmStats]:
    field = CounterField()
    return model(a=field, b=field)


@pytest.mark.parametrize(
    ("kind", "prefix", "code"),
    [
        (model(x=CounterField("l" * 65536)), "", "bad-label"),
        (model(x=CounterField("l" * 65535)), "p", "bad-label"),
        (model(x=CounterField("\u00e9" * 32768)), "", "bad-label"),
        (model(x=CounterField("\udcff")), "", "bad-label"),
        (model(x=Odd()), "", "unknown-type"),
        (model(x=BufferedText()), "", "unknown-type"),
        (model(x=UnbufferedField[int]()), "", "unknown-type"),
        (model(x=StringField(size=10**9)), "", "unknown-type"),
        (model(x=StaticTextField(value="t" * 257)), "", "text-too-long"),
        (model(x=StaticTextField(value="\u2764" * 86)), "", "text-too-long"),
        (model(x=StaticTextField()), "", "no-value"),
        (model(x=StaticUIntField(value=lambda: None)), "", "no-value"),
        (duplicate(), "", "duplicate-label"),
        (shared(), "", "shared-field"),
    ],
)
def test_a_declaration_that_cannot_be_in_a_file_is_refused(
    directory: Path, kind: type[BaseMmStats], prefix: str, code: str
) -> None:
    with pytest.raises(DeclarationError) as refusal:
        kind(prefix=prefix)
    assert refusal.value.code == code
    assert str(refusal.value).startswith(f"{code}: ")
    assert isinstance(refusal.value, ValueError | MmstatsError)
    assert not os.listdir(directory)


@pytest.mark.parametrize(
    "field",
    [
        StaticUIntField(value="5"),
        StaticUIntField(value=1.5),
        StaticDoubleField(value="1.0"),
        StaticTextField(value=5),
    ],
)
def test_a_static_value_of_the_wrong_type_is_refused(directory: Path, field: Field[Any]) -> None:
    with pytest.raises(TypeError, match=r"field .p\.x.: .* is no value for type"):
        model(x=field)(prefix="p.")
    assert not os.listdir(directory)


def test_an_error_of_a_static_callable_is_the_applications_own(directory: Path) -> None:
    def fail() -> int:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model(x=StaticUIntField(value=fail))()
    assert not os.listdir(directory)


def test_the_longest_label_and_text_fit() -> None:
    stats = model(x=CounterField("l" * 65534), y=StaticTextField(value="t" * 256))(prefix="p")
    assert stats.size == 17 * 4096


@pytest.mark.parametrize("name", [5, b"x"])
def test_a_fields_name_is_text(name: Any) -> None:
    with pytest.raises(TypeError, match="a field's name is text"):
        CounterField(name)


@pytest.mark.parametrize(("size", "error"), [(-1, ValueError), ("9", TypeError)])
def test_a_text_has_a_size(size: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        StringField(size=size)


def test_a_directory_that_is_not_there_is_an_oserror() -> None:
    with pytest.raises(FileNotFoundError, match="/nowhere/at/all/it"):
        MmStats(path="/nowhere/at/all", filename="it")


@pytest.mark.parametrize("fault", ["big-endian", "32 bits", "Windows"])
def test_other_hosts_are_refused_in_one_sentence(directory: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    match fault:
        case "big-endian":
            monkeypatch.setattr(sys, "byteorder", "big")
        case "32 bits":
            monkeypatch.setattr(struct, "calcsize", lambda code: 4)
        case _:
            monkeypatch.setattr("mmstats_writer._create.os.name", "nt")
    with pytest.raises(UnsupportedHost, match=r"64-bit little-endian Unix systems only; reading works everywhere"):
        MmStats(path=str(directory))
    monkeypatch.undo()
    assert not os.listdir(directory)
