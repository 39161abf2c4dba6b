"""The fix that is offered for a mismatch: the smallest edit that is known to mend it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from studio.project import registry
from studio.project.kinds import Kind, Mismatch, show_shape
from studio.project.problems import Fix, InsertBefore, SetSetting
from studio.project.settings import Integer
from studio.project.tracing import Step, trace
from studio.project.values import Node, Shape

Nodes = Mapping[str, Node]
Steps = Mapping[str, Step]


def mend(
    node: Node, step: Step, error: Mismatch, nodes: Nodes, steps: Steps, classes: int | None
) -> Fix | None:
    """What would mend ``error``, which ``node`` raised for what feeds it; None if nothing is known.

    In this order: the channels or the padding of what feeds it, a projection, what the rule that
    refused the input names.
    """
    if error.wanted is not None and error.port < len(step.sources):
        source = nodes[step.sources[error.port]]
        given = step.inputs[error.port]
        first = nodes[step.sources[0]]
        for fix in (
            _set_channels(source, given, error.wanted, classes),
            _set_padding(source, steps, error.wanted),
            # A side that is too small may also be met by the other, where it has the padding.
            _set_padding(first, steps, (step.inputs[0][0], *given[1:])) if error.port else None,
            _project(node, error.port, given, error.wanted),
        ):
            if fix is not None:
                return fix
    if error.insert:
        return Fix(error.insert_text, InsertBefore(node.name, error.port, error.insert))
    return _set_own(node, step, error, classes)


def _channel_setting(kind: Kind) -> str | None:
    names = {setting.name for setting in kind.settings}
    if kind.kind in ("input", "zero_shortcut"):
        return None
    return next((name for name in ("channels", "features") if name in names), None)


def _set_channels(source: Node, given: Shape, wanted: Shape, classes: int | None) -> Fix | None:
    """Set the source's channels, where only they differ and it can choose them."""
    kind = registry.lookup(source.kind)
    if kind is None or len(given) != len(wanted) or given[1:] != wanted[1:]:
        return None
    name = _channel_setting(kind)
    if name is None or given == wanted:
        return None
    if name == "features" and wanted[0] == classes:
        # 0 is "as many as classes", which is what the output wants.
        return Fix(f"Set {source.name}'s features to the classes", SetSetting(source.name, name, 0))
    text = f"Set {source.name}'s {name} to {wanted[0]}"
    return Fix(text, SetSetting(source.name, name, wanted[0]))


def _set_padding(source: Node, steps: Steps, wanted: Shape) -> Fix | None:
    """Set the source's padding, where with another one it gives ``wanted``."""
    kind, step = registry.lookup(source.kind), steps.get(source.name)
    if kind is None or step is None or step.trace.output == wanted:
        return None
    padding = next((s for s in kind.settings if s.name == "padding"), None)
    if not isinstance(padding, Integer):
        return None
    for value in _paddings(padding, step.trace.values):
        changed = replace(source, settings={**source.settings, "padding": value})
        if trace(changed, step.inputs, 2).output == wanted:
            text = f"Set {source.name}'s padding to {padding.show(value)}"
            return Fix(text, SetSetting(source.name, "padding", value))
    return None


def _paddings(setting: Integer, values: Mapping[str, Any]) -> Iterator[int]:
    """Those that are worth a try: a border as wide as what the kernel reaches over."""
    if setting.minimum < 0:
        yield setting.minimum
    yield from range(min(setting.maximum, values["kernel"] * values.get("dilation", 1)) + 1)


def _project(node: Node, port: int, given: Shape, wanted: Shape) -> Fix | None:
    """Put a 1×1 convolution before the port, where a whole stride brings the sizes together."""
    if len(given) != 3 or len(wanted) != 3:
        return None
    stride = -(-given[1] // wanted[1])
    if any(-(-given[axis] // stride) != wanted[axis] for axis in (1, 2)):
        return None
    settings = {"channels": wanted[0], "kernel": 1}
    if stride > 1:
        settings["stride"] = stride
    text = f"Put a 1×1 convolution to {show_shape(wanted)} before it"
    return Fix(text, InsertBefore(node.name, port, (("convolution", settings),)))


def _set_own(node: Node, step: Step, error: Mismatch, classes: int | None) -> Fix | None:
    """Set the setting of the node's own that its rule named, where that does mend it.

    The rule may be that of a layer inside a block, which has the setting under the same name.
    """
    kind = registry.lookup(node.kind)
    if kind is None or error.setting is None:
        return None
    name, value = error.setting
    setting = next((s for s in kind.settings if s.name == name), None)
    if setting is None:
        return None
    changed = replace(node, settings={**node.settings, name: value})
    if trace(changed, step.inputs, classes or 2).error is not None:
        return None
    text = f"Set {setting.title.lower()} to {setting.show(value)}"
    return Fix(text, SetSetting(node.name, name, value))
