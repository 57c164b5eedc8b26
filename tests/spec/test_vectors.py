"""The vectors: that the sets are honest, and that the schemas agree with them."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mmstats_format import Document, FormatError, Truncated, build, parse

TESTS = Path(__file__).parents[1]
SPEC = TESTS.parent / "spec"
GENERATOR = SPEC / "vectors" / "generate.py"
VERSIONS = (1, 2)
DIRECTORIES = {version: SPEC / "vectors" / f"v{version}" for version in VERSIONS}

FORMAT = (SPEC / "FORMAT.md").read_text(encoding="utf-8")
CHAPTERS = {version: re.split(r"^## ", FORMAT, flags=re.MULTILINE)[version + 1] for version in VERSIONS}
RULES = re.findall(r"^- \*\*([A-Z]\d*-[A-Z]?\d+)\*\*", FORMAT, re.MULTILINE)
MANIFESTS = {
    version: json.loads((directory / "manifest.json").read_bytes())["vectors"]
    for version, directory in DIRECTORIES.items()
}
#: All vectors; two of different versions may have one id.
VECTORS: list[dict[str, Any]] = [
    {"version": version, **vector} for version, vectors in MANIFESTS.items() for vector in vectors
]

#: The bytes of each file from its beginning at which it is cut: the padding of whole pages says nothing new.
CUTS = 512
#: The largest file of version 2 of which every bit is flipped.
FLIPPED = 312

#: Valid files of version 2 that `build` makes otherwise: it leaves out what is not part of a document.
OTHERWISE_BUILT = {
    "bytes-after-the-last-extent": "bytes that nothing owns",
    "extent-gaps": "bytes that nothing owns",
    "extent-unused-metadata": "bytes behind metadata used",
    "extent-unused-values": "bytes of the values area that are no slot's",
    "killed-after-w3-1": "bytes of the values area that are no slot's",
    "killed-after-w3-2": "bytes behind metadata used",
    "killed-after-w4-1": "bytes that nothing owns",
    "killed-after-w4-2": "bytes that nothing owns",
    "killed-within-w4-2": "bytes that nothing owns",
    "record-critical-known": "flags of records of a known type",
    "unused-bytes-set": "reserved and unused bytes, unknown flags",
}

#: A rule that judges bytes, and one that tells writers, readers and others what to do.
ON_FILES = re.compile(r"(G|V1|V2)-\d+|J-[1-8]").fullmatch
ON_BEHAVIOUR = re.compile(r"J-9|V1-[WR]\d+|V2-[WRCLFOX]\d+").fullmatch
#: A rule for what writes through calls, which no writer in Python does: the conformance kit tests it.
ELSEWHERE = {"V2-W6"}

COMMON = {"version", "id", "file", "shows", "rules", "result", "size", "sha256"}
KEYS = {"valid": COMMON | {"document"}, "invalid": COMMON | {"error", "offset"}}


def _vectors(*results: str, version: int | None = None) -> list[Any]:
    found = [
        pytest.param(vector, id=f"v{vector['version']}-{vector['id']}")
        for vector in VECTORS
        if (vector["result"] in results or not results) and version in (None, vector["version"])
    ]
    assert found, "no vectors were found"
    return found


def _content(vector: dict[str, Any]) -> bytes:
    content: bytes = (DIRECTORIES[vector["version"]] / vector["file"]).read_bytes()
    return content


def _same_json(value: object) -> str:
    """A text that is equal for values that are equal as JSON; to Python, 1, 1.0 and True are equal too."""
    return json.dumps(value, sort_keys=True)


def _rules_where(wanted: Callable[[str], object]) -> list[str]:
    found = [rule for rule in RULES if wanted(rule)]
    assert found, "no rules were found"
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_every_file_has_an_entry_and_every_entry_a_file(version: int) -> None:
    files = [vector["file"] for vector in MANIFESTS[version]]
    assert sorted([*files, "manifest.json"]) == sorted(path.name for path in DIRECTORIES[version].iterdir())


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_are_unique_and_sorted(version: int) -> None:
    ids = [vector["id"] for vector in MANIFESTS[version]]
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
    subprocess.run([sys.executable, "-B", str(GENERATOR), str(tmp_path)], check=True)
    for version, directory in DIRECTORIES.items():
        made = {path.name: path.read_bytes() for path in (tmp_path / f"v{version}").iterdir()}
        assert made == {path.name: path.read_bytes() for path in directory.iterdir()}


@pytest.mark.parametrize(("version", "size"), [(1, 4096), (2, 304)])
def test_dump_in_the_specification_is_the_vector(version: int, size: int) -> None:
    lines = re.findall(r"^([0-9a-f]{8})  ((?:[0-9a-f]{2}(?: |$))+)", CHAPTERS[version], re.MULTILINE)
    dump = bytearray()
    for offset, digits in lines:
        assert int(offset, 16) >= len(dump)
        dump = dump.ljust(int(offset, 16), b"\0") + bytes.fromhex(digits)
    assert dump.ljust(size, b"\0") == (DIRECTORIES[version] / "one-counter.mmstats").read_bytes()


@pytest.mark.parametrize("rule", _rules_where(ON_FILES))
def test_rule_on_files_has_a_vector(rule: str) -> None:
    assert any(rule in vector["rules"] for vector in VECTORS)


@pytest.mark.parametrize("rule", [rule for rule in _rules_where(ON_BEHAVIOUR) if rule not in ELSEWHERE])
def test_rule_on_behaviour_is_cited_by_a_test(rule: str) -> None:
    cited = re.compile(rf"\b{rule}\b").search
    assert any(cited(path.read_text(encoding="utf-8")) for path in TESTS.rglob("*.py"))


def test_every_rule_is_on_files_or_on_behaviour() -> None:
    assert [rule for rule in RULES if not ON_FILES(rule) and not ON_BEHAVIOUR(rule)] == []


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
    document = parse(content)
    if vector["version"] == 2 and vector["id"] in OTHERWISE_BUILT:
        assert build(document) != content
        assert parse(build(document)) == document
    else:
        assert build(document) == content


@pytest.mark.parametrize("vector", _vectors("invalid"))
def test_invalid_file_ends_in_its_error(vector: dict[str, Any]) -> None:
    with pytest.raises(FormatError) as caught:
        parse(_content(vector))
    error = caught.value
    assert (error.code, error.offset) == (vector["error"], vector["offset"])
    assert error.rule in vector["rules"]


@pytest.mark.parametrize("vector", _vectors("valid", version=1))
def test_cut_file_is_truncated_or_has_fewer_fields(vector: dict[str, Any]) -> None:
    content = _content(vector)
    fields = _fields(content)
    for length in range(min(len(content), CUTS)):
        try:
            left = _fields(content[:length])
        except Truncated:
            continue
        assert left == fields[: len(left)], length


def _fields(content: bytes) -> tuple[Any, ...]:
    document = parse(content)
    assert isinstance(document, Document)
    return document.fields


@pytest.mark.parametrize("vector", _vectors("valid", version=2))
def test_cut_file_of_version_2_is_truncated_or_says_the_same(vector: dict[str, Any]) -> None:
    """All lengths of a small file; of a larger one those around its end and its extents, and 64 between."""
    content = _content(vector)
    document, needed = parse(content), _extents(content)[-1][2]
    places = {0, len(content), *(place for extent in _extents(content) for place in extent[::2])}
    lengths = {at for place in places for at in range(place - 1, place + 2)} | set(
        range(0, len(content), len(content) // 64)
    )
    for length in range(len(content)) if len(content) <= CUTS else sorted(lengths & set(range(len(content)))):
        try:
            left = parse(content[:length])
        except Truncated:
            assert length < needed
            continue
        assert length >= needed
        assert left == document


@pytest.mark.parametrize(
    "vector", [vector for vector in _vectors("valid", version=2) if vector.values[0]["size"] <= FLIPPED]
)
def test_flipped_bit_is_an_error_or_lies_where_any_byte_may_be(vector: dict[str, Any]) -> None:
    """R9: values, sequence words, the heartbeat and what the specification calls unused have no check; all else has."""
    content = _content(vector)
    free = _free(content)
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            try:
                parse(flipped)
            except FormatError:
                assert place not in free, (place, bit)
            else:
                assert place in free, (place, bit)


def _extents(content: bytes) -> list[tuple[int, int, int, int, int]]:
    """Of each extent of a valid file: where it begins, *metadata used* ends, it ends, its values begin and end."""
    found = []
    base = 128
    while base:
        size, _, values, capacity, used, _, following = struct.unpack_from("<QQQQIIQ", content, base + 8)
        found.append((base, base + 64 + 8 * used, base + size, base + values, base + values + capacity))
        base = 8 * (following & 0xFFFFFFFF)
    return found


def _free(content: bytes) -> set[int]:
    """The offsets of all bytes of a valid file that may have any value."""
    checked = {*range(112)}
    for base, used, *_ in _extents(content):
        checked |= {*range(base, base + 56), *range(base + 64, used)}
    return set(range(len(content))) - checked
