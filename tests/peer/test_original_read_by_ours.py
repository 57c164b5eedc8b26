"""Direction 2: what the original writes now, and what its users' program writes through the facade.

One program, ``write.py``, runs under CPython 2.7 with the original and under this Python with the facade; both readers
and both command-line tools read what either leaves.
"""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mmstats_testing.documents import parsed
from mmstats_testing.original import Original
from mmstats_testing.running import HANG_SECONDS, environment
from mmstats_testing.saying import Speaker, expected, said
from mmstats_testing.strategies import used

import mmstats.reader
from mmstats_reader import read
from mmstats_reader.slurpstats import main as slurpstats

HERE = Path(__file__).parent
FILES = [
    "about-the-process",
    "derived",
    "floats",
    "never",
    "nothing",
    "often",
    "once",
    "page0",
    "page1",
    "page2",
    "wide",
]
SECONDS = 1.0


@pytest.fixture(scope="module")
def written(original: Original, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the program leaves, by the package that it ran with."""
    directories = {}
    for name, python, variables in [
        ("original", original.python, original.environment),
        ("facade", sys.executable, environment()),
    ]:
        directories[name] = tmp_path_factory.mktemp(name)
        subprocess.run([python, HERE / "write.py", directories[name]], env=variables, timeout=HANG_SECONDS, check=True)
        assert sorted(path.stem for path in directories[name].iterdir()) == FILES
    return directories


@pytest.fixture(params=["original", "facade"])
def directory(request: pytest.FixtureRequest, written: dict[str, Path]) -> Path:
    """What the program leaves, with either package."""
    return written[request.param]


@pytest.mark.parametrize("file", FILES)
def test_all_readers_say_what_the_originals_does(directory: Path, file: str, their_reader: Speaker) -> None:
    path = directory / f"{file}.mmstats"
    theirs = their_reader.say(path)
    assert said(read(path)) == theirs
    assert expected(parsed(path.read_bytes())) == theirs
    assert said(mmstats.reader.MmStatsReader.from_mmap(path)) == theirs


@pytest.mark.parametrize("left", range(3))
def test_fields_fill_the_page_but_for(directory: Path, left: int) -> None:
    content = (directory / f"page{left}.mmstats").read_bytes()
    assert (len(content), used(parsed(content).fields)) == (4096, 4096 - left)


@pytest.mark.parametrize("file", FILES)
def test_the_program_leaves_the_same_values_with_either_package(file: str, written: dict[str, Path]) -> None:
    documents = [parsed((directory / f"{file}.mmstats").read_bytes()) for directory in written.values()]
    # The original's fields are in no order, and what is about the process differs with it.
    theirs, ours = [
        sorted(
            (*stat, field.signature, field.buffered)
            for stat, field in zip(expected(document), document.fields, strict=True)
            if b"sys." not in field.label and b"org.python" not in field.label
        )
        for document in documents
    ]
    assert ours == theirs
    assert len(documents[0].fields) == len(documents[1].fields)


def test_slurpstats_prints_what_the_originals_does(
    directory: Path, original: Original, capsys: pytest.CaptureFixture[str]
) -> None:
    theirs = subprocess.run(
        [original.python, "-m", "mmstats.slurpstats"],
        env=original.environment | {"MMSTATS_PATH": str(directory)},
        cwd=original.directory,
        capture_output=True,
        encoding="utf-8",
        timeout=HANG_SECONDS,
        check=True,
    )
    assert not theirs.stderr
    assert slurpstats([str(directory)]) == 0
    their_files, our_files = _files(theirs.stdout), _files(capsys.readouterr().out)
    assert sorted(our_files) == sorted(their_files) == sorted(str(path) for path in directory.iterdir())
    for path, lines in our_files.items():
        kinds = [kind for _, kind, _ in said(read(path))]
        assert len(kinds) == len(lines) == len(their_files[path])
        for kind, line, their_line in zip(kinds, lines, their_files[path], strict=True):
            if kind == "float":
                _compare_floats(line, their_line)
            else:
                assert line == their_line


def _files(output: str) -> dict[str, list[str]]:
    """The lines about each file, which are in no order with the original."""
    files = {}
    for block in output.removesuffix("\n\n").split("\n\n"):
        head, *lines = block.split("\n")
        files[head.removeprefix("==> ")] = lines
    return files


def _compare_floats(line: str, their_line: str) -> None:
    """Python 2's `str` gives twelve digits of a float, Python 3's all."""
    label, number = line.rsplit(" ", 1)
    their_label, their_number = their_line.rsplit(" ", 1)
    assert label == their_label
    ours, theirs = float(number), float(their_number)
    assert math.isclose(ours, theirs, rel_tol=1e-11) or (math.isnan(ours) and math.isnan(theirs))
    assert math.copysign(1, ours) == math.copysign(1, theirs) or math.isnan(ours)


@pytest.fixture
def busy(original: Original, tmp_path: Path) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """A file and the process of the original that updates it all the time."""
    path = tmp_path / "busy.mmstats"
    command = [original.python, str(HERE / "update.py"), str(path)]
    with subprocess.Popen(command, env=original.environment, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            # The file has its name before it has its fields.
            assert process.stdout.readline() == b"made\n"
            yield path, process
        finally:
            process.kill()


def test_confirmed_counters_of_a_living_original_never_go_down(busy: tuple[Path, subprocess.Popen[bytes]]) -> None:
    """Confirmed by a second copy (V1-R2)."""
    path, process = busy
    strides = {"by_one": 1, "by_byte": 255, "by_word": 2**32 - 1}
    last = dict.fromkeys(strides, 0)
    confirmed = dict.fromkeys(strides, 0)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        snapshot = read(path)
        for label in strides.keys() - snapshot.unconfirmed:
            value = snapshot[label]
            assert isinstance(value, int)
            assert value >= last[label]
            assert value % strides[label] == 0
            confirmed[label] += value > last[label]
            last[label] = value
    assert process.poll() is None
    assert min(confirmed.values()) > 10


def test_file_of_a_killed_original_is_read_alike(
    busy: tuple[Path, subprocess.Popen[bytes]], their_reader: Speaker
) -> None:
    path, process = busy
    process.kill()
    process.wait()
    assert said(read(path)) == expected(parsed(path.read_bytes())) == their_reader.say(path)
