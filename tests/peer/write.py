# -*- coding: utf-8 -*-  # noqa: UP009  # Python 2 wants it
"""Writes a file of every sort with `mmstats` into the directory named by its argument, and leaves them there.

Runs under CPython 2.7 with the original package and under Python 3 with this one, so it is written in what both know:
a program of the original's users. Plain literals are text in both: UTF-8 bytes in Python 2, where the original wants
labels so.
"""

import ctypes
import struct
import sys

import mmstats
from mmstats import fields

INFINITY = float("inf")
NAN = struct.unpack("d", struct.pack("Q", 0x7FF8000000000001))[0]

#: Text in Python 2 as well, one shorter than its field and one longer, which is cut within a character.
LONG_TEXT = b"gr\xc3\xb6\xc3\x9fer als: \xe5\xa4\xa7\xe3\x81\x8d\xe3\x81\x84 \xf0\x9f\x98\x80".decode("utf-8")
SHORT_TEXT = b"gr\xc3\xb6\xc3\x9fer".decode("utf-8")

#: A clock whose readings are the same everywhere.
readings = iter([1.0, 1.25, 2.0, 2.5, 4.0, 8.0])


class EveryClass(mmstats.MmStats):
    """Every class of field that the package has, updated never, once and more often."""

    byte = fields.ByteField(label="class.byte")
    short = fields.ShortField(label="class.short")
    ushort = fields.UShortField(label="class.ushort")
    int = fields.IntField(label="class.int")
    uint = fields.UIntField(label="class.uint")
    uint64 = fields.UInt64Field(label="class.uint64")
    float = fields.FloatField(label="class.float")
    double = fields.DoubleField(label="class.double")
    bool = fields.BoolField(label="class.bool")
    bool_initially = fields.BoolField(label="class.bool.initially", initial=True)
    string = fields.StringField(label="class.string")
    string_short = fields.StringField(label="class.string.short", size=7)
    counter = fields.CounterField(label="class.counter")
    average = fields.AverageField(label="class.average")
    moving = fields.MovingAverageField(label="class.moving", size=3)
    timer = fields.TimerField(label="class.timer", timer=lambda: next(readings))
    static_uint = fields.StaticUIntField(label="class.static.uint", value=2**32 - 1)
    static_int64 = fields.StaticInt64Field(label="class.static.int64", value=-(2**63))
    static_uint64 = fields.StaticUInt64Field(label="class.static.uint64", value=2**64 - 1)
    static_float = fields.StaticFloatField(label="class.static.float", value=0.1)
    static_double = fields.StaticDoubleField(label="class.static.double", value=lambda: 0.1)
    static_text = fields.StaticTextField(label="class.static.text", value="größer als größer")
    without_label = fields.UIntField()


never = EveryClass(path=sys.argv[1], filename="never.mmstats")
once = EveryClass(path=sys.argv[1], filename="once.mmstats", label_prefix="größe.")
often = EveryClass(path=sys.argv[1], filename="often.mmstats", label_prefix="often.")
for number, stats in enumerate([once, often, often]):
    stats.byte = -1 - number
    stats.short = -(2**15)
    stats.ushort = 2**16 - 1 - number
    stats.int = -(2**31) + number
    stats.uint = 2**32 + 5 + number
    stats.uint64 = 2**64 - 1 - number
    stats.float = 0.1 + number
    stats.double = 0.1 + number
    stats.bool = True
    stats.bool_initially = False
    stats.string = LONG_TEXT
    stats.string_short = SHORT_TEXT
    stats.counter.incr()
    stats.counter.inc(10 + number)
    stats.average.add(1 + number)
    stats.average.add(0.5)
    stats.moving.add(7)
    stats.moving.add(0.25)
    with stats.timer:
        pass
    stats.without_label = number
often.counter.value = 2**64 - 1
often.counter.incr(3)
often.moving.add(1)
often.moving.add(10.125)


class EveryFloat(mmstats.BaseMmStats):
    """What is odd about floats."""

    zero = fields.DoubleField()
    negative_zero = fields.DoubleField()
    infinity = fields.DoubleField()
    negative_infinity = fields.DoubleField()
    nan = fields.DoubleField()
    least = fields.DoubleField()
    subnormal = fields.DoubleField()
    most = fields.DoubleField()
    short_negative_zero = fields.FloatField()
    short_infinity = fields.FloatField()
    short_nan = fields.FloatField()
    short_least = fields.FloatField()
    short_most = fields.FloatField()
    short_rounded = fields.FloatField()


floats = EveryFloat(path=sys.argv[1], filename="floats.mmstats")
floats.zero = 0.0
floats.negative_zero = -0.0
floats.infinity = INFINITY
floats.negative_infinity = -INFINITY
floats.nan = NAN
floats.least = 5e-324
floats.subnormal = 2.2250738585072009e-308
floats.most = 1.7976931348623157e308
floats.short_negative_zero = -0.0
floats.short_infinity = INFINITY
floats.short_nan = NAN
floats.short_least = 1.401298464324817e-45
floats.short_most = 3.4028234663852886e38
floats.short_rounded = 16777217.0


#: The types of which programs derive fields of their own.
TYPES = {
    "?": ctypes.c_bool,
    "b": ctypes.c_byte,
    "B": ctypes.c_ubyte,
    "h": ctypes.c_short,
    "H": ctypes.c_ushort,
    "i": ctypes.c_int,
    "I": ctypes.c_uint,
    "l": ctypes.c_long,
    "L": ctypes.c_ulong,
    "q": ctypes.c_int64,
    "Q": ctypes.c_uint64,
    "f": ctypes.c_float,
    "d": ctypes.c_double,
}


class Maximum(fields.ComplexDoubleBufferedField):
    """A derived field with an object behind its attribute."""

    buffer_type = ctypes.c_int64
    type_signature = "q"

    class InternalClass(fields._InternalFieldInterface):
        """The object."""

        def see(self, value):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
            """Keep the larger value."""
            self.value = max(self.value, value)


derived = {"maximum": Maximum()}
for signature, buffer_type in TYPES.items():
    attributes = {"buffer_type": buffer_type, "type_signature": signature}
    derived["single_" + signature] = type("Single", (fields.ReadWriteField,), attributes)()
    derived["double_" + signature] = type("Double", (fields.BufferedDescriptorField,), attributes)()
for signature, text_type, initial in [("c", ctypes.c_char, b"\0"), ("3s", ctypes.c_char * 3, b"abc")]:
    attributes = {"buffer_type": text_type, "type_signature": signature, "initial": initial}
    derived["single_" + signature] = type("Text", (fields.ReadWriteField,), attributes)()
stats = type("Derived", (mmstats.BaseMmStats,), derived)(path=sys.argv[1], filename="derived.mmstats")
for signature in TYPES:
    setattr(stats, "single_" + signature, 1)
    setattr(stats, "double_" + signature, 100)
    setattr(stats, "double_" + signature, 1 if signature == "?" else 101)
stats.single_c = b"x"
stats.maximum.see(7)
stats.maximum.see(-7)

# Longer than a page, and files whose fields end before the page does, where it does, and a byte or two before that.
wide = {"field" + str(number): fields.CounterField(label=str(number) * 500) for number in range(100)}
type("Wide", (mmstats.BaseMmStats,), wide)(path=sys.argv[1], filename="wide.mmstats")
page = {}  # type: dict[str, fields.Field]
for number in range(10):
    page["field" + str(number)] = fields.StaticTextField(value="x" * number)
free = 4096 - 1 - sum(5 + len(name + "256s") + 256 for name in page) - (5 + len("rest" + "1234s"))
for left in range(3):
    page["rest"] = fields.StringField(size=free - left)
    full = type("Page", (mmstats.BaseMmStats,), page)(path=sys.argv[1], filename="page" + str(left) + ".mmstats")
    full.rest = "x" * free
mmstats.MmStats(path=sys.argv[1], filename="about-the-process.mmstats")
mmstats.BaseMmStats(path=sys.argv[1], filename="nothing.mmstats")

known = [kind for kind in vars(fields).values() if isinstance(kind, type) and issubclass(kind, fields.Field)]
used = [type(field) for field in vars(EveryClass).values()]
for kind in known:
    derives = [other for other in known if other is not kind and issubclass(other, kind)]
    if not derives and kind not in used:
        sys.exit(kind.__name__ + " is missing from EveryClass")
