"""Forms generated from the declarations of settings.

    form = SettingsForm(kind.settings)
    form.set_values(registry.values(node))
    form.edited.connect(lambda name, value: ...)      # on each keystroke that makes sense
    form.committed.connect(lambda name: ...)          # Enter, focus out, a choice made

A row hides while its setting does not matter under the other values. Errors stand under their
field in words. What is wrong with a text being typed lies over the row below and moves nothing; the
text stays until the user leaves the field, then the value from before returns, and for a while it
is said there that the text was not taken.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from studio.app.fields import Field, TextField, field, tooltip
from studio.app.number_field import NumberField, ScrubLabel
from studio.app.theme.style import set_role
from studio.app.theme.tokens import S1, S3
from studio.project.settings import Setting

LOST_MS = 4000
"""How long it is said that a text was not taken."""


class SettingsForm(QWidget):
    """One row for each setting: its title, its editor, and below it what is wrong with it."""

    edited = Signal(str, object)
    committed = Signal(str)

    def __init__(self, settings: Sequence[Setting], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: dict[str, _Row] = {}
        self._values: dict[str, Any] = {setting.name: setting.initial for setting in settings}
        self._several = False
        settings = [setting for setting in settings if not setting.hidden]
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setHorizontalSpacing(S3)
        layout.setVerticalSpacing(S1)
        layout.setColumnStretch(0, 2)
        layout.setColumnStretch(1, 3)
        for number, setting in enumerate(settings):
            row = _Row(setting, self)
            self._rows[setting.name] = row
            layout.addWidget(row.label, 2 * number, 0)
            layout.addWidget(row.editor, 2 * number, 1)
            layout.addWidget(row.reason, 2 * number, 1)
            layout.addWidget(row.message, 2 * number + 1, 0, 1, 2)
            row.editor.edited.connect(lambda value, name=setting.name: self._edited(name, value))
            row.editor.refused.connect(row.refuse)
            if isinstance(row.editor, NumberField | TextField):
                row.editor.lost.connect(row.tell_lost)
            row.editor.committed.connect(lambda name=setting.name: self.committed.emit(name))
        self._show_what_matters()

    def editor(self, name: str) -> Field:
        """The editor of the setting ``name``, for tests and for focus."""
        return self._rows[name].editor

    def message(self, name: str) -> str:
        """The sentence under the field ``name``; empty when nothing is wrong."""
        return self._rows[name].message.text()

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show ``values``; names that the form does not have are passed over."""
        for name, row in self._rows.items():
            if name in values:
                self._values[name] = values[name]
                row.editor.set_value(values[name])
                row.show_available()
        self._show_what_matters()

    def set_several(self, owners: Mapping[str, Mapping[str, Any]], shown: Collection[str]) -> None:
        """Show the values of several owners, by their names: ``mixed`` where they differ.

        ``shown`` are the settings that matter to all of them; what an edit changes about that
        is told by the next call. ``edited`` then sends an ``Each`` where values stay apart.
        """
        self._several = True
        for name, row in self._rows.items():
            row.editor.set_values([values[name] for values in owners.values()], list(owners))
            row.set_visible(name in shown)

    def set_errors(self, errors: Mapping[str, str]) -> None:
        """Put each sentence under its field and take the others away."""
        for name, row in self._rows.items():
            row.set_error(errors.get(name, ""))

    def set_fixed(self, reasons: Mapping[str, str]) -> None:
        """Say of each setting in ``reasons`` why it has no effect, in place of its editor."""
        for name, row in self._rows.items():
            row.set_fixed(reasons.get(name, ""))

    def set_unavailable(self, reasons: Mapping[str, str]) -> None:
        """Let the flags in ``reasons`` not be switched on, and say with their help why. One that
        is on can be switched off."""
        for name, row in self._rows.items():
            row.set_unavailable(reasons.get(name, ""))

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        for row in self._rows.values():
            row.forget_lost()

    def _edited(self, name: str, value: object) -> None:
        self._values[name] = value
        for row in self._rows.values():
            row.forget_lost()  # it lies over the row that may now be edited
        self._rows[name].refuse("")
        self._rows[name].show_available()
        self._show_what_matters()
        self.edited.emit(name, value)

    def _show_what_matters(self) -> None:
        if self._several:
            return
        for row in self._rows.values():
            row.set_visible(row.setting.matters(self._values))


class _Row:
    """The three widgets of a setting. A text that cannot be read outweighs an outer error."""

    def __init__(self, setting: Setting, parent: QWidget) -> None:
        self.setting = setting
        self.editor = field(setting, parent)
        self.label = ScrubLabel(setting.title, self.editor, parent)
        self.message = QLabel(parent)
        self.message.setWordWrap(True)
        self.message.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        set_role(self.message, "error")
        self.reason = QLabel(parent)
        set_role(self.reason, "muted")
        self.reason.hide()
        self._refusal = self._error = self._unavailable = ""
        self._visible = True
        self._lost = ""
        self._lost_timer = QTimer(parent)
        self._lost_timer.setSingleShot(True)
        self._lost_timer.setInterval(LOST_MS)
        self._lost_timer.timeout.connect(self.forget_lost)
        self._parent = parent
        self._bubble: QLabel | None = None
        self._show_message()

    def tell_lost(self, sentence: str) -> None:
        """Say for a while that a text was not taken."""
        self._lost = sentence
        self._lost_timer.start()
        self._show_message()

    def forget_lost(self) -> None:
        """What was not taken is no longer spoken of."""
        if self._lost:
            self._lost = ""
            self._lost_timer.stop()
            self._show_message()

    def refuse(self, sentence: str) -> None:
        self.forget_lost()
        if sentence != self._refusal:
            self._refusal = sentence
            self._show_message()

    def set_error(self, sentence: str) -> None:
        if sentence != self._error:
            self._error = sentence
            self._show_message()

    def set_visible(self, visible: bool) -> None:
        if visible != self._visible:
            self._visible = visible
            self._show_row()

    def set_fixed(self, reason: str) -> None:
        if reason != self.reason.text():
            self.reason.setText(reason)
            self._show_row()

    def set_unavailable(self, reason: str) -> None:
        if reason != self._unavailable:
            self._unavailable = reason
            text = tooltip(self.setting, reason)
            self.editor.setToolTip(text)
            self.label.setToolTip(text)
            self.show_available()
            self._show_message()

    def show_available(self) -> None:
        """Whether the editor answers, by its value now."""
        self.editor.setEnabled(not self._unavailable or self.editor.value is True)

    def _show_row(self) -> None:
        fixed = bool(self.reason.text())
        self.label.setVisible(self._visible)
        self.label.setEnabled(not fixed)
        self.editor.setVisible(self._visible and not fixed)
        self.reason.setVisible(self._visible and fixed)
        self._show_message()

    def _show_bubble(self, sentence: str) -> None:
        if not (sentence and self._visible and self.editor.isVisible()):
            if self._bubble is not None:
                self._bubble.hide()
            return
        if self._bubble is None:
            # On the window, so that the last row of a form can have one below it.
            self._bubble = bubble = QLabel(self._parent.window())
            bubble.setWordWrap(True)
            bubble.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
            set_role(bubble, "bubble")
            self._parent.destroyed.connect(bubble.deleteLater)
        bubble, form = self._bubble, self._parent
        bubble.setText(sentence)
        bubble.resize(form.width(), bubble.heightForWidth(form.width()))
        below = QPoint(0, self.editor.geometry().bottom() + 1 + S1)
        bubble.move(form.mapTo(form.window(), below))
        bubble.show()
        bubble.raise_()

    def _show_message(self) -> None:
        sentence = self._refusal or self._error
        sentence = sentence[:1].upper() + sentence[1:]
        self.message.setText(sentence)
        self.message.setVisible(bool(self._error) and self._visible)
        self._show_bubble((self._refusal and sentence) or self._lost)
        said = " ".join(part for part in (self._unavailable, self.setting.help) if part)
        self.editor.setAccessibleDescription(sentence or self._lost or said)
        invalid = "true" if sentence else ""
        if (self.editor.property("invalid") or "") != invalid:
            self.editor.setProperty("invalid", invalid)
            self.editor.style().unpolish(self.editor)
            self.editor.style().polish(self.editor)
