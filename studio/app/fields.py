"""The editors of a form: one for each type of setting, all with the same four members.

``value`` is the last value that the setting takes; ``edited`` is sent with it on each change,
``refused`` with a sentence while the text is none, ``committed`` when the user is done with it.
A text that is none when the field is left takes its whole edit back: its beginning may be a value
(the 9999 of 99999999), but nobody meant it. Escape does the same.
The wheel steps a field only when it has the focus, so that scrolling a form changes nothing.
"""

from __future__ import annotations

import math
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPaintEvent,
    QResizeEvent,
    QValidator,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1, S2, font
from studio.project.settings import Choice, Flag, Integer, Real, Setting, SettingError, Text


class NumberField(QAbstractSpinBox):
    """A whole or real number: typed, stepped by wheel, arrows and Page Up/Down."""

    edited = Signal(object)
    refused = Signal(str)
    committed = Signal()

    def __init__(self, setting: Integer | Real, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._value: int | float = setting.initial
        self._before: int | float | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        sized(self, _dress_number)
        sized(self, lambda w: w.setFixedHeight(px(ROW)))
        self.lineEdit().setTextMargins(S1 + 2, 0, 0, 0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._unit = QLabel(setting.unit, self.lineEdit())
        set_role(self._unit, "small")
        self._unit.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._unit.setVisible(bool(setting.unit))
        self.lineEdit().textEdited.connect(self._typed)
        self.editingFinished.connect(self._finished)
        self._show()

    @property
    def value(self) -> int | float:
        return self._value

    def set_value(self, value: Any) -> None:
        """Show ``value``; a text being typed that already stands for it is left alone."""
        if value == self._value and self._stands_for(value):
            return
        self._value = value
        self._before = None
        self._show()

    def stepBy(self, steps: int) -> None:
        if not self._stands_for(self._value):
            self._take_back()
        value = stepped(self._setting, self._value, steps)
        self._before = None
        if value != self._value:
            self._value = value
            self._show()
            self.refused.emit("")
            self.edited.emit(value)

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if self._value < self._setting.maximum:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if self._value > self._setting.minimum:
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        # Every text may be typed; what is wrong with it is said in words under the field.
        return (QValidator.State.Acceptable, text, position)

    def event(self, event: QEvent) -> bool:
        return False if _is_projects_own(event) else super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._take_back()
            event.ignore()  # what the field stands in may have a way out of its own
        else:
            super().keyPressEvent(event)

    def minimumSizeHint(self) -> QSize:
        return QSize(px(72), super().minimumSizeHint().height())

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_unit()

    def _place_unit(self) -> None:
        if not self._setting.unit:
            return
        line = self.lineEdit()
        width = self._unit.sizeHint().width()
        # A unit that would cover the number is left to the tooltip.
        needed = line.fontMetrics().horizontalAdvance(line.text()) + S2
        fits = width + needed <= line.width()
        self._unit.setVisible(fits)
        self._unit.setGeometry(line.width() - width - S1, 0, width, line.height())

    def _show(self) -> None:
        self.lineEdit().setText(self._setting.show(self._value))
        self._place_unit()

    def _stands_for(self, value: Any) -> bool:
        try:
            return bool(self._setting.parse(self.lineEdit().text()) == value)
        except SettingError:
            return False

    def _typed(self, text: str) -> None:
        self._place_unit()
        if self._before is None:
            self._before = self._value
        try:
            value = self._setting.parse(text)
        except SettingError as error:
            self.refused.emit(str(error))
            return
        assert not isinstance(value, bool | str)
        changed = value != self._value
        self._value = value
        if changed:
            self.edited.emit(value)
        else:
            self.refused.emit("")

    def _finished(self) -> None:
        if self._stands_for(self._value):
            self._before = None
            self._show()
            self.refused.emit("")
        else:
            self._take_back()
        self.committed.emit()

    def _take_back(self) -> None:
        """Show and tell the value from before the edit that is under way."""
        before, self._before = self._before, None
        changed = before is not None and before != self._value
        if before is not None:
            self._value = before
        self._show()
        self.refused.emit("")
        if changed:
            self.edited.emit(self._value)


def _dress_number(field: NumberField) -> None:
    # The text's line, once dressed by the style sheet, takes no font of its spin box any more.
    for part in (field, field.lineEdit()):
        part.setFont(font(tabular=True))


class ChoiceField(QComboBox):
    """One of a few words."""

    edited = Signal(object)
    refused = Signal(str)
    committed = Signal()

    def __init__(self, setting: Choice, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(6)
        sized(self, lambda w: w.setFixedHeight(px(ROW)))
        for word, title in setting.choices:
            self.addItem(title, word)
        self.set_value(setting.initial)
        self.activated.connect(self._chosen)

    @property
    def value(self) -> str:
        return str(self.currentData())

    def set_value(self, value: Any) -> None:
        self.setCurrentIndex(self.findData(value))

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        """As Qt does, but a word with too little room ends in an ellipsis."""
        painter = QStylePainter(self)
        option = QStyleOptionComboBox()
        self.initStyleOption(option)
        painter.drawComplexControl(QStyle.ComplexControl.CC_ComboBox, option)
        place = self.style().subControlRect(
            QStyle.ComplexControl.CC_ComboBox, option,
            QStyle.SubControl.SC_ComboBoxEditField, self,
        )  # fmt: skip
        option.currentText = self.fontMetrics().elidedText(
            self.currentText(), Qt.TextElideMode.ElideRight, place.width()
        )
        painter.drawControl(QStyle.ControlElement.CE_ComboBoxLabel, option)

    def _chosen(self) -> None:
        self.edited.emit(self.value)
        self.committed.emit()


class FlagField(QCheckBox):
    """On or off."""

    edited = Signal(object)
    refused = Signal(str)
    committed = Signal()

    def __init__(self, setting: Flag, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        sized(self, lambda w: w.setMinimumHeight(px(ROW)))
        self.set_value(setting.initial)
        self.clicked.connect(self._clicked)

    @property
    def value(self) -> bool:
        return self.isChecked()

    def set_value(self, value: Any) -> None:
        self.setChecked(bool(value))
        self.setText(self._setting.show(bool(value)))

    def _clicked(self) -> None:
        self.setText(self._setting.show(self.value))
        self.edited.emit(self.value)
        self.committed.emit()


class TextField(QLineEdit):
    """A line of text; what the setting does not take is said in words while it is typed."""

    edited = Signal(object)
    refused = Signal(str)
    committed = Signal()

    def __init__(self, setting: Text, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._value = setting.initial
        sized(self, lambda w: w.setFixedHeight(px(ROW)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(self._value)
        self.textEdited.connect(self._typed)
        self.editingFinished.connect(self._finished)

    @property
    def value(self) -> str:
        return self._value

    def set_value(self, value: Any) -> None:
        """Show ``value``; a text being typed that already stands for it is left alone."""
        self._value = str(value)
        if self.text().strip() != self._value:
            self.setText(self._value)
            self.setCursorPosition(0)

    def event(self, event: QEvent) -> bool:
        return False if _is_projects_own(event) else super().event(event)

    def _typed(self, text: str) -> None:
        try:
            value = self._setting.parse(text)
        except SettingError as error:
            self.refused.emit(str(error))
            return
        changed, self._value = value != self._value, value
        if changed:
            self.edited.emit(value)
        else:
            self.refused.emit("")

    def _finished(self) -> None:
        self.setText(self._value)
        self.refused.emit("")
        self.committed.emit()


def _is_projects_own(event: QEvent) -> bool:
    """Whether it is undo or redo, which belong to the project: a field's own takes back letters."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    keys = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)
    own = any(event.matches(key) for key in keys)
    if own:
        event.ignore()
    return own


Field = NumberField | ChoiceField | FlagField | TextField


def field(setting: Setting, parent: QWidget | None = None) -> Field:
    """The editor for ``setting``, named for screen readers, with its help as tooltip."""
    if isinstance(setting, Integer | Real):
        made: Field = NumberField(setting, parent)
    elif isinstance(setting, Choice):
        made = ChoiceField(setting, parent)
    elif isinstance(setting, Flag):
        made = FlagField(setting, parent)
    elif isinstance(setting, Text):
        made = TextField(setting, parent)
    else:
        raise TypeError(f"no editor for {type(setting).__name__}")
    made.setAccessibleName(setting.title + (f" ({setting.unit})" if setting.unit else ""))
    made.setAccessibleDescription(setting.help)
    made.setToolTip(tooltip(setting))
    return made


def tooltip(setting: Setting) -> str:
    """What the setting does, its unit and its bounds, as rich text that wraps."""
    parts = [setting.help] if setting.help else []
    if isinstance(setting, Integer | Real):
        low = setting.special if isinstance(setting, Integer) and setting.special else None
        start = low or f"{setting.minimum:g}"
        above = isinstance(setting, Real) and setting.above
        unit = f" {setting.unit}" if setting.unit else ""
        parts.append(f"{'Above ' if above else ''}{start} to {setting.maximum:,g}{unit}.")
    elif setting.unit:
        parts.append(f"In {setting.unit}.")
    text = "<br>".join(_escape(part) for part in [setting.title, *parts])
    return f"<qt>{text}</qt>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def stepped(setting: Integer | Real, value: int | float, steps: int) -> int | float:
    """``value`` moved ``steps`` steps up or down, within the bounds of ``setting``.

    Whole numbers move by one. A logarithmic setting moves along 1, 2, 5, 10, 20, ...; any other
    real one by a twentieth of its range or one in its first digit, whichever is less.
    """
    if isinstance(setting, Integer):
        return max(setting.minimum, min(setting.maximum, int(value) + steps))
    if setting.logarithmic:
        result = _along_decades(value, steps, setting)
    else:
        size = _decade((setting.maximum - setting.minimum) / 20)
        # A value next to nothing has no first digit worth stepping in.
        if abs(value) > 1e-9 * setting.maximum:
            size = min(size, 10.0 ** math.floor(math.log10(abs(value)) + 1e-9))
        result = round(value / size) * size + steps * size
    result = float(f"{max(setting.minimum, min(setting.maximum, result)):.6g}")
    if setting.above and result <= setting.minimum:
        return value
    return result


_STEPS = (1.0, 2.0, 5.0)


def _along_decades(value: float, steps: int, setting: Real) -> float:
    smallest = setting.maximum * 1e-6
    if value <= smallest * 1e-6:
        return value if steps < 0 else _decade(smallest)
    exponent = math.floor(math.log10(value) + 1e-9)
    leading = value / 10.0**exponent
    place = max(index for index, step in enumerate(_STEPS) if step <= leading + 1e-6)
    between = leading > _STEPS[place] + 1e-6
    place += steps + (1 if between and steps < 0 else 0)
    turns, rest = divmod(place, len(_STEPS))
    result = _STEPS[rest] * 10.0 ** (exponent + turns)
    # Below a millionth of the range the next step down is nothing at all, where that is allowed.
    if steps < 0 and setting.minimum == 0 and result < setting.maximum * 1e-6:
        return 0.0
    return result


def _decade(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``value``."""
    exponent = math.floor(math.log10(value) + 1e-9)
    leading = value / 10.0**exponent
    return float(max(step for step in _STEPS if step <= leading + 1e-6) * 10.0**exponent)


class ScrubLabel(QLabel):
    """A field's label; dragging it sideways steps the number, as in a drawing program."""

    _PIXELS_A_STEP = 8
    _WIDEST = 120

    def __init__(self, text: str, target: Field, parent: QWidget | None = None) -> None:
        # Of a label with a buddy Qt takes a single ampersand for the mark of a shortcut.
        super().__init__(text.replace("&", "&&"), parent)
        self._target = target
        self._from: QPoint | None = None
        self._taken = 0
        set_role(self, "muted")
        self.setBuddy(target)
        self.setToolTip(target.toolTip())
        # A narrow panel first takes room from the fields; only a very long title is cut.
        sized(self, lambda w: w.setMinimumWidth(min(w.sizeHint().width(), px(w._WIDEST))))
        if isinstance(target, NumberField):
            self.setCursor(Qt.CursorShape.SizeHorCursor)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from, self._taken = event.position().toPoint(), 0
            self._target.setFocus(Qt.FocusReason.MouseFocusReason)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._from is None or not isinstance(self._target, NumberField):
            return
        distance = event.position().toPoint().x() - self._from.x()
        steps = int(distance / self._PIXELS_A_STEP) - self._taken
        if steps:
            self._taken += steps
            self._target.stepBy(steps)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        moved, self._from = self._taken != 0, None
        if moved:
            self._target.committed.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange and isinstance(self._target, NumberField):
            shape = Qt.CursorShape.SizeHorCursor if self.isEnabled() else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
