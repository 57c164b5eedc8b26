"""The layout as plain numbers and `struct` codes, for those who cannot wait for `construct`.

Generated from the schema by ``make layout``; a change belongs there.
"""

#: Version 1: the version byte, with which a file begins, and its size.
V1_VERSION = 1
V1_VERSION_SIZE = 1
#: `struct` codes of the sizes before a label and a signature, and of the write-buffer index.
V1_LABEL_SIZE = "<H"
V1_SIGNATURE_SIZE = "<H"
V1_INDEX = "<B"
#: The index of a field with one buffer.
V1_UNBUFFERED = 255
#: Type signature: (`struct` code, size in bytes, kind); and the regular expression of fixed text's signatures.
V1_TYPES = {
    "?": ("?", 1, "boolean"),
    "b": ("b", 1, "signed"),
    "B": ("B", 1, "unsigned"),
    "h": ("h", 2, "signed"),
    "H": ("H", 2, "unsigned"),
    "i": ("i", 4, "signed"),
    "I": ("I", 4, "unsigned"),
    "l": ("q", 8, "signed"),
    "L": ("Q", 8, "unsigned"),
    "q": ("q", 8, "signed"),
    "Q": ("Q", 8, "unsigned"),
    "f": ("f", 4, "float"),
    "d": ("d", 8, "float"),
    "c": ("c", 1, "text"),
}
V1_TEXT = "(0|[1-9][0-9]{0,8})s"

#: Version 2: the version byte, and the bytes with which a file begins.
V2_VERSION = 2
V2_MAGIC = b"\x02MMSTATS"
#: Control words count units of this many bytes; a number in one has the bits of the mask, its complement those above.
V2_UNIT = 8
V2_CONTROL = "<Q"
V2_CONTROL_BITS = 32
V2_CONTROL_MASK = 0xFFFFFFFF
#: The header as one `struct`, its elements in order, how much of it its CRC covers, and where its elements lie.
V2_HEADER = "<8sHHLLL16sQQQ16sQ8sQQQ8s"
V2_HEADER_ELEMENTS = (
    "magic",
    "header_size",
    "minor",
    "crc",
    "incompatible",
    "compatible",
    "writer_id",
    "created",
    "pid",
    "process_start",
    "boot_id",
    "pid_namespace",
    "reserved",
    "state",
    "thread_id",
    "heartbeat",
    "unused",
)
V2_HEADER_SIZE = 128
V2_CHECKED_HEADER = 96
V2_HEADER_AT_HEADER_SIZE = 8
V2_HEADER_AT_MINOR = 10
V2_HEADER_AT_CRC = 12
V2_HEADER_AT_INCOMPATIBLE = 16
V2_HEADER_AT_COMPATIBLE = 20
V2_HEADER_AT_WRITER_ID = 24
V2_HEADER_AT_CREATED = 40
V2_HEADER_AT_PID = 48
V2_HEADER_AT_PROCESS_START = 56
V2_HEADER_AT_BOOT_ID = 64
V2_HEADER_AT_PID_NAMESPACE = 80
V2_HEADER_AT_STATE = 96
V2_HEADER_AT_THREAD_ID = 104
V2_HEADER_AT_HEARTBEAT = 112
V2_CRC = "<L"
V2_INCOMPATIBLE = {
    "archive": 0,
}
V2_COMPATIBLE = {
    "record lock": 0,
    "write calls": 1,
    "unordered": 2,
    "no lock": 3,
}
V2_STATES = {
    "live": 1,
    "closed": 2,
}
#: The head of an extent likewise.
V2_TAG = b"XTNT"
V2_EXTENT = "<4sLQQQQQQ8s"
V2_EXTENT_SIZE = 64
V2_CHECKED_EXTENT = 40
V2_EXTENT_AT_CRC = 4
V2_EXTENT_AT_SIZE = 8
V2_EXTENT_AT_METADATA_CAPACITY = 16
V2_EXTENT_AT_VALUES_OFFSET = 24
V2_EXTENT_AT_VALUES_CAPACITY = 32
V2_EXTENT_AT_METADATA_USED = 40
V2_EXTENT_AT_NEXT = 48
V2_MOST_EXTENTS = 32
#: The head of a record, and the types of records.
V2_RECORD = "<LHHLL"
V2_RECORD_SIZE = 16
V2_RECORD_AT_SIZE = 0
V2_RECORD_AT_TYPE = 4
V2_RECORD_AT_FLAGS = 6
V2_RECORD_AT_CRC = 8
V2_RECORD_AT_SLOT = 12
V2_ORIGIN, V2_FAMILY, V2_SERIES, V2_FOLDED = 1, 2, 3, 4
V2_CRITICAL = 1
#: `struct` codes of what stands before the first element without a fixed size: of FAMILY and SERIES; and of FOLDED; and
#: of the length before a text.
V2_FAMILY_HEAD = "<BBBBB1sHL4s"
V2_FAMILY_AT_KIND = 0
V2_FAMILY_AT_TYPE = 1
V2_FAMILY_AT_COMBINATION = 2
V2_FAMILY_AT_FLAGS = 3
V2_FAMILY_AT_LABEL_COUNT = 4
V2_FAMILY_AT_PARTS = 6
V2_FAMILY_AT_CAPACITY = 8
V2_FAMILY_AT_BOUNDS = 16
V2_SERIES_HEAD = "<L"
V2_FOLDED_BODY = "<16s"
V2_TEXT_LENGTH = "<H"
V2_KEPT = 1
V2_LARGEST_TEXT = 1048576
#: The largest length of a text in a record, number of label names, and number of bounds or states.
V2_LONGEST = 65535
V2_MOST_LABELS = 255
V2_MOST_PARTS = 65535
#: Kinds, value types and combinations with their codes, and which go with which (FORMAT.md 3.6).
V2_KINDS = {
    "counter": 1,
    "gauge": 2,
    "state set": 3,
    "text": 4,
    "summary": 5,
    "histogram": 6,
    "unknown": 7,
}
V2_TYPES = {
    "unsigned": 1,
    "signed": 2,
    "float": 3,
    "boolean": 4,
    "text": 5,
}
V2_COMBINATIONS = {
    "sum": 1,
    "min": 2,
    "max": 3,
    "last": 4,
    "all": 5,
}
V2_ALLOWED = {
    "counter": (("unsigned", "float"), ("sum",)),
    "gauge": (("unsigned", "signed", "float", "boolean"), ("sum", "min", "max", "last", "all")),
    "state set": (("unsigned",), ("all",)),
    "text": (("text",), ("all",)),
    "summary": (("float",), ("sum",)),
    "histogram": (("float",), ("sum",)),
    "unknown": (("unsigned", "signed", "float", "boolean"), ("all",)),
}
#: `struct` codes of words by value type; what stands for no value, as a number of 64 bits, or as a text's length.
V2_WORDS = {
    "unsigned": "Q",
    "signed": "q",
    "float": "d",
    "boolean": "Q",
}
V2_UNSET = {
    "unsigned": 18446744073709551615,
    "signed": 9223372036854775808,
    "float": 9221120237041090561,
    "boolean": 2,
}
V2_NO_TEXT = 18446744073709551615
#: `struct` codes of a latch: of its sequence word, and of the contents of a buffer that have one size.
V2_SEQUENCE = "<Q"
V2_TIMED_HEAD = "<Q"
V2_TEXT_HEAD = "<Q"
V2_SUMMARY = "<Qdddd"
V2_HISTOGRAM_HEAD = "<d"
V2_BUCKET = "<Q"
