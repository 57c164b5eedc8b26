"""What a declaration says in the file: a FAMILY record for each field (FORMAT.md 3.5, 3.6)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.steps import steps
from mmstats_testing.written import bits, declarations, values

from mmstats_format import DeclarationError
from mmstats_format.declaration import Declaration
from mmstats_writer import (
    AverageField,
    BaseMmStats,
    BoolField,
    ByteField,
    CounterField,
    DoubleField,
    Field,
    FloatField,
    GaugeField,
    HistogramField,
    IntField,
    MmStats,
    MovingAverageField,
    ShortField,
    StateField,
    StaticDoubleField,
    StaticFloatField,
    StaticInt64Field,
    StaticTextField,
    StaticUInt64Field,
    StaticUIntField,
    StringField,
    SummaryField,
    TextField,
    TimerField,
    UInt64Field,
    UIntField,
    UShortField,
    Writer,
    exponential,
    linear,
)

#: Of a timer or histogram that is given none.
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LABELS = ("method", "status")

RECORDS: list[tuple[Field[Any], Declaration]] = [
    (CounterField(), Declaration("x", "counter", "unsigned", "sum")),
    (CounterField(type=float, unit="seconds"), Declaration("x", "counter", "float", "sum", unit="seconds")),
    (CounterField("y"), Declaration("y", "counter", "unsigned", "sum")),
    (CounterField(labelnames=LABELS), Declaration("x", "counter", "unsigned", "sum", labels=LABELS)),
    (CounterField(labelnames=[*"ba"]), Declaration("x", "counter", "unsigned", "sum", labels=("b", "a"))),
    (CounterField("❤.é", "¿qué?", "µs"), Declaration("❤.é", "counter", "unsigned", "sum", unit="µs", help="¿qué?")),
    (GaugeField(), Declaration("x", "gauge", "float", "all")),
    (GaugeField("g", "What.", "bytes", ("a",)), Declaration("g", "gauge", "float", "all", "bytes", "What.", ("a",))),
    *[
        (GaugeField(combine=combine, type=kind), Declaration("x", "gauge", name, combine))
        for combine in ("sum", "min", "max", "last", "all")
        for kind, name in ((int, "signed"), (float, "float"))
    ],
    (GaugeField(combine="max", kept=True), Declaration("x", "gauge", "float", "max", kept=True)),
    (StateField(states=["on"], kept=True), Declaration("x", "state set", "unsigned", "all", states=("on",), kept=True)),
    (TextField(kept=True), Declaration("x", "text", "text", "all", capacity=255, kept=True)),
    (MovingAverageField(), Declaration("x", "gauge", "float", "all")),
    (
        MovingAverageField(seconds=5, unit="ms", help="h"),
        Declaration("x", "gauge", "float", "all", unit="ms", help="h"),
    ),
    (SummaryField(unit="bytes", help="h"), Declaration("x", "summary", "float", "sum", unit="bytes", help="h")),
    (AverageField(labelnames=LABELS), Declaration("x", "summary", "float", "sum", labels=LABELS)),
    (HistogramField(), Declaration("x", "histogram", "float", "sum", bounds=BOUNDS)),
    (HistogramField(bounds=[1, 2.5], unit="m"), Declaration("x", "histogram", "float", "sum", "m", bounds=(1.0, 2.5))),
    (HistogramField(bounds=(1, float("inf"))), Declaration("x", "histogram", "float", "sum", bounds=(1.0,))),
    (HistogramField(bounds=()), Declaration("x", "histogram", "float", "sum")),
    (TimerField(help="h"), Declaration("x", "histogram", "float", "sum", "seconds", "h", bounds=BOUNDS)),
    (TimerField("t", bounds=(1,)), Declaration("t", "histogram", "float", "sum", "seconds", bounds=(1.0,))),
    (StateField(states=("on", "off")), Declaration("x", "state set", "unsigned", "all", states=("on", "off"))),
    (
        StateField("s", ["one"], "h", ["a"], 5),
        Declaration("s", "state set", "unsigned", "all", "", "h", ("a",), states=("one",)),
    ),
    (TextField(), Declaration("x", "text", "text", "all", capacity=255)),
    (TextField("t", 2**20, "h", ["a"]), Declaration("t", "text", "text", "all", "", "h", ("a",), capacity=2**20)),
    (StringField(), Declaration("x", "text", "text", "all", capacity=255)),
    (StringField("t", 1, "h"), Declaration("t", "text", "text", "all", help="h", capacity=1)),
    (UInt64Field(unit="u", help="h"), Declaration("x", "unknown", "unsigned", "all", unit="u", help="h")),
    (UIntField(), Declaration("x", "unknown", "unsigned", "all")),
    (UShortField(), Declaration("x", "unknown", "unsigned", "all")),
    (IntField(), Declaration("x", "unknown", "signed", "all")),
    (ShortField(), Declaration("x", "unknown", "signed", "all")),
    (ByteField(), Declaration("x", "unknown", "signed", "all")),
    (FloatField(), Declaration("x", "unknown", "float", "all")),
    (DoubleField(), Declaration("x", "unknown", "float", "all")),
    (BoolField(help="h"), Declaration("x", "unknown", "boolean", "all", help="h")),
    (StaticUIntField(value=1), Declaration("x", "unknown", "unsigned", "all")),
    (StaticUInt64Field(value=1), Declaration("x", "unknown", "unsigned", "all")),
    (StaticInt64Field(value=1, unit="u"), Declaration("x", "unknown", "signed", "all", unit="u")),
    (StaticFloatField(value=1), Declaration("x", "unknown", "float", "all")),
    (StaticDoubleField(value=1, help="h"), Declaration("x", "unknown", "float", "all", help="h")),
    (StaticTextField(value=""), Declaration("x", "text", "text", "all", capacity=256)),
]

#: Of the writer that declares by calls: the method, its field, and arguments after the name.
METHODS: list[tuple[str, Callable[..., Field[Any]], dict[str, Any]]] = [
    ("counter", CounterField, {"help": "h", "labelnames": LABELS, "type": float}),
    ("gauge", GaugeField, {"combine": "last", "type": int, "unit": "u"}),
    ("moving_average", MovingAverageField, {"size": 5}),
    ("average", AverageField, {"unit": "u"}),
    ("summary", SummaryField, {"labelnames": LABELS}),
    ("histogram", HistogramField, {"bounds": (1, 2)}),
    ("timer", TimerField, {"bounds": (1, 2), "help": "h"}),
    ("state", StateField, {"states": ("a", "b")}),
    ("text", TextField, {"size": 9}),
]


def model(**fields: Any) -> type[MmStats]:
    return type("Model", (MmStats,), fields)


@pytest.mark.parametrize(("field", "expected"), RECORDS, ids=lambda given: repr(given)[:40])
def test_each_field_makes_one_record(field: Field[Any], expected: Declaration) -> None:
    """V2-25 to V2-27."""
    assert declarations(model(x=field)().filename) == [expected]


def test_every_field_class_is_in_the_table() -> None:
    import mmstats_writer

    abstract = {"Field", "PlainField", "StaticField"}
    known = {name for name in mmstats_writer.__all__ if name.endswith("Field")} - abstract
    assert {type(field).__name__ for field, _ in RECORDS} == known


def test_records_stand_in_the_order_of_declaration() -> None:
    names = ["zebra", "apple", "mango"]
    stats = model(**{name: CounterField() for name in names})()
    assert [family.name for family in declarations(stats.filename)] == names


def test_a_prefix_goes_before_every_name_given_or_not() -> None:
    stats = model(hits=CounterField("http.hits"), misses=CounterField())(prefix="web.")
    assert [family.name for family in declarations(stats.filename)] == ["web.http.hits", "web.misses"]
    assert (stats.hits.name, stats.misses.name) == ("web.http.hits", "web.misses")  # type: ignore[attr-defined]


def test_the_longest_name_and_help_fit() -> None:
    stats = model(x=CounterField("l" * 65534, "h" * 65535, "u" * 65535))(prefix="p")
    (family,) = declarations(stats.filename)
    assert (len(family.name), len(family.help), len(family.unit)) == (65535, 65535, 65535)


def test_one_field_may_have_two_attributes() -> None:
    field = CounterField()
    stats: Any = model(a=field, b=field)()
    stats.b.inc()
    assert values(stats.filename) == {"a": "0", "b": "1"}


def test_fields_are_inherited_overridden_in_their_place_and_taken_out() -> None:
    class Parent(BaseMmStats):
        zebra = UIntField()
        apple = CounterField()
        gone = UIntField()

    class Child(Parent):
        last = CounterField()
        zebra = BoolField()
        gone = None  # type: ignore[assignment]  # a field can be taken out

    assert [(family.name, family.type) for family in declarations(Child().filename)] == [
        ("zebra", "boolean"),
        ("apple", "unsigned"),
        ("last", "unsigned"),
    ]
    assert [family.name for family in declarations(Parent().filename)] == ["zebra", "apple", "gone"]
    assert isinstance(Parent.zebra, UIntField)
    assert isinstance(Child.zebra, BoolField)


def test_a_field_of_the_class_is_the_declaration_and_of_an_instance_the_metric() -> None:
    class Web(MmStats):
        hits = CounterField()

    web = Web()
    assert isinstance(Web.hits, CounterField)
    assert web.hits is web.hits
    assert isinstance(web, Web)


def test_a_field_of_ones_own_is_a_field() -> None:
    class Int64Field(UInt64Field):
        type = "signed"

    stats: Any = model(x=Int64Field())()
    stats.x = -5
    assert declarations(stats.filename) == [Declaration("x", "unknown", "signed", "all")]
    assert values(stats.filename) == {"x": "-5"}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (linear(1, 2, 4), (1, 3, 5, 7)),
        (linear(-0.5, 0.25, 3), (-0.5, -0.25, 0.0)),
        (linear(5, 1, 0), ()),
        (exponential(64, 4, 4), (64, 256, 1024, 4096)),
        (exponential(0.001, 10, 1), (0.001,)),
    ],
)
def test_bounds_can_be_made(found: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert found == expected


class TestWhileRunning:
    """`declare` adds a metric to an instance; a file that is there grows (V2-W3)."""

    def test_a_metric_that_is_declared_is_an_attribute_and_at_the_end_of_the_file(self) -> None:
        stats = model(hits=CounterField())(prefix="p.")
        before = Path(stats.filename).read_bytes()
        misses = stats.declare("misses", CounterField(help="h"))
        assert steps(before, Path(stats.filename).read_bytes()) <= {"W3.1", "W3.2", "W3.4"}
        misses.inc(3)
        assert stats.misses is misses  # type: ignore[attr-defined]
        assert [family.name for family in declarations(stats.filename)] == ["p.hits", "p.misses"]
        assert values(stats.filename) == {"p.hits": "0", "p.misses": "3"}

    @pytest.mark.parametrize(("name", "kind", "arguments"), METHODS, ids=lambda given: str(given)[:15])
    def test_each_kind_can_be_declared(self, name: str, kind: Callable[..., Field[Any]], arguments: Any) -> None:
        stats = model()()
        stats.declare("x", kind(**arguments))
        if "labelnames" in arguments:
            assert declarations(stats.filename) == []
            stats.x.labels(method="GET", status=200)  # type: ignore[attr-defined]
        assert declarations(stats.filename) == declarations(model(x=kind(**arguments))().filename)

    def test_a_gauge_that_is_declared_can_be_assigned_to_and_a_counter_cannot(self) -> None:
        stats: Any = model()()
        stats.declare("level", GaugeField())
        stats.declare("hits", CounterField())
        stats.level = 2.5
        assert values(stats.filename)["level"] == bits(2.5)
        with pytest.raises(AttributeError, match="'hits' is a CounterField and cannot be assigned to"):
            stats.hits = 5

    def test_an_instance_shares_nothing_of_it_with_others(self) -> None:
        kind = model(hits=CounterField())
        one, other = kind(), kind()
        one.declare("more", CounterField())
        other.declare("more", GaugeField())
        assert [family.kind for family in declarations(one.filename)] == ["counter", "counter"]
        assert [family.kind for family in declarations(other.filename)] == ["counter", "gauge"]

    def test_a_thread_that_is_there_already_has_it_with_its_first_update(
        self, in_thread: Callable[[Callable[[], Any]], Any]
    ) -> None:
        stats = model(hits=CounterField())()

        def other() -> dict[str, Any]:
            stats.hits.inc()  # type: ignore[attr-defined]
            in_thread(lambda: stats.declare("more", CounterField()))
            stats.more.inc(5)  # type: ignore[attr-defined]
            return values(stats.filename)

        assert in_thread(other) == {"hits": "1", "more": "5"}

    @pytest.mark.parametrize(
        ("field", "code", "name"),
        [
            (CounterField("hits"), "duplicate-name", "p.hits"),
            (GaugeField("hits"), "duplicate-name", "p.hits"),
            (UIntField(), "plain-field", "x"),
            (StringField(), "plain-field", "x"),
            (StaticUIntField(value=5), "plain-field", "x"),
            (TextField(size=2**21), "bad-size", "p.x"),
        ],
    )
    def test_what_cannot_be_declared_leaves_the_file_as_it_was(
        self, directory: Path, field: Field[Any], code: str, name: str
    ) -> None:
        stats = model(hits=CounterField())(prefix="p.")
        before = Path(stats.filename).read_bytes()
        with pytest.raises(DeclarationError) as refusal:
            stats.declare("x", field)
        assert (refusal.value.code, refusal.value.name) == (code, name)
        assert Path(stats.filename).read_bytes() == before
        assert not hasattr(stats, "x")
        assert len(os.listdir(directory)) == 1


class TestByCalls:
    """`Writer` has the same kinds without a class."""

    @pytest.mark.parametrize(("name", "kind", "arguments"), METHODS, ids=lambda given: str(given)[:15])
    def test_each_method_declares_what_the_field_does(
        self, name: str, kind: Callable[..., Field[Any]], arguments: Any
    ) -> None:
        writer = Writer(prefix="p.")
        metric = getattr(writer, name)("x", **arguments)
        assert metric.name == "p.x"
        if "labelnames" in arguments:
            metric.labels(method="GET", status=200)
        assert declarations(writer.filename) == declarations(model(x=kind(**arguments))(prefix="p.").filename)

    def test_what_a_method_gives_is_what_is_updated(self) -> None:
        writer = Writer(app="jobs")
        done, seconds = writer.counter("jobs.done"), writer.summary("jobs.seconds")
        done.inc()
        seconds.observe(2)
        two = bits(2.0)
        assert values(writer.filename) == {
            "jobs.done": "1",
            "jobs.seconds": {"count": "1", "sum": two, "min": two, "max": two, "last": two},
        }

    def test_a_writer_without_metrics_has_a_file(self, directory: Path) -> None:
        writer = Writer()
        assert declarations(writer.filename) == []
        assert writer.size == os.stat(writer.filename).st_size
        writer.flush()
        writer.remove()
        assert not os.listdir(directory)
