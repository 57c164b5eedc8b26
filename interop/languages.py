"""The implementations: what each needs, how it is built, and how its programs are called (``languages.toml``).

Rule 1: a language is one tree: everything that a changed copy of it needs is in its `copied`.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
#: A build that takes longer hangs.
SECONDS = 600


class Language(NamedTuple):
    """An implementation; paths are from the project's root on."""

    name: str
    needs: list[str]
    base: str
    copied: list[str]
    programs: Mapping[str, str]
    build: str = ""
    quick: str = ""
    before: str = ""

    def missing(self) -> list[str]:
        """The commands that it needs and that are not there."""
        return [command for command in self.needs if not shutil.which(command)]

    def commands(self, root: Path = ROOT) -> dict[str, str]:
        """The command lines of its programs, in this tree."""
        here = root / "interop" / self.name
        words = {"here": here, "root": root, "python": sys.executable}
        before = f"{self.before} " if self.before and root != ROOT else ""
        return {role: (before + command).format(**words) for role, command in self.programs.items()}

    def made(self, root: Path = ROOT) -> dict[str, str]:
        """Build it in this tree, and give the command lines of its programs.

        Raises:
            RuntimeError: it cannot be built.
        """
        command = (self.quick if root != ROOT else "") or self.build
        if command:
            here = root / "interop" / self.name
            done = subprocess.run(
                shlex.split(command), cwd=here, capture_output=True, text=True, timeout=SECONDS, check=False
            )
            if done.returncode:
                raise RuntimeError(f"{self.name}: {command!r} failed in {here}:\n{done.stdout}{done.stderr}")
        return self.commands(root)


@cache
def languages() -> dict[str, Language]:
    """All implementations by their names."""
    declared = tomllib.loads((Path(__file__).parent / "languages.toml").read_text(encoding="utf-8"))
    return {
        name: Language(name=name, **parts) for name, parts in declared.items() if (ROOT / "interop" / name).is_dir()
    }
