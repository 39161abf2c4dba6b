"""The window's actions and its menu."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QKeySequence
from PySide6.QtWidgets import QMenu, QWidget

from studio.app.theme.text_size import PERCENT, SYSTEM, text_size
from studio.app.theme.tokens import Preference, theme

Word = TypeVar("Word", bound=str)


@dataclass(frozen=True, slots=True)
class Commands:
    """What the actions do; the window fills it in."""

    start_page: Callable[[], None]
    open: Callable[[], None]
    open_path: Callable[[Path], object]
    save: Callable[[], object]
    save_as: Callable[[], object]
    undo: Callable[[], None]
    redo: Callable[[], None]
    train: Callable[[], None]
    queue: Callable[[], None]
    elsewhere: Callable[[], None]
    export: Callable[[], None]
    shortcuts: Callable[[], None]
    menu: Callable[[], None]
    set_scheme: Callable[[Preference], None]
    set_text_size: Callable[[str], None]
    close: Callable[[], object]
    recent: Callable[[], list[Path]]


class Actions:
    """Every action by name, all of them on the window so that their shortcuts always hold."""

    def __init__(self, window: QWidget, commands: Commands) -> None:
        self._window = window
        self._commands = commands
        self.new = self._add("New …", "Ctrl+N", commands.start_page)
        self.open = self._add("Open …", "Ctrl+O", commands.open)
        self.save = self._add("Save", "Ctrl+S", commands.save)
        self.save_as = self._add("Save as …", "Ctrl+Shift+S", commands.save_as)
        self.undo = self._add("Undo", "Ctrl+Z", commands.undo)
        self.redo = self._add("Redo", "Ctrl+Shift+Z", commands.redo)
        self.redo.setShortcuts([QKeySequence("Ctrl+Shift+Z"), QKeySequence("Ctrl+Y")])
        self.train = self._add("Train", "Ctrl+R", commands.train)
        self.queue = self._add("Queue", "Ctrl+Shift+R", commands.queue)
        self.queue.setToolTip("Train the project after what is trained or waits already")
        self.elsewhere = self._add("Train elsewhere …", "", commands.elsewhere)
        self.elsewhere.setToolTip("The command or Slurm script that trains this project elsewhere")
        self.export = self._add("Export …", "Ctrl+E", commands.export)
        self.export.setToolTip("Take the model away in a format that works elsewhere")
        self.larger = self._add(
            "Larger text", "Ctrl+Shift+PgUp",
            lambda: commands.set_text_size(text_size().neighbor(1)),
        )  # fmt: skip
        self.smaller = self._add(
            "Smaller text", "Ctrl+Shift+PgDown",
            lambda: commands.set_text_size(text_size().neighbor(-1)),
        )  # fmt: skip
        self.shortcuts = self._add("Keyboard shortcuts", "F1", commands.shortcuts)
        # A field that has the focus takes the question mark as text.
        self.shortcuts.setShortcuts([QKeySequence("F1"), QKeySequence("?")])
        self.open_menu = self._add("Menu", "F10", commands.menu)
        self.quit = self._add("Quit", "Ctrl+Q", commands.close)
        self.menu = self._menu()

    def show_history(self, undo: str, redo: str) -> None:
        """Name what undo and redo would do; an empty label switches the action off."""
        for action, word, label in ((self.undo, "Undo", undo), (self.redo, "Redo", redo)):
            action.setEnabled(bool(label))
            shown = label.replace("&", "&&")  # a menu underlines what follows a single one
            action.setText(f"{word}: {shown}" if label else word)
            keys = action.shortcut().toString()
            action.setToolTip(
                f"{word} “{label}” ({keys})" if label else f"Nothing to {word.lower()}"
            )

    def _add(self, text: str, keys: str, do: Callable[[], object]) -> QAction:
        action = QAction(text, self._window)
        action.setShortcut(keys)
        action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        action.triggered.connect(lambda: do())
        self._window.addAction(action)
        return action

    def _menu(self) -> QMenu:
        menu = QMenu(self._window)
        menu.addActions([self.new, self.open])
        recent = menu.addMenu("Open recent")
        recent.aboutToShow.connect(lambda: self._fill_recent(recent))
        menu.addSeparator()
        menu.addActions([self.save, self.save_as, self.export])
        menu.addSeparator()
        menu.addActions([self.undo, self.redo, self.train, self.queue, self.elsewhere])
        menu.addSeparator()
        self._add_view(menu)
        menu.addAction(self.shortcuts)
        menu.addSeparator()
        menu.addAction(self.quit)
        return menu

    def _fill_recent(self, menu: QMenu) -> None:
        menu.clear()
        for path in self._commands.recent():
            action = menu.addAction(path.stem.replace("&", "&&"))
            action.setToolTip(str(path))
            action.triggered.connect(lambda _=False, path=path: self._commands.open_path(path))
        if menu.isEmpty():
            nothing = menu.addAction("No projects yet")
            nothing.setEnabled(False)

    def _add_view(self, menu: QMenu) -> None:
        view = menu.addMenu("View")
        schemes: tuple[tuple[Preference, str], ...] = (
            ("system", "As the system"),
            ("light", "Light"),
            ("dark", "Dark"),
        )
        self._add_choices(view, schemes, lambda: theme().preference, self._commands.set_scheme)
        texts = view.addMenu("Text size")
        sizes = ((SYSTEM, "As the system"), *((str(each), f"{each} %") for each in PERCENT))
        self._add_choices(texts, sizes, lambda: text_size().choice, self._commands.set_text_size)
        texts.addSeparator()
        texts.addActions([self.larger, self.smaller])

    def _add_choices(
        self,
        menu: QMenu,
        choices: Sequence[tuple[Word, str]],
        chosen: Callable[[], str],
        choose: Callable[[Word], None],
    ) -> None:
        """Words of which one holds; ``chosen`` tells which, each time the menu opens."""
        group = QActionGroup(self._window)
        for word, title in choices:
            action = menu.addAction(title)
            action.setCheckable(True)
            action.setData(word)
            action.triggered.connect(lambda _=False, word=word: choose(word))
            group.addAction(action)

        def mark() -> None:
            for action in group.actions():
                action.setChecked(action.data() == chosen())

        menu.aboutToShow.connect(mark)
        mark()
