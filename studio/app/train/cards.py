"""The cards of the recipe. Each is made from the project's declarations and edits the workspace."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from msgspec.structs import asdict, replace
from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from studio.app.elided import ElidedLabel
from studio.app.fields import ChoiceField, field
from studio.app.forms import SettingsForm
from studio.app.number_field import NumberField
from studio.app.tabbing import follow_layout
from studio.app.theme.style import hairline, set_role
from studio.app.theme.tokens import S1, S2, S3, S4
from studio.app.train.curve_editor import CurveEditor
from studio.app.workspace import Workspace
from studio.project import course, recipes, schedules
from studio.project.optimizers import OPTIMIZERS, OptimizerKind, Rule
from studio.project.schedules import SCHEDULES, ScheduleKind
from studio.project.settings import Choice, Setting, SettingError, complete
from studio.project.values import Chosen, Project, Recipe


class Card(QWidget):
    """A title with a summary beside it, forms, and what explains them.

    A card that folds is one line, and remembers whether it is folded.
    """

    def __init__(self, title: str, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.setAccessibleName(title)
        self._title = QLabel(title, self)
        set_role(self._title, "title")
        self.fold_button: QToolButton | None = None
        self.summary = ElidedLabel("", self)
        self.summary.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        set_role(self.summary, "small")
        self._head = QHBoxLayout()
        self._head.setSpacing(S2)
        self._head.addWidget(self._title)
        self._head.addWidget(self.summary, 1)
        self.body = QWidget(self)
        self.column = QVBoxLayout(self.body)
        self.column.setContentsMargins(0, S2, 0, 0)
        self.column.setSpacing(S2)
        inner = QVBoxLayout()
        inner.setContentsMargins(S4, S3, S4, S3)
        inner.setSpacing(0)
        inner.addLayout(self._head)
        inner.addWidget(self.body)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(inner)
        layout.addWidget(hairline())

    def show_project(self, project: Project) -> None:
        """Bring the card in line with ``project``."""
        raise NotImplementedError

    def folds(self, key: str) -> None:
        """Let the card fold to its first line, which it is until the user has opened it; ``key``
        is what it is remembered by."""
        name = f"train/{key}"
        button = QToolButton(self)
        button.setText(self._title.text())
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setCheckable(True)
        button.setToolTip("Show or fold this part of the recipe")
        set_role(button, "fold")
        self._head.replaceWidget(self._title, button)
        self._title.hide()

        def show(opened: bool) -> None:
            button.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
            self.body.setVisible(opened)

        def press(opened: bool) -> None:
            show(opened)
            QSettings().setValue(name, "shown" if opened else "folded")

        button.setChecked(str(QSettings().value(name, "folded")) == "shown")
        show(button.isChecked())
        button.clicked.connect(press)
        self.fold_button = button


class PlainCard(Card):
    """Some settings of the recipe or the data, as they are declared."""

    def __init__(
        self,
        title: str,
        workspace: Workspace,
        owner: str,
        settings: Sequence[Setting],
        parent: QWidget | None = None,
        summarize: Callable[[Recipe], str] | None = None,
    ) -> None:
        super().__init__(title, workspace, parent)
        self._owner = owner
        self._summarize = summarize
        self._settings = {setting.name: setting for setting in settings}
        self.form = SettingsForm(settings, self)
        self.form.edited.connect(self._edit)
        self.form.committed.connect(lambda _: workspace.end_merge())
        self.column.addWidget(self.form)

    def show_project(self, project: Project) -> None:
        values = asdict(getattr(project, self._owner))
        self.form.set_values(values)
        errors = _errors(self._settings, values)
        self.form.set_errors(errors)
        if self._summarize is not None:
            self.summary.setText("wrong" if errors else self._summarize(project.recipe))
            set_role(self.summary, "small-warning" if errors else "small")

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
        self.torch_formula = QLabel(self)
        self.torch_formula.setWordWrap(True)
        set_role(self.torch_formula, "small")
        self.torch_formula.hide()
        self.column.addWidget(self.choice)
        self.column.addWidget(self.unknown)
        self.column.addLayout(self._place)
        self.column.addWidget(self.formula)
        self.column.addWidget(self.torch_formula)

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
            values = self._values(project, kind)
            self._form.set_values(values)
            self._form.set_errors(
                self._faults(project) | _errors({s.name: s for s in kind.settings}, values)
            )
        self._left[chosen.kind] = dict(chosen.settings)
        if kind is not None:
            self._show_rule(self._rule(project, kind), kind)

    def _rule(self, project: Project, kind: OptimizerKind | ScheduleKind) -> Rule:
        """The formulas of what is chosen, with the terms that its settings turn on."""
        chosen: Chosen = getattr(project.recipe, self._part)
        assert isinstance(kind, OptimizerKind)
        try:
            return kind.rule(complete(kind.settings, chosen.settings, kind.title))
        except SettingError:  # said under the field; the rule is meanwhile as it is by default
            return kind.rule(complete(kind.settings, {}, kind.title))

    def _show_rule(self, rule: Rule, kind: OptimizerKind | ScheduleKind) -> None:
        """Write the lecture's rule down, and below it where torch's is another."""
        lines = rule.lecture or rule.torch
        others = [line for line in rule.torch if line not in lines]
        source = kind.source if isinstance(kind, OptimizerKind) else ""
        name = "lecture: " if others else ""
        self.formula.setText(name + formula_html(lines))
        warming = "In the warm-up, i counts its w steps." if lines[-1][:4] == "warm" else ""
        about = "<br>".join(html.escape(part) for part in (kind.help, source, warming) if part)
        self.formula.setToolTip(f"<qt>{about}</qt>")
        self.formula.setAccessibleName(f"Formula of {kind.title}")
        self.formula.setAccessibleDescription(f"{', '.join(lines)}. {kind.help}")
        self.torch_formula.setVisible(bool(others))
        self.torch_formula.setText(f"torch: {formula_html(others)}" if others else "")
        self.torch_formula.setToolTip(f"<qt>{html.escape(rule.differ)}</qt>" if others else "")
        self.torch_formula.setAccessibleName(f"torch's formula of {kind.title}")
        self.torch_formula.setAccessibleDescription(f"{', '.join(others)}. {rule.differ}")

    def _values(self, project: Project, kind: OptimizerKind | ScheduleKind) -> dict[str, Any]:
        """The settings that hold, whether or not they are in bounds."""
        chosen: Chosen = getattr(project.recipe, self._part)
        return {setting.name: setting.initial for setting in kind.settings} | chosen.settings

    def _faults(self, project: Project) -> dict[str, str]:
        """What is wrong with settings that are each in bounds, by their names."""
        return {}

    def _rebuild(self, kind: OptimizerKind | ScheduleKind | None) -> None:
        if self._form is not None:
            self._place.removeWidget(self._form)
            self._form.hide()
            self._form.deleteLater()
            self._form = None
        if kind is None:
            self.formula.clear()
            self.torch_formula.hide()
            return
        if kind.settings:
            self._form = SettingsForm(kind.settings, self)
            self._form.edited.connect(self._edit)
            self._form.committed.connect(lambda _: self.workspace.end_merge())
            self._place.addWidget(self._form)
        follow_layout(self)

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
        self.warm_form = SettingsForm(recipes.WARMUP_SETTINGS, self)
        self.warm_form.edited.connect(self._edit_rate)
        self.warm_form.committed.connect(lambda _: workspace.end_merge())
        self.column.insertWidget(self.column.indexOf(self.formula), self.warm_form)
        self.preview = CurveEditor(self)
        self.preview.edited.connect(lambda text: self._edit("points", text))
        self.preview.committed.connect(workspace.end_merge)
        self.column.addWidget(self.preview)
        follow_layout(self)
        self._steps_per_epoch: int | None = None

    def show_project(self, project: Project) -> None:
        super().show_project(project)
        values = {"learning_rate": project.recipe.learning_rate}
        self.rate_form.set_values(values)
        self.rate_form.set_errors(_errors({"learning_rate": START_RATE}, values))
        values = asdict(project.recipe)
        self.warm_form.set_values(values)
        length = self.warm_form.editor("warmup")
        assert isinstance(length, NumberField)
        length.set_unit(project.recipe.warmup_unit)
        declared = {setting.name: setting for setting in recipes.WARMUP_SETTINGS}
        self.warm_form.set_errors(self._long(project) | _errors(declared, values))
        self.preview.show_recipe(project.recipe, self._steps_per_epoch)

    def _values(self, project: Project, kind: OptimizerKind | ScheduleKind) -> dict[str, Any]:
        values = super()._values(project, kind)
        if isinstance(kind, ScheduleKind):
            follows = dict(kind.follows(schedules.span(project.recipe)))
            values |= follows | project.recipe.schedule.settings
        return values

    def _rule(self, project: Project, kind: OptimizerKind | ScheduleKind) -> Rule:
        try:
            return Rule(schedules.formula(project.recipe))
        except SettingError:
            return Rule(schedules.formula(Recipe(schedule=Chosen(kind.kind))))

    def _faults(self, project: Project) -> dict[str, str]:
        return self._long(project)

    def _long(self, project: Project) -> dict[str, str]:
        """What of the course lies behind the run's end, by the setting that says so."""
        faults = {}
        for problem in course.too_long(project.recipe, self._steps_per_epoch):
            message = problem.message.removeprefix("recipe: ")
            faults[problem.setting] = f"{message[:1].upper()}{message[1:]}."
        return faults

    def set_steps_per_epoch(self, steps: int | None) -> None:
        """Draw the curve for this many steps an epoch, where known, from ``show_project`` on."""
        self._steps_per_epoch = steps

    def _edit_rate(self, name: str, value: object) -> None:
        what = "learning rate" if name == "learning_rate" else "warm-up"
        self.workspace.apply(
            f"Set the {what}",
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
        value = getattr(getattr(project, self._owner), self._setting.name)
        self.editor.set_value(value)
        # The first words, which fit beside the title: "zero mean, unit deviation" is "zero mean".
        self.summary.setText(self._setting.show(value).partition(",")[0])

    def _edit(self, value: object) -> None:
        def change(project: Project) -> Project:
            part = replace(getattr(project, self._owner), **{self._setting.name: value})
            return replace(project, **{self._owner: part})

        self.workspace.apply(f"Set {self._setting.title.lower()}", change)


START_RATE = dataclasses.replace(recipes.LEARNING_RATE, title="Start α₀")
"""The learning rate under its own card's title, which need not be said twice."""


def formula_html(lines: Sequence[str]) -> str:
    """Formulas of the project's declarations with raised exponents, each on a line of its own."""
    text = "<br>".join(map(html.escape, lines))
    raised = re.sub(r"\^(?:\(([^)]*)\)|(⌊[^⌋]*⌋))", r"<sup>\1\2</sup>", text)
    return f"<i>{raised}</i>"


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
