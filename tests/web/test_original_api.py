"""The original's JSON API , by what the original does, and where ours is meant to differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import counter, histogram, labelled, last, summary, write2
from mmstats_testing.mmashing import answer

from mmstats_reader.mmash import application


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Three files of version 1, and one that is malformed."""
    for name, ok, working, text in [("a", 1, True, "x"), ("b", 0, False, "y"), ("c-1", 5, True, "z")]:
        fields = [two("web.ok", "Q", ok), one("web.working", "?", working), one("web.text", "9s", text)]
        write(tmp_path / f"{name}.mmstats", *fields, one("web.ok.more", "d", 0.5), one("nan", "d", float("nan")))
    tmp_path.joinpath("junk.mmstats").write_bytes(b"junk")
    return tmp_path


def asked(path: Path, url: str) -> Any:
    found = answer(application(path), url)
    assert found.status == 200, found
    return found.json


def test_all_labels_are_listed(path: Path) -> None:
    assert asked(path, "/stats/") == {"stats": ["nan", "web.ok", "web.ok.more", "web.text", "web.working"]}


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("web.ok", {"web.ok": [1, 0, 5], "web.ok.more": [0.5, 0.5, 0.5]}),
        ("web.t", {"web.text": ["x", "y", "z"]}),
        ("web.working", {"web.working": [True, False, True]}),
        ("web.ok?exact=1", {"web.ok": [1, 0, 5]}),
        ("web.ok?exact", {"web.ok": [1, 0, 5]}),
        ("web.o?exact=1", {}),
        ("web.ok?exact=1&glob=a*", {"web.ok": [1]}),
        ("web.ok?exact=1&glob=[ab].mmstats", {"web.ok": [1, 0]}),
        ("web.ok?exact=1&glob=*/a.mmstats", {"web.ok": [1]}),
        ("web.ok?glob=/etc/*", {}),
        ("web.ok?glob=x*", {}),
        ("nothing", {}),
        ("nothing?aggr=avg", {}),
        ("nan", {"nan": ["NaN", "NaN", "NaN"]}),
    ],
)
def test_a_name_gives_the_values_of_all_that_begin_so(path: Path, url: str, found: Any) -> None:
    assert asked(path, f"/stats/{url}") == found


@pytest.mark.parametrize(
    ("aggregation", "value"),
    [
        *(("avg", 2.0), ("one", 1), ("max", 5), ("min", 0), ("sum", 6), ("nonzero-avg", 3.0), ("nonzero-min", 1)),
        ("unheard-of", [1, 0, 5]),
    ],
)
def test_values_are_made_one(path: Path, aggregation: str, value: Any) -> None:
    assert asked(path, f"/stats/web.ok?exact=1&aggr={aggregation}") == {"web.ok": value}


def test_what_is_made_of_no_number_is_no_bare_nan(path: Path) -> None:
    assert asked(path, "/stats/nan?aggr=sum") == {"nan": "NaN"}


@pytest.mark.parametrize(
    "url",
    [
        *("/stats/web.text?aggr=sum", "/stats/web.text?aggr=avg", "/stats/web.ok?exact=1&glob=b*&aggr=nonzero-avg"),
        *("/stats/web.ok?exact=1&glob=b*&aggr=nonzero-min", "/stats/web.ok?glob=../*", "/stats/web.ok?glob=a/../*"),
        *("/files/..", "/files/../*", "/files/..%2f*"),
    ],
)
def test_what_fails_or_climbs_is_a_bad_request(path: Path, url: str) -> None:
    found = answer(application(path), url)
    assert found.status == 400
    assert found.json["error"]


@pytest.mark.parametrize(
    ("url", "names"),
    [("/files/", "a b c-1"), ("/files/a*", "a"), ("/files/*-%3f.mmstats", "c-1"), ("/files/*", "a b c-1")],
)
def test_files_that_say_something_are_listed(path: Path, url: str, names: str) -> None:
    assert asked(path, url) == {"files": [str(path / f"{name}.mmstats") for name in names.split()]}


@pytest.mark.parametrize("url", ["/files//etc/*", "/files/%2fetc%2fpasswd", "/files/sub/*"])
def test_no_pattern_leaves_the_directory(path: Path, url: str) -> None:
    path.joinpath("sub").mkdir()
    write(path / "sub" / "inside.mmstats", two("web.ok", "Q", 9))
    assert asked(path, url) == {"files": []}


def test_labels_and_parts_have_names_of_openmetrics(tmp_path: Path) -> None:
    requests = labelled(counter("http.requests"), ("method",), (("GET",), counter("", 2)), (("PUT",), counter("", 3)))
    metrics = [requests, histogram("size", (1.0,), (1, 2), 7.5), summary("a.wait", 2, 1.5, 0.5, 1.0, 1.0)]
    write2(tmp_path / "web.mmstats", *metrics, counter("web.plain", 4), last("unset", 0, None))
    assert asked(tmp_path, "/stats/") == {
        "stats": [
            *("a_wait_count", "a_wait_sum", 'http_requests{method="GET"}', 'http_requests{method="PUT"}'),
            *("size_count", "size_sum", "web.plain"),
        ]
    }
    assert asked(tmp_path, '/stats/http_requests{method="GET"}?exact=1') == {'http_requests{method="GET"}': [2]}
    assert asked(tmp_path, "/stats/http_requests?aggr=one") == {
        'http_requests{method="GET"}': 2,
        'http_requests{method="PUT"}': 3,
    }
    assert asked(tmp_path, "/stats/size") == {"size_count": [3], "size_sum": [7.5]}


def test_both_versions_stand_side_by_side(path: Path) -> None:
    write2(path / "b2.mmstats", counter("web.ok", 7))
    assert asked(path, "/stats/web.ok?exact=1") == {"web.ok": [1, 0, 7, 5]}
