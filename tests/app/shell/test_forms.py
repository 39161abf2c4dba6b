"""Fields step, take and refuse values as their settings declare; forms show what matters."""

from __future__ import annotations

from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from studio.app import forms
from studio.app.fields import ChoiceField, TextField, field, tooltip
from studio.app.forms import SettingsForm
from studio.app.number_field import NumberField, ScrubLabel
from studio.app.stepping import stepped
from studio.project import recipes
from studio.project.optimizers import OPTIMIZERS
from studio.project.recipes import DATA_SETTINGS, RECIPE_SETTINGS
from studio.project.registry import kinds
from studio.project.schedules import SCHEDULES
from studio.project.schedules.drawn import POINTS
from studio.project.settings import Choice, Flag, Integer, Real, Setting, SettingError

CHANNELS = Integer(name="channels", title="Channels", default=64, minimum=1, maximum=4096)
PADDING = Integer(
    name="padding", title="Padding", default=-1, minimum=-1, maximum=9, special="same"
)
RATE = Real(
    name="rate", title="Rate", default=0.05, minimum=0.0, maximum=10.0, above=True, logarithmic=True
)
MOMENTUM = Real(name="momentum", title="Momentum", default=0.9, minimum=0.0, maximum=1.0)
KIND = Choice(
    name="kind", title="Kind", default="basic", choices=(("basic", "basic"), ("wide", "wide"))
)
WIDTH = Integer(
    name="width", title="Width", default=2, minimum=1, maximum=9, when=("kind", ("wide",))
)
BIAS = Flag(name="bias", title="Bias", default=True)

EVERY_SETTING = [
    setting
    for owner in (*kinds(), *OPTIMIZERS.values(), *SCHEDULES.values())
    for setting in owner.settings
    if not setting.hidden
] + [*RECIPE_SETTINGS, *DATA_SETTINGS]


def _form(qtbot: QtBot, *settings: Setting) -> SettingsForm:
    form = SettingsForm(settings)
    qtbot.addWidget(form)
    form.resize(320, 400)
    form.show()
    return form


def _number(form: SettingsForm, name: str) -> NumberField:
    editor = form.editor(name)
    assert isinstance(editor, NumberField)
    return editor


def _retype(qtbot: QtBot, editor: NumberField, text: str) -> None:
    editor.setFocus()
    editor.lineEdit().selectAll()
    qtbot.keyClicks(editor.lineEdit(), text)


@pytest.mark.parametrize("setting", EVERY_SETTING, ids=lambda setting: setting.name)
def test_every_declared_setting_has_a_named_editor_that_shows_its_default(
    qtbot: QtBot, setting: Setting
) -> None:
    editor = field(setting)
    qtbot.addWidget(editor)
    assert editor.value == setting.initial
    assert editor.accessibleName().startswith(setting.title)
    assert setting.title in unescape(editor.toolTip())


def test_typing_tells_each_value_that_makes_sense(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    told: list[object] = []
    form.edited.connect(lambda name, value: told.append((name, value)))
    _retype(qtbot, _number(form, "channels"), "128")
    assert told == [("channels", 1), ("channels", 12), ("channels", 128)]


def test_a_text_that_is_no_number_is_said_in_words_and_not_told(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    told: list[object] = []
    form.edited.connect(lambda name, value: told.append(value))
    _retype(qtbot, _number(form, "channels"), "many")
    assert told == []
    assert form.message("channels").startswith("Channels must be a whole number")


@pytest.mark.parametrize(
    ("setting", "text"),
    [(CHANNELS, "12x"), (CHANNELS, "99999999999"), (CHANNELS, ""), (RATE, "1e9"), (RATE, "0.3e")],
    ids=lambda value: str(getattr(value, "name", value)),
)
@pytest.mark.parametrize("enter", [False, True])
def test_a_text_that_is_no_value_gives_way_to_the_value_from_before_the_edit(
    qtbot: QtBot, setting: Setting, text: str, enter: bool
) -> None:
    form = _form(qtbot, setting)
    told: list[object] = []
    form.edited.connect(lambda name, value: told.append(value))
    editor = _number(form, setting.name)
    _retype(qtbot, editor, text)
    if not text:
        qtbot.keyClick(editor.lineEdit(), Qt.Key.Key_Backspace)
    if enter:
        # The value from before holds at once; the text stays with what is wrong with it.
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        assert editor.value == setting.initial
        form.set_values({setting.name: setting.initial})  # as the workspace tells it back
        assert editor.text() == text
        assert form.message(setting.name) != ""
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.value == setting.initial
    assert editor.text() == setting.show(setting.initial)
    assert told[-1:] in ([], [setting.initial])
    assert form.message(setting.name) == ""


def test_a_step_over_a_text_that_is_no_value_starts_from_the_value_before_it(
    qtbot: QtBot,
) -> None:
    form = _form(qtbot, CHANNELS)
    editor = _number(form, "channels")
    _retype(qtbot, editor, "99999")
    editor.stepBy(1)
    assert editor.value == 65


def test_an_ampersand_in_a_title_stands_in_its_label(qtbot: QtBot) -> None:
    squeeze = Integer(name="squeeze", title="Squeeze & excite", default=0, minimum=0, maximum=9)
    form = _form(qtbot, squeeze)
    label = form.findChild(ScrubLabel)
    assert label is not None
    # Two are one in a label with a buddy; a single one would underline what follows it.
    assert label.text() == "Squeeze && excite"


def test_what_is_wrong_with_a_text_lies_over_the_form_and_moves_nothing(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS, MOMENTUM)
    qtbot.waitExposed(form)
    below = form.editor("momentum")
    before = below.geometry()
    _retype(qtbot, _number(form, "channels"), "many")
    QApplication.processEvents()
    bubbles = [label for label in form.findChildren(QLabel) if label.property("role") == "bubble"]
    assert [label.text() for label in bubbles if label.isVisible()] == [form.message("channels")]
    assert below.geometry() == before
    qtbot.keyClick(_number(form, "channels"), Qt.Key.Key_Escape)
    assert not bubbles[0].isVisible()


def test_a_value_out_of_bounds_is_refused_in_words(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    _retype(qtbot, _number(form, "channels"), "0")
    assert "between 1 and 4,096" in form.message("channels")


def test_an_outer_error_gives_way_to_what_was_typed_wrong(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    form.set_errors({"channels": "the sum needs 32 channels"})
    assert form.message("channels") == "The sum needs 32 channels"
    _retype(qtbot, _number(form, "channels"), "x")
    assert "whole number" in form.message("channels")
    form.set_errors({})
    _retype(qtbot, _number(form, "channels"), "32")
    assert form.message("channels") == ""


def test_the_minimum_of_a_special_setting_is_shown_and_read_as_its_word(qtbot: QtBot) -> None:
    form = _form(qtbot, PADDING)
    editor = _number(form, "padding")
    assert editor.text() == "same"
    editor.stepBy(1)
    assert editor.text() == "0"
    _retype(qtbot, editor, "same")
    assert editor.value == -1


def test_what_does_not_matter_is_hidden_until_it_does(qtbot: QtBot) -> None:
    form = _form(qtbot, KIND, WIDTH)
    assert form.editor("width").isHidden()
    form.set_values({"kind": "wide", "width": 4})
    assert not form.editor("width").isHidden()
    assert form.editor("width").value == 4


def test_choosing_shows_what_now_matters_at_once(qtbot: QtBot) -> None:
    form = _form(qtbot, KIND, WIDTH)
    editor = form.editor("kind")
    assert isinstance(editor, ChoiceField)
    qtbot.keyClick(editor, Qt.Key.Key_Down)
    assert not form.editor("width").isHidden()


def test_a_value_set_from_outside_leaves_an_equal_text_alone(qtbot: QtBot) -> None:
    form = _form(qtbot, RATE)
    editor = _number(form, "rate")
    _retype(qtbot, editor, "0.10")
    form.set_values({"rate": 0.1})
    assert editor.text() == "0.10"
    form.set_values({"rate": 0.2})
    assert editor.text() == "0.2"


def test_a_flag_says_its_state_in_a_word(qtbot: QtBot) -> None:
    form = _form(qtbot, BIAS)
    told: list[object] = []
    form.edited.connect(lambda name, value: told.append(value))
    editor = form.editor("bias")
    qtbot.keyClick(editor, Qt.Key.Key_Space)
    assert told == [False]
    assert editor.property("text") == "off"


def test_enter_and_leaving_end_an_edit(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    done: list[str] = []
    form.committed.connect(done.append)
    _retype(qtbot, _number(form, "channels"), "32")
    assert done == []
    qtbot.keyClick(_number(form, "channels"), Qt.Key.Key_Return)
    assert done == ["channels"]


def _wheel(target: QWidget, steps: int) -> bool:
    event = QWheelEvent(
        QPointF(5, 5),
        QPointF(target.mapToGlobal(QPoint(5, 5))),
        QPoint(),
        QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    event.ignore()
    QApplication.sendEvent(target, event)
    return event.isAccepted()


@pytest.mark.parametrize("setting", [CHANNELS, KIND], ids=lambda setting: setting.name)
def test_the_wheel_is_left_to_the_page_while_a_field_has_no_focus(
    qtbot: QtBot, setting: Setting
) -> None:
    outer = QWidget()
    qtbot.addWidget(outer)
    layout = QVBoxLayout(outer)
    editor = field(setting)
    layout.addWidget(QLabel("elsewhere"))
    layout.addWidget(editor)
    outer.show()
    editor.clearFocus()
    assert not _wheel(editor, -1)
    assert editor.value == setting.initial


def test_the_wheel_steps_the_field_that_has_the_focus(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    qtbot.waitExposed(form)
    form.activateWindow()
    editor = _number(form, "channels")
    editor.setFocus()
    qtbot.waitUntil(editor.hasFocus)
    _wheel(editor, 1)
    assert editor.value == 65


def test_dragging_a_label_steps_its_number(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    label = form.findChild(ScrubLabel)
    assert label is not None
    done: list[str] = []
    form.committed.connect(done.append)
    qtbot.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    qtbot.mouseMove(label, QPoint(45, 5))
    assert form.editor("channels").value == 69
    qtbot.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(45, 5))
    assert done == ["channels"]


def test_a_logarithmic_setting_steps_along_1_2_5() -> None:
    value = 0.05
    up = [value := stepped(RATE, value, 1) for _ in range(5)]
    assert up == [0.1, 0.2, 0.5, 1.0, 2.0]
    assert stepped(RATE, 0.03, 1) == 0.05
    assert stepped(RATE, 0.03, -1) == 0.02


def test_a_linear_setting_steps_by_a_part_of_its_range() -> None:
    assert stepped(MOMENTUM, 0.9, 1) == 0.95
    assert stepped(MOMENTUM, 0.95, 1) == 1.0
    assert stepped(MOMENTUM, 1.0, 1) == 1.0


@given(
    st.sampled_from([s for s in EVERY_SETTING if isinstance(s, Integer | Real)]),
    st.floats(0, 1),
    st.integers(-30, 30),
)
def test_a_step_never_leaves_the_bounds(setting: Integer | Real, share: float, steps: int) -> None:
    value = setting.minimum + share * (setting.maximum - setting.minimum)
    start = setting.initial if isinstance(setting, Integer) else value
    if isinstance(setting, Real) and setting.above and start <= setting.minimum:
        start = setting.initial
    result = stepped(setting, start, steps)
    assert setting.check(result) == result
    if steps > 0:
        assert result >= start - 1e-5 * abs(start)
    if steps < 0:
        assert result <= start + 1e-5 * abs(start)


def test_a_flag_that_is_of_no_use_can_be_switched_off_and_not_on(qtbot: QtBot) -> None:
    form = _form(qtbot, BIAS, MOMENTUM)
    editor = form.editor("bias")
    form.set_unavailable({"bias": "There is no compiler <here>."})
    assert editor.isEnabled()  # it is on
    assert "There is no compiler &lt;here&gt;." in editor.toolTip()
    assert "There is no compiler" in editor.accessibleDescription()
    qtbot.mouseClick(editor, Qt.MouseButton.LeftButton, pos=QPoint(6, editor.height() // 2))
    assert editor.value is False
    assert not editor.isEnabled()
    form.set_values({"bias": True})  # by an undo, say
    assert editor.isEnabled()
    form.set_values({"bias": False})
    form.set_unavailable({})
    assert editor.isEnabled()
    assert "compiler" not in editor.toolTip() + editor.accessibleDescription()
    assert form.editor("momentum").isEnabled()


def _bubbles(form: SettingsForm) -> list[str]:
    labels = form.window().findChildren(QLabel)
    return [b.text() for b in labels if b.property("role") == "bubble" and b.isVisible()]


def _leave(qtbot: QtBot, form: SettingsForm, to: str) -> None:
    qtbot.waitExposed(form)
    form.activateWindow()
    form.editor(to).setFocus(Qt.FocusReason.TabFocusReason)
    QApplication.processEvents()


def test_a_refused_text_that_enter_left_can_be_mended(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    editor = _number(form, "channels")
    _retype(qtbot, editor, "12x")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.keyClick(editor.lineEdit(), Qt.Key.Key_Backspace)
    assert editor.value == 12
    assert form.message("channels") == ""
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    assert editor.text() == "12"


def test_enter_on_a_text_that_is_none_presses_no_button_around_it(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS)
    editor = _number(form, "channels")
    _retype(qtbot, editor, "x")
    event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(editor, event)
    assert event.isAccepted()


@pytest.mark.parametrize("enter", [False, True])
def test_leaving_a_text_that_is_none_says_that_it_was_not_taken(
    qtbot: QtBot, enter: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forms, "LOST_MS", 60)
    form = _form(qtbot, POINTS, CHANNELS)
    told: list[object] = []
    form.edited.connect(lambda name, value: told.append(value))
    editor = form.editor("points")
    assert isinstance(editor, TextField)
    _leave(qtbot, form, "points")
    qtbot.waitUntil(editor.hasFocus)
    editor.selectAll()
    qtbot.keyClicks(editor, "0:1, 1:0.5:-3")
    if enter:
        qtbot.keyClick(editor, Qt.Key.Key_Return)
        assert editor.text() == "0:1, 1:0.5:-3"
        assert "Points must be pairs" in form.message("points")
        assert told[-1] == POINTS.initial  # what a beginning of it stood for is taken back
    _leave(qtbot, form, "channels")
    assert editor.text() == editor.value == POINTS.initial
    assert told[-1] == POINTS.initial
    assert form.message("points") == ""
    (said,) = _bubbles(form)
    assert said.startswith("'0:1, 1:0.5:-3' was not taken: points must be pairs")
    qtbot.waitUntil(lambda: _bubbles(form) == [])


def test_leaving_a_number_that_is_none_says_so_until_the_form_is_hidden(qtbot: QtBot) -> None:
    form = _form(qtbot, CHANNELS, RATE)
    editor = _number(form, "channels")
    _leave(qtbot, form, "channels")
    qtbot.waitUntil(editor.hasFocus)
    _retype(qtbot, editor, "12x")
    _leave(qtbot, form, "rate")
    (said,) = _bubbles(form)
    assert said.startswith("'12x' was not taken")
    assert editor.value == 64
    form.hide()
    assert editor.accessibleDescription() == CHANNELS.help


def test_escape_takes_a_text_in_a_row_back(qtbot: QtBot) -> None:
    form = _form(qtbot, POINTS)
    editor = form.editor("points")
    assert isinstance(editor, TextField)
    editor.selectAll()
    qtbot.keyClicks(editor, "0:1, 1:0.5")
    assert editor.value == "0:1, 1:0.5"
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert editor.text() == editor.value == POINTS.initial


def test_a_text_that_its_field_cuts_is_whole_in_the_tooltip(qtbot: QtBot) -> None:
    form = _form(qtbot, POINTS)
    editor = form.editor("points")
    assert isinstance(editor, TextField)
    editor.set_value("0:0.1, 0.2:1, 0.5:0.4, 1:0.01")
    editor.resize(60, editor.height())
    assert "0:0.1, 0.2:1, 0.5:0.4, 1:0.01" in editor.whole_tip()
    editor.resize(600, editor.height())
    assert editor.whole_tip() == editor.toolTip()


def test_a_bound_that_is_only_technical_is_left_out(qtbot: QtBot) -> None:
    assert "0 or more." in tooltip(recipes.WARMUP)
    assert "1 or more images." in tooltip(recipes.BATCH_SIZE)
    assert "Above 0 to 100." in tooltip(recipes.LEARNING_RATE)
    with pytest.raises(SettingError, match="at most 1,000,000"):
        recipes.WARMUP.check(2e6)
