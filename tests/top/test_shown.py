"""Numbers and values as text: short and with a scale, or all digits; and never anything that a terminal acts upon."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mmstats_reader import Histogram, Process, Summary
from mmstats_reader.mmtop import _shown

NUMBERS: dict[tuple[float, str], tuple[str, str]] = {
    (0, ""): ("0", "0"),
    (7, ""): ("7", "7"),
    (0.25, ""): ("0.25", "0.25"),
    (1.23456, ""): ("1.23", "1.23456"),
    (12.3456, ""): ("12.3", "12.3456"),
    (999.97, ""): ("1000", "999.97"),
    (9999, ""): ("9999", "9999"),
    (10_000, ""): ("10k", "10000"),
    (123_456, ""): ("123k", "123456"),
    (-123_456, ""): ("-123k", "-123456"),
    (2**64 - 1, ""): ("18.4E", "18446744073709551615"),
    (1e300, ""): ("1e+300", "1e+300"),
    (512, "bytes"): ("512B", "512"),
    (10_240, "bytes"): ("10KiB", "10240"),
    (5 * 2**30 + 2**29, "bytes"): ("5.50GiB", "5905580032"),
    (0.0000123, "seconds"): ("12.3µs", "1.23e-05"),
    (0.25, "seconds"): ("250ms", "0.25"),
    (2.5, "seconds"): ("2.50s", "2.5"),
    (1e-12, "seconds"): ("0.001ns", "1e-12"),
    (math.nan, "bytes"): ("-", "-"),
    (math.inf, "bytes"): ("+Inf", "+Inf"),
    (-math.inf, ""): ("-Inf", "-Inf"),
}


@pytest.mark.parametrize(("given", "shown"), NUMBERS.items())
def test_a_number_is_scaled_or_raw(given: tuple[float, str], shown: tuple[str, str]) -> None:
    assert (_shown.number(*given, scaled=True), _shown.number(*given, scaled=False)) == shown


def several(*values: Any) -> tuple[tuple[Process, Any], ...]:
    return tuple((Process("a", 2), value) for value in values)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (True, "True"),
        (12345, "12.3k"),
        ("on", "on"),
        (Summary(3, 1.0, 0.1, 0.5, 0.2), "3"),
        (Histogram(1.0, (1.0,), (2, 2)), "4"),
        (several(), "-"),
        (several(None, None), "-"),
        (several(4, 4), "4"),
        (several(4, None, 20_000, 9), "4…20k"),
        (several("on", "off", "off"), "2×off, 1×on"),
        (several(True, False, True), "2×True, 1×False"),
        ("\x1b[31m\n\u202e", "\\x1b[31m\\n\\u202e"),
        ("\udcff", "\\udcff"),
    ],
)
def test_a_value_of_any_kind_is_a_few_characters(value: Any, shown: str) -> None:
    assert _shown.value(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Summary(2, 0.5, 0.125, 0.375, 0.375), "2 observed, mean 250ms, min 125ms, max 375ms, last 375ms"),
        (Summary(0, 0.0, None, None, None), "0 observed, mean -, min -, max -, last -"),
        (Histogram(3.0, (1.0, 2.0), (10, 0, 0)), "10 observed, mean 300ms, p50 500ms, p90 900ms, p99 990ms"),
        (2, "2s"),
    ],
)
def test_a_whole_value_has_its_parts_in_its_unit(value: Any, shown: str) -> None:
    assert _shown.whole(value, "seconds", scaled=True) == shown


@pytest.mark.parametrize(
    ("history", "from_zero", "bars"),
    [
        ([math.nan, 0, 7], True, " ▁█"),
        ([50, 100], True, "▅█"),
        ([50, 100], False, "▁█"),
        ([3, 3], True, "██"),
        ([3, 3], False, "▁▁"),
        ([0, 0], True, "▁▁"),
        ([-1.7e308, 1.7e308, math.inf], False, "▁█ "),
        ([5e-324, 0], True, "▁▁"),
        ([], True, ""),
    ],
)
def test_a_sparkline_goes_to_the_greatest(history: list[float], from_zero: bool, bars: str) -> None:
    assert _shown.sparkline(history, from_zero) == bars


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(-5, "0 s"), (59.9, "59 s"), (61, "1 min 1 s"), (3600, "1 h 0 min"), (90_000, "1 d 1 h"), (10**9, "11574 d 1 h")],
)
def test_an_age_has_two_units_at_most(seconds: float, shown: str) -> None:
    assert _shown.age(seconds) == shown


def test_a_writer_is_its_application_process_and_thread_and_dead_if_it_is() -> None:
    process = Process("d/a.mmstats", 2, "shop", pid=71, thread=72, state="live")
    assert _shown.writer(process) == "shop 71/72"
    assert _shown.writer(process._replace(state="dead")) == "shop 71/72 dead"
    assert _shown.writer(process._replace(thread=71)) == "shop 71"
    assert _shown.writer(process._replace(app="")) == "a.mmstats 71/72"
    assert _shown.writer(process._replace(pid=0)) == "a.mmstats"
