"""The application without a server: documents, pages, and who is refused (contract of ``/api/v2``)."""

from __future__ import annotations

import asyncio
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import counter, gauge, labelled, states, write2
from mmstats_testing.mmashing import Answer, Connection, answer, ask
from mmstats_testing.running import descriptors, skip_or_fail
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.parser import text_string_to_metric_families as text_families
from starlette.applications import Starlette
from starlette.routing import Mount

from mmstats_reader import Directory, View
from mmstats_reader.mmash import _statistics, application
from mmstats_writer import CounterField, GaugeField, HistogramField, MmStats, StateField, SummaryField, TextField

HOSTILE = '"><script>\x1b[2J\u202e'


class Web(MmStats):
    requests = CounterField("http.requests", help=HOSTILE, unit="requests", labelnames=("method",))
    body = HistogramField("http.size", bounds=(1.0, 2.0), unit="bytes")
    wait = SummaryField("http.wait")
    load = GaugeField(combine="all", type=float)
    inflight = GaugeField(combine="sum")
    state = StateField(states=("idle", "busy"))
    doing = TextField()


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """Two files of version 2, one of version 1, and one that is malformed."""
    writers = [Web(tmp_path, f"web-{number}.mmstats", app="shop") for number in range(2)]
    for writer in writers:
        writer.requests.labels(method="GET").inc(2)
        writer.requests.labels(method=HOSTILE).inc()
        writer.body.observe(2)
        writer.wait.observe(0.5)
        writer.load.set(math.inf)
        writer.state.set("busy")
        writer.doing.set(HOSTILE)
    write(tmp_path / "old.mmstats", two("hits", "Q", 3), one("sys.pid", "I", 7), one("nan", "d", math.nan))
    tmp_path.joinpath("junk.mmstats").write_bytes(b"\x02MMSTATS")
    yield tmp_path
    for writer in writers:
        writer.remove()


def family(found: Any, name: str) -> Any:
    return next(each for each in found["families"] if each["name"] == name)


def test_families_are_told_whole(path: Path) -> None:
    found = answer(application(path), "/api/v2/families").json
    assert [each["name"] for each in found["families"]] == sorted(each["name"] for each in found["families"])
    requests = family(found, "http.requests")
    hostile = HOSTILE.replace('"', '\\"')
    assert requests.pop("series") == [
        {"labels": {"method": "GET"}, "name": 'http.requests{method="GET"}', "value": 4, "unconfirmed": False},
        {
            "labels": {"method": HOSTILE},
            "name": f'http.requests{{method="{hostile}"}}',
            "value": 2,
            "unconfirmed": False,
        },
    ]
    assert requests == {
        "name": "http.requests",
        "kind": "counter",
        "type": "unsigned",
        "unit": "requests",
        "help": HOSTILE,
        "combination": "sum",
        "labels": ["method"],
        "states": [],
        "bounds": [],
    }
    assert family(found, "http.size")["bounds"] == [1.0, 2.0]
    assert family(found, "state")["states"] == ["idle", "busy"]
    assert found["complete"] is True
    assert found["looked"] == str(path)
    assert found["time"] > 0


def test_a_value_is_one_of_strict_json(path: Path) -> None:
    found = answer(application(path), "/api/v2/families").json
    values = {name: family(found, name)["series"][0]["value"] for name in ("http.size", "http.wait", "load", "nan")}
    assert values == {
        "http.size": {"count": 2, "sum": 4.0, "bounds": [1.0, 2.0], "counts": [0, 2, 0]},
        "http.wait": {"count": 2, "sum": 1.0, "min": 0.5, "max": 0.5, "last": 0.5},
        "load": "+Inf",
        "nan": "NaN",
    }
    assert family(found, "inflight")["series"][0]["value"] in (0, None)


def test_what_each_writer_says_by_itself_has_labels_that_tell_the_writer(tmp_path: Path) -> None:
    for number, (pid, thread) in enumerate([(1, 1), (1, 2), (1, 2)]):
        name = tmp_path / f"{number}.mmstats"
        write(name, one("load", "I", number), one("sys.pid", "I", pid), one("sys.tid", "I", thread))
    series = family(answer(application(tmp_path), "/api/v2/families").json, "load")["series"]
    twice = {"pid": "1", "thread": "2"}
    assert [each["labels"] for each in series] == [
        {"pid": "1", "thread": "1"},
        {**twice, "file": str(tmp_path / "1.mmstats")},
        {**twice, "file": str(tmp_path / "2.mmstats")},
    ]
    assert [each["value"] for each in series] == [0, 1, 2]
    assert len({each["name"] for each in series}) == 3


def test_processes_are_told_with_their_states(path: Path) -> None:
    found = answer(application(path), "/api/v2/processes").json
    told = [
        (os.path.basename(each["path"]), each["app"], each["version"], each["state"]) for each in found["processes"]
    ]
    assert told == [
        ("old.mmstats", "", 1, "unknown"),
        ("web-0.mmstats", "shop", 2, "live"),
        ("web-1.mmstats", "shop", 2, "live"),
    ]
    assert all(each["reason"] for each in found["processes"])


@pytest.mark.parametrize("document", ["families", "processes"])
def test_what_cannot_be_read_is_told_and_the_rest_goes_on(path: Path, document: str) -> None:
    found = answer(application(path), f"/api/v2/{document}").json
    assert [each["path"] for each in found["errors"]] == [str(path / "junk.mmstats")]
    assert "truncated" in found["errors"][0]["error"]
    assert str(path) not in found["errors"][0]["error"]
    assert found[document]


def test_metrics_that_are_declared_differently_are_told(tmp_path: Path) -> None:
    write2(tmp_path / "a.mmstats", counter("jobs", 1))
    write2(tmp_path / "b.mmstats", gauge("jobs", 1))
    assert "jobs" in answer(application(tmp_path), "/api/v2/families").json["conflicts"][0]


def test_it_serves_on_while_the_directory_is_away(path: Path) -> None:
    app, away = application(path), path.with_name("away")

    def told() -> tuple[int, list[str]]:
        asyncio.run(asyncio.sleep(2 * _statistics.FRESH_SECONDS))
        found = answer(app, "/api/v2/families").json
        return len(found["families"]), [each["path"] for each in found["errors"]]

    before = told()
    path.rename(away)
    assert told() == (0, [str(path)])
    assert answer(app, "/stats/").json == {"stats": []}
    assert answer(app, "/files/").json == {"files": []}
    assert "mmstats_errors 1.0" in answer(app, "/metrics").body.decode()
    away.rename(path)
    assert told() == before


def test_a_path_that_is_no_utf_8_is_told(tmp_path: Path) -> None:
    try:
        write(Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.mmstats")), two("hits", "Q", 3))
    except OSError:
        skip_or_fail("this file system has no such names")
    assert answer(application(tmp_path), "/files/").json["files"] == [f"{tmp_path}/\udcff.mmstats"]
    assert answer(application(tmp_path), "/api/v2/processes").json["processes"][0]["path"].endswith("\udcff.mmstats")


def test_prometheus_gets_the_format_that_it_asks_for(path: Path) -> None:
    app = application(path)
    asked = answer(app, "/metrics", accept="application/openmetrics-text; version=1.0.0")
    assert asked.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    plain = answer(app, "/metrics")
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    parse: Any
    for parse, page in (text_string_to_metric_families, asked), (text_families, plain):
        parsed = parse(page.body.decode())
        samples = {
            (sample.name, sample.labels.get("method")): sample.value for each in parsed for sample in each.samples
        }
        assert samples["http_requests_total", "GET"] == 4


ALL = [
    *("/", "/graph/", "/graph", "/static/chart.js", "/static/style.css", "/static/nothing", "/nothing", "/metrics"),
    *("/stats/", "/stats/h", "/stats/h?glob=..", "/files/", "/files/..", "/api/v2/families", "/api/v2/processes"),
    *("/api/v2/stream?interval=x", "/api/v2/nothing"),
]


def assert_guarded(found: Answer) -> None:
    policy = dict(part.split(" ", 1) for part in found.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in found.headers["content-security-policy"]
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["referrer-policy"] == "no-referrer"
    assert not any(name.startswith("access-control") for name in found.headers)


@pytest.mark.parametrize("asked", ALL)
def test_every_answer_keeps_browsers_from_doing_what_our_pages_do_not(path: Path, asked: str) -> None:
    app = application(path)
    assert_guarded(answer(app, asked))
    assert_guarded(refused := answer(app, asked, host="evil.example"))
    assert refused.status == 400
    assert_guarded(refused := answer(app, asked, method="POST"))
    assert refused.status == 405


def test_a_fault_of_ours_is_guarded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: object) -> None:
        raise ZeroDivisionError

    async def run() -> Answer:
        connection = Connection("/stats/")
        with pytest.raises(ZeroDivisionError):  # the server logs it
            await app(connection.scope, connection.receive, connection.send)
        return connection.answer

    app = application(path)
    monkeypatch.setattr(app._statistics, "answer", broken)
    found = asyncio.run(run())
    assert found.status == 500
    assert_guarded(found)


@pytest.mark.parametrize(
    "host",
    ["localhost", "LOCALHOST", "localhost:5002", "127.0.0.1", "127.0.0.1:80", "[::1]", "[::1]:5002", "stats.example:1"],
)
def test_hosts_that_are_ours_are_served(tmp_path: Path, host: str) -> None:
    assert answer(application(tmp_path, hosts=["stats.example"]), "/stats/", host=host).status == 200


@pytest.mark.parametrize(
    "host",
    [
        *("", "evil.example", "evil.example:5002", "localhost.evil.example", "127.0.0.1.evil.example", "127.0.0.2"),
        *(
            "[::2]",
            "[::1",
            "[::1]x",
            "localhost@evil.example",
            "0.0.0.0",
            "10.0.0.1",
            "localhost:x",
            "localhost:5002:1",
        ),
    ],
)
def test_other_hosts_are_refused(tmp_path: Path, host: str) -> None:
    assert answer(application(tmp_path), "/stats/", host=host).status == 400


def test_a_request_has_one_host(tmp_path: Path) -> None:
    async def run(hosts: list[bytes]) -> int:
        connection = Connection("/stats/")
        connection.scope["headers"] = [(b"host", host) for host in hosts]
        await application(tmp_path)(connection.scope, connection.receive, connection.send)
        return connection.answer.status

    for hosts in [[b"localhost"], [], [b"localhost", b"localhost"], [b"localhost", b"evil.example"]]:
        assert asyncio.run(run(hosts)) == (200 if len(hosts) == 1 else 400)


@pytest.mark.parametrize(("host", "status"), [("10.0.0.1:5002", 200), ("[fe80::1]", 200), ("evil.example", 400)])
@pytest.mark.parametrize("listening", ["0.0.0.0", "::"])
def test_who_listens_everywhere_has_every_address_and_no_other_name(
    tmp_path: Path, listening: str, host: str, status: int
) -> None:
    assert answer(application(tmp_path, hosts=[listening]), "/stats/", host=host).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"])
def test_nothing_but_asking_is_possible(path: Path, method: str) -> None:
    refused = answer(application(path), "/api/v2/families", method=method)
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "asked",
    [
        *("/static/../_application.py", "/static/%2e%2e/_application.py", "/static/..%2f_application.py"),
        *("/static//etc/passwd", "/static/%2fetc/passwd", "/static/..\\_application.py", "/static/", "/static/%00"),
        *(
            "/static/../../slurpstats.py",
            "/_application.py",
            "/static/chart.js/../../_command.py",
            "/static/" + 300 * "x",
        ),
    ],
)
def test_nothing_but_our_own_pages_is_served(path: Path, asked: str) -> None:
    found = answer(application(path), asked)
    assert found.status in (400, 404)
    assert b"import" not in found.body
    assert b"root:" not in found.body


def test_pages_are_served_and_asked_for_again_only_when_they_changed(path: Path) -> None:
    app = application(path)
    for asked, type_ in [("/", "text/html"), ("/graph/", "text/html"), ("/static/chart.js", "text/javascript")]:
        found = answer(app, asked)
        assert found.status == 200
        assert found.headers["content-type"].startswith(type_)
        assert found.headers["cache-control"] == "no-cache"
        assert answer(app, asked, **{"if-none-match": found.headers["etag"]}).status == 304
    assert b"Chart.js v" in answer(app, "/static/chart.js").body


def test_it_can_be_mounted_into_another_application(path: Path) -> None:
    outer = Starlette(routes=[Mount("/inner", application(path))])
    assert answer(outer, "/inner/").body == answer(application(path), "/").body
    assert answer(outer, "/inner/static/style.css").status == 200
    assert answer(outer, "/inner/static/chart.js").status == 200
    assert answer(outer, "/inner/api/v2/families").json["families"]
    assert answer(outer, "/inner/graph").headers["location"] == "http://localhost/inner/graph/"
    assert answer(outer, "/inner/", host="evil.example").status == 400


def test_who_asks_at_once_is_answered_from_one_reading(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polls = []
    poll = Directory.poll

    def counted(self: Directory) -> View:
        polls.append(self)
        return poll(self)

    monkeypatch.setattr(Directory, "poll", counted)
    monkeypatch.setattr(_statistics, "FRESH_SECONDS", 60.0)
    app = application(path)
    asked = ["/api/v2/families", "/api/v2/families", "/api/v2/processes", "/stats/", "/metrics", "/files/"]

    async def run() -> list[Answer]:
        return await asyncio.gather(*(ask(app, each) for each in asked))

    answers = asyncio.run(run())
    assert all(each.status == 200 for each in answers)
    assert answers[0].body == answers[1].body
    assert len(polls) == 1


def test_what_changes_is_read_again(path: Path) -> None:
    app = application(path)
    with pytest.raises(KeyError):
        answer(app, "/stats/new").json["new"]
    asyncio.run(asyncio.sleep(2 * _statistics.FRESH_SECONDS))
    write(path / "new.mmstats", two("new", "Q", 1))
    assert answer(app, "/stats/new").json == {"new": [1]}


def test_files_are_closed_when_nobody_asks_any_more(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = application(path)
    before = descriptors()

    async def run() -> None:
        await ask(app, "/stats/")
        assert set(descriptors()) - set(before)
        await asyncio.sleep(0.2)

    monkeypatch.setattr(_statistics, "IDLE_SECONDS", 0.05)
    asyncio.run(run())
    assert descriptors() == before


def test_json_is_of_ascii_alone(path: Path) -> None:
    """What is no UTF-8 in a path can be said then."""
    assert answer(application(path), "/api/v2/families").body.isascii()
    assert json.loads(answer(application(path), "/nothing").body) == {"error": "Not Found"}


def test_a_file_whose_names_would_be_far_larger_than_it_is_told_and_left_out(tmp_path: Path) -> None:
    """Labels and states are once in a file, and would be in an answer for each series."""
    write2(tmp_path / "fine.mmstats", counter("jobs", 1))
    names = tuple(f"label{number}" + 60_000 * "x" for number in range(3))
    series = [((str(number), "", ""), counter("", 1)) for number in range(200)]
    write2(tmp_path / "labels.mmstats", labelled(counter("many"), names, *series))
    long = tuple(f"state{number}" + 60_000 * "x" for number in range(3))
    some = [((str(number),), states("", long)) for number in range(200)]
    write2(tmp_path / "states.mmstats", labelled(states("wide", long), ("label",), *some))
    app = application(tmp_path)
    found = answer(app, "/api/v2/families").json
    assert [each["name"] for each in found["families"]] == ["jobs"]
    assert [os.path.basename(each["path"]) for each in found["errors"]] == ["labels.mmstats", "states.mmstats"]
    assert answer(app, "/stats/").json == {"stats": ["jobs"]}
    assert len(answer(app, "/metrics").body) < 10_000
