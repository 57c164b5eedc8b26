"""The fuzz targets find faults, and find none where there is none; `make fuzz` lets them look longer.

Without atheris: its place is taken by random bytes.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from random import Random
from typing import Any

import pytest
from mmstats_testing.answers import by_schema
from mmstats_testing.mending import mended
from mmstats_testing.vectors import VECTORS, VECTORS2, content, content2

from fuzz import campaign, targets
from fuzz.__main__ import main
from fuzz.inputs import LARGEST, SEVERAL, directories, files_of, joined, vectors
from fuzz.mutating import mutate
from fuzz.targets import TARGETS, Target, Wrong, run_bounded
from mmstats_format import Document, Document2, FormatError, build, parse
from mmstats_reader import View, _extents, _file2, _parse1, _records

ROOT = Path(__file__).parents[2]


def plain(random: Random) -> Callable[[bytes, int], bytes]:
    """What changes bytes of which nothing is known: here one, or there is one more, or one less."""

    def change(data: bytes, most: int) -> bytes:
        at = random.randrange(len(data) + 1)
        return (data[:at] + random.randbytes(random.randrange(2)) + data[at + random.randrange(2) :])[:most]

    return change


def mutations(data: bytes, number: int, other: bytes = b"") -> list[bytes]:
    """Some mutations of an input; the same ones in each run."""
    found = []
    for seed in range(number):
        random = Random(f"{hashlib.sha256(data).hexdigest()} {seed}")
        found.append(mutate(data, LARGEST, random, plain(random), other))
    return found


@pytest.mark.parametrize("name", TARGETS)
def test_no_target_finds_a_fault_in_its_seeds(name: str) -> None:
    """The vectors; G-4 too: each is run with its memory watched."""
    seeds = TARGETS[name].seeds()
    assert len(seeds) > 30
    for data in seeds:
        run_bounded(TARGETS[name], data)


def test_all_vectors_are_seeds() -> None:
    for name, versions in {"version1": [1], "version2": [2], "schema": [1, 2], "agreement": [1, 2]}.items():
        assert sorted(TARGETS[name].seeds()) == sorted(vectors(*versions))
    together = {data for seed in directories() for data in files_of(seed)}
    assert content("one-counter")[:64] in {data[:64] for data in together}
    assert {data[0] for data in together} == {1, 2}


@pytest.mark.parametrize("name", TARGETS)
def test_no_target_finds_a_fault_in_some_mutations_of_its_seeds(name: str) -> None:
    seeds = [seed for seed in TARGETS[name].seeds() if len(seed) < 4096]
    random = Random(name)
    for seed in random.choices(seeds, k=30):
        for data in mutations(seed, 10, random.choice(seeds)):
            TARGETS[name].run(data)


def nothing(*_: object) -> None:
    """Takes the place of a check."""


#: By what is wrong with the code: where, what stands there then, the target, and what it says.
FAULTS: dict[str, tuple[Any, str, Any, str, bytes, str]] = {
    "a CRC is not looked at": (_extents, "_check_crc", nothing, "agreement", content2("header-crc"), "schema differ"),
    "names may come twice": (
        _records,
        "_distinct",
        lambda _: True,
        "agreement",
        content2("family-state-twice"),
        "schema differ",
    ),
    "text is decoded otherwise": (
        _parse1,
        "_text",
        lambda published: published.decode("latin-1"),
        "agreement",
        content("text-cut-sequence"),
        "differ",
    ),
    "a length is believed": (
        _records,
        "_check_end",
        lambda *_: bytes(1 << 23),
        "version2",
        content2("histogram"),
        "bytes of memory",
    ),
    "values are never the same again": (
        _parse1,
        "_text",
        lambda _: object(),
        "version1",
        content("text-full"),
        "second reading and the first differ",
    ),
    "errors are lost": (
        View,
        "errors",
        property(lambda _: {}),
        "directory",
        joined([content2("bad-magic")]),
        "files' differ",
    ),
    "a mapping says something else": (
        _file2,
        "_load",
        lambda mapping, size, offset: mapping[offset : offset + size].replace(b"hits", b"hats"),
        "directory",
        joined([content2("one-counter")]),
        "errors and the files'|mappings and by calls differ",
    ),
    "what is built is another": (
        targets,
        "build",
        lambda _: content("one-counter"),
        "schema",
        content2("text"),
        "that was built",
    ),
}


@pytest.mark.parametrize("wrong", FAULTS)
def test_a_target_finds_that(wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module, attribute, fault, name, data, said = FAULTS[wrong]
    run_bounded(TARGETS[name], data)
    monkeypatch.setattr(module, attribute, fault)
    with pytest.raises(Wrong, match=said):
        run_bounded(TARGETS[name], data)


@pytest.mark.parametrize("name", ["version2", "agreement", "directory"])
def test_what_is_no_error_of_the_format_is_a_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("key")

    monkeypatch.setattr(_records, "_check_end", fail)
    with pytest.raises(KeyError, match="key"):
        TARGETS[name].run(content2("histogram"))


def test_memory_that_is_needed_once_is_no_fault() -> None:
    kept: list[bytes] = []

    def run(data: bytes) -> None:
        kept.append(bytes(1 << 20 if len(kept) == 1 else 0))

    run_bounded(Target(run, list), b"")
    assert [len(each) for each in kept] == [0, 1 << 20, 0]


def test_mutations_of_a_valid_file_find_a_crc_that_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a change after which the CRCs are not set right."""
    monkeypatch.setattr(_extents, "_check_crc", nothing)
    found = 0
    for data in mutations(content2("histogram"), 200):
        try:
            TARGETS["agreement"].run(data)
        except Wrong:
            found += 1
    assert found > 0


def test_mutations_lead_behind_every_check_of_version_2() -> None:
    """Of valid files: to errors of every code, and to other valid files."""
    said: Counter[str] = Counter()
    originals = {content2(name) for name in ("archive", "extents-three", "state-set", "labels-several", "histogram")}
    for data in originals:
        for mutation in mutations(data, 400, content2("text")):
            answer = by_schema(mutation)
            said[answer[0] if isinstance(answer, tuple) else "valid" if mutation not in originals else "the same"] += 1
    codes = {vector["error"] for vector in VECTORS2 if vector["result"] == "invalid"}
    assert codes - said.keys() == set()
    assert said["valid"] > 200
    assert said["bad-crc"] < sum(said.values()) / 4


def test_mutations_of_version_1_are_valid_and_malformed() -> None:
    answers = [by_schema(data) for data in mutations(content("one-counter")[:64], 300, content("original-floats"))]
    codes = {answer[0] for answer in answers if isinstance(answer, tuple)}
    assert codes > {vector["error"] for vector in VECTORS if vector["result"] == "invalid"} - {"unsupported-version"}
    assert sum(isinstance(answer, list) for answer in answers) > 60


def parsed(inputs: Iterable[bytes]) -> list[Document | Document2]:
    """What those of some inputs say that are valid."""
    found = []
    for data in inputs:
        try:
            found.append(parse(data))
        except FormatError:
            continue
    return found


def test_mutations_of_version_2_move_whole_records() -> None:
    """Out, to and fro, into extents of their own, and from one input to another."""
    before, other = parsed([content2("extents-three"), content2("histogram")])
    documents = parsed(mutations(build(before), 300, build(other)))
    assert {len(document.extents) for document in documents if isinstance(document, Document2)} >= {3, 4}
    records = [record for document in documents if isinstance(document, Document2) for record in document.records]
    assert isinstance(other, Document2)
    assert set(other.records[1:]) & set(records)
    assert len({len(document.records) for document in documents if isinstance(document, Document2)}) > 2


def test_mutations_of_version_1_move_whole_fields() -> None:
    before, other = parsed([content("file-many-fields"), content("original-floats")])
    documents = parsed(mutations(build(before), 100, build(other)))
    fields = [field for document in documents if isinstance(document, Document) for field in document.fields]
    assert isinstance(other, Document)
    assert set(other.fields) & set(fields)
    assert len({len(document.fields) for document in documents if isinstance(document, Document)}) > 2


def test_a_mutation_depends_on_its_input_and_the_random_numbers_alone() -> None:
    for data in (content2("histogram"), directories()[0], content("one-counter"), b""):
        assert mutations(data, 50) == mutations(data, 50)
        assert len(set(mutations(data, 50))) > 10


@pytest.mark.parametrize("data", [b"", b"\1", b"\2", SEVERAL, SEVERAL + b"\0", content2("histogram")[:150], bytes(300)])
def test_any_bytes_are_an_input(data: bytes) -> None:
    for mutation in [data, *mutations(data, 100, data)]:
        assert len(mutation) <= LARGEST
        for target in TARGETS.values():
            target.run(mutation)


def test_several_files_are_one_input() -> None:
    files = [b"", b"one", content2("histogram")]
    assert files_of(joined(files)) == files
    assert files_of(joined(files)[:-1]) == [*files[:2], files[2][:-1]]
    assert files_of(files[2]) == files[2:]


def test_what_is_right_stays_as_it_is_when_checks_are_set_right() -> None:
    for vector in VECTORS2:
        if vector["result"] == "valid":
            data = content2(vector["id"])
            assert mended(bytearray(data), controls=True) == data


def test_a_finding_is_seen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    good, bad = tmp_path / "good", tmp_path / "bad"
    good.write_bytes(content2("histogram"))
    bad.write_bytes(content2("header-crc"))
    assert main(["agreement", str(good), str(bad)]) == 0
    monkeypatch.setattr(_extents, "_check_crc", lambda *_: None)
    assert main(["agreement", str(good), str(bad)]) == 1
    shown = capsys.readouterr().out
    assert f"{good}: no fault" in shown
    assert f"{bad}: a fault" in shown
    assert "Wrong: the reader and the schema differ" in shown


@pytest.mark.parametrize("arguments", [["agreement"], ["all", "file"], ["other", "file"], []])
def test_arguments_that_make_no_sense_are_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


#: What libFuzzer prints, shortened.
LOG = """\
INFO: seed corpus: files: 265 min: 1b max: 2272b total: 112037b rss: 62Mb
#266	INITED cov: 411 ft: 1497 corp: 100/49Kb exec/s: 0 rss: 62Mb
#272	NEW    cov: 412 ft: 1499 corp: 101/49Kb lim: 16384 exec/s: 0 rss: 62Mb L: 304/2272 MS: 1 Custom-
#29537	DONE   cov: 480 ft: 1928 corp: 215/185Kb lim: 16384 exec/s: 1846 rss: 63Mb
stat::number_of_executed_units: 29537
stat::average_exec_per_sec:     1846
stat::new_units_added:          233
stat::slowest_unit_time_sec:    0
stat::peak_rss_mb:              63
"""


def test_figures_are_those_that_libfuzzer_prints() -> None:
    assert campaign.figures_of(LOG) == {
        "runs": 29537,
        "runs_per_second": 1846,
        "coverage_of_vectors": 411,
        "coverage": 480,
        "features_of_vectors": 1497,
        "features": 1928,
        "corpus": 215,
        "memory_mib": 63,
    }
    assert set(campaign.figures_of("Traceback …").values()) == {0}
