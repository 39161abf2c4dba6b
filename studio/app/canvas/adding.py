"""Adding without a drag: behind the selection, at the pointer, or at the end of a wire."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPoint, QPointF, Slot

from studio.app.canvas import catalog
from studio.app.canvas.quick_add import QuickAdd
from studio.app.canvas.stage import Stage
from studio.project.registry import PaletteEntry
from studio.project.values import Edge


class Adding(QObject):
    """Asks what to add and knows where it shall go."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._feed: str | None = None
        self._edge: Edge | None = None
        self._place = QPointF()
        self.box = QuickAdd(view.viewport(), view.workspace.shelf)
        self.box.chosen.connect(self._chosen)
        self.box.closed.connect(view.setFocus)

    @Slot(QPoint)
    def open_at(self, place: QPoint) -> None:
        """Ask what to add at ``place`` (viewport pixels; the middle where it lies outside), or into
        the selected wire."""
        room = self._view.viewport().rect()
        self._edge = self._view.canvas.selected_edge
        if self._edge is not None:
            middle = self._view.canvas.wires[self._edge].path().pointAtPercent(0.5)
            place = self._view.mapFromScene(middle)
        if not room.contains(place):
            place = room.center()
        self._feed = None
        self._place = self._view.mapToScene(place)
        self.box.open_at(place)

    @Slot(str, QPointF)
    def ask_what_to_feed(self, source: str, at: QPointF) -> None:
        """Offer what fits the output of ``source``, to stand at ``at``."""
        self._feed, self._edge = source, None
        self._place = at
        report = self._view.workspace.level.analysis.nodes.get(source)
        shape = report.output if report is not None else None
        place = self._view.mapFromScene(at)
        self.box.open_at(place, lambda entry: catalog.fits(entry, shape))

    @Slot(object)
    def _chosen(self, entry: PaletteEntry) -> None:
        editor = self._view.editor
        if self._edge is not None:
            name = editor.insert(entry, self._edge, self._place.x(), self._place.y())
            if name is not None:
                self._view.reveal(name)
        elif self._feed is None and self._view.workspace.selection:
            self.after_selection(entry)
        else:
            name = editor.add(entry, self._place.x(), self._place.y(), feed=self._feed)
            if name is not None:
                self._view.reveal(name)
        self._view.setFocus()

    def after_selection(self, entry: PaletteEntry) -> None:
        """Add behind the selected node, or in the middle of what is in view."""
        middle = self._view.shown_area().center()
        name = self._view.editor.add_after_selection(entry, middle.x(), middle.y())
        if name is not None:
            self._view.reveal(name)
