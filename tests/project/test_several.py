"""Several nodes edited at once: what they share, and that an edit is made to all or to none."""

from __future__ import annotations

import pytest

from studio.project import edits, registry
from studio.project.edits import EditRefused
from studio.project.several import matter_to_all, shared_settings
from studio.project.values import Node
from tests.project.networks import chain

NETWORK = chain(
    ("a", "convolution", {"channels": 8}),
    ("b", "convolution", {"channels": 16, "kernel": 5}),
    ("pool", "pooling", {}),
    ("gone", "from_a_later_version", {}),
)


def _names(*kinds: str) -> list[str]:
    nodes = [Node(f"n{number}", kind) for number, kind in enumerate(kinds)]
    return [setting.name for setting in shared_settings(nodes)]


def test_nodes_of_one_kind_share_all_its_settings() -> None:
    kind = registry.layer("convolution")
    assert _names("convolution", "convolution") == [s.name for s in kind.settings if not s.hidden]


def test_kinds_share_what_has_the_same_name_bounds_and_choices() -> None:
    # A pooling's padding has other bounds, and its mode is nothing a convolution has.
    assert _names("convolution", "pooling") == ["kernel", "stride"]
    assert _names("pooling", "convolution") == ["kernel", "stride"]


def test_nothing_is_shared_with_a_kind_that_is_not_known() -> None:
    assert _names("convolution", "from_a_later_version") == []
    assert _names() == []


def test_a_choice_with_other_words_is_not_shared() -> None:
    assert "mode" not in _names("pooling", "upsample")
    assert _names("pooling", "global_pooling") == []  # the same words in another order


def test_what_has_no_effect_in_one_node_does_not_matter_to_all() -> None:
    kind = next(k for k in registry.kinds() if any(s.when for s in k.settings))
    setting = next(s for s in kind.settings if s.when)
    assert setting.when is not None
    chooser, words = setting.when
    chosen = next(s for s in kind.settings if s.name == chooser)
    other = next(v for v in _values(chosen) if v not in words)
    on, off = Node("on", kind.kind, {chooser: words[0]}), Node("off", kind.kind, {chooser: other})
    assert setting.name in matter_to_all([on, on], kind.settings)
    assert setting.name not in matter_to_all([on, off], kind.settings)


def _values(setting: object) -> list[object]:
    choices = getattr(setting, "choices", None)
    return [word for word, _ in choices] if choices else [True, False, 0, 1, 2, 3]


def test_one_value_goes_to_all_and_each_may_have_its_own() -> None:
    same = edits.set_settings(NETWORK, ["a", "b"], "channels", 32)
    assert [same.node(name).settings["channels"] for name in "ab"] == [32, 32]
    assert same.node("b").settings["kernel"] == 5
    assert same.node("pool") is NETWORK.node("pool")
    own = edits.set_each(NETWORK, "channels", {"a": 16, "b": 64})
    assert own.node("a").settings["channels"] == 16
    assert own.node("b").settings == {"kernel": 5}  # 64 is the default, and left out


@pytest.mark.parametrize(("name", "words"), [
    ("pool", "pool has no setting 'channels'"),
    ("gone", "gone: this version does not know"),
    ("none", "there is no node called 'none'"),
])  # fmt: skip
def test_what_one_node_refuses_is_refused_for_all(name: str, words: str) -> None:
    with pytest.raises(EditRefused, match=words):
        edits.set_settings(NETWORK, ["a", name], "channels", 32)


def test_a_refusal_names_the_node_whose_value_it_is() -> None:
    with pytest.raises(EditRefused, match=r"^b: channels must lie between"):
        edits.set_each(NETWORK, "channels", {"a": 16, "b": 0})
