"""New, open and save, with the questions that protect unsaved work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import msgspec
from PySide6.QtCore import QSettings, QStandardPaths
from PySide6.QtGui import QIcon, QImageReader
from PySide6.QtWidgets import QFileDialog, QMessageBox, QWidget

from studio.app.workspace import Workspace
from studio.project import codec, templates
from studio.project.edits import EditRefused
from studio.project.pretrained import start_from

_PROJECTS = f"Training Studio projects (*{codec.SUFFIX});;All files (*)"
_PICTURES = {".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
_SPLITS = ("train", "training")


class ProjectFiles:
    """What the File menu and the start page do. ``opened`` is called after each new project."""

    def __init__(
        self, workspace: Workspace, window: QWidget, opened: Callable[[str], None]
    ) -> None:
        self._workspace = workspace
        self._window = window
        self._opened = opened

    def new_from_template(self, name: str, *, pretrained: bool = False) -> None:
        """Start over with a template's network, from torchvision's weights by choice."""
        if not self.may_leave():
            return
        try:
            project = templates.build(name)
            if pretrained:
                project = start_from(project, "DEFAULT")
        except EditRefused as refusal:
            self._workspace.refused.emit(str(refusal))
            return
        self._workspace.new(project, name)
        self._opened("build")

    def new_from_images(self, folder: Path) -> None:
        """Start over with the quick-start network on the user's own images."""
        if not self.may_leave():
            return
        side, classes = peek(folder)
        project = templates.build("quickstart", (3, side, side), max(2, classes))
        data = msgspec.structs.replace(project.data, source=str(folder))
        self._workspace.new(
            msgspec.structs.replace(project, data=data), folder.name, worth_saving=True
        )
        self._opened("data")

    def choose_images(self) -> None:
        """Ask for a folder of images, then ``new_from_images``."""
        start = str(QSettings().value("folder/images", str(Path.home())))
        folder = QFileDialog.getExistingDirectory(
            self._window, "A folder with one folder of images for each class", start
        )
        if folder:
            QSettings().setValue("folder/images", folder)
            self.new_from_images(Path(folder))

    def choose_and_open(self) -> None:
        """Ask for a project file and open it."""
        path, _ = QFileDialog.getOpenFileName(
            self._window, "Open a project", str(self._folder()), _PROJECTS
        )
        if path:
            self.open(Path(path))

    def open(self, path: Path) -> bool:
        """Open ``path``; whether it is open now."""
        if not self.may_leave() or not self._workspace.open(path):
            return False
        self._remember(path)
        self._opened("build")
        return True

    def save(self) -> bool:
        """Save where the project came from, or ask; whether it is saved."""
        if self._workspace.path is None:
            return self.save_as()
        if self._workspace.file_now()[0] == "other":
            return self._save_over()
        return self._workspace.save()

    def _save_over(self) -> bool:
        """Ask what to do with the version that somebody else wrote; whether this one is saved."""
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle("The file has changed")
        question.setText(f"{self._workspace.title} was changed on disk since it was opened here.")
        question.setInformativeText("Saving over it replaces what another window or program wrote.")
        over = question.addButton("Save over it", QMessageBox.ButtonRole.DestructiveRole)
        other = question.addButton("Save as …", QMessageBox.ButtonRole.AcceptRole)
        cancel = question.addButton("Cancel", QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(cancel)
        question.exec()
        answer = question.clickedButton()
        if answer is other:
            return self.save_as()
        return answer is over and self._workspace.save()

    def save_as(self) -> bool:
        """Ask for a file and save to it; whether it is saved."""
        wish = self._folder() / f"{_file_name(self._workspace.title)}{codec.SUFFIX}"
        path, _ = QFileDialog.getSaveFileName(
            self._window, "Save the project", str(wish), _PROJECTS
        )
        if not path:
            return False
        target = Path(path)
        if target.suffix != codec.SUFFIX:
            # The dialog has asked about the name without the suffix.
            target = target.with_name(target.name + codec.SUFFIX)
            if target.exists() and not self._may_replace(target):
                return False
        self._remember(target)
        return self._workspace.save(target)

    def _may_replace(self, target: Path) -> bool:
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle("Save the project")
        question.setText(f"{target.name} exists already. Replace it?")
        replace = question.addButton("Replace it", QMessageBox.ButtonRole.DestructiveRole)
        question.setDefaultButton(question.addButton("Cancel", QMessageBox.ButtonRole.RejectRole))
        question.exec()
        return question.clickedButton() is replace

    def may_leave(self) -> bool:
        """Whether the present project may be left: it is saved, or the user lets it go."""
        if not self._workspace.modified:
            return True
        question = QMessageBox(self._window)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle("Unsaved changes")
        question.setText(f"Save the changes to {self._workspace.title}?")
        question.setInformativeText("They are lost otherwise.")
        buttons = QMessageBox.StandardButton
        question.setStandardButtons(buttons.Save | buttons.Discard | buttons.Cancel)
        question.setDefaultButton(buttons.Save)
        for button in question.buttons():
            button.setIcon(QIcon())  # Qt's own pictures are of another set than the window's.
        answer = question.exec()
        if answer == buttons.Save:
            return self.save()
        return answer == buttons.Discard

    def _folder(self) -> Path:
        documents = QStandardPaths.StandardLocation.DocumentsLocation
        usual = QStandardPaths.writableLocation(documents) or str(Path.home())
        return Path(str(QSettings().value("folder/projects", usual)))

    def _remember(self, path: Path) -> None:
        QSettings().setValue("folder/projects", str(path.parent))


def _file_name(title: str) -> str:
    return re.sub(r"[^\w.-]+", "-", title).strip("-.") or "untitled"


def peek(folder: Path) -> tuple[int, int]:
    """A side for the network's input, in pixels, and how many class folders there are.

    Looks at one image's header and at the folders' names only; the engine reads the rest.
    """
    try:
        root = next((folder / name for name in _SPLITS if (folder / name).is_dir()), folder)
        classes = [child for child in sorted(root.iterdir()) if child.is_dir()]
        for child in classes[:5]:
            for file in sorted(child.iterdir())[:20]:
                if file.suffix.lower() in _PICTURES:
                    size = QImageReader(str(file)).size()
                    if size.isValid():
                        return (32 if max(size.width(), size.height()) <= 48 else 64), len(classes)
    except OSError:
        # The data page says what is wrong with the folder.
        return 32, 10
    return 32, len(classes)
