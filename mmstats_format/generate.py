"""Write what follows from the schema: the layout module, and the tables of FORMAT.md.

``python -m mmstats_format.generate [FORMAT.md]`` (``make layout``) rewrites both; a test holds them to what it would
write.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import construct as c

from . import schema1, schema2
from ._document2 import COMBINATIONS, COMPATIBLE, INCOMPATIBLE, KINDS, NO_TEXT, STATES, TYPES, UNSET
from .declaration import BUCKET, HISTOGRAM_HEAD, SEQUENCE, SUMMARY, TEXT_HEAD, TIMED_HEAD, WORDS

LAYOUT = Path(__file__).with_name("layout.py")

_MARK = re.compile(r"(?<=<!-- generated: )(?P<name>[\w-]+) -->\n(?P<table>.*?)<!-- end", re.DOTALL)


def layout() -> str:
    """The text of ``layout.py``."""
    sizes = {element.name: element.subcon for element in schema1.FIELD.subcons}
    rows = "".join(
        f'    "{signature}": ("{_code(signature)}", {scalar.form.sizeof()}, "{scalar.kind}"),\n'
        for signature, scalar in schema1.SCALARS.items()
    )
    return f'''"""The layout as plain numbers and `struct` codes, for those who cannot wait for `construct`.

Generated from the schema by ``make layout``; a change belongs there.
"""

#: Version 1: the version byte, with which a file begins, and its size.
V1_VERSION = {schema1.VERSION}
V1_VERSION_SIZE = {schema1.FILE.subcons[0].sizeof()}
#: `struct` codes of the sizes before a label and a signature, and of the write-buffer index.
V1_LABEL_SIZE = "{_format(sizes["label_size"])}"
V1_SIGNATURE_SIZE = "{_format(sizes["signature_size"])}"
V1_INDEX = "{_format(sizes["index"])}"
#: The index of a field with one buffer.
V1_UNBUFFERED = {schema1.UNBUFFERED}
#: Type signature: (`struct` code, size in bytes, kind); and the regular expression of fixed text's signatures.
V1_TYPES = {{
{rows}}}
V1_TEXT = "{schema1.TEXT}"

#: Version 2: the version byte, and the bytes with which a file begins.
V2_VERSION = {schema2.VERSION}
V2_MAGIC = {_literal(schema2.MAGIC)}
#: Control words count units of this many bytes; a number in one has the bits of the mask, its complement those above.
V2_UNIT = {schema2.UNIT}
V2_CONTROL = "{_format(schema2.EXTENT.next)}"
V2_CONTROL_BITS = {schema2.CONTROL_BITS}
V2_CONTROL_MASK = 0x{schema2.CONTROL_MASK:X}
#: The header as one `struct`, its elements in order, how much of it its CRC covers, and where its elements lie.
V2_HEADER = "{_whole(schema2.HEADER)}"
V2_HEADER_ELEMENTS = {_names(schema2.HEADER)}
V2_HEADER_SIZE = {schema2.HEADER.sizeof()}
V2_CHECKED_HEADER = {schema2.CHECKED_HEADER}
{_offsets("HEADER", schema2.HEADER)}
V2_CRC = "{_format(schema2.HEADER.crc)}"
V2_INCOMPATIBLE = {_lines(INCOMPATIBLE)}
V2_COMPATIBLE = {_lines(COMPATIBLE)}
V2_STATES = {_lines(_codes(STATES))}
#: The head of an extent likewise.
V2_TAG = {_literal(schema2.TAG)}
V2_EXTENT = "{_whole(schema2.EXTENT)}"
V2_EXTENT_SIZE = {schema2.EXTENT.sizeof()}
V2_CHECKED_EXTENT = {schema2.CHECKED_EXTENT}
{_offsets("EXTENT", schema2.EXTENT)}
V2_MOST_EXTENTS = {schema2.MOST_EXTENTS}
#: The head of a record, and the types of records.
V2_RECORD = "{_whole(schema2.RECORD)}"
V2_RECORD_SIZE = {schema2.RECORD.sizeof()}
{_offsets("RECORD", schema2.RECORD)}
V2_ORIGIN, V2_FAMILY, V2_SERIES, V2_FOLDED = {", ".join(map(str, schema2.RECORDS))}
V2_CRITICAL = {schema2.CRITICAL}
#: `struct` codes of what stands before the first element without a fixed size: of FAMILY and SERIES; and of FOLDED; and
#: of the length before a text.
V2_FAMILY_HEAD = "{_whole(schema2.FAMILY)}"
{_offsets("FAMILY", schema2.FAMILY)}
V2_SERIES_HEAD = "{_whole(schema2.SERIES)}"
V2_FOLDED_BODY = "{_whole(schema2.FOLDED)}"
V2_TEXT_LENGTH = "{_format(schema2.TEXT.lengthfield)}"
V2_KEPT = {schema2.KEPT}
V2_LARGEST_TEXT = {schema2.LARGEST_TEXT}
#: The largest length of a text in a record, number of label names, and number of bounds or states.
V2_LONGEST = {_largest(schema2.TEXT.lengthfield)}
V2_MOST_LABELS = {_largest(schema2.FAMILY.label_count)}
V2_MOST_PARTS = {_largest(schema2.FAMILY.parts)}
#: Kinds, value types and combinations with their codes, and which go with which (FORMAT.md 3.6).
V2_KINDS = {_lines(_codes(KINDS))}
V2_TYPES = {_lines(_codes(TYPES))}
V2_COMBINATIONS = {_lines(_codes(COMBINATIONS))}
V2_ALLOWED = {_lines(schema2.ALLOWED)}
#: `struct` codes of words by value type; what stands for no value, as a number of 64 bits, or as a text's length.
V2_WORDS = {_lines(WORDS)}
V2_UNSET = {_lines(_unset())}
V2_NO_TEXT = {NO_TEXT}
#: `struct` codes of a latch: of its sequence word, and of the contents of a buffer that have one size.
V2_SEQUENCE = "{SEQUENCE.format}"
V2_TIMED_HEAD = "{TIMED_HEAD.format}"
V2_TEXT_HEAD = "{TEXT_HEAD.format}"
V2_SUMMARY = "{SUMMARY.format}"
V2_HISTOGRAM_HEAD = "{HISTOGRAM_HEAD.format}"
V2_BUCKET = "{BUCKET.format}"
'''


def _whole(struct: Any) -> str:
    """The `struct` code of a layout's elements, up to the first that has no fixed size."""
    codes = "<"
    for element in struct.subcons:
        try:
            size = element.sizeof()
        except (c.SizeofError, KeyError):
            break
        code = _format(element.subcon) if _number(element.subcon) else f"{size}s"
        codes += code.lstrip("<")
    return codes


def _largest(form: Any) -> int:
    """The largest number that an unsigned integer of the layout can be."""
    return int(256 ** form.sizeof() - 1)


def _number(form: Any) -> bool:
    while not hasattr(form, "fmtstr"):
        if not hasattr(form, "subcon"):
            return False
        form = form.subcon
    return True


def _names(struct: Any) -> str:
    rows = "".join(f'    "{element.name}",\n' for element in struct.subcons)
    return f"(\n{rows})"


def _offsets(name: str, struct: Any) -> str:
    """A constant for the offset of each element that somebody looks for by itself."""
    lines, place = [], 0
    for element in struct.subcons:
        if not element.name.startswith(("reserved", "unused", "magic", "tag")):
            lines.append(f"V2_{name}_AT_{element.name.upper()} = {place}")
        try:
            place += element.sizeof()
        except (c.SizeofError, KeyError):
            break
    return "\n".join(lines)


def _codes(names: dict[int, str]) -> dict[str, int]:
    return {name: code for code, name in names.items()}


def _lines(table: dict[str, Any]) -> str:
    return "{\n" + "".join(f'    "{key}": {_literal(value)},\n' for key, value in table.items()) + "}"


def _literal(value: Any) -> str:
    return repr(value).replace("'", '"')


def _unset() -> dict[str, int]:
    return {name: int.from_bytes(word, "little") for name, word in UNSET.items()}


def _code(signature: str) -> str:
    """The `struct` code of a type that means the same in native and in standard size: ``l`` does not."""
    scalar = schema1.SCALARS[signature]
    match scalar.kind:
        case "signed" | "unsigned":
            code = {1: "b", 2: "h", 4: "i", 8: "q"}[scalar.form.sizeof()]
            return code if scalar.kind == "signed" else code.upper()
        case _:
            return signature


def _format(form: Any) -> str:
    while not hasattr(form, "fmtstr"):
        form = form.subcon
    return str(form.fmtstr)


def tables() -> dict[str, str]:
    """The generated tables of FORMAT.md by their name."""
    scalars = [
        f"| `{signature}` | {scalar.form.sizeof()} | {scalar.kind} | {scalar.meaning} |"
        for signature, scalar in schema1.SCALARS.items()
    ]
    text = "| `Ns` | N | text | fixed text (V1-12) |"
    return {
        "v1-file": _elements(schema1.FILE),
        "v1-field": _elements(schema1.FIELD),
        "v1-types": "\n".join(["| signature | size | kind | value |", "| --- | --- | --- | --- |", *scalars, text]),
        "v2-header": _places(schema2.HEADER),
        "v2-extent": _places(schema2.EXTENT),
        "v2-record": _places(schema2.RECORD),
        "v2-origin": _places(schema2.ORIGIN, schema2.RECORD.sizeof()),
        "v2-family": _places(schema2.FAMILY, schema2.RECORD.sizeof()),
        "v2-series": _places(schema2.SERIES, schema2.RECORD.sizeof()),
        "v2-folded": _places(schema2.FOLDED, schema2.RECORD.sizeof()),
    }


def _elements(struct: Any) -> str:
    rows = [f"| {element.name} | {_size(element.subcon)} | {element.subcon.docs} |" for element in struct.subcons]
    return "\n".join(["| element | size | meaning |", "| --- | --- | --- |", *rows])


def _places(struct: Any, place: int = 0) -> str:
    """A table with offsets, as far as they are fixed; after an element of any size the next follows without a gap."""
    rows = ["| offset | size | element | meaning |", "| --- | --- | --- | --- |"]
    known: int | None = place
    for element in struct.subcons:
        size = _size(element.subcon)
        rows.append(f"| {'' if known is None else known} | {size} | {element.name} | {element.subcon.docs} |")
        known = known + int(size) if known is not None and size.isdigit() else None
    return "\n".join(rows)


def _size(element: Any) -> str:
    try:
        return str(element.sizeof())
    except c.SizeofError:
        return str(element.size)


def with_tables(text: str) -> str:
    """FORMAT.md's text with its generated tables made anew."""
    made = tables()
    return _MARK.sub(lambda mark: f"{mark['name']} -->\n\n{made[mark['name']]}\n\n<!-- end", text)


def main(arguments: list[str]) -> None:
    """Write the layout module, and the tables into the files named."""
    LAYOUT.write_text(layout(), encoding="utf-8")
    for name in arguments:
        path = Path(name)
        path.write_text(with_tables(path.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
