"""What the site makes out of code and data, so that nothing of it is typed by hand.

{generated} NAME   Markdown made at build time: a command's help, a table, the benchmarks
links              from files of the repository that the site includes, to the site's pages
rules              of the specification, as link targets: ``specification.md#v1-5``
names              of the private modules that define them, as links to where they are exported
"""

from __future__ import annotations

import csv
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from docutils import nodes  # type: ignore[import-untyped,unused-ignore]  # its stubs are a package of their own
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.inspect import stringify_signature

from benchmarks.plots import draw
from mmstats_format import settings

DOCS = Path(__file__).parent
ROOT = DOCS.parent

#: The repository's files that are pages of the site.
INCLUDED = {
    ROOT / "CHANGELOG.md": "changelog.md",
    ROOT / "CONTRIBUTING.md": "contributing.md",
    ROOT / "spec" / "CONFORMANCE.md": "conformance.md",
    ROOT / "spec" / "FORMAT.md": "specification.md",
    ROOT / "spec" / "vectors" / "README.md": "vectors.md",
}

RULE = re.compile(r"\b[A-Z]\d*-[A-Z]?\d+\b")
PACKAGES = ("mmstats_writer", "mmstats_reader", "mmstats_format", "mmstats")


def help_text(*command: str) -> str:
    """A command's help as it prints it."""
    environment = os.environ | {"COLUMNS": "90", "NO_COLOR": "1", "PATH": f"{Path(sys.executable).parent}:{os.defpath}"}
    done = subprocess.run([*command, "--help"], env=environment, capture_output=True, text=True, check=True)
    return f"```console\n$ {' '.join(command)} --help\n{done.stdout}```"


def placeholders() -> str:
    """What paths and file names may hold."""
    rows = [f"| `{{{name}}}` | {meaning} |" for name, meaning in settings.PLACEHOLDERS.items()]
    return "\n".join(["| placeholder | stands for |", "| --- | --- |", *rows])


def benchmarks() -> str:
    """The figures of the last run of ``make bench``, and what it ran on."""
    table, circumstances = DOCS / "data" / "benchmarks.csv", DOCS / "data" / "benchmarks.json"
    if not table.exists() or not circumstances.exists():
        return "**Not measured yet.** `make bench` measures, and fills this page."
    run = json.loads(circumstances.read_text(encoding="utf-8"))
    notes = [f"- {note}" for note in run.pop("notes")]
    facts = [f"- {name.replace('_', ' ')}: `{fact}`" for name, fact in run.items() if isinstance(fact, str | int)]
    figures = f"```{{csv-table}}\n:file: /data/{table.name}\n:header-rows: 1\n:widths: auto\n```"
    return "\n".join([figures, "", *notes, "", "The run:", "", *facts])


def peers() -> str:
    """What an update costs beside peers, in the last run of ``make bench``."""
    path = DOCS / "data" / "benchmarks.csv"
    with open(path, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    multi = [row for row in rows if row["beside"].endswith("multi-process") and row["theirs"].endswith(" ns")]
    figures = multi + [row for row in rows if row["figure"].startswith("an update of ")]
    if not figures:
        return "**Not measured yet.** `make bench` measures, and fills this table."
    lines = ["| what | ours | beside | theirs | ratio |", "| --- | --- | --- | --- | --- |"]
    cells = ("figure", "ours", "beside", "theirs", "ratio")
    return "\n".join(lines + ["| " + " | ".join(row[cell] or "not here" for cell in cells) + " |" for row in figures])


def plots() -> str:
    """The pictures of the last run of ``make bench``, drawn now."""
    run = DOCS / "data" / "benchmarks.json"
    if not run.exists() or not json.loads(run.read_text(encoding="utf-8")).get("curves"):
        return ""
    return "\n\n".join(f"![{path.stem.replace('-', ' ')}](/plots/{path.name})" for path in draw(run, DOCS / "plots"))


def stress() -> str:
    """What the last long run of ``make stress`` has seen, and what it ran on."""
    path = DOCS / "data" / "stress.json"
    if not path.exists():
        return "**Not run yet.** `make stress READS=100000000 OUTPUT=docs/data/stress.json` runs, and fills this page."
    run = json.loads(path.read_text(encoding="utf-8"))
    columns = ("version", "reading", "metrics", "writer", "updates", "accepted", "unconfirmed", "torn")
    rows = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    for figure in run.pop("runs"):
        cells = [figure[column] for column in columns]
        rows.append("| " + " | ".join(f"{cell:,}" if type(cell) is int else str(cell) for cell in cells) + " |")
    total = run.pop("version_2")
    said = (
        f"In all, version 2 by this project's reader: {total['accepted']:,} values accepted in {total['polls']:,} "
        f"looks, **{total['torn']:,} torn**, {total['older']:,} older than one seen before, "
        f"{total['unconfirmed']:,} marked as unconfirmed."
    )
    facts = [f"- {name.replace('_', ' ')}: `{fact}`" for name, fact in run.items()]
    return "\n".join([said, "", *rows, "", "The run:", "", *facts])


def fuzz() -> str:
    """What the last long run of ``make fuzz`` came to, and what it ran on."""
    path = DOCS / "data" / "fuzz.json"
    if not path.exists():
        return "**Not run yet.** `make fuzz SECONDS=3600 OUTPUT=docs/data/fuzz.json` runs, and fills this page."
    run = json.loads(path.read_text(encoding="utf-8"))
    columns = {
        "target": "target",
        "seconds": "seconds",
        "runs": "inputs",
        "runs_per_second": "a second",
        "coverage_of_vectors": "edges by the vectors",
        "coverage": "in the end",
        "features_of_vectors": "features by the vectors",
        "features": "in the end",
        "corpus": "inputs kept",
        "memory_mib": "MiB",
        "findings": "faults",
    }
    rows = ["| " + " | ".join(columns.values()) + " |", "| --- " * len(columns) + "|"]
    for target in run.pop("targets"):
        cells = [len(target[key]) if key == "findings" else target[key] for key in columns]
        rows.append("| " + " | ".join(f"{cell:,}" if type(cell) is int else str(cell) for cell in cells) + " |")
    said = f"In all {run['runs']:,} inputs, and **{run['findings']:,} faults**."
    note = "Edges are steps between lines of code; a feature is an edge and about how often it was gone."
    facts = [f"- {name.replace('_', ' ')}: `{fact}`" for name, fact in run.items()]
    return "\n".join([said, "", *rows, "", note, "", "The run:", "", *facts])


def faults() -> str:
    """Each rule, its faults, and the tests of the kit that found them in the last run."""
    path = DOCS / "data" / "faults.json"
    if not path.exists():
        return "**Not run yet.** `python -m interop.faults --output docs/data/faults.json` runs, and fills this page."
    run = json.loads(path.read_text(encoding="utf-8"))
    table = run.pop("rules")
    rows = ["| rule | language | fault | found by |", "| --- | --- | --- | --- |"]
    made = found = 0
    for rule, row in table.items():
        if "silent" in row:
            rows.append(f"| {rule} | | none: {row['silent']} | |")
        for fault in row.get("faults", ()):
            made, found = made + 1, found + bool(fault["found by"])
            test = f"`{fault['found by']}`" if fault["found by"] else "**not found**"
            rows.append(f"| {rule} | {fault['language']} | {fault['fault']} | {test} |")
    said = f"In all {made:,} faults, {found:,} of them found."
    facts = [f"- {name.replace('_', ' ')}: `{fact}`" for name, fact in run.items()]
    return "\n".join([said, "", "The run:", "", *facts, "", *rows])


def soak() -> str:
    """What the last long run of ``make soak`` has seen, and what it ran on."""
    path = DOCS / "data" / "soak.json"
    if not path.exists():
        return "**Not run yet.** `make soak MINUTES=10 OUTPUT=docs/data/soak.json` runs, and fills this page."
    run = json.loads(path.read_text(encoding="utf-8"))
    said = (
        f"{run['updates_made']:,} updates were made, and **{run['updates_counted']:,} counted**. "
        f"**{run['totals_down']:,}** totals went down, **{run['unreadable']:,}** files could not be read, and "
        f"**{run['torn']:,}** values were torn."
    )
    columns = {
        "servers": "servers",
        "servers_killed": "of them killed",
        "workers": "workers forked",
        "workers_killed": "of them killed by their servers",
        "threads": "short-lived threads",
        "cleaners": "cleaners, each of which was killed",
        "folds": "folds that they told of",
        "files_folded": "files folded in these",
        "polls": "polls",
        "incomplete": "of them marked as not complete",
        "snapshots": "snapshots of single files",
    }
    rows = ["| what | how many |", "| --- | --- |", *(f"| {what} | {run[key]:,} |" for key, what in columns.items())]
    shown = ("command", "commit", "dirty", "date", "python", "platform", "processor", "cores", "seconds", "seed")
    facts = [f"- {name}: `{run[name]}`" for name in shown]
    return "\n".join([said, "", *rows, "", "The run:", "", *facts])


def top() -> str:
    """What ``mmtop`` was last measured to take, and what it was measured on."""
    path = DOCS / "data" / "top.json"
    if not path.exists():
        return "**Not measured yet.** `python -m benchmarks.top --output docs/data/top.json` fills this page."
    run = json.loads(path.read_text(encoding="utf-8"))
    said = (
        f"With {run['files']} files of {run['metrics']} metrics, a look a second, in a terminal of {run['terminal']}: "
        f"**{100 * run['cpu_each']:.1f} %** of one core for {run['files'] * run['metrics']:,} rows, each process by "
        f"itself, and {100 * run['cpu_together']:.1f} % together, where {100 * run['cpu_at_most']:g} % is the bound. "
        f"Of {run['keys']} keys half showed their effect within {1000 * run['latency_median']:.0f} ms, 95 % within "
        f"{1000 * run['latency_95']:.0f} ms, and the slowest within **{1000 * run['latency_most']:.0f} ms**; the bound "
        f"is {1000 * run['latency_at_most']:g} ms."
    )
    shown = ("command", "commit", "dirty", "date", "python", "textual", "numpy", "platform", "processor", "cores")
    return "\n".join([said, "", "The run:", "", *(f"- {name}: `{run[name]}`" for name in shown)])


def mmtop_keys() -> str:
    """The keys of ``mmtop``."""
    from mmstats_reader.mmtop._screen import KEYS

    rows = [f"| `{key}` | {what} |" for key, _, what in KEYS]
    return "\n".join(["| key | does |", "| --- | --- |", *rows])


GENERATED = {
    "slurpstats": lambda: help_text("slurpstats"),
    "cleanstats": lambda: help_text("cleanstats"),
    "pollstats": lambda: help_text("pollstats"),
    "mmtop": lambda: help_text("mmtop"),
    "mmash": lambda: help_text("mmash"),
    "conformance": lambda: help_text("mmstats-conformance"),
    "conformance-run": lambda: help_text("mmstats-conformance", "run"),
    "otel": lambda: help_text("python", "-m", "mmstats_reader.otel"),
    "mmstats_format": lambda: help_text("python", "-m", "mmstats_format"),
    "placeholders": placeholders,
    "benchmarks": benchmarks,
    "peers": peers,
    "plots": plots,
    "stress": stress,
    "fuzz": fuzz,
    "soak": soak,
    "faults": faults,
    "top": top,
    "mmtop-keys": mmtop_keys,
}


class Generated(SphinxDirective):
    """Markdown that a function makes, in its place."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The nodes of it; the page is read anew in every build."""
        self.env.note_reread()
        return self.parse_text_to_nodes(GENERATED[self.arguments[0]]())


def link_to_pages(app: Sphinx, path: Path, docname: str, content: list[str]) -> None:
    """In a file that the site includes, let links to the repository's files lead to the site's pages."""
    source = (DOCS / path).resolve()

    def page(link: re.Match[str]) -> str:
        file, hash_sign, anchor = link["target"].partition("#")
        target = (source.parent / file).resolve()
        if not file or re.match(r"[a-z]+:", file):
            return link[0]
        if target in INCLUDED:
            file = INCLUDED[target]
        elif target.is_relative_to(DOCS):
            file = target.relative_to(DOCS).as_posix()
        else:
            return link["text"]
        return f"[{link['text']}]({file}{hash_sign}{anchor})"

    content[0] = re.sub(r"(?<!!)\[(?P<text>[^]]+)\]\((?P<target>[^)\s]+)\)", page, content[0])


def mark_rules(app: Sphinx, doctree: nodes.document) -> None:
    """Make each rule of the specification a target by its id in lower case, and each mention of one a link to it."""
    slugs = app.env.metadata[app.env.docname].get("myst_slugs", {})
    rules: dict[str, str] = {}
    for item in doctree.findall(nodes.list_item):
        strong = next(iter(item.findall(nodes.strong)), None)
        if strong is not None and RULE.fullmatch(name := strong.astext()):
            rules[name] = name.lower()
            item["ids"].append(name.lower())
            slugs[name.lower()] = (item.line or 0, name.lower(), name)
            strong["classes"].append("rule")
    for text in list(doctree.findall(nodes.Text)):
        if isinstance(text.parent, nodes.paragraph | nodes.emphasis):
            parts = RULE.split(text.astext())
            mentions = RULE.findall(text.astext())
            pieces: list[nodes.Node] = [nodes.Text(parts[0])]
            for name, rest in zip(mentions, parts[1:], strict=True):
                known = name in rules
                pieces.append(
                    nodes.reference("", name, refid=rules[name], classes=["rule"]) if known else nodes.Text(name)
                )
                pieces.append(nodes.Text(rest))
            if mentions:
                text.parent.replace(text, pieces)


def to_export(app: Sphinx, env: Any, node: Any, text: nodes.TextElement) -> nodes.Node | None:
    """A name as its module knows it (``mmstats_writer._metrics.Counter``, ``Counter``), where a package exports it."""
    if node.get("refdomain") != "py":
        return None
    *modules, name = node["reftarget"].split(".")
    own = (modules or [node.get("py:module") or ""])[0].split(".")[0]
    if own not in PACKAGES:
        return None
    python = env.domains["py"]
    # Of two that have one name, that of the own package is meant.
    inside = [known for known in python.objects if known.startswith(f"{own}.") and known.endswith(f".{name}")]
    for target in (f"{own}.{name}", *inside, *(f"{package}.{name}" for package in PACKAGES)):
        if found := python.resolve_xref(env, node["refdoc"], app.builder, "obj", target, node, text):
            return found
    return None


def tell_arguments(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Append to a class's docstring that of its own ``__init__``, not of an inherited one."""
    if what in ("class", "exception") and (text := getattr(vars(thing).get("__init__"), "__doc__", None)):
        own = inspect.cleandoc(text).splitlines()
        # Google style puts arguments before attributes; the first line says again what the class is.
        lines[:] = [*lines, "", *own]


def tell_signature(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """The arguments that are taken, where Python tells others: those that ``__new__`` or a wrapper passes on."""
    if what == "class" and (signature or "").startswith("(*"):
        first, *others = inspect.signature(thing.__init__).parameters.values()
        return stringify_signature(inspect.Signature(others)), None
    if what == "method" and inspect.isclass(declared := getattr(thing, "__wrapped__", None)):
        first, *others = inspect.signature(declared).parameters.values()
        bare = [first.replace(default=first.empty), *others]
        taken = inspect.Signature([argument.replace(annotation=argument.empty) for argument in bare])
        return re.sub(r"<(?:class|built-in function) '?(\w+)'?>", r"\1", stringify_signature(taken)), None
    return None


def skip_aliases(app: Sphinx, what: str, name: str, thing: Any, skip: bool, options: Any) -> bool | None:
    """Leave out attributes that are only another class, and what a named tuple says of its columns."""
    return True if (what == "class" and inspect.isclass(thing)) or type(thing).__name__ == "_tuplegetter" else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("generated", Generated)
    app.connect("include-read", link_to_pages)
    app.connect("doctree-read", mark_rules)
    app.connect("missing-reference", to_export)
    app.connect("autodoc-process-docstring", tell_arguments, priority=400)  # before napoleon reads it
    app.connect("autodoc-process-signature", tell_signature)
    app.connect("autodoc-skip-member", skip_aliases)
    return {"parallel_read_safe": False}
