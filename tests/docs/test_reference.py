"""The reference is whole: every exported name, error code, command and setting has its place in it."""

from __future__ import annotations

import importlib
import inspect
import re
from collections import Counter
from pathlib import Path

import pytest

import mmstats_writer
from mmstats_format import CODES, settings

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"

#: Where what a module exports is documented.
PAGES = {
    "mmstats_writer": "writer.md",
    "mmstats_reader": "reader.md",
    "mmstats_format": "format.md",
    "mmstats.models": "facade.md",
    "mmstats.fields": "facade.md",
    "mmstats.reader": "facade.md",
    "mmstats.defaults": "facade.md",
}

MODULE = re.compile(r"^\.\. currentmodule:: (\S+)$")
ENTRY = re.compile(r"^\.\. (?:auto|py:)(?:class|data|exception|function):: (\w+)(?:\(\))?$")


def entries(module: str) -> Counter[str]:
    """What the page of a module has entries for, under that module."""
    found: Counter[str] = Counter()
    current = None
    for line in (REFERENCE / PAGES[module]).read_text(encoding="utf-8").splitlines():
        if match := MODULE.match(line):
            current = match[1]
        elif (match := ENTRY.match(line)) and current == module:
            found[match[1]] += 1
    assert found, f"{PAGES[module]} has no entries for {module}"
    return found


@pytest.mark.parametrize("module", PAGES)
def test_every_exported_name_has_one_entry(module: str) -> None:
    exported = importlib.import_module(module).__all__
    assert entries(module) == Counter(exported)


@pytest.mark.parametrize("module", PAGES)
def test_every_exported_class_and_function_has_a_docstring(module: str) -> None:
    exports = importlib.import_module(module)
    things = {name: getattr(exports, name) for name in exports.__all__}
    own = [name for name, thing in things.items() if getattr(thing, "__module__", "").startswith("mmstats")]
    assert own or module == "mmstats.defaults"
    assert [name for name in own if not inspect.getdoc(things[name])] == []


#: What the table of kinds shows, and how each is declared at its least.
LEAST = {
    name: thing(states=("up",)) if name == "StateField" else thing(value=1) if name.startswith("Static") else thing()
    for name, thing in vars(mmstats_writer).items()
    if name.endswith("Field") and name not in ("Field", "PlainField", "StaticField")
}


@pytest.mark.parametrize("name", LEAST)
def test_the_table_of_kinds_says_what_a_field_is(name: str) -> None:
    page = (REFERENCE / "writer.md").read_text(encoding="utf-8").partition("## Kinds of metrics")[2]
    rows = [row.strip("| ").split(" | ") for row in re.findall(r"^\| `.*", page, re.M)]
    [(_, kind, _, together, dead, version1)] = [row for row in rows if f"`{name}`" in row[0]]
    declared = LEAST[name].declared("name")
    assert kind == declared.kind
    assert (dead == "counts") == (kind in ("counter", "summary", "histogram"))
    assert ("each stands by itself" in together or '`"all"`, the default' in together) == (
        declared.combination == "all"
    )
    assert (version1 == "–") == (LEAST[name].version1() is None)


def test_every_error_code_has_a_line() -> None:
    page = (REFERENCE / "errors.md").read_text(encoding="utf-8")
    lines = dict(re.findall(r"^\| `([a-z-]+)` \| `(\w+)` \|", page, re.M))
    assert lines == {code: kind.__name__ for code, (kind, _) in CODES.items()}


@pytest.mark.parametrize(
    ("error", "heading"),
    [
        ("DeclarationError", "## A metric is declared, an instance is made"),
        ("UpdateError", "## A metric is updated"),
    ],
)
def test_every_code_of_a_writer_has_a_line(error: str, heading: str) -> None:
    sources = [path for package in ("mmstats", "mmstats_writer") for path in (ROOT / package).rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    raised = set(re.findall(rf"{error}\(\s*\"([a-z0-9-]+)\"", text))
    assert raised
    section = (REFERENCE / "errors.md").read_text(encoding="utf-8").partition(heading)[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `([a-z0-9-]+)` \|", section, re.M)) == raised


def test_every_command_has_a_section() -> None:
    page = (REFERENCE / "commands.md").read_text(encoding="utf-8")
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition("[project.scripts]")[2].partition("[")[0]
    commands = re.findall(r"^([\w-]+) = ", project, re.M)
    assert commands
    assert [command for command in commands if f"## `{command}`" not in page] == []


def test_every_environment_variable_has_a_line() -> None:
    sources = [path for package in PAGES if "." not in package for path in (ROOT / package).rglob("*.py")]
    text = "".join(path.read_text(encoding="utf-8") for path in [*sources, Path(settings.__file__)])
    variables = set(re.findall(r"environ[^\n]*?\"(MMSTATS_[A-Z]+)\"", text))
    assert variables
    page = (REFERENCE / "environment.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(MMSTATS_[A-Z]+)` \|", page, re.M)) == variables
