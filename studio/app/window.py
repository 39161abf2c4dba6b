"""The one window: top bar, rail, message bar and pages, and the order in which it closes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSettings, Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QGuiApplication
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from studio.app.actions import Actions, Commands
from studio.app.background import Background
from studio.app.build.page import SHORTCUTS as BUILD_SHORTCUTS
from studio.app.build.page import BuildPage
from studio.app.canvas import texts
from studio.app.device_chip import device_menu, pick
from studio.app.files import ProjectFiles
from studio.app.inspection import Inspection
from studio.app.message_bar import MessageBar
from studio.app.queue_desk import QueueDesk
from studio.app.rail import Rail
from studio.app.recovery import Recovery
from studio.app.run_reports import RunReports, Ways
from studio.app.safekeeping import Safekeeping
from studio.app.theme.icons import app_icon
from studio.app.theme.style import hairline
from studio.app.theme.text_size import text_size
from studio.app.theme.tokens import Preference, theme
from studio.app.topbar import TopBar
from studio.app.train.controller import TrainingController
from studio.app.train.curve_editor import SHORTCUTS as CURVE_SHORTCUTS
from studio.app.workspace import Workspace
from studio.project import codec
from studio.project.problems import Fix, InsertBefore
from studio.project.recipes import recipe_problems
from studio.runs.api import Engine

if TYPE_CHECKING:
    from studio.app.export_dialog import ExportDialog  # brings numpy, as the pages made later do


class MainWindow(QMainWindow):
    """Everything the user sees. ``ready`` is sent once all pages are made, after the first show.

    Pages but the build page are made after the window is on the screen, so that it is there
    within half a second.
    """

    ready = Signal()
    closed = Signal()

    def __init__(
        self,
        workspace: Workspace,
        controller: TrainingController,
        background: Background,
        parent: QWidget | None = None,
        recovery: Recovery | None = None,
        queue_folder: Path | None = None,
    ) -> None:
        super().__init__(parent)
        self.workspace = workspace
        self.controller = controller
        self._background = background
        self.inspection = Inspection(workspace, controller, background, self)
        self._unasked = False
        self._kept = False
        self._closing = False
        self._chosen = False
        self.setWindowIcon(app_icon())
        self.setMinimumSize(960, 600)
        self.setAcceptDrops(True)
        self.files = ProjectFiles(workspace, self, self.show_page)
        self.pages = QStackedWidget(self)
        self.messages = MessageBar(self.pages, self)
        self.queue = QueueDesk(workspace, controller, self.messages, self, queue_folder)
        self.actions_ = Actions(self, self._commands())
        self.top = TopBar(
            workspace,
            controller,
            self.queue.runner,
            self.actions_.undo,
            self.actions_.redo,
            self.actions_.export,
            self.actions_.menu,
            self,
        )
        self.rail = Rail(self)
        recovery = recovery or Recovery(workspace, parent=self)
        self._made: dict[str, QWidget] = {}
        self._makers: dict[str, Callable[[], QWidget]] = {
            "build": lambda: BuildPage(workspace),
            "data": self._make_data_page,
            "train": self._make_train_page,
            "runs": self._make_runs_page,
            "start": self._make_start_page,
        }
        self._arrange()
        self._connect()
        # After the others: what it says of a project that was opened is the last word.
        self.safekeeping = Safekeeping(
            workspace, self.files, self.messages, self.show_page, recovery, self
        )
        self.reports = RunReports(workspace, controller, self.messages, self._ways(), self)
        self._restore()
        self._show_title()
        self._show_history()
        self.show_page("build")

    # Pages

    def page(self, key: str) -> QWidget:
        """The page ``key`` (start, build, data, train, runs), made when it is first asked for."""
        if key not in self._made:
            page = self._makers[key]()
            self._made[key] = page
            self.pages.addWidget(page)
        return self._made[key]

    def show_page(self, key: str) -> None:
        """Bring a page to the front."""
        self.pages.setCurrentWidget(self.page(key))
        self.rail.set_current(key)
        self.top.set_begun(key != "start" or self._begun())
        self.messages.turn()
        if key == "start":
            self.safekeeping.list_is_shown()
        # The keyboard starts on the page, not on the first button of the top bar.
        self.page(key).setFocus(Qt.FocusReason.OtherFocusReason)

    def _begun(self) -> bool:
        """Whether the project is one that the user has chosen or worked on."""
        workspace = self.workspace
        return bool(workspace.path or workspace.undo_label or workspace.redo_label) or (
            self._chosen or self.controller.run is not None
        )

    def make_all_pages(self) -> None:
        """Make the pages that are not there yet, the plots last; then ``ready`` is sent."""
        for key in ("data", "train"):
            self.page(key)
        if self.workspace.shelf.complaint:
            self.messages.say("warning", self.workspace.shelf.complaint)
        self.safekeeping.offer()
        self.queue.offer()
        self.ready.emit()

    def _make_data_page(self) -> QWidget:
        from studio.app.data_page import DataPage

        return DataPage(self.workspace, self.controller, self.inspection)

    def _make_train_page(self) -> QWidget:
        from studio.app.train.page import TrainPage

        page = TrainPage(self.workspace, self.controller, background=self._background)
        page.export_requested.connect(self.export)
        page.recipe.elsewhere.clicked.connect(self.train_elsewhere)
        page.node_wanted.connect(self._show_node)
        page.load_plots()
        return page

    def _make_runs_page(self) -> QWidget:
        from studio.app.runs.doing import RunDoing
        from studio.app.runs.page import RunsPage
        from studio.app.runs.queue_section import QueueSection

        page = RunsPage(self.controller, self._background)
        page.add_on_top(QueueSection(self.queue.runner, self.controller, page))
        self._run_doing = RunDoing(
            page, self.workspace, self.controller, self.files, self.messages, self
        )
        return page

    def open_run(self, folder: Path) -> None:
        """Show what there is to know of the run in ``folder``."""
        from studio.app.runs.page import RunsPage

        self.show_page("runs")
        page = self.page("runs")
        assert isinstance(page, RunsPage)
        page.open(folder)

    def _make_start_page(self) -> QWidget:
        from studio.app.start_page import StartPage

        page = StartPage(self.workspace, self.safekeeping.recovery)
        page.lost.restored.connect(self.safekeeping.restore)
        page.lost.discarded.connect(self.safekeeping.discard)
        page.quick_start.connect(lambda: self.files.new_from_template("quickstart"))
        page.template.connect(self.files.new_from_template)
        page.pretrained.connect(lambda name: self.files.new_from_template(name, pretrained=True))
        page.my_images.connect(self.files.choose_images)
        page.open_other.connect(self.files.choose_and_open)
        page.open_recent.connect(lambda path: self.files.open(Path(path)))
        return page

    # The engine

    def take_engine(self, engine: Engine) -> None:
        """The engine is loaded."""
        asked_too_early = self.messages.text in self.controller.obstacles(self.workspace.project)
        self.controller.set_engine(engine)
        if asked_too_early:
            self.messages.clear()
        self._show_memory()

    def engine_failed(self, message: str) -> None:
        """The engine cannot be loaded; everything but training and reading data still works."""
        self.controller.engine_failed(message)

    # Training and export

    def train(self) -> None:
        """What Ctrl+R does: train, or pause or resume the run under way."""
        state = self.controller.state
        if state == "running":
            self.controller.pause()
        elif state == "paused":
            self.controller.resume()
        elif not self.controller.busy:
            self.messages.clear()
            if self.inspection.status == "failed":
                self.inspection.retry()  # the folder may be there again
            if self.controller.start(self.workspace.project, self.workspace.title):
                self.show_page("train")

    def export(self) -> None:
        """Show the export dialog beside the window."""
        self._export_dialog().show()

    def export_run(self, folder: Path) -> None:
        """The same for the run in ``folder``."""
        dialog = self._export_dialog()
        dialog.choose_run(folder)
        dialog.show()

    def _export_dialog(self) -> ExportDialog:
        from studio.app.export_dialog import ExportDialog

        dialog = ExportDialog(self.workspace, self.controller, self._background, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        return dialog

    def train_elsewhere(self) -> None:
        """Show the command that trains the project on other machines, beside the window."""
        from studio.app.launch_dialog import LaunchDialog

        dialog = LaunchDialog(self.workspace, self.controller, self.files.save, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def show_shortcuts(self) -> None:
        """Show the sheet of shortcuts beside the window."""
        from studio.app.shortcuts import SECTIONS, ShortcutSheet

        everywhere, fields = SECTIONS
        ShortcutSheet((everywhere, BUILD_SHORTCUTS, fields, CURVE_SHORTCUTS), self).show()

    def set_scheme(self, preference: Preference) -> None:
        """Follow the system or hold one scheme, now and at the next start."""
        QSettings().setValue("scheme", preference)
        theme().set_preference(preference)

    def set_text_size(self, choice: str) -> None:
        """Follow the system's text size or hold a number of percent, now and from now on."""
        QSettings().setValue("text size", choice)
        text_size().choose(choice)

    # Closing

    def close_unasked(self) -> bool:
        """Close in order without a question (Ctrl-C in the terminal, the session's end).

        Whether there is unsaved work; it is kept, and offered at the next start.
        """
        self._unasked = True
        self.close()
        return self._kept

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._closing:
            event.accept()
            return
        if not self._unasked and not (self.files.may_leave() and self._may_stop_run()):
            event.ignore()
            return
        self._closing = True
        QSettings().setValue("window/geometry", self.saveGeometry())
        self.hide()
        self._kept = self.safekeeping.close(keep=self._unasked)
        self.queue.runner.close()
        self.controller.shutdown()
        self.queue.close()
        self._background.shutdown()
        event.accept()
        self.closed.emit()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.ActivationChange and self.isActiveWindow():
            self.safekeeping.look()
            self.queue.look()

    def _may_stop_run(self) -> bool:
        if not self.controller.busy:
            return True
        question = QMessageBox(self)
        question.setIcon(QMessageBox.Icon.Question)
        question.setWindowTitle("A run is under way")
        question.setText("Stop the training and close?")
        kept = "The step under way is finished and a checkpoint is kept."
        question.setInformativeText(f"{kept} {self.queue.at_close()}".strip())
        stop = question.addButton("Stop and close", QMessageBox.ButtonRole.AcceptRole)
        keep = question.addButton("Keep training", QMessageBox.ButtonRole.RejectRole)
        question.setDefaultButton(keep)

        def settle(_: str) -> None:
            if not self.controller.busy:
                question.accept()  # the run has ended meanwhile: there is nothing to ask

        self.controller.state_changed.connect(settle)
        question.exec()
        self.controller.state_changed.disconnect(settle)
        return question.clickedButton() is stop or not self.controller.busy

    # Putting it together

    def _commands(self) -> Commands:
        workspace, files = self.workspace, self.files
        return Commands(
            start_page=lambda: self.show_page("start"),
            open=files.choose_and_open,
            open_path=files.open,
            save=files.save,
            save_as=files.save_as,
            undo=workspace.undo,
            redo=workspace.redo,
            train=self.train,
            queue=lambda: self.queue.add(self.reports.say_refused),
            elsewhere=self.train_elsewhere,
            export=self.export,
            shortcuts=self.show_shortcuts,
            menu=lambda: self.top.menu.showMenu(),
            set_scheme=self.set_scheme,
            set_text_size=self.set_text_size,
            close=self.close,
            recent=workspace.recent,
        )

    def _ways(self) -> Ways:
        return Ways(
            quiet=lambda: self._closing or self._watching(),
            queued=lambda: bool(self.queue.runner.current),
            stage=self.top.run.say,
            show_run=lambda: self.show_page("train"),
            show_node=self._show_node,
            mend=self._mend,
            export=self.export,
        )

    def _arrange(self) -> None:
        self.rail.add_page("build", "Build", "build", "Put the network together")
        self.rail.add_page("data", "Data", "data", "Choose and look at the images")
        self.rail.add_page("train", "Train", "train", "Set the recipe, train and watch")
        self.rail.add_page("runs", "Runs", "runs", "See all runs, go on with one, branch from it")
        body = QHBoxLayout()
        body.setSpacing(0)
        body.addWidget(self.rail)
        body.addWidget(hairline(vertical=True))
        body.addWidget(self.pages, 1)
        central = QWidget(self)
        whole = QVBoxLayout(central)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(self.top)
        whole.addWidget(hairline())
        whole.addLayout(body, 1)
        self.setCentralWidget(central)

    def _connect(self) -> None:
        workspace, controller = self.workspace, self.controller
        self.rail.chosen.connect(self.show_page)
        self.top.home.clicked.connect(lambda: self.show_page("start"))
        self.top.run.train_asked.connect(self.train)
        self.top.queue.add_asked.connect(self.actions_.queue.trigger)
        self.queue.show_asked.connect(self.top.queue.open)
        self.top.device.explain.connect(self._explain_device)
        workspace.started.connect(self.messages.clear)
        workspace.started.connect(self._note_choice)
        workspace.started.connect(lambda: controller.branch_from(None))
        workspace.saved.connect(self.messages.clear)
        workspace.changed.connect(self.messages.refresh)
        workspace.changed.connect(self._show_history)
        workspace.changed.connect(self._show_title)
        workspace.changed.connect(self._show_memory)
        workspace.saved_state_changed.connect(self._show_title)
        workspace.refused.connect(self._refused)
        workspace.failed.connect(self._failed)
        workspace.changed.connect(self._find)
        self.inspection.changed.connect(self._find)
        self.inspection.changed.connect(self._show_data)
        workspace.shelf.refused.connect(self._refused)
        workspace.shelf.failed.connect(self._failed)
        workspace.shelf.removed.connect(self._block_removed)

    def _restore(self) -> None:
        geometry = QSettings().value("window/geometry")
        if geometry is not None and self.restoreGeometry(geometry):
            return
        available = QGuiApplication.primaryScreen().availableGeometry()
        self.resize(
            min(1440, round(available.width() * 0.94)), min(900, round(available.height() * 0.92))
        )

    def _show_title(self) -> None:
        mark = "[*]" if self.workspace.path or self.workspace.modified else ""
        self.setWindowTitle(f"{self.workspace.title}{mark} - Training Studio")
        self.setWindowModified(self.workspace.modified and bool(mark))

    def _show_memory(self) -> None:
        """Tell the build page how much memory the recipe's device has, once that is known."""
        machine, wanted = self.controller.machine, self.workspace.project.recipe.device
        device = pick(machine, wanted) if machine is not None else None
        page = self.page("build")
        assert isinstance(page, BuildPage)
        page.set_device(device)

    def _note_choice(self) -> None:
        self._chosen = True

    def _show_history(self) -> None:
        self.actions_.show_history(self.workspace.undo_label, self.workspace.redo_label)

    def _refused(self, text: str) -> None:
        project, level = self.workspace.project, self.workspace.level
        action, do = "", self.messages.clear
        page = self._made.get("build")
        if not level.editable and isinstance(page, BuildPage):
            # Every edit is refused inside a built-in block, and this is what lets it be made.
            action, do = "Make it my own block", page.path.adopt
        self.messages.say(
            "warning",
            self._sentence(text),
            action,
            do,
            holds=lambda: self.workspace.project is project and self.workspace.level is level,
        )

    def _failed(self, text: str) -> None:
        self.messages.say("error", self._sentence(text))

    def _block_removed(self, title: str) -> None:
        text = f"“{title}” is no longer among your blocks. Networks that use it keep theirs."
        self.messages.say("info", text, "Put it back", self.workspace.shelf.put_back)

    def _sentence(self, text: str) -> str:
        return texts.sentence(text, self.workspace.analysis.nodes)

    def _explain_device(self) -> None:
        if self.controller.state == "unavailable":
            why = self.controller.obstacles(self.workspace.project)
            self.messages.say("error", why[0])
        elif self.controller.machine is not None:
            chip = self.top.device
            menu = device_menu(self.controller.machine, self.workspace, self)
            menu.popup(chip.mapToGlobal(chip.rect().bottomLeft()))

    def _find(self) -> None:
        """Bring what is wrong beyond the network to where it is shown and asked for."""
        self.controller.findings = self.inspection.problems
        page = self.page("build")
        assert isinstance(page, BuildPage)
        # The nodes of these are "recipe" and "data", which are none of the canvas.
        recipe = (replace(each, node="") for each in recipe_problems(self.workspace.project))
        checking = self.inspection.status == "reading"
        page.set_findings((*recipe, *self.controller.findings), checking)

    def _show_data(self) -> None:
        """Give the build page an image of the data to draw on, and the number to train with."""
        page, report = self.page("build"), self.inspection.report
        assert isinstance(page, BuildPage)
        if report is None or not len(report.samples):
            page.set_data(None, None)
            return
        from studio.app.data_pictures import picture

        page.set_data(picture(report.samples[0]), sum(report.counts["train"]))

    def _mend(self, fix: Fix) -> None:
        page = self.page("build")
        assert isinstance(page, BuildPage)
        if self.workspace.level.path:
            self.workspace.open_level(())
        page.view.editor.apply_fix(fix)
        if isinstance(fix.mend, InsertBefore):
            self._show_node(fix.mend.node)  # the drawing has changed: let it be seen

    def _watching(self) -> bool:
        """Whether the train page is in front: it says itself what a run says."""
        return self.pages.currentWidget() is self._made.get("train")

    def _show_node(self, name: str) -> None:
        self.show_page("build")
        if self.workspace.level.path:
            self.workspace.open_level(())
        self.workspace.select((name,))

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped_project(event) is not None or _dropped_run(event) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped_project(event)
        if path is not None:
            # The drag is not over until this returns; a question would hold up its source.
            QTimer.singleShot(0, self, lambda: self.files.open(path))
        elif (folder := _dropped_run(event)) is not None:
            self.open_run(folder)


def _dropped_project(event: QDropEvent) -> Path | None:
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile())
        if url.isLocalFile() and path.suffix == codec.SUFFIX and path.is_file():
            return path
    return None


def _dropped_run(event: QDropEvent) -> Path | None:
    for url in event.mimeData().urls():
        path = Path(url.toLocalFile())
        if url.isLocalFile() and (path / "run.json").is_file():
            return path
    return None
