"""The built site's links, checked: every file and every place in it that a page leads to is there.

Nothing is fetched: links to other sites are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sphinx.application import Sphinx
from sphinx.util import logging

_log = logging.getLogger(__name__)


class Page(HTMLParser):
    """What a page leads to, and the places in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: set[str] = set()
        self.places: set[str] = {"", "top"}
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each tag."""
        for key, value in attrs:
            if key in ("href", "src") and value is not None:
                self.targets.add(value)
            elif (key == "id" or (key == "name" and tag == "a")) and value:
                self.places.add(value)


def broken(pages: Iterable[Path]) -> list[tuple[Path, str]]:
    """The links of the pages that lead nowhere, each with its page."""

    @cache
    def read(path: Path) -> Page:
        return Page(path.read_text(encoding="utf-8"))

    found = []
    for page in pages:
        for target in sorted(read(page).targets):
            parts = urlsplit(target)
            if parts.scheme or parts.netloc:
                continue
            file = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            file = file / "index.html" if file.is_dir() else file
            if not file.is_file() or (file.suffix == ".html" and unquote(parts.fragment) not in read(file).places):
                found.append((page, target))
    return found


def check(app: Sphinx, exception: Exception | None) -> None:
    """Check the pages of this build; a warning is an error in ``make docs``."""
    if exception is not None or app.builder.format != "html":
        return
    pages = [Path(app.outdir) / f"{name}.html" for name in sorted(app.env.found_docs)]
    for page, target in broken(page.resolve() for page in pages):
        _log.warning("a link that leads nowhere: %s", target, location=str(page), type="links")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True}
