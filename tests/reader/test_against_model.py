"""Polling again and again says what reading anew says, whatever happens to the files meanwhile (FORMAT.md 3.9).

And totals are what a plain model makes of the slots (FORMAT.md 3.10).
"""

from __future__ import annotations

import math
import os
import shutil
import struct
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from mmstats_testing.documents import one, two, write
from mmstats_testing.documents2 import (
    Metric,
    bytes2,
    counter,
    extent,
    gauge,
    last,
    myself,
    records,
)
from mmstats_testing.said2 import document_of
from mmstats_testing.strategies2 import NUMBERS, metrics2

from mmstats_format import Document2, FormatError, build
from mmstats_format._document2 import Header, Origin, Record, Series
from mmstats_reader import Directory, Histogram, Reader, Summary, View, read

NAMES = "abc"


class Model:
    """A file as it is meant to be: its header, its records by extents, and whether it was damaged."""

    def __init__(self, header: dict[str, Any], metrics: list[Metric]) -> None:
        self.header, self.metrics = header, {metric.family.name: metric for metric in metrics}
        self.parts: list[list[Record]] = [[Origin("shop", "box"), *records(*self.metrics.values())]]

    def content(self) -> bytes:
        return build(Document2(Header(**self.header), tuple(extent(part) for part in self.parts)))


class Files(RuleBasedStateMachine):
    """Files of one directory, polled by readers and directories that were there from the beginning."""

    @initialize()
    def begin(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="mmstats-model-"))
        self.files: dict[str, Model] = {}
        self.readers = {name: Reader(self.place(name)) for name in NAMES}
        self.directories = [Directory(self.path), Directory(self.path, mapped=True)]
        self.made = 0

    def teardown(self) -> None:
        for directory in getattr(self, "directories", []):
            directory.close()
        if hasattr(self, "path"):
            shutil.rmtree(self.path)

    def place(self, name: str) -> Path:
        return self.path / f"{name}.mmstats"

    @rule(name=st.sampled_from(NAMES), some=st.lists(metrics2(), max_size=4), closed=st.booleans(), known=st.booleans())
    def create(self, name: str, some: list[Metric], closed: bool, known: bool) -> None:
        """A file appears, or takes another one's place."""
        self.made += 1
        header: dict[str, Any] = {"writer_id": self.made.to_bytes(16, "big"), "created": self.made}
        header |= {"state": 2} if closed else {}
        header |= myself() if known else {}
        self.files[name] = Model(header, some)
        self.path.joinpath("new").write_bytes(self.files[name].content())
        self.path.joinpath("new").replace(self.place(name))

    @precondition(lambda self: self.files)
    @rule(data=st.data(), metric=metrics2())
    def store(self, data: st.DataObject, metric: Metric) -> None:
        """A value is stored: a slot of the same size, a new latch with the next number."""
        model = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        mine = model.metrics.get(metric.family.name)
        if mine is None or mine.family != metric.family or mine.slots.keys() != metric.slots.keys():
            return
        model.metrics[metric.family.name] = metric
        for part in model.parts:
            for place, record in enumerate(part):
                if isinstance(record, Series) and _family(model, record) == metric.family:
                    part[place] = Series(record.family, record.values, metric.slots[record.values])
        self.rewrite(model)

    @precondition(lambda self: self.files)
    @rule(data=st.data(), metric=metrics2())
    def grow(self, data: st.DataObject, metric: Metric) -> None:
        """A metric is added, in an extent of its own."""
        model = self.files[data.draw(st.sampled_from(sorted(self.files)))]
        if metric.family.name in model.metrics or len(model.parts) > 4:
            return
        model.parts.append(records(metric, first=len(model.metrics)))
        model.metrics[metric.family.name] = metric
        self.rewrite(model)

    @precondition(lambda self: self.files)
    @rule(data=st.data())
    def damage(self, data: st.DataObject) -> None:
        """A bit of a control word, the header or an extent's head flips, or the file is cut."""
        name = data.draw(st.sampled_from(sorted(self.files)))
        content = bytearray(self.place(name).read_bytes())
        place = data.draw(st.integers(0, 111) | st.integers(128, 183))
        if data.draw(st.booleans()):
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        else:
            del content[place:]
        with self.place(name).open("r+b") as file:
            file.write(content)
            file.truncate()
        self.files.pop(name)

    @rule(name=st.sampled_from(NAMES), number=NUMBERS)
    def create1(self, name: str, number: int) -> None:
        """A version 1 file takes the place, as the original does it: in the file that is there."""
        write(self.place(name), two("m", "Q", number), one("n", "4s", "x"))
        self.files.pop(name, None)

    @rule(name=st.sampled_from(NAMES))
    def remove(self, name: str) -> None:
        self.files.pop(name, None)
        self.place(name).unlink(missing_ok=True)

    def rewrite(self, model: Model) -> None:
        (name,) = [name for name, other in self.files.items() if other is model]
        with self.place(name).open("r+b") as file:
            file.write(model.content())

    @invariant()
    def a_poll_says_what_a_fresh_read_says(self) -> None:
        """V2-R2, V2-R7, V2-R9."""
        for name, reader in getattr(self, "readers", {}).items():
            assert said(reader.poll) == said(lambda name=name: read(self.place(name)))

    @invariant()
    def directories_say_what_a_fresh_one_says(self) -> None:
        if not hasattr(self, "path"):
            return
        with Directory(self.path) as fresh:
            expected = everything(fresh.poll())
        for directory in self.directories:
            assert everything(directory.poll()) == expected

    @invariant()
    def totals_are_those_of_the_model(self) -> None:
        """V2-C1 to V2-C5, where all files are version 2."""
        if not hasattr(self, "path") or sorted(os.listdir(self.path)) != sorted(f"{n}.mmstats" for n in self.files):
            return
        view = self.directories[0].poll()
        for key, members in _members(self.files).items():
            family = next(f for f in view if (f.name, f.kind, f.type, f.combination, f.unit, f.labels) == key)
            expected: dict[tuple[str, ...], list[tuple[int, bytes, Any]]] = {}
            for model, metric in members:
                if model.header.get("state") == 2 and not _lasting(metric):
                    continue
                for values, slot in metric.slots.items():
                    expected.setdefault(values, []).append((model.header["created"], slot, metric.family))
            assert dict(family.series).keys() == expected.keys()
            bounds = [set(metric.family.bounds) for _, metric in members]
            for values, slots in expected.items():
                found: Any = family.series[values]
                if family.combination == "all":
                    found = sorted(str(value) for _, value in found)
                assert found == _total(slots, set.intersection(*bounds)), (key, values)


def said(poll: Any) -> Any:
    try:
        snapshot = poll()
    except (FormatError, OSError) as error:
        return type(error), getattr(error, "code", None), getattr(error, "offset", None)
    return document_of(snapshot) if snapshot.version == 2 else list(snapshot)


def everything(view: View) -> Any:
    errors = {path: (type(error), getattr(error, "offset", None)) for path, error in view.errors.items()}
    return list(view), view.processes, view.conflicts, errors, view.complete


def _family(model: Model, record: Any) -> Any:
    return list(model.metrics.values())[record.family].family


def _lasting(metric: Metric) -> bool:
    return metric.family.kept or metric.family.kind in ("counter", "summary", "histogram")


def _members(files: dict[str, Model]) -> dict[Any, list[tuple[Model, Metric]]]:
    found: dict[Any, list[tuple[Model, Metric]]] = {}
    for name in sorted(files):
        for metric in files[name].metrics.values():
            f = metric.family
            key = (f.name, f.kind, f.type, f.combination, f.unit, f.labels)
            found.setdefault(key, []).append((files[name], metric))
    return found


def _total(slots: list[tuple[int, bytes, Any]], common: set[float]) -> Any:
    """One value of several slots, each with its file's creation and family: FORMAT.md 3.7 and 3.10 once more."""
    family = slots[0][2]
    numbers = [struct.unpack(f"<{len(slot) // 8}Q", slot) for _, slot, _ in slots]
    floats = [struct.unpack(f"<{len(slot) // 8}d", slot) for _, slot, _ in slots]
    match family.kind, family.combination:
        case "counter", _:
            return sum(float_[0] for float_ in floats) if family.type == "float" else sum(n[0] for n in numbers)
        case "summary", _:
            there = [(created, n, f) for (created, _, _), n, f in zip(slots, numbers, floats, strict=True) if n[1]]
            end = max(there, key=lambda one: one[0])[2][5] if there else None
            return Summary(sum(n[1] for _, n, _ in there), sum(f[2] for *_, f in there), *_ends(there), end)
        case "histogram", _:
            bounds = tuple(sorted(common))
            counts = [0] * (len(bounds) + 1)
            for (_, _, declared), words in zip(slots, numbers, strict=True):
                for bound, number in zip((*declared.bounds, math.inf), words[2:], strict=False):
                    counts[sum(other < bound for other in bounds)] += number
            return Histogram(sum(f[1] for f in floats), bounds, tuple(counts))
        case "gauge", "last":
            set_ = [(n[1], created, f[2]) for (created, _, _), n, f in zip(slots, numbers, floats, strict=True) if n[1]]
            return max(set_)[2] if set_ else None
        case "gauge", combination:
            signed = [n[0] - 2**64 * (n[0] >> 63) for n in numbers if n[0] != 1 << 63]
            chosen: dict[str, Any] = {"sum": sum, "min": min, "max": max}
            return chosen[combination](signed) if signed else None
        case "state set", _:
            named = [(declared.states, n[0]) for (_, _, declared), n in zip(slots, numbers, strict=True)]
            return sorted(names[number] for names, number in named if number < len(names))
        case "text", _:
            return sorted("x" * n[1] for n in numbers)
    return sorted(str(n[0]) for n in numbers)


def _ends(there: Iterable[Any]) -> tuple[float | None, float | None]:
    values = [f for *_, f in there]
    return min((f[3] for f in values), default=None), max((f[4] for f in values), default=None)


TestFiles = Files.TestCase
TestFiles.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)


def test_the_model_s_metrics_are_files() -> None:
    """What the machine draws can be written, or it would try nothing."""
    assert len(bytes2(counter("m"), gauge("n"), last("o", 1, 2.0))) > 192
