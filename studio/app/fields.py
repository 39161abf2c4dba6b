"""The editors of a form: one for each type of setting, all with the same members.

``value`` is the last value that the setting takes; ``edited`` is sent with it on each change,
``refused`` with a sentence while the text is none, ``committed`` when the user is done with it.
``set_values`` shows the values of several owners at once; where they differ the field is "mixed".
A text that is none when the field is left takes its whole edit back: its beginning may be a value
(the 9999 of 99999999), but nobody meant it. Escape does the same.
The wheel steps a field only when it has the focus, so that scrolling a form changes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QPaintEvent, QWheelEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QSizePolicy,
    QStyle,
    QStyleOptionComboBox,
    QStylePainter,
    QWidget,
)

from studio.app.number_field import MIXED, NumberField, alike, is_projects_own
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW
from studio.project import expressions
from studio.project.lists import Numbers, Points
from studio.project.settings import (
    Choice,
    Flag,
    Integer,
    Real,
    Setting,
    SettingError,
    Text,
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

    def __init__(self, setting: Text | Numbers | Points, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._value = setting.initial
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
        self._value = str(value)
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
        return False if is_projects_own(event) else super().event(event)

    def _stands_for(self, value: str) -> bool:
        """Whether the text in the field means ``value``, as "30,60" means "30, 60"."""
        try:
            return self._setting.parse(self.text()) == value
        except SettingError:
            return self.text().strip() == value

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
        parts.append(f"{'Above ' if above else ''}{start} to {setting.maximum:,g}{unit}.")
        parts.append(expressions.HELP)
    elif setting.unit:
        parts.append(f"In {setting.unit}.")
    text = "<br>".join(_escape(part) for part in [setting.title, *parts])
    return f"<qt>{text}</qt>"


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
