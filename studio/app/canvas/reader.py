"""The drawing for assistive technology: every node, wire and note as an object that can be found,
read and followed, though none of them is a widget.

Qt keeps an accessible object for as long as it is registered, whatever Python thinks of it. What is
registered is therefore held here, and taken off by its number before it is let go.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, Protocol

from PySide6.QtCore import QObject, QPoint, QRect, Qt, Slot
from PySide6.QtGui import (
    QAccessible,
    QAccessibleEvent,
    QAccessibleInterface,
    QAccessibleObject,
    QColor,
    QWindow,
)
from PySide6.QtWidgets import QWidget
from shiboken6 import isValid

from studio.project.values import Edge

Thing = str | Edge | tuple[str]
"""A node by its name, a wire, or a note by its name in a tuple."""


class Drawing(Protocol):
    """What is asked of the canvas."""

    def things(self) -> list[Thing]:
        """All that is drawn, in the order in which it is read."""

    def name_of(self, thing: Thing) -> str:
        """A few words."""

    def about(self, thing: Thing) -> str:
        """A sentence."""

    def place_of(self, thing: Thing) -> QRect:
        """In pixels of the screen."""

    def thing_at(self, place: QPoint) -> Thing | None:
        """What is drawn at this place of the screen."""

    def chosen(self) -> tuple[Thing, ...]:
        """What is selected; the last of it has the focus."""


class Reader(QWidget):
    """Has the drawing's accessible objects for children; nothing of it is seen."""

    def __init__(self, parent: QWidget, drawing: Drawing) -> None:
        _install()  # before Qt asks for the first time, as it does when the name is set
        super().__init__(parent)
        self.drawing = drawing
        self.around = parent
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.resize(0, 0)
        self._chosen: tuple[Thing, ...] = ()
        self._told: tuple[str, ...] = ()
        self._known: frozenset[Thing] = frozenset()
        self.items = _Items(self)
        self.setAccessibleName("Nodes, wires and notes")
        # A method of the items and not of this widget, which is going.
        self.destroyed.connect(self.items.clear)

    @Slot()
    def follow(self) -> None:
        """The drawing or what is selected has changed."""
        if not QAccessible.isActive():
            return
        things = frozenset(self.drawing.things())
        if things != self._known:
            self._known = things
            self.items.keep_only(things)
            _tell(QAccessibleEvent(self, QAccessible.Event.ObjectReorder))
        chosen = self.drawing.chosen()
        told = tuple(self.drawing.about(thing) for thing in chosen[-1:])
        if chosen != self._chosen:
            for thing in set(self._chosen) ^ set(chosen):
                if thing in things:
                    gone = thing not in chosen
                    event = "SelectionRemove" if gone else "SelectionAdd"
                    _tell(QAccessibleEvent(self.items.of(thing), QAccessible.Event[event]))
            if chosen:
                focus = QAccessible.Event.Focus
                _tell(QAccessibleEvent(self.items.of(chosen[-1]), focus))
        elif told != self._told and chosen:
            changed = QAccessible.Event.DescriptionChanged
            _tell(QAccessibleEvent(self.items.of(chosen[-1]), changed))
        self._chosen, self._told = chosen, told


def _tell(event: QAccessibleEvent) -> None:
    QAccessible.updateAccessibility(event)


class _Items:
    """The accessible objects of one reader that were asked for, by what they stand for."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._made: dict[Thing, tuple[_Item, int]] = {}
        _live.add(self)

    def of(self, thing: Thing) -> _Item:
        if thing not in self._made:
            item = _Item(self._reader, thing)
            self._made[thing] = item, QAccessible.registerAccessibleInterface(item)
        return self._made[thing][0]

    def keep_only(self, things: frozenset[Thing]) -> None:
        for thing in self._made.keys() - things:
            self._drop(thing)

    def clear(self) -> None:
        for thing in list(self._made):
            self._drop(thing)
        _live.discard(self)

    def _drop(self, thing: Thing) -> None:
        item, number = self._made.pop(thing)
        if isValid(item):
            QAccessible.deleteAccessibleInterface(number)


_live: set[_Items] = set()
_faces: list[_Face] = []
"""Those of all readers that live: they may not be collected while Qt has them."""


class _Item(QAccessibleInterface):
    """One thing that is drawn."""

    def __init__(self, reader: Reader, thing: Thing) -> None:
        super().__init__()
        self._reader = reader
        self.thing = thing

    def isValid(self) -> bool:
        return isValid(self._reader)

    def object(self) -> QObject | None:  # type: ignore[override]
        return None

    def window(self) -> QWindow | None:  # type: ignore[override]
        return self._reader.window().windowHandle()

    def relations(self, match: Any = None) -> list[Any]:
        return []

    def focusChild(self) -> QAccessibleInterface | None:  # type: ignore[override]
        return None

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]
        return None

    def parent(self) -> QAccessibleInterface:
        return QAccessible.queryAccessibleInterface(self._reader)

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        return None

    def childCount(self) -> int:
        return 0

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        return -1

    def text(self, kind: QAccessible.Text) -> str:
        drawing = self._reader.drawing
        if kind == QAccessible.Text.Name:
            return drawing.name_of(self.thing)
        return drawing.about(self.thing) if kind == QAccessible.Text.Description else ""

    def setText(self, kind: QAccessible.Text, text: str) -> None:
        """A name is changed by the canvas's own ways."""

    def rect(self) -> QRect:
        return self._reader.drawing.place_of(self.thing)

    def role(self) -> QAccessible.Role:
        return QAccessible.Role.ListItem

    def state(self) -> QAccessible.State:
        state = QAccessible.State()
        chosen = self._reader.drawing.chosen()
        state.selectable = state.focusable = True
        state.multiSelectable = isinstance(self.thing, str)
        state.selected = self.thing in chosen
        state.focused = chosen[-1:] == (self.thing,)
        return state

    def foregroundColor(self) -> QColor:
        return QColor()

    def backgroundColor(self) -> QColor:
        return QColor()


class _Face(QAccessibleObject):
    """The reader itself: a list."""

    def __init__(self, reader: Reader) -> None:
        super().__init__(reader)
        self._reader = reader

    def window(self) -> QWindow | None:  # type: ignore[override]
        return self._reader.window().windowHandle()

    def parent(self) -> QAccessibleInterface:
        return QAccessible.queryAccessibleInterface(self._reader.around)

    def focusChild(self) -> QAccessibleInterface | None:  # type: ignore[override]
        chosen = self._reader.drawing.chosen()
        return self._reader.items.of(chosen[-1]) if chosen else None

    def childAt(self, x: int, y: int) -> QAccessibleInterface | None:  # type: ignore[override]
        thing = self._reader.drawing.thing_at(QPoint(x, y))
        return self._reader.items.of(thing) if thing is not None else None

    def child(self, index: int) -> QAccessibleInterface | None:  # type: ignore[override]
        things = self._reader.drawing.things()
        return self._reader.items.of(things[index]) if 0 <= index < len(things) else None

    def childCount(self) -> int:
        return len(self._reader.drawing.things())

    def indexOfChild(self, child: QAccessibleInterface) -> int:
        things = self._reader.drawing.things()
        return things.index(child.thing) if isinstance(child, _Item) else -1

    def text(self, kind: QAccessible.Text) -> str:
        return self._reader.accessibleName() if kind == QAccessible.Text.Name else ""

    def rect(self) -> QRect:
        around = self._reader.around
        return QRect(around.mapToGlobal(QPoint(0, 0)), around.size())

    def role(self) -> QAccessible.Role:
        return QAccessible.Role.List

    def state(self) -> QAccessible.State:
        state = QAccessible.State()
        state.multiSelectable = True
        return state


def _face(key: str, about: QObject) -> _Face | None:
    """What Qt asks of each widget that something wants to read."""
    if not isinstance(about, Reader):
        return None
    _faces[:] = [face for face in _faces if isValid(face)]
    _faces.append(_Face(about))
    return _faces[-1]


_factory: Callable[..., Any] = _face


@cache
def _install() -> None:
    QAccessible.installFactory(_factory)
