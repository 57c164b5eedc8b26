"""What the tests lean on holds them up."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmstats_testing.running import skip_or_fail, within
from mmstats_testing.values import Value, exact, shown


@pytest.mark.parametrize(("required", "outcome"), [("1", pytest.fail.Exception), ("0", pytest.skip.Exception)])
def test_a_skip_is_a_failure_where_nothing_may_be_skipped(
    required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMSTATS_REQUIRE_ALL", required)
    with pytest.raises(outcome, match="no such thing here"):
        skip_or_fail("no such thing here")


def test_what_hangs_is_ended() -> None:
    with pytest.raises(AssertionError, match="it still ran"), within(0.05):
        time.sleep(30)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain", "plain"),
        (b"\xff\xfe", "\\xff\\xfe"),
        (b"a\xc3b", "a\\xc3b"),
        (b"\xe2\x82", "\\xe2\\x82"),
        (b"\xed\xa0\x80", "\\xed\\xa0\\x80"),
        ("\u00e9\u20ac\U0001f600".encode(), "\u00e9\u20ac\U0001f600"),
    ],
)
def test_bytes_that_are_no_utf8_are_shown_escaped(raw: bytes, text: str) -> None:
    """V1-4."""
    assert shown(raw) == text


@given(st.binary())
def test_bytes_are_shown_as_python_shows_them(raw: bytes) -> None:
    assert shown(raw) == raw.decode("utf-8", "backslashreplace")


def test_values_are_told_apart_by_type_and_sign() -> None:
    values: list[Value] = [1, 1.0, True, "1", 0.0, -0.0, float("nan"), "nan"]
    assert len({exact(value) for value in values}) == len(values)
    assert exact(float("nan")) == exact(-float("nan"))
