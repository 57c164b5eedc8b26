"""Every relative link in the Markdown of the repository leads to a file, and to a place in it where it names one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for place in ("*.md", "docs/**/*.md", "spec/**/*.md")
    for page in ROOT.glob(place)
    if "_build" not in page.relative_to(ROOT).parts
)

FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1[ \t]*$", re.M | re.S)
INCLUDE = re.compile(r"^```\{include\} (\S+)$", re.M)
LINK = re.compile(r"!?\[[^]]*\]\((?P<target>[^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.M)
RULE = re.compile(r"^- \*\*([A-Z]\d*-[A-Z]?\d+)\*\*", re.M)


class Link(NamedTuple):
    """A link in a page."""

    page: Path
    line: int
    target: str

    @property
    def id(self) -> str:
        """File, line and target."""
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}:{self.target}"


def links(page: Path) -> list[Link]:
    """The links of a page that stay in the repository."""
    text = FENCED.sub(lambda block: "\n" * block[0].count("\n"), page.read_text(encoding="utf-8"))
    return [
        Link(page, text.count("\n", 0, match.start()) + 1, match["target"])
        for match in LINK.finditer(text)
        if not re.match(r"[a-z][a-z+.-]*:", match["target"])
    ]


def anchors(page: Path) -> set[str]:
    """What a link can name in a page: its headings, and the specification's rules; of an included file too."""
    text = page.read_text(encoding="utf-8")
    found: set[str] = set()
    for included in INCLUDE.findall(text):
        found |= anchors((page.parent / included).resolve())
    text = FENCED.sub("", text)
    found |= {slug(heading) for heading in HEADING.findall(text)}
    return found | {rule.lower() for rule in RULE.findall(text)}


def slug(heading: str) -> str:
    """A heading's anchor, as repository hosts and MyST make it."""
    words = re.sub(r"[`*]", "", re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)).strip().lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


LINKS = [link for page in PAGES for link in links(page)]
assert LINKS, "no links were found"


@pytest.mark.parametrize("link", [pytest.param(link, id=link.id) for link in LINKS])
def test_link(link: Link) -> None:
    file, _, anchor = link.target.partition("#")
    target = (link.page.parent / file).resolve() if file else link.page
    assert target.is_relative_to(ROOT), "the link leaves the repository"
    assert target.exists(), f"{file} is not there"
    if anchor:
        assert anchor in anchors(target), f"{file} has no {anchor!r}"


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("1.3 Errors", "13-errors"),
        ("`slurpstats`", "slurpstats"),
        ("2.8 What version 1 cannot promise", "28-what-version-1-cannot-promise"),
    ],
)
def test_slug(heading: str, anchor: str) -> None:
    assert slug(heading) == anchor
