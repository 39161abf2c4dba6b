"""Working with notes: the pointer moves and sizes them, a field over them takes their text."""

from __future__ import annotations

from msgspec.structs import replace
from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QFocusEvent, QKeyEvent
from PySide6.QtWidgets import QPlainTextEdit

from studio.app.canvas.ink import ink
from studio.app.canvas.stage import Stage
from studio.project.comment_limits import LONGEST, SMALLEST
from studio.project.values import Comment

ADDING = "Add a note"
"""What the step is called that adds one."""


class CommentGesture:
    """Drags a note, or its corner."""

    def __init__(self, view: Stage, name: str, at: QPointF) -> None:
        self._view = view
        self._item = view.canvas.comments[name]
        self._before = self._item.comment
        self._start = at
        self._sizing = self._item.grip_holds(at.x(), at.y())

    def move(self, at: QPointF, modifiers: Qt.KeyboardModifier) -> None:
        self._item.set_comment(self._moved(at))

    def _moved(self, at: QPointF) -> Comment:
        dx, dy = at.x() - self._start.x(), at.y() - self._start.y()
        before = self._before
        if self._sizing:
            width, height = before.width + dx, before.height + dy
            return replace(before, width=max(SMALLEST[0], width), height=max(SMALLEST[1], height))
        return replace(before, x=before.x + dx, y=before.y + dy)

    def commit(self) -> None:
        after = self._item.comment
        self._item.set_comment(self._before)
        if after != self._before:
            self._view.editor.place_comment(after)

    def cancel(self) -> None:
        self._item.set_comment(self._before)


class CommentField(QPlainTextEdit):
    """Edits the text of one note in its place. Ctrl+Enter or a click elsewhere keeps the text,
    Escape does not."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view.viewport())
        self._view = view
        self._name = ""
        self._fresh = False
        self.setAccessibleName("Text of the note")
        self.setToolTip("Ctrl+Enter keeps the text, Escape leaves it as it was")
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        self.installEventFilter(self)
        self.hide()

    @property
    def name(self) -> str:
        """The note that is edited; empty for none."""
        return self._name

    def open_for(self, name: str, *, fresh: bool = False) -> None:
        """Edit the note ``name``; a fresh one goes away again if it is left empty."""
        item = self._view.canvas.comments.get(name)
        if item is None:
            return
        self._name, self._fresh = name, fresh
        self.setPlainText(item.comment.text)
        self.selectAll()
        self.setFont(ink().base_font)
        self.follow()
        self.show()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def follow(self) -> None:
        """Lie over the note, wherever it is on screen."""
        item = self._view.canvas.comments.get(self._name)
        if item is None:
            return
        box = item.box
        area = QRectF(box.left, box.top, box.width, box.height)
        shown = self._view.mapFromScene(area).boundingRect()
        # Small on screen, it is still large enough to write in.
        shown.setWidth(max(180, shown.width()))
        shown.setHeight(max(72, shown.height()))
        self.setGeometry(shown)

    @Slot()
    def keep(self) -> None:
        """Give the note the text, and close."""
        name, self._name = self._name, ""
        if not name:
            return
        self.hide()
        text = self.toPlainText().strip()
        editor = self._view.editor
        if self._fresh and not text:
            self._take_back()
        else:
            editor.write_comment(name, text[:LONGEST], fresh=self._fresh)

    def _take_back(self) -> None:
        """An empty note that was added a moment ago was none."""
        if self._view.workspace.undo_label == ADDING:
            self._view.workspace.undo()

    def leave(self) -> None:
        """Close without a change."""
        fresh, self._name = self._fresh and bool(self._name), ""
        self.hide()
        if fresh:
            self._take_back()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QFocusEvent) and event.lostFocus() and self.isVisible():
            # A menu of its own, or another window, takes the focus for a while only.
            passing = (Qt.FocusReason.PopupFocusReason, Qt.FocusReason.ActiveWindowFocusReason)
            if event.reason() not in passing:
                self.keep()
        if event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        if not isinstance(event, QKeyEvent) or event.type() != QEvent.Type.KeyPress:
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.leave()
        elif (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and event.modifiers() & Qt.KeyboardModifier.ControlModifier
        ):
            self.keep()
        else:
            return False
        self._view.setFocus()
        return True


class Commenting:
    """What the view asks when it comes to notes."""

    def __init__(self, view: Stage) -> None:
        self._view = view
        self.field = CommentField(view)

    def press(self, at: QPointF) -> CommentGesture | None:
        """Take hold of the note at this place of the canvas, and select it."""
        name = self._view.canvas.comment_at(at.x(), at.y())
        if name is None:
            return None
        self.select(name)
        return CommentGesture(self._view, name, at)

    def select(self, name: str | None) -> None:
        """Select one note, and no node and no wire."""
        self._view.workspace.select(())
        self._view.canvas.select_edge(None)
        self._view.canvas.select_comment(name)

    def open_at(self, at: QPointF) -> bool:
        """Edit the note at this place; whether there is one."""
        name = self._view.canvas.comment_at(at.x(), at.y())
        if name is not None:
            self.field.open_for(name)
        return name is not None

    def add(self, at: QPointF) -> None:
        """Put a new note there and let its text be written."""
        name = self._view.editor.add_comment(at.x(), at.y())
        if name is not None:
            self.select(name)
            self.field.open_for(name, fresh=True)

    def nudge(self, dx: float, dy: float) -> None:
        """Move the selected note, where there is one."""
        item = self._view.canvas.comments.get(self._view.canvas.selected_comment or "")
        if item is not None:
            note = item.comment
            to = replace(note, x=note.x + dx, y=note.y + dy)
            self._view.editor.place_comment(to, merge=f"nudge note {note.name}")

    def step(self) -> None:
        """Select the next note, from left to right and top to bottom."""
        comments = self._view.editor.network.comments
        if not comments:
            return
        order = [c.name for c in sorted(comments, key=lambda c: (c.y, c.x))]
        now = self._view.canvas.selected_comment
        following = order[(order.index(now) + 1) % len(order)] if now in order else order[0]
        self.select(following)
        box = self._view.canvas.comments[following].box
        self._view.ensureVisible(QRectF(box.left, box.top, box.width, box.height), 60, 60)
