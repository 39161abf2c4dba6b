"""The strip below the canvas: totals, the memory a batch will need, problems, zoom."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from studio.app.build import facts
from studio.app.build.memory_popup import MemoryPopup
from studio.app.canvas import texts
from studio.app.theme.icons import set_icon
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S1, S2, S4
from studio.app.workspace import Workspace
from studio.project import edits
from studio.project.memory import Forecast, forecast, largest_batch
from studio.project.precision import arithmetic, resolve
from studio.project.problems import Fix, Problem, SetRecipe
from studio.project.recipes import BATCH_SIZE
from studio.runs.api import Device

HEIGHT = 34


class Strip(QFrame):
    """Follows the workspace. The device is told by ``set_device``."""

    problem_wanted = Signal(str)
    """The node of the first problem, "" for one of the whole network."""
    fit_wanted = Signal()

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_role(self, "panel")
        sized(self, lambda w: w.setFixedHeight(px(HEIGHT)))
        self.setMinimumWidth(320)
        self.setAccessibleName("Totals of the network")
        self._workspace = workspace
        self._device: Device | None = None
        self._images: int | None = None
        self._findings: tuple[Problem, ...] = ()
        self._checking = False
        self._next_problem = 0
        self._titles: list[QLabel] = []
        self._pairs: list[QWidget] = []
        self.palette_button = _fold("panel-left", "palette", self)
        self.inspector_button = _fold("panel-right", "inspector", self)
        self.code_button = _fold("code", "code", self)
        self.code_button.setToolTip("Show or fold the network as Python source (F4)")
        self.cost_button = _fold("table", "cost of each layer", self)
        self.cost_button.setToolTip("Show or fold the table of what each layer costs (F6)")
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(S2, 0, S2, 0)
        self._row.setSpacing(S1)
        self._row.addWidget(self.palette_button)
        self._row.addSpacing(S2)
        self.parameters = self._pair("Parameters", "Trainable values of the network")
        self.macs = self._pair("Multiply-adds", "Multiplications with addition for one image")
        self.layers = self._pair("Depth", "Convolution and linear layers on the longest path")
        self.memory = QToolButton(self)
        set_role(self.memory, "figure")
        self.memory.setCursor(Qt.CursorShape.PointingHandCursor)
        self.memory.clicked.connect(self._explain_memory)
        self._add_pair(
            "Memory",
            "Forecast of what a training step needs: weights, gradients, the optimizer's state, "
            "and the activations kept for the backward pass. Press for the parts",
            self.memory,
        )
        self._memory_title = self._titles[-1]
        self.popup: MemoryPopup | None = None
        self._row.addStretch(1)
        self.problems = QPushButton(self)
        set_role(self.problems, "link")
        self.problems.setToolTip("Go to the next problem")
        self.problems.clicked.connect(self._jump)
        self._row.addWidget(self.problems)
        self.zoom = QToolButton(self)
        self.zoom.setToolTip("Zoom. Press to fit the network (F); Ctrl+0 is 100 %")
        self.zoom.clicked.connect(self.fit_wanted)
        self._row.addWidget(self.zoom)
        self._row.addWidget(self.cost_button)
        self._row.addWidget(self.code_button)
        self._row.addWidget(self.inspector_button)
        workspace.changed.connect(self._follow)
        self._follow()

    def _pair(self, title: str, tip: str) -> QLabel:
        """A quiet title and its number."""
        value = QLabel(self)
        set_role(value, "number")
        value.setStyleSheet("font-weight: 600;")
        value.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._add_pair(title, tip, value)
        return value

    def _add_pair(self, title: str, tip: str, value: QWidget) -> None:
        name = QLabel(title, self)
        set_role(name, "muted")
        name.setToolTip(tip)
        pair = QWidget(self)
        both = QHBoxLayout(pair)
        both.setContentsMargins(0, 0, S4, 0)
        both.setSpacing(S1)
        both.addWidget(name)
        both.addWidget(value)
        self._row.addWidget(pair)
        self._titles.append(name)
        self._pairs.append(pair)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._give_way()

    def _give_way(self) -> None:
        """Hide pairs, the least needed first, rather than cut all of them."""
        folds = (
            self.palette_button, self.cost_button, self.code_button, self.inspector_button
        )  # fmt: skip
        others = (*folds, self.problems, self.zoom)
        room = self.width() - sum(other.sizeHint().width() + S1 for other in others) - 4 * S2
        parameters, macs, depth, memory = self._pairs
        for pair in (memory, parameters, macs, depth):
            width = pair.sizeHint().width() + S1
            pair.setVisible(width <= room)
            room -= width if width <= room else 0

    def set_device(self, device: Device | None) -> None:
        """What the recipe's device is; None while that is not known."""
        if device != self._device:
            self._device = device
            self._show_memory()
            self._give_way()

    @property
    def _machine(self) -> int | None:
        """Bytes that the device has; None where that is not known."""
        return self._device.memory if self._device is not None else None

    def set_images(self, count: int | None) -> None:
        """How many images there are to train with; no batch is larger."""
        self._images = count

    def set_findings(self, findings: tuple[Problem, ...], checking: bool = False) -> None:
        """Problems beyond the network: those of the recipe and the data, if all are known yet."""
        self._findings = findings
        self._checking = checking
        self._show_problems()
        self._give_way()

    @Slot(float)
    def show_zoom(self, zoom: float) -> None:
        """Show the canvas's zoom (1.0 is 100 %)."""
        self.zoom.setText(f"{zoom * 100:.0f} %")
        self.zoom.setAccessibleName(f"Zoom {zoom * 100:.0f} percent; press to fit the network")

    @Slot()
    def _follow(self) -> None:
        analysis = self._workspace.analysis
        least, rest = ("≥ ", f"\n{facts.PARTLY}") if facts.partly_known(analysis) else ("", "")
        for label, number, unit in (
            (self.parameters, analysis.parameters, ""),
            (self.macs, analysis.macs, " for one image"),
        ):
            _show(label, least + texts.count(number), f"{number:,}{unit}{rest}")
        plural = "s" if analysis.depth != 1 else ""
        words = f"{least}{analysis.depth} layer{plural}"
        _show(self.layers, words, f"on the longest path{rest}")
        self._show_memory()
        self._show_problems()
        self._give_way()

    def _show_memory(self) -> None:
        recipe = self._workspace.project.recipe
        need = self._need(recipe.batch_size)
        self._memory_title.setText(f"Memory, batch {recipe.batch_size:,}")
        text = texts.size(need.total)
        if facts.partly_known(self._workspace.analysis):
            text = f"≥ {text}"
        too_much = self._machine is not None and need.total > self._machine
        if self._machine is not None:
            text += f" of {texts.size(self._machine)}"
        if too_much:
            text += ", will not fit"
        set_role(self.memory, "figure-error" if too_much else "figure")
        detail = (
            f"weights {texts.size(need.parameters)}, gradients {texts.size(need.gradients)}, "
            f"optimizer {texts.size(need.optimizer)}, activations {texts.size(need.activations)}"
        )
        if too_much:
            detail += ". Choose a smaller batch, or fewer channels in the early layers."
        _show(self.memory, text, detail)

    def _need(self, batch: int) -> Forecast:
        """The forecast for a batch of this size, and the recipe as it is otherwise."""
        recipe = replace(self._workspace.project.recipe, batch_size=batch)
        analysis = self._workspace.analysis
        name, fastest = "cpu", "float32"  # the most memory, while the device is not known
        if self._device is not None:
            name, fastest = self._device.name, self._device.fastest
        precision = resolve(recipe, analysis, fastest, name)
        return forecast(analysis, recipe, arithmetic(precision, name))

    @Slot()
    def _explain_memory(self) -> None:
        """Show what the number is made of."""
        if self.popup is None:
            self.popup = MemoryPopup(self)
            self.popup.batch_wanted.connect(self._set_batch)
        batch, largest = self._workspace.project.recipe.batch_size, None
        if self._machine is not None:
            most = min(BATCH_SIZE.maximum, self._images or BATCH_SIZE.maximum)
            largest = largest_batch(self._need, self._machine, most)
        need = self._need(batch)
        self.popup.show_forecast(need, batch, self._machine, largest, self._images)
        self.popup.open_above(self.memory)

    @Slot(int)
    def _set_batch(self, batch: int) -> None:
        fix = Fix(f"Set the batch to {batch:,}", SetRecipe("batch_size", batch))
        self._workspace.apply(fix.text, lambda project: edits.mend(project, fix))

    def _show_problems(self) -> None:
        count = len(self._problems())
        none = "Reading the data" if self._checking else "No problems"
        words = none if not count else f"{count} problem{'s' if count > 1 else ''}"
        self.problems.setText(words)
        self.problems.setEnabled(bool(count))
        fine = ("clock", "muted") if self._checking else ("check", "good")
        set_icon(self.problems, *(("warning", "warning") if count else fine))
        self.problems.setIconSize(QSize(14, 14))

    def _problems(self) -> tuple[Problem, ...]:
        return (*self._workspace.analysis.problems, *self._findings)

    @Slot()
    def _jump(self) -> None:
        """Each press goes one problem further."""
        problems = self._problems()
        if problems:
            self._next_problem %= len(problems)
            self.problem_wanted.emit(problems[self._next_problem].node)
            self._next_problem += 1


def _show(label: QLabel | QToolButton, text: str, exact: str) -> None:
    label.setText(text)
    label.setToolTip(exact)
    label.setAccessibleDescription(exact)


def _fold(picture: str, panel: str, parent: QWidget) -> QToolButton:
    button = QToolButton(parent)
    set_icon(button, picture, "muted")
    button.setIconSize(QSize(16, 16))
    button.setCheckable(True)
    button.setChecked(True)
    button.setToolTip(f"Show or fold the {panel}")
    button.setAccessibleName(f"Show the {panel}")
    return button
