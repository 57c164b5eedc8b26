"""Byte diagrams of the structures of the format, drawn from the schema at build time.

They stand in the specification's page after the tables that come from the same schema; a figure of 8 bytes a row, in
whose boxes are a field's offset, its name and its size. The colours are the page's own; so are those of pictures that
are drawn by hand.
"""

from __future__ import annotations

import re
from html import escape
from pathlib import Path
from typing import Any, NamedTuple

import construct as c
from docutils import nodes  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mmstats_format import schema1, schema2
from mmstats_format.declaration import SEQUENCE

ROW = 8  # bytes

CELL, LINE, GAP = 64, 46, 4  # a byte's width, a row's height, and the room at the edges
CHARACTER = 7.9  # the width of one of a name's


class Element(NamedTuple):
    """A field: its name, its bytes where they are fixed, and its size in words."""

    name: str
    bytes: int | None
    size: str


class Box(NamedTuple):
    """A field in its place: the first byte where it is fixed, and the grid's cells."""

    element: Element
    offset: int | None
    row: int
    column: int
    width: int
    rows: int


def elements(struct: Any) -> list[Element]:
    """The fields of a structure of the schema."""
    found = []
    for part in struct.subcons:
        try:
            size = part.sizeof()
            found.append(Element(part.name, size, str(size)))
        except (c.SizeofError, KeyError):
            found.append(Element(part.name, None, str(part.subcon.size).replace("`", "")))
    return found


_LATCH = [
    Element("seq", SEQUENCE.size, str(SEQUENCE.size)),
    Element("buffer 0", None, "by kind (3.7)"),
    Element("buffer 1", None, "as buffer 0"),
]
_HEAD = schema2.RECORD.sizeof()

#: The structures by the names of their tables: what it is, its fields, and the offset of the first.
STRUCTURES: dict[str, tuple[str, list[Element], int]] = {
    "v1-field": ("a field of version 1", elements(schema1.FIELD), 0),
    "v2-header": ("the header", elements(schema2.HEADER), 0),
    "v2-extent": ("the head of an extent", elements(schema2.EXTENT), 0),
    "v2-record": ("the head of a record", elements(schema2.RECORD), 0),
    "v2-origin": ("an ORIGIN record after its head", elements(schema2.ORIGIN), _HEAD),
    "v2-family": ("a FAMILY record after its head", elements(schema2.FAMILY), _HEAD),
    "v2-series": ("a SERIES record after its head", elements(schema2.SERIES), _HEAD),
    "v2-folded": ("a FOLDED record after its head", elements(schema2.FOLDED), _HEAD),
    "v2-latch": ("a slot that is a latch", _LATCH, 0),
}


def boxes(fields: list[Element], place: int) -> list[Box]:
    """Each field's place. What has no fixed size takes the rest of its row, and the next begins a row."""
    placed = []
    cell, known = 0, place
    fixed = True
    for field in fields:
        row, column = divmod(cell, ROW)
        width, rows = ROW - column, 1
        if field.bytes is not None:
            rows = -(-field.bytes // ROW)
            width = min(field.bytes, ROW)
        if column + width > ROW or (rows > 1 and (column or (field.bytes or 0) % ROW)):
            raise ValueError(f"{field.name} crosses a row of the picture")
        placed.append(Box(field, known if fixed else None, row, column, width, rows))
        cell += width * rows
        known += field.bytes or 0
        fixed = fixed and field.bytes is not None
    return placed


def svg(title: str, placed: list[Box]) -> str:
    """The picture."""
    upright = {box for box in placed if len(box.element.name) * CHARACTER > box.width * CELL - GAP}
    heights = [LINE] * (placed[-1].row + placed[-1].rows)
    for box in upright:
        heights[box.row] = max(heights[box.row], round(len(box.element.name) * CHARACTER) + LINE)
    tops = [sum(heights[:row]) + 1 for row in range(len(heights) + 1)]
    parts = [_box(box, tops[box.row], tops[box.row + box.rows], box in upright) for box in placed]
    names = ", ".join(box.element.name for box in placed)
    head = (
        f'<svg class="bytes" role="img" viewBox="0 0 {ROW * CELL + 2} {tops[-1] + 1}" '
        f'xmlns="http://www.w3.org/2000/svg" aria-label="{escape(f"The bytes of {title}: {names}")}">'
    )
    return "\n".join([head, *parts, "</svg>"])


def _box(box: Box, top: int, bottom: int, upright: bool) -> str:
    name, offset = box.element.name, "" if box.offset is None else box.offset
    left, width, height = box.column * CELL + 1, box.width * CELL, bottom - top
    x, y = left + width / 2, top + height / 2 + (0 if upright else 1)
    loose = " any" if box.element.bytes is None else ""
    turned = f' transform="rotate(-90 {x:g} {y:g})"' if upright else ""
    said = f"{name}, {box.element.size} bytes" if box.element.bytes else f"{name}, of any size"
    return (
        f'<g class="field{loose}" data-name="{name}" data-offset="{offset}"><title>{said}</title>'
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}"/>'
        f'<text class="offset" x="{left + GAP}" y="{top + 13}">{offset}</text>'
        f'<text class="name" x="{x:g}" y="{y:g}"{turned}>{name}</text>'
        f'<text class="size" x="{left + width - GAP}" y="{bottom - GAP}">{escape(box.element.size)}</text></g>'
    )


def draw(name: str) -> str:
    """The picture of a structure."""
    title, fields, place = STRUCTURES[name]
    return svg(title, boxes(fields, place))


class Diagram(SphinxDirective):
    """The picture of a structure, in its place."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The picture as a part of the page, and a line of what is seen."""
        name = self.arguments[0]
        legend = f"{ROW} bytes a row: offset, name, size."
        if any(field.bytes is None for field in STRUCTURES[name][1]):
            legend += " Broken lines: any size, and what follows is next to it."
        figure = f'<figure class="bytes">\n{draw(name)}\n<figcaption>{legend}</figcaption></figure>'
        self.env.note_reread()
        return [nodes.raw("", figure, format="html")]


class Picture(SphinxDirective):
    """An SVG of ``docs/pictures`` as a part of the page, in its colours; the content is what it shows, in words."""

    required_arguments = 1
    has_content = True

    def run(self) -> list[nodes.Node]:
        """The picture."""
        path = Path(__file__).parent / "pictures" / self.arguments[0]
        self.env.note_dependency(str(path))
        said = escape(" ".join(self.content))
        picture = path.read_text(encoding="utf-8").replace(' role="img"', f' role="img" aria-label="{said}"', 1)
        return [nodes.raw("", f'<figure class="bytes">\n{picture}</figure>', format="html")]


_TABLE = re.compile(r"<!-- generated: (?P<name>[\w-]+) -->.*?<!-- end -->\n", re.DOTALL)
_VALUES = re.compile(r"(?<=\n)### 3\.7 Values\n.*?\n\n(?=\|)", re.DOTALL)


def with_diagrams(text: str) -> str:
    """The specification's text with a diagram after each table of a structure, and that of a latch."""

    def after(table: re.Match[str]) -> str:
        name = table.groupdict().get("name") or "v2-latch"
        return table[0] + (f"\n```{{diagram}} {name}\n```\n\n" if name in STRUCTURES else "")

    return _VALUES.sub(after, _TABLE.sub(after, text))


def insert(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """Put the diagrams into the specification's page."""
    if path.name == "FORMAT.md":
        content[0] = with_diagrams(content[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("diagram", Diagram)
    app.add_directive("picture", Picture)
    app.connect("include-read", insert)
    return {"parallel_read_safe": True}
