"""Sphinx's configuration; what the site makes out of code and data is in ``_extension.py``."""

from __future__ import annotations

import builtins
import sys
from pathlib import Path

from mmstats_format import __version__

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

project = "mmstats-format"
copyright = "the mmstats-format authors, Apache-2.0"
release = version = __version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_design",
    "_extension",
    "_diagrams",
    "_figures",
    "_links",
]
exclude_patterns = ["_build"]
default_role = "py:obj"
add_module_names = False

myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
napoleon_attr_annotations = False
napoleon_use_ivar = True

_names = "|".join(vars(builtins))
nitpick_ignore_regex = [
    # Python's own: the build fetches nothing, so there is nothing to link to.
    ("py:.*", rf"({_names}|(collections|ctypes|json|os|threading|typing)\..*|Callable\[\[\])"),
    # Parameters in docstrings, and the variables of generic types.
    ("py:obj", r"[a-z_]+"),
    ("py:(class|obj)", r"(.*\.)?_?T(_co)?"),
    # Other projects' own, for the same reason; and the application of mmash, which is any ASGI application to users.
    ("py:class", r"(prometheus_client|opentelemetry)\..*|Application"),
    # Type aliases, which the docstrings tell in words.
    ("py:class", "Buffer|JSON|Value"),
]

html_theme = "furo"
html_title = f"mmstats-format {release}"
html_static_path = ["_static"]
html_css_files = ["tables.css", "pictures.css"]
html_copy_source = False
html_show_sphinx = False
