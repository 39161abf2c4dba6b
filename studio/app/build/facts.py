"""Rows of a name and a number: rounded to read, exact on hover, to select and copy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from studio.app.canvas import texts
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S3
from studio.project.analysis import Analysis, NodeReport


class Fact(NamedTuple):
    """A name, the rounded text and what stands behind it."""

    title: str
    text: str
    exact: str


class FactRows(QWidget):
    """A small table that is filled anew at each change."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(S3)
        self._grid.setVerticalSpacing(S1 + 2)
        self._grid.setColumnStretch(1, 1)
        self._rows: list[tuple[QLabel, QLabel]] = []

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show exactly these."""
        while len(self._rows) < len(facts):
            self._add_row()
        for number, (title, value) in enumerate(self._rows):
            shown = number < len(facts)
            title.setVisible(shown)
            value.setVisible(shown)
            if shown:
                fact = facts[number]
                title.setText(fact.title)
                value.setText(fact.text)
                value.setToolTip(fact.exact)
                value.setAccessibleName(f"{fact.title}: {fact.exact or fact.text}")

    def _add_row(self) -> None:
        title, value = QLabel(self), QLabel(self)
        set_role(title, "muted")
        set_role(value, "number")
        value.setAlignment(Qt.AlignmentFlag.AlignRight)
        value.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse
            | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        # Selectable by key, but a stop on the way through the form it need not be.
        value.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        row = len(self._rows)
        self._grid.addWidget(title, row, 0)
        self._grid.addWidget(value, row, 1)
        self._rows.append((title, value))

    def texts(self) -> dict[str, str]:
        """What is shown, by title."""
        return {title.text(): value.text() for title, value in self._rows if not title.isHidden()}


def counted(title: str, number: int, unit: str) -> Fact:
    """A count, rounded from five digits on."""
    exact = f"{number:,}"
    text = exact if number < 1_000_000 else texts.count(number)
    return Fact(title, text, f"{exact} {unit}")


def of_node(report: NodeReport, *, inside: bool = False) -> list[Fact]:
    """What is known of one node; ``inside`` a block, fields are counted from the block's input."""
    if report.output is None:
        why = "follows from what feeds the node"
        return [
            Fact(title, "not known", why) for title in ("Output", "Parameters", "Multiply-adds")
        ]
    shape = texts.shape(report.output)
    facts = [Fact("Output", shape, "channels × height × width, or the length of a vector")]
    facts.append(counted("Parameters", report.parameters, "trainable values"))
    facts.append(counted("Multiply-adds", report.macs, "multiply-adds for one image"))
    if report.receptive_field is not None:
        height, width = report.receptive_field
        facts.append(
            Fact(
                "Sees of the block's input" if inside else "Receptive field",
                f"{height} × {width}" if inside else f"{height} × {width} px",
                "how many positions of what comes into the block one output position sees"
                if inside
                else "the part of the input image that one output position sees",
            )
        )
    return facts


PARTLY = "Parts of the network are not counted: they are known once its problems are mended."


def partly_known(analysis: Analysis) -> bool:
    """Whether some nodes are left out of the totals, because no shape reaches them."""
    return any(report.output is None for report in analysis.nodes.values())


def of_network(analysis: Analysis) -> list[Fact]:
    """The totals."""
    facts = [
        counted("Parameters", analysis.parameters, "trainable values"),
        counted("Multiply-adds", analysis.macs, "multiply-adds for one image"),
        Fact(
            "Depth",
            f"{analysis.depth} layers",
            "convolution and linear layers on the longest path",
        ),
    ]
    if partly_known(analysis):
        facts = [Fact(title, f"≥ {text}", f"{exact}. {PARTLY}") for title, text, exact in facts]
    if analysis.input_shape is not None:
        facts.insert(
            0, Fact("Input", texts.shape(analysis.input_shape), "channels × height × width")
        )
    if analysis.classes is not None and analysis.input_shape is not None:
        facts.append(Fact("Classes", f"{analysis.classes:,}", "outputs of the network"))
    return facts


def of_selection(analysis: Analysis, names: Sequence[str]) -> list[Fact]:
    """The sums over several nodes."""
    reports = [analysis.nodes[name] for name in names if name in analysis.nodes]
    part = sum(report.share for report in reports)
    return [
        counted("Parameters", sum(r.parameters for r in reports), "trainable values"),
        counted("Multiply-adds", sum(r.macs for r in reports), "multiply-adds for one image"),
        Fact("Share of cost", f"{part:.0%}".replace("%", " %"), "of the multiply-adds"),
    ]
