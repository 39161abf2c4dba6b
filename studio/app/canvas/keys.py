"""What the keyboard does on the canvas beyond its shortcuts: wires, order, reach, the view."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QObject, QPoint, QPointF, Qt, Slot
from PySide6.QtGui import QKeyEvent

from studio.app.canvas.key_wire import KeyWire
from studio.app.canvas.stage import Stage
from studio.app.canvas.walking import Direction, around, first_and_last, wires_of
from studio.project import graph, registry, reorder
from studio.project.comment_limits import SMALLEST
from studio.project.values import Edge, Network

NUDGE = 8.0
SCROLL = 80
"""Pixels on screen for an arrow while Space is held."""
_ARROWS: dict[int, Direction] = {
    Qt.Key.Key_Up.value: "up",
    Qt.Key.Key_Down.value: "down",
    Qt.Key.Key_Left.value: "left",
    Qt.Key.Key_Right.value: "right",
}
_WAYS: dict[Direction, tuple[int, int]] = {
    "up": (0, -1), "down": (0, 1), "left": (-1, 0), "right": (1, 0)
}  # fmt: skip
_CTRL = Qt.KeyboardModifier.ControlModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_ALT = Qt.KeyboardModifier.AltModifier
_NONE = Qt.KeyboardModifier.NoModifier


class CanvasKeys(QObject):
    """Is asked about each key before the view; says whether it knew what to do with it."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._workspace = view.workspace
        self._wire: KeyWire | None = None

    @property
    def busy(self) -> bool:
        """Whether a wire is in hand."""
        return self._wire is not None

    def cancel(self) -> None:
        """Let go of the wire in hand."""
        wire, self._wire = self._wire, None
        if wire is not None:
            wire.cancel()

    def add_at_end(self) -> bool:
        """Ask what to add at the end of the wire in hand; whether there is one that leads on."""
        wire = self._wire
        if wire is None or wire.source is None:
            return False
        self.cancel()
        box = self._view.canvas.grid.get(wire.source)
        assert box is not None
        at = box.center
        down = self._network.flow == "down"
        place = QPointF(at.x, box.bottom + 80.0) if down else QPointF(box.right + 140.0, at.y)
        self._view.feed_wanted.emit(wire.source, place)
        return True

    def press(self, event: QKeyEvent, *, space: bool = False) -> bool:
        """Do what a key asks for. ``space`` says that the space bar is held."""
        key = event.key()
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if self._wire is not None:
            return self._lead(self._wire, key, held)
        if key in _ARROWS:
            return self._arrow(_ARROWS[key], held, space)
        if key in (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown) and held in (_NONE, _SHIFT):
            room = self._view.viewport().size() * 0.8
            way = 1 if key == Qt.Key.Key_PageDown else -1
            across = held == _SHIFT
            self._view.scroll_by(
                QPoint(way * room.width(), 0) if across else QPoint(0, way * room.height())
            )
            return True
        if key in (Qt.Key.Key_Home, Qt.Key.Key_End) and held == _NONE:
            ends = first_and_last(self._network)
            if ends is not None:
                self._go_to(ends[0] if key == Qt.Key.Key_Home else ends[1])
            return True
        edge = self._view.canvas.selected_edge
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and edge is not None:
            self._view.quick_add_wanted.emit(self._view.viewport().rect().center())
            return True
        return False

    @property
    def _network(self) -> Network:
        return self._view.editor.network

    def _go_to(self, name: str) -> None:
        self._workspace.select((name,))
        self._view.reveal(name)

    # A wire in hand -----------------------------------------------------------------------------

    @Slot(bool)
    def pull_wire(self, into: bool) -> None:
        """Take a new wire out of the selected node (or into it), or the selected wire's end."""
        self.cancel()
        edge, selection = self._view.canvas.selected_edge, self._workspace.selection
        if edge is not None:
            wire = KeyWire(self._view, edge.source, held=edge)
        elif len(selection) == 1 and (reason := self._no_wire(selection[0], into)):
            self._workspace.refused.emit(reason)
            return
        elif len(selection) == 1:
            wire = KeyWire(self._view, selection[0], into=into)
        else:
            return
        self._wire = wire
        if wire.start():
            self._view.announce(wire.words)
            return
        self.cancel()
        way = "into" if into else "out of"
        self._workspace.refused.emit(f"no node can take a wire {way} {selection[0]}: add one first")

    def _no_wire(self, name: str, into: bool) -> str:
        """Why no wire can be pulled out of (or into) a node; "" where one can."""
        kind = registry.lookup(self._network.node(name).kind)
        if kind is None:
            return ""
        if not into:
            return f"{name} is an end of the network; nothing comes out of it" if kind.ends else ""
        fed = sum(edge.target == name for edge in self._network.edges)
        if not kind.max_inputs:
            return f"{name} is the beginning of the network; nothing can feed it"
        if fed >= kind.max_inputs > 1:
            return f"{name} takes at most {kind.max_inputs} inputs, and all are wired"
        return ""

    def _lead(self, wire: KeyWire, key: int, held: Qt.KeyboardModifier) -> bool:
        """Every key belongs to the wire; what it does not know is left to the shortcuts."""
        if key in _ARROWS and held == _NONE:
            wire.step(1 if _ARROWS[key] in ("down", "right") else -1)
            self._view.announce(wire.words)
        elif Qt.Key.Key_1 <= key <= Qt.Key.Key_9 and held == _NONE:
            wire.choose(key - Qt.Key.Key_1)
            self._view.announce(wire.words)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if wire.refused:
                self._view.tip.linger()
                return True
            self._wire = None  # the edit's end would cancel it
            wire.commit()
        else:
            return False
        return True

    # Arrows -------------------------------------------------------------------------------------

    def _arrow(self, way: Direction, held: Qt.KeyboardModifier, space: bool) -> bool:
        edge = self._view.canvas.selected_edge
        if space and held == _NONE:
            self._view.scroll_by(QPoint(*_WAYS[way]) * SCROLL)
        elif held == _CTRL:
            self._walk_wires(way, edge)
        elif held == _CTRL | _SHIFT:
            self._select_along(way)
        elif held == _ALT | _SHIFT:
            self._reorder(way)
        elif held == _ALT and edge is not None:
            self._swap(way, edge)
        elif held == _NONE and edge is not None:
            self._leave_wire(way, edge)
        else:
            return False
        return True

    def _along(self, way: Direction) -> int:
        """1 along the flow, -1 against it, 0 for a way across it."""
        x, y = _WAYS[way]
        return y if self._network.flow == "down" else x

    def _walk_wires(self, way: Direction, edge: Edge | None) -> None:
        """From a node to a wire of it; from a wire to the next one that shares an end with it."""
        along, selection = self._along(way), self._workspace.selection
        if edge is not None:
            following = around(self._network, edge, 1 if way in ("right", "down") else -1)
        else:
            name = selection[-1] if selection else None
            wires = wires_of(self._network, name, onward=along >= 0)
            following = wires[0] if wires else None
        if following is not None:
            self._show_wire(following)

    def _show_wire(self, edge: Edge) -> None:
        self._view.edge_wanted.emit(edge)
        wire = self._view.canvas.wires.get(edge)
        if wire is not None:
            area = wire.boundingRect()
            if not self._view.shown_area().contains(area):
                self._view.ensureVisible(area, 60, 60)
                self._view.moved.emit()

    def _leave_wire(self, way: Direction, edge: Edge) -> None:
        along = self._along(way)
        if along:
            self._go_to(edge.target if along > 0 else edge.source)
        else:
            self._walk_wires(way, edge)

    def _select_along(self, way: Direction) -> None:
        """Everything that leads to the selection, or that it leads to, as well."""
        selection, along = self._workspace.selection, self._along(way)
        if selection and along:
            find = graph.behind if along > 0 else graph.leading_to
            found = find(self._network, selection)
            others = (n.name for n in self._network.nodes if n.name in found)
            self._workspace.select((*selection, *others))

    def _reorder(self, way: Direction) -> None:
        selection, along = self._workspace.selection, self._along(way)
        note = self._view.canvas.comments.get(self._view.canvas.selected_comment or "")
        if note is not None:
            (x, y), before = _WAYS[way], note.comment
            width = max(SMALLEST[0], before.width + x * NUDGE)
            height = max(SMALLEST[1], before.height + y * NUDGE)
            to = replace(before, width=width, height=height)
            self._view.editor.place_comment(to, merge=f"size note {before.name}")
        elif len(selection) == 1 and along:
            name = selection[0]
            edit = reorder.earlier if along < 0 else reorder.later
            where = "earlier" if along < 0 else "later"
            if self._workspace.edit_network(f"Move {name} {where}", lambda n: edit(n, name)):
                self._view.reveal(name)

    def _swap(self, way: Direction, edge: Edge) -> None:
        """Let the selected wire change places with its neighbor at the merge."""
        if self._along(way):
            return
        by = 1 if way in ("right", "down") else -1
        made: list[Edge] = []

        def edit(network: Network) -> Network:
            result, moved = reorder.swap_inputs(network, edge, by)
            made.append(moved)
            return result

        if self._workspace.edit_network(f"Order the inputs of {edge.target}", edit):
            self._show_wire(made[-1])
