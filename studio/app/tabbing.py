"""The order of Tab, kept in line with the screen where forms come and go.

Qt appends what is made later to the end of a window's chain, so that Tab would reach a form that
was exchanged only after everything else.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLayout, QScrollArea, QWidget


def follow_layout(widget: QWidget) -> None:
    """Let Tab go through ``widget`` in the order in which its layouts show what is in it."""
    for one, other in pairwise(stops(widget)):
        QWidget.setTabOrder(one, other)


def stops(widget: QWidget) -> Iterator[QWidget]:
    """The widgets inside ``widget`` that Tab stops at, hidden ones too, by rows."""
    if isinstance(widget, QScrollArea) and (inner := widget.widget()) is not None:
        yield from _stop_or_stops(inner)
    elif (layout := widget.layout()) is not None:
        yield from _in_layout(layout)


def _in_layout(layout: QLayout) -> Iterator[QWidget]:
    order = list(range(layout.count()))
    if isinstance(layout, QGridLayout):
        places = {number: _place(layout, number) for number in order}
        order.sort(key=places.__getitem__)
    for number in order:
        item = layout.itemAt(number)
        if item is None:
            continue
        if (inner := item.layout()) is not None:
            yield from _in_layout(inner)
        elif (widget := item.widget()) is not None:
            yield from _stop_or_stops(widget)


def _place(layout: QGridLayout, number: int) -> tuple[int, int]:
    place: tuple[int, int, int, int] = layout.getItemPosition(number)  # type: ignore[assignment]
    return place[0], place[1]


def _stop_or_stops(widget: QWidget) -> Iterator[QWidget]:
    if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
        yield widget
    yield from stops(widget)
