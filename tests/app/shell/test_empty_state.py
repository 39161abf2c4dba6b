"""The words of an empty page: all of their lines are on the screen."""

from __future__ import annotations

import pytest
from PySide6.QtGui import QFontMetrics
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from studio.app.empty_state import EmptyState
from studio.app.theme.tokens import FONT_SMALL, font
from studio.app.tiles import ActionCard

SENTENCE = (
    "Loss, accuracy and every layer's gradient will appear here as soon as the first run has "
    "begun, and they stay until the next one begins, whichever page is in front meanwhile."
)


@pytest.mark.parametrize("width", [320, 700, 1600])
def test_a_long_sentence_keeps_all_its_lines(qtbot: QtBot, width: int) -> None:
    empty = EmptyState()
    qtbot.addWidget(empty)
    empty.say("info", SENTENCE, SENTENCE, "Train")
    empty.resize(width, 700)
    empty.show()
    qtbot.waitExposed(empty)
    for label in (empty.sentence, empty.advice):
        assert _cut_off(label) == 0
        assert label.height() > 1.5 * label.fontMetrics().height()
    assert empty.sentence.geometry().bottom() < empty.advice.geometry().top()
    middle = empty.sentence.mapTo(empty, empty.sentence.rect().center()).x()
    assert abs(middle - width / 2) <= 2


def _cut_off(label: QLabel) -> int:
    """Pixels of text that have no room in the label."""
    return max(0, label.heightForWidth(label.width()) - label.height())


@pytest.mark.parametrize("width", [240, 300, 500])
def test_an_action_card_is_tall_enough_for_its_sentence(qtbot: QtBot, width: int) -> None:
    card = ActionCard("quick", "Quick start", SENTENCE)
    qtbot.addWidget(card)
    metrics = QFontMetrics(font(FONT_SMALL + 1))
    words = metrics.horizontalAdvance(SENTENCE) / (width - 88) * metrics.lineSpacing()
    assert card.heightForWidth(width) >= words + 40
