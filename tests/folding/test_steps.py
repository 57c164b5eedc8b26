"""Folding is safe against readers, other folders, and a kill at any step (FORMAT.md V2-F2 to V2-F5)."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents2 import counter, histogram, write2
from mmstats_testing.running import HANG_SECONDS, environment, skip_or_fail
from mmstats_testing.written import canonical

from mmstats_format import Document2, FormatError, build, folding, parse
from mmstats_format.archive import Archive, Source
from mmstats_format.system import FLOCK
from mmstats_reader import Directory, Histogram, clean
from mmstats_writer import CounterField, MmStats

#: What a folder asks of the system; before each such call it is killed once.
CALLS = ("open", "close", "fsync", "listdir", "fstat", "stat", "pread", "write", "rename", "link", "unlink")
#: A file of each of these writers says how much it counted.
EACH = 5
TEMPORARY = f".mmstats-{os.geteuid()}.fold.new"
LOCK = f".mmstats-{os.geteuid()}.fold"


class Jobs(MmStats):
    done = CounterField("jobs.done")


def dead(path: Path, name: str, number: int = EACH) -> Path:
    """A file that a writer closed."""
    some = counter("jobs.done", number), histogram("jobs.seconds", (1.0, 2.0), (number, 0, 1), 3.5)
    return write2(path / f"{name}.mmstats", *some, app="jobs", state=2, created=1)


def statistics(path: Path) -> set[str]:
    return {file.name for file in path.glob("*.mmstats")}


def left_over(path: Path) -> set[str]:
    """What is there beside statistics files and the lock."""
    return set(os.listdir(path)) - statistics(path) - {LOCK}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A directory with an archive, and with files that are not in it yet."""
    for number in range(2):
        dead(tmp_path, f"old-{number}")
    clean(tmp_path, fold=True)
    for number in range(3):
        dead(tmp_path, f"new-{number}")
    return tmp_path


class _KilledAt:
    """The module `os` of a process that is killed before one of its calls."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __getattr__(self, name: str) -> Any:
        value = getattr(os, name)
        if name not in CALLS:
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            return value(*arguments, **named)

        return call


def child(run: Callable[[], object]) -> int:
    """Fork a process that does this and nothing else."""
    pid = os.fork()
    if not pid:
        status = 1
        try:
            run()
            status = 0
        finally:
            os._exit(status)
    return pid


def polled_until_ended(pid: int, stats: Directory, expected: int) -> int:
    """Poll as long as the process runs, and once more; give its status."""
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        view = stats.poll()
        assert not view.complete or view.total("jobs.done") == expected
        assert not view.errors
        if ended:
            assert view.complete
            return status


def test_a_folder_is_killed_at_any_step(path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    """V2-F3, V2-F4: before each of its calls once; the total is right all the while, and nothing is left in the end."""
    for number in range(1, 1000):
        here = tmp_path_factory.mktemp("killed") / "directory"
        shutil.copytree(path, here)
        with Directory(here) as stats:
            assert stats.poll().total("jobs.done") == 5 * EACH

            def killed(here: Path = here, number: int = number) -> None:
                module: Any = folding
                module.os = _KilledAt(number)
                assert {cleaned.action for cleaned in clean(here, fold=True)} == {"kept", "folded"}

            status = polled_until_ended(child(killed), stats, 5 * EACH)
            clean(here, fold=True)
            view = stats.poll()
            assert view["jobs.seconds"].value() == Histogram(5 * 3.5, (1.0, 2.0), (5 * EACH, 0, 5))
            assert view.total("jobs.done") == 5 * EACH
        assert statistics(here) == {"jobs.archive.mmstats"}
        assert not left_over(here)
        shutil.rmtree(here)
        if not status:
            break
        assert os.WTERMSIG(status) == signal.SIGKILL
    assert number > 40, "every step has a call"


def test_folders_at_once(path: Path) -> None:
    """V2-F3: while writers go on and files of the dead are added, with a reader that never sees less or more."""
    program = "import sys; from mmstats_reader import clean\nwhile True: clean(sys.argv[1], fold=True)"
    folders = [subprocess.Popen([sys.executable, "-c", program, path], env=environment()) for _ in range(2)]
    try:
        mine = Jobs(path, app="jobs")
        with Directory(path) as stats:
            expected, until = 5 * EACH, time.monotonic() + 2
            number = 0
            while time.monotonic() < until:
                number += 1
                dead(path, f".more-{number}").rename(path / f"more-{number}.mmstats")
                mine.done.inc()
                expected += EACH + 1
                for _ in range(3):
                    view = stats.poll()
                    assert not view.errors
                    assert not view.complete or view.total("jobs.done") == expected
    finally:
        for folder in folders:
            folder.kill()
            folder.wait()
    clean(path, fold=True)
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == expected
    assert statistics(path) == {"jobs.archive.mmstats", Path(mine.filename).name}
    assert not left_over(path)
    mine.remove()


def test_a_folded_file_that_is_still_there_is_removed_and_not_folded_again(path: Path) -> None:
    """V2-F3: F3.7; its id is forgotten only where it was gone before the fold began."""
    content = dead(path, "twice").read_bytes()
    clean(path, fold=True)
    archive = path / "jobs.archive.mmstats"
    path.joinpath("twice.mmstats").write_bytes(content)
    # As it is when a folder is killed before F3.7.
    document, twice = parse(archive.read_bytes()), parse(content)
    assert isinstance(document, Document2)
    assert isinstance(twice, Document2)
    kept = Archive.of(document)
    kept.folded = {twice.header.writer_id}
    archive.write_bytes(build(kept.document(kept.folded)))
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 6 * EACH
    done = {Path(cleaned.path).name: cleaned.action for cleaned in clean(path, fold=True)}
    assert done == {"jobs.archive.mmstats": "kept", "twice.mmstats": "folded"}
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 6 * EACH
    assert canonical(archive)["folded"] == []


def test_another_name_of_a_file_is_folded_once(path: Path) -> None:
    """V2-R8."""
    path.joinpath("again.mmstats").hardlink_to(path / "new-0.mmstats")
    clean(path, fold=True)
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 5 * EACH
    assert statistics(path) == {"jobs.archive.mmstats"}


def test_of_two_files_of_one_writer_the_first_by_name_is_folded_though_the_other_is_older(tmp_path: Path) -> None:
    """V2-R8: the file that a reader counts."""
    for name, number, created in (("a", 1, 5), ("b", 10, 1)):
        some = counter("jobs.done", number)
        write2(tmp_path / f"{name}.mmstats", some, app="jobs", state=2, created=created, writer_id=b"1" * 16)
    with Directory(tmp_path) as stats:
        assert stats.poll().total("jobs.done") == 1
        clean(tmp_path, fold=True)
        assert stats.poll().total("jobs.done") == 1
    assert statistics(tmp_path) == {"jobs.archive.mmstats"}


def test_ids_stay_while_a_file_cannot_be_opened(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-F3: it may be one of theirs."""
    hidden = dead(path, "hidden")
    monkeypatch.setattr(folding, "unlink", lambda *arguments: False)
    clean(path, fold=True)
    archive = path / "jobs.archive.mmstats"
    assert len(canonical(archive)["folded"]) == 4
    monkeypatch.undo()
    for file in path.glob("new-*"):
        file.unlink()
    open_ = os.open

    def fails(name: Any, *arguments: Any, **named: Any) -> int:
        if name == hidden.name:
            raise PermissionError(13, "Permission denied", name)
        return open_(name, *arguments, **named)

    monkeypatch.setattr(os, "open", fails)
    folding.fold(str(path), lambda names: [])
    assert len(canonical(archive)["folded"]) == 4
    monkeypatch.undo()
    folding.fold(str(path), lambda names: [])
    assert canonical(archive)["folded"] == []
    assert statistics(path) == {"jobs.archive.mmstats"}


def test_while_an_archive_is_malformed_nothing_is_folded(path: Path) -> None:
    """V2-F3: what it holds would be folded again."""
    archive = path / "jobs.archive.mmstats"
    content = bytearray(archive.read_bytes())
    content[150] ^= 1
    archive.write_bytes(content)
    before = statistics(path)
    done = {cleaned.path: cleaned for cleaned in clean(path, fold=True)}
    assert {cleaned.action for cleaned in done.values()} == {"failed"}
    assert f"{archive}: bad-crc" in done[str(path / "new-0.mmstats")].reason
    assert statistics(path) == before
    with pytest.raises(FormatError) as caught:
        folding.fold(str(path), lambda names: [])
    assert caught.value.filename == str(archive)


def test_what_has_an_archive_s_name_and_is_none_is_a_file_like_others(tmp_path: Path) -> None:
    """V2-F1: readers go by the bit."""
    dead(tmp_path, "jobs.archive")
    clean(tmp_path, fold=True)
    assert statistics(tmp_path) == {"jobs-1.archive.mmstats"}


@pytest.mark.parametrize("kind", ["directory", "link", "pipe", "text"])
def test_what_stands_in_an_archive_s_place_is_passed_by(tmp_path: Path, kind: str) -> None:
    """V2-F1."""
    there = tmp_path / "jobs.archive.mmstats"
    match kind:
        case "directory":
            there.mkdir()
        case "link":
            there.symlink_to("/dev/null")
        case "pipe":
            os.mkfifo(there)
        case "text":
            there.write_text("no statistics")
    before = os.lstat(there)
    dead(tmp_path, "x")
    clean(tmp_path, fold=True)
    assert canonical(tmp_path / "jobs-1.archive.mmstats")["writer"]["app"] == "jobs"
    assert os.lstat(there)[:9] == before[:9]
    assert not tmp_path.joinpath("x.mmstats").exists()


def test_each_owner_has_an_archive(tmp_path: Path) -> None:
    """V2-F1, V2-F3: another user's is passed by, and his files are left alone."""
    if os.geteuid():
        skip_or_fail("only the superuser can give files to another user")
    dead(tmp_path, "mine")
    clean(tmp_path, fold=True)
    os.chown(tmp_path / "jobs.archive.mmstats", 65534, 65534)
    theirs = dead(tmp_path, "theirs")
    os.chown(theirs, 65534, 65534)
    dead(tmp_path, "mine")
    done = {Path(cleaned.path).name: cleaned for cleaned in clean(tmp_path, fold=True)}
    assert done["mine.mmstats"].archive == str(tmp_path / "jobs-1.archive.mmstats")
    assert done["theirs.mmstats"].action == "kept"
    assert done["theirs.mmstats"].reason.endswith("it is user 65534's")
    assert os.stat(tmp_path / "jobs.archive.mmstats").st_uid == 65534
    with Directory(tmp_path) as stats:
        assert stats.poll().total("jobs.done") == 3 * EACH


def test_live_writers_files_are_left_alone(path: Path) -> None:
    """V2-F3: F3.3."""
    mine = Jobs(path, app="jobs")
    mine.done.inc(7)
    clean(path, fold=True)
    mine.done.inc()
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 5 * EACH + 8
    mine.remove()


def test_the_last_word_of_a_writer_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-F3: what a file says is read after its writer was found to be dead."""
    from mmstats_reader import _clean
    from mmstats_reader._kept import Kept

    file = dead(tmp_path, "x", 1)
    process = Kept.process

    def late(self: Any, reading: Any) -> Any:
        found = process(self, reading)
        content = file.read_bytes()
        write2(file, counter("jobs.done", 2), app="jobs", state=2, created=1)
        assert len(content) > file.stat().st_size
        return found

    judged = [clean(tmp_path, fold=True, dry_run=True)[0]]
    monkeypatch.setattr(Kept, "process", late)
    source = _clean._source(judged[0], {})
    assert isinstance(source, Source)
    assert source.row == (2).to_bytes(8, "little")


class TestTheLock:
    """V2-F3: F3.1, V2-F5."""

    @pytest.fixture
    def held(self, path: Path) -> Iterator[int]:
        fd = os.open(path / LOCK, os.O_RDWR)
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        yield fd
        os.close(fd)

    def test_is_a_private_file_that_stays(self, path: Path) -> None:
        status = os.stat(path / LOCK)
        assert (stat.S_IMODE(status.st_mode), status.st_size) == (0o600, 0)
        clean(path, fold=True)
        assert os.stat(path / LOCK).st_ino == status.st_ino

    @pytest.mark.parametrize("fold", [True, False])
    def test_is_waited_for(self, path: Path, held: int, fold: bool) -> None:
        done: list[Any] = []
        thread = threading.Thread(target=lambda: done.extend(clean(path, fold=fold)))
        thread.start()
        time.sleep(0.2)
        assert "new-0.mmstats" in statistics(path)
        fcntl.fcntl(held, fcntl.F_OFD_SETLK, FLOCK.pack(fcntl.F_UNLCK, os.SEEK_SET, 0, 0, 0))
        thread.join(HANG_SECONDS)
        assert statistics(path) == {"jobs.archive.mmstats"}

    @pytest.mark.parametrize("fold", [True, False])
    def test_is_not_waited_for_without_end(
        self, path: Path, held: int, fold: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folding.locked.__wrapped__, "__defaults__", (0.1,))  # type: ignore[attr-defined]
        monkeypatch.setattr(folding.fold, "__kwdefaults__", {"wait": 0.1})
        before = statistics(path)
        failed = [cleaned for cleaned in clean(path, fold=fold) if cleaned.action == "failed"]
        assert len(failed) == 3
        assert f"{path / LOCK}: another folder has the lock" in failed[0].reason
        assert statistics(path) == before

    @pytest.mark.parametrize("kind", ["link", "pipe", "directory"])
    def test_is_nothing_but_a_file(self, path: Path, kind: str) -> None:
        os.unlink(path / LOCK)
        match kind:
            case "link":
                path.joinpath(LOCK).symlink_to(path / "elsewhere")
            case "pipe":
                os.mkfifo(path / LOCK)
            case "directory":
                path.joinpath(LOCK).mkdir()
        before = statistics(path)
        failed = [cleaned for cleaned in clean(path, fold=True) if cleaned.action == "failed"]
        assert len(failed) == 3
        assert str(path / LOCK) in failed[0].reason
        assert statistics(path) == before
        assert not path.joinpath("elsewhere").exists()

    @pytest.fixture
    def forks(self) -> Iterator[Callable[[], list[Source]]]:
        """Gives what forks a child that lives until the test ends."""
        begun, go_on = os.pipe(), os.pipe()

        def stay() -> None:
            os.close(go_on[1])
            os.write(begun[1], b"x")
            os.read(go_on[0], 1)

        def fork() -> list[Source]:
            child(stay)
            os.read(begun[0], 1)
            return []

        yield fork
        for fd in (*begun, *go_on):
            os.close(fd)

    def test_is_not_kept_by_a_forked_child(self, path: Path, forks: Callable[[], list[Source]]) -> None:
        """A folder in an application that forks, such as a server's parent process."""
        folding.fold(str(path), lambda names: forks())
        folding.fold(str(path), lambda names: [], wait=0.5)

    def test_ends_with_its_holder(self, path: Path, forks: Callable[[], list[Source]]) -> None:
        """Also where a child that it forked meanwhile lives on."""

        def choose(names: Sequence[str]) -> list[Source]:
            forks()
            os.kill(os.getpid(), signal.SIGKILL)
            return []

        assert os.waitpid(child(lambda: folding.fold(str(path), choose)), 0)[1] == signal.SIGKILL
        folding.fold(str(path), lambda names: [], wait=0.5)


def test_where_everybody_may_replace_files_nothing_is_removed(path: Path) -> None:
    """V2-F3: but where the sticky bit says that only owners may."""
    before = statistics(path)
    path.chmod(0o777)
    for fold in (True, False):
        failed = [cleaned for cleaned in clean(path, fold=fold) if cleaned.action == "failed"]
        assert len(failed) == 3
        assert "chmod +t" in failed[0].reason
    assert statistics(path) == before
    path.chmod(0o1777)
    clean(path, fold=True)
    assert statistics(path) == {"jobs.archive.mmstats"}


def test_a_full_disk_loses_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V2-F3: the archive stays as it was, and the files stay."""
    before = {file.name: file.read_bytes() for file in path.glob("*.mmstats")}

    def full(fd: int, content: Any) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        failed = [cleaned for cleaned in clean(path, fold=True) if cleaned.action == "failed"]
    assert {cleaned.reason for cleaned in failed} == {"No space left on device"}
    assert {file.name: file.read_bytes() for file in path.glob("*.mmstats")} == before
    assert not left_over(path)


def test_closed_files_are_folded_by_their_writer(path: Path) -> None:
    """What `on_exit="fold"` does: only what is closed."""
    mine = Jobs(path, app="jobs")
    mine.done.inc()
    folding.fold_closed([str(path / "new-0.mmstats"), mine.filename, str(path / "gone.mmstats")])
    assert statistics(path) == {
        "jobs.archive.mmstats",
        "new-1.mmstats",
        "new-2.mmstats",
        Path(mine.filename).name,
    }
    with Directory(path) as stats:
        assert stats.poll().total("jobs.done") == 5 * EACH + 1
    mine.remove()
