"""The original's reader, `mmstats.reader`, on today's."""

from __future__ import annotations

import gzip
import io
import mmap
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import bytes_of, one, two, write
from mmstats_testing.running import descriptors, within
from mmstats_testing.values import exactly, stats_of
from mmstats_testing.vectors import DIRECTORY, path_of, vectors

import mmstats_reader
from mmstats.reader import UNBUFFERED_FIELD, VERSION_1, InvalidMmStatsVersion, MmStatsReader, Stat
from mmstats_format import FormatError, Truncated, UnsupportedVersion
from mmstats_reader import _reader

FIELDS = [two("hits", "Q", 2, other=1), one(b"caf\xe9", "8s", "shop"), two("hits", "d", 0.5)]
STATS = [("hits", 2), ("caf\\xe9", "shop"), ("hits", 0.5)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(tmp_path / "x.mmstats", *FIELDS)


def opened(file: Path) -> Any:
    return file.open("rb")


def unbuffered(file: Path) -> Any:
    return file.open("rb", buffering=0)


def for_update(file: Path) -> Any:
    return file.open("r+b")


def in_memory(file: Path) -> Any:
    return io.BytesIO(file.read_bytes())


def mapped(file: Path) -> Any:
    with file.open("rb") as data:
        return mmap.mmap(data.fileno(), 0, access=mmap.ACCESS_READ)


def temporary(file: Path) -> Any:
    data = tempfile.NamedTemporaryFile()  # noqa: SIM115  # the reader closes it
    data.write(file.read_bytes())
    data.seek(0)
    return data


def compressed(file: Path) -> Any:
    packed = file.with_suffix(".gz")
    packed.write_bytes(gzip.compress(file.read_bytes()))
    return gzip.open(packed)


def piped(file: Path) -> Any:
    reading, writing = os.pipe()
    with open(writing, "wb") as pipe:
        pipe.write(file.read_bytes())
    return open(reading, "rb")


def minimal(file: Path) -> Any:
    class Data:
        def __init__(self) -> None:
            self.inner = file.open("rb")
            self.read, self.close = self.inner.read, self.inner.close

        @property
        def closed(self) -> bool:
            return self.inner.closed

    return Data()


@pytest.mark.parametrize(
    "data", [opened, unbuffered, for_update, in_memory, mapped, temporary, compressed, piped, minimal]
)
def test_anything_that_reads_bytes_is_read_and_closed(data: Callable[[Path], Any], file: Path) -> None:
    given = data(file)
    reader = MmStatsReader(given)
    assert (reader.data, reader.version) == (given, 1)
    assert list(reader) == STATS
    assert given.closed


@pytest.mark.parametrize("make", [MmStatsReader.from_file, MmStatsReader.from_mmap])
@pytest.mark.parametrize("kind", [str, Path, os.fsencode])
def test_a_file_is_read_by_its_name(
    make: Callable[[Any], MmStatsReader], kind: Callable[[Path], Any], file: Path
) -> None:
    reader = make(kind(file))
    assert reader.version == 1
    assert list(reader) == STATS
    assert reader.data.closed


def test_it_gives_the_stats_of_today_s_reader(file: Path) -> None:
    stats = list(MmStatsReader.from_file(str(file)))
    assert {type(stat) for stat in stats} == {Stat} == {mmstats_reader.Stat}
    assert (stats[0].label, stats[0].value) == ("hits", 2)
    assert stats == list(mmstats_reader.read(file))


@pytest.mark.parametrize("vector", vectors("valid"))
@pytest.mark.parametrize("data", [opened, in_memory])
def test_a_valid_vector_says_its_values(data: Callable[[Path], Any], vector: dict[str, Any]) -> None:
    assert exactly(MmStatsReader(data(path_of(vector)))) == exactly(stats_of(vector["document"]))


@pytest.mark.parametrize("vector", vectors("invalid"))
@pytest.mark.parametrize("data", [opened, in_memory])
def test_an_invalid_vector_ends_in_its_error(data: Callable[[Path], Any], vector: dict[str, Any]) -> None:
    """What is wrong with the version byte is said at once, the rest when it is iterated over."""
    with data(path_of(vector)) as given, pytest.raises(FormatError) as caught:
        list(MmStatsReader(given))
    if vector["size"]:
        assert (caught.value.code, caught.value.offset) == (vector["error"], vector["offset"])
    else:
        assert isinstance(caught.value, InvalidMmStatsVersion)


def test_the_original_s_names_are_there() -> None:
    assert InvalidMmStatsVersion is UnsupportedVersion
    assert (VERSION_1, UNBUFFERED_FIELD) == (b"\1", 255)


@pytest.mark.parametrize("content", [b"", b"\0", b"\2", b"\xff\1", bytes(4096)])
def test_another_version_is_refused_at_once(content: bytes, tmp_path: Path) -> None:
    """G-1; an empty file has no version, as in the original."""
    with pytest.raises(InvalidMmStatsVersion) as caught:
        MmStatsReader(io.BytesIO(content))
    assert (caught.value.code, caught.value.offset) == ("unsupported-version", 0)
    (tmp_path / "x").write_bytes(content)
    before = len(descriptors())
    with pytest.raises(InvalidMmStatsVersion):
        MmStatsReader.from_file(tmp_path / "x")
    assert len(descriptors()) == before


@pytest.mark.parametrize("data", [opened, in_memory])
def test_a_malformed_file_is_closed_too(data: Callable[[Path], Any], file: Path) -> None:
    file.write_bytes(bytes_of(*FIELDS)[:12])
    given = data(file)
    with pytest.raises(Truncated):
        list(MmStatsReader(given))
    assert given.closed


@pytest.mark.parametrize("make", [MmStatsReader.from_file, MmStatsReader.from_mmap])
@pytest.mark.parametrize(("name", "kind"), [("missing", FileNotFoundError), (".", OSError), ("pipe", OSError)])
def test_what_is_no_file_is_an_os_error(
    make: Callable[[Any], MmStatsReader], name: str, kind: type[OSError], tmp_path: Path
) -> None:
    """V1-R1: a named pipe is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    with within(10), pytest.raises(kind):
        make(str(tmp_path / name))


def test_it_is_iterated_over_once(file: Path) -> None:
    reader = MmStatsReader.from_file(file)
    assert list(reader) == STATS
    with pytest.raises(ValueError, match="closed"):
        list(reader)


def test_the_file_is_closed_before_the_first_value_is_given(file: Path) -> None:
    reader = MmStatsReader.from_file(file)
    assert next(iter(reader)) == STATS[0]
    assert reader.data.closed


def test_values_of_a_file_are_confirmed(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """V1-R2, V1-R4."""
    contents = [b"", bytes_of(two("a", "Q", 1)), bytes_of(two("a", "Q", 2)), bytes_of(two("a", "Q", 2))]
    real = _reader._copy

    def copy(fd: int) -> bytes:
        file.write_bytes(contents.pop(0))
        return real(fd)

    monkeypatch.setattr(_reader, "_copy", copy)
    assert list(MmStatsReader.from_file(file)) == [("a", 2)]
    assert contents == []


def test_the_file_of_a_model_is_read_as_the_original_s_users_do() -> None:
    path = DIRECTORY / "original-web-stats.mmstats"
    reader = MmStatsReader.from_mmap(str(path))
    assert {label: value for label, value in reader} == dict(mmstats_reader.read(path))  # noqa: C416
