"""Problems as sentences, each with the button that mends it and, in a list, a way to its node."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QFrame,
    QLabel,
    QPushButton,
    QSizePolicy,
    QStyle,
    QStyleOptionButton,
    QVBoxLayout,
    QWidget,
)

from studio.app.canvas import texts
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S2, S3, S4, color
from studio.project.problems import Problem

SHOWN = 20


class ProblemList(QWidget):
    """Filled anew when the problems change, and left alone otherwise."""

    fix_wanted = Signal(object)
    """The Fix whose button was pressed."""
    node_wanted = Signal(str)
    """The node to go to."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[tuple[Problem, ...], str] = ((), "")
        self._names: frozenset[str] = frozenset()
        self._cards: list[QWidget] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(S2)
        self.hide()

    def show_problems(
        self, problems: Sequence[Problem], names: Iterable[str], at: str = ""
    ) -> None:
        """Show these; the list hides where there are none.

        ``names`` are those of all nodes, which keep their spelling. ``at`` is the node that is
        looked at: its name need not be said, nor gone to.
        """
        shown = tuple(problems[:SHOWN])
        self._names = frozenset(names)
        if (shown, at) == self._shown:
            return
        self._shown = (shown, at)
        for card in self._cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self._cards = [self._card(problem, at) for problem in shown]
        for card in self._cards:
            self._column.addWidget(card)
        self.setVisible(bool(shown))

    def _card(self, problem: Problem, at: str) -> QFrame:
        card = QFrame(self)
        set_role(card, "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(S3, S2, S2, S2)
        column.setSpacing(S1)
        message = problem.message.removeprefix(f"{at}: ") if at else problem.message
        text = QLabel(texts.sentence(message, self._names), card)
        text.setWordWrap(True)
        set_role(text, "warning")
        text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        column.addWidget(text)
        if problem.fix is not None:
            fix = problem.fix
            button = self._link(fix.text, f"{fix.text}: mends this problem", card)
            button.clicked.connect(lambda: self.fix_wanted.emit(fix))
            column.addWidget(button)
        if problem.node and problem.node != at:
            node = problem.node
            button = self._link(f"Go to {node}", f"Select {node} on the canvas", card)
            button.clicked.connect(lambda: self.node_wanted.emit(node))
            column.addWidget(button)
        return card

    def _link(self, text: str, tip: str, parent: QWidget) -> QPushButton:
        button = WrappedLink(text, parent)
        set_role(button, "link")
        button.setToolTip(tip)
        button.setCursor(Qt.CursorShape.PointingHandCursor)
        return button


class WrappedLink(QPushButton):
    """A link whose words go on in the next line where a narrow panel has no room for them."""

    _FLAGS = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        room = QRect(0, 0, max(1, width), 10_000)
        return self.fontMetrics().boundingRect(room, self._FLAGS, self.text()).height() + S1

    def sizeHint(self) -> QSize:
        width = self.fontMetrics().horizontalAdvance(self.text()) + S1
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:
        return QSize(S4, self.fontMetrics().height() + S1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        option = QStyleOptionButton()
        self.initStyleOption(option)
        over = bool(option.state & QStyle.StateFlag.State_MouseOver)
        font = self.font()
        font.setUnderline(over and not self.hasFocus())
        painter.setFont(font)
        painter.setPen(color("accent_hover" if over else "accent"))
        painter.drawText(self.rect(), self._FLAGS, self.text())
        if self.hasFocus():
            painter.fillRect(0, self.height() - 2, self.width(), 2, color("accent"))
