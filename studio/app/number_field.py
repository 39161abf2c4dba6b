"""The editor of a number: typed, calculated, stepped; for one owner or for several at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QSize, Qt, Signal
from PySide6.QtGui import (
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QResizeEvent,
    QValidator,
    QWheelEvent,
)
from PySide6.QtWidgets import QAbstractSpinBox, QLabel, QSizePolicy, QWidget

from studio.app.stepping import stepped
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import ROW, S1, S2, font
from studio.project import expressions
from studio.project.settings import Integer, Real, SettingError, quoted

ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)

MIXED = "mixed"
"""What a field shows in place of values that differ."""

Number = int | float


@dataclass(frozen=True, slots=True)
class Each:
    """What an edit of several owners leads to where their values differ, one for each."""

    values: tuple[Any, ...]


def alike(values: Sequence[Any]) -> bool:
    """Whether all are the same; that of no owner counts as such."""
    return all(value == values[0] for value in values[1:])


class NumberField(QAbstractSpinBox):
    """A whole or real number: typed, stepped by wheel, arrows and Page Up/Down.

    A text may be a calculation ("64*2") or a change ("*2"), which is made to what was there when
    the typing began, and to each owner's own value where there are several.
    """

    edited = Signal(object)
    """The value, or an ``Each`` where the owners' values differ."""
    refused = Signal(str)
    committed = Signal()
    lost = Signal(str)
    """A sentence on the text that was none and went when the field was left."""
    taken_back = Signal()

    def __init__(self, setting: Integer | Real, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._setting = setting
        self._values: tuple[Number, ...] = (setting.initial,)
        self._owners: tuple[str, ...] = ("",)
        self._before: tuple[Number, ...] | None = None
        """The values before the edit under way, to which Escape goes back."""
        self._base: tuple[Number, ...] | None = None
        """The values that the text under way is a change of."""
        self._held = False
        """Whether the text was refused at Enter and stays to be mended."""
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
        self.editingFinished.connect(self.finish)
        self._show()

    @property
    def value(self) -> Number | None:
        """The value of all owners; None where theirs differ."""
        return self._values[0] if alike(self._values) else None

    def set_value(self, value: Any) -> None:
        """Show ``value``; a text being typed that already stands for it is left alone."""
        self.set_values((value,), ("",))

    def set_values(self, values: Sequence[Any], owners: Sequence[str]) -> None:
        """Show the values of several owners, who are named where one of them refuses an edit."""
        self._owners = tuple(owners)
        values = tuple(values)
        if values == self._values and (self._held or self._stands_for(values)):
            return
        self._values = values
        self._before = self._base = None
        self._held = False
        self._show()

    def stepBy(self, steps: int) -> None:
        if not self._stands_for(self._values):
            self._take_back()
        values = tuple(stepped(self._setting, value, steps) for value in self._values)
        self._base = None
        if values != self._values:
            if self._before is None:
                self._before = self._values
            self._values = values
            self._show()
            self.refused.emit("")
            self._tell()

    def stepEnabled(self) -> QAbstractSpinBox.StepEnabledFlag:
        flags = QAbstractSpinBox.StepEnabledFlag.StepNone
        if any(value < self._setting.maximum for value in self._values):
            flags |= QAbstractSpinBox.StepEnabledFlag.StepUpEnabled
        if any(value > self._setting.minimum for value in self._values):
            flags |= QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        return flags

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:
        # Every text may be typed; what is wrong with it is said in words under the field.
        return (QValidator.State.Acceptable, text, position)

    def event(self, event: QEvent) -> bool:
        return False if is_projects_own(event) else super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self._take_back()
            self.taken_back.emit()
            event.ignore()  # what the field stands in may have a way out of its own
        elif event.key() in ENTER and (wrong := self._wrong()):
            self._hold(wrong)
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

    def set_unit(self, unit: str) -> None:
        """Name another unit behind the number, where a neighboring field decides it."""
        if unit != self._unit.text():
            self._unit.setText(unit)
            self.setAccessibleName(f"{self._setting.title} ({unit})")
            self._place_unit()

    def _place_unit(self) -> None:
        if not self._unit.text():
            return
        line = self.lineEdit()
        width = self._unit.sizeHint().width()
        # A unit that would cover the number is left to the tooltip.
        needed = line.fontMetrics().horizontalAdvance(line.text()) + S2
        fits = width + needed <= line.width()
        self._unit.setVisible(fits)
        self._unit.setGeometry(line.width() - width - S1, 0, width, line.height())

    def _show(self) -> None:
        same = alike(self._values)
        self.lineEdit().setPlaceholderText("" if same else MIXED)
        self.lineEdit().setText(self._setting.show(self._values[0]) if same else "")
        self._place_unit()

    def _wrong(self) -> str:
        """What is wrong with the text, in words; empty where it stands for the values."""
        if self._stands_for(self._values):
            return ""
        try:
            self._read(self.lineEdit().text(), self._base or self._values)
        except SettingError as error:
            return str(error)
        return ""

    def _hold(self, wrong: str) -> None:
        """Go back to the values from before the edit, but leave its text and what is wrong with
        it to be read and mended."""
        before = self._before
        self._held = True
        if before is not None and before != self._values:
            self._values = before
            self._tell()
        self.refused.emit(wrong)

    def _stands_for(self, values: tuple[Number, ...]) -> bool:
        text = self.lineEdit().text()
        if not text and not alike(values):
            return True
        try:
            return self._read(text, self._base or values) == values
        except SettingError:
            return False

    def _read(self, text: str, base: tuple[Number, ...]) -> tuple[Number, ...]:
        """What ``text`` makes of each owner's value in ``base``."""
        if alike(base) or not expressions.is_relative(text):
            return (expressions.read(self._setting, text, base[0]),) * len(base)
        read = []
        for owner, value in zip(self._owners, base, strict=True):
            try:
                read.append(expressions.read(self._setting, text, value))
            except SettingError as error:
                raise SettingError(f"in {owner}, {error}") from None
        return tuple(read)

    def _typed(self, text: str) -> None:
        self._held = False
        self._place_unit()
        if self._before is None:
            self._before = self._values
        if self._base is None:
            self._base = self._values
        try:
            values = self._read(text, self._base)
        except SettingError as error:
            self.refused.emit(str(error))
            return
        changed = values != self._values
        self._values = values
        if changed:
            self._tell()
        else:
            self.refused.emit("")

    def _tell(self) -> None:
        self.edited.emit(self._values[0] if alike(self._values) else Each(self._values))

    def finish(self) -> None:
        """End the edit under way, as leaving does: what is shown holds, a text that is none goes
        and is spoken of."""
        if self._stands_for(self._values):
            self._before = self._base = None
            self._show()
            self.refused.emit("")
        else:
            text, wrong = self.lineEdit().text(), self._wrong()
            self._take_back()
            if text and wrong:
                self.lost.emit(not_taken(text, wrong))
        self.committed.emit()

    def _take_back(self) -> None:
        """Show and tell the values from before the edit that is under way."""
        before, self._before, self._base = self._before, None, None
        self._held = False
        changed = before is not None and before != self._values
        if before is not None:
            self._values = before
        self._show()
        self.refused.emit("")
        if changed:
            self._tell()


def _dress_number(field: NumberField) -> None:
    # The text's line, once dressed by the style sheet, takes no font of its spin box any more.
    for part in (field, field.lineEdit()):
        part.setFont(font(tabular=True))


def not_taken(text: str, wrong: str) -> str:
    """What is said of a ``text`` that was none and went when the field was left."""
    return f"{quoted(text)} was not taken: {wrong}."


def is_projects_own(event: QEvent) -> bool:
    """Whether it is undo or redo, which belong to the project: a field's own takes back letters."""
    if event.type() != QEvent.Type.ShortcutOverride or not isinstance(event, QKeyEvent):
        return False
    keys = (QKeySequence.StandardKey.Undo, QKeySequence.StandardKey.Redo)
    own = any(event.matches(key) for key in keys)
    if own:
        event.ignore()
    return own


class ScrubLabel(QLabel):
    """A field's label; dragging it sideways steps the number, as in a drawing program."""

    _PIXELS_A_STEP = 8
    _WIDEST = 120

    def __init__(self, text: str, target: QWidget, parent: QWidget | None = None) -> None:
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
            target.taken_back.connect(self._let_go)

    def _let_go(self) -> None:
        """Escape ends the drag too, or the next move would step on from where it was."""
        self._from = None

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
        moved, self._from = self._from is not None and self._taken != 0, None
        if moved and isinstance(self._target, NumberField):
            self._target.finish()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange and isinstance(self._target, NumberField):
            shape = Qt.CursorShape.SizeHorCursor if self.isEnabled() else Qt.CursorShape.ArrowCursor
            self.setCursor(shape)
