"""The cards of the recipe. Each is made from the project's declarations and edits the workspace."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace
from PySide6.QtWidgets import QHBoxLayout, QLabel, QVBoxLayout, QWidget

from studio.app.fields import ChoiceField, field
from studio.app.forms import SettingsForm
from studio.app.tabbing import follow_layout
from studio.app.theme.style import hairline, set_role
from studio.app.theme.tokens import S1, S2, S3, S4
from studio.app.train.rate_preview import RatePreview
from studio.app.workspace import Workspace
from studio.project import recipes
from studio.project.optimizers import OPTIMIZERS, OptimizerKind
from studio.project.schedules import SCHEDULES, ScheduleKind
from studio.project.settings import Choice, Setting, SettingError
from studio.project.values import Chosen, Project


class Card(QWidget):
    """A title with a summary beside it, forms, and what explains them."""

    def __init__(self, title: str, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.setAccessibleName(title)
        name = QLabel(title, self)
        set_role(name, "title")
        self.summary = QLabel(self)
        set_role(self.summary, "small")
        head = QHBoxLayout()
        head.setSpacing(S2)
        head.addWidget(name)
        head.addStretch(1)
        head.addWidget(self.summary)
        self.column = QVBoxLayout()
        self.column.setContentsMargins(S4, S3, S4, S3)
        self.column.setSpacing(S2)
        self.column.addLayout(head)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self.column)
        layout.addWidget(hairline())

    def show_project(self, project: Project) -> None:
        """Bring the card in line with ``project``."""
        raise NotImplementedError


class PlainCard(Card):
    """Some settings of the recipe or the data, as they are declared."""

    def __init__(
        self,
        title: str,
        workspace: Workspace,
        owner: str,
        settings: Sequence[Setting],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, workspace, parent)
        self._owner = owner
        self._settings = {setting.name: setting for setting in settings}
        self.form = SettingsForm(settings, self)
        self.form.edited.connect(self._edit)
        self.form.committed.connect(lambda _: workspace.end_merge())
        self.column.addWidget(self.form)

    def show_project(self, project: Project) -> None:
        values = asdict(getattr(project, self._owner))
        self.form.set_values(values)
        self.form.set_errors(_errors(self._settings, values))

    def _edit(self, name: str, value: object) -> None:
        def change(project: Project) -> Project:
            part = replace(getattr(project, self._owner), **{name: value})
            return replace(project, **{self._owner: part})

        title = self._settings[name].title.lower()
        self.workspace.apply(f"Set {title}", change, merge=f"{self._owner}.{name}")


class ChosenCard(Card):
    """An optimizer or a schedule: which one, its settings, its formula.

    ``part`` is the recipe's field that holds the choice.
    """

    def __init__(
        self,
        title: str,
        workspace: Workspace,
        part: str,
        kinds: Mapping[str, OptimizerKind] | Mapping[str, ScheduleKind],
        help: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, workspace, parent)
        self._part = part
        self._kinds = kinds
        self._shown: str | None = None
        self._form: SettingsForm | None = None
        self._left: dict[str, dict[str, Any]] = {}
        workspace.started.connect(self._left.clear)
        choice = Choice(
            name="kind",
            title=part.capitalize(),
            default=next(iter(kinds)),
            choices=tuple((kind.kind, kind.title) for kind in kinds.values()),
            help=help,
        )
        self.choice = ChoiceField(choice, self)
        self.choice.setAccessibleName(choice.title)
        self.choice.setAccessibleDescription(help)
        self.choice.setToolTip(help)
        self.choice.edited.connect(lambda kind: self._choose(str(kind)))
        self.unknown = QLabel(self)
        self.unknown.setWordWrap(True)
        set_role(self.unknown, "error")
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 0, 0, 0)
        self._place.setSpacing(S1)
        self.formula = QLabel(self)
        self.formula.setWordWrap(True)
        self.column.addWidget(self.choice)
        self.column.addWidget(self.unknown)
        self.column.addLayout(self._place)
        self.column.addWidget(self.formula)

    @property
    def settings_form(self) -> SettingsForm | None:
        """The form of the chosen kind's own settings; None where it has none."""
        return self._form

    def show_project(self, project: Project) -> None:
        chosen: Chosen = getattr(project.recipe, self._part)
        kind = self._kinds.get(chosen.kind)
        if chosen.kind != self._shown:
            self._shown = chosen.kind
            self._rebuild(kind)
        self.choice.set_value(chosen.kind)
        self.unknown.setVisible(kind is None)
        if kind is None:
            self.unknown.setText(f"There is no {self._part} {chosen.kind!r} here: choose another.")
        if kind is not None and self._form is not None:
            values = {setting.name: setting.initial for setting in kind.settings}
            values |= chosen.settings
            self._form.set_values(values)
            self._form.set_errors(_errors({s.name: s for s in kind.settings}, values))
        self._left[chosen.kind] = dict(chosen.settings)

    def _rebuild(self, kind: OptimizerKind | ScheduleKind | None) -> None:
        if self._form is not None:
            self._place.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
            self._form = None
        if kind is None:
            self.formula.clear()
            return
        if kind.settings:
            self._form = SettingsForm(kind.settings, self)
            self._form.edited.connect(self._edit)
            self._form.committed.connect(lambda _: self.workspace.end_merge())
            self._place.addWidget(self._form)
        follow_layout(self)
        self.formula.setText(formula_html(kind.formula))
        source = f"\n{kind.source}" if isinstance(kind, OptimizerKind) else ""
        self.formula.setToolTip(f"{kind.help}{source}")
        self.formula.setAccessibleName(f"Formula of {kind.title}")
        self.formula.setAccessibleDescription(f"{kind.formula}. {kind.help}")

    def _choose(self, kind: str) -> None:
        # Who looks at another decay for a moment finds the first one as it was.
        chosen = Chosen(kind, dict(self._left.get(kind, {})))

        def change(project: Project) -> Project:
            recipe = replace(project.recipe, **{self._part: chosen})
            if self._part == "optimizer":
                recipe = replace(recipe, learning_rate=_fitting_rate(project, kind))
            return replace(project, recipe=recipe)

        self.workspace.apply(f"Choose {self._kinds[kind].title}", change)

    def _edit(self, name: str, value: object) -> None:
        def change(project: Project) -> Project:
            chosen: Chosen = getattr(project.recipe, self._part)
            chosen = replace(chosen, settings={**chosen.settings, name: value})
            return replace(project, recipe=replace(project.recipe, **{self._part: chosen}))

        kind = self._kinds[getattr(self.workspace.project.recipe, self._part).kind]
        title = next(setting.title for setting in kind.settings if setting.name == name)
        self.workspace.apply(
            f"Set {title[:1].lower()}{title[1:]} of {kind.title}",
            change,
            merge=f"{self._part}.{name}",
        )


class RateCard(ChosenCard):
    """The learning rate, its decay, and the curve of both over the whole run."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        falls = "How the learning rate falls over the run."
        super().__init__("Learning rate", workspace, "schedule", SCHEDULES, falls, parent)
        self.rate_form = SettingsForm([START_RATE], self)
        self.rate_form.edited.connect(self._edit_rate)
        self.rate_form.committed.connect(lambda _: workspace.end_merge())
        self._place.insertWidget(0, self.rate_form)
        follow_layout(self)
        self.preview = RatePreview(self)
        self.column.addWidget(self.preview)
        self._steps_per_epoch: int | None = None

    def show_project(self, project: Project) -> None:
        super().show_project(project)
        values = {"learning_rate": project.recipe.learning_rate}
        self.rate_form.set_values(values)
        self.rate_form.set_errors(_errors({"learning_rate": START_RATE}, values))
        self.preview.show_recipe(project.recipe, self._steps_per_epoch)

    def set_steps_per_epoch(self, steps: int | None) -> None:
        """Draw the curve for this many steps an epoch, where known, from ``show_project`` on."""
        self._steps_per_epoch = steps

    def _edit_rate(self, name: str, value: object) -> None:
        self.workspace.apply(
            "Set the learning rate",
            lambda project: replace(project, recipe=replace(project.recipe, **{name: value})),
            merge=f"recipe.{name}",
        )


class ChoiceCard(Card):
    """One choice in the width of the card, for words that a form's half would cut."""

    def __init__(
        self,
        title: str,
        workspace: Workspace,
        owner: str,
        setting: Choice,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(title, workspace, parent)
        self._owner = owner
        self._setting = setting
        self.editor = field(setting, self)
        self.editor.edited.connect(self._edit)
        self.column.addWidget(self.editor)

    def show_project(self, project: Project) -> None:
        self.editor.set_value(getattr(getattr(project, self._owner), self._setting.name))

    def _edit(self, value: object) -> None:
        def change(project: Project) -> Project:
            part = replace(getattr(project, self._owner), **{self._setting.name: value})
            return replace(project, **{self._owner: part})

        self.workspace.apply(f"Set {self._setting.title.lower()}", change)


START_RATE = dataclasses.replace(recipes.LEARNING_RATE, title="Start α₀")
"""The learning rate under its own card's title, which need not be said twice."""


def formula_html(formula: str) -> str:
    """A formula of the project's declarations with raised exponents, a rule on each line."""
    raised = re.sub(r"\^(?:\(([^)]*)\)|(⌊[^⌋]*⌋))", r"<sup>\1\2</sup>", formula)
    return f"<i>{raised.replace(',  ', '<br>')}</i>"


def _fitting_rate(project: Project, kind: str) -> float:
    """The learning rate after a change of optimizer: the new one's own where the user had kept
    the old one's, since what suits SGD is a hundred times too much for Adam."""
    old = OPTIMIZERS.get(project.recipe.optimizer.kind)
    if old is not None and project.recipe.learning_rate == old.rate:
        return OPTIMIZERS[kind].rate
    return project.recipe.learning_rate


def _errors(settings: Mapping[str, Setting], values: Mapping[str, Any]) -> dict[str, str]:
    errors = {}
    for name, setting in settings.items():
        try:
            setting.check(values.get(name, setting.initial))
        except SettingError as error:
            errors[name] = f"{error}."
    return errors
