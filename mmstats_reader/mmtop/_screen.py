"""The screen of ``mmtop``.

    status     how many processes there are, and how they are looked at
    processes  who writes, and whether he lives
    metrics    value, change, averages and history of each
    about      what the chosen metric is
    keys

Rule 1: a look costs what there is, once; what is not seen is not made into text.
Rule 2: the row that is chosen stays so, wherever it is sorted to; only the first place is always that of the first.
Rule 3: looks come at multiples of the interval, so that nothing drifts.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Hashable, Sequence
from typing import ClassVar

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text as RichText
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import Input, Static

from .._directory import Directory
from .._view import View
from . import _details, _shown
from ._grid import Column, Grid
from ._table import CHANGE, NAME, PROCESS, TITLES, VALUE, Table

#: Seconds from look to look that the keys choose from.
INTERVALS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
#: A terminal of so many columns has room for the reasons of states; they get a third of it.
_WIDE = 120
#: A terminal of fewer lines shows fewer processes.
_LOW, _FEW_PROCESSES, _PROCESSES = 36, 4, 8

#: What the keys do, for the last lines of the screen and in more words.
KEYS = (
    ("↑↓", "Row", "choose a row; also PgUp PgDn Home End"),
    ("⏎", "Details", "all about the chosen metric or process; Esc goes back"),
    ("Tab", "Table", "go to the processes, or to the metrics"),
    ("< >", "Sort", "sort by the column before, or the next one"),
    ("r", "Reverse", "sort the other way round"),
    ("/", "Filter", "show only metrics that match a pattern; Esc takes it away"),
    ("e", "Each process", "each process by itself, or all together"),
    ("z", "Zeros", "hide what is zero, or show it"),
    ("u", "Units", "scaled numbers, or all digits"),
    ("p", "Pause", "stop looking, or go on"),
    ("+ -", "Interval", "look less often, or more often"),
    ("x", "Errors", "what cannot be read, and what does not fit together"),
    ("?", "Help", "the keys and the columns"),
    ("q", "Quit", "leave; also Ctrl-C"),
)
_WHILE_ASKED = (("⏎", "Keep"), ("Esc", "All metrics"))
_IN_DETAILS = (("Esc", "Back"), ("↑↓", "Scroll"), ("u", "Units"), ("q", "Quit"))


class Top(App[None]):
    """The program: the `Main` screen, and `Details` over it. It has the terminal's own colours."""

    TITLE = "mmtop"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+c", "quit", priority=True),
        Binding("ctrl+z", "suspend_process", priority=True),
    ]
    CSS = """
    .line { height: 1; padding: 0 1; }
    .status { text-style: reverse bold; }
    Grid { padding: 0 1; overflow-x: hidden; scrollbar-size-vertical: 1; }
    #metrics { height: 1fr; border-top: solid ansi_blue; }
    #about { height: 3; padding: 0 1; border-top: solid ansi_blue; }
    Keys { height: auto; padding: 0 1; }
    #pattern { display: none; height: 1; border: none; padding: 0 1; }
    VerticalScroll { height: 1fr; padding: 0 1; scrollbar-size-vertical: 1; }
    """

    def __init__(self, stats: Directory, interval: float, pattern: str = "") -> None:
        """Show what is read there, every so many seconds, of the metrics that match."""
        super().__init__(ansi_color=True)
        self.theme = "ansi-dark"
        self.main = Main(stats, interval, pattern)

    def on_mount(self) -> None:
        """Begin; a signal that ends programs leaves the terminal as it was."""
        self.push_screen(self.main)
        with contextlib.suppress(NotImplementedError, AttributeError):  # on Windows
            for number in (signal.SIGTERM, signal.SIGHUP):
                asyncio.get_running_loop().add_signal_handler(number, self.exit)


class Main(Screen[None]):
    """The tables."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q", "app.quit"),
        Binding("tab", "other", priority=True),
        Binding("slash", "filter"),
        Binding("less_than_sign", "sort(-1)"),
        Binding("greater_than_sign", "sort(1)"),
        Binding("r", "reverse"),
        Binding("e", "each"),
        Binding("z", "zeros"),
        Binding("u", "units"),
        Binding("p,space", "pause"),
        Binding("plus", "interval(1)"),
        Binding("minus", "interval(-1)"),
        Binding("x", "errors"),
        Binding("question_mark,h", "help"),
        Binding("escape", "all"),
    ]

    def __init__(self, stats: Directory, interval: float, pattern: str) -> None:
        """Show what is read there, every so many seconds, of the metrics that match."""
        super().__init__()
        self.stats, self.interval = stats, interval
        self.table = Table(pattern)
        self.view: View | None = None
        self.paused = False
        self._trouble = ""
        self._followed: Hashable = None
        self._begun = 0.0
        self._next: Timer | None = None

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        yield Static(id="status", classes="line status", markup=False)
        yield Grid("processes")
        yield Grid("metrics")
        yield Static(id="about", markup=False)
        yield Input(placeholder="a pattern of names, such as *.http.*", id="pattern", compact=True)
        yield Keys([key[:2] for key in KEYS])

    def on_mount(self) -> None:
        """Begin."""
        self.query_one("#metrics", Grid).focus()
        self._begin()

    def _begin(self) -> None:
        """Look now, and from now on."""
        if self._next is not None:
            self._next.stop()
        self._begun = time.monotonic()
        self._look_on()

    def _look_on(self) -> None:
        if not self.paused:
            self.look()
        wait = self.interval - (time.monotonic() - self._begun) % self.interval
        if wait < self.interval / 10:  # a timer may be a little early
            wait += self.interval
        self._next = self.set_timer(wait, self._look_on)

    def look(self) -> None:
        """Look at the files, and show what there is."""
        try:
            self.view = self.stats.poll()
        except OSError as error:
            self._trouble = f"{error.filename}: {error.strerror}"
            self._show_status()
            return
        self._trouble = ""
        self.table.take(self.view)
        self._show()
        if isinstance(self.app.screen, Details):
            self.app.screen.show(self.view, self.table.scaled)

    def _show(self) -> None:
        """Show all parts."""
        self._show_status()
        self._show_processes()
        self._show_metrics()

    def _show_status(self) -> None:
        table, parts = self.table, ["mmtop"]
        if self.view is not None:
            states = [process.state for process in self.view.processes]
            counts = [f"{states.count(state)} {state}" for state in ("live", "dead", "unknown") if state in states]
            parts.append(", ".join(counts) or "no process")
        parts.append(f"{len(table.order):,} rows, {'each process' if table.each else 'all together'}")
        if not table.zeros:
            parts.append("without zeros")
        if table.pattern:
            parts.append(f"only {table.pattern}")
        parts.append("paused" if self.paused else f"every {self.interval:g} s")
        if self.view is not None and (wrong := len(self.view.errors) + len(self.view.conflicts)):
            parts.append(f"{wrong} wrong: x")
        if self._trouble:
            parts[1:] = [f"cannot look: {self._trouble}"]
        self._say("#status", " · ".join(parts))

    def _say(self, where: str, *lines: str) -> None:
        text = "\n".join(map(_shown.clean, lines))
        self.query_one(where, Static).update(RichText(text, no_wrap=True, overflow="ellipsis"), layout=False)

    def _show_processes(self) -> None:
        processes = self.view.processes if self.view is not None else ()
        now, reasons = time.time(), self.size.width >= _WIDE

        def cells(row: int) -> Sequence[str]:
            one = processes[row]
            lived = _shown.age(now - one.created / 10**9) if one.created else _shown.NONE
            numbers = [str(number) if number else _shown.NONE for number in (one.pid, one.thread)]
            parts = [one.app or _shown.NONE, *numbers, one.state, *([one.reason] if reasons else [])]
            return [_shown.clean(part) for part in (*parts, lived, os.path.basename(one.path))]

        columns = [
            Column("application", 16),
            Column("pid", 8, right=True),
            Column("thread", 8, right=True),
            Column("state", 7),
            *([Column("because", self.size.width // 3)] if reasons else []),
            Column("age", 11, right=True),
            Column("file"),
        ]
        grid = self.query_one("#processes", Grid)
        grid.styles.height = 1 + min(len(processes), _PROCESSES if self.size.height >= _LOW else _FEW_PROCESSES)
        tints = {"live": Style(), "dead": Style(color="red")}
        grid.show(
            columns,
            len(processes),
            cells,
            grid.row,
            tint=lambda row: tints.get(processes[row].state, Style(color="yellow")),
        )

    def _show_metrics(self) -> None:
        if self.view is None:
            return
        table, grid = self.table, self.query_one("#metrics", Grid)
        columns = table.columns(grid.size.width)
        styles = {NAME: Style(), PROCESS: Style(), VALUE: Style(bold=True), CHANGE: Style(color="green")}
        titles = [
            Column(TITLES[column], width, VALUE <= column < len(TITLES) - 1, styles.get(column, Style(color="cyan")))
            for column, width in columns.items()
        ]
        sorted_ = list(columns).index(table.sort) if table.sort in columns else -1
        line = table.line(self._followed, grid.row)
        grid.show(titles, len(table.order), table.cells(columns), line, sorted_)
        self._show_about()

    def _show_about(self) -> None:
        family = self.table.family(self.query_one("#metrics", Grid).row)
        self._say("#about", *(_details.about(family) if family else ("no metric is shown",)))

    def _rearranged(self) -> None:
        """Show the metrics in another way, from the first."""
        self._followed = None
        self.query_one("#metrics", Grid).row = -1
        self._show_metrics()
        self._show_status()

    def on_grid_moved(self) -> None:
        """A row was chosen, which is followed from now on."""
        row = self.query_one("#metrics", Grid).row
        self._followed = self.table.key(row) if row else None
        self._show_about()

    def on_grid_opened(self, event: Grid.Opened) -> None:
        """The details of a row are wanted."""
        family = self.table.family(self.query_one("#metrics", Grid).row)
        if self.query_one("#metrics", Grid).has_focus:
            if family is not None:
                self._open(_details.of_metric(family))
        elif self.view is not None:
            self._open(_details.of_process(self.view.processes[self.query_one("#processes", Grid).row].path))

    def _open(self, text: _details.Text) -> None:
        if self.view is not None:
            self.app.push_screen(Details(text, self.view, self))

    def on_grid_titled(self, event: Grid.Titled) -> None:
        """A title was clicked on."""
        grid = self.query_one("#metrics", Grid)
        if grid.has_focus:
            self.table.sort_by(list(self.table.columns(grid.size.width))[event.column])
            self._rearranged()

    def on_resize(self) -> None:
        """The terminal has another size."""
        self.call_after_refresh(self._show)

    def action_other(self) -> None:
        """Go to the other table."""
        field = self.query_one("#pattern", Input)
        if not field.display:
            there = self.query_one("#metrics", Grid).has_focus
            self.query_one("#processes" if there else "#metrics", Grid).focus()

    def action_filter(self) -> None:
        """Ask for a pattern."""
        field = self.query_one("#pattern", Input)
        field.value, field.display = self.table.pattern, True
        field.focus()
        self.query_one(Keys).show(_WHILE_ASKED)

    def on_input_changed(self, event: Input.Changed) -> None:
        """A pattern is being typed; what matches is seen at once."""
        if event.input.display:
            self._filter(event.value)

    def _filter(self, pattern: str) -> None:
        self.table.pattern = pattern
        self.table.arrange()
        self._rearranged()

    def on_input_submitted(self) -> None:
        """The pattern is complete."""
        self.query_one("#pattern", Input).display = False
        self.query_one("#metrics", Grid).focus()
        self.query_one(Keys).show([key[:2] for key in KEYS])

    def action_all(self) -> None:
        """Show all metrics, whatever the pattern was."""
        self.on_input_submitted()
        self._filter("")

    def action_sort(self, by: int) -> None:
        """Sort by the next column, or the one before."""
        self.table.move_sort(by, list(self.table.columns(self.query_one("#metrics", Grid).size.width)))
        self._rearranged()

    def action_reverse(self) -> None:
        """Sort the other way round."""
        self.table.reverse = not self.table.reverse
        self.table.arrange()
        self._rearranged()

    def action_each(self) -> None:
        """Show each process by itself, or all together."""
        self.table.turn_each()
        self._rearranged()

    def action_zeros(self) -> None:
        """Hide what is zero, or show it."""
        self.table.zeros = not self.table.zeros
        self.table.arrange()
        self._rearranged()

    def action_units(self) -> None:
        """Show scaled numbers, or all digits."""
        self.table.scaled = not self.table.scaled
        self._show_metrics()

    def action_pause(self) -> None:
        """Stop looking, or go on."""
        self.paused = not self.paused
        self._show_status()

    def action_interval(self, by: int) -> None:
        """Look less often, or more often."""
        others = [seconds for seconds in INTERVALS if (seconds - self.interval) * by > 0]
        if others:
            self.interval = min(others) if by > 0 else max(others)
            self._begin()
            self._show_status()

    def action_errors(self) -> None:
        """Show what is wrong."""
        self._open(_details.problems)

    def action_help(self) -> None:
        """Explain the keys and the columns."""
        self._open(_details.of_keys([(key, more) for key, _, more in KEYS]))


class Details(Screen[None]):
    """Lines over the whole screen, made anew at each look."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,backspace", "app.pop_screen"),
        Binding("u", "units"),
        Binding("q", "app.quit"),
    ]

    def __init__(self, text: _details.Text, view: View, main: Main) -> None:
        """Show what this makes of a view."""
        super().__init__()
        self._lines, self._first, self._main = text, view, main

    def compose(self) -> ComposeResult:
        """The parts of the screen."""
        with VerticalScroll():
            yield Static(id="details", markup=False)
        yield Keys(_IN_DETAILS)

    def on_mount(self) -> None:
        """Begin."""
        self.show(self._first, self._main.table.scaled)

    def show(self, view: View, scaled: bool) -> None:
        """Show what there is now."""
        first, *others = [_shown.clean(line) for line in self._lines(view, scaled)]
        self.query_one("#details", Static).update(
            RichText("\n").join([RichText(first, "bold"), *map(RichText, others)])
        )

    def action_units(self) -> None:
        """Show scaled numbers, or all digits."""
        self._main.action_units()
        if self._main.view is not None:
            self.show(self._main.view, self._main.table.scaled)


class Keys(Static):
    """Keys and what they do, in as many lines as they need."""

    def __init__(self, keys: Sequence[tuple[str, str]]) -> None:
        super().__init__(markup=False)
        self._shown = keys

    def show(self, keys: Sequence[tuple[str, str]]) -> None:
        """Show others."""
        self._shown = keys
        self.on_resize()

    def on_resize(self) -> None:
        """Fill the lines; a key and its words stay together."""
        text, used = RichText(), 0
        for key, what in self._shown:
            width = cell_len(key) + cell_len(what) + 3
            if used and used + width - 2 > self.size.width:
                text, used = text.append("\n"), 0
            used += width
            text.append(key, Style(reverse=True)).append(f" {what}  ")
        self.update(text)
