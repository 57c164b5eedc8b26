"""Pages of metrics, read by `prometheus_client`'s own parsers."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from types import SimpleNamespace

from prometheus_client import Metric
from prometheus_client import generate_latest as as_text
from prometheus_client.openmetrics.exposition import generate_latest as as_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as of_openmetrics
from prometheus_client.parser import text_string_to_metric_families as of_text

Values = dict[tuple[str, frozenset[tuple[str, str]]], float]


def checked(found: Iterable[Metric]) -> Values:
    """The values of some metrics by the names and labels of their samples, written and read again in both formats."""
    some = SimpleNamespace(collect=list(found).__iter__)
    values = parsed(as_openmetrics(some).decode())  # type: ignore[no-untyped-call]
    assert same(parsed_text(as_text(some).decode()), values)
    return values


def same(one: Values, other: Values) -> bool:
    """Whether two pages say the same, NaN being itself."""
    return {key: repr(value) for key, value in one.items()} == {key: repr(value) for key, value in other.items()}


def parsed(page: str) -> Values:
    """The values of a page of OpenMetrics."""
    families: list[Metric] = list(of_openmetrics(page))  # type: ignore[no-untyped-call]
    return _values(families)


def parsed_text(page: str) -> Values:
    """The values of a page in the Prometheus text format, in which a name is that of one metric."""
    names = [line.split(" ")[2] for line in page.split("\n") if line.startswith("# TYPE ")]
    assert len(set(names)) == len(names)
    return _values(of_text(page))


def _values(families: Iterable[Metric]) -> Values:
    samples = list(chain.from_iterable(family.samples for family in families))
    # To Prometheus a label without a value is none.
    values = {
        (sample.name, frozenset((name, value) for name, value in sample.labels.items() if value)): sample.value
        for sample in samples
    }
    assert len(values) == len(samples), "two samples of the same name and labels"
    return values
