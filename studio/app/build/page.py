"""The Build page: palette left, canvas in the middle, code and inspector right, costs below."""

from __future__ import annotations

from PySide6.QtCore import QSettings, Qt, QTimer, Slot
from PySide6.QtGui import QHideEvent, QImage, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QSplitter, QToolButton, QVBoxLayout, QWidget

from studio.app.build import code_view, cost_view, inspector, palette
from studio.app.build.code_view import CodeView
from studio.app.build.cost_view import CostView
from studio.app.build.inspector import Inspector
from studio.app.build.palette import Palette
from studio.app.build.path_bar import PathBar
from studio.app.build.strip import Strip
from studio.app.canvas.view import CanvasView
from studio.app.theme.style import hairline
from studio.app.workspace import Workspace
from studio.project.problems import Problem
from studio.project.registry import PaletteEntry
from studio.runs.api import Device

SHORTCUTS = (
    "Canvas",
    (
        ("Tab", "Add a block or layer at the pointer"),
        ("Enter", "Edit the selected node; add into the selected wire"),
        ("Esc", "Back from its settings to the canvas"),
        ("↑  ↓  ←  →", "Walk between nodes along the wires"),
        ("Shift + arrow", "Add the next node to the selection"),
        ("Ctrl+Shift + arrow", "Select all before, or all behind the selection"),
        ("Home, End", "Go to the first, the last node"),
        ("Ctrl + arrow", "Go to the wires of the selected node"),
        ("W, Shift+W", "Pull a wire out of the node, into it; move a wire's end"),
        ("… arrows, 1 to 9, Enter", "Lead the wire on, choose the input, connect"),
        ("Alt + arrow", "Move the nodes; move the wire to the next input"),
        ("Alt+Shift + arrow", "Move the node along its chain; size a note"),
        ("C", "Connect the selected nodes from top to bottom"),
        ("Ctrl+Shift+D", "Cut the selection's wires"),
        ("F2", "Rename"),
        ("Del", "Delete and join the ends"),
        ("Ctrl+D", "Duplicate"),
        ("Ctrl+G", "Group the selection into a block of your own"),
        ("Ctrl+Shift+G", "Ungroup: put a block's inside in its place"),
        ("O, Shift+O", "Open the selected block; go out of it again"),
        ("R", "Repeat: make a stage of the selection, or set its number"),
        ("Alt+1 to Alt+6, Alt+0", "Tag the selected nodes, take the tag away"),
        ("N, Shift+N", "Add a note; go to the next one"),
        ("Ctrl+C, Ctrl+X, Ctrl+V", "Copy, cut, paste (as text)"),
        ("Ctrl+A", "Select all"),
        ("Ctrl+F", "Search the palette"),
        ("L, Shift+L", "Tidy up; let the network flow to the right, or down again"),
        ("F, Shift+F", "Zoom to fit; zoom to the selection"),
        ("F4", "Show or fold the code"),
        ("F6", "Show or fold the table of costs"),
        ("+, -, Ctrl+0", "Zoom in, out, 100 %"),
        ("Page Up, Page Down", "Move the view; with Shift to the side"),
        ("Space + drag, Space + arrow", "Move the view"),
    ),
)
"""The page's part of the sheet of shortcuts."""


class BuildPage(QWidget):
    """Where the network is built. Panels fold, and remember it."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.palette_panel = Palette(workspace.shelf, self)
        self.view = CanvasView(workspace, self)
        self.path = PathBar(self.view)
        self.code = CodeView(workspace, self)
        self.inspector = Inspector(workspace, self)
        self.cost = CostView(workspace, self)
        self.strip = Strip(workspace, self)
        self._splitter = QSplitter(Qt.Orientation.Horizontal, self)
        panels: tuple[QWidget, ...] = (self.palette_panel, self.view, self.code, self.inspector)
        for panel in panels:
            self._splitter.addWidget(panel)
        self._splitter.setStretchFactor(1, 1)
        self._splitter.setChildrenCollapsible(False)
        self._splitter.setSizes([palette.WIDTH, 900, code_view.WIDTH, inspector.WIDTH])
        self._rows = QSplitter(Qt.Orientation.Vertical, self)
        self._rows.addWidget(self._splitter)
        self._rows.addWidget(self.cost)
        self._rows.setStretchFactor(0, 1)
        self._rows.setChildrenCollapsible(False)
        self._cost_height = cost_view.HEIGHT
        self._rows.splitterMoved.connect(self._note_cost_height)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._rows, 1)
        column.addWidget(hairline(parent=self))
        column.addWidget(self.strip)
        self.palette_panel.chosen.connect(self._add)
        self.inspector.node_wanted.connect(self._go_to)
        self.inspector.left.connect(self.view.setFocus)
        self.cost.node_wanted.connect(self.view.reveal)
        self.cost.left.connect(self.view.setFocus)
        self.view.settings_wanted.connect(self._edit_settings)
        self.strip.problem_wanted.connect(self._go_to)
        self.strip.fit_wanted.connect(self.view.zoom_to_fit)
        self.view.zoom_changed.connect(self.strip.show_zoom)
        self.strip.show_zoom(self.view.zoom)
        self._folds = (
            (self.strip.palette_button, self.palette_panel, "build/palette", "shown"),
            (self.strip.cost_button, self.cost, "build/cost", "folded"),
            (self.strip.code_button, self.code, "build/code", "folded"),
            (self.strip.inspector_button, self.inspector, "build/inspector", "shown"),
        )
        for button, panel, *_ in self._folds:
            button.toggled.connect(panel.setVisible)
        # These take a large part of the canvas: the drawing is brought back into what is left.
        self.strip.cost_button.toggled.connect(self._size_cost)
        for button in (self.strip.code_button, self.strip.cost_button):
            button.toggled.connect(self._make_room)
        for key, do in (
            (QKeySequence("F4"), self.strip.code_button.toggle),  # a field takes Ctrl+U for itself
            (QKeySequence("F6"), self.strip.cost_button.toggle),
            (QKeySequence(QKeySequence.StandardKey.Find), self._search),
        ):
            shortcut = QShortcut(key, self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(do)
        self._restore()
        self.setFocusProxy(self.view)

    def set_device(self, device: Device | None) -> None:
        """The recipe's device, for the forecast; None if not known."""
        self.strip.set_device(device)

    def _make_room(self, shown: bool) -> None:
        if shown:
            QTimer.singleShot(0, self.view, self.view.zoom_to_fit)

    def _size_cost(self, shown: bool) -> None:
        if shown:
            self._rows.setSizes([self._rows.height() - self._cost_height, self._cost_height])

    def _note_cost_height(self) -> None:
        self._cost_height = max(self._rows.sizes()[1], self.cost.minimumHeight())

    def set_findings(self, findings: tuple[Problem, ...], checking: bool = False) -> None:
        """What is wrong with the recipe and the data, beside the network's own problems.

        ``checking`` says that the data is still being read, so that there may be more.
        """
        self.strip.set_findings(findings, checking)
        self.inspector.set_findings(findings)
        self.view.set_findings(findings)

    def set_data(self, sample: QImage | None, images: int | None) -> None:
        """An image of the data as the network receives it, and how many there are to train
        with; None while they are not known."""
        self.inspector.set_sample(sample)
        self.strip.set_images(images)

    @Slot(object)
    def _add(self, entry: PaletteEntry) -> None:
        self.view.adding.after_selection(entry)

    @Slot(str)
    def _go_to(self, name: str) -> None:
        """Select a node of the network and bring it into view; the whole for an empty name."""
        if self.workspace.level.path:
            self.workspace.open_level(())
        self.workspace.select((name,) if name else ())
        if name:
            self.view.reveal(name)
        self.view.setFocus()

    @Slot()
    def _edit_settings(self) -> None:
        self.strip.inspector_button.setChecked(True)
        self.inspector.focus_settings()

    @Slot()
    def _search(self) -> None:
        self.strip.palette_button.setChecked(True)
        self.palette_panel.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.palette_panel.search.selectAll()

    def _restore(self) -> None:
        settings = QSettings()
        for button, panel, key, usual in self._folds:
            shown = str(settings.value(key, usual)) != "folded"
            button.setChecked(shown)
            panel.setVisible(shown)
        sizes = settings.value("build/sizes")
        if isinstance(sizes, list) and len(sizes) == self._splitter.count():
            self._splitter.setSizes([int(size) for size in sizes])
        height = settings.value("build/cost_height")
        if isinstance(height, str | int) and str(height).isdigit():
            self._cost_height = int(height)

    def _remember(self, button: QToolButton, key: str) -> None:
        QSettings().setValue(key, "shown" if button.isChecked() else "folded")

    def hideEvent(self, event: QHideEvent) -> None:
        """Keep how the panels stand, and the user's blocks, when the page is left or closed."""
        super().hideEvent(event)
        for button, _, key, _ in self._folds:
            self._remember(button, key)
        self.workspace.shelf.flush()
        QSettings().setValue("build/cost_height", self._cost_height)
        side = [button for button, panel, *_ in self._folds if panel is not self.cost]
        if all(button.isChecked() for button in side):
            QSettings().setValue("build/sizes", self._splitter.sizes())

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._size_cost(self.strip.cost_button.isChecked())
        self.view.zoom_to_fit_once()
