"""``python -m mmstats_format check|dump FILE…``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.running import python
from mmstats_testing.vectors import DIRECTORY

from mmstats_format import parse
from mmstats_format.__main__ import main

GOOD = str(DIRECTORY / "one-counter.mmstats")
BAD = str(DIRECTORY / "bad-index-2.mmstats")


@pytest.fixture
def missing(tmp_path: Path) -> str:
    return str(tmp_path / "missing")


def test_check_says_of_each_file_whether_it_is_valid(capsys: pytest.CaptureFixture[str], missing: str) -> None:
    assert main(["check", GOOD, BAD, missing, GOOD]) == 1
    said = capsys.readouterr()
    assert said.out == (
        f"{GOOD}: valid, version 1, 1 fields\n"
        f"{BAD}: bad-index: 2 is not a write-buffer index: 0, 1 or 255 (rule V1-6, offset 7, fields[0].index)\n"
        f"{GOOD}: valid, version 1, 1 fields\n"
    )
    assert said.err == f"{missing}: No such file or directory\n"


def test_of_a_file_of_version_2_check_counts_the_families(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(DIRECTORY.parent / "v2" / "extents-three.mmstats")
    assert main(["check", file]) == 0
    assert capsys.readouterr().out == f"{file}: valid, version 2, 2 families\n"


@pytest.mark.parametrize("command", ["check", "dump"])
@pytest.mark.parametrize(
    ("files", "status"), [([GOOD], 0), ([GOOD, GOOD], 0), ([BAD], 1), ([GOOD, BAD], 1), (["/"], 1)]
)
def test_the_status_tells_whether_all_are_valid(
    command: str, files: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, *files]) == status


@pytest.mark.parametrize("arguments", [[], ["check"], ["dump"], ["chuck", GOOD], ["check", "--odd", GOOD]])
def test_wrong_arguments_are_status_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m mmstats_format" in capsys.readouterr().err


def test_dump_prints_the_canonical_document_of_each_file_in_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = write(
        tmp_path / "other", two("pid", "I", 71), one("caf\u00e9", "3s", "\u00e9"), one(b"\xff", "d", float("nan"))
    )
    assert main(["dump", GOOD, str(other)]) == 0
    said = capsys.readouterr()
    assert [json.loads(line) for line in said.out.splitlines()] == [
        parse(Path(GOOD).read_bytes()).canonical(),
        {
            "version": 1,
            "fields": [
                {"label": "pid", "type": "I", "buffered": True, "value": "71"},
                {"label": "caf\u00e9", "type": "3s", "buffered": False, "value": "\u00e9"},
                {"label": {"hex": "ff"}, "type": "d", "buffered": False, "value": "7ff8000000000000"},
            ],
        },
    ]
    assert said.err == ""


def test_a_malformed_file_does_not_keep_the_others_from_being_dumped(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["dump", BAD, GOOD]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{BAD}: bad-index: ")
    assert json.loads(second)["version"] == 1


def test_a_file_s_name_cannot_act_on_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path / "\x1b[2J\udcff")
    assert main(["check", str(tmp_path / "\x1b[2J\udcff")]) == 0
    assert capsys.readouterr().out == f"{tmp_path}/\\x1b[2J\\udcff: valid, version 1, 0 fields\n"


@pytest.mark.parametrize(("file", "status"), [(GOOD, 0), (BAD, 1)])
def test_it_is_run_as_a_module(file: str, status: int) -> None:
    done = python("-m", "mmstats_format", "check", file)
    assert (done.returncode, done.stderr) == (status, "")
    assert done.stdout.startswith(f"{file}: ")


def test_a_name_that_the_terminal_s_encoding_lacks_is_escaped(tmp_path: Path) -> None:
    file = write(tmp_path / "caf\u00e9.mmstats")
    done = python("-m", "mmstats_format", "check", file, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert "caf\\xe9.mmstats" in done.stdout


def test_a_named_pipe_is_refused_and_not_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert main(["check", str(tmp_path / "pipe"), "/dev/zero"]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/pipe: not a regular file\n/dev/zero: not a regular file\n"
