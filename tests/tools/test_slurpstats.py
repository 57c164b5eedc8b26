"""``slurpstats``: what it prints, which files it takes, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, NoReturn

import pytest
from mmstats_testing.documents import bytes_of, one, two, write
from mmstats_testing.running import HANG_SECONDS, descriptors, environment, python, within
from mmstats_testing.values import Value, exact, stats_of
from mmstats_testing.vectors import DIRECTORY, VECTORS, path_of, vectors

from mmstats_reader import Stat, slurpstats

MODULE = "mmstats_reader.slurpstats"

WEB = [
    two("web.hits", "Q", 12, other=11),
    one("web.name", "8s", "shop"),
    two("web.seconds", "d", 0.25),
    one("web.up", "?", True),
    two("load", "f", -1.5),
]
BAD = b"\1\1\0a\1\0Q\7"
REASON = "bad-index: 7 is not a write-buffer index: 0, 1 or 255 (rule V1-6, offset 7, fields[0].index)"


class Said:
    """What a run of the tool said, and its status."""

    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err

    @property
    def files(self) -> list[dict[str, Any]]:
        """The entries of the JSON document, which is strict: Python would read ``NaN`` too."""

        def refuse(constant: str) -> NoReturn:
            raise AssertionError(f"{constant} is no JSON")

        document = json.loads(self.out, parse_constant=refuse)
        assert set(document) == {"files"}
        entries: list[dict[str, Any]] = document["files"]
        for entry in entries:
            assert set(entry) in ({"path", "version", "stats"}, {"path", "error"})
        return entries

    @property
    def paths(self) -> list[str]:
        """The files that were printed, in their order."""
        return [line.removeprefix("==> ") for line in self.out.splitlines() if line.startswith("==> ")]


Slurp = Callable[..., Said]


@pytest.fixture
def slurp(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Slurp:
    """Run the tool in this process, without settings from outside."""
    for name in ("MMSTATS_PATH", "MMSTATS_GLOB"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str | Path) -> Said:
        status = slurpstats.main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Said(status, said.out, said.err)

    return run


@pytest.fixture
def web(tmp_path: Path) -> Path:
    return write(tmp_path / "web.mmstats", *WEB)


def touch(directory: Path, *names: str) -> list[str]:
    """Make files of one field each, and give their paths."""
    for name in names:
        (directory / name).parent.mkdir(exist_ok=True)
        write(directory / name, one("a", "B", 1))
    return [str(directory / name) for name in names]


# --- The text.


def test_each_field_is_a_line_and_each_file_ends_with_an_empty_one(slurp: Slurp, web: Path) -> None:
    """Two blanks, the label padded to the longest, a blank, the value; as the original prints it."""
    said = slurp(web)
    assert (said.status, said.err) == (0, "")
    assert said.out == (
        f"==> {web}\n"
        "  web.hits    12\n"
        "  web.name    shop\n"
        "  web.seconds 0.25\n"
        "  web.up      True\n"
        "  load        -1.5\n"
        "\n"
    )


def test_each_file_is_padded_by_its_own_labels(slurp: Slurp, tmp_path: Path) -> None:
    first = write(tmp_path / "1", two("a", "Q", 1), one("bcd", "B", 2))
    second = write(tmp_path / "2", one("\u00e9\u00e8", "4s", ""), one("e", "q", -(2**63)))
    assert slurp(first, second).out == (
        f"==> {first}\n  a   1\n  bcd 2\n\n==> {second}\n  \u00e9\u00e8 \n  e  -9223372036854775808\n\n"
    )


def test_a_file_without_fields_is_its_name_alone(slurp: Slurp, tmp_path: Path) -> None:
    empty = write(tmp_path / "empty")
    assert slurp(empty).out == f"==> {empty}\n\n"


def test_a_label_that_occurs_twice_is_printed_twice(slurp: Slurp, tmp_path: Path) -> None:
    file = write(tmp_path / "x", one("a", "B", 1), one("b", "B", 2), one("a", "B", 3))
    assert slurp(file).out == f"==> {file}\n  a 1\n  b 2\n  a 3\n\n"


@pytest.mark.parametrize(
    ("value", "text"),
    [(float("nan"), "nan"), (float("inf"), "inf"), (float("-inf"), "-inf"), (-0.0, "-0.0"), (1e300, "1e+300")],
)
def test_a_float_is_printed_as_python_writes_it(slurp: Slurp, tmp_path: Path, value: float, text: str) -> None:
    file = write(tmp_path / "x", one("a", "d", value))
    assert slurp(file).out == f"==> {file}\n  a {text}\n\n"


HOSTILE = "\x1b[2J\x1b]0;gone\x07\r\n==> /etc/passwd\n\t\x7f\x9b1m\u202egnp.exe\u2066\u2028"


@pytest.mark.parametrize("field", [one(HOSTILE, "B", 1), one("a", "80s", HOSTILE)])
def test_what_is_in_a_file_cannot_act_on_the_terminal(slurp: Slurp, tmp_path: Path, field: Any) -> None:
    said = slurp(write(tmp_path / "x", field))
    assert said.out.count("\n") == 3
    assert all(character == "\n" or character.isprintable() for character in said.out)
    assert r"\x1b[2J\x1b]0;gone\x07\r\n==> /etc/passwd\n\t\x7f\x9b1m\u202egnp.exe\u2066\u2028" in said.out


@pytest.mark.parametrize("name", ["\x1b[2J", "a\nb", "\x9bm"])
def test_a_file_s_name_cannot_act_on_the_terminal(slurp: Slurp, tmp_path: Path, name: str) -> None:
    said = slurp(write(tmp_path / name), tmp_path / f"missing{name}")
    for text in (said.out, said.err):
        assert all(character == "\n" or character.isprintable() for character in text)
    assert (said.out.count("\n"), said.err.count("\n")) == (2, 1)


@pytest.mark.parametrize(
    ("vector", "text"),
    [
        ("label-html", "<script>"),
        ("label-terminal-escapes", "\\x1b["),
    ],
)
def test_a_hostile_label_of_the_vectors_is_printed_as_it_is_or_escaped(slurp: Slurp, vector: str, text: str) -> None:
    said = slurp(DIRECTORY / f"{vector}.mmstats")
    assert text in said.out
    assert "\x1b" not in said.out


def test_text_that_is_no_utf8_is_shown_escaped(slurp: Slurp, tmp_path: Path) -> None:
    """V1-4."""
    file = write(tmp_path / "x", one(b"caf\xe9", "2s", b"\xff\xfe"))
    assert slurp(file).out == f"==> {file}\n  caf\\xe9 \\xff\\xfe\n\n"


# --- The JSON.


def test_json_is_one_document(slurp: Slurp, web: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other", two("load", "Q", 2**64 - 1))
    said = slurp("--json", web, other)
    assert (said.status, said.err) == (0, "")
    assert said.files == [
        {
            "path": str(web),
            "version": 1,
            "stats": {"web.hits": 12, "web.name": "shop", "web.seconds": 0.25, "web.up": True, "load": -1.5},
        },
        {"path": str(other), "version": 1, "stats": {"load": 18446744073709551615}},
    ]
    assert said.files[0]["stats"]["web.up"] is True


def test_json_is_strict_where_floats_are_not_finite(slurp: Slurp, tmp_path: Path) -> None:
    nan, infinity = float("nan"), float("inf")
    values = {"n": (nan, "NaN"), "m": (-nan, "NaN"), "p": (infinity, "+Inf"), "q": (-infinity, "-Inf")}
    file = write(tmp_path / "x", *(two(f"{code}{label}", code, v) for label, (v, _) in values.items() for code in "fd"))
    assert slurp("--json", file).files[0]["stats"] == {
        f"{code}{label}": text for label, (_, text) in values.items() for code in "fd"
    }


def test_in_json_of_a_label_that_occurs_twice_the_last_counts(slurp: Slurp, tmp_path: Path) -> None:
    """V1-4."""
    file = write(tmp_path / "x", one("a", "B", 1), one("b", "B", 2), one("a", "B", 3))
    assert slurp("--json", file).files[0]["stats"] == {"a": 3, "b": 2}


def test_json_has_an_entry_for_what_could_not_be_read(slurp: Slurp, web: Path, tmp_path: Path) -> None:
    bad, missing = tmp_path / "bad", tmp_path / "missing"
    bad.write_bytes(BAD)
    said = slurp("--json", bad, web, missing)
    assert said.status == 1
    assert [entry.get("error") for entry in said.files] == [REASON, None, "No such file or directory"]
    assert [entry["path"] for entry in said.files] == [str(bad), str(web), str(missing)]
    assert said.err == f"slurpstats: {bad}: {REASON}\nslurpstats: {missing}: No such file or directory\n"


def test_json_of_nothing_is_a_document_too(slurp: Slurp, tmp_path: Path) -> None:
    said = slurp("--json", tmp_path)
    assert (said.status, said.files) == (1, [])


def test_json_is_ascii_whatever_is_in_the_files(slurp: Slurp, tmp_path: Path) -> None:
    file = write(tmp_path / "\udcff\x1b", one(HOSTILE, "80s", "\u00e9\U0001f600</script>"))
    said = slurp("--json", file)
    assert said.out.isascii()
    assert "\x1b" not in said.out
    assert said.files[0]["stats"] == {HOSTILE: "\u00e9\U0001f600</script>"}
    assert said.files[0]["path"] == str(file)


def in_json(value: Value) -> object:
    match exact(value):
        case "float", "nan":
            return "NaN"
        case "float", "inf":
            return "+Inf"
        case "float", "-inf":
            return "-Inf"
        case _:
            return value


@pytest.fixture(scope="module")
def all_vectors() -> dict[str, dict[str, Any]]:
    """What ``slurpstats --json`` says of the vectors' directory, by the file's name."""
    done = python("-m", MODULE, "--json", DIRECTORY)
    assert done.returncode == 1
    said = Said(done.returncode, done.stdout, done.stderr)
    assert [entry["path"] for entry in said.files] == sorted(str(path_of(vector)) for vector in VECTORS)
    assert len(said.err.splitlines()) == sum(vector["result"] == "invalid" for vector in VECTORS)
    return {Path(entry["path"]).name: entry for entry in said.files}


@pytest.mark.parametrize("vector", vectors("valid"))
def test_json_has_a_valid_vector_s_values(all_vectors: dict[str, dict[str, Any]], vector: dict[str, Any]) -> None:
    entry = all_vectors[vector["file"]]
    expected = {label: in_json(value) for label, value in stats_of(vector["document"])}
    assert entry["version"] == 1
    assert {label: exact(value) for label, value in entry["stats"].items()} == {
        label: exact(value)  # type: ignore[arg-type]  # values and texts
        for label, value in expected.items()
    }


@pytest.mark.parametrize("vector", vectors("invalid"))
def test_json_has_an_invalid_vector_s_error(all_vectors: dict[str, dict[str, Any]], vector: dict[str, Any]) -> None:
    entry = all_vectors[vector["file"]]
    assert entry["error"].startswith(f"{vector['error']}: ")
    assert f"offset {vector['offset']}" in entry["error"]
    assert any(f"rule {rule}," in entry["error"] for rule in vector["rules"])


# --- Errors.


def test_a_malformed_file_among_good_ones_does_not_hide_them(slurp: Slurp, web: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(BAD)
    said = slurp(bad, web, bad)
    assert said.status == 1
    assert said.paths == [str(web)]
    assert said.err == f"slurpstats: {bad}: {REASON}\n" * 2
    assert said.out == slurp(web).out


def named_pipe(path: Path) -> str:
    os.mkfifo(path / "pipe")
    return str(path / "pipe")


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: str(path / "missing"), "No such file or directory"),
        (named_pipe, "not a regular file"),
        (lambda path: "/dev/null", "not a regular file"),
        (lambda path: "/dev/null/x", "Not a directory"),
        (lambda path: "x" * 5000, "File name too long"),
        (lambda path: "", "No such file or directory"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_reason(
    slurp: Slurp, make: Callable[[Path], str], reason: str, tmp_path: Path, web: Path
) -> None:
    """V1-R1."""
    path = make(tmp_path)
    with within(10):
        said = slurp(path, web)
    assert (said.status, said.paths) == (1, [str(web)])
    assert said.err == f"slurpstats: {path}: {reason}\n"


def test_where_nothing_is_found_it_says_where_it_looked(
    slurp: Slurp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = slurp(tmp_path)
    assert (said.status, said.out) == (1, "")
    assert said.err == f"slurpstats: no statistics files in {tmp_path}\n"
    (tmp_path / "sub").mkdir()
    said = slurp(tmp_path, tmp_path / "sub")
    assert said.err == f"slurpstats: no statistics files in {tmp_path}, {tmp_path}/sub\n"
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    said = slurp()
    assert (said.status, said.out) == (1, "")
    assert said.err == f"slurpstats: no statistics files in {tmp_path}/*.mmstats\n"
    monkeypatch.setenv("MMSTATS_GLOB", f"{tmp_path}/[x]*")
    assert slurp().err == f"slurpstats: no statistics files in {tmp_path}/[x]*\n"


@pytest.mark.parametrize("path", ["{", "}", "{x"])
def test_a_path_that_is_no_template_is_looked_in_all_the_same(
    slurp: Slurp, tmp_path: Path, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path / path))
    assert slurp().status == 1
    files = touch(tmp_path / path, "x.mmstats")
    assert slurp().paths == files


@pytest.mark.parametrize("arguments", [["--odd"], ["-f"], ["--filter"], ["--json=1"], ["-x", "file"]])
def test_wrong_arguments_are_status_2(arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        slurpstats.main(arguments)
    assert caught.value.code == 2
    assert "usage: slurpstats" in capsys.readouterr().err


def test_help_is_status_0_and_says_what_is_read(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        slurpstats.main(["--help"])
    assert caught.value.code == 0
    said = capsys.readouterr().out
    assert all(word in said for word in ("FILE", "--json", "--filter", "MMSTATS_GLOB", "MMSTATS_PATH", "Status"))


# --- Which files, which labels.


def test_a_directory_means_its_statistics_files_sorted(slurp: Slurp, tmp_path: Path) -> None:
    """Neither subdirectories, whatever their name, nor hidden files, nor files of other names."""
    expected = touch(tmp_path, "A.mmstats", "a.mmstats", "b-10.mmstats", "b-9.mmstats")
    touch(tmp_path, ".hidden.mmstats", "other", "x.mmstats.old", "sub/c.mmstats", "sub.mmstats/d.mmstats")
    said = slurp(tmp_path)
    assert (said.status, said.paths, said.err) == (0, sorted(expected), "")


def test_a_directory_of_an_odd_name_is_taken_literally(slurp: Slurp, tmp_path: Path) -> None:
    expected = touch(tmp_path / "[ab]*", "x.mmstats")
    touch(tmp_path / "a", "y.mmstats")
    assert slurp(tmp_path / "[ab]*").paths == expected


def test_a_file_named_outright_is_read_whatever_its_name(slurp: Slurp, tmp_path: Path) -> None:
    files = touch(tmp_path, "other", ".hidden", "[x]*", "-odd", "x.mmstats")
    said = slurp(*files)
    assert (said.status, said.paths) == (0, files)


def test_files_come_in_the_order_of_the_arguments(slurp: Slurp, tmp_path: Path) -> None:
    first, second = touch(tmp_path / "d", "1.mmstats", "2.mmstats")
    assert slurp(second, tmp_path / "d", first).paths == [second, first, second, first]


def test_without_arguments_the_environment_says_where_to_look(
    slurp: Slurp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MMSTATS_GLOB, else MMSTATS_PATH, in which a placeholder stands for any text."""
    first, second = touch(tmp_path / "web-1", "a.mmstats", "b.mmstats")
    third = touch(tmp_path / "web-2", "c.mmstats")[0]
    touch(tmp_path / "other", "d.mmstats", "e.log")
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path / "web-1"))
    assert slurp().paths == [first, second]
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path / "web-{PID}"))
    assert slurp().paths == [first, second, third]
    monkeypatch.setenv("MMSTATS_GLOB", f"{tmp_path}/*/[ae]*")
    assert slurp().paths == [f"{tmp_path}/other/e.log", first]
    assert slurp(third).paths == [third]


def test_without_settings_it_looks_in_the_temporary_directory(
    slurp: Slurp, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    assert slurp().paths == []
    files = touch(tmp_path, "x.mmstats")
    assert slurp().paths == files


@pytest.mark.parametrize("option", ["-f", "--filter"])
@pytest.mark.parametrize(
    ("pattern", "labels"),
    [
        ("web.*", ["web.hits", "web.name", "web.seconds", "web.up"]),
        ("*s", ["web.hits", "web.seconds"]),
        ("load", ["load"]),
        ("web.[hn]*", ["web.hits", "web.name"]),
        ("*.u?", ["web.up"]),
        ("WEB.*", []),
        ("hits", []),
        ("*", ["web.hits", "web.name", "web.seconds", "web.up", "load"]),
    ],
)
def test_a_filter_leaves_the_labels_that_match(
    slurp: Slurp, web: Path, option: str, pattern: str, labels: list[str]
) -> None:
    said = slurp(option, pattern, web)
    assert [line.split()[0] for line in said.out.splitlines()[1:-1]] == labels
    assert said.out.splitlines()[0] == f"==> {web}"
    assert said.status == 0
    assert list(slurp("--json", option, pattern, web).files[0]["stats"]) == labels


def test_a_filtered_file_is_padded_by_the_labels_that_are_left(slurp: Slurp, web: Path) -> None:
    assert slurp("-f", "web.[hu]*", web).out == f"==> {web}\n  web.hits 12\n  web.up   True\n\n"


# --- As a program.


def test_it_is_installed_as_a_command() -> None:
    (script,) = entry_points(group="console_scripts", name="slurpstats")
    assert script.load() is slurpstats.main


def test_it_is_run_as_a_module(web: Path) -> None:
    done = python("-m", MODULE, web)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"==> {web}\n  web.hits    12\n")


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_what_the_terminal_s_encoding_lacks_is_escaped(tmp_path: Path, arguments: list[str]) -> None:
    directory = tmp_path / "caf\u00e9\udcff"
    directory.mkdir()
    good = write(directory / "x", one("\u540d", "8s", "\u00e9\U0001f600"))
    done = python("-m", MODULE, *arguments, good, directory / "missing", PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert done.stderr == f"slurpstats: {tmp_path}/caf\\xe9\\udcff/missing: No such file or directory\n"
    if arguments:
        assert json.loads(done.stdout)["files"][0]["stats"] == {"\u540d": "\u00e9\U0001f600"}
    else:
        assert done.stdout == f"==> {tmp_path}/caf\\xe9\\udcff/x\n  \\u540d \\xe9\\U0001f600\n\n"


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory that fills every pipe."""
    directory = tmp_path_factory.mktemp("many")
    content = bytes_of(*(two(f"a.rather.long.label.{number}", "Q", number) for number in range(50)))
    for number in range(200):
        (directory / f"{number:03}.mmstats").write_bytes(content)
    return directory


def started(*arguments: str | Path, stdout: int | Any = subprocess.PIPE) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", MODULE, *arguments],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # A shell has what it starts in the background ignore Ctrl-C, and these tests with it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_a_closed_pipe_ends_it_quietly(many: Path, arguments: list[str]) -> None:
    with started(*arguments, many) as tool:
        head = subprocess.run(
            ["head", "-1"], stdin=tool.stdout, capture_output=True, text=True, timeout=HANG_SECONDS, check=True
        )
        assert tool.stdout is not None
        tool.stdout.close()
        assert tool.stderr is not None
        said = tool.stderr.read()
        assert tool.wait(HANG_SECONDS) == 0
    assert said == ""
    assert head.stdout == ("{\n" if arguments else f"==> {many}/000.mmstats\n")


def test_a_pipe_that_was_closed_before_the_first_line_ends_it_quietly(web: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with started(web, stdout=writing) as tool:
        os.close(writing)
        assert tool.communicate(timeout=HANG_SECONDS)[1] == ""
    assert tool.returncode == 0


def test_an_interrupt_ends_it_quietly(many: Path) -> None:
    """It is in the midst of printing: the pipe is full, and nobody takes anything out."""
    with started(many) as tool:
        assert tool.stdout is not None
        tool.stdout.read(1)
        tool.send_signal(signal.SIGINT)
        said = tool.communicate(timeout=HANG_SECONDS)[1]
    assert (tool.returncode, said) == (130, "")


def test_it_reads_files_as_any_reader_does(slurp: Slurp, web: Path) -> None:
    before = (web.read_bytes(), web.stat().st_mtime_ns, descriptors())
    slurp(web, web)
    assert (web.read_bytes(), web.stat().st_mtime_ns, descriptors()) == before


def test_stats_are_what_it_prints(slurp: Slurp, web: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool goes by `mmstats_reader.read`, and so by all that holds for it."""
    asked: list[str] = []

    class Fake(list[Stat]):
        version = 1

    def fake(path: str) -> Fake:
        asked.append(path)
        return Fake([Stat("x", 1)])

    monkeypatch.setattr(slurpstats, "read", fake)
    assert slurp(web).out == f"==> {web}\n  x 1\n\n"
    assert asked == [str(web)]


def test_an_output_that_cannot_be_written_is_said_in_one_line() -> None:
    command = [sys.executable, "-m", "mmstats_reader.slurpstats", str(DIRECTORY)]
    with open("/dev/full", "wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.endswith("the output cannot be written: No space left on device\n")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_outputs_are_no_error_of_the_tools_own(closed: str) -> None:
    command = f"{sys.executable} -m mmstats_reader.slurpstats {DIRECTORY}/one-counter.mmstats {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
