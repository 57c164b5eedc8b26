"""``slurpstats --openmetrics``: one page of all files together, for Prometheus and for node_exporter."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import counter, gauge, histogram, put, states, text, write2
from mmstats_testing.pages import Values, parsed, parsed_text, same
from mmstats_testing.running import environment

from mmstats_reader import slurpstats


def page(capsys: pytest.CaptureFixture[str], *arguments: str | Path, status: int = 0) -> tuple[Values, str]:
    """The values of the page that is printed, and what is said on standard error."""
    assert slurpstats.main(["--openmetrics", *map(str, arguments)]) == status
    said = capsys.readouterr()
    values = parsed(said.out)
    assert same(parsed_text(said.out), values)
    return values, said.err


def test_totals_of_all_files_are_printed_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(tmp_path, counter("web.hits", 3, help='Hits, "served".'), counter("web.hits", 4))
    write(tmp_path / "old.mmstats", two("ok", "Q", 5), one("load", "d", 0.5))
    values, said = page(capsys, tmp_path)
    assert said == ""
    assert values == {
        ("mmstats_files", frozenset({("state", "live")})): 2,
        ("mmstats_files", frozenset({("state", "dead")})): 0,
        ("mmstats_files", frozenset({("state", "unknown")})): 1,
        ("mmstats_errors", frozenset()): 0,
        ("web_hits_total", frozenset()): 7,
        ("ok_total", frozenset()): 5,
        ("load", frozenset({("pid", "0"), ("thread", "0")})): 0.5,
    }


def test_only_types_are_named_that_both_formats_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = (
        counter("c", help='Counts "it".'),
        gauge("g"),
        histogram("h", (1.0,), (1, 2), 4.5),
        states("s", ("up",)),
        text("t", "x"),
    )
    put(tmp_path, metrics)
    write(tmp_path / "old.mmstats", one("u", "d", 0.5))
    assert slurpstats.main(["--openmetrics", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    types = [line.removeprefix("# TYPE ") for line in lines if line.startswith("# TYPE ") and "mmstats" not in line]
    assert types == ["c counter", "g gauge", "h histogram", "s gauge", "t_info gauge"]
    assert "# HELP u " in lines
    assert "# HELP c Counts 'it'." in lines  # only one of the formats may, and must, escape quotes there
    assert lines[-1] == "# EOF"


def test_what_version_1_leaves_open_can_be_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "old.mmstats", two("ok", "Q", 5), one("hits", "I", 3), one("more", "I", 4))
    values, _ = page(capsys, "--rate=hits", "--rate", "m*", "--value=ok", tmp_path)
    assert values["hits_total", frozenset()] == 3
    assert values["more_total", frozenset()] == 4
    assert values["ok", frozenset({("pid", "0"), ("thread", "0")})] == 5


def test_what_cannot_be_read_is_said_and_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write2(tmp_path / "good.mmstats", counter("m", 3))
    (tmp_path / "bad.mmstats").write_bytes(b"\2")
    values, said = page(capsys, tmp_path / "missing", tmp_path, status=1)
    assert [line.split(": ")[:2] for line in said.splitlines()] == [
        ["slurpstats", str(tmp_path / "missing")],
        ["slurpstats", str(tmp_path / "bad.mmstats")],
    ]
    assert values["mmstats_errors", frozenset()] == 2
    assert values["m_total", frozenset()] == 3


def test_page_is_in_utf_8_whatever_the_terminal_has(tmp_path: Path) -> None:
    put(tmp_path, text("t", "é☃"))
    arguments = [sys.executable, "-m", "mmstats_reader.slurpstats", "--openmetrics", str(tmp_path)]
    done = subprocess.run(arguments, capture_output=True, env=environment(PYTHONIOENCODING="latin-1"), check=True)
    assert 'value="é☃"' in done.stdout.decode("utf-8")


def test_nothing_there_is_said_with_where_it_looked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values, said = page(capsys, tmp_path, status=1)
    assert said == f"slurpstats: no statistics files in {tmp_path}\n"
    assert values["mmstats_errors", frozenset()] == 0
    values, said = page(capsys, tmp_path / "missing", status=1)
    assert said == f"slurpstats: {tmp_path / 'missing'}: No such file or directory\n"
    assert values == {("mmstats_errors", frozenset()): 1}


def test_without_the_extra_it_says_how_to_install_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "mmstats_reader.prometheus", raising=False)
    assert slurpstats.main(["--openmetrics", str(tmp_path)]) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        "slurpstats: --openmetrics needs an extra: pip install 'mmstats-format[prometheus]'\n",
    )


@pytest.mark.parametrize("option", ["--rate", "--value"])
def test_kinds_are_told_to_nothing_else(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        slurpstats.main([f"{option}=x"])
    assert caught.value.code == 2
    assert f"argument {option}: only allowed with argument --openmetrics" in capsys.readouterr().err


@pytest.mark.parametrize("other", ["--json", "--doctor", "--filter=x", "--filter="])
def test_it_goes_with_no_other_option(other: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        slurpstats.main(["--openmetrics", other])
    assert caught.value.code == 2
    assert "not allowed with argument --openmetrics" in capsys.readouterr().err


def test_on_a_terminal_control_characters_are_shown_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write2(tmp_path / "a.mmstats", text("t", "\x1b[2J\u202e", 200), counter("m", 1))
    assert slurpstats.main(["--openmetrics", str(tmp_path)]) == 0
    assert "\x1b[2J\u202e" in capsys.readouterr().out
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert slurpstats.main(["--openmetrics", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert r"\x1b[2J\u202e" in out
    assert "m_total 1.0\n" in out
