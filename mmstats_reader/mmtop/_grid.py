"""A list of any number of rows, under their titles, of which only those that are seen are made into text.

Rule 1: a cell is cut and padded by the room that it takes on the screen, and never read as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from ._table import GAP


class Column(NamedTuple):
    """A column: its title, its cells, where its text stands, and how it looks. One without a width takes the rest."""

    title: str
    width: int = 0
    right: bool = False
    style: Style = Style()


class Grid(ScrollView, can_focus=True):
    """The list; one row is chosen. `show` says what it shows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)"),
        Binding("down,j", "move(1)"),
        Binding("pageup", "page(-1)"),
        Binding("pagedown", "page(1)"),
        Binding("home,g", "move(-9999999)"),
        Binding("end,G", "move(9999999)"),
        Binding("enter", "choose"),
    ]

    class Moved(Message):
        """Another row is chosen."""

    class Opened(Message):
        """The details of the row are wanted."""

    class Titled(Message):
        """The title of a column was clicked on."""

        def __init__(self, column: int) -> None:
            super().__init__()
            self.column = column

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.row = 0
        self._columns: Sequence[Column] = ()
        self._rows = 0
        self._cells: Callable[[int], Sequence[str]] = lambda row: ()
        self._sorted = -1
        self._tint: Callable[[int], Style] = lambda row: Style()

    def show(
        self,
        columns: Sequence[Column],
        rows: int,
        cells: Callable[[int], Sequence[str]],
        row: int,
        sorted_: int = -1,
        tint: Callable[[int], Style] = lambda row: Style(),
    ) -> None:
        """Show this.

        Args:
            columns: which there are.
            rows: how many there are.
            cells: gives the text of a row's cells.
            row: the one that is chosen.
            sorted_: the column by which they are sorted.
            tint: gives the look of a row.
        """
        self._columns, self._rows, self._cells, self._sorted, self._tint = columns, rows, cells, sorted_, tint
        self.virtual_size = Size(self.size.width, rows + 1)
        self._choose(row)

    def _choose(self, row: int) -> None:
        """Have a row chosen, and seen if it is another one."""
        row = max(min(row, self._rows - 1), 0)
        top, height = self.scroll_offset.y, max(self.size.height - 1, 1)
        if row != self.row and not top <= row < top + height:
            self.scroll_to(y=row if row < top else row - height + 1, animate=False, force=True)
        self.row = row
        self.refresh()

    def action_move(self, by: int) -> None:
        """Go by so many rows."""
        self._choose(self.row + by)
        self.post_message(self.Moved())

    def action_page(self, by: int) -> None:
        """Go by as many rows as are seen."""
        self.action_move(by * max(self.size.height - 2, 1))

    def action_choose(self) -> None:
        """Ask for the details."""
        if self._rows:
            self.post_message(self.Opened())

    def on_click(self, event: events.Click) -> None:
        """Choose the row under the mouse, and ask for its details at the second time; or say which title it was."""
        place = event.get_content_offset(self)
        if place is None:
            return
        if place.y:
            row = place.y - 1 + self.scroll_offset.y
            if row < self._rows:
                self.action_move(row - self.row)
                if event.chain > 1:
                    self.action_choose()
            return
        first = 0
        for column, width in enumerate(self._widths()):
            if first <= place.x < first + width + GAP:
                self.post_message(self.Titled(column))
            first += width + GAP

    def _widths(self) -> list[int]:
        left = self.size.width - sum(column.width + GAP for column in self._columns) + GAP
        return [column.width or max(left, 1) for column in self._columns]

    def render_line(self, y: int) -> Strip:
        """A line of the screen: the titles, or a row."""
        base = self.rich_style
        row = y - 1 + self.scroll_offset.y
        chosen = y > 0 and row == self.row and self.has_focus
        if y == 0:
            base += Style(bold=True, underline=True)
            cells: Sequence[str] = [
                f"▾{column.title}" if n == self._sorted else column.title for n, column in enumerate(self._columns)
            ]
        elif row < self._rows:
            cells = self._cells(row)
            base += Style(reverse=True) if chosen else self._tint(row)
        else:
            return Strip.blank(self.size.width, base)
        segments: list[Segment] = []
        for cell, column, width in zip(cells, self._columns, self._widths(), strict=True):
            before = " " * (width - cell_len(cell)) if column.right else ""
            gap = " " * GAP if segments else ""
            style = base if chosen or y == 0 else base + column.style
            segments.append(Segment(gap + set_cell_size(before + cell, width), style))
        return Strip(segments).adjust_cell_length(self.size.width, base)
