"""Event streams: what is told when, one reading for all, and who reads slowly or leaves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import put, states, summary, text, unknown
from mmstats_testing.mmashing import Connection, answer
from mmstats_testing.running import HANG_SECONDS

from mmstats_reader import Directory
from mmstats_reader.mmash import _statistics, _stream
from mmstats_reader.mmash._application import Application
from mmstats_writer import CounterField, HistogramField, MmStats

#: Short, for tests; the application itself takes half seconds.
SHORT = 0.02


class Web(MmStats):
    requests = CounterField("http.requests", labelnames=("method",))
    body = HistogramField("http.size", bounds=(1.0, 2.0, 4.0))
    other = CounterField()


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    web = Web(tmp_path, "web.mmstats", app="shop")
    web.requests.labels(method="GET").inc(5)
    web.body.observe(3)
    yield web
    web.remove()


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is shared at half a second's intervals would be too old for ours."""
    monkeypatch.setattr(_statistics, "FRESH_SECONDS", SHORT / 10)


@pytest.fixture
def polls(monkeypatch: pytest.MonkeyPatch) -> list[Directory]:
    """The directories that were read, one for each time."""
    read: list[Directory] = []
    poll = Directory.poll

    def counted(self: Directory) -> Any:
        read.append(self)
        return poll(self)

    monkeypatch.setattr(Directory, "poll", counted)
    return read


@asynccontextmanager
async def following(application: Application, *metrics: str, interval: float = SHORT) -> AsyncIterator[Connection]:
    """A connection that follows some metrics, until the block ends."""
    connection = Connection("/api/v2/stream")
    response = application.streams.stream(interval, metrics)
    task = asyncio.create_task(response(connection.scope, connection.receive, connection.send))
    try:
        yield connection
    finally:
        connection.leave()
        connection.taking.set()
        await asyncio.wait_for(task, HANG_SECONDS)


def run(test: Callable[[], Awaitable[Any]]) -> Any:
    async def whole() -> Any:
        async with asyncio.timeout(HANG_SECONDS):
            return await test()

    return asyncio.run(whole())


def test_the_first_event_comes_at_once_and_rates_with_the_second(tmp_path: Path, web: Web) -> None:
    async def test() -> list[Any]:
        async with following(Application(tmp_path), "http.requests", "http.size") as connection:
            first = await connection.events(1)
            web.requests.labels(method="GET").inc(7)
            web.body.observe(1.5)
            web.body.observe(1.5)
            return first + await connection.events(1)

    first, second = run(test)
    name = 'http.requests{method="GET"}'
    assert first["seconds"] is None
    assert first["processes"] == {"live": 1, "dead": 0, "unknown": 0}
    assert first["metrics"] == {
        name: {"rate": None, "value": 5},
        "http.size": {"rate": None, "p50": None, "p90": None, "p99": None, "mean": None, "count": 1},
    }
    assert second["time"] > first["time"]
    assert math.isclose(second["metrics"][name]["rate"] * second["seconds"], 7)
    assert second["metrics"][name]["value"] == 12
    size = second["metrics"]["http.size"]
    assert math.isclose(size.pop("rate") * second["seconds"], 2)
    assert size.pop("p99") > size["p90"]
    assert size == {"p50": 1.5, "p90": 1.9, "mean": 1.5, "count": 3}


def test_each_kind_is_told_in_its_way(tmp_path: Path) -> None:
    put(
        tmp_path,
        (
            states("state", ("idle", "busy"), 1),
            summary("wait", 0, 0.0, None, None, None),
            unknown("nan", math.nan, "float"),
            text("said", "hello"),
        ),
    )
    write(tmp_path / "old.mmstats", two("hits", "Q", 3), one("load", "d", math.inf))

    async def test(*metrics: str) -> Any:
        async with following(Application(tmp_path), *metrics) as connection:
            (event,) = await connection.events(1)
            return {name.partition("{")[0]: told for name, told in event["metrics"].items()}

    numbers = {
        "state": {"state": "busy"},
        "wait": {"rate": None, "mean": None, "count": 0},
        "nan": {"value": "NaN"},
        "hits": {"rate": None, "value": 3},
        "load": {"value": "+Inf"},
    }
    assert run(test) == numbers
    assert run(lambda: test("said", "hits", "nothing")) == {"said": {"value": "hello"}, "hits": numbers["hits"]}


def test_a_metric_that_comes_later_is_told_then(tmp_path: Path, web: Web) -> None:
    async def test() -> None:
        async with following(Application(tmp_path), "late") as connection:
            assert (await connection.events(1))[0]["metrics"] == {}
            write(tmp_path / "late.mmstats", two("late", "Q", 3))
            while not (events := await connection.events(1))[-1]["metrics"]:
                pass
            assert events[-1]["metrics"]["late"]["value"] == 3

    run(test)


def test_one_reading_and_one_event_serve_all(tmp_path: Path, web: Web, polls: list[Directory]) -> None:
    async def test() -> None:
        application = Application(tmp_path)
        async with following(application) as one, following(application) as two, following(application, "other") as few:
            pieces = [await connection.pieces(5) for connection in (one, two, few)]
        pairs = [(mine, theirs) for mine in pieces[0] for theirs in pieces[1] if mine == theirs]
        assert pairs
        assert all(mine is theirs for mine, theirs in pairs)
        assert len(polls) <= len(pieces[2]) + 2

    run(test)
    assert len({id(directory) for directory in polls}) == 1


def test_a_reading_serves_intervals_that_meet(
    tmp_path: Path, web: Web, polls: list[Directory], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interval and twice the interval, begun at different times: one reading for both where they meet."""
    monkeypatch.setattr(_statistics, "FRESH_SECONDS", 0.01)

    async def test() -> None:
        application = Application(tmp_path)
        async with following(application, interval=0.05) as often:
            await asyncio.sleep(0.075)
            async with following(application, interval=0.1) as seldom:
                await seldom.events(10)
                # Apart, there would be ten more.
                assert len(polls) <= len(often.sent) + 5

    run(test)


def test_who_reads_slowly_misses_events_and_nobody_else_does(tmp_path: Path, web: Web) -> None:
    async def test() -> None:
        application = Application(tmp_path)
        async with following(application, "other") as slow, following(application, "other") as quick:
            await slow.events(1)
            slow.taking.clear()
            await quick.events(10)
            web.other.inc(3)
            await quick.events(10)
            assert len(slow.sent) <= 1
            slow.taking.set()
            # What is next is one event, the newest; not those that were missed.
            behind = await slow.events(2)
            assert [event["metrics"]["other"]["value"] for event in behind] == [0, 3]

    run(test)


def test_nothing_is_read_when_nobody_looks(tmp_path: Path, web: Web, polls: list[Directory]) -> None:
    async def test() -> None:
        application = Application(tmp_path)
        async with following(application) as connection:
            await connection.events(3)
            assert polls
        await asyncio.sleep(2 * SHORT)  # one may have been under way
        before = len(polls)
        await asyncio.sleep(10 * SHORT)
        assert len(polls) == before
        async with following(application) as connection:
            assert (await connection.events(1))[0]["seconds"] is None

    run(test)


def test_who_joins_others_sees_at_once_what_they_see(tmp_path: Path, web: Web, polls: list[Directory]) -> None:
    async def test() -> None:
        application = Application(tmp_path)
        async with following(application, interval=60.0) as first:
            (event,) = await first.events(1)
            await asyncio.sleep(SHORT)
            async with following(application, interval=60.0) as second:
                assert await second.events(1) == [event]
            async with following(application, "other", interval=60.0) as third:
                assert list((await third.events(1))[0]["metrics"]) == ["other"]
        assert len(polls) == 1

    run(test)


def test_a_connection_is_kept_alive(tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_stream, "_ALIVE_SECONDS", 0.01)

    async def test() -> None:
        async with following(Application(tmp_path), interval=60.0) as connection:
            await connection.events(1)
            while len(connection.sent) < 3:
                await asyncio.sleep(0.01)
            assert all(piece.startswith(b":") and piece.endswith(b"\n\n") for piece in connection.sent)

    run(test)


def test_a_directory_that_is_away_is_told_until_it_is_back(tmp_path: Path) -> None:
    path, away = tmp_path / "there", tmp_path / "away"
    path.mkdir()
    write(path / "a.mmstats", two("hits", "Q", 3))

    async def test() -> None:
        async with following(Application(path), "hits") as connection:
            assert (await connection.events(1))[0]["metrics"]
            path.rename(away)
            while "error" not in (event := (await connection.events(1))[-1]):
                pass
            assert str(path) in event["error"]
            away.rename(path)
            while "error" in (event := (await connection.events(1))[-1]):
                pass
            assert event["metrics"]["hits"]["value"] == 3

    run(test)


def test_all_streams_can_be_ended(tmp_path: Path, web: Web) -> None:
    async def test() -> None:
        application = Application(tmp_path)
        connection = Connection("/api/v2/stream?interval=1")
        serving = asyncio.create_task(application(connection.scope, connection.receive, connection.send))
        await connection.events(1)
        application.streams.end()
        await serving
        assert connection.sent[-1] == b""

    run(test)


def test_a_channel_that_fails_ends_its_streams(
    tmp_path: Path, web: Web, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(_stream, "kinds_of", lambda processes: 1 / 0)

    async def test() -> None:
        connection = Connection("/api/v2/stream")
        application = Application(tmp_path)
        await application(connection.scope, connection.receive, connection.send)
        assert connection.sent == [b""]

    run(test)


@pytest.mark.parametrize("interval", ["", "x", "0", "0.4", "60.5", "-1", "nan", "inf"])
def test_an_interval_that_is_none_is_refused(tmp_path: Path, interval: str) -> None:
    found = answer(Application(tmp_path), f"/api/v2/stream?interval={interval}")
    assert found.status == 400
    assert "interval" in found.json["error"]


def test_what_a_stream_would_be_can_be_asked(tmp_path: Path) -> None:
    found = answer(Application(tmp_path), "/api/v2/stream", method="HEAD")
    assert (found.status, found.body) == (200, b"")
    assert found.headers["content-type"].startswith("text/event-stream")
    assert "content-length" not in found.headers
