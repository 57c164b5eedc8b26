"""The byte diagrams of the documentation show every field of the schema, with its offset, and none over another."""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mmstats_format import schema1, schema2

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import _diagrams  # type: ignore[import-not-found]  # noqa: E402  # is found by the line above

SVG = "{http://www.w3.org/2000/svg}"
SCHEMA: dict[str, tuple[Any, int]] = {
    "v1-field": (schema1.FIELD, 0),
    "v2-header": (schema2.HEADER, 0),
    "v2-extent": (schema2.EXTENT, 0),
    "v2-record": (schema2.RECORD, 0),
    "v2-origin": (schema2.ORIGIN, 16),
    "v2-family": (schema2.FAMILY, 16),
    "v2-series": (schema2.SERIES, 16),
    "v2-folded": (schema2.FOLDED, 16),
}


def fields(name: str) -> list[ElementTree.Element]:
    return ElementTree.fromstring(_diagrams.draw(name)).findall(f"{SVG}g")


@pytest.mark.parametrize("name", SCHEMA)
def test_every_field_is_drawn_where_it_lies(name: str) -> None:
    struct, place = SCHEMA[name]
    known: int | None = place
    drawn = fields(name)
    assert [field.get("data-name") for field in drawn] == [part.name for part in struct.subcons]
    for field, part in zip(drawn, struct.subcons, strict=True):
        assert field.get("data-offset") == ("" if known is None else str(known))
        try:
            known = known + part.sizeof() if known is not None else None
        except Exception:  # construct's errors of several kinds: the size is not fixed
            known = None


@pytest.mark.parametrize("name", _diagrams.STRUCTURES)
def test_no_field_covers_another(name: str) -> None:
    places = []
    for field in fields(name):
        box = field.find(f"{SVG}rect")
        assert box is not None
        places.append([float(box.attrib[key]) for key in ("x", "y", "width", "height")])
    for (x, y, width, height), (x2, y2, width2, height2) in combinations(places, 2):
        assert x + width <= x2 or x2 + width2 <= x or y + height <= y2 or y2 + height2 <= y


@pytest.mark.parametrize("name", _diagrams.STRUCTURES)
def test_the_specification_shows_it(name: str) -> None:
    text = _diagrams.with_diagrams((ROOT / "spec/FORMAT.md").read_text(encoding="utf-8"))
    assert text.count(f"```{{diagram}} {name}\n") == 1
