"""Declarations and arguments that no file can be made of are errors where they stand, and leave nothing on disk."""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mmstats_format import DeclarationError, MmstatsError, UnsupportedHost
from mmstats_writer import (
    BoolField,
    CounterField,
    DoubleField,
    Field,
    GaugeField,
    HistogramField,
    MmStats,
    MovingAverageField,
    StateField,
    StaticDoubleField,
    StaticInt64Field,
    StaticTextField,
    StaticUIntField,
    StringField,
    SummaryField,
    TextField,
    TimerField,
    UIntField,
    Writer,
    exponential,
    linear,
)

NAN, INF = float("nan"), float("inf")
TOO_LONG = "é" * 32768


def model(**fields: Any) -> type[MmStats]:
    return type("Model", (MmStats,), fields)


@pytest.fixture(autouse=True)
def _nothing_is_left(directory: Path) -> Iterator[None]:
    """Whatever a test here makes is refused: there is no file afterwards."""
    yield
    assert not os.listdir(directory)


#: What cannot be in a file, with the code of its refusal.
REFUSED: list[tuple[Field[Any], str]] = [
    (CounterField(TOO_LONG), "bad-text"),
    (CounterField("l" * 65535), "bad-text"),  # with the prefix
    (CounterField("\ud800"), "bad-text"),
    (CounterField("a\0b"), "bad-name"),
    (CounterField(help=TOO_LONG), "bad-text"),
    (CounterField(help="\udcff"), "bad-text"),
    (CounterField(unit=TOO_LONG), "bad-text"),
    (GaugeField(unit="\udfff"), "bad-text"),
    (CounterField(labelnames=["a", ""]), "bad-labels"),
    (CounterField(labelnames=["a", "b", "a"]), "bad-labels"),
    (CounterField(labelnames=[str(number) for number in range(256)]), "bad-labels"),
    (CounterField(labelnames=[TOO_LONG]), "bad-text"),
    (CounterField(labelnames=["\udc80"]), "bad-text"),
    (HistogramField(bounds=[1, 1]), "bad-bounds"),
    (HistogramField(bounds=[2, 1]), "bad-bounds"),
    (HistogramField(bounds=[-0.0, 0.0]), "bad-bounds"),
    (HistogramField(bounds=[NAN]), "bad-bounds"),
    (HistogramField(bounds=[1, NAN, 2]), "bad-bounds"),
    (HistogramField(bounds=[-INF, 1]), "bad-bounds"),
    (HistogramField(bounds=[1, INF, INF]), "bad-bounds"),
    (HistogramField(bounds=range(65536)), "bad-bounds"),
    (HistogramField(bounds=linear(0, 0, 3)), "bad-bounds"),
    (HistogramField(bounds=exponential(0, 2, 3)), "bad-bounds"),
    (HistogramField(bounds=exponential(1, 0.5, 3)), "bad-bounds"),
    (TimerField(bounds=[3, 2]), "bad-bounds"),
    (StateField(), "bad-states"),
    (StateField(states=["a", ""]), "bad-states"),
    (StateField(states=["a", "a"]), "bad-states"),
    (StateField(states=[str(number) for number in range(65536)]), "bad-states"),
    (StateField(states=["\udc80"]), "bad-text"),
    (StateField(states=[TOO_LONG]), "bad-text"),
    (TextField(size=2**20 + 1), "bad-size"),
    (TextField(size=2**64), "bad-size"),
    (StringField(size=2**20 + 1), "bad-size"),
    (StaticTextField(value="t" * 257), "text-too-long"),
    (StaticTextField(value="❤" * 86), "text-too-long"),
    (StaticTextField(), "no-value"),
    (StaticUIntField(value=lambda: None), "no-value"),
    (StaticDoubleField(), "no-value"),
]


@pytest.mark.parametrize(("field", "code"), REFUSED, ids=lambda given: repr(given)[:30])
def test_what_cannot_be_in_a_file_is_refused_by_its_name(field: Field[Any], code: str) -> None:
    """V2-25 to V2-27; and the bytes of texts (3.16)."""
    with pytest.raises(DeclarationError) as refusal:
        model(fine=CounterField(), x=field)(prefix="p.")
    assert refusal.value.code == code
    assert str(refusal.value).startswith(f"{code}: ")
    full = "p." + (field.name or "x")
    if code not in ("no-value", "text-too-long"):  # which the field finds, and knows nothing of a prefix
        assert refusal.value.name in (full, full[:60])


@pytest.mark.parametrize("field", [StaticTextField(), StaticTextField(value="t" * 257), StaticUIntField()])
def test_a_static_field_without_a_name_of_its_own_is_named_too(field: Field[Any]) -> None:
    with pytest.raises(DeclarationError) as refusal:
        model(x=field)()
    assert refusal.value.name.endswith("x")


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"a": CounterField("same"), "b": UIntField("same")}, "p.same"),
        ({"a": CounterField("b"), "b": CounterField()}, "p.b"),
    ],
)
def test_two_metrics_of_one_name_are_refused(fields: dict[str, Field[Any]], name: str) -> None:
    """V2-25."""
    with pytest.raises(DeclarationError) as refusal:
        model(**fields)(prefix="p.")
    assert (refusal.value.code, refusal.value.name) == ("duplicate-name", name)


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda: CounterField(5), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(b"x"), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(help=None), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(unit=5), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(labelnames="method"), TypeError),
        (lambda: CounterField(labelnames=[1]), TypeError),  # type: ignore[list-item]
        (lambda: CounterField(labelnames=5), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(labelnames=None), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(labelnames=b"ab"), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(max_series=0), ValueError),
        (lambda: CounterField(max_series=-1), ValueError),
        (lambda: CounterField(max_series=1.5), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(max_series="9"), TypeError),  # type: ignore[arg-type]
        (lambda: CounterField(type=bool), ValueError),
        (lambda: CounterField(type="float"), ValueError),  # type: ignore[arg-type]
        (lambda: GaugeField(type=str), ValueError),  # type: ignore[arg-type]
        (lambda: GaugeField(combine="average"), ValueError),
        (lambda: GaugeField(combine=None), ValueError),  # type: ignore[arg-type]
        (lambda: MovingAverageField(size=0), ValueError),
        (lambda: MovingAverageField(size="9"), TypeError),  # type: ignore[arg-type]
        (lambda: MovingAverageField(seconds=0), ValueError),
        (lambda: MovingAverageField(seconds=-1), ValueError),
        (lambda: MovingAverageField(seconds=NAN), ValueError),
        (lambda: MovingAverageField(seconds="1"), TypeError),  # type: ignore[arg-type]
        (lambda: HistogramField(bounds=5), TypeError),  # type: ignore[arg-type]
        (lambda: HistogramField(bounds=["a"]), ValueError),  # type: ignore[list-item]
        (lambda: HistogramField(bounds=[None]), TypeError),  # type: ignore[list-item]
        pytest.param(
            lambda: HistogramField(bounds=[10**400]),
            ValueError,
        ),
        (lambda: TimerField(timer=5), TypeError),  # type: ignore[arg-type]
        (lambda: TimerField(bounds=None), TypeError),  # type: ignore[arg-type]
        (lambda: StateField(states="on"), TypeError),
        (lambda: StateField(states=[1]), TypeError),  # type: ignore[list-item]
        (lambda: StateField(states=None), TypeError),  # type: ignore[arg-type]
        (lambda: TextField(size=0), ValueError),
        (lambda: TextField(size=-1), ValueError),
        (lambda: TextField(size="9"), TypeError),  # type: ignore[arg-type]
        (lambda: StringField(size=0), ValueError),
        (lambda: StringField(size=1.0), TypeError),  # type: ignore[arg-type]
        (lambda: SummaryField("x", 5), TypeError),  # type: ignore[arg-type]
        (lambda: BoolField(help=5), TypeError),  # type: ignore[arg-type]
        (lambda: DoubleField(unit=None), TypeError),  # type: ignore[arg-type]
        (lambda: StaticUIntField(5), TypeError),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_an_argument_of_a_field_that_means_nothing_is_refused(
    make: Callable[[], Field[Any]], error: type[Exception]
) -> None:
    with pytest.raises(error):
        make()


def test_labels_of_an_iterator_are_taken_or_refused() -> None:
    """Not taken for none."""
    try:
        field = CounterField(labelnames=(name for name in ("a", "b")))  # type: ignore[arg-type]  # the point
    except TypeError:
        return
    assert field.labelnames == ("a", "b")


@pytest.mark.parametrize(
    "field",
    [
        StaticUIntField(value="5"),
        StaticUIntField(value=1.5),
        StaticDoubleField(value="1.0"),
        StaticDoubleField(value=10**400),
        StaticInt64Field(value=lambda: "5"),
        StaticTextField(value=5),
        StaticTextField(value=b"bytes"),
    ],
    ids=repr,
)
def test_a_static_value_of_another_type_is_a_typeerror(field: Field[Any]) -> None:
    with pytest.raises(TypeError, match=r"p\.x") as refusal:
        model(x=field)(prefix="p.")
    assert isinstance(refusal.value, MmstatsError)


def test_an_error_of_a_static_callable_is_the_applications_own() -> None:
    def fail() -> int:
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        model(x=StaticUIntField(value=fail))()


@pytest.mark.parametrize("make", [model(x=CounterField()), Writer])
@pytest.mark.parametrize(
    "arguments", [{"path": 5}, {"path": b"/tmp"}, {"filename": b"x"}, {"prefix": 5}, {"prefix": None}, {"app": 5}]
)
def test_an_argument_of_the_wrong_type_is_refused(make: Callable[..., Any], arguments: dict[str, Any]) -> None:
    with pytest.raises(TypeError):
        make(**arguments)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"filename": "../x.mmstats"}, "outside-path"),
        ({"filename": "a/../../x.mmstats"}, "outside-path"),
        ({"filename": ""}, "outside-path"),
        ({"filename": "{APP}", "app": ".."}, "outside-path"),
        ({"filename": "{NOBODY}.mmstats"}, "bad-template"),
        ({"filename": "{0}.mmstats"}, "bad-template"),
        ({"filename": "{PID.mmstats"}, "bad-template"),
        ({"filename": "{PID:@@}"}, "bad-template"),
        ({"path": "/tmp/{NOBODY}"}, "bad-template"),
        ({"app": "{NOBODY}"}, "bad-template"),
        ({"app": "{APP}"}, "bad-template"),
        ({"app": "{"}, "bad-template"),
        ({"filename": "a\0b"}, "bad-name"),
        ({"app": "a\0b"}, "bad-name"),
        ({"app": "\udcff", "filename": "x"}, "bad-text"),
        ({"app": "a" * 65536, "filename": "x"}, "bad-text"),
        ({"prefix": "\udcff"}, "bad-text"),
        ({"prefix": "p" * 65536}, "bad-text"),
        ({"prefix": "\0"}, "bad-name"),
    ],
)
def test_a_template_or_text_that_cannot_be_used_is_refused(arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(DeclarationError) as refusal:
        model(x=CounterField())(**arguments)
    assert refusal.value.code == code


@pytest.mark.parametrize("environment", ["MMSTATS_PATH", "MMSTATS_FILES", "MMSTATS_APP"])
def test_the_environments_templates_are_looked_at_too(monkeypatch: pytest.MonkeyPatch, environment: str) -> None:
    monkeypatch.setenv(environment, "{NOBODY}")
    with pytest.raises(DeclarationError) as refusal:
        Writer()
    assert refusal.value.code == "bad-template"


@pytest.mark.parametrize("arguments", [{}, {"name": None}, {"name": ""}])
def test_a_metric_of_a_writer_needs_a_name(arguments: dict[str, Any]) -> None:
    writer = Writer()
    before = Path(writer.filename).read_bytes()
    with pytest.raises(DeclarationError) as refusal:
        writer.counter(**arguments)
    assert (refusal.value.code, refusal.value.name) == ("bad-name", "")
    assert Path(writer.filename).read_bytes() == before
    writer.remove()


def test_a_directory_that_is_not_there_is_an_oserror() -> None:
    with pytest.raises(FileNotFoundError, match="/nowhere/at/all/it"):
        model(x=CounterField())(path="/nowhere/at/all", filename="it")


@pytest.mark.parametrize("make", [model(x=CounterField()), Writer])
@pytest.mark.parametrize("fault", ["big-endian", "32 bits", "Windows"])
def test_other_hosts_are_refused_in_one_sentence(
    directory: Path, monkeypatch: pytest.MonkeyPatch, fault: str, make: Callable[..., Any]
) -> None:
    """V2-1: all numbers are little-endian, and words are stored at once."""
    match fault:
        case "big-endian":
            monkeypatch.setattr(sys, "byteorder", "big")
        case "32 bits":
            monkeypatch.setattr(struct, "calcsize", lambda code: 4)
        case _:
            monkeypatch.setattr("mmstats_writer._create.os.name", "nt")
    with pytest.raises(UnsupportedHost, match=r"64-bit little-endian Unix systems only; reading works everywhere"):
        make(path=str(directory))
    monkeypatch.undo()
