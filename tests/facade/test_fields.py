"""The facade: programs written for the original package run unchanged."""

from __future__ import annotations

import ctypes
import inspect
import os
import subprocess
import sys
import tempfile
import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mmstats_testing.documents import parsed

import mmstats
from mmstats import fields, models, reader
from mmstats_format import DeclarationError


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where files appear by default."""
    monkeypatch.setenv("MMSTATS_PATH", str(tmp_path))
    monkeypatch.delenv("MMSTATS_FILES", raising=False)
    monkeypatch.delenv("MMSTATS_GLOB", raising=False)
    return tmp_path


def stored(stats: mmstats.BaseMmStats) -> dict[str, tuple[str, bool, Any]]:
    """Signature, buffered and value of each field in the file, by label."""
    document = parsed(Path(stats.filename).read_bytes())
    return {field.label.decode(): (field.signature, field.buffered, field.value) for field in document.fields}


class TestNames:
    def test_the_package_has_the_originals_names(self) -> None:
        for name in (
            "version",
            "__version__",
            "DEFAULT_PATH",
            "DEFAULT_FILENAME",
            "DEFAULT_GLOB",
            "DEFAULT_STRING_SIZE",
        ):
            assert hasattr(mmstats, name)
        for name in fields.__all__:
            assert getattr(mmstats, name) is getattr(fields, name)
        assert mmstats.MmStats is models.MmStats
        assert mmstats.BaseMmStats is models.BaseMmStats
        assert reader.Stat._fields == ("label", "value")
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            mmstats.nothing  # noqa: B018

    def test_the_defaults_follow_the_environment(self, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert str(directory) == mmstats.defaults.DEFAULT_PATH
        assert mmstats.DEFAULT_FILENAME == "{CMD}-{PID}-{TID}.mmstats"
        assert str(directory / "*.mmstats") == mmstats.DEFAULT_GLOB
        monkeypatch.delenv("MMSTATS_PATH")
        monkeypatch.setenv("MMSTATS_FILES", "x")
        assert (tempfile.gettempdir(), "x") == (mmstats.DEFAULT_PATH, mmstats.DEFAULT_FILENAME)
        assert (mmstats.defaults.WRITE_BUFFER_UNUSED, mmstats.DEFAULT_STRING_SIZE) == (255, 255)
        assert (ctypes.c_ushort, ctypes.c_byte) == (mmstats.SIZE_TYPE, mmstats.BUFFER_IDX_TYPE)

    @pytest.mark.parametrize(
        ("kind", "arguments"),
        [
            (models.MmStats, ["path", "filename", "label_prefix", "app", "format"]),
            (fields.CounterField, ["label"]),
            (fields.AverageField, ["label"]),
            (fields.MovingAverageField, ["size", "kwargs"]),
            (fields.TimerField, ["timer", "kwargs"]),
            (fields.UIntField, ["label"]),
            (fields.BoolField, ["initial", "kwargs"]),
            (fields.StringField, ["size", "kwargs"]),
            (fields.StaticTextField, ["label", "value"]),
        ],
    )
    def test_arguments_are_the_originals_in_their_order(self, kind: type, arguments: list[str]) -> None:
        assert list(inspect.signature(kind).parameters) == arguments


class TestModels:
    def test_the_readme_works(self, directory: Path) -> None:
        class WebStats(mmstats.MmStats):
            status2xx = mmstats.CounterField(label="status.2XX")
            status5xx = mmstats.CounterField(label="status.5XX")
            last_hit = mmstats.DoubleField(label="timers.last_hit")

        webstats = WebStats(label_prefix="web.stats.")
        webstats.status2xx.inc()
        webstats.last_hit = 1353000000.125
        values = dict(reader.MmStatsReader.from_file(webstats.filename))
        assert values["web.stats.status.2XX"] == 1
        assert values["web.stats.timers.last_hit"] == 1353000000.125
        assert values["web.stats.sys.pid"] == os.getpid()
        assert webstats.label_prefix == "web.stats."
        webstats.flush(wait=False)
        webstats.remove()
        assert not os.listdir(directory)

    def test_every_field_type_is_stored_as_the_original_stores_it(self) -> None:
        class Everything(mmstats.BaseMmStats):
            a = mmstats.CounterField()
            b = mmstats.AverageField()
            c = mmstats.MovingAverageField(size=10)
            d = mmstats.TimerField()
            e = mmstats.UInt64Field()
            f = mmstats.UIntField()
            g = mmstats.IntField()
            h = mmstats.ShortField()
            i = mmstats.UShortField()
            j = mmstats.ByteField()
            k = mmstats.FloatField()
            l = mmstats.DoubleField()  # noqa: E741
            m = mmstats.BoolField()
            n = mmstats.StringField()
            o = mmstats.StaticUIntField(value=1)
            p = mmstats.StaticInt64Field(value=2)
            q = mmstats.StaticUInt64Field(value=3)
            r = mmstats.StaticFloatField(value=4)
            s = mmstats.StaticDoubleField(value=5)
            t = mmstats.StaticTextField(value="6")

        shapes = {label: (signature, buffered) for label, (signature, buffered, _) in stored(Everything()).items()}
        buffered = dict(zip("abcdefghikl", ["Q", "d", "d", "d", "Q", "I", "i", "h", "H", "f", "d"], strict=True))
        single = dict(zip("jmnopqrst", ["b", "?", "255s", "I", "q", "Q", "f", "d", "256s"], strict=True))
        assert shapes == {
            **{label: (signature, True) for label, signature in buffered.items()},
            **{label: (signature, False) for label, signature in single.items()},
        }

    def test_one_label_may_occur_twice(self) -> None:
        class Twice(mmstats.BaseMmStats):
            a = mmstats.UIntField(label="same")
            b = mmstats.UIntField(label="same")

        stats = Twice()
        stats.a, stats.b = 1, 2
        assert list(reader.MmStatsReader.from_mmap(stats.filename)) == [("same", 1), ("same", 2)]

    def test_an_empty_label_or_prefix_is_none(self) -> None:
        class Empty(mmstats.BaseMmStats):
            a = mmstats.UIntField(label="")

        assert list(stored(Empty(label_prefix=None))) == ["a"]
        assert Empty().label_prefix == ""

    def test_pages_are_rounded_up(self) -> None:
        class Big(mmstats.BaseMmStats):
            f1 = mmstats.UIntField(label="f" + "o" * 4096)
            f2 = mmstats.UIntField(label="f" + "0" * 4096)
            f3 = mmstats.UIntField(label="f" + "1" * 4096)

        assert Big().size == 4 * 4096

    def test_threads_have_instances_of_their_own(self) -> None:
        class ScienceStats(mmstats.MmStats):
            facts = mmstats.StringField(size=50)

        stats = ScienceStats(filename="test-tls-{TID}.mmstats")
        ready = threading.Event()
        seen: dict[str, str] = {}

        def body() -> None:
            stats.facts = fact = str(uuid.uuid4())
            ready.wait()
            seen[stats.filename] = fact if stats.facts == fact else "another's"

        threads = [threading.Thread(target=body) for _ in range(50)]
        for thread in threads:
            thread.start()
        ready.set()
        for thread in threads:
            thread.join()
        assert len(seen) == len(set(seen.values())) == 50
        assert {path: dict(reader.MmStatsReader.from_file(path))["facts"] for path in seen} == seen

    def test_wrong_declarations_are_refused_here_too(self, directory: Path) -> None:
        class Wrong(mmstats.MmStats):
            a = mmstats.StaticTextField(value="x" * 257)

        with pytest.raises(DeclarationError, match="text-too-long"):
            Wrong()
        with pytest.raises(DeclarationError, match="outside-path"):
            mmstats.MmStats(filename="../x")
        assert not os.listdir(directory)


class Maximum(fields.ComplexDoubleBufferedField):
    buffer_type = ctypes.c_double

    class InternalClass(fields._InternalFieldInterface):
        """Keeps the greatest value seen."""

        def see(self, value: float) -> None:
            if value > self.value:
                self._set(value)


class Resettable(mmstats.CounterField):
    class InternalClass(mmstats.CounterField.InternalClass):
        """Can go back to zero."""

        def reset(self) -> None:
            self._set(0)


class Standalone(fields.ComplexDoubleBufferedField):
    """Behind its attribute is an object that shares nothing with the package's."""

    buffer_type = ctypes.c_uint64
    type_signature = "Q"
    step = 5

    class InternalClass:
        """Shares nothing with the package's."""

        def __init__(self, state: Any) -> None:
            self._struct, self._step = state._struct, state.field.step

        def up(self) -> None:
            struct = self._struct
            struct.buffers[struct.write_buffer] = struct.buffers[struct.write_buffer ^ 1] + self._step
            struct.write_buffer ^= 1

        @property
        def value(self) -> int:
            return int(self._struct.buffers[self._struct.write_buffer ^ 1])


class Percent(fields.BufferedDescriptorField):
    """Refines what the package does."""

    buffer_type = ctypes.c_double

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label + ".percent"

    def __set__(self, instance: Any, value: float) -> None:
        super().__set__(instance, value * 100)


class Slotted(fields.ComplexDoubleBufferedField):
    """Behind its attribute is an object without a dictionary."""

    buffer_type = ctypes.c_uint32
    type_signature = "I"

    class InternalClass:
        """Has but its slot."""

        __slots__ = ("_struct",)

        def __init__(self, state: Any) -> None:
            self._struct = state._struct

        def up(self) -> None:
            self._struct.value += 1


class Unsigned8(fields.BufferedDescriptorField):
    buffer_type = ctypes.c_ubyte


class Long(fields.ReadWriteField):
    buffer_type = ctypes.c_long
    initial = -7


class Constant(fields.ReadOnlyField):
    buffer_type = ctypes.c_int16


class Colour(fields.ReadWriteField):
    """A descriptor of the program's own."""

    buffer_type = ctypes.c_byte
    names = ("red", "green")

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        return self.names[instance._fields[self.key]._struct.value]

    def __set__(self, instance: Any, value: str) -> None:
        instance._fields[self.key]._struct.value = self.names.index(value)


class Derived(mmstats.BaseMmStats):
    maximum = Maximum()
    resettable = Resettable(label="count")
    standalone = Standalone()
    u8 = Unsigned8()
    long = Long()
    constant = Constant(value=-3)
    colour = Colour()


class MoreDerived(mmstats.BaseMmStats):
    load = Percent("cpu")
    slotted = Slotted()


class TestDerivedFields:
    def test_they_are_stored_by_their_ctypes_type(self) -> None:
        assert stored(Derived(label_prefix="d.")) == {
            "d.maximum": ("d", True, 0.0),
            "d.count": ("Q", True, 0),
            "d.standalone": ("Q", True, 0),
            "d.u8": ("B", True, 0),
            "d.long": ("l", False, -7),
            "d.constant": ("h", False, -3),
            "d.colour": ("b", False, 0),
        }

    def test_they_publish_what_they_are_given(self) -> None:
        stats = Derived()
        stats.maximum.see(2.5)
        stats.maximum.see(1.5)
        stats.resettable.inc(5)
        stats.resettable.reset()
        stats.resettable.inc(2)
        for _ in range(3):
            stats.standalone.up()
        stats.u8 = 257
        stats.long = -(2**40)
        stats.colour = "green"
        assert [value for _, _, value in stored(stats).values()] == [2.5, 2, 15, 1, -(2**40), -3, 1]
        assert (stats.u8, stats.long, stats.constant, stats.colour) == (1, -(2**40), -3, "green")
        assert (stats.maximum.value, stats.standalone.value) == (2.5, 15)

    def test_they_may_refine_assignment_and_have_slots(self) -> None:
        stats = MoreDerived()
        stats.load = 0.5
        stats.slotted.up()
        assert stored(stats) == {"cpu.percent": ("d", True, 50.0), "slotted": ("I", True, 1)}

    def test_they_begin_anew_in_a_forked_child(self) -> None:
        stats = Derived()
        stats.standalone.up()
        stats.colour = "green"
        pid = os.fork()
        if not pid:
            status = 1
            try:
                before = stats.standalone.value, stats.colour
                stats.standalone.up()
                stats.maximum.see(1.0)
                values = [value for _, _, value in stored(stats).values()]
                status = 0 if (before, values) == ((0, "red"), [1.0, 0, 5, 0, -7, -3, 0]) else 2
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert (stats.standalone.value, stats.colour) == (5, "green")

    def test_a_type_outside_the_registry_is_refused(self, directory: Path) -> None:
        class LongDouble(fields.ReadWriteField):
            buffer_type = ctypes.c_longdouble

        class Wrong(mmstats.BaseMmStats):
            x = LongDouble()

        with pytest.raises(DeclarationError, match="unknown-type"):
            Wrong()
        assert not os.listdir(directory)

    def test_an_object_behind_the_attribute_is_needed(self) -> None:
        class Nothing(mmstats.BaseMmStats):
            x = fields.ComplexDoubleBufferedField()

        fields.ComplexDoubleBufferedField.buffer_type = ctypes.c_double
        try:
            with pytest.raises(NotImplementedError, match="no InternalClass"):
                Nothing()
        finally:
            del fields.ComplexDoubleBufferedField.buffer_type

    def test_fields_say_what_they_are(self) -> None:
        assert repr(mmstats.CounterField(label="x")) == "CounterField(label='x')"
        assert mmstats.CounterField(label="x").label == "x"
        assert mmstats.CounterField().label is None
        assert ctypes.sizeof(mmstats.CounterField.buffer_type) == 8
        assert isinstance(Derived.maximum, Maximum)


class TestMetrics:
    """The methods that behaviour of the original names."""

    def test_counters(self) -> None:
        class Simple(mmstats.MmStats):
            counter = mmstats.CounterField()

        stats = Simple()
        stats.counter.inc()
        stats.counter.incr(amount=2)
        assert stats.counter.value == 3
        stats.counter.inc(n=-4)
        assert stats.counter.value == 2**64 - 1
        stats.counter.value = 0
        assert stats.counter.value == 0

    def test_timers(self) -> None:
        clock: Callable[[], float] = iter(range(100)).__next__

        class Timed(mmstats.MmStats):
            timer = mmstats.TimerField(timer=clock, label="t", size=5)

        stats = Timed()
        assert stats.timer.last == 0.0
        with stats.timer as timing:
            assert (timing.elapsed, timing.done) == (1, False)
        assert (timing.elapsed, timing.done, stats.timer.last, stats.timer.value) == (2, True, 2, 2.0)
        stats.timer.start()
        stats.timer.stop()
        assert stats.timer.value == 1.5
        assert stats.timer.timer is clock
        assert stats.timer.timer() == timing.get_time() - 1

    def test_importing_the_facade_does_not_import_the_schema(self) -> None:
        program = "import sys, mmstats, mmstats.reader; sys.exit('construct' in sys.modules)"
        subprocess.run([sys.executable, "-c", program], check=True)
