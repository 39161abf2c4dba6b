"""Keeps what assistive technology is told in step with the canvas."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, QRect, QRectF
from PySide6.QtGui import QAccessible, QAccessibleEvent

from studio.app.canvas import speech
from studio.app.canvas.geometry import Box
from studio.app.canvas.gestures import EDGE_REACH
from studio.app.canvas.reader import Reader, Thing
from studio.app.canvas.stage import Stage
from studio.project.analysis import Analysis
from studio.project.values import Edge, Network


class Narrator(QObject):
    """Says what is selected, what an edit did, and answers what the reader asks."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._known = view.workspace.level.analysis
        self._network = view.workspace.level.network
        self.reader = Reader(view.viewport(), self)

    def tell(self, known: Analysis) -> None:
        """What is drawn or selected may have changed. ``known`` is what is known of it."""
        network, before = self._view.workspace.level.network, len(self._known.problems)
        changed = network is not self._network
        self._network, self._known = network, known
        scene = self._view.canvas
        text = speech.describe(
            network,
            known,
            self._view.workspace.selection,
            scene.selected_comment,
            scene.selected_edge,
        )
        if text != self._view.accessibleDescription():
            self._view.setAccessibleDescription(text)
            if QAccessible.isActive():
                event = QAccessibleEvent(self._view, QAccessible.Event.DescriptionChanged)
                QAccessible.updateAccessibility(event)
        self.reader.follow()
        happened = self._view.workspace.happened
        if changed and happened:
            self._view.announce(speech.done(happened, len(known.problems), before))

    # What the reader asks -----------------------------------------------------------------------

    def things(self) -> list[Thing]:
        """Nodes, then wires, then notes."""
        notes: list[Thing] = [(name,) for name in self._view.canvas.comments]
        return [*self._view.canvas.cards, *self._view.canvas.wires, *notes]

    def name_of(self, thing: Thing) -> str:
        if isinstance(thing, Edge):
            return f"wire from {thing.source} to {thing.target}"
        return thing if isinstance(thing, str) else f"note {thing[0]}"

    def about(self, thing: Thing) -> str:
        # The name is read before it.
        return self._sentence(thing).removeprefix(f"{self.name_of(thing)}, ")

    def _sentence(self, thing: Thing) -> str:
        network: Network = self._network
        if isinstance(thing, Edge):
            return speech.describe_wire(network, self._known, thing)
        if isinstance(thing, str):
            node = next((node for node in network.nodes if node.name == thing), None)
            return speech.describe_node(network, self._known, node) if node is not None else ""
        note = next((note for note in network.comments if note.name == thing[0]), None)
        return speech.describe_note(note) if note is not None else ""

    def place_of(self, thing: Thing) -> QRect:
        scene = self._view.canvas
        box: Box | None = None
        if isinstance(thing, Edge):
            wire = scene.wires.get(thing)
            area = wire.boundingRect() if wire is not None else QRectF()
        else:
            note = None if isinstance(thing, str) else scene.comments.get(thing[0])
            box = scene.grid.get(thing) if isinstance(thing, str) else note.box if note else None
            area = QRectF(box.left, box.top, box.width, box.height) if box else QRectF()
        shown = self._view.mapFromScene(area).boundingRect()
        return QRect(self._view.viewport().mapToGlobal(shown.topLeft()), shown.size())

    def thing_at(self, place: QPoint) -> Thing | None:
        inside = self._view.viewport().mapFromGlobal(place)
        if not self._view.viewport().rect().contains(inside):
            return None
        at: QPointF = self._view.mapToScene(inside)
        scene = self._view.canvas
        name = scene.card_at(at.x(), at.y())
        if name is not None:
            return name
        edge = scene.edge_at(at.x(), at.y(), EDGE_REACH / 2 / self._view.zoom)
        if edge is not None:
            return edge
        note = scene.comment_at(at.x(), at.y())
        return (note,) if note is not None else None

    def chosen(self) -> tuple[Thing, ...]:
        scene = self._view.canvas
        if self._view.workspace.selection:
            return tuple(n for n in self._view.workspace.selection if n in scene.cards)
        if scene.selected_edge is not None:
            return (scene.selected_edge,)
        return ((scene.selected_comment,),) if scene.selected_comment is not None else ()
