"""The vectors of version 1: that the set is honest, and that the schema agrees with it."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmstats_format import FormatError, Truncated, build, parse

TESTS = Path(__file__).parents[1]
SPEC = TESTS.parent / "spec"
GENERATOR = SPEC / "vectors" / "generate.py"
DIRECTORY = SPEC / "vectors" / "v1"

FORMAT = (SPEC / "FORMAT.md").read_text(encoding="utf-8")
RULES = re.findall(r"^- \*\*([A-Z]\d*-[WR]?\d+)\*\*", FORMAT, re.MULTILINE)
MANIFEST = json.loads((DIRECTORY / "manifest.json").read_bytes())
VECTORS: list[dict[str, Any]] = MANIFEST["vectors"]

#: The bytes of each file from its beginning at which it is cut: the padding of whole pages says nothing new.
CUTS = 512

#: A rule that judges bytes, and one that tells writers (W) or readers (R) what to do.
ON_FILES = re.compile(r"(G|V1|J)-\d+").fullmatch
ON_BEHAVIOUR = re.compile(r"V1-[WR]\d+").fullmatch

COMMON = {"id", "file", "shows", "rules", "result", "size", "sha256"}
KEYS = {"valid": COMMON | {"document"}, "invalid": COMMON | {"error", "offset"}}


def _vectors(*results: str) -> list[Any]:
    found = [pytest.param(vector, id=vector["id"]) for vector in VECTORS if vector["result"] in results or not results]
    assert found, "no vectors were found"
    return found


def _content(vector: dict[str, Any]) -> bytes:
    content: bytes = (DIRECTORY / vector["file"]).read_bytes()
    return content


def _same_json(value: object) -> str:
    """A text that is equal for values that are equal as JSON; to Python, 1, 1.0 and True are equal too."""
    return json.dumps(value, sort_keys=True)


def _rules_where(wanted: Callable[[str], object]) -> list[str]:
    found = [rule for rule in RULES if wanted(rule)]
    assert found, "no rules were found"
    return found


def test_every_file_has_an_entry_and_every_entry_a_file() -> None:
    files = [vector["file"] for vector in VECTORS]
    assert sorted([*files, "manifest.json"]) == sorted(path.name for path in DIRECTORY.iterdir())


def test_ids_are_unique_and_sorted() -> None:
    ids = [vector["id"] for vector in VECTORS]
    assert ids == sorted(set(ids))


@pytest.mark.parametrize("vector", _vectors())
def test_entry_is_well_formed(vector: dict[str, Any]) -> None:
    assert set(vector) == KEYS[vector["result"]]
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", vector["id"])
    assert len(vector["id"]) < 70
    assert vector["file"] == f"{vector['id']}.mmstats"
    assert vector["shows"].strip().endswith(".")
    assert not re.search(r"should|test that", vector["shows"], re.IGNORECASE)
    assert vector["rules"]
    assert set(vector["rules"]) <= set(RULES)


@pytest.mark.parametrize("vector", _vectors())
def test_file_is_the_one_meant(vector: dict[str, Any]) -> None:
    content = _content(vector)
    assert (len(content), hashlib.sha256(content).hexdigest()) == (vector["size"], vector["sha256"])


def test_generator_makes_the_committed_files_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(GENERATOR), str(tmp_path)], check=True)
    made = {path.name: path.read_bytes() for path in (tmp_path / "v1").iterdir()}
    assert made == {path.name: path.read_bytes() for path in DIRECTORY.iterdir()}


def test_dump_in_the_specification_is_the_vector() -> None:
    lines = re.findall(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2} )+)", FORMAT, re.MULTILINE)
    dump = b"".join(bytes.fromhex(digits) for _, digits in lines)
    content = (DIRECTORY / "one-counter.mmstats").read_bytes()
    assert content == dump.ljust(4096, b"\0")
    assert [content.find(bytes.fromhex(digits), int(offset, 16)) for offset, digits in lines] == [
        int(offset, 16) for offset, _ in lines
    ]


@pytest.mark.parametrize("rule", _rules_where(ON_FILES))
def test_rule_on_files_has_a_vector(rule: str) -> None:
    assert any(rule in vector["rules"] for vector in VECTORS)


@pytest.mark.parametrize("rule", _rules_where(ON_BEHAVIOUR))
def test_rule_on_behaviour_is_cited_by_a_test(rule: str) -> None:
    cited = re.compile(rf"\b{rule}\b").search
    assert any(cited(path.read_text(encoding="utf-8")) for path in TESTS.rglob("*.py"))


def test_vectors_have_the_error_codes_of_the_specification() -> None:
    table = FORMAT.split("| code | class | rule | the input | offset |")[1].split("\n\n")[0]
    codes = re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE)
    assert codes
    assert {vector["error"] for vector in VECTORS if vector["result"] == "invalid"} == set(codes)


@pytest.mark.parametrize("vector", _vectors("valid"))
def test_valid_file_says_its_document(vector: dict[str, Any]) -> None:
    assert _same_json(parse(_content(vector)).canonical()) == _same_json(vector["document"])


@pytest.mark.parametrize("vector", _vectors("valid"))
def test_valid_file_is_built_again(vector: dict[str, Any]) -> None:
    content = _content(vector)
    assert build(parse(content)) == content


@pytest.mark.parametrize("vector", _vectors("invalid"))
def test_invalid_file_ends_in_its_error(vector: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as caught:
        parse(_content(vector))
    error = caught.value
    assert (error.code, error.offset) == (vector["error"], vector["offset"])
    assert error.rule in vector["rules"]


@pytest.mark.parametrize("vector", _vectors("valid"))
def test_cut_file_is_truncated_or_has_fewer_fields(vector: dict[str, Any]) -> None:
    content = _content(vector)
    fields = parse(content).fields
    for length in range(min(len(content), CUTS)):
        try:
            left = parse(content[:length]).fields
        except Truncated:
            continue
        assert left == fields[: len(left)], length
