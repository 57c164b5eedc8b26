"""How a process ends, and what becomes of its files: kept, folded or discarded at a clean end, left at any other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.written import canonical

from mmstats_format import DeclarationError
from mmstats_writer import BaseMmStats, CounterField, MmStats, Writer

CHOICES = ["keep", "fold", "discard"]

#: A program with two files, in which 5 and 10 are counted; then it ends in some way.
_PROGRAM = """
import contextlib, os, signal, sys, threading, time
from mmstats_writer import CounterField, MmStats

class Stats(MmStats):
    hits = CounterField()

stats = Stats(on_exit=sys.argv[1], format=int(sys.argv[2]))
stats.hits.inc(5)

def in_thread(function, **options):
    thread = threading.Thread(target=function, **options)
    thread.start()
    return thread

in_thread(lambda: stats.hits.inc(10)).join()
"""

#: Clean ends: what the program does, its status, and the last line that it says.
CLEAN = {
    "the last line": ("", 0, ""),
    "sys.exit": ("sys.exit(3)", 3, ""),
    "an exception": ("raise RuntimeError('as meant')", 1, "RuntimeError: as meant"),
    "an interrupt": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(60)", -signal.SIGINT, "KeyboardInterrupt"),
    "a signal that it handles": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(4)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)",
        4,
        "",
    ),
    "sys.exit while a thread counts on": (
        "stats.hits.inc(-5 if sys.argv[2] == '1' else 0)\n"
        "in_thread(lambda: (time.sleep(0.1), [stats.hits.inc() for _ in range(1000)]))\n"
        "sys.exit(5)",
        5,
        "",
    ),
}

#: Others.
UNCLEAN = {
    "a signal": ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", -signal.SIGTERM),
    "a kill": ("os.kill(os.getpid(), signal.SIGKILL); time.sleep(60)", -signal.SIGKILL),
    "os._exit": ("os._exit(6)", 6),
}


def run(program: str, directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(program), *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=HANG_SECONDS,
        env=environment(MMSTATS_PATH=str(directory), MMSTATS_APP="it"),
    )


def quietly(program: str, directory: Path, *arguments: str) -> str:
    """Standard output of a program that ends well and says nothing else."""
    done = run(program, directory, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def left(directory: Path) -> list[tuple[str, int]]:
    """What is left: of each file its state, and what it counted. Each is whole; a folder's lock is no file of ours."""
    found = []
    for path in directory.iterdir():
        if path.name == f".mmstats-{os.geteuid()}.fold":
            continue
        content = path.read_bytes()
        if content[0] == 1:
            (hits,) = (field for field in parsed(content).fields if field.label == b"hits")
            count = int.from_bytes(hits.buffers[1 - hits.index], "little")
            found.append(("version 1", count))
        else:
            said = canonical(path)
            (family,) = (family for family in said["families"] if family["name"] == "hits")
            state = "archive" if path.name.endswith(".archive.mmstats") else said["state"]
            found.append((state, int(family["series"][0]["value"])))
    return sorted(found)


def after(on_exit: str, *counts: int) -> list[tuple[str, int]]:
    """What a clean end leaves of version 2 files with these counts."""
    match on_exit:
        case "keep":
            return sorted(("closed", count) for count in counts)
        case "fold":
            return [("archive", sum(counts))]
    return []


class TestTheEndOfAProcess:
    @pytest.mark.parametrize("on_exit", CHOICES)
    @pytest.mark.parametrize("end", CLEAN)
    def test_a_clean_one_does_what_was_chosen_and_no_count_is_missing(
        self, directory: Path, end: str, on_exit: str
    ) -> None:
        """V2-W11, V2-F3."""
        how, status, last = CLEAN[end]
        done = run(_PROGRAM + how, directory, on_exit, "2")
        assert (done.returncode, done.stderr.splitlines()[-1:]) == (status, [last][: bool(last)])
        assert done.stderr.count("Traceback") == bool(last)
        assert left(directory) == after(on_exit, 5, 1010 if "thread" in end else 10)

    @pytest.mark.parametrize("on_exit", CHOICES)
    @pytest.mark.parametrize("end", UNCLEAN)
    def test_any_other_leaves_the_files_with_all_counts(self, directory: Path, end: str, on_exit: str) -> None:
        how, status = UNCLEAN[end]
        done = run(_PROGRAM + how, directory, on_exit, "2")
        assert (done.returncode, done.stderr) == (status, "")
        assert left(directory) == [("live", 5), ("live", 10)]

    @pytest.mark.parametrize("on_exit", ["keep", "discard"])
    @pytest.mark.parametrize("end", ["the last line", "an exception", "a signal that it handles", "os._exit"])
    def test_in_version_1_too(self, directory: Path, end: str, on_exit: str) -> None:
        how, status = (CLEAN[end] if end in CLEAN else UNCLEAN[end])[:2]
        done = run(_PROGRAM + how, directory, on_exit, "1")
        assert (done.returncode, "Exception ignored" in done.stderr) == (status, False)
        kept = on_exit == "keep" or end in UNCLEAN
        assert left(directory) == [("version 1", 5), ("version 1", 10)] * kept

    def test_an_instance_that_nobody_had_any_more_is_folded_or_discarded_then(self, directory: Path) -> None:
        program = """
            import gc, os
            from mmstats_writer import Writer
            for on_exit in ("keep", "fold", "fold", "discard"):
                Writer(on_exit=on_exit).counter("hits").inc(3)
            gc.collect()
            print(len(os.listdir(os.environ["MMSTATS_PATH"])))
        """
        assert quietly(program, directory) == "4\n"
        assert left(directory) == [("archive", 6), ("closed", 3)]

    @pytest.mark.parametrize("on_exit", ["fold", "discard"])
    def test_another_file_that_has_taken_the_name_stays(self, directory: Path, on_exit: str) -> None:
        program = """
            import os, sys
            from mmstats_writer import Writer
            path = Writer(filename="it.mmstats", on_exit=sys.argv[1]).filename
            os.unlink(path)
            with open(path, "w") as other:
                other.write("another's")
        """
        quietly(program, directory, on_exit)
        assert (directory / "it.mmstats").read_text() == "another's"

    @pytest.mark.parametrize("on_exit", CHOICES)
    def test_a_program_that_goes_elsewhere_meanwhile_finds_its_files(self, directory: Path, on_exit: str) -> None:
        """A daemon changes its working directory."""
        program = """
            import os, sys
            from mmstats_writer import Writer
            os.chdir(os.environ["MMSTATS_PATH"])
            writer = Writer(path=".", on_exit=sys.argv[1])
            hits = writer.counter("hits")
            hits.inc(2)
            os.chdir("/")
            print(os.path.exists(writer.filename))
        """
        assert quietly(program, directory, on_exit) == "True\n"
        assert left(directory) == after(on_exit, 2)

    @pytest.mark.parametrize("on_exit", CHOICES)
    def test_what_was_removed_is_no_business_of_the_end(self, directory: Path, on_exit: str) -> None:
        """Also where somebody had kept it, and brings it back."""
        program = """
            import os, sys
            from mmstats_writer import Writer
            writer = Writer(on_exit=sys.argv[1])
            writer.counter("hits").inc()
            path = writer.filename
            os.link(path, path + ".kept")
            writer.remove()
            print(os.path.exists(path))
            os.rename(path + ".kept", path)
        """
        assert quietly(program, directory, on_exit) == "False\n"
        assert left(directory) == [("live", 1)]

    def test_what_folds_is_loaded_at_the_end_only(self, directory: Path) -> None:
        program = """
            import sys
            from mmstats_writer import Writer
            Writer(on_exit="fold").counter("hits").inc()
            print(*(name for name in ("mmstats_format.folding", "construct", "logging") if name in sys.modules))
        """
        assert quietly(program, directory) == "\n"
        assert left(directory) == [("archive", 1)]

    def test_files_that_cannot_be_folded_are_kept_and_it_is_said_once_for_each_directory(self, directory: Path) -> None:
        program = """
            import os, sys
            from mmstats_writer import Writer
            places = [os.path.join(os.environ["MMSTATS_PATH"], name) for name in ("fine", "open")]
            hits = []
            for place in 3 * places:
                os.makedirs(place, exist_ok=True)
                hits.append(Writer(path=place, on_exit="fold").counter("hits"))
                hits[-1].inc()
            os.chmod(places[1], 0o777)
        """
        done = run(program, directory)
        assert done.returncode == 0
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"statistics files in '{directory}/open' are kept, since they cannot be folded: ")
        assert "chmod +t" in line
        assert left(directory / "fine") == [("archive", 3)]
        assert left(directory / "open") == [("closed", 1)] * 3

    def test_what_waited_for_room_is_in_the_file(self, directory: Path) -> None:
        """The main thread may be long before its next try, and a thread that has ended makes none."""
        program = """
            import os, threading
            from mmstats_writer import Writer
            place = os.environ["MMSTATS_PATH"]
            hits = Writer().counter("hits")
            hits.inc()
            os.rename(place, place + ".aside")
            for _ in range(2):
                thread = threading.Thread(target=lambda: hits.inc(10))
                thread.start()
                thread.join()
            os.rename(place + ".aside", place)
        """
        done = run(program, directory)
        assert (done.returncode, done.stderr.count("stay in private memory for now")) == (0, 1)
        assert left(directory) == [("closed", 1), ("closed", 20)]


class TestTheChoice:
    @pytest.mark.parametrize("choice", ["", "Keep", "remove", 1, True])
    @pytest.mark.parametrize("kind", [Writer, MmStats])
    def test_another_is_a_value_error_and_leaves_nothing(self, directory: Path, kind: Any, choice: Any) -> None:
        with pytest.raises(ValueError, match="on_exit is one of 'keep', 'fold', 'discard', not"):
            kind(on_exit=choice)
        assert not os.listdir(directory)

    def test_a_class_may_have_one_which_the_call_beats(self, directory: Path) -> None:
        program = """
            from mmstats_writer import CounterField, MmStats
            class Passing(MmStats):
                on_exit = "discard"
                hits = CounterField()
            class Wrong(MmStats):
                on_exit = "retain"
            stats = [Passing(), Passing(on_exit="keep"), Passing(on_exit=None)]
            for number, one in enumerate(stats):
                one.hits.inc(number)
            try:
                Wrong()
            except ValueError as error:
                print("retain" in str(error))
        """
        assert quietly(program, directory) == "True\n"
        assert left(directory) == [("closed", 1)]

    def test_a_field_may_have_its_name(self) -> None:
        class Model(BaseMmStats):
            on_exit = CounterField()  # type: ignore[assignment]  # the point

        stats: Any = Model()
        stats.on_exit.inc()
        assert stats.on_exit.value == 1

    @pytest.mark.parametrize("how", ["argument", "environment", "class"])
    def test_version_1_cannot_be_folded(self, directory: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
        class Old(MmStats):
            format = 1 if how == "class" else None

        monkeypatch.setenv("MMSTATS_FORMAT", "1" if how == "environment" else "")
        with pytest.raises(DeclarationError, match="not-in-version-1: version 1 cannot be folded"):
            Old(on_exit="fold", format=1 if how == "argument" else None)
        assert not os.listdir(directory)


class TestThreadsThatRunOn:
    @pytest.mark.parametrize(
        ("on_exit", "version"), [("keep", "1"), ("discard", "1"), *((on_exit, "2") for on_exit in CHOICES)]
    )
    def test_daemons_that_update_all_the_while_neither_crash_it_nor_keep_it(
        self, directory: Path, on_exit: str, version: str
    ) -> None:
        """V2-W11: what they do afterwards is not stored. There are new threads and label sets all the time."""
        daemons = """
sys.setswitchinterval(1e-5)

def busy():
    while True:
        stats.hits.inc()
        if not stats._version1:
            stats.late.labels(number=time.monotonic_ns() % 99).inc()

def one_after_another():
    with contextlib.suppress(RuntimeError):  # 3.12 and later start none at the end
        while True:
            in_thread(stats.hits.inc, daemon=True).join()

if not stats._version1:
    stats.declare("late", CounterField("late", labelnames=("number",)))
for function in (busy, busy, one_after_another):
    in_thread(function, daemon=True)
time.sleep(0.05)
"""
        assert quietly(_PROGRAM + daemons, directory, on_exit, version) == ""
        states = {state for state, _ in left(directory)}
        assert states == ({"version 1"} if on_exit == "keep" and version == "1" else dict(after(on_exit, 0)).keys())

    @pytest.mark.parametrize("on_exit", CHOICES)
    @pytest.mark.parametrize("amid", ["reserving", "naming", "asking for a constant"])
    def test_an_exit_amid_the_making_of_a_file_leaves_none_unfinished(
        self, directory: Path, on_exit: str, amid: str
    ) -> None:
        """Either it is finished first, or it is not made any more; the thread sees nothing of that."""
        program = """
            import atexit, os, sys, threading, time
            arrived = threading.Event()
            def late():
                time.sleep(0.3)  # the thread runs on, past the end
                print(*said)
            atexit.register(late)
            from mmstats_writer import CounterField, MmStats, StaticUInt64Field
            def slow(function):
                def call(*arguments, **named):
                    arrived.set()
                    time.sleep(0.2)
                    return function(*arguments, **named)
                return call
            class Stats(MmStats):
                hits = CounterField()
                constant = StaticUInt64Field(value=lambda: constant())
            constant, said = int, []
            stats = Stats(on_exit=sys.argv[1])
            stats.hits.inc(5)
            match sys.argv[2]:
                case "reserving":
                    os.posix_fallocate = slow(os.posix_fallocate)
                case "naming":
                    os.link = slow(os.link)
                case "asking for a constant":
                    constant = slow(constant)
            def first():
                stats.hits.inc()
                said.append(stats.hits.value)
            threading.Thread(target=first, daemon=True).start()
            arrived.wait()
        """
        assert quietly(program, directory, on_exit, amid) == "1\n"
        found = left(directory)
        if amid == "asking for a constant":
            assert found == after(on_exit, 5)
        else:
            assert found in (after(on_exit, 5, 0), after(on_exit, 5, 1))

    def test_a_thread_that_is_stopped_amid_a_removal_does_not_keep_it(self, directory: Path) -> None:
        """Nobody lets go any more of what it holds."""
        program = """
            import atexit, os, threading, time
            ending = threading.Event()
            def late():
                ending.set()
                time.sleep(0.2)
            atexit.register(late)
            from mmstats_writer import Writer
            def slow(descriptor):
                time.sleep(60)
            def removing():
                ending.wait()
                os.close = slow
                other.remove()
            Writer(filename="it")  # nobody has it: it goes at the very end
            other = Writer(filename="other")
            threading.Thread(target=removing, daemon=True).start()
        """
        quietly(program, directory)
        assert canonical(directory / "it")["state"] == "closed"

    def test_an_instance_made_after_the_end_works_in_private_memory(self, directory: Path) -> None:
        program = """
            import atexit
            def late():
                for kind in (MmStats, lambda: MmStats(format=1), Writer):
                    kind().flush()
                hits = Writer(on_exit="fold").counter("hits")
                hits.inc(7)
                print(hits.value)
            atexit.register(late)
            from mmstats_writer import MmStats, Writer
        """
        assert quietly(program, directory) == "7\n"
        assert not os.listdir(directory)


class TestForkedChildren:
    @pytest.mark.parametrize("on_exit", CHOICES)
    @pytest.mark.parametrize("end", ["sys.exit(3)", "os._exit(3)"])
    def test_each_process_decides_on_its_own_files_alone(self, directory: Path, on_exit: str, end: str) -> None:
        """V2-W12."""
        forks = f"""
for amount in (100, 0):
    if not os.fork():
        if amount:
            stats.hits.inc(amount)
        {end}
    assert os.waitstatus_to_exitcode(os.wait()[1]) == 3
    assert os.path.exists(stats.filename)
    with open(stats.filename, "rb") as file:
        print(file.read(128)[-16:-8].hex())
"""
        state, same = quietly(_PROGRAM + forks, directory, on_exit, "2").split()
        assert state == same
        childs = [("live", 100)] if "_exit" in end else after(on_exit, 100)
        parents = after(on_exit, 5, 10)
        if on_exit == "fold" and "_exit" not in end:
            assert left(directory) == [("archive", 115)]
        else:
            assert left(directory) == sorted(childs + parents)

    def test_a_child_that_was_forked_in_c_leaves_its_parents_files_alone(self, directory: Path) -> None:
        """A server's worker that Python knows nothing of ends as well."""
        fork = """
import ctypes
if not ctypes.PyDLL(None).fork():
    sys.exit(3)
os.wait()
os.kill(os.getpid(), signal.SIGKILL)
"""
        for on_exit in CHOICES:
            done = run(_PROGRAM + fork, directory, on_exit, "2")
            assert (done.returncode, done.stderr) == (-signal.SIGKILL, "")
        assert left(directory) == [("live", 5)] * 3 + [("live", 10)] * 3

    @pytest.mark.parametrize("on_exit", CHOICES)
    @pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
    def test_those_of_multiprocessing_end_cleanly(self, directory: Path, method: str, on_exit: str) -> None:
        """They end by `os._exit`, one with a thread that counts on, one by an exception, two in a pool."""
        program = f"""
            import multiprocessing, sys, threading, time
            from mmstats_writer import CounterField, MmStats
            class Stats(MmStats):
                hits = CounterField()
            stats = Stats(on_exit={on_exit!r})
            def count_on():
                time.sleep(0.1)
                stats.hits.inc(20)
            def work(how):
                stats.hits.inc(1)
                if how == "thread":
                    threading.Thread(target=count_on).start()
                elif how == "exit":
                    sys.exit(3)
            if __name__ == "__main__":
                context = multiprocessing.get_context({method!r})
                workers = [context.Process(target=work, args=(how,)) for how in ("", "thread", "exit")]
                for worker in workers:
                    worker.start()
                for worker in workers:
                    worker.join()
                with context.Pool(1) as pool:
                    pool.map(work, ["", ""])
                    pool.close()
                    pool.join()
                print(*(worker.exitcode for worker in workers))
        """
        script = directory.parent / f"{directory.name}.py"
        script.write_text(textwrap.dedent(program))
        try:
            done = subprocess.run(
                [sys.executable, script],
                capture_output=True,
                text=True,
                check=False,
                timeout=HANG_SECONDS,
                env=environment(MMSTATS_PATH=str(directory), MMSTATS_APP="it"),
            )
        finally:
            script.unlink()
        assert (done.returncode, done.stdout, done.stderr) == (0, "0 0 3\n", "")
        # An instance that a process makes and never uses has a file as well; that of the fork server is killed with it.
        counts = [(state, count) for state, count in left(directory) if count]
        assert {state for state, _ in counts} == dict(after(on_exit, 0)).keys()
        assert sum(count for _, count in counts) == (0 if on_exit == "discard" else 25)
