"""The canvas's commands as actions, with their shortcuts, and the context menu made of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, QPointF, QRectF, Qt, Slot
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence
from PySide6.QtWidgets import QMenu

from studio.app.canvas import clipboard
from studio.app.canvas.geometry import union
from studio.app.canvas.menus import align_menu, color_menu, tag_menu
from studio.app.canvas.stage import ZOOM_STEP, Stage
from studio.app.theme.icons import icon
from studio.app.theme.tokens import theme
from studio.project import edits, graph
from studio.project.grouping import can_ungroup
from studio.project.tags import TAGS
from studio.project.values import Edge, Network


class CanvasActions(QObject):
    """Actions of one canvas; those that do not apply now are disabled."""

    def __init__(self, view: Stage) -> None:
        super().__init__(view)
        self._view = view
        self._editor = view.editor
        self._menu_place: QPointF | None = None
        self._icons: list[tuple[QAction, str]] = []
        standard = QKeySequence.StandardKey
        self.add = self._action("Add here…", "Tab", self._add_here, "plus", shortcut=False)
        self.rename = self._action("Rename", "F2", self._rename, "edit")
        self.connect_nodes = self._action("Connect", "C", self._connect, "link")
        self.pull = self._action("Pull a wire", "W", partial(view.wire_wanted.emit, False), "link")
        self.pull_into = self._action(
            "Pull a wire into it", "Shift+W", partial(view.wire_wanted.emit, True), "link"
        )
        self.disconnect_ends = self._action("Disconnect", "Ctrl+Shift+D", self._cut_wires, "unlink")
        self.duplicate = self._action("Duplicate", "Ctrl+D", self._duplicate, "duplicate")
        self.group = self._action("Group", "Ctrl+G", self._group, "group")
        self.ungroup = self._action("Ungroup", "Ctrl+Shift+G", self._ungroup, "ungroup")
        self.open = self._action("Open", "O", self._open, "inside")
        self.go_out = self._action("Go out", "Shift+O", self._go_out, "")
        self.repeat = self._action("Repeat…", "R", self._repeat, "repeat")
        self.note = self._action("Add a note", "N", self._add_note, "note")
        self.next_note = self._action("Next note", "Shift+N", view.next_note_wanted.emit, "note")
        self.edit_note = self._action(
            "Edit the note", "Enter", self._edit_note, "edit", shortcut=False
        )
        for number, tag in enumerate(("", *TAGS)):
            self._action(f"Tag {number}", f"Alt+{number}", partial(self._tag, tag), "")
        self.cut = self._action("Cut", standard.Cut, self._cut, "cut")
        self.copy = self._action("Copy", standard.Copy, self._copy, "copy")
        self.paste = self._action("Paste", standard.Paste, self._paste, "paste")
        self.delete = self._action("Delete", "Del", self._delete, "trash")
        self.delete.setShortcuts([QKeySequence("Del"), QKeySequence("Backspace")])
        self.select_all = self._action(
            "Select all", standard.SelectAll, self._select_all, "select-all"
        )
        self.tidy = self._action("Tidy up", "L", self._tidy, "tidy")
        self.turn = self._action("Flow to the right", "Shift+L", self._turn, "flow")
        self.fit = self._action("Zoom to fit", "F", view.zoom_to_fit, "fit")
        self.fit_selection = self._action(
            "Zoom to the selection", "Shift+F", self._fit_selection, "fit"
        )
        self.zoom_in = self._action("Zoom in", standard.ZoomIn, self._zoom_in, "zoom-in")
        self.zoom_in.setShortcuts([QKeySequence(keys) for keys in ("Ctrl++", "Ctrl+=", "+", "=")])
        self.zoom_out = self._action("Zoom out", standard.ZoomOut, self._zoom_out, "zoom-out")
        self.zoom_out.setShortcuts([QKeySequence("Ctrl+-"), QKeySequence("-")])
        self.zoom_full = self._action("Zoom to 100 %", "Ctrl+0", self._zoom_full, "zoom-full")
        theme().scheme_changed.connect(self._tint)
        self._tint()
        self.refresh()

    def _action(
        self,
        text: str,
        keys: str | QKeySequence.StandardKey,
        do: Callable[[], object],
        picture: str,
        *,
        shortcut: bool = True,
    ) -> QAction:
        action = QAction(text, self._view)
        if shortcut:
            action.setShortcut(QKeySequence(keys))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        else:
            # The key is handled by the view; here it is only shown.
            action.setText(f"{text}\t{keys}")
        action.setShortcutVisibleInContextMenu(True)
        action.triggered.connect(do)
        if picture:
            self._icons.append((action, picture))
        self._view.addAction(action)
        return action

    @Slot()
    def _tint(self) -> None:
        for action, picture in self._icons:
            action.setIcon(icon(picture, "muted"))

    @Slot()
    def refresh(self) -> None:
        """Enable what applies to the selection."""
        selection = self._view.workspace.selection
        network = self._editor.network
        some = bool(selection)
        edge = self._view.canvas.selected_edge
        note = self._view.canvas.selected_comment
        for action in (self.duplicate, self.cut, self.copy):
            action.setEnabled(some or note is not None)
        self.group.setEnabled(some)
        chosen = set(selection)
        self.ungroup.setEnabled(any(can_ungroup(n) for n in network.nodes if n.name in chosen))
        blocks = [n for n in network.nodes if n.name in chosen and can_ungroup(n)]
        self.open.setEnabled(len(selection) == 1 and bool(blocks))
        self.go_out.setEnabled(bool(self._view.workspace.level.path))
        self.delete.setEnabled(some or edge is not None or note is not None)
        what = " wire" if edge is not None else " note" if note is not None else ""
        self.delete.setText(f"Delete{what}")
        self.repeat.setEnabled(some)
        self.next_note.setEnabled(bool(network.comments))
        self.rename.setEnabled(len(selection) == 1)
        self.connect_nodes.setEnabled(len(selection) > 1)
        self.disconnect_ends.setEnabled(edge is not None or bool(self._wires_of(selection)))
        self.pull.setEnabled(len(selection) == 1 or edge is not None)
        self.pull.setText("Move the wire's end" if edge is not None else "Pull a wire")
        self.pull_into.setEnabled(len(selection) == 1)
        self.fit_selection.setEnabled(some or edge is not None or note is not None)
        self.select_all.setEnabled(bool(network.nodes))
        self.tidy.setEnabled(bool(network.nodes))
        self.fit.setEnabled(bool(network.nodes))
        self.turn.setText("Flow to the right" if network.flow == "down" else "Flow down")

    def menu(self, at: QPointF) -> QMenu:
        """What applies at a place of the canvas; it deletes itself when it closes."""
        self._menu_place = at
        self.refresh()
        menu = QMenu(self._view)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._add_fixes(menu)
        selection = self._view.workspace.selection
        note = self._view.canvas.selected_comment
        if note is not None:
            menu.addAction(self.edit_note)
            menu.addMenu(color_menu(self._view, note, menu))
            menu.addSeparator()
            for action in (self.cut, self.copy, self.paste, self.duplicate):
                menu.addAction(action)
            menu.addSeparator()
        elif selection:
            self._add_selection(menu, selection)
        elif self._view.canvas.selected_edge is None:
            self._add_canvas(menu)
            return menu
        else:
            menu.addAction(self.add)
            menu.addAction(self.pull)
            menu.addSeparator()
        menu.addAction(self.delete)
        return menu

    def _add_canvas(self, menu: QMenu) -> None:
        """What applies where nothing is selected."""
        for action in (self.add, self.note, self.paste):
            menu.addAction(action)
        menu.addSeparator()
        for action in (self.select_all, self.tidy, self.turn):
            menu.addAction(action)
        menu.addSeparator()
        if self.go_out.isEnabled():
            menu.addAction(self.go_out)
            menu.addSeparator()
        for action in (self.fit, self.zoom_in, self.zoom_out, self.zoom_full):
            menu.addAction(action)

    def _add_selection(self, menu: QMenu, selection: tuple[str, ...]) -> None:
        """What applies to the selected nodes."""
        menu.addAction(self.rename)
        if len(selection) > 1:
            menu.addAction(self.connect_nodes)
        elif self.pull.isEnabled():
            menu.addAction(self.pull)
        menu.addAction(self.disconnect_ends)
        menu.addSeparator()
        for action in (self.open, self.group, self.ungroup, self.repeat):
            if action.isEnabled():
                menu.addAction(action)
        menu.addSeparator()
        if len(selection) > 1:
            menu.addMenu(align_menu(self._view, selection, menu))
        menu.addMenu(tag_menu(self._view, selection, menu))
        menu.addSeparator()
        for action in (self.cut, self.copy, self.paste, self.duplicate):
            menu.addAction(action)
        menu.addSeparator()

    def _add_fixes(self, menu: QMenu) -> None:
        """The fixes of the one selected node stand first."""
        selection = self._view.workspace.selection
        report = self._view.known.nodes.get(selection[0]) if len(selection) == 1 else None
        fixes = [p.fix for p in report.problems if p.fix is not None] if report is not None else []
        for fix in fixes:
            action = menu.addAction(icon("check", "accent"), fix.text)
            action.triggered.connect(lambda _=False, fix=fix: self._editor.apply_fix(fix))
        if fixes:
            menu.addSeparator()

    # What they do -------------------------------------------------------------------------------

    @Slot()
    def _add_here(self) -> None:
        if self._menu_place is not None:
            self._view.quick_add_wanted.emit(self._view.mapFromScene(self._menu_place))

    @Slot()
    def _rename(self) -> None:
        selection = self._view.workspace.selection
        if len(selection) == 1:
            self._view.reveal(selection[0])
            self._view.rename_wanted.emit(selection[0])

    @Slot()
    def _connect(self) -> None:
        self._editor.connect_chain(self._view.workspace.selection)

    def _wires_of(self, names: tuple[str, ...]) -> list[Edge]:
        """The wires between the selected nodes, or all of a single one."""
        wires = self._editor.network.edges
        if len(names) == 1:
            return [e for e in wires if names[0] in (e.source, e.target)]
        chosen = set(names)
        return [e for e in wires if e.source in chosen and e.target in chosen]

    @Slot()
    def _cut_wires(self) -> None:
        edge = self._view.canvas.selected_edge
        if edge is not None:
            self._editor.disconnect(edge)
        else:
            self._editor.disconnect_all(self._wires_of(self._view.workspace.selection))

    @Slot()
    def _duplicate(self) -> None:
        note = self._view.canvas.selected_comment
        if note is not None:
            self._editor.duplicate_comment(note)
            return
        self._editor.duplicate(self._view.workspace.selection)

    @Slot()
    def _group(self) -> None:
        if self._editor.group(self._view.workspace.selection):
            self._view.reveal(self._view.workspace.selection[0])

    @Slot()
    def _open(self) -> None:
        selection = self._view.workspace.selection
        if len(selection) == 1:
            self._view.open_wanted.emit(selection[0])

    @Slot()
    def _go_out(self) -> None:
        """One level."""
        path = self._view.workspace.level.path
        if path:
            self._view.workspace.open_level(path[:-1])

    @Slot()
    def _repeat(self) -> None:
        selection = self._view.workspace.selection
        if selection:
            self._view.reveal(selection[-1])
            self._view.repeat_wanted.emit()

    @Slot()
    def _add_note(self) -> None:
        """At the place of the menu, or of the pointer, or in the middle of what is in view."""
        place = self._menu_place or QPointF(*self._paste_center())
        self._menu_place = None
        self._view.note_wanted.emit(place)

    @Slot()
    def _edit_note(self) -> None:
        note = self._view.canvas.selected_comment
        if note is not None:
            self._view.note_text_wanted.emit(note)

    def _tag(self, tag: str) -> None:
        selection = self._view.workspace.selection
        if selection:
            self._editor.set_tag(selection, tag)

    @Slot()
    def _ungroup(self) -> None:
        self._editor.ungroup(self._view.workspace.selection)

    @Slot()
    def _copy(self) -> None:
        selection = self._view.workspace.selection
        item = self._view.canvas.comments.get(self._view.canvas.selected_comment or "")
        part = Network(comments=(item.comment,)) if item is not None else None
        if selection:
            part = edits.part(self._editor.network, selection)
        if part is not None:
            QGuiApplication.clipboard().setText(clipboard.dumps(part))

    @Slot()
    def _cut(self) -> None:
        self._copy()
        note = self._view.canvas.selected_comment
        if note is not None:
            self._editor.remove_comment(note)
            return
        self._editor.remove(self._view.workspace.selection, "Cut")

    @Slot()
    def _paste(self) -> None:
        try:
            part = clipboard.loads(QGuiApplication.clipboard().text())
        except clipboard.ClipboardError as error:
            self._view.workspace.refused.emit(str(error))
            return
        self._editor.paste(part, self._paste_center())

    def _paste_center(self) -> tuple[float, float]:
        """The pointer where it is over the canvas; else the middle of what is in view."""
        viewport = self._view.viewport()
        place = viewport.mapFromGlobal(self._view.cursor().pos())
        if not viewport.rect().contains(place):
            place = viewport.rect().center()
        at = self._view.mapToScene(place)
        return at.x(), at.y()

    @Slot()
    def _delete(self) -> None:
        edge = self._view.canvas.selected_edge
        if edge is not None:
            self._editor.disconnect(edge)
            return
        note = self._view.canvas.selected_comment
        if note is not None:
            self._editor.remove_comment(note)
            return
        selection = self._view.workspace.selection
        following = self._after(selection)
        if self._editor.remove(selection) and following:
            self._view.workspace.select((following,))

    def _after(self, gone: tuple[str, ...]) -> str | None:
        """The node to select when these are deleted, so that the keyboard stays where it was."""
        if len(gone) != 1:
            return None
        inward = graph.incoming(self._editor.network)[gone[0]]
        return inward[0].source if inward else None

    @Slot()
    def _select_all(self) -> None:
        self._view.workspace.select(node.name for node in self._editor.network.nodes)

    @Slot()
    def _tidy(self) -> None:
        self._view.moving.emit()
        if self._editor.tidy():
            self._view.zoom_to_fit()
            self._view.moved_all.emit()

    @Slot()
    def _turn(self) -> None:
        self._view.moving.emit()
        if self._editor.set_flow("right" if self._editor.network.flow == "down" else "down"):
            self._view.look_afresh()
            self._view.zoom_to_fit_once()
            self._view.moved_all.emit()

    @Slot()
    def _fit_selection(self) -> None:
        scene = self._view.canvas
        areas = [scene.grid.get(name) for name in self._view.workspace.selection]
        note = scene.comments.get(scene.selected_comment or "")
        areas.append(note.box if note is not None else None)
        box = union(area for area in areas if area is not None)
        wire = scene.wires.get(scene.selected_edge) if scene.selected_edge is not None else None
        if wire is not None:
            self._view.zoom_to(wire.boundingRect())
        elif box is not None:
            self._view.zoom_to(QRectF(box.left, box.top, box.width, box.height))

    @Slot()
    def _zoom_in(self) -> None:
        self._view.zoom_by(ZOOM_STEP)

    @Slot()
    def _zoom_out(self) -> None:
        self._view.zoom_by(1 / ZOOM_STEP)

    @Slot()
    def _zoom_full(self) -> None:
        self._view.set_zoom(1.0)
