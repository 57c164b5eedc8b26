"""``cleanstats``: what it removes, folds and keeps, and what it says (FORMAT.md 3.11, 3.12)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import counter, write2
from mmstats_testing.running import HANG_SECONDS, environment, python, skip_or_fail

from mmstats_format import folding
from mmstats_reader import Cleaned, Directory, clean, clean_every, cleanstats
from mmstats_writer import CounterField, MmStats

#: Larger than any process id.
NOBODY = 2**22 + 1
HOSTILE = "\x1b[2J\x9b1m\u202e\r\n==> <script>"


class Jobs(MmStats):
    done = CounterField("jobs.done")


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A directory with a file of each sort."""
    write2(tmp_path / "dead.mmstats", counter("jobs.done", 3), app="jobs", state=2)
    write2(tmp_path / "elsewhere.mmstats", counter("jobs.done", 4), app="jobs", pid=1, boot_id=bytes(16))
    write(tmp_path / "dead1.mmstats", two("sys.pid", "I", NOBODY), one("sys.created", "d", 1.0))
    write(tmp_path / "unknown1.mmstats", two("hits", "Q", 1))
    tmp_path.joinpath("junk.mmstats").write_bytes(b"\x02MMSTATS")
    live = Jobs(tmp_path, "live.mmstats", app="jobs")
    live.done.inc(5)
    yield tmp_path
    live.remove()


def there(path: Path) -> set[str]:
    return {file.name.removesuffix(".mmstats") for file in path.glob("*.mmstats")}


def actions(done: list[Cleaned]) -> dict[str, str]:
    return {Path(cleaned.path).name.removesuffix(".mmstats"): cleaned.action for cleaned in done}


def test_what_is_dead_goes_and_all_else_stays(path: Path) -> None:
    """V2-L2 to V2-L6."""
    assert actions(clean(path)) == {
        "dead": "removed",
        "dead1": "removed",
        "elsewhere": "kept",
        "junk": "failed",
        "live": "kept",
        "unknown1": "kept",
    }
    assert there(path) == {"elsewhere", "junk", "live", "unknown1"}


def test_counts_are_folded_but_for_version_1(path: Path) -> None:
    """V2-F3."""
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 12
        done = clean(path, fold=True)
        assert stats.poll().total("jobs.done") == 12
    assert actions(done) == {
        "dead": "folded",
        "dead1": "removed",
        "elsewhere": "kept",
        "junk": "failed",
        "live": "kept",
        "unknown1": "kept",
    }
    assert there(path) == {"jobs.archive", "elsewhere", "junk", "live", "unknown1"}


def as_it_is(path: Path) -> dict[str, tuple[int, ...]]:
    """What is known of each file, but when it was looked at last."""
    found = {name: os.lstat(path / name) for name in os.listdir(path)}
    return {name: (s.st_ino, s.st_mode, s.st_uid, s.st_size, s.st_mtime_ns, s.st_ctime_ns) for name, s in found.items()}


@pytest.mark.parametrize("fold", [True, False])
def test_a_dry_run_does_nothing(path: Path, fold: bool) -> None:
    before = as_it_is(path)
    found = actions(clean(path, fold=fold, dry_run=True))
    assert (found["dead"], found["dead1"]) == ("folded" if fold else "removed", "removed")
    assert as_it_is(path) == before
    assert found == actions(clean(path, fold=fold))


def test_archives_are_never_removed(path: Path) -> None:
    """V2-F5."""
    clean(path, fold=True)
    assert actions(clean(path))["jobs.archive"] == "kept"
    assert actions(clean(path, fold=True))["jobs.archive"] == "kept"
    assert "jobs.archive" in there(path)


def test_links_are_left_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    file = write2(elsewhere / "x.mmstats", counter("n", 1), state=2)
    path = tmp_path / "stats"
    path.mkdir()
    path.joinpath("y.mmstats").symlink_to(file)
    path.joinpath("z.mmstats").symlink_to(path / "nowhere")
    os.mkfifo(path / "pipe.mmstats")
    for fold in (True, False):
        assert set(actions(clean(path, fold=fold)).values()) == {"kept", "failed"}
    assert file.exists()
    assert there(path) == {"y", "z", "pipe"}


def test_a_file_that_is_another_one_by_now_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are given again; a new writer's file never goes for an old one's."""
    file = write2(tmp_path / "x.mmstats", counter("n", 1), state=2)
    unlink = folding.unlink

    def late(name: str, identity: tuple[int, int], place: int) -> bool:
        new = write2(tmp_path / "new", counter("n", 2))
        new.replace(file)
        return unlink(name, identity, place)

    monkeypatch.setattr(folding, "unlink", late)
    assert actions(clean(tmp_path)) == {"x": "failed"}
    assert file.exists()


def test_another_user_s_files() -> None:
    """A live process of another user is alive; his dead files are his, but for the superuser who does not fold."""
    if os.geteuid():
        skip_or_fail("only the superuser can give files to another user")
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        path.chmod(0o1777)
        for name in ("a", "b"):
            write2(path / f"{name}.mmstats", counter("n", 1), state=2)
            os.chown(path / f"{name}.mmstats", 65534, 65534)
        assert clean(path, fold=True)[0].reason.endswith("it is user 65534's")
        pid = os.fork()
        if not pid:
            status = 1
            try:
                os.seteuid(1)
                status = int(set(actions(clean(path)).values()) != {"kept"})
            finally:
                os._exit(status)
        assert os.waitpid(pid, 0)[1] == 0
        assert actions(clean(path)) == {"a": "removed", "b": "removed"}
        assert os.stat(path / ".mmstats-65534.fold").st_uid == 65534


def test_every_file_is_said_with_its_reason(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanstats.main([str(path), "--fold"]) == 1, "one is malformed"
    out, err = capsys.readouterr()
    said = {line.split()[0] + " " + line.split()[1].rstrip(":,"): line for line in out.splitlines()[:-1]}
    archive = path / "jobs.archive.mmstats"
    assert said[f"folded {path / 'dead.mmstats'}"].endswith(f"into {archive}: dead, the writer closed the file")
    assert f"dead, process {NOBODY} is gone" in said[f"removed {path / 'dead1.mmstats'}"]
    assert "live, " in said[f"kept {path / 'live.mmstats'}"]
    assert "unknown, " in said[f"kept {path / 'unknown1.mmstats'}"]
    assert out.splitlines()[-1] == "1 removed, 1 folded, 3 kept, 1 failed"
    assert err.startswith(f"cleanstats: {path / 'junk.mmstats'}: truncated: ")
    path.joinpath("junk.mmstats").unlink()
    assert cleanstats.main([str(path), "--fold"]) == 0
    assert "archive, it has the counts of the dead" in capsys.readouterr().out


def test_a_dry_run_says_what_would_be_done(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cleanstats.main([str(path), "--fold", "--dry-run"])
    out = capsys.readouterr().out
    assert f"would fold {path / 'dead.mmstats'}: dead" in out
    assert f"would remove {path / 'dead1.mmstats'}: dead" in out


def test_as_json(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanstats.main([str(path), "--fold", "--json"]) == 1
    files = {Path(file["path"]).name: file for file in json.loads(capsys.readouterr().out)["files"]}
    assert files["dead.mmstats"] == {
        "path": str(path / "dead.mmstats"),
        "state": "dead",
        "reason": "the writer closed the file",
        "action": "folded",
        "archive": str(path / "jobs.archive.mmstats"),
    }
    assert files["junk.mmstats"]["action"] == "failed"


def test_nothing_to_look_at_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cleanstats.main([str(tmp_path)]) == 1
    assert f"no statistics files in {tmp_path}" in capsys.readouterr().err
    assert cleanstats.main([str(tmp_path / "x.mmstats")]) == 1
    assert "No such file or directory" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "soon"])
def test_wrong_arguments(seconds: str) -> None:
    with pytest.raises(SystemExit) as caught:
        cleanstats.main(["--every", seconds])
    assert caught.value.code == 2


def test_names_reach_no_terminal_as_they_are(tmp_path: Path) -> None:
    name = HOSTILE.replace("/", "")
    write2(tmp_path / f"{name}.mmstats", counter("n", 1), state=2)
    done = python("-m", "mmstats_reader.cleanstats", tmp_path, "--fold")
    assert not set(done.stdout + done.stderr) & set("\x1b\x9b\u202e\r")
    assert len(done.stdout.splitlines()) == 2


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
@pytest.mark.parametrize("as_json", [True, False])
def test_again_and_again(tmp_path: Path, as_json: bool, number: signal.Signals, status: int) -> None:
    """Beside an application: only what is done is said; Ctrl-C and SIGTERM end it quietly."""
    write2(tmp_path / "x.mmstats", counter("n", 1), state=2)
    tmp_path.joinpath("junk.mmstats").write_bytes(b"\x02")
    command = [sys.executable, "-m", "mmstats_reader.cleanstats", "--fold", "--every", "0.05", str(tmp_path)]
    running = subprocess.Popen(
        command + ["--json"] * as_json,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert running.stdout
    try:
        lines = []
        for name in ("0", "1", "2"):
            lines.append(running.stdout.readline())
            write2(tmp_path / f".{name}", counter("n", 1), state=2).rename(tmp_path / f"{name}.mmstats")
        running.send_signal(number)
        _, err = running.communicate(timeout=HANG_SECONDS)
    finally:
        running.kill()
        running.wait()
    assert running.returncode == status, err
    assert err.count("junk.mmstats: truncated") == 1, err
    for line, name in zip(lines, ("x", "0", "1"), strict=True):
        found = json.loads(line)["files"][0]["path"] if as_json else line.split()[1].rstrip(",")
        assert found == str(tmp_path / f"{name}.mmstats")


def test_in_an_application_s_own_process(tmp_path: Path) -> None:
    """`clean_every`: as often as it is asked for, until it is ended."""
    reports: list[list[Cleaned]] = []
    end = clean_every(0.01, tmp_path, fold=True, report=reports.append)
    write2(tmp_path / ".x", counter("n", 1), state=2).rename(tmp_path / "x.mmstats")
    until = time.monotonic() + HANG_SECONDS
    while there(tmp_path) != {"shop.archive"}:
        assert time.monotonic() < until
        time.sleep(0.01)
    end()
    made = len(reports)
    write2(tmp_path / "y.mmstats", counter("n", 1), state=2)
    time.sleep(0.05)
    assert there(tmp_path) == {"shop.archive", "y"}
    assert len(reports) == made
    assert ["folded"] in [[cleaned.action for cleaned in report] for report in reports]
