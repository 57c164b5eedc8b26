"""The conformance kit finds out who only pretends, and never fails itself."""

from __future__ import annotations

import json
import shlex
import sys
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from mmstats_testing.running import HANG_SECONDS

from mmstats_format.conformance._case import Case
from mmstats_format.conformance._command import cases, main
from mmstats_format.conformance._files import rules, vectors
from mmstats_format.conformance._program import Program
from mmstats_format.conformance._report import by_rule

FAKES = Path(__file__).with_name("fakes.py")
#: Tests of readers that are quick, on files that are valid and files that are not.
FEW = ["--filter", "reader/v1/bad-*", "--filter", "reader/v1/text-*"]
#: Fakes, and what the kit says of them.
FOUND_OUT = {
    "accepts all": "Expected",
    "rejects all": "Expected",
    "crashes": "signal SIGABRT",
    "hangs": "no answer in 1 seconds",
    "prints junk": "no JSON",
    "prints bytes": "no JSON",
    "prints deep junk": "no JSON",
    "prints a large number": "no JSON",
    "prints nothing": "printed 0 lines",
    "prints twice": "printed 2 lines",
    "floods": "more than 64 MiB",
    "floods one line": "more than 64 MiB",
    "ends with 7": "status 7",
    "accepts with status 1": "status 1 where 0 was expected",
    "declines": "declined what has to be done",
    "closes its output and hangs": "did not end in 1 seconds",
}


def fake(kind: str) -> str:
    return shlex.join([sys.executable, str(FAKES), kind])


def report(capsys: pytest.CaptureFixture[str], *arguments: str, status: int) -> dict[str, Any]:
    assert main(["run", "--json", "--timeout", "10", *arguments]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def outcomes(found: dict[str, Any]) -> dict[str, str]:
    return {test["name"]: test["outcome"] for test in found["tests"]}


class TestPrograms:
    def test_one_that_does_all_right_passes(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = report(capsys, "--reader", fake("schema"), *FEW, status=0)
        assert set(outcomes(found).values()) == {"passed"}
        assert found["counts"]["passed"] > 5
        assert {rule for rule, outcome in found["rules"].items() if outcome == "passed"} >= {"V1-5", "V1-6", "V1-12"}

    @pytest.mark.parametrize("kind", FOUND_OUT)
    def test_one_that_only_pretends_is_found_out_with_the_reason(
        self, capsys: pytest.CaptureFixture[str], kind: str
    ) -> None:
        found = report(
            capsys,
            "--reader",
            fake(kind),
            "--timeout",
            "1",
            "--jobs",
            "1",
            "--filter",
            "reader/v1/one-counter",
            "--filter",
            "reader/v1/truncated-empty-file",
            status=1,
        )
        failed = [test for test in found["tests"] if test["outcome"] == "failed"]
        assert failed
        assert any(FOUND_OUT[kind] in test["reason"] for test in failed)
        assert not any("the kit itself" in test["reason"] for test in found["tests"])

    def test_one_that_shows_what_was_there_at_first_is_found_out(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = report(capsys, "--reader", fake("stale"), "--filter", "reader/v?/*polled", status=1)
        assert outcomes(found) == {
            "reader/v1/polled": "failed", "reader/v2/polled": "failed", "reader/v2/latch-polled": "failed",
        }  # fmt: skip

    def test_one_that_cannot_be_started_is_a_failure(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = report(capsys, "--reader", "/nowhere/at-all", *FEW, status=1)
        assert {test["reason"] for test in found["tests"]} == {
            "cannot be started: /nowhere/at-all: No such file or directory"
        }

    def test_one_that_hung_thrice_is_not_called_again(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = report(capsys, "--reader", fake("hangs"), "--timeout", "0.5", "--jobs", "1", *FEW, status=1)
        reasons = [test["reason"] for test in found["tests"]]
        assert len(reasons) > 4
        assert set(reasons[3:]) == {"not called: it hung 3 times before"}

    def test_nothing_that_it_started_is_left(self, tmp_path: Path) -> None:
        with Program(fake("leaves a child behind")).start("x") as talk:
            assert talk.line() == {"version": 1, "fields": []}
            session = talk.pid
        # Who is killed is gone soon, not at once.
        end = time.monotonic() + HANG_SECONDS
        while (left := _processes(session)) and time.monotonic() < end:
            time.sleep(0.01)
        assert left == []


def _processes(session: int) -> list[str]:
    return [entry.name for entry in Path("/proc").iterdir() if entry.name.isdecimal() and _session(entry) == session]


def _session(process: Path) -> int | None:
    try:
        parts = (process / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if parts[0] in "ZX" else int(parts[3])


class TestReport:
    def test_a_table_names_what_failed_and_the_rules(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["run", "--reader", fake("rejects all"), "--filter", "reader/v1/one-counter"]) == 1
        out = capsys.readouterr().out
        assert out.startswith("failed: reader/v1/one-counter [")
        assert "not exercised" in out
        assert "tests  passed 0  failed 1" in out

    def test_junit_has_a_suite_for_each_role(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        path = tmp_path / "report.xml"
        report(capsys, "--reader", fake("rejects all"), "--junit", str(path), *FEW, status=1)
        suites = ElementTree.fromstring(path.read_bytes())
        assert [suite.get("name") for suite in suites] == ["reader"]
        (suite,) = suites
        assert int(suite.get("failures", "")) == len(suite.findall("testcase/failure")) > 0
        assert int(suite.get("tests", "")) == len(suite)

    def test_a_rule_fails_where_one_of_its_tests_does(self, capsys: pytest.CaptureFixture[str]) -> None:
        found = report(capsys, "--reader", fake("accepts all"), "--filter", "V1-6", status=1)
        assert found["rules"]["V1-6"] == "failed"
        assert found["rules"]["V2-C1"] == "not exercised"

    def test_known_failures_may_fail(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        known = tmp_path / "known.txt"
        both = [
            "--filter",
            "reader/v1/truncated-empty-file",
            "--filter",
            "reader/v1/one-counter",
            "--reader",
            fake("rejects all"),
        ]
        wanted = {"reader/v1/truncated-empty-file": "passed", "reader/v1/one-counter": "failed"}
        assert outcomes(report(capsys, *both, status=1)) == wanted
        known.write_text("# of this implementation\nreader/v1/one-counter # so far\n")
        found = report(capsys, *both, "--known-failures", str(known), status=0)
        assert outcomes(found) == wanted | {"reader/v1/one-counter": "known failure"}
        assert found["rules"]["V1-7"] == "failed"

    def test_a_known_failure_that_passes_fails(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        known = tmp_path / "known.txt"
        known.write_text("reader/v1/one-counter\n")
        arguments = [
            "--filter",
            "reader/v1/one-counter",
            "--filter",
            "reader/v1/truncated-empty-file",
            "--known-failures",
            str(known),
        ]
        found = report(capsys, "--reader", fake("schema"), *arguments, status=1)
        assert outcomes(found)["reader/v1/one-counter"] == "failed"
        assert "take it off" in next(test["reason"] for test in found["tests"] if test["outcome"] == "failed")

    def test_a_run_without_a_passed_test_is_no_success(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert report(capsys, "--reader", fake("schema"), "--filter", "nothing", status=1)["tests"] == []
        assert report(capsys, "--reader", fake("schema"), "--class", "writer", status=1)["tests"] == []

    @pytest.mark.parametrize(
        "arguments",
        [
            ["run"],
            ["run", "--reader", ""],
            ["run", "--reader", "a 'b"],
            ["run", "--reader", "x", "--version", "3"],
            ["run", "--reader", "x", "--class", "toaster"],
            ["run", "--reader", "x", "--known-failures", "/nowhere/at-all"],
            ["walk"],
            [],
        ],
        ids=" ".join,
    )
    def test_wrong_arguments_are_status_2(self, arguments: list[str]) -> None:
        try:
            status = main(arguments)
        except SystemExit as exit_:
            status = exit_.code  # type: ignore[assignment]
        assert status == 2

    def test_a_known_failure_has_to_be_a_test(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        known = tmp_path / "known.txt"
        known.write_text("reader/v1/no-such-vector\n")
        assert main(["run", "--reader", fake("schema"), "--known-failures", str(known)]) == 2
        assert "no-such-vector" in capsys.readouterr().err

    def test_the_vectors_are_written_out(self, tmp_path: Path) -> None:
        assert main(["vectors", str(tmp_path / "there")]) == 0
        for version in (1, 2):
            manifest = json.loads((tmp_path / f"there/v{version}/manifest.json").read_bytes())
            assert manifest["vectors"] == vectors(version)
            for vector in manifest["vectors"]:
                assert (tmp_path / f"there/v{version}" / vector["file"]).stat().st_size == vector["size"]

    def test_what_cannot_be_written_is_told(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["vectors", "/proc/nowhere"]) == 1
        assert "/proc/nowhere" in capsys.readouterr().err


ALL: list[Case] = list(cases(dict.fromkeys(("reader", "writer", "combiner", "exporter", "folder"), Program("true"))))


class TestCases:
    def test_names_are_unique(self) -> None:
        names = [case.name for case in ALL]
        assert len(set(names)) == len(names)

    def test_every_test_names_rules_that_there_are(self) -> None:
        assert [case.name for case in ALL if not case.rules or not set(case.rules) <= rules().keys()] == []

    def test_every_rule_has_a_test_or_a_reason_why_none_can_show_it(self) -> None:
        tested = {rule for case in ALL for rule in case.rules}
        assert [rule for rule, silent in rules().items() if bool(silent) == (rule in tested)] == []

    def test_at_most_one_rule_in_ten_has_no_test(self) -> None:
        assert 0 < sum(map(bool, rules().values())) <= len(rules()) / 10

    def test_every_vector_is_shown_to_readers(self) -> None:
        names = {case.name for case in ALL}
        missing = [
            vector["id"]
            for version in (1, 2)
            for vector in vectors(version)
            if f"reader/v{version}/{vector['id']}" not in names
        ]
        assert missing == []

    def test_no_result_is_no_rule_passed(self) -> None:
        assert set(by_rule([]).values()) == {"not exercised"}
