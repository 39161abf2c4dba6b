"""The editors of a form: one for each type of setting, all with the same members.

``value`` is the last value that the setting takes; ``edited`` is sent with it on each change,
``refused`` with a sentence while the text is none, ``committed`` when the user is done with it.
``set_values`` shows the values of several owners at once; where they differ the field is "mixed".
A text that is none takes its whole edit back: its beginning may be a value (the 9999 of 99999999),
but nobody meant it. At Enter the text itself stays, with what is wrong with it, to be mended.
Escape takes it away, and so does leaving the field, of which ``lost`` tells with a sentence.
The wheel steps a field only when it has the focus, so that scrolling a form changes nothing.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHelpEvent, QKeyEvent, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QToolTip,
    QWidget,
)

from studio.app.number_field import ENTER, MIXED, NumberField, alike, is_projects_own, not_taken
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S2
from studio.project import expressions
from studio.project.lists import Numbers, Points
from studio.project.settings import (
    TECHNICAL,
    Choice,
    Flag,
    Integer,
    Real,
    Setting,
    SettingError,
    Text,
    shown,
)


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
        self.setPlaceholderText(MIXED)
        self.set_value(setting.initial)
        self.activated.connect(self._chosen)

    @property
    def value(self) -> str:
        return str(self.currentData() or "")

    def set_value(self, value: Any) -> None:
        self.setCurrentIndex(self.findData(value))

    def set_values(self, values: Sequence[Any], owners: Sequence[str]) -> None:
        """Show what several owners have in common."""
        self.setCurrentIndex(self.findData(values[0]) if alike(values) else -1)

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
            self.currentText() or MIXED, Qt.TextElideMode.ElideRight, place.width()
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
        self.setTristate(False)
        self.setChecked(bool(value))
        self.setText(self._setting.show(bool(value)))

    def set_values(self, values: Sequence[Any], owners: Sequence[str]) -> None:
        """Show what several owners have in common; the next press turns a mixed one on."""
        if alike(values):
            self.set_value(values[0])
        else:
            self.setCheckState(Qt.CheckState.PartiallyChecked)
            self.setText(MIXED)

    def nextCheckState(self) -> None:
        # Nobody can press a field back to "mixed".
        on = self.checkState() != Qt.CheckState.Checked
        self.setTristate(False)
        self.setChecked(on)

    def _clicked(self) -> None:
        self.setText(self._setting.show(self.value))
        self.edited.emit(self.value)
        self.committed.emit()


class TextField(QLineEdit):
    """A line of text; what the setting does not take is said in words while it is typed.

    Numbers and points in a row are such a line too.
    """

    edited = Signal(object)
    refused = Signal(str)
    committed = Signal()
    lost = Signal(str)
    """A sentence on the text that was none and went when the field was left."""

    def __init__(self, setting: Text | Numbers | Points, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._value = setting.initial
        self._before: str | None = None
        """The value before the edit under way."""
        self._held = False
        """Whether the text was refused at Enter and stays to be mended."""
        sized(self, lambda w: w.setFixedHeight(px(ROW)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setText(self._value)
        self.setCursorPosition(0)
        self.textEdited.connect(self._typed)
        self.editingFinished.connect(self._finished)

    @property
    def value(self) -> str:
        return self._value

    def set_value(self, value: Any) -> None:
        """Show ``value``; a text being typed that already stands for it is left alone."""
        value = str(value)
        if value == self._value and self._held:
            return
        if value != self._value:
            self._before = None
        self._value, self._held = value, False
        self.setPlaceholderText("")
        if not self._stands_for(self._value):
            self.setText(self._value)
            self.setCursorPosition(0)

    def set_values(self, values: Sequence[Any], owners: Sequence[str]) -> None:
        """Show what several owners have in common."""
        same = alike(values)
        self.set_value(values[0] if same else "")
        self.setPlaceholderText("" if same else MIXED)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.whole_tip(), self)
            return True
        return False if is_projects_own(event) else super().event(event)

    def whole_tip(self) -> str:
        """The tooltip, before it the whole text where the field is too narrow for it."""
        if self.fontMetrics().horizontalAdvance(self.text()) <= self.width() - 2 * S2:
            return self.toolTip()
        text = html.escape(self.text())
        return f"<qt><b>{text}</b><br>{self.toolTip().removeprefix('<qt>')}"

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._take_back()
            event.ignore()  # what the field stands in may have a way out of its own
        elif event.key() in ENTER and (wrong := self._wrong()):
            self._held = True
            self._return()
            self.refused.emit(wrong)
        else:
            super().keyPressEvent(event)

    def _wrong(self) -> str:
        """What is wrong with the text, in words; empty where it is a value."""
        if self._stands_for(self._value):
            return ""
        try:
            self._setting.parse(self.text())
        except SettingError as error:
            return str(error)
        return ""

    def _return(self) -> None:
        """Tell the value from before the edit again, if it is one: "mixed" is none."""
        before, self._before = self._before, None
        if before is None or before == self._value:
            return
        try:
            self._value = self._setting.parse(before)
        except SettingError:
            return
        self.edited.emit(self._value)

    def _take_back(self) -> None:
        self._held = False
        self._return()
        self.setText(self._value)
        self.setCursorPosition(0)
        self.refused.emit("")

    def _stands_for(self, value: str) -> bool:
        """Whether the text in the field means ``value``, as "30,60" means "30, 60"."""
        try:
            return self._setting.parse(self.text()) == value
        except SettingError:
            return self.text().strip() == value

    def _typed(self, text: str) -> None:
        self._held = False
        if self._before is None:
            self._before = self._value
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
        if wrong := self._wrong():
            text = self.text()
            self._take_back()
            if text:
                self.lost.emit(not_taken(text, wrong))
        else:
            self._before = None
            self.setText(self._value)
            self.refused.emit("")
        self.committed.emit()


Field = NumberField | ChoiceField | FlagField | TextField


def field(setting: Setting, parent: QWidget | None = None) -> Field:
    """The editor for ``setting``, named for screen readers, with its help as tooltip."""
    if isinstance(setting, Integer | Real):
        made: Field = NumberField(setting, parent)
    elif isinstance(setting, Choice):
        made = ChoiceField(setting, parent)
    elif isinstance(setting, Flag):
        made = FlagField(setting, parent)
    elif isinstance(setting, Text | Numbers | Points):
        made = TextField(setting, parent)
    else:
        raise TypeError(f"no editor for {type(setting).__name__}")
    made.setAccessibleName(setting.title + (f" ({setting.unit})" if setting.unit else ""))
    made.setAccessibleDescription(setting.help)
    made.setToolTip(tooltip(setting))
    return made


def tooltip(setting: Setting, unavailable: str = "") -> str:
    """What the setting does, its unit and its bounds, as rich text that wraps; before it why it is
    ``unavailable``."""
    parts = [part for part in (unavailable, setting.help) if part]
    if isinstance(setting, Integer | Real):
        low = setting.special if isinstance(setting, Integer) and setting.special else None
        start = low or f"{setting.minimum:g}"
        above = isinstance(setting, Real) and setting.above
        unit = f" {setting.unit}" if setting.unit else ""
        if setting.maximum < TECHNICAL:
            parts.append(f"{'Above ' if above else ''}{start} to {shown(setting.maximum)}{unit}.")
        else:
            parts.append(f"Above {start}{unit}." if above else f"{start} or more{unit}.")
        parts.append(expressions.HELP)
    elif setting.unit:
        parts.append(f"In {setting.unit}.")
    text = "<br>".join(_escape(part) for part in [setting.title, *parts])
    return f"<qt>{text}</qt>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
