"""The top bar, the same on every page: project, undo, device, the run control, export, menu."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.device_chip import DeviceChip
from studio.app.elided import ElidedLabel
from studio.app.queue_control import QueueControl
from studio.app.queue_runner import QueueRunner
from studio.app.run_control import RunControl
from studio.app.theme.icons import app_icon, set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1, S2, S3, S4
from studio.app.train.controller import TrainingController
from studio.app.workspace import Workspace


class TopBar(QFrame):
    """Shows the workspace and the controller; what its buttons do are the window's actions."""

    HEIGHT = 52

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        runner: QueueRunner,
        undo: QAction,
        redo: QAction,
        export: QAction,
        menu: QMenu,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._controller = controller
        set_role(self, "panel")
        sized(self, lambda w: w.setFixedHeight(px(w.HEIGHT)))

        self.home = QToolButton(self)
        self.home.setIcon(app_icon())
        self.home.setIconSize(QSize(32, 32))
        self.home.setFixedSize(44, 44)
        self.home.setToolTip("Start page: quick start, templates, my images, recent projects")
        self.home.setAccessibleName("Start page")

        self._of_project: list[QWidget] = []
        self._name = ElidedLabel("", self, Qt.TextElideMode.ElideMiddle)
        sized(self._name, lambda w: w.setMaximumWidth(px(260)))
        set_role(self._name, "title")
        self._state = QLabel(self)
        set_role(self._state, "small")
        names = QVBoxLayout()
        names.setSpacing(0)
        names.addStretch(1)
        names.addWidget(self._name)
        names.addWidget(self._state)
        names.addStretch(1)

        self.device = DeviceChip(self)
        self.run = RunControl(controller, self)
        self.queue = QueueControl(runner, controller, self)
        export_button = QToolButton(self)
        set_role(export_button, "button")
        export_button.setText("Export")
        set_icon(export_button, "export")
        export_button.setIconSize(QSize(16, 16))
        export_button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        sized(export_button, lambda w: w.setFixedHeight(px(ROW)))
        export_button.setToolTip(f"{export.toolTip()} (Ctrl+E)")
        export_button.setAccessibleName("Export the model")
        export_button.clicked.connect(export.trigger)
        self.menu = QToolButton(self)
        set_icon(self.menu, "menu")
        self.menu.setIconSize(QSize(18, 18))
        self.menu.setFixedSize(ROW + S1, ROW + S1)
        self.menu.setMenu(menu)
        self.menu.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        self.menu.setToolTip("Menu: open, save, view, shortcuts (F10)")
        self.menu.setAccessibleName("Menu")

        layout = QHBoxLayout(self)
        layout.setContentsMargins(S3, 0, S3, 0)
        layout.setSpacing(S2)
        layout.addWidget(self.home)
        layout.addLayout(names)
        layout.addSpacing(S4)
        history = [self._history_button(undo, "undo"), self._history_button(redo, "redo")]
        for button in history:
            layout.addWidget(button)
        layout.addStretch(1)
        for widget in (self.device, self.run, self.queue, export_button, self.menu):
            layout.addWidget(widget)
        self._of_project = [self._name, self._state, *history, self.run, export_button]

        workspace.changed.connect(self.show_device)
        workspace.saved_state_changed.connect(self._show_project)
        controller.state_changed.connect(self.show_device)
        self._show_project()
        self.show_device()

    def _history_button(self, action: QAction, icon: str) -> QToolButton:
        button = QToolButton(self)
        button.setDefaultAction(action)
        set_icon(button, icon, "muted")
        button.setIconSize(QSize(20, 20))
        button.setFixedSize(ROW + S1, ROW + S1)

        def follow() -> None:
            # The action's change event resets the icon and the text of its button.
            set_icon(button, icon, "muted")
            button.setAccessibleName(action.toolTip())

        action.changed.connect(follow)
        follow()
        return button

    def set_begun(self, begun: bool) -> None:
        """Whether there is a project to name, to train and to take away."""
        for widget in self._of_project:
            widget.setVisible(begun)
        self.queue.set_begun(begun)

    def show_device(self, _: object = None) -> None:
        """Bring the chip up to date with the engine and the recipe's device."""
        machine = self._controller.machine
        if self._controller.state == "unavailable":
            why = self._controller.obstacles(self._workspace.project)
            self.device.show_unavailable(why[0])
        elif machine is None:
            self.device.show_loading()
        else:
            self.device.show_device(machine, self._workspace.project.recipe.device)

    def _show_project(self) -> None:
        workspace = self._workspace
        self._name.setText(workspace.title)
        self._name.setAccessibleName(f"Project {workspace.title}")
        if workspace.modified:
            state = "unsaved changes"
        elif workspace.path is None:
            state = "not saved yet"
        else:
            state = "saved"
        self._state.setText(state)
        self._name.setToolTip(str(workspace.path or "This project has no file yet. Save: Ctrl+S"))
