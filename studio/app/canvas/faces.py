"""What a card shows, as a plain value made from a node and its report.

The scene redraws a card when its face changed and leaves it alone otherwise; a scene drawn
step by step equals one drawn afresh when their faces are equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

from studio.app.canvas import catalog, figures, texts
from studio.app.canvas.figures import Figure
from studio.project import layout, registry
from studio.project.analysis import NodeReport
from studio.project.kinds import Kind
from studio.project.settings import SettingError
from studio.project.tags import TAGS
from studio.project.values import Flow, Node

Style = Literal["pill", "row", "card", "stack"]


@dataclass(frozen=True, slots=True)
class Face:
    """All texts and marks of one card; ``width`` and ``height`` in canvas pixels.

    ``share`` is the part of the network's multiply-adds (0 to 1), None where it has none.
    ``own`` marks a user's own block, whose title gets a line for itself.
    ``shortcut`` is what stands on a residual block's second path: "" for nothing, None where the
    block has none. ``ports`` counts the inputs that are drawn. ``problem`` is the first problem's
    sentence, "" for none, and ``fix`` the words of its remedy.
    """

    name: str
    kind_line: str
    family: str
    icon: str
    style: Style
    width: float
    height: float
    chips: tuple[str, ...] = ()
    output: str = ""
    parameters: str = ""
    share: float | None = None
    figure: Figure | None = None
    repeats: int = 1
    own: bool = False
    ports: int = 1
    leaves: bool = True
    shortcut: str | None = None
    problem: str = ""
    fix: str = ""
    tag: str = ""
    flow: Flow = "down"


class Form(NamedTuple):
    """What is drawn of a card far away, and what lies around it depends on."""

    width: float
    height: float
    family: str
    ports: int
    leaves: bool
    faulty: bool
    flow: Flow


def form(node: Node, report: NodeReport | None, wired: int, flow: Flow) -> Form:
    """The form of ``node``; the arguments are those of ``make``."""
    faulty = report is not None and bool(report.problems)
    kind = registry.lookup(node.kind)
    width, height = layout.card_size(node)
    if kind is None:
        return Form(width, height, "unknown", max(1, wired), True, faulty, flow)
    ports = max(kind.min_inputs, wired) if kind.max_inputs else 0
    family = kind.family_of(node.settings)
    return Form(width, height, family, ports, not kind.ends, faulty, flow)


def make(node: Node, report: NodeReport | None, wired: int, data: str, flow: Flow = "down") -> Face:
    """The face of ``node``; ``wired`` is one more than its highest wired input port.

    ``data`` names the images that the input stands for, ``flow`` says at which edges ports are.
    """
    kind = registry.lookup(node.kind)
    width, height, family, ports, leaves, *_ = form(node, report, wired, flow)
    problem = report.problems[0] if report is not None and report.problems else None
    sentence = problem.message if problem is not None else ""
    fix = problem.fix.text if problem is not None and problem.fix is not None else ""
    if kind is None:
        return Face(
            node.name, f"{node.kind}, not known here", family, "unknown", "row", width, height,
            ports=ports, problem=sentence, fix=fix, tag=_tag(node), flow=flow,
        )  # fmt: skip
    try:
        values = registry.values(node)
        chips = kind.chips(values)
    except SettingError:
        values, chips = {}, ()
    shape = report.inputs[0] if report is not None and report.inputs else None
    figure = figures.read(kind, values, shape) if values else None
    return Face(
        name=node.name,
        kind_line=_kind_line(kind, node, data),
        family=family,
        icon=catalog.icon_of(node.kind, kind.family, values),
        style=_style(kind, height, values),
        width=width,
        height=height,
        chips=chips,
        output=texts.shape(report.output) if report is not None and report.output else "",
        parameters=_parameters(report),
        share=_share(report),
        figure=figure,
        repeats=int(values.get("repeats", 1)),
        own=kind.own_title is not None,
        ports=ports,
        leaves=leaves,
        # The figure of a user's own block shows the second path itself.
        shortcut=_shortcut(figure) if kind.own_title is None else None,
        problem=sentence,
        fix=fix,
        tag=_tag(node),
        flow=flow,
    )


def _tag(node: Node) -> str:
    """The node's tag, where this version knows it."""
    return node.tag if node.tag in TAGS else ""


def same(one: NodeReport, other: NodeReport) -> bool:
    """Whether two reports of one node lead to the same face."""
    return (
        one.output == other.output
        and one.parameters == other.parameters
        and one.inputs == other.inputs
        and one.problems == other.problems
        and bool(one.macs) == bool(other.macs)
        and round(one.share, 3) == round(other.share, 3)
    )


def _share(report: NodeReport | None) -> float | None:
    """The share in steps that can be seen on the card."""
    return round(report.share, 3) if report is not None and report.macs else None


def _style(kind: Kind, height: float, values: Mapping[str, object]) -> Style:
    if kind.family in ("input", "output"):
        return "pill"
    if height < 48:
        return "row"
    if kind.own_title is not None:
        return "stack" if values.get("repeats", 1) != 1 else "card"
    repeats = any(setting.name in ("repeats", "layers") for setting in kind.settings)
    return "stack" if repeats else "card"


def _kind_line(kind: Kind, node: Node, data: str) -> str:
    if kind.kind == "input":
        return data
    if kind.kind == "output":
        return "cross entropy"
    title = kind.title_of(node.settings)
    # What is called "flatten" need not be told to be one.
    return "" if kind.own_title is None and node.name.lower() == title.lower() else title


def _shortcut(figure: Figure | None) -> str | None:
    if figure is None or figure.merge != "add" or len(figure.branches) != 2:
        return None
    path = min(figure.branches, key=len)
    return path[0].split(" ")[0] if path else ""


def _parameters(report: NodeReport | None) -> str:
    if report is None or not report.parameters:
        return ""
    return f"{texts.count(report.parameters)} parameters"
