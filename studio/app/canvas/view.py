"""The canvas: shows the scene, turns pointer and keys into gestures and edits.

It follows the workspace and holds nothing of its own but zoom, place and what is under way.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt, Slot
from PySide6.QtGui import (
    QContextMenuEvent,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFocusEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from studio.app.canvas import catalog, speech
from studio.app.canvas.actions import CanvasActions
from studio.app.canvas.adding import Adding
from studio.app.canvas.commenting import Commenting
from studio.app.canvas.drop import DropGesture
from studio.app.canvas.geometry import Box
from studio.app.canvas.gestures import (
    EDGE_REACH,
    PORT_REACH,
    BandGesture,
    Gesture,
    MoveGesture,
    PanGesture,
    WireGesture,
)
from studio.app.canvas.glide import Glide
from studio.app.canvas.ink import ink
from studio.app.canvas.keys import CanvasKeys
from studio.app.canvas.minimap import Minimap
from studio.app.canvas.narrator import Narrator
from studio.app.canvas.notes import Notes
from studio.app.canvas.offer import ConnectOffer
from studio.app.canvas.rename import RenameField
from studio.app.canvas.repeating import RepeatField
from studio.app.canvas.stage import Stage
from studio.app.canvas.walking import Direction, step
from studio.app.theme.text_size import text_size
from studio.app.theme.tokens import theme
from studio.app.workspace import Workspace
from studio.project.grouping import can_ungroup
from studio.project.problems import Problem
from studio.project.values import Edge

DRAG_FROM = 4
"""Pixels on screen that a press has to travel before it moves a card."""
NAME_LINE = 32.0
"""Canvas pixels at the top of a block's card in which its name stands."""
_WALK: dict[int, Direction] = {
    Qt.Key.Key_Up.value: "up",
    Qt.Key.Key_Down.value: "down",
    Qt.Key.Key_Left.value: "left",
    Qt.Key.Key_Right.value: "right",
}


class CanvasView(Stage):
    """The network of ``workspace``, to see and to edit."""

    def __init__(self, workspace: Workspace, parent: QWidget | None = None) -> None:
        super().__init__(workspace, parent)
        self.setMouseTracking(True)
        self.viewport().setMouseTracking(True)
        self.setAcceptDrops(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Network canvas")
        self.viewport().setAccessibleName("Network canvas")
        self._gesture: Gesture | None = None
        self._drop: DropGesture | None = None
        self._pressed: tuple[str, QPoint, QPointF] | None = None
        self._space = False
        self.notes = Notes(self.canvas)
        self.offer = ConnectOffer(self)
        self.minimap = Minimap(self)
        self.glide = Glide(self)
        self.renaming = RenameField(self)
        self.repeating = RepeatField(self)
        self.commenting = Commenting(self)
        self.adding = Adding(self)
        self.keys = CanvasKeys(self)
        self.narrator = Narrator(self)
        self.actions_ = CanvasActions(self)
        self.moved.connect(self._settle)
        self.zoom_changed.connect(self._place_notes)
        self.feed_wanted.connect(self.adding.ask_what_to_feed)
        self.offer_wanted.connect(self.offer.make)
        self.quick_add_wanted.connect(self.adding.open_at)
        self.moving.connect(self.glide.note)
        self.moved_all.connect(self.glide.start)
        self.glide.ended.connect(self._redraw_minimap)
        self.rename_wanted.connect(self.renaming.open_for)
        self.repeat_wanted.connect(lambda: self.repeating.open_for(self.workspace.selection))
        self.note_wanted.connect(self.commenting.add)
        self.note_text_wanted.connect(self.commenting.field.open_for)
        self.next_note_wanted.connect(self.commenting.step)
        self.wire_wanted.connect(self.keys.pull_wire)
        self.edge_wanted.connect(self.select_edge)
        workspace.started.connect(self.look_afresh)
        workspace.level_changed.connect(self.look_afresh)
        self.open_wanted.connect(self._open)
        workspace.changed.connect(self._follow)
        workspace.selection_changed.connect(self._follow_selection)
        theme().scheme_changed.connect(self._dress)
        text_size().changed.connect(self._dress)
        self._dress()
        self._follow()

    # Following ----------------------------------------------------------------------------------

    def set_findings(self, findings: tuple[Problem, ...]) -> None:
        """Problems beyond the network; those of a node are marked on its card."""
        if findings == self.findings:
            return
        self.findings = findings
        if self._gesture is None:  # or what is held would be put back; its end follows anyway
            self._sync()

    def _sync(self) -> None:
        self.canvas.sync(self.workspace.level.network, self.known, self.data_name)
        self._follow_selection()

    @Slot()
    def _follow(self) -> None:
        """The value changed."""
        self.keys.cancel()
        if self._gesture is not None:
            self._cancel_gesture()
        self.tip.say("", QPoint())
        self.glide.end()
        self._sync()
        self.zoom_to_fit_once()
        self.offer.follow()
        self.minimap.redraw()
        self.minimap.settle()

    @Slot()
    def _redraw_minimap(self) -> None:
        self.minimap.redraw()
        self.minimap.settle()

    @Slot()
    def _follow_selection(self) -> None:
        selection = self.workspace.selection
        self.canvas.set_selection(selection)
        if selection:
            self.canvas.select_edge(None)
            self.canvas.select_comment(None)
        ends = self.offer.ends
        if ends is not None and selection != ends[1:]:
            self.offer.dismiss()
        self._place_notes()
        self.actions_.refresh()
        self._speak()

    def _speak(self) -> None:
        """Let a screen reader say what is selected and what an edit did."""
        self.narrator.tell(self.known)

    @Slot()
    def _dress(self) -> None:
        """Follow the color scheme and the text size."""
        self.setBackgroundBrush(ink().window)
        self.canvas.refresh_ink()
        self._place_notes()
        self.minimap.redraw()

    @Slot()
    def _place_notes(self) -> None:
        area = self.shown_area()
        shown = Box(area.left(), area.top(), area.right(), area.bottom())
        self.notes.sync(self.workspace.selection, self.zoom, shown)

    @Slot()
    def _settle(self) -> None:
        """What lies over the canvas follows its zoom and place."""
        self.minimap.update()
        self.offer.follow()
        self.commenting.field.follow()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.minimap.settle()
        self.zoom_to_fit_once()
        self._settle()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and event.type() == QEvent.Type.ToolTip:
            at = self.mapToScene(event.pos())
            name = self.canvas.card_at(at.x(), at.y())
            node = next((n for n in self.editor.network.nodes if n.name == name), None)
            text = speech.tooltip(self.known, node) if node is not None else ""
            QToolTip.showText(event.globalPos(), text, self.viewport())
            return True
        return super().viewportEvent(event)

    # The pointer --------------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.setFocus(Qt.FocusReason.MouseFocusReason)
        self.glide.end()
        self.keys.cancel()
        self.tip.say("", QPoint())
        place = event.position().toPoint()
        if self._gesture is not None:
            return
        if event.button() == Qt.MouseButton.MiddleButton or (
            self._space and event.button() == Qt.MouseButton.LeftButton
        ):
            self._gesture = PanGesture(self, place)
        elif event.button() == Qt.MouseButton.LeftButton:
            self._press(place, event.modifiers())
        event.accept()

    def _press(self, place: QPoint, modifiers: Qt.KeyboardModifier) -> None:
        at = self.mapToScene(place)
        if self._follow_link(at):
            return
        hit = self.canvas.port_at(at.x(), at.y(), PORT_REACH / self.zoom)
        if hit is not None:
            self._gesture = WireGesture(self, hit)
            return
        name = self.canvas.card_at(at.x(), at.y())
        add = bool(
            modifiers & (Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.ControlModifier)
        )
        if name is not None:
            self._press_card(name, add, place, at)
            return
        edge = self.canvas.edge_at(at.x(), at.y(), EDGE_REACH / 2 / self.zoom)
        if edge is not None:
            self.select_edge(edge)
            return
        held = self.commenting.press(at)
        self.actions_.refresh()
        self._speak()
        if held is not None:
            self._gesture = held
            return
        self.canvas.select_edge(None)
        self.canvas.select_comment(None)
        self._gesture = BandGesture(self, at, add)

    def _press_card(self, name: str, add: bool, place: QPoint, at: QPointF) -> None:
        selection = self.workspace.selection
        if add and name in selection:
            self.workspace.select(other for other in selection if other != name)
            return
        if add:
            self.workspace.select((*selection, name))
        elif name not in selection:
            self.workspace.select((name,))
        self._pressed = (name, place, at)

    @Slot(object)
    def select_edge(self, edge: Edge | None) -> None:
        """Select one wire, and no node."""
        self.workspace.select(())
        self.canvas.select_comment(None)
        self.canvas.select_edge(edge)
        self.actions_.refresh()
        self._speak()

    def _follow_link(self, at: QPointF) -> bool:
        """Apply the fix whose words were clicked."""
        name = self.notes.link_at(at.x(), at.y())
        report = self.known.nodes.get(name) if name is not None else None
        fix = report.problems[0].fix if report is not None and report.problems else None
        if fix is None:
            return False
        self.editor.apply_fix(fix)
        return True

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        place = event.position().toPoint()
        at = self.mapToScene(place)
        if self._pressed is not None:
            name, start, grabbed = self._pressed
            moves = self.workspace.level.editable
            if moves and (place - start).manhattanLength() >= DRAG_FROM:
                self._pressed = None
                self._gesture = MoveGesture(self, self.workspace.selection, name, grabbed)
        if isinstance(self._gesture, PanGesture):
            self._gesture.move_on_screen(place)
        elif self._gesture is not None:
            self._gesture.move(at, event.modifiers())
        else:
            self._hover(at)

    def _hover(self, at: QPointF) -> None:
        hit = self.canvas.port_at(at.x(), at.y(), PORT_REACH / self.zoom)
        name = hit.node if hit is not None else self.canvas.card_at(at.x(), at.y())
        self.canvas.set_hovered(name)
        edge = None
        if name is None:
            edge = self.canvas.edge_at(at.x(), at.y(), EDGE_REACH / 2 / self.zoom)
        self.canvas.set_hovered_edge(edge)
        link = self.notes.link_at(at.x(), at.y()) is not None
        if self._space:
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif hit is not None:
            self.viewport().setCursor(Qt.CursorShape.CrossCursor)
        elif link or edge is not None:
            self.viewport().setCursor(Qt.CursorShape.PointingHandCursor)
        else:
            self.viewport().unsetCursor()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._pressed is not None and not event.modifiers():
            # A click on one of several selected cards means that one.
            self.workspace.select((self._pressed[0],))
        self._pressed = None
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.commit()
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        if event.button() != Qt.MouseButton.LeftButton:
            return
        place = event.position().toPoint()
        at = self.mapToScene(place)
        name = self.canvas.card_at(at.x(), at.y())
        if name is not None:
            if self._opens(name, at):
                self._open(name)
            else:
                self.renaming.open_for(name)
        elif self.canvas.edge_at(
            at.x(), at.y(), EDGE_REACH / 2 / self.zoom
        ) is None and not self.commenting.open_at(at):
            self.adding.open_at(place)

    def _opens(self, name: str, at: QPointF) -> bool:
        """Whether a double click there opens the card's block; on its first line it renames."""
        box = self.canvas.grid.get(name)
        node = self.editor.network.node(name)
        return box is not None and can_ungroup(node) and at.y() > box.top + NAME_LINE

    @Slot(str)
    def _open(self, name: str) -> None:
        self.workspace.open_level((*self.workspace.level.path, name))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if self._gesture is None:
            self.canvas.set_hovered(None)
            self.canvas.set_hovered_edge(None)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        at = self.mapToScene(event.pos())
        name = self.canvas.card_at(at.x(), at.y())
        if event.reason() == QContextMenuEvent.Reason.Mouse:
            if name is not None and name not in self.workspace.selection:
                self.workspace.select((name,))
            elif name is None:
                edge = self.canvas.edge_at(at.x(), at.y(), EDGE_REACH / 2 / self.zoom)
                self.select_edge(edge)
                if edge is None:
                    self.commenting.select(self.canvas.comment_at(at.x(), at.y()))
        self.actions_.menu(at).popup(event.globalPos())
        event.accept()

    # Keys ---------------------------------------------------------------------------------------

    def event(self, event: QEvent) -> bool:
        # Tab would go to the next widget; here it asks what to add. Shift+Tab still leaves.
        if (
            isinstance(event, QKeyEvent)
            and event.type() == QEvent.Type.KeyPress
            and event.key() == Qt.Key.Key_Tab
            and not event.modifiers()
        ):
            if not self.keys.add_at_end():
                self.adding.open_at(self.viewport().mapFromGlobal(self.cursor().pos()))
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = event.key()
        if self.keys.press(event, space=self._space):
            event.accept()
            return
        if key == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = True
            self.viewport().setCursor(Qt.CursorShape.OpenHandCursor)
        elif key == Qt.Key.Key_Escape:
            self._escape()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.offer.ends is not None:
            self.offer.accept()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.canvas.selected_comment:
            self.commenting.field.open_for(self.canvas.selected_comment)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and len(self.workspace.selection) == 1:
            self.settings_wanted.emit()
        elif key in _WALK:
            self._arrow(_WALK[key], event.modifiers())
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self._space = False
            self.viewport().unsetCursor()
        super().keyReleaseEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._space = False
        super().focusOutEvent(event)

    def _arrow(self, way: Direction, modifiers: Qt.KeyboardModifier) -> None:
        selection = self.workspace.selection
        network = self.editor.network
        if modifiers & Qt.KeyboardModifier.AltModifier:
            by = {"up": (0, -8), "down": (0, 8), "left": (-8, 0), "right": (8, 0)}[way]
            places = {
                node.name: (node.x + by[0], node.y + by[1])
                for node in network.nodes
                if node.name in selection
            }
            if places:
                self.editor.move(places, merge="nudge:" + ",".join(selection))
            else:
                self.commenting.nudge(*by)
            return
        name = step(network, selection[-1] if selection else None, way)
        if name is None:
            return
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self.workspace.select((*(other for other in selection if other != name), name))
        else:
            self.workspace.select((name,))
        self.reveal(name)

    def _escape(self) -> None:
        """Out of whatever is under way, then out of the selection."""
        if self.keys.busy:
            self.keys.cancel()
        elif self._gesture is not None or self._pressed is not None:
            self._cancel_gesture()
        elif self.offer.ends is not None:
            self.offer.dismiss()
        elif self.canvas.selected_edge is not None or self.canvas.selected_comment is not None:
            self.select_edge(None)
        else:
            self.workspace.select(())

    def _cancel_gesture(self) -> None:
        self._pressed = None
        gesture, self._gesture = self._gesture, None
        if gesture is not None:
            gesture.cancel()

    # Drags from the palette ---------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        key = bytes(event.mimeData().data(catalog.MIME).data()).decode("utf-8", "replace")
        entry = catalog.by_key(key, self.workspace.shelf.entries)
        if entry is None:
            event.ignore()
            return
        self._drop = DropGesture(self, entry)
        self._drop.move(self.mapToScene(event.position().toPoint()))
        event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        if self._drop is not None:
            self._drop.move(self.mapToScene(event.position().toPoint()))
            event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        drop, self._drop = self._drop, None
        if drop is not None:
            drop.cancel()

    def dropEvent(self, event: QDropEvent) -> None:
        drop, self._drop = self._drop, None
        if drop is not None:
            drop.move(self.mapToScene(event.position().toPoint()))
            drop.commit()
            event.acceptProposedAction()
            self.setFocus()
