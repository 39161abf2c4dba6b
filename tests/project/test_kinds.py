"""Every declaration says what it is, where it comes from, and what each of its settings does."""

from __future__ import annotations

import pytest

from studio.project import registry
from studio.project.kinds import Kind
from studio.project.settings import Choice, complete

PLACES = {"input", "output", "entry", "exit"}
SHOWN = [kind for kind in registry.kinds() if not getattr(kind, "hidden", False)]


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.kind)
def test_a_kind_has_help_formula_and_source_and_so_has_each_of_its_settings(kind: Kind) -> None:
    assert kind.help.endswith(".")
    assert [setting.name for setting in kind.settings if not setting.help] == []
    if kind.kind in PLACES or kind.kind == "group":
        return
    for setting in kind.settings:
        if isinstance(setting, Choice):
            for word, _ in setting.choices:
                values = complete(kind.settings, {setting.name: word}, "")
                assert all(kind.formula_and_source(values))
    if kind.kind != "identity":  # nobody's invention
        assert all(kind.formula_and_source(complete(kind.settings, {}, "")))


@pytest.mark.parametrize("kind", SHOWN, ids=lambda kind: kind.kind)
def test_every_setting_takes_what_it_gives(kind: Kind) -> None:
    for setting in kind.settings:
        assert setting.check(setting.initial) == setting.initial
