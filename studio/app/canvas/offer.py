"""The offer to connect a node that was just dropped: a dashed wire and a button."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, Slot
from PySide6.QtWidgets import QGraphicsPathItem, QPushButton

from studio.app.canvas.geometry import input_port, output_port
from studio.app.canvas.ink import ink
from studio.app.canvas.routing import route
from studio.app.canvas.stage import Stage
from studio.app.canvas.wire import painter_path
from studio.app.theme.style import set_role


class ConnectOffer(QObject):
    """At most one offer; Enter accepts it, Escape takes it away, and so does a wire drawn by hand.

    Nothing is offered that would be refused, or that would only bring a problem.
    """

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._ends: tuple[str, str] | None = None
        self._wire = QGraphicsPathItem()
        self._wire.setPen(ink().wire_preview)
        self._wire.setZValue(4.0)
        self._wire.hide()
        view.canvas.addItem(self._wire)
        self._button = QPushButton(view.viewport())
        set_role(self._button, "primary")
        self._button.setToolTip("Draw the dashed wire (Enter). Escape leaves the node unconnected.")
        self._button.clicked.connect(self.accept)
        self._button.hide()

    @property
    def ends(self) -> tuple[str, str] | None:
        """Source and target of the wire that is offered."""
        return self._ends

    @Slot(str, str)
    def make(self, source: str, target: str) -> None:
        """Offer to wire ``source`` to ``target``, where that is allowed and the shapes fit."""
        if not self._view.editor.suits(source, target):
            return
        self._ends = (source, target)
        self._button.setText(f"Connect to {source}")
        self._button.setAccessibleName(f"Connect {source} to {target}")
        self._button.adjustSize()
        self._wire.setPen(ink().wire_preview)
        self._wire.show()
        self._button.show()
        self.follow()

    def follow(self) -> None:
        """Keep wire and button at their cards after a change of the drawing or the view."""
        if self._ends is None:
            return
        scene = self._view.canvas
        source, target = (scene.grid.get(name) for name in self._ends)
        fed = any(edge.target == self._ends[1] for edge in self._view.editor.network.edges)
        if source is None or target is None or fed:
            self.dismiss()
            return
        ports = scene.cards[self._ends[1]].form.ports
        end = input_port(target, 0, ports, scene.flow)
        way = route(output_port(source, scene.flow), end, scene.grid, self._ends, scene.flow)
        self._wire.setPath(painter_path(way.points))
        scene.show_leaving(self._ends[0], way)
        place = self._view.mapFromScene(QPointF(end.x, end.y))
        room = self._view.viewport().rect()
        x = min(max(4, place.x() + 12), room.width() - self._button.width() - 4)
        y = min(max(4, place.y() - self._button.height() - 8), room.height() - 36)
        self._button.move(x, y)

    @Slot()
    def accept(self) -> None:
        """Draw the wire."""
        if self._ends is not None:
            source, target = self._ends
            self.dismiss()
            self._view.editor.connect(source, target)
            self._view.setFocus()

    def dismiss(self) -> None:
        """Take the offer away."""
        self._ends = None
        self._view.canvas.show_leaving(None)
        self._wire.hide()
        self._button.hide()
