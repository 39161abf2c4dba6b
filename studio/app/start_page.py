"""The first page: quick start, my images, open; recent projects; the gallery of templates."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from studio.app.lost_list import LostList
from studio.app.recovery import Recovery
from studio.app.template_gallery import TemplateGallery
from studio.app.theme.style import set_role
from studio.app.theme.text_size import px, sized
from studio.app.theme.tokens import S2, S3, S4, S6
from studio.app.tiles import ActionCard, RecentRow
from studio.app.workspace import Workspace


class StartPage(QScrollArea):
    """Asks for nothing itself: what the user wants goes out as a signal."""

    quick_start = Signal()
    my_images = Signal()
    open_other = Signal()
    open_recent = Signal(str)
    template = Signal(str)
    pretrained = Signal(str)
    _WIDEST = 1160

    def __init__(
        self, workspace: Workspace, recovery: Recovery, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._workspace = workspace
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        outer = QWidget()
        self.setWidget(outer)
        center = QHBoxLayout(outer)
        center.setContentsMargins(S6, S6, S6, S6)
        inner = QWidget()
        inner.setMaximumWidth(self._WIDEST)
        center.addWidget(inner)
        layout = QVBoxLayout(inner)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(S3)

        layout.addWidget(_label("Build a network, train it, take it away", "headline"))
        layout.addWidget(
            _label("Start with one of these; everything can be changed afterwards.", "muted")
        )
        layout.addSpacing(S2)
        self.lost = LostList(recovery)
        layout.addWidget(self.lost)
        row = QHBoxLayout()
        row.setSpacing(S3)
        self.quick = ActionCard(
            "quick",
            "Quick start",
            "A VGG, an Inception and a residual block on 1,797 handwritten digits. "
            "Press Train: 97 % in about half a minute.",
        )
        self.quick.clicked.connect(self.quick_start)
        self.images = ActionCard(
            "folder",
            "My images",
            "A folder with one folder of pictures for each class, or train, val and test folders.",
        )
        self.images.clicked.connect(self.my_images)
        self.other = ActionCard(
            "new", "Open a project", "A .studio file from this or another machine (Ctrl+O)."
        )
        self.other.clicked.connect(self.open_other)
        for card in (self.quick, self.images, self.other):
            row.addWidget(card, 1)
        layout.addLayout(row)

        self._recent_title = _label("Recent projects", "title")
        self._recent_rows = QVBoxLayout()
        self._recent_rows.setSpacing(0)
        layout.addSpacing(S4)
        layout.addWidget(self._recent_title)
        layout.addLayout(self._recent_rows)

        layout.addSpacing(S4)
        head = QHBoxLayout()
        head.addWidget(_label("Templates", "title"))
        head.addStretch(1)
        self.search = QLineEdit()
        self.search.setPlaceholderText("Search: resnet, inception, cifar, 2015 …")
        self.search.setAccessibleName("Search templates")
        self.search.setClearButtonEnabled(True)
        sized(self.search, lambda w: w.setFixedWidth(px(300)))
        head.addWidget(self.search)
        layout.addLayout(head)
        self.gallery = TemplateGallery()
        self.gallery.chosen.connect(self.template)
        self.gallery.chosen_pretrained.connect(self.pretrained)
        self._nothing = _label("No template has all of these words.", "muted")
        self._nothing.hide()
        layout.addWidget(self._nothing)
        layout.addWidget(self.gallery)
        layout.addStretch(1)
        self.search.textChanged.connect(
            lambda text: self._nothing.setVisible(self.gallery.filter(text) == 0)
        )

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._list_recent()

    def _list_recent(self) -> None:
        while (item := self._recent_rows.takeAt(0)) is not None:
            if (row := item.widget()) is not None:
                row.deleteLater()
        recent = self._workspace.recent()[:5]
        self._recent_title.setVisible(bool(recent))
        for path in recent:
            row = RecentRow(path)
            row.clicked.connect(lambda _=False, path=path: self.open_recent.emit(str(path)))
            self._recent_rows.addWidget(row)


def _label(text: str, role: str) -> QLabel:
    label = QLabel(text)
    set_role(label, role)
    return label
