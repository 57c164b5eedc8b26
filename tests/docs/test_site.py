"""The check of the built site finds links that lead nowhere, and no others."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs"))

import _links  # type: ignore[import-not-found]  # noqa: E402  # is found by the line above


def found(directory: Path, link: str) -> list[str]:
    page = directory / "sub" / "page.html"
    page.parent.mkdir(exist_ok=True)
    page.write_text(f'<p id="here">{link}</p>', encoding="utf-8")
    (directory / "other.html").write_text('<h1 id="there">x</h1>', encoding="utf-8")
    (directory / "a b.png").write_bytes(b"")
    return [target for _, target in _links.broken([page])]


@pytest.mark.parametrize("target", ["../no.html", "../other.html#no", "#no", "../no.png"])
@pytest.mark.parametrize("attribute", ["href", "src"])
def test_what_leads_nowhere_is_found(tmp_path: Path, attribute: str, target: str) -> None:
    assert found(tmp_path, f'<a {attribute}="{target}">') == [target]


@pytest.mark.parametrize(
    "target", ["../other.html", "../other.html#there", "#here", "#", "../a%20b.png?v=1", "https://example.org/no#no"]
)
def test_what_leads_somewhere_is_not(tmp_path: Path, target: str) -> None:
    assert found(tmp_path, f'<a href="{target}">') == []
