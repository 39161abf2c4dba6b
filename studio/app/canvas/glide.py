"""Cards that move to their new places in view, so that one sees which went where."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation, Signal, Slot
from PySide6.QtWidgets import QStyle

from studio.app.canvas.stage import Stage

MILLISECONDS = 150
MOST = 200
"""Cards: more of them, each with its wires to route at every frame, would stutter."""

Places = Mapping[str, tuple[float, float]]


class Glide(QObject):
    """At most one movement at a time; whatever else happens ends it at once."""

    ended = Signal()

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._noted: Places = {}
        self._from: Places = {}
        self._to: Places = {}
        self._animation = QVariantAnimation(self)
        self._animation.setStartValue(0.0)
        self._animation.setEndValue(1.0)
        self._animation.setDuration(MILLISECONDS)
        self._animation.setEasingCurve(QEasingCurve.Type.InOutCubic)
        self._animation.valueChanged.connect(self._frame)
        self._animation.finished.connect(self.end)

    @Slot()
    def note(self) -> None:
        """Remember where the cards are now."""
        self._noted = self._places()

    def _places(self) -> Places:
        return {name: card.pos().toTuple() for name, card in self._view.canvas.cards.items()}

    @Slot()
    def start(self) -> None:
        """Move the cards from where they were noted to where the value has them."""
        self.end()
        before, after = self._noted, self._places()
        moved = [name for name in after if name in before and before[name] != after[name]]
        if not moved or len(after) > MOST or not self._wanted():
            return
        self._from = {name: before[name] for name in moved}
        self._to = {name: after[name] for name in moved}
        self._frame(0.0)
        self._animation.start()

    def _wanted(self) -> bool:
        """Whether there is somebody to see it, and the system has not asked for less motion."""
        hint = QStyle.StyleHint.SH_Widget_Animation_Duration
        return self._view.isVisible() and self._view.style().styleHint(hint) > 0

    @Slot(object)
    def _frame(self, share: float) -> None:
        places = {
            name: (x + (self._to[name][0] - x) * share, y + (self._to[name][1] - y) * share)
            for name, (x, y) in self._from.items()
            if name in self._view.canvas.cards
        }
        if places:
            self._view.canvas.preview_positions(places)

    @Slot()
    def end(self) -> None:
        """Be where the value has the cards."""
        if self._from:
            self._from = {}
            self._animation.stop()
            self._view.canvas.end_preview()
            self.ended.emit()
