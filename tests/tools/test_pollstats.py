"""``pollstats``: a line each interval, as vmstat."""

from __future__ import annotations

import csv
import io
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import counter, gauge, histogram, labelled, put, states, summary, text, unknown, write2
from mmstats_testing.running import HANG_SECONDS, environment

import mmstats
from mmstats_format import __version__
from mmstats_reader import Directory, clean, pollstats, read
from mmstats_reader._columns import Field, split


class Time:
    """A clock that only sleeping moves, and what it does at each sleep."""

    def __init__(self, steps: list[Callable[[], object]], late: float = 0.0) -> None:
        self.now, self.slept = 100.0, list[float]()
        self._steps, self._late = iter(steps), late

    def monotonic(self) -> float:
        self.now += self._late
        return self.now

    def time_ns(self) -> int:
        return int(self.now * 10**9)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        next(self._steps)()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs the tool without waiting, with a step between each line and the next; gives its lines and what it says."""

    def run(*arguments: str | Path, steps: list[Callable[[], object]] | None = None) -> tuple[list[list[str]], str]:
        steps = steps or []
        clock = Time(steps)
        monkeypatch.setattr("mmstats_reader._directory.time", clock)
        monkeypatch.setattr("mmstats_reader.pollstats.time", clock)
        assert pollstats.main(["-c", str(len(steps) + 1), *map(str, arguments)]) == 0
        printed = capsys.readouterr()
        return [line.split() for line in printed.out.splitlines()], printed.err

    return run


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Any]:
    """The model of the original's README."""

    class WebStats(mmstats.MmStats):
        status2xx = mmstats.CounterField(label="status.2XX")
        status3xx = mmstats.CounterField(label="status.3XX")
        status4xx = mmstats.CounterField(label="status.4XX")
        status5xx = mmstats.CounterField(label="status.5XX")
        last_hit = mmstats.DoubleField(label="timers.last_hit")

    stats = WebStats(path=str(tmp_path), filename="mmstats-{PID}.mmstats", label_prefix="web.stats.")
    yield stats
    stats.remove()


def again(path: Path, *metrics: Any) -> Callable[[], object]:
    """Writes a file anew, of the same writer."""
    return lambda: write2(path, *metrics, writer_id=bytes.fromhex(read(path).process.writer_id))


@pytest.mark.parametrize("prefix", ["web.stats.status", "web.stats.status."])
def test_the_original_s_readme_line_shows_what_is_counted(lines: Any, web: Any, prefix: str) -> None:
    """In the original it prints zeros only: a prefix may end before a dot or after it."""

    def work() -> None:
        web.status2xx.inc(6)
        web.status5xx.inc()

    out, err = lines("-p", prefix, "2XX,3XX,4XX,5XX", web.filename, steps=[work, work])
    assert out[0] == ["2XX", "3XX", "4XX", "5XX"]
    assert out[2:] == [["6", "0", "0", "1"], ["6", "0", "0", "1"]]
    assert err == ""


def test_the_first_line_is_the_average_since_the_writers_began(lines: Any, tmp_path: Path) -> None:
    """As vmstat's; the writers began 20 seconds before."""
    put(tmp_path, (counter("m", 100), counter("s", 7)), counter("m", 20), created=80 * 10**9)
    out, _ = lines("m,s", tmp_path, steps=[lambda: None])
    assert out == [["m", "s"], ["6", "0.35"], ["0", "0"]]


def test_counters_are_rates_by_the_true_time_or_differences_or_totals(lines: Any, tmp_path: Path) -> None:
    def run(*arguments: str) -> list[list[str]]:
        put(tmp_path, (counter("m", 100), gauge("g", 3)), created=80 * 10**9)
        more = again(tmp_path / "a.mmstats", counter("m", 110), gauge("g", 4))
        return list(lines(*arguments, "-d", "0.5", "m,g", tmp_path, steps=[more])[0][1:])

    assert run() == [["5", "3"], ["20", "4"]]
    assert run("--delta") == [["100", "3"], ["10", "4"]]
    assert run("--absolute") == [["100", "3"], ["110", "4"]]


def test_files_come_and_go_between_lines_and_a_fold_is_no_work(lines: Any, tmp_path: Path) -> None:
    """A file that lacks a field adds nothing to it."""
    write2(tmp_path / "a.mmstats", counter("m", 5), app="shop", state=2)
    steps: list[Callable[[], object]] = [
        lambda: write2(tmp_path / "b.mmstats", counter("m", 7), created=200 * 10**9),
        lambda: write2(tmp_path / "c.mmstats", counter("other", 7), created=200 * 10**9),
        lambda: clean(tmp_path, fold=True),
        lambda: (tmp_path / "b.mmstats").unlink(),
        lambda: (tmp_path / "b.mmstats").write_bytes(b"\2"),
    ]
    out, err = lines("--delta", "m", tmp_path, steps=steps)
    assert [line[0] for line in out] == ["m", "5", "7", "0", "0", "0", "0"]
    assert err.count("b.mmstats: truncated") == 1


def test_a_field_that_nothing_has_is_named_once_and_found_when_it_comes(lines: Any, tmp_path: Path) -> None:
    put(tmp_path, counter("m", 5))
    come = [lambda: None, lambda: write2(tmp_path / "b.mmstats", counter("late", 7), created=200 * 10**9)]
    out, err = lines("--delta", "m,late", tmp_path, steps=[*come, lambda: None])
    assert err.splitlines() == [f"pollstats: no metric 'late' in {tmp_path}"]
    assert out == [["m", "late"], ["5", "-"], ["0", "-"], ["0", "7"], ["0", "0"]]


def test_columns_of_what_vanished_stay(lines: Any, tmp_path: Path) -> None:
    """So do those of a histogram; the header is not printed again."""
    path = tmp_path / "b.mmstats"
    put(tmp_path, counter("m", 5), (counter("n", 7), histogram("h", (1.0,), (2, 0), 1.0)))
    steps = [path.unlink, lambda: None]
    out, err = lines("--absolute", "-n0", "n,h,m", tmp_path, steps=steps)
    assert out[1:] == [["7", "2", "0.5", "0.9", "0.99", "5"], *[["-", "-", "-", "-", "-", "5"]] * 2]
    assert err.splitlines() == [f"pollstats: no metric {name!r} in {tmp_path}" for name in ("n", "h")]


@pytest.mark.parametrize(("form", "empty", "there"), [("--csv", "5,", "5,7"), ("--json", None, 7)])
def test_programs_too_get_a_column_for_what_comes_later(
    lines: Any, tmp_path: Path, form: str, empty: Any, there: Any
) -> None:
    put(tmp_path, counter("m", 5))
    step = lambda: write2(tmp_path / "b.mmstats", counter("late", 7))  # noqa: E731
    out, _ = lines(form, "--absolute", "m,late", tmp_path, steps=[step])
    if form == "--csv":
        assert out == [["m,late"], [empty], [there]]
    else:
        assert [json.loads(" ".join(line))["values"]["late"] for line in out] == [empty, there]


def test_files_that_disagree_about_a_metric_are_said_once(lines: Any, tmp_path: Path) -> None:
    put(tmp_path, (counter("m", 5), counter("o", 1)), counter("m", 6), (gauge("m", 7), gauge("o", 7)))
    again_elsewhere = [lambda: (tmp_path / "c.mmstats").rename(tmp_path / "d.mmstats")]
    out, err = lines("--absolute", "m", tmp_path, steps=again_elsewhere)
    assert out[1:] == [["11"], ["11"]]
    (said,) = err.splitlines()
    assert said.startswith(f"pollstats: 'm' has one kind in {tmp_path}/a.mmstats, and another in {tmp_path}/c.mmstats")


def test_options_may_stand_between_the_fields_and_the_files(lines: Any, tmp_path: Path) -> None:
    put(tmp_path, counter("m", 5))
    assert lines("m", "--absolute", tmp_path)[0][1:] == [["5"]]


def test_labels_choose_series_and_commas_in_them_part_no_fields(lines: Any, tmp_path: Path) -> None:
    names, series = ("method", "status"), [("GET", "200"), ("GET", "5,00"), ('P"{}', "200")]
    metric = labelled(counter("r"), names, *((values, counter("", 10**place)) for place, values in enumerate(series)))
    put(tmp_path, metric)
    fields = r'r,r{method="GET"},r{status="200", method="P\"{}"},r{status="5,00"}'
    out, _ = lines("--absolute", fields, tmp_path)
    assert out[-1] == ["111", "11", "100", "10"]
    out, _ = lines("--absolute", 'r{*status="200"}', tmp_path)
    assert out == [['r{method="GET",status="200"}', r'r{method="P\"{}",status="200"}'], ["1", "100"]]
    put(tmp_path, labelled(counter("r"), ("http.method",), (("GET",), counter("", 3)), (("PUT",), counter("", 4))))
    assert lines("--absolute", 'r{http.method="PUT"}', tmp_path)[0][-1] == ["4"]
    assert split(fields)[1:3] == ['r{method="GET"}', r'r{status="200", method="P\"{}"}']


@pytest.mark.parametrize("field", ['r{nope="1"}', 'r{method="1"}', "r{", 'r{method="GET"', "r{method=GET}"])
def test_labels_that_no_series_has_are_no_match(tmp_path: Path, field: str, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, labelled(counter("r"), ("method",), (("GET",), counter("", 1))))
    assert pollstats.main(["-c1", field, str(tmp_path)]) == 1
    assert "no metric" in capsys.readouterr().err


def test_a_pattern_has_a_column_for_each_metric_that_it_matches(lines: Any, tmp_path: Path) -> None:
    put(tmp_path, (counter("web.b", 2), counter("web.a", 1), counter("db.a", 3)))
    assert lines("--absolute", "-p", "web", "*", tmp_path)[0] == [["a", "b"], ["1", "2"]]
    assert lines("--absolute", "*.a", tmp_path)[0] == [["db.a", "web.a"], ["3", "1"]]


def test_a_histogram_has_columns_of_its_rate_and_quantiles_of_the_interval(lines: Any, tmp_path: Path) -> None:
    """The first line's are those since the beginning."""
    bounds = (1.0, 2.0, 4.0)
    put(tmp_path, (histogram("h", bounds, (10, 0, 0, 0), 5.0), summary("s", 2, 8.0, 1.0, 7.0, 7.0)))
    path = tmp_path / "a.mmstats"
    more = again(path, histogram("h", bounds, (10, 0, 20, 0), 65.0), summary("s", 4, 9.0, 0.5, 7.0, 0.5))
    out, _ = lines("--delta", "h,s", tmp_path, steps=[more, lambda: None])
    assert out[0] == ["h", "h", "p50", "h", "p90", "h", "p99", "s", "s", "mean"]
    assert out[1:] == [
        ["10", "0.5", "0.9", "0.99", "2", "4"],
        ["20", "3", "3.8", "3.98", "2", "0.5"],
        ["0", "-", "-", "-", "0", "-"],
    ]


def test_what_does_not_only_grow_is_shown_as_it_is(lines: Any, tmp_path: Path) -> None:
    """Version 1's numbers are added up, as the original does; version 2 says itself how writers' values combine."""
    some = (
        gauge("least", 3, combine="min"),
        gauge("each", 4, combine="all"),
        gauge("none", None),
        states("phase", ("a", "b"), 1),
        text("version", "x"),
        unknown("odd", 4),
    )
    others = (
        gauge("least", 2, combine="min"),
        gauge("each", 1, combine="all"),
        text("version", "y"),
        unknown("odd", 2),
    )
    put(tmp_path, some, others)
    for name, working in [("v", True), ("w", False)]:
        write(tmp_path / f"{name}.mmstats", two("working", "?", working), two("load", "d", 0.75))
    out, _ = lines("least,each,none,phase,version,odd,working,load", tmp_path)
    assert out[1] == ["2", "2.5", "-", "b", "2", "different", "3", "1", "1.5"]


def test_version_1_numbers_are_what_the_arguments_say(lines: Any, tmp_path: Path) -> None:
    write(tmp_path / "a.mmstats", two("hits", "Q", 100), two("sent", "I", 50))
    more = [lambda: write(tmp_path / "a.mmstats", two("hits", "Q", 103), two("sent", "I", 54))]
    assert lines("hits,sent", tmp_path, steps=more)[0][-1] == ["3", "54"]
    more = [lambda: write(tmp_path / "a.mmstats", two("hits", "Q", 110), two("sent", "I", 60))]
    assert lines("--rate", "s*", "--value", "h*", "hits,sent", tmp_path, steps=more)[0][-1] == ["110", "6"]


@pytest.mark.parametrize(("filters", "total"), [(["app"], "3"), (["app=shop"], "1"), (["app=shop", "host=b"], None)])
def test_filters_choose_files_by_their_labels(
    tmp_path: Path, filters: list[str], total: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    write2(tmp_path / "a.mmstats", counter("m", 1), text("app.name", "shop"))
    write2(tmp_path / "b.mmstats", counter("m", 2), text("app.name", "jobs"), text("host", "b"))
    write2(tmp_path / "c.mmstats", counter("m", 4))
    arguments = [part for each in filters for part in ("-f", each)]
    status = pollstats.main(["-c1", "--absolute", *arguments, "m", str(tmp_path)])
    out, err = capsys.readouterr()
    assert (status, out.split()[1:]) == ((0, [total]) if total else (1, []))
    assert err == ("" if total else f"pollstats: no statistics files that --filter chooses in {tmp_path}\n")


def test_the_header_comes_again_where_a_column_has_grown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long text is printed whole, and widens only its own line."""
    values: list[Any] = []

    def put_next(_: float) -> None:
        put(tmp_path, (values.pop(0), counter("z", 0)))

    def run(headers: str) -> list[int]:
        values[:] = [gauge("g", 1), gauge("g", 10**7), text("g", "x" * 60, 64), gauge("g", 2)]
        put_next(0)
        monkeypatch.setattr("mmstats_reader.pollstats.time.sleep", put_next)
        assert pollstats.main(["-c4", "-n", headers, "--absolute", "g,z", str(tmp_path)]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert all(line[-5:] in ("    z", "    0") for line in lines)
        return [len(line) if line.endswith("0") else 0 for line in lines]

    assert run("20") == [0, 12, 0, 15, 0, 67, 47]
    assert run("0") == [0, 12, 15, 67, 47]


@pytest.mark.parametrize(("variable", "bold"), [(None, True), ("NO_COLOR", False)])
def test_a_header_is_bold_on_a_terminal(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    variable: str | None,
    bold: bool,
) -> None:
    put(tmp_path, text("t", "\x1b[31m"))
    monkeypatch.delenv("NO_COLOR", raising=False)
    if variable:
        monkeypatch.setenv(variable, "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert pollstats.main(["-c1", "t", str(tmp_path)]) == 0
    header, line = capsys.readouterr().out.splitlines()
    assert header.startswith("\033[1m") == bold
    assert line == "\\x1b[31m"


def test_widths_follow_the_data_and_headers_come_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, counter("m", 10**12), counter("a", 1))
    assert pollstats.main(["-c5", "-d0.001", "-n2", "--absolute", "a,m", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, line = "    a              m", "    1  1000000000000"
    assert lines == [header, line, line, header, line, line, header, line]
    assert pollstats.main(["-c5", "-d0.001", "-n0", "--absolute", "a,m", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines() == [header, *[line] * 5]


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.12345, "0.123"),
        (1.5, "1.5"),
        (12.345, "12.3"),
        (123.45, "123"),
        (99.97, "100"),
        (1e20, "1" + "0" * 20),
        (1e300, "1e+300"),
    ],
)
def test_numbers_have_as_many_digits_as_one_reads(lines: Any, tmp_path: Path, value: float, shown: str) -> None:
    put(tmp_path, gauge("g", value, kind="float"))
    assert lines("g", tmp_path)[0][1] == [shown]


@pytest.mark.parametrize("late", [0.3, 2.5])
def test_lines_are_due_at_multiples_of_the_delay_whatever_a_look_takes(tmp_path: Path, late: float) -> None:
    """Nothing drifts; a line that would be late is left out."""
    put(tmp_path, counter("m", 1))
    clock = Time([lambda: None] * 10, late=late)
    options = pollstats._parser().parse_args(["-c6", "-d1", "m"])
    with Directory(tmp_path) as stats:
        pollstats._Lines(options, [Field("m")], stats).run(clock.monotonic, clock.sleep)
    begin = 100 + late
    due = [begin]
    now = begin
    for slept in clock.slept:
        now += late + slept
        due.append(now)
    assert [round(moment - begin, 6) % 1 for moment in due] == pytest.approx([0] * 6, abs=1e-6)
    assert len(clock.slept) == 5


def test_json_is_a_strict_document_a_line(lines: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = (counter("m", 3), gauge("nan", math.nan, kind="float"), gauge("inf", math.inf, kind="float"))
    put(tmp_path, (*metrics, gauge("none", None), text("t", "x y")), created=0)
    assert pollstats.main(["--json", "-c2", "-d0.01", "m,nan,inf,none,t", str(tmp_path)]) == 0

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    first, second = (json.loads(line, parse_constant=refuse) for line in capsys.readouterr().out.splitlines())
    assert first["values"] == {"m": "NaN", "nan": "NaN", "inf": "+Inf", "none": None, "t": "x y"}
    assert first["seconds"] is None
    assert second["seconds"] > 0
    assert second["values"]["m"] == 0
    assert second["time"] > first["time"]


def test_csv_has_a_header_and_quotes_what_has_to_be(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, (labelled(counter("r"), ("l",), (("a,b",), counter("", 1))), text("t", 'x,"y"'), gauge("none", None)))
    assert pollstats.main(["--csv", "--absolute", "-c2", "-d0.01", 'r{l="a,b"},t,none', str(tmp_path)]) == 0
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows == [['r{l="a,b"}', "t", "none"], ["1", 'x,"y"', ""], ["1", 'x,"y"', ""]]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["m", "{path}"], "no statistics files in {path}"),
        (["m", "{path}/missing"], "{path}/missing: No such file or directory"),
        (["m", "{path}/*"], "no statistics files in {path}/*"),
        (
            ["m", "{path}/no", "{path}/none"],
            "{path}/no: No such file or directory\npollstats: no statistics files in {path}/no, {path}/none",
        ),
    ],
)
def test_where_nothing_is_it_says_where_it_looked(
    tmp_path: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pollstats.main([argument.format(path=tmp_path) for argument in arguments]) == 1
    assert capsys.readouterr() == ("", f"pollstats: {said.format(path=tmp_path)}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["-c", "0", "m"],
        ["-d", "0", "m"],
        [","],
        ["-d", "nan", "m"],
        ["-d", "1e300", "m"],
        ["-d", "x", "m"],
        ["-n", "-1", "m"],
        ["--delta", "--absolute", "m"],
        ["--json", "--csv", "m"],
    ],
)
def test_wrong_arguments_are_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        pollstats.main(arguments)
    assert caught.value.code == 2
    assert capsys.readouterr().err.startswith("usage: pollstats")


def test_where_no_file_can_be_read_it_says_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mmstats"
    path.write_bytes(b"\2")
    assert pollstats.main(["m", str(tmp_path)]) == 1
    why, nothing = capsys.readouterr().err.splitlines()
    assert why.startswith(f"pollstats: {path}: truncated: ")
    assert nothing == f"pollstats: no statistics files that can be read in {tmp_path}"


@pytest.mark.parametrize("form", ["-n1", "--csv", "--json"])
def test_without_a_standard_output_nothing_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    put(tmp_path, counter("m", 1))
    monkeypatch.setattr(sys, "stdout", None)
    assert pollstats.main(["-c2", "-d0.001", form, "m", str(tmp_path)]) == 0


def test_the_version_is_that_of_the_distribution(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        pollstats.main(["--version"])
    assert (caught.value.code, capsys.readouterr().out) == (0, f"pollstats {__version__}\n")


def test_verbose_says_which_files_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, counter("m", 1), counter("m", 2))
    assert pollstats.main(["-v", "-c2", "-d0.01", "m", str(tmp_path)]) == 0
    assert capsys.readouterr().err.splitlines() == [f"pollstats: reads {tmp_path}/{name}.mmstats" for name in "ab"]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in a process of its own, which has printed its first lines."""
    put(tmp_path, counter("m", 1))
    command = [sys.executable, "-m", "mmstats_reader.pollstats", "-d0.05", "m", str(tmp_path)]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    restore = signal.signal(signal.SIGINT, signal.default_int_handler)
    with subprocess.Popen(command, env=environment(), **pipes) as process:
        signal.signal(signal.SIGINT, restore)
        assert process.stdout is not None
        try:
            assert process.stdout.readline().split() == ["m"]
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


def test_it_runs_until_it_is_interrupted(running: subprocess.Popen[str]) -> None:
    os.kill(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=HANG_SECONDS)
    assert (running.returncode, err) == (130, "")


def test_a_closed_pipe_ends_it_quietly(running: subprocess.Popen[str]) -> None:
    assert running.stdout is not None
    assert running.stderr is not None
    running.stdout.close()
    assert running.wait(HANG_SECONDS) == 0
    assert running.stderr.read() == ""


def test_a_directory_that_goes_away_is_said_once_and_comes_back(lines: Any, tmp_path: Path) -> None:
    place = tmp_path / "stats"
    place.mkdir()
    put(place, counter("m", 1))
    away = tmp_path / "away"
    steps = [lambda: place.rename(away), lambda: None, lambda: away.rename(place)]
    out, err = lines("--absolute", "m", place, steps=steps)
    assert out == [["m"], ["1"], ["-"], ["-"], ["1"]]
    assert err == f"pollstats: {place}: No such file or directory\n"
