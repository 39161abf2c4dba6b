"""The way from the network to the block whose inside is in view, over the canvas's corner."""

from __future__ import annotations

from PySide6.QtCore import Qt, Slot
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QWidget

from studio.app.canvas.stage import Stage
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3
from studio.project import levels
from studio.project.levels import Path
from studio.project.values import Network


class PathBar(QFrame):
    """Each step of the way leads back to it. Hidden while the network itself is in view."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._workspace = view.workspace
        set_role(self, "card")
        self.setAccessibleName("Path to the block in view")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(S3, S1, S3, S1)
        self.row.setSpacing(S1)
        self._parts: list[QWidget] = []
        self._shown: tuple[object, ...] = ()
        self._workspace.changed.connect(self.follow)
        self._workspace.level_changed.connect(self.follow)
        self.follow()

    @Slot()
    def follow(self) -> None:
        """Show the way to the level in view."""
        level = self._workspace.level
        wanted = (self._workspace.title, level.path, level.titles, level.editable)
        if wanted != self._shown:
            self._shown = wanted
            self._rebuild(level)
        self.setVisible(bool(level.path))
        self.adjustSize()
        self.move(S2 + S1, S2 + S1)
        self._view.covered = self.geometry().bottom() if level.path else 0

    def _rebuild(self, level: levels.Level) -> None:
        for part in self._parts:
            self.row.removeWidget(part)
            part.hide()
            part.deleteLater()
        self._parts = []
        self._add_step(self._workspace.title, ())
        for depth, name in enumerate(level.path, start=1):
            arrow = QLabel("›", self)
            set_role(arrow, "muted")
            self._add(arrow)
            if depth < len(level.path):
                self._add_step(name, level.path[:depth])
                continue
            here = QLabel(name, self)
            set_role(here, "title")
            here.setToolTip(level.titles[-1])
            here.setTextFormat(Qt.TextFormat.PlainText)
            self._add(here)
            kind = QLabel(level.titles[-1], self)
            kind.setTextFormat(Qt.TextFormat.PlainText)
            set_role(kind, "muted")
            self._add(kind)
        if level.path and not level.editable:
            self._offer_to_adopt()

    def _add_step(self, text: str, path: Path) -> None:
        button = QPushButton(text, self)
        set_role(button, "link")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(f"Go out to {text} (Shift+O)")
        button.setAccessibleName(f"Go out to {text}")
        button.clicked.connect(lambda: self._go(path))
        self._add(button)

    def _offer_to_adopt(self) -> None:
        """A built-in block is seen; to be edited it must become one of the user's own."""
        said = QLabel("· read only", self)
        set_role(said, "muted")
        self._add(said)
        button = QPushButton("Make it my own block", self)
        set_role(button, "link")
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        button.setToolTip(
            "Its inside can be edited then. The layers keep their names; the block's own settings "
            "go, since its inside says what they said."
        )
        button.clicked.connect(self.adopt)
        self._add(button)

    def _add(self, part: QWidget) -> None:
        self._parts.append(part)
        self.row.addWidget(part)
        part.show()  # at once, so that the bar knows its size

    def _go(self, path: Path) -> None:
        self._workspace.open_level(path)
        self._view.setFocus()

    @Slot()
    def adopt(self) -> None:
        """Make the outermost built-in block of the way the user's own, and stay inside it."""
        level = self._workspace.level
        outer = level
        depth = 0
        while depth < len(level.path):
            outer = levels.at(self._workspace.project.network, level.path[: depth + 1])
            if not outer.editable:
                break
            depth += 1
        name, around = level.path[depth], level.path[:depth]
        if not self._workspace.open_level(around):
            return

        stands = self._workspace.level

        def edit(network: Network) -> Network:
            return levels.adopt(stands, name)

        done = self._workspace.edit_network(f"Make {name} my own block", edit)
        self._workspace.open_level((*around, name) if done else level.path)
        self._view.setFocus()
