"""The examples of the README and of the documentation do what they show.

Every fenced block of Python, and every ``console`` block with a ``$`` line, is a test. A page is one story: the blocks
before one run first, unchecked. They run in a directory of their own, where ``MMSTATS_PATH`` points and where ``spec``
is the repository's; it stands for the pages' ``/dev/shm/mmstats``.
"""

from __future__ import annotations

import doctest
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").rglob("*.md")) if "_build" not in page.parts)]

PYTHON = {"python", "python3", "py", "pycon"}
FENCE = re.compile(r"^(?P<fence>`{3,}|~{3,})(?P<language>[^\n`]*)\n(?P<text>.*?)^(?P=fence)[ \t]*$", re.M | re.S)

#: Where the pages say that statistics are.
STATISTICS = "/dev/shm/mmstats"

#: What the pages leave to their reader's environment.
SETTINGS = ("MMSTATS_FILES", "MMSTATS_GLOB", "MMSTATS_APP", "MMSTATS_FORMAT", "MMSTATS_DISABLE")

#: What is another in each run: whose files they are, what they say of their process, and sums of timings.
VARIABLE = re.compile(
    r"-\d+-\d+(?=\.mmstats)|(?<=sys\.)(\w+ +).*|(?<=org\.python\.version).*|(?<= sum=)(?!\d+\.\d\b)\S+"
)


class Block(NamedTuple):
    """A fenced block that can be run."""

    page: Path
    line: int
    language: str
    text: str

    @property
    def id(self) -> str:
        """File and line."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that can be run, in order."""
    text = page.read_text(encoding="utf-8")
    found = (
        Block(page, text.count("\n", 0, match.start()) + 1, match["language"].strip(), match["text"])
        for match in FENCE.finditer(text)
    )
    return [block for block in found if block.language in PYTHON or block.language == "console"]


BLOCKS = [block for page in PAGES for block in blocks(page)]
assert any(block.language in PYTHON for block in BLOCKS), "no examples were found"


@pytest.mark.parametrize("block", [pytest.param(block, id=block.id) for block in BLOCKS])
def test_example(block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    for name in SETTINGS:
        monkeypatch.setenv(name, "")
    (tmp_path / "spec").symlink_to(ROOT / "spec")
    names: dict[str, Any] = {"__name__": "__main__"}
    for earlier in blocks(block.page):
        if earlier == block:
            break
        if earlier.language in PYTHON:
            run_python(located(earlier, tmp_path), names)
    block = located(block, tmp_path)
    if block.language in PYTHON:
        assert ">>>" in block.text, "write Python examples with >>>, so that they are checked"
        failures = run_python(block, names)
        assert not failures, "".join(failures)
    else:
        run_console(block)


def located(block: Block, directory: Path) -> Block:
    """The block with the statistics in this directory."""
    return block._replace(text=block.text.replace(STATISTICS, str(directory)))


def run_python(block: Block, names: dict[str, Any]) -> list[str]:
    """Run a block in a page's names; what it should have shown and did not."""
    test = doctest.DocTestParser().get_doctest(block.text, names, block.id, str(block.page), block.line)
    test.globs = names  # the parser made a copy
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS, verbose=False)
    failures: list[str] = []
    runner.run(test, out=failures.append, clear_globs=False)
    return failures if runner.failures else []


def run_console(block: Block) -> None:
    """Run the commands of a block, and compare what they print."""
    bin_directory = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{bin_directory}{os.pathsep}{os.environ['PATH']}", "NO_COLOR": "1"}
    commands = re.split(r"^\$ ", block.text, flags=re.M)
    assert len(commands) > 1, "a console block has a line that begins with $"
    assert not commands[0], "a console block begins with $"
    for command in commands[1:]:
        line, _, expected = command.partition("\n")
        done = subprocess.run(shlex.split(line), env=environment, capture_output=True, text=True, timeout=60)
        shown = done.stdout + done.stderr
        got, want = (VARIABLE.sub(r"\1…", text).rstrip() for text in (shown, expected))
        assert got == want, f"$ {line}\n{shown}"


@pytest.mark.parametrize(
    ("language", "text", "good"),
    [
        ("pycon", ">>> 1 + 1\n2\n", True),
        ("pycon", ">>> 1 + 1\n3\n", False),
        ("pycon", ">>> 1 / 0\n", False),
        ("console", "$ python -c 'print(1)'\n1\n", True),
        ("console", "$ python -c 'print(1)'\n2\n", False),
        ("console", "$ python -c 'print(1)'\n", False),
    ],
)
def test_a_wrong_example_is_found(language: str, text: str, good: bool) -> None:
    block = Block(ROOT / "README.md", 1, language, text)
    if language == "pycon":
        assert (run_python(block, {}) == []) == good
    elif good:
        run_console(block)
    else:
        with pytest.raises(AssertionError):
            run_console(block)


def test_the_readme_names_every_directory() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `([\w.]+)` \|", text.partition("## What is where")[2], re.M)
    assert named, "the README names no directories"
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages <= set(named)
    assert [name for name in named if not (ROOT / name).is_dir()] == []


def test_the_readme_names_commands_that_there_are() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\bmake ([a-z]+)", text))
    assert {"demo", "test"} <= wanted
    rules = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert wanted <= rules
