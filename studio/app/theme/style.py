"""Fusion, the palette and the one style sheet, made from the tokens.

A widget says what it is with ``set_role``:

- labels: ``title`` (bold), ``heading`` (of a panel), ``headline`` (large), ``section`` (small,
  bold, muted), ``muted``, ``small``, ``number`` (tabular digits), ``error``, ``warning``,
  ``small-warning``, ``good``, ``bubble`` (over a form, while a text is wrong)
- frames: ``panel``, ``card``, ``line`` (a hairline), ``bar`` (the message bar)
- buttons: ``primary`` (one a page), ``flat`` (icon or text alone), ``link``, ``fold`` (the title
  of what it folds), ``figure`` (a number
  that tells more when it is pressed), ``figure-error``
"""

from __future__ import annotations

from PySide6.QtGui import QPalette, QPen
from PySide6.QtWidgets import QApplication, QFrame, QStyleFactory, QWidget

from studio.app import resources
from studio.app.theme.text_size import px, sized, text_size
from studio.app.theme.tokens import (
    FONT_BASE,
    FONT_LARGE,
    FONT_SMALL,
    RADIUS,
    ROW,
    S1,
    S2,
    S3,
    SCHEMES,
    color,
    font,
    theme,
)


def apply(application: QApplication) -> None:
    """Dress the application, now and after every change of scheme."""
    application.setStyle(QStyleFactory.create("Fusion"))
    text_size().read_system(application.font())

    def dress() -> None:
        application.setFont(font())
        application.setPalette(_palette())
        application.setStyleSheet(_sheet())
        text_size().dressed.emit()

    theme().scheme_changed.connect(dress)
    text_size().changed.connect(dress)
    theme().follow_system()
    dress()


def set_role(widget: QWidget, role: str) -> None:
    """Say what ``widget`` is, so that the style sheet dresses it; may be changed later."""
    if widget.property("role") == role:
        return
    widget.setProperty("role", role)
    if role in ("number", "figure") and not widget.property("tabular"):
        widget.setProperty("tabular", True)
        # As heavy as the sheet makes it: Qt measures by this font after a change of scheme.
        bold = role == "figure"
        sized(widget, lambda w: w.setFont(font(tabular=True, bold=bold)))
    # Rules on a property are worked out when the widget is polished, not when it changes.
    widget.style().unpolish(widget)
    widget.style().polish(widget)


def focus_pen() -> QPen:
    """The ring of what has the keyboard: twice as wide as any outline, so that it needs no color
    to be told from what is pointed at."""
    return QPen(color("accent"), 2)


def hairline(vertical: bool = False, parent: QWidget | None = None) -> QFrame:
    """A line of one pixel between two parts."""
    line = QFrame(parent)
    if vertical:
        line.setFixedWidth(1)
    else:
        line.setFixedHeight(1)
    set_role(line, "line")
    return line


def _palette() -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for which, name in (
        (role.Window, "window"),
        (role.WindowText, "text"),
        (role.Base, "field"),
        (role.AlternateBase, "card"),
        (role.Text, "text"),
        (role.Button, "card"),
        (role.ButtonText, "text"),
        (role.BrightText, "accent_text"),
        (role.ToolTipBase, "card"),
        (role.ToolTipText, "text"),
        (role.PlaceholderText, "muted"),
        (role.Highlight, "accent"),
        (role.HighlightedText, "accent_text"),
        (role.Link, "accent"),
        (role.LinkVisited, "accent"),
        (role.Accent, "accent"),
        (role.Light, "card"),
        (role.Midlight, "hover"),
        (role.Mid, "line"),
        (role.Dark, "line_strong"),
        (role.Shadow, "line"),
    ):
        palette.setColor(which, color(name))
    for which in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, which, color("disabled"))
    return palette


def _sheet() -> str:
    tokens = dict(SCHEMES[theme().scheme])
    tokens |= {
        "small": f"{px(FONT_SMALL)}px",
        "base": f"{px(FONT_BASE)}px",
        "large": f"{px(FONT_LARGE)}px",
        "h16": f"{px(16)}px",
        "h24": f"{px(ROW - 4)}px",
        "h26": f"{px(ROW - 2)}px",
        "radius": f"{RADIUS}px",
        "s1": f"{S1}px",
        "s2": f"{S2}px",
        "s3": f"{S3}px",
        "up": resources.path("style", "up.svg").as_posix(),
        "down": resources.path("style", "down.svg").as_posix(),
        "check": resources.path("style", f"check-{theme().scheme}.svg").as_posix(),
    }
    sheet = _RULES
    # Longest names first, so that @accent does not eat the start of @accent_soft.
    for name in sorted(tokens, key=len, reverse=True):
        sheet = sheet.replace(f"@{name}", tokens[name])
    return sheet


_RULES = """
QToolTip { background: @card; color: @text; border: 1px solid @line; padding: @s1 @s2; }

QLabel { background: transparent; }
QLabel[role="title"] { font-weight: 600; }
QLabel[role="headline"] { font-size: @large; font-weight: 600; }
QLabel[role="heading"] { font-size: @h16; font-weight: 600; }
QLabel[role="section"] { font-size: @small; font-weight: 600; color: @muted; }
QLabel[role="muted"] { color: @muted; }
QLabel[role="small"] { color: @muted; font-size: @small; }
QLabel[role="small-warning"] { color: @warning; font-size: @small; }
QLabel[role="error"] { color: @error; font-size: @small; }
QLabel[role="warning"] { color: @warning; }
QLabel[role="good"] { color: @good; }

QLabel[role="bubble"] {
    background: @error_soft; color: @text; font-size: @small; border: 1px solid @error;
    border-radius: @radius; padding: @s1 @s2;
}

QFrame[role="panel"], QWidget[role="panel"] { background: @panel; border: none; }
QFrame[role="card"] { background: @card; border: 1px solid @line; border-radius: @radius; }
QFrame[role="line"] { background: @line; border: none; }
QFrame[role="bar"] {
    background: @accent_soft; border: 1px solid @accent; border-radius: @radius;
}
QFrame[role="bar"][tone="good"] { background: @good_soft; border-color: @good; }
QFrame[role="bar"][tone="warning"] { background: @warning_soft; border-color: @warning; }
QFrame[role="bar"][tone="error"] { background: @error_soft; border-color: @error; }

QPushButton, QToolButton[role="button"] {
    background: @card; color: @text; border: 1px solid @line; border-radius: @radius;
    padding: 5px @s3; min-height: @h16;
}
QPushButton:hover, QToolButton[role="button"]:hover { background: @hover; }
QPushButton:pressed, QToolButton[role="button"]:pressed { background: @track; }
QPushButton:disabled { color: @disabled; }
QPushButton:focus, QToolButton:focus { border: 1px solid @accent; }
QPushButton[role="primary"] {
    background: @accent; color: @accent_text; border: 1px solid @accent; font-weight: 600;
}
QPushButton[role="primary"]:hover { background: @accent_hover; }
QPushButton[role="primary"]:focus { border: 2px solid @text; padding: @s1 11px; }
QPushButton[role="primary"]:disabled {
    background: @track; color: @muted; border: 1px solid @track;
}
QPushButton[role="link"] {
    background: transparent; border: none; border-bottom: 2px solid transparent;
    border-radius: 0; color: @accent; padding: 2px 0 0 0;
    text-align: left; font-weight: 600; min-height: 0;
}
QPushButton[role="link"]:hover { color: @accent_hover; text-decoration: underline; }
QPushButton[role="link"]:focus {
    border: none; border-bottom: 2px solid @accent; text-decoration: none;
}
QPushButton[role="link"]:disabled { color: @disabled; }
QToolButton { background: transparent; border: 1px solid transparent; border-radius: @radius;
    padding: @s1; color: @text; }
QToolButton:hover { background: @hover; }
QToolButton:pressed, QToolButton:open { background: @track; }
QToolButton:checked { background: @accent_soft; color: @accent; }
QToolButton[role="figure"], QToolButton[role="figure-error"] {
    font-weight: 600; padding: 2px;
}
QToolButton[role="figure-error"] { color: @error; }
QToolButton[role="page"] { color: @muted; font-size: @small; font-weight: 600; }
QToolButton[role="page"]:checked { color: @accent; }
QToolButton[role="fold"] {
    font-weight: 600; padding: 0; margin-left: -3px; border: 1px solid transparent;
    background: transparent;
}
QToolButton[role="fold"]:hover { color: @accent; }
QToolButton[role="fold"]:focus { border: 1px solid @accent; }
QToolButton[role="fold"]:checked { color: @text; }
QToolButton:disabled { color: @disabled; background: transparent; }
QToolButton::menu-indicator { image: none; }
QPushButton::menu-indicator { image: none; }

QLineEdit, QAbstractSpinBox, QComboBox, QPlainTextEdit, QTextEdit {
    background: @field; color: @text; border: 1px solid @line; border-radius: @radius;
    padding: 0 @s2; min-height: @h26; selection-background-color: @accent;
    selection-color: @accent_text;
}
QLineEdit:hover, QAbstractSpinBox:hover, QComboBox:hover { border: 1px solid @line_strong; }
QLineEdit:focus, QAbstractSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus, QTextEdit:focus {
    border: 1px solid @accent;
}
QLineEdit:disabled, QAbstractSpinBox:disabled, QComboBox:disabled { color: @disabled; }
*[invalid="true"], *[invalid="true"]:hover, *[invalid="true"]:focus { border: 1px solid @error; }
QAbstractSpinBox { padding: 0; }
QAbstractSpinBox QLineEdit { border: none; background: transparent; padding: 0; min-height: 0; }
QAbstractSpinBox::up-button, QAbstractSpinBox::down-button {
    width: 20px; border: none; background: transparent; subcontrol-origin: border;
}
QAbstractSpinBox::up-button { subcontrol-position: top right; margin: 1px 1px 0 0; }
QAbstractSpinBox::down-button { subcontrol-position: bottom right; margin: 0 1px 1px 0; }
QAbstractSpinBox::up-button:hover, QAbstractSpinBox::down-button:hover { background: @hover; }
QAbstractSpinBox::up-arrow { image: url("@up"); width: 8px; height: 8px; }
QAbstractSpinBox::down-arrow { image: url("@down"); width: 8px; height: 8px; }
QComboBox::drop-down { border: none; width: 22px; }
QComboBox { min-height: @h24; padding: 1px @s2; combobox-popup: 0; }
QComboBox::down-arrow { image: url("@down"); width: 10px; height: 10px; }
QComboBox QAbstractItemView {
    background: @card; color: @text; border: 1px solid @line; outline: none; padding: @s1;
    selection-background-color: @accent_soft; selection-color: @text;
}
QComboBox QAbstractItemView::item { min-height: @h24; padding: 0 @s1; }

QCheckBox, QRadioButton { spacing: @s2; }
QRadioButton::indicator {
    width: 12px; height: 12px; border: 2px solid @line_strong; border-radius: 8px;
    background: @field;
}
QRadioButton::indicator:focus, QRadioButton::indicator:hover { border: 2px solid @accent; }
QRadioButton::indicator:checked {
    width: 8px; height: 8px; border: 4px solid @accent; background: @accent_text;
}
QCheckBox::indicator, QMenu::indicator {
    width: 16px; height: 16px; border: 1px solid @line_strong; border-radius: 4px;
    background: @field;
}
QCheckBox::indicator:focus, QCheckBox::indicator:hover { border: 1px solid @accent; }
QCheckBox::indicator:checked, QMenu::indicator:checked {
    background: @accent; border: 1px solid @accent; image: url("@check");
}
QCheckBox::indicator:disabled { border: 1px solid @line; background: transparent; }
QCheckBox:focus { color: @accent; }
QMenu::indicator:exclusive { width: 14px; height: 14px; border-radius: 8px; }
QMenu::indicator:exclusive:checked {
    width: 8px; height: 8px; border: 4px solid @accent; background: @accent_text; image: none;
}

QMenu { background: @card; color: @text; border: 1px solid @line; padding: @s1; }
QMenu::item { padding: 5px 28px 5px @s3; border-radius: 4px; }
QMenu::item:selected { background: @accent_soft; }
QMenu::item:disabled { color: @disabled; }
QMenu::icon { padding-left: @s2; }
QMenu::indicator { margin-left: @s2; }
QMenu::separator { height: 1px; background: @line; margin: @s1 @s2; }

QScrollArea, QScrollArea > QWidget > QWidget { background: transparent; border: none; }
QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @track; border-radius: 3px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: @line_strong; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
QAbstractScrollArea::corner { background: transparent; }

QSplitter::handle { background: @line; }
QSplitter::handle:horizontal { width: 1px; }
QSplitter::handle:vertical { height: 1px; }

QProgressBar { background: @track; border: none; border-radius: 3px; max-height: 6px; }
QProgressBar::chunk { background: @accent; border-radius: 3px; }

QListView, QTreeView, QTableView {
    background: @panel; color: @text; border: 1px solid @line; border-radius: @radius;
    outline: none; selection-background-color: @accent_soft; selection-color: @text;
}
QHeaderView::section {
    background: @panel; color: @muted; border: none; border-bottom: 1px solid @line;
    padding: @s1 @s2;
}
"""
