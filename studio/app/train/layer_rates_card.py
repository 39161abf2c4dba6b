"""The card with the learning rates of single nodes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from msgspec.structs import replace
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QToolButton, QVBoxLayout, QWidget

from studio.app.forms import SettingsForm
from studio.app.tabbing import follow_layout
from studio.app.theme.icons import set_icon
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1
from studio.app.train.cards import Card
from studio.app.workspace import Workspace
from studio.project import rates
from studio.project.values import Project

WHY = (
    "What a node's learning rate is multiplied by. Layers that bring pretrained weights want "
    "smaller steps than new ones; 0 freezes a layer: it learns nothing, and costs less."
)


class LayerRatesCard(Card):
    """A row for each node that has a factor, and a choice that adds one."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__("Layer rates", workspace, parent)
        self.forms: dict[str, SettingsForm] = {}
        self._rows: list[QWidget] = []
        self._offered: tuple[str, ...] = ()
        self._place = QVBoxLayout()
        self._place.setSpacing(S1)
        self.add = QComboBox(self)
        self.add.setAccessibleName("Add a layer rate")
        self.add.setToolTip(f"<qt>Choose a node or a layer in it. {WHY}</qt>")
        self.add.setPlaceholderText("Add a layer …")
        self.add.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.add.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        sized(self.add, lambda w: w.setFixedHeight(px(ROW)))
        self.add.activated.connect(self._add)
        self.column.addLayout(self._place)
        self.column.addWidget(self.add)

    def show_project(self, project: Project) -> None:
        factors = project.recipe.node_rates
        self.summary.setText(_summary(factors))
        if list(self.forms) != list(factors):
            self._rebuild(list(factors))
        for name, form in self.forms.items():
            form.set_values({name: factors[name]})
        known = rates.places(self.workspace.analysis)
        for name, form in self.forms.items():
            gone = name not in known and not self.workspace.analysis.problems
            form.set_errors({name: "there is no such node: take the rate away." if gone else ""})
        offered = tuple(name for name in known if name not in factors)
        if offered != self._offered:
            self._offered = offered
            self.add.clear()
            self.add.addItems(list(offered))
        self.add.setCurrentIndex(-1)
        self.add.setEnabled(bool(offered))

    def _rebuild(self, names: list[str]) -> None:
        for row in self._rows:
            self._place.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.forms, self._rows = {}, []
        for name in names:
            self._rows.append(self._row(name))
            self._place.addWidget(self._rows[-1])
        follow_layout(self)

    def _row(self, name: str) -> QWidget:
        row = QWidget(self.body)
        form = SettingsForm([dataclasses.replace(rates.NODE_RATE, name=name, title=name)], row)
        form.edited.connect(self._edit)
        form.committed.connect(lambda _: self.workspace.end_merge())
        self.forms[name] = form
        remove = QToolButton(row)
        set_icon(remove, "close", "muted")
        remove.setToolTip(f"Take the layer rate of {name} away")
        remove.setAccessibleName(f"Take the layer rate of {name} away")
        remove.clicked.connect(lambda: self._set(name, None))
        layout = QHBoxLayout(row)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S1)
        layout.addWidget(form, 1)
        layout.addWidget(remove, 0, Qt.AlignmentFlag.AlignTop)
        return row

    def _add(self, at: int) -> None:
        self._set(self.add.itemText(at), rates.NODE_RATE.default)

    def _edit(self, name: str, value: object) -> None:
        self._set(name, float(str(value)), merge=f"node_rates.{name}")

    def _set(self, name: str, factor: float | None, merge: str = "") -> None:
        self.workspace.apply(
            f"Set the layer rate of {name}" if factor is not None else f"Take {name}'s rate away",
            lambda project: replace(project, recipe=rates.set_rate(project.recipe, name, factor)),
            merge=merge,
        )


def _summary(factors: Mapping[str, float]) -> str:
    if not factors:
        return "none"
    frozen = sum(factor == 0 for factor in factors.values())
    words = f"{len(factors)} set"
    return f"{words}, {frozen} frozen" if frozen else words
