"""The screen, by Textual's own pilot: each key does what the last lines say, whatever is in the files."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import Metric, counter, gauge, histogram, labelled, myself, text, write2
from mmstats_testing.running import HANG_SECONDS
from textual.pilot import Pilot

from mmstats_reader import Directory
from mmstats_reader.mmtop import _shown
from mmstats_reader.mmtop._grid import Grid
from mmstats_reader.mmtop._screen import _IN_DETAILS, KEYS, Main, Top

#: So long that no look comes by itself.
NEVER = 3600.0
SMALL, LARGE = (80, 24), (200, 50)


class Seen:
    """A program that runs without a terminal, and what it shows."""

    def __init__(self, app: Top, pilot: Pilot[None]) -> None:
        self.app, self.main, self.pilot = app, app.main, pilot

    async def press(self, *keys: str) -> Seen:
        """Press keys, and wait until they are done."""
        await self.pilot.press(*keys)
        await self.pilot.pause()
        return self

    async def look(self) -> None:
        """Have it look at the files."""
        self.main.look()
        await self.pilot.pause()

    @property
    def lines(self) -> list[str]:
        """What it shows."""
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        """The same, in one."""
        return "\n".join(self.lines)

    @property
    def status(self) -> str:
        """The first line."""
        return self.lines[0].strip()

    @property
    def metrics(self) -> list[list[str]]:
        """The lines of the metrics, in words."""
        grid = self.main.query_one("#metrics", Grid)
        return [
            line.split() for line in self.lines[grid.content_region.y + 1 : grid.content_region.bottom] if line.strip()
        ]

    @property
    def names(self) -> list[str]:
        """The first words of these lines."""
        return [words[0] for words in self.metrics]

    @property
    def title(self) -> str:
        """The title of the column by which it is sorted."""
        line = self.lines[self.main.query_one("#metrics", Grid).content_region.y]
        return line.partition("▾")[2].split("  ")[0].strip()


Steps = Callable[[Seen], Awaitable[None]]


def run(
    stats: Directory, steps: Steps, size: tuple[int, int] = SMALL, pattern: str = "", interval: float = NEVER
) -> Top:
    """Run the program for some steps."""

    async def play() -> Top:
        app = Top(stats, interval, pattern)
        async with app.run_test(size=size) as pilot:
            await pilot.pause()
            await steps(Seen(app, pilot))
        return app

    return asyncio.run(play())


LATENCY = histogram("http.latency", (0.1, 0.2, 0.4), (10, 30, 9, 1), 9.5, unit="seconds", help="Time of an answer")
REQUESTS = labelled(
    counter("http.requests"), ("method",), (("GET",), counter("n", 12_000)), (("PUT",), counter("n", 40))
)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two processes of one application, one of which is dead, and a file of version 1."""
    some: tuple[Metric, ...] = (REQUESTS, LATENCY, counter("idle"), gauge("load", 3, unit="bytes"), text("phase", "on"))
    write2(tmp_path / "a.mmstats", *some, app="shop", created=1, **myself())
    write2(tmp_path / "b.mmstats", *some, app="shop", created=1, **{**myself(), "process_start": 1})
    write(tmp_path / "old.mmstats", two("hits", "Q", 7))
    return tmp_path


ALL = ["hits", "http.latency", 'http.requests{method="GET"}', 'http.requests{method="PUT"}', "idle", "load", "phase"]
GET = ALL[2]


@pytest.mark.parametrize("size", [SMALL, LARGE])
def test_all_parts_are_there_in_a_terminal_of_any_size(files: Path, stats: Directory, size: tuple[int, int]) -> None:
    async def steps(seen: Seen) -> None:
        assert "1 live, 1 dead, 1 unknown" in seen.status
        assert "7 rows, all together" in seen.status
        assert "every 3600 s" in seen.status
        assert [words[0][:15] for words in seen.metrics] == [name[:15] for name in ALL]
        assert all(file in seen.text for file in ("a.mmstats", "b.mmstats", "old.mmstats", " dead "))
        assert ("avg 1000" in seen.text) == (size == LARGE)
        assert ("is another one by now" in seen.text) == (size == LARGE)
        keys = " ".join(seen.lines[-3:])
        for key, what, _ in KEYS:
            assert f"{key} {what} " in keys
        assert all(len(line) == size[0] for line in seen.lines)
        assert len(seen.lines) == size[1]

    run(stats, steps, size)


def test_a_metric_has_its_value_change_averages_and_history(tmp_path: Path, stats: Directory) -> None:
    def put(count: int, level: int) -> None:
        write2(tmp_path / "a.mmstats", counter("c", count), gauge("g", level, "max"), writer_id=b"a" * 16)

    async def steps(seen: Seen) -> None:
        assert seen.metrics[0][:6] == ["c", "100", "-", "-", "-", "-"]
        put(130, 7)
        await asyncio.sleep(0.05)
        await seen.look()
        table = seen.main.table
        seconds = seen.main.view.seconds if seen.main.view else 0
        change = _shown.number(30 / seconds)
        assert seen.metrics[0][:6] == ["c", "130", change, change, change, change]
        assert seen.metrics[0][6] == "█"
        assert seen.metrics[1][:2] == ["g", "7"]
        assert seen.metrics[1][3:7] == ["6", "6", "6", "▁█"]
        assert table.order.tolist() == [0, 1]

    put(100, 5)
    run(stats, steps, LARGE)


Case = tuple[str, tuple[str, ...], Callable[[Seen], bool]]
CASES: list[Case] = [
    ("↑↓", ("down",), lambda seen: "http.latency: histogram" in seen.text),
    ("↑↓", ("end",), lambda seen: "phase: text" in seen.text),
    ("↑↓", ("end", "home", "up"), lambda seen: "hits: counter" in seen.text),
    ("↑↓", ("pagedown", "pageup", "down", "down"), lambda seen: "labels method" in seen.text),
    ("⏎", ("enter",), lambda seen: "Each process by itself" in seen.text and "old.mmstats" in seen.text),
    ("Tab", ("tab", "enter"), lambda seen: "What it says:" in seen.text and "a.mmstats" in seen.lines[0]),
    ("Tab", ("tab", "tab", "enter"), lambda seen: "Each process by itself" in seen.text),
    ("< >", (">",), lambda seen: seen.title == "value" and seen.names[0] == GET),
    ("< >", ("<", "<"), lambda seen: seen.title == "avg 100"),
    ("r", ("r",), lambda seen: seen.names[0] == "phase"),
    ("r", ("r", "r"), lambda seen: seen.names[0] == "hits"),
    ("/", ("/", *"http"), lambda seen: len(seen.names) == 3 and "only http" in seen.status),
    ("/", ("/", *"*GET*", "enter"), lambda seen: seen.names == [GET] and "Quit" in seen.lines[-1]),
    ("/", ("/", *"http", "escape"), lambda seen: len(seen.names) == 7 and "only" not in seen.status),
    ("/", ("/", *"http", "enter", "escape"), lambda seen: len(seen.names) == 7),
    ("/", ("/", *"nothing"), lambda seen: "no metric is shown" in seen.text),
    ("e", ("e",), lambda seen: len(seen.names) == 13 or "13 rows, each process" in seen.status),
    ("e", ("e", "e"), lambda seen: "7 rows, all together" in seen.status),
    ("z", ("z",), lambda seen: "idle" not in seen.names and len(seen.names) == 6 and "without zeros" in seen.status),
    ("z", ("z", "z"), lambda seen: len(seen.names) == 7),
    ("u", ("u",), lambda seen: "24000" in seen.metrics[2] and " 24k" not in seen.text),
    ("u", ("u", "u"), lambda seen: "24k" in seen.metrics[2]),
    ("p", ("p",), lambda seen: "paused" in seen.status),
    ("p", ("p", "p"), lambda seen: "every" in seen.status),
    ("+ -", ("-",), lambda seen: "every 60 s" in seen.status),
    ("+ -", ("-", "-", "+"), lambda seen: "every 60 s" in seen.status),
    ("x", ("x",), lambda seen: "Nothing is wrong." in seen.text),
    ("?", ("?",), lambda seen: all(more in seen.text for _, _, more in KEYS)),
    ("?", ("?", "escape"), lambda seen: "7 rows" in seen.status),
    ("q", ("q",), lambda seen: not seen.app.is_running),
    ("q", ("ctrl+c",), lambda seen: not seen.app.is_running),
    ("q", ("x", "q"), lambda seen: not seen.app.is_running),
]


@pytest.mark.parametrize(("keys", "shows"), [case[1:] for case in CASES], ids=[" ".join(case[1]) for case in CASES])
def test_a_key_does_what_it_says(
    files: Path, stats: Directory, keys: tuple[str, ...], shows: Callable[[Seen], bool]
) -> None:
    async def steps(seen: Seen) -> None:
        if keys[-1] in ("q", "ctrl+c"):
            await seen.pilot.press(*keys)
            await seen.pilot.pause()
        else:
            await seen.press(*keys)
        assert shows(seen), seen.text if seen.app.is_running else "it has ended"

    run(stats, steps, LARGE)


def test_every_key_that_is_shown_is_tried() -> None:
    assert {case[0] for case in CASES} == {key for key, _, _ in KEYS}


def test_rows_are_sorted_by_any_column_and_the_other_way_round(tmp_path: Path, stats: Directory) -> None:
    def put(*counts: int) -> None:
        for name, count, app in zip("abc", counts, "zxy", strict=True):
            write2(tmp_path / f"{name}.mmstats", counter(name, count), app=app, writer_id=app.encode() * 16)

    async def steps(seen: Seen) -> None:
        put(110, 101, 105)
        await seen.look()
        put(111, 101, 125)
        await seen.look()
        await seen.press("e")
        table = seen.main.table
        found = {}
        for _ in range(7):
            forth = seen.names[:3]
            await seen.press("r")
            assert seen.names[:3] == forth[::-1]
            await seen.press("r")
            found[seen.title] = "".join(forth)
            await seen.press(">")
        assert (found, table.sort) == (
            {
                "metric": "abc",
                "process": "bca",
                "value": "cab",
                "change/s": "cab",
                "avg 10": "cab",
                "avg 100": "cab",
                "avg 1000": "cab",
            },
            0,
        )

    put(100, 100, 100)
    run(stats, steps, LARGE)


def test_a_click_on_a_title_sorts_and_one_on_a_row_chooses(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        await seen.pilot.click("#metrics", offset=(115, 1))
        assert (seen.title, seen.names[0]) == ("value", GET)
        await seen.pilot.click("#metrics", offset=(115, 1))
        assert seen.names[-1] == "phase"
        await seen.pilot.click("#metrics", offset=(3, 3))
        assert "idle: counter" not in seen.text
        assert f"{seen.names[1]}: " in seen.text
        await seen.pilot.click("#metrics", offset=(3, 3), times=2)
        assert "Each process by itself" in seen.text

    run(stats, steps, LARGE)


def test_what_is_filtered_to_begin_with_can_be_taken_away(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        assert seen.names == ["idle"]
        assert len((await seen.press("escape")).names) == 7

    run(stats, steps, pattern="i*e")


def test_a_file_by_itself_has_the_process_and_its_own_values(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        await seen.press("e", "/", *"GET", "enter")
        pid = os.getpid()
        found = [" ".join(words[:-4]) for words in seen.metrics]
        assert sorted(found)[0].startswith(f"{GET} shop {pid}")
        assert any("dead" in line for line in found)
        assert all("12k" in line for line in found)

    run(stats, steps, LARGE)


def test_details_are_the_histogram_its_quantiles_and_each_process(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        await seen.press("/", *"latency", "enter", "enter")
        shown = seen.text
        assert "http.latency: histogram, float, in seconds, combined by sum" in shown
        assert "Time of an answer" in shown
        bars = {words[1]: words[2:] for line in seen.lines if (words := line.split()) and words[0] == "≤"}
        assert bars["100ms"][-1] == "20"
        assert bars["200ms"] == ["█" * 40, "60"]
        assert bars["400ms"][0] == "█" * 12
        assert "Since the beginning: 100 observed, mean 190ms, p50 150ms, p90" in shown
        assert f"shop {os.getpid()} dead  " in shown
        for key, what in _IN_DETAILS:
            assert f"{key} {what}" in seen.lines[-1]
        await seen.press("u")
        assert "≤ 0.2 " in seen.text
        assert "rows" in (await seen.press("escape")).status

    run(stats, steps, LARGE)


def test_details_are_the_label_sets(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        await seen.press("/", *"PUT", "enter", "enter")
        found = [" ".join(line.split()) for line in seen.lines]
        assert '{method="GET"} 24k' in found
        assert '{method="PUT"} 80' in found
        assert sum("dead {method" in line for line in found) == 2

    run(stats, steps, LARGE)


def test_details_follow_what_is_observed_meanwhile(tmp_path: Path, stats: Directory) -> None:
    def put(*counts: int) -> None:
        write2(tmp_path / "a.mmstats", histogram("h", (1.0, 2.0), counts), writer_id=b"a" * 16)

    async def steps(seen: Seen) -> None:
        await seen.press("enter")
        assert "In the last" not in seen.text
        put(5, 4, 0)
        await seen.look()
        assert "s: 4 observed, mean" in seen.text
        (tmp_path / "a.mmstats").unlink()
        await seen.look()
        assert "h is not there now." in seen.text

    put(5, 0, 0)
    run(stats, steps)


def test_details_of_a_process_are_its_state_and_its_values(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        await seen.press("tab", "down", "enter")
        found = [" ".join(line.split()) for line in seen.lines]
        assert any(line.startswith("state dead: ") for line in found)
        assert f"process {os.getpid()}" in found
        assert "phase on" in found
        (files / "b.mmstats").unlink()
        await seen.look()
        assert "is not there now." in seen.text

    run(stats, steps, LARGE)


def test_long_lists_end_with_how_many_more_there_are(tmp_path: Path, stats: Directory) -> None:
    sets = [((str(number),), counter("n", number)) for number in range(250)]
    write2(tmp_path / "a.mmstats", labelled(counter("many"), ("l",), *sets))

    async def steps(seen: Seen) -> None:
        await seen.press("enter", "end")
        assert seen.text.count("and 50 more") == 1

    run(stats, steps)


HOSTILE = "[red]evil[/red] [@click=app.quit]x[/] \x1b]0;pwn\x07\x1b[2J\x9b1m\u202e\r\n漢字"


def test_hostile_text_is_shown_as_it_is_and_does_nothing(tmp_path: Path, stats: Directory) -> None:
    some = labelled(counter(HOSTILE, help=HOSTILE, unit=HOSTILE), (HOSTILE,), ((HOSTILE,), counter("n", 1)))
    write2(tmp_path / "a.mmstats", some, text("t", HOSTILE, capacity=200), app=HOSTILE, host=HOSTILE)
    (tmp_path / os.fsdecode(b"bad-\xff\x1b[31m[red].mmstats")).write_bytes(b"\x09")

    async def steps(seen: Seen) -> None:
        for keys in [
            (),
            ("down",),
            ("enter",),
            ("escape", "e"),
            ("tab", "enter"),
            ("escape", "x"),
            ("escape", "/", "x"),
        ]:
            await seen.press(*keys)
            shown = seen.text.replace("\n", "")
            shown.encode()
            assert shown.isprintable(), ascii(shown)
            assert all(strip.cell_length == LARGE[0] for strip in seen.app.screen._compositor.render_strips())
        assert seen.app.is_running

    async def whole(seen: Seen) -> None:
        await seen.press("enter")
        assert "[red]evil[/red] [@click=app.quit]x[/] \\x1b]0;pwn\\x07" in seen.text
        await seen.press("escape", "x")
        assert "bad-\\udcff\\x1b[31m[red].mmstats: unsupported-version" in seen.text.replace("\n", "").replace("  ", "")

    run(stats, steps, LARGE)
    run(stats, whole, LARGE)


def test_what_cannot_be_read_is_shown_and_the_rest_goes_on(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        assert "wrong" not in seen.status
        (files / "b.mmstats").write_bytes(b"\x02MMSTATS")
        (files / "c.mmstats").write_bytes(b"\x09")
        write2(files / "d.mmstats", gauge("load", 3, unit="seconds"))
        await seen.look()
        assert "3 wrong: x" in seen.status
        assert "12k" in seen.metrics[2]
        await seen.press("x")
        shown = seen.text
        assert all(part in shown for part in ("b.mmstats: truncated", "c.mmstats: unsupported", "'load' has one unit"))
        for file in files.glob("*.mmstats"):
            file.unlink()
        await seen.look()
        assert "Nothing is wrong." in (seen.text)
        await seen.press("escape")
        assert "no process" in seen.status
        assert "0 rows" in seen.status
        await seen.press("down", "enter", "tab", "enter", "e", ">", "r", "z", "u")

    run(stats, steps, LARGE)


def test_a_directory_that_vanishes_and_comes_back_is_waited_for(tmp_path: Path) -> None:
    place = tmp_path / "there"
    place.mkdir()
    write2(place / "a.mmstats", counter("m", 1))

    async def steps(seen: Seen) -> None:
        place.rename(tmp_path / "gone")
        await seen.look()
        assert "cannot look" in seen.status
        assert "No such file" in seen.status
        (tmp_path / "gone").rename(place)
        await seen.look()
        assert seen.names == ["m"]
        assert "cannot look" not in seen.status

    with Directory(place) as stats:
        run(stats, steps, LARGE)


def test_the_chosen_row_stays_chosen_wherever_it_is_sorted_to(tmp_path: Path, stats: Directory) -> None:
    def put(**counts: int) -> None:
        for name, count in counts.items():
            write2(tmp_path / f"{name}.mmstats", counter(name, count))

    async def steps(seen: Seen) -> None:
        await seen.press(">")
        assert (seen.names, "a: counter" in seen.text) == (["a", "b", "c"], True)
        put(a=3, b=20, c=10)
        await seen.look()
        assert (seen.names, "b: counter" in seen.text) == (["b", "c", "a"], True)  # the first, not a's row
        await seen.press("down")
        put(a=50, b=20, c=1)
        await seen.look()
        assert (seen.names, "c: counter" in seen.text) == (["a", "b", "c"], True)
        (tmp_path / "c.mmstats").unlink()
        await seen.look()
        assert (seen.names, "b: counter" in seen.text) == (["a", "b"], True)

    put(a=30, b=20, c=10)
    run(stats, steps)


def test_looks_come_by_themselves_unless_it_is_paused(tmp_path: Path, stats: Directory) -> None:
    write2(tmp_path / "a.mmstats", counter("m", 1))
    looks: list[int] = []

    async def enough(more: int) -> None:
        while len(looks) < more:
            await asyncio.sleep(0.01)

    async def steps(seen: Seen) -> None:
        look = seen.main.look

        def counted() -> None:
            looks.append(1)
            look()

        seen.main.look = counted  # type: ignore[method-assign]
        await asyncio.wait_for(enough(3), HANG_SECONDS)
        await seen.press("p")
        before = len(looks)
        await asyncio.sleep(0.3)
        assert len(looks) == before
        await seen.press("p")
        await asyncio.wait_for(enough(before + 1), HANG_SECONDS)

    run(stats, steps, interval=0.1)


@pytest.mark.parametrize(
    ("passed", "wait"), [(0.0, 1.0), (0.3, 0.7), (1.25, 0.75), (0.96, 1.04), (7.999, 1.001), (3.5, 0.5)]
)
def test_the_next_look_is_at_a_multiple_of_the_interval(
    stats: Directory, monkeypatch: pytest.MonkeyPatch, passed: float, wait: float
) -> None:
    waits: list[float] = []
    main: Any = Main(stats, 1.0, "")
    main.look = lambda: None
    main.set_timer = lambda seconds, then: waits.append(seconds)
    monkeypatch.setattr("mmstats_reader.mmtop._screen.time.monotonic", lambda: 100.0 + passed)
    main._begun = 100.0
    main._look_on()
    assert waits == [pytest.approx(wait)]


def test_only_rows_that_are_seen_are_made_into_text(
    tmp_path: Path, stats: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    write2(tmp_path / "a.mmstats", *[counter(f"m{number:04}", number) for number in range(3000)])
    made: list[object] = []
    sparkline = _shown.sparkline

    def counted(history: Any, from_zero: bool) -> str:
        made.append(history)
        return sparkline(history, from_zero)

    monkeypatch.setattr(_shown, "sparkline", counted)

    async def steps(seen: Seen) -> None:
        await seen.press("end")
        assert seen.names[-1] == "m2999"
        made.clear()
        await seen.look()
        assert 0 < len(made) <= 2 * LARGE[1]

    run(stats, steps, LARGE)


def test_a_terminal_that_changes_its_size_is_filled_anew(files: Path, stats: Directory) -> None:
    async def steps(seen: Seen) -> None:
        for size in [LARGE, (40, 12), (10, 4), SMALL]:
            await seen.pilot.resize_terminal(*size)
            await seen.pilot.pause()
            assert len(seen.lines) == size[1]
        assert "avg 1000" not in seen.text
        assert "1 live, 1 dead" in seen.status

    run(stats, steps, LARGE)
