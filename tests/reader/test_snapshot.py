"""What one file said: `Snapshot` and `Stat`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmstats_testing.documents import one, two, write

from mmstats_reader import Snapshot, Stat, read


@pytest.fixture
def snapshot(tmp_path: Path) -> Snapshot:
    return read(
        write(
            tmp_path / "x.mmstats",
            two("web.hits", "Q", 1, other=7),
            one("web.name", "8s", "shop"),
            one(b"caf\xe9", "3s", b"\xc3\xa9\xff"),
            two("web.load", "d", 0.5),
            one("web.up", "?", True),
            two("web.hits", "Q", 2, index=1),
        )
    )


def test_it_iterates_in_the_order_of_the_file(snapshot: Snapshot) -> None:
    """V1-3; bytes that are no UTF-8 are shown escaped (V1-4)."""
    assert list(snapshot) == [
        ("web.hits", 1),
        ("web.name", "shop"),
        ("caf\\xe9", "\u00e9\\xff"),
        ("web.load", 0.5),
        ("web.up", True),
        ("web.hits", 2),
    ]


def test_it_gives_stats_again_and_again(snapshot: Snapshot) -> None:
    stats = list(snapshot)
    assert stats == list(snapshot)
    assert {type(stat) for stat in stats} == {Stat}
    assert (stats[0].label, stats[0].value) == ("web.hits", 1)
    assert repr(stats[0]) == "Stat(label='web.hits', value=1)"


def test_its_length_is_the_number_of_fields(snapshot: Snapshot, tmp_path: Path) -> None:
    assert len(snapshot) == 6
    empty = read(write(tmp_path / "empty"))
    assert (len(empty), list(empty)) == (0, [])


def test_of_a_label_that_occurs_twice_the_last_counts(snapshot: Snapshot) -> None:
    """V1-4."""
    assert snapshot["web.hits"] == 2
    assert dict(snapshot)["web.hits"] == 2


@pytest.mark.parametrize(("label", "value"), [("web.name", "shop"), ("caf\\xe9", "\u00e9\\xff"), ("web.up", True)])
def test_a_value_is_found_by_its_label(snapshot: Snapshot, label: str, value: object) -> None:
    assert snapshot[label] == snapshot.value(label) == value
    assert label in snapshot


@pytest.mark.parametrize("label", ["web", "web.", "WEB.HITS", "", b"web.hits", None, 1])
def test_a_label_is_found_whole_or_not_at_all(snapshot: Snapshot, label: object) -> None:
    assert label not in snapshot


@pytest.mark.parametrize("ask", [lambda snapshot, name: snapshot[name], lambda snapshot, name: snapshot.value(name)])
def test_what_is_missing_is_a_key_error_that_names_what_is_near(snapshot: Snapshot, ask: object) -> None:
    assert callable(ask)
    with pytest.raises(KeyError, match=r"no metric 'web\.hit'; near: 'web\.hits'") as caught:
        ask(snapshot, "web.hit")
    assert snapshot.path in str(caught.value)
    assert caught.value.__suppress_context__


def test_where_nothing_is_near_nothing_is_named(snapshot: Snapshot) -> None:
    with pytest.raises(KeyError, match=r"no metric 'zzzzzzzz'\"$"):
        snapshot["zzzzzzzz"]


@pytest.mark.parametrize("labels", [{"method": "GET"}, {"name": "x", "self": "y"}])
def test_version_1_has_no_label_sets(snapshot: Snapshot, labels: dict[str, str]) -> None:
    with pytest.raises(KeyError, match=r"has no label sets; ask for 'web\.hits' alone"):
        snapshot.value("web.hits", **labels)


def test_it_says_what_it_is(snapshot: Snapshot, tmp_path: Path) -> None:
    assert repr(snapshot) == f"<Snapshot of '{tmp_path}/x.mmstats': version 1, 6 values>"
    assert (snapshot.path, snapshot.version, snapshot.unconfirmed) == (f"{tmp_path}/x.mmstats", 1, frozenset())


def test_it_does_not_change_with_the_file(snapshot: Snapshot) -> None:
    before = list(snapshot)
    write(Path(snapshot.path), one("other", "B", 1))
    assert list(snapshot) == before
    assert [stat.label for stat in read(snapshot.path)] == ["other"]


def test_it_takes_no_further_attributes(snapshot: Snapshot) -> None:
    with pytest.raises(AttributeError):
        snapshot.other = 1  # type: ignore[attr-defined]


def test_the_message_for_a_hostile_label_is_one_line(tmp_path: Path) -> None:
    snapshot = read(write(tmp_path / "x", one(b"a\nb\x1b[2J", "B", 1)))
    with pytest.raises(KeyError) as caught:
        snapshot["a\nb\x1b[2"]
    assert re.fullmatch(r"[ -~]*", caught.value.args[0])
