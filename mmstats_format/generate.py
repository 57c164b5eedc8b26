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
'''


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
