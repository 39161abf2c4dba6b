"""The card that takes a whole recipe at once."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtWidgets import QWidget

from studio.app.fields import ChoiceField
from studio.app.train.cards import Card
from studio.app.workspace import Workspace
from studio.project import presets
from studio.project.settings import Choice
from studio.project.values import Project

_HELP = (
    "A whole recipe to start from. Device, seed, first weights, augmentation, class weights and "
    "layer rates stay as they are."
)
_CHOICE = Choice(
    name="preset",
    title="Preset",
    default=presets.CUSTOM,
    choices=(
        *((preset.name, preset.title) for preset in presets.PRESETS),
        (presets.CUSTOM, "Custom"),
    ),
    help=_HELP,
)


class PresetCard(Card):
    """One choice, which is "Custom" when the recipe is none of the presets."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__("Preset", workspace, parent)
        self.choice = ChoiceField(_CHOICE, self)
        self.choice.setAccessibleName(_CHOICE.title)
        self.choice.edited.connect(lambda name: self._choose(str(name)))
        self.column.addWidget(self.choice)

    def show_project(self, project: Project) -> None:
        name = presets.matching(project.recipe)
        self.choice.set_value(name)
        what = _HELP if name == presets.CUSTOM else f"{presets.find(name).help} {_HELP}"
        self.choice.setToolTip(f"<qt>{what}</qt>")
        self.choice.setAccessibleDescription(what)

    def _choose(self, name: str) -> None:
        if name == presets.CUSTOM:
            self.show_project(self.workspace.project)  # it is no recipe to take
            return
        preset = presets.find(name)
        self.workspace.apply(
            f"Choose the preset {preset.title}",
            lambda project: replace(project, recipe=preset.apply(project.recipe)),
        )
