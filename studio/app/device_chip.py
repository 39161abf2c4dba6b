"""The chip in the top bar that says what the network will be trained on, and how the engine is.

Pressed, it lists what the machine has, to choose from.
"""

from __future__ import annotations

import msgspec
from PySide6.QtCore import QRectF, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QMenu, QSizePolicy, QWidget

from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import FONT_BASE, RADIUS, ROW, S2, S3, color, font, theme
from studio.app.workspace import Workspace
from studio.project.recipes import DEVICE
from studio.project.values import Project
from studio.runs.api import Device, Machine


class DeviceChip(QAbstractButton):
    """Pressed, it asks for the whole story (``explain``)."""

    explain = Signal()
    _DOT = 8
    _MAX_WIDTH = 230
    _MIN_WIDTH = 112

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = "muted"
        sized(self, lambda w: w.setFont(font(FONT_BASE)))
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.clicked.connect(self.explain)
        theme().scheme_changed.connect(self.update)
        self.show_loading()

    def show_loading(self) -> None:
        """The engine is on its way."""
        self._show("muted", "Loading the engine", "Everything but training works already.")

    def show_unavailable(self, message: str) -> None:
        """The engine could not be loaded; ``message`` says why and what to do."""
        self._show("error", "No engine", message)

    def show_device(self, machine: Machine, wanted: str) -> None:
        """The device that the recipe's ``wanted`` stands for on this machine."""
        device = pick(machine, wanted)
        lines = [f"{each.title} ({each.name})" for each in machine.devices]
        detail = "\n".join([*lines, f"torch {machine.torch}", *filter(None, [machine.note])])
        if device is None:
            words = _WANTED.get(wanted.partition(":")[0], f"{wanted} device")
            self._show("error", f"No {words}", f"The recipe asks for it.\n{detail}")
        else:
            self._show("good", device.title, detail)

    def _show(self, tone: str, text: str, detail: str) -> None:
        self._tone = tone
        self.setText(text)
        self.setToolTip(detail)
        self.setAccessibleName(f"Device: {text}")
        self.setAccessibleDescription(detail)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text()) + self._DOT + S2 + 2 * S3
        return QSize(min(px(self._MAX_WIDTH), width), px(ROW))

    def minimumSizeHint(self) -> QSize:
        # In a narrow window the progress of a run needs the room more than a long name does.
        hint = self.sizeHint()
        return QSize(min(px(self._MIN_WIDTH), hint.width()), hint.height())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        edge = "accent" if self.hasFocus() else "line"
        painter.setPen(color(edge))
        painter.setBrush(color("hover" if self.underMouse() else "field"))
        box = QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5)
        painter.drawRoundedRect(box, RADIUS, RADIUS)
        dot = QRectF(S3, (self.height() - self._DOT) / 2, self._DOT, self._DOT)
        painter.setPen(color(self._tone))
        # A full dot is a device that is ready, a ring one that is not.
        painter.setBrush(color(self._tone) if self._tone == "good" else Qt.BrushStyle.NoBrush)
        painter.drawEllipse(dot)
        painter.setPen(color("text"))
        left = S3 + self._DOT + S2
        room = self.width() - left - S2
        text = self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideRight, room)
        painter.drawText(
            QRectF(left, 0, room + S2, self.height()), Qt.AlignmentFlag.AlignVCenter, text
        )


def device_menu(machine: Machine, workspace: Workspace, parent: QWidget) -> QMenu:
    """The devices of ``machine``, the recipe's one marked; choosing one edits the recipe."""
    menu = QMenu(parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    group = QActionGroup(menu)
    for word, _ in DEVICE.choices:
        device = pick(machine, word)
        if device is None:
            continue
        name = f"Automatic: {device.title}" if word == "auto" else device.title
        action = menu.addAction(name.replace("&", "&&"))
        action.setCheckable(True)
        action.setChecked(workspace.project.recipe.device == word)
        action.triggered.connect(lambda _=False, word=word: _choose(workspace, word))
        group.addAction(action)
    menu.addSeparator()
    for line in filter(None, (f"torch {machine.torch}", machine.note)):
        menu.addAction(line.replace("&", "&&")).setEnabled(False)
    return menu


def _choose(workspace: Workspace, device: str) -> None:
    def edit(project: Project) -> Project:
        recipe = msgspec.structs.replace(project.recipe, device=device)
        return msgspec.structs.replace(project, recipe=recipe)

    workspace.apply("Set device", edit)


_WANTED = {"cuda": "NVIDIA GPU", "mps": "Apple GPU"}
"""What devices are called where the machine has none of them."""


def pick(machine: Machine, wanted: str) -> Device | None:
    """The device that ``wanted`` (``auto``, ``cpu``, ``cuda``, ``cuda:1``, ``mps``) stands for."""
    if wanted == "auto":
        return machine.devices[0] if machine.devices else None
    for device in machine.devices:
        if device.name == wanted or device.name.partition(":")[0] == wanted:
            return device
    return None
