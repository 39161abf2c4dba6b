"""What the window says about its work's safety: what was left unsaved, and whose the file is."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Slot

from studio.app.disk_watch import DiskWatch
from studio.app.files import ProjectFiles
from studio.app.lost_list import when, where
from studio.app.message_bar import Choice, MessageBar
from studio.app.recovery import Recovery
from studio.app.recovery_files import Lost
from studio.app.workspace import Workspace


class Safekeeping(QObject):
    """Joins recovery and disk watch with the message bar. ``close`` ends both."""

    def __init__(
        self,
        workspace: Workspace,
        files: ProjectFiles,
        messages: MessageBar,
        show_page: Callable[[str], None],
        recovery: Recovery,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self._files = files
        self._messages = messages
        self._show_page = show_page
        self.recovery = recovery
        self.watch = DiskWatch(workspace, self)
        self._shared = False
        self._news = ""
        recovery.troubled.connect(lambda text: messages.say("warning", text))
        workspace.started.connect(self._opened)
        workspace.saved.connect(self._notice_others)
        self.watch.differs.connect(self._say_differs)
        self.watch.broken.connect(self._say_broken)
        self.watch.gone.connect(self._say_gone)
        self.watch.agrees.connect(self._take_news_back)

    def look(self) -> None:
        """Compare with the disk and with other windows; the window has become active."""
        self.watch.look()
        self._notice_others()

    def close(self, *, keep: bool) -> bool:
        """End in order; ``keep`` leaves unsaved work to the next start. Whether it is kept."""
        self.watch.close()
        return self.recovery.close(keep=keep)

    # What was left unsaved

    def offer(self) -> None:
        """Look for what was left unsaved, and offer it."""
        complaints = " ".join(self.recovery.find())
        if complaints:
            self._messages.say("warning", complaints)
        offers = self.recovery.offers
        if len(offers) == 1:
            self._offer_one(offers[0], complaints)
        elif offers:
            text = f"{len(offers)} projects were left unsaved when Training Studio ended."
            self._news = text if not complaints else ""
            self._messages.say(
                "info", f"{text} {complaints}".strip(), "Show them",
                lambda: self._show_page("start"), other=("Not now", lambda: None),
            )  # fmt: skip

    def list_is_shown(self) -> None:
        """The start page is in front: a message that leads there has done its work."""
        self._take_news_back()

    def _offer_one(self, lost: Lost, complaints: str = "") -> None:
        kept = lost.kept
        text = (
            f"“{kept.title}” was left unsaved when Training Studio ended. "
            f"Last changed {when(kept.when)}, {where(kept)}. {complaints}"
        ).strip()
        self._messages.say(
            "info", text, "Restore", lambda: self.restore(lost),
            other=("Discard", lambda: self.discard(lost)),
        )  # fmt: skip

    @Slot(object)
    def restore(self, lost: Lost) -> None:
        """Go on with ``lost``, once the present project may be left."""
        if not self._files.may_leave():
            return
        self.recovery.restore(lost)
        self._show_page("build")
        text = f"“{lost.kept.title}” is back as it was {when(lost.kept.when)}. It is not saved yet."
        self._messages.say("good", text)
        self.watch.look()

    @Slot(object)
    def discard(self, lost: Lost) -> None:
        """Let ``lost`` go; the message can bring it back."""
        self.recovery.discard(lost)
        text = f"The unsaved work on “{lost.kept.title}” is discarded."
        self._messages.say("info", text, "Put it back", lambda: self.recovery.put_back(lost))

    # Other windows

    @Slot()
    def _opened(self) -> None:
        self._shared = False
        self._notice_others()

    @Slot()
    def _notice_others(self) -> None:
        shared = self.recovery.is_open_elsewhere()
        if shared and not self._shared:
            title = self._workspace.title
            text = f"“{title}” is also open in another window; the one saved last wins."
            self._messages.say("warning", text)
        self._shared = shared

    # Other programs

    @Slot()
    def _say_differs(self) -> None:
        title = self._workspace.title
        if self._workspace.modified:
            text = f"The file of “{title}” was changed on disk, and your version differs too."
            self._say(text, "Load it", self._load, ("Keep mine", self._workspace.keep_mine))
        else:
            self._say(f"The file of “{title}” was changed on disk.", "Load it", self._load)

    @Slot(str)
    def _say_broken(self, why: str) -> None:
        self._say(
            f"The file of “{self._workspace.title}” was changed on disk and is no project now: "
            f"{why}. Your work here is kept; saving it asks before it writes over the file."
        )

    @Slot()
    def _say_gone(self) -> None:
        self._say(
            f"There is no file {self._workspace.path} any more. Your work is kept here.",
            "Save it again",
            self._files.save,
        )

    def _say(
        self,
        text: str,
        action: str = "",
        do: Callable[[], object] | None = None,
        other: Choice | None = None,
    ) -> None:
        self._news = text
        self._messages.say("warning", text, action, do, other=other)

    @Slot()
    def _take_news_back(self) -> None:
        if self._news and self._messages.text == self._news:
            self._messages.clear()

    def _load(self) -> None:
        if self._workspace.load_again():
            self._messages.say("good", "Loaded from disk. Undo brings back what was here before.")
