"""The menus within the canvas's context menu: tags, alignment, the color of a note."""

from __future__ import annotations

from PySide6.QtGui import QAction, QColor, QIcon, QKeySequence, QPixmap
from PySide6.QtWidgets import QMenu

from studio.app.canvas.ink import ink
from studio.app.canvas.stage import Stage
from studio.app.canvas.tag_paint import tag_icon
from studio.app.theme.icons import icon
from studio.project import tags
from studio.project.arrange import Axis, Line
from studio.project.colors import COLORS

_LINES: tuple[tuple[Line, str], ...] = (
    ("left", "Left edges"),
    ("center", "Centers in a column"),
    ("right", "Right edges"),
    ("top", "Upper edges"),
    ("middle", "Centers in a row"),
    ("bottom", "Lower edges"),
)
_AXES: tuple[tuple[Axis, str], ...] = (
    ("across", "Equal gaps from left to right"),
    ("down", "Equal gaps from top to bottom"),
)


def tag_menu(view: Stage, names: tuple[str, ...], parent: QMenu) -> QMenu:
    """Marks for the nodes ``names``; the one that all of them have is checked."""
    menu = QMenu("Tag", parent)
    menu.setIcon(icon("tag", "muted"))
    nodes = {node.name: node for node in view.editor.network.nodes}
    worn = {nodes[name].tag for name in names if name in nodes}
    for number, tag in enumerate(tags.TAGS, start=1):
        action = menu.addAction(tag_icon(tag), tags.title(tag).capitalize())
        _show_key(action, f"Alt+{number}")
        action.setCheckable(True)
        action.setChecked(worn == {tag})
        action.triggered.connect(lambda _=False, tag=tag: view.editor.set_tag(names, tag))
    menu.addSeparator()
    none = menu.addAction("No tag")
    _show_key(none, "Alt+0")
    none.setEnabled(worn != {""})
    none.triggered.connect(lambda: view.editor.set_tag(names, ""))
    return menu


def align_menu(view: Stage, names: tuple[str, ...], parent: QMenu) -> QMenu:
    """Ways to bring the nodes ``names`` into line."""
    menu = QMenu("Align", parent)
    menu.setIcon(icon("align", "muted"))
    for line, title in _LINES:
        action = menu.addAction(icon(f"align-{line}", "muted"), title)
        action.triggered.connect(lambda _=False, line=line: view.editor.align(names, line))
    menu.addSeparator()
    for axis, title in _AXES:
        action = menu.addAction(icon(f"distribute-{axis}", "muted"), title)
        action.setEnabled(len(names) > 2)
        action.triggered.connect(lambda _=False, axis=axis: view.editor.distribute(names, axis))
    return menu


def color_menu(view: Stage, comment: str, parent: QMenu) -> QMenu:
    """The colors of the note ``comment``."""
    menu = QMenu("Color", parent)
    now = view.canvas.comments[comment].comment.color
    for name, family in COLORS.items():
        action = menu.addAction(_swatch(ink().family[family]), name.capitalize())
        action.setCheckable(True)
        action.setChecked(name == now)
        action.triggered.connect(
            lambda _=False, name=name: view.editor.paint_comment(comment, name)
        )
    return menu


def _show_key(action: QAction, keys: str) -> None:
    """Show the key beside the entry; the canvas listens to it."""
    shown = QKeySequence(keys).toString(QKeySequence.SequenceFormat.NativeText)
    action.setText(f"{action.text()}\t{shown}")


def _swatch(tone: QColor) -> QIcon:
    picture = QPixmap(24, 24)
    picture.setDevicePixelRatio(2.0)
    picture.fill(tone)
    return QIcon(picture)
