"""``mmtop`` as a command: its arguments, its status, and what it leaves of a terminal."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mmstats_testing.documents import two, write
from mmstats_testing.documents2 import counter, gauge, write2
from mmstats_testing.running import HANG_SECONDS, environment, python

#: Sequences by which a terminal is given back: the screen that was there before, with its cursor.
GIVEN_BACK = (b"\x1b[?1049l", b"\x1b[?25h")


def mmtop(*arguments: str | Path, **changes: str) -> subprocess.CompletedProcess[str]:
    return python("-m", "mmstats_reader.mmtop", *arguments, **changes)


class Terminal:
    """The program in a terminal; what it writes there."""

    def __init__(self, *arguments: str | Path, **changes: str) -> None:
        self._fd, inside = pty.openpty()
        command = [sys.executable, "-m", "mmstats_reader.mmtop", *map(str, arguments)]
        self.process = subprocess.Popen(
            command,
            stdin=inside,
            stdout=inside,
            stderr=inside,
            env=environment(TERM="xterm-256color", COLUMNS="120", LINES="30", **changes),
            start_new_session=True,
        )
        os.close(inside)
        self.written = b""

    def wait(self, text: bytes) -> None:
        """Wait until it has written something."""
        limit = time.monotonic() + HANG_SECONDS
        while text not in self.written:
            assert time.monotonic() < limit, self.written[-2000:]
            if not self._read():
                break
        assert text in self.written, self.written[-2000:]

    def _read(self) -> bool:
        if select.select([self._fd], [], [], 1)[0]:
            try:
                self.written += os.read(self._fd, 65536)
            except OSError:  # nobody is at the other end any more
                return False
        return True

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._fd, keys)

    def end(self) -> int:
        """Its status, once it has ended."""
        limit = time.monotonic() + HANG_SECONDS
        while self._read() and time.monotonic() < limit:
            pass
        return self.process.wait(HANG_SECONDS)

    def close(self) -> None:
        """Kill it, if it still runs."""
        self.process.kill()
        self.process.wait(HANG_SECONDS)
        os.close(self._fd)


@contextmanager
def terminal(*arguments: str | Path, **changes: str) -> Iterator[Terminal]:
    one = Terminal(*arguments, **changes)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.parametrize("how", [b"q", b"\x03", signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_it_ends_quietly_and_gives_the_terminal_back(tmp_path: Path, how: bytes | signal.Signals) -> None:
    write2(tmp_path / "a.mmstats", counter("jobs.done", 3))
    with terminal(tmp_path, "--interval", "60") as one:
        one.wait(b"jobs.done")
        if isinstance(how, bytes):
            one.press(how)
        else:
            one.process.send_signal(how)
        assert one.end() == 0
        assert all(sequence in one.written for sequence in GIVEN_BACK)
        assert b"Traceback" not in one.written


@pytest.mark.parametrize("colours", [True, False])
def test_there_is_no_colour_where_none_is_wanted(tmp_path: Path, colours: bool) -> None:
    write2(tmp_path / "a.mmstats", counter("jobs.done", 3))
    with terminal(tmp_path, **({} if colours else {"NO_COLOR": "1"})) as one:
        one.wait(b"jobs.done")
        one.press(b"q")
        one.end()
        set_ = {code for found in re.findall(rb"\x1b\[([\d;]*)m", one.written) for code in found.split(b";")}
        assert bool(set_ & {b"%d" % code for code in (*range(30, 39), *range(40, 49), *range(90, 108))}) == colours


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), b"hits: counter,"),
        (("--value", "hi*"), b"hits: unknown,"),
        (("--filter", "rows"), b"rows: unknown,"),
        (("--filter", "rows", "--rate", "r*"), b"rows: counter,"),
    ],
)
def test_version_1_is_taken_as_told(tmp_path: Path, arguments: tuple[str, ...], said: bytes) -> None:
    write(tmp_path / "a.mmstats", two("hits", "Q", 7), two("rows", "I", 8))
    with terminal(tmp_path, *arguments) as one:
        one.wait(said)


@pytest.mark.parametrize("files", [(), ("junk.mmstats",), ("a.mmstats",)])
def test_without_a_terminal_it_says_so(tmp_path: Path, files: tuple[str, ...]) -> None:
    write2(tmp_path / "a.mmstats", gauge("m"))
    (tmp_path / "junk.mmstats").write_bytes(b"\x09")
    done = mmtop(*[tmp_path / file for file in files] or [tmp_path])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mmtop: this is no terminal; slurpstats and pollstats need none\n"


def test_with_nothing_to_show_it_says_where_it_looked(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for arguments, said in {
        (tmp_path / "empty",): f"mmtop: no statistics files in {tmp_path / 'empty'}",
        (tmp_path / "none*",): f"mmtop: no statistics files in {tmp_path / 'none*'}",
        (tmp_path / "gone",): f"mmtop: {tmp_path / 'gone'}: No such file or directory",
    }.items():
        done = mmtop(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (1, "", said + "\n")
    done = mmtop(MMSTATS_PATH=str(tmp_path / "empty"))
    assert (done.returncode, done.stderr) == (1, f"mmtop: no statistics files in {tmp_path}/empty/*.mmstats\n")


@pytest.mark.parametrize(
    "arguments", [("--interval", "0"), ("--interval", "nan"), ("--interval", "x"), ("--filter",), ("--what",)]
)
def test_wrong_arguments_are_status_2(arguments: tuple[str, ...]) -> None:
    done = mmtop(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert "usage: mmtop" in done.stderr


@pytest.mark.parametrize("missing", ["textual", "numpy"])
def test_without_the_extra_it_says_how_to_have_it(tmp_path: Path, missing: str) -> None:
    code = f"""
import sys
sys.modules[{missing!r}] = None
from mmstats_reader.mmtop import main
sys.exit(main(sys.argv[1:]))
"""
    done = python("-c", code, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "mmtop needs an extra: pip install 'mmstats-format[top]'\n"


def test_the_command_imports_nothing_of_the_extra() -> None:
    code = "import sys, mmstats_reader.mmtop as _; sys.exit(bool({'numpy', 'textual', 'rich'} & set(sys.modules)))"
    assert python("-c", code).returncode == 0
