"""The fast reader of version 2 against the vectors, and against the schema (FORMAT.md chapter 3).

Every input is read by a reader that knows nothing, and then by one that has its metadata decoded (V2-34: the order of
checks is the same).
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mmstats_testing import answers
from mmstats_testing.answers import by_schema, forget, shown
from mmstats_testing.documents2 import bytes2, counter, gauge, histogram, text
from mmstats_testing.said2 import document_of
from mmstats_testing.strategies2 import documents2, mutated2
from mmstats_testing.vectors import DIRECTORY2, VECTORS, VECTORS2, content2, path2_of, path_of, vectors2

import mmstats_format
from mmstats_format import Document2, FormatError, build
from mmstats_format._document2 import Unknown
from mmstats_reader import Reader, _records, read


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parse2") / "x.mmstats"


def by_reader(data: bytes, file: Path) -> Any:
    file.write_bytes(data)
    return answers.by_reader(file)


def check(data: bytes, file: Path) -> None:
    expected = by_schema(data)
    assert by_reader(data, file) == expected
    assert by_reader(data, file) == expected


@pytest.mark.parametrize("vector", vectors2("valid"))
def test_a_valid_vector_says_its_document(vector: dict[str, Any]) -> None:
    """J-6 to J-8, V2-32, V2-33."""
    expected = shown(vector["document"])
    expected["folded"] = sorted(expected["folded"])
    for _ in range(2):
        snapshot = read(path2_of(vector))
        said = document_of(snapshot)
        assert json.loads(json.dumps(said)) == expected
        marked = snapshot.unconfirmed if "unordered" not in said["features"] else frozenset()
        assert marked == frozenset()


@pytest.mark.parametrize("vector", vectors2("invalid"))
def test_an_invalid_vector_ends_in_its_error(vector: dict[str, Any]) -> None:
    """G-2, V2-34; of a live file no less (V2-R7: it is read once more)."""
    reader = Reader(path2_of(vector))
    for _ in range(2):
        with pytest.raises(FormatError) as caught:
            reader.poll()
        assert (caught.value.code, caught.value.offset) == (vector["error"], vector["offset"])
        assert caught.value.rule in vector["rules"]
        assert caught.value.filename == str(path2_of(vector))


def test_vectors_say_the_same_whatever_was_read_before(file: Path) -> None:
    """Version 1 among them: a reader of version 2 reads both (V2-X2)."""
    contents = [path2_of(vector).read_bytes() for vector in VECTORS2]
    contents += [path_of(vector).read_bytes() for vector in VECTORS if vector["result"] == "valid"]
    expected = [by_schema(data) for data in contents]
    for order in (range(len(contents)), reversed(range(len(contents)))):
        assert {place: by_reader(contents[place], file) for place in order} == dict(enumerate(expected))


@pytest.mark.parametrize("name", ["extents-three", "archive", "one-counter"])
def test_a_vector_cut_anywhere_says_what_the_schema_says(name: str, file: Path) -> None:
    """G-2, V2-5, V2-12."""
    data = content2(name)
    for size in range(0, len(data), 1 if len(data) < 1000 else 7):
        assert by_reader(data[:size], file) == by_schema(data[:size])


@settings(max_examples=150)
@given(documents2())
def test_any_document_says_the_same_to_reader_and_schema(file: Path, document: Document2) -> None:
    forget()
    check(build(document), file)


@settings(max_examples=500)
@given(mutated2([path2_of(vector).read_bytes() for vector in VECTORS2 if vector["size"] < 1 << 14]))
def test_any_input_says_the_same_to_reader_and_schema(file: Path, data: bytes) -> None:
    """G-2, G-3, V2-34: bytes changed, cut, inserted, and CRCs set right again where that leads deeper."""
    check(data, file)


@given(documents2(), st.data())
def test_every_byte_of_a_file_that_is_known_counts(file: Path, document: Document2, data: st.DataObject) -> None:
    """One byte is changed at a time, in a file whose metadata is decoded already."""
    content = bytearray(build(document))
    by_reader(bytes(content), file)
    content[data.draw(st.integers(1, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    check(bytes(content), file)


def test_equal_records_are_decoded_once_for_all_files(file: Path) -> None:
    forget()
    some = [histogram("web.latency", (0.1, 1.0), (1, 2, 3)), text("version", "1.2")]
    first = bytes2(*some, counter("a", 1), app="shop")
    second = bytes2(*some, counter("b", 1), app="shop")  # other metadata, with records that are equal
    file.write_bytes(first)
    families = read(file).families
    file.write_bytes(second)
    others = read(file).families
    for name in ("web.latency", "version"):
        assert families[name].name is others[name].name
        assert families[name].bounds is others[name].bounds
    file.write_bytes(bytes2(*some, counter("a", 7), app="shop"))
    file.write_bytes(first)
    one: Any = read(file)._source
    file.write_bytes(bytes2(*some, counter("a", 9), app="shop"))
    other: Any = read(file)._source
    assert one.plan is other.plan


def test_a_plan_that_is_known_does_not_hide_that_a_slot_lies_outside(file: Path) -> None:
    """V2-20: the same metadata, with a values area that is too small."""
    document = mmstats_format.parse(bytes2(counter("a", 1), gauge("b", 2)))
    assert isinstance(document, Document2)
    extent = document.extents[0]
    check(build(document), file)
    content = bytearray(
        build(dataclasses.replace(document, extents=(dataclasses.replace(extent, values_capacity=24),)))
    )
    content[160:168] = (8).to_bytes(8, "little")  # the values' capacity
    content = mend(content)
    assert by_schema(bytes(content))[0:2] == ("bad-record", "V2-20")
    check(bytes(content), file)


def mend(content: bytearray) -> bytearray:
    """Set the first extent's CRC right (V2-13)."""
    import zlib

    content[132:136] = bytes(4)
    content[132:136] = zlib.crc32(content[128:168]).to_bytes(4, "little")
    return content


def test_what_is_remembered_is_bounded_in_bytes_whatever_is_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 3 of the records' module; what is too large alone is not remembered at all."""
    forget()
    memories = (_records._plans, _records._records)
    for memory in memories:
        monkeypatch.setattr(memory, "most", 8 << 10)
    for number in range(60):
        file.write_bytes(bytes2(*(counter(f"{number}-{place}" + "x" * 300) for place in range(3))))
        assert len(read(file)) == 3
        for memory in memories:
            assert 0 < memory.size <= memory.most
            assert memory.size == sum(len(_bytes_of(key)) + 256 for key in memory.known)
    file.write_bytes(bytes2(counter("x" * 20_000)))
    assert len(read(file)) == 1
    assert all(memory.size <= memory.most for memory in memories)


def _bytes_of(key: Any) -> bytes:
    found: bytes = key[2] if isinstance(key, tuple) else key
    return found


def test_a_file_larger_than_its_limit_is_refused(file: Path) -> None:
    """FORMAT.md 3.17: a reader may bound the file's size."""
    file.write_bytes(bytes2(counter("a", 1)))
    os.truncate(file, 32 << 20)
    assert read(file)["a"] == 1
    os.truncate(file, (32 << 20) + 1)
    with pytest.raises(OSError, match="are more than a statistics file has") as caught:
        read(file)
    assert caught.value.filename == str(file)


def test_records_of_experiments_are_skipped_with_their_slots(file: Path) -> None:
    """V2-X3, V2-21: types from 0x8000 on."""
    file.write_bytes(bytes2(counter("a", 1), more=(Unknown(0x8000, 0, b"whatever", b"x" * 16),)))
    assert list(read(file)) == [("a", 1)]


@pytest.mark.parametrize("name", ["header-minor-version", "header-minor-version-largest"])
def test_a_newer_minor_version_is_read_all_the_same(name: str) -> None:
    """V2-X1: what old readers cannot understand has a feature bit or a critical record."""
    assert read(DIRECTORY2 / f"{name}.mmstats").version == 2
