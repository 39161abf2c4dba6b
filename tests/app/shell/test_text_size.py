"""Text size: the system's or the user's, at once, everywhere and from then on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QSettings, Qt
from PySide6.QtGui import QFontInfo, QFontMetricsF
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QApplication,
    QLabel,
    QMenu,
    QScrollArea,
    QWidget,
)
from pytestqt.qtbot import QtBot

from studio.app import application
from studio.app.build.page import BuildPage
from studio.app.canvas.ink import ink
from studio.app.data_page import DataPage
from studio.app.elided import ElidedLabel
from studio.app.plots.axes import LeftAxis
from studio.app.shortcuts import ShortcutSheet
from studio.app.theme.text_size import PERCENT, SYSTEM, sized, system_scale, text_size
from studio.app.theme.tokens import font, theme
from studio.app.window import MainWindow
from studio.project.layout import card_size
from tests.scripted_engine import ScriptedEngine


@pytest.fixture(autouse=True)
def _usual_again() -> Iterator[None]:
    yield
    text_size().choose(SYSTEM)


def submenu(window: MainWindow, *path: str) -> QMenu:
    menu = window.actions_.menu
    for word in path:
        found = next(a for a in menu.actions() if a.text() == word).menu()
        assert isinstance(found, QMenu)
        menu = found
    return menu


def entry(window: MainWindow, *path: str) -> Callable[[], None]:
    menu = submenu(window, *path[:-1])
    return next(a for a in menu.actions() if a.text() == path[-1]).trigger


def text_pixels(widget: QWidget) -> int:
    return QFontInfo(widget.font()).pixelSize()


def read(page: DataPage) -> bool:
    return page.inspection.status == "ready"


def spin_boxes(page: QWidget) -> list[QAbstractSpinBox]:
    return page.findChildren(QAbstractSpinBox)


def test_the_view_menu_sets_the_size_of_every_text_at_once_and_it_sticks(
    window: MainWindow, qapp: QApplication
) -> None:
    window.make_all_pages()
    train = window.page("train")
    number = spin_boxes(train)[0]
    label = next(each for each in train.findChildren(QLabel) if each.property("role") == "muted")
    before = [text_pixels(each) for each in (number.lineEdit(), label, window.top.device)]
    height = number.height()
    entry(window, "View", "Text size", "150 %")()
    after = [text_pixels(each) for each in (number.lineEdit(), label, window.top.device)]
    assert after == [round(1.5 * pixels) for pixels in before]
    assert number.height() > 1.3 * height
    assert QSettings().value("text size") == "150"
    entry(window, "View", "Text size", "As the system")()
    assert [text_pixels(each) for each in (number.lineEdit(), label, window.top.device)] == before
    assert number.height() == height


def test_a_change_of_scheme_keeps_the_size(window: MainWindow) -> None:
    window.make_all_pages()
    number = spin_boxes(window.page("train"))[0]
    window.set_text_size("150")
    large = text_pixels(number.lineEdit())
    theme().set_preference("dark")
    theme().set_preference("light")
    assert text_pixels(number.lineEdit()) == large
    assert text_pixels(window.top.device) == large


def test_the_menu_marks_what_holds(window: MainWindow, qtbot: QtBot) -> None:
    view, sizes = submenu(window, "View"), submenu(window, "View", "Text size")
    window.set_text_size("125")
    sizes.aboutToShow.emit()
    assert [a.text() for a in sizes.actions() if a.isChecked()] == ["125 %"]
    view.aboutToShow.emit()
    assert [a.text() for a in view.actions() if a.isChecked()] == ["As the system"]


def test_keys_make_texts_larger_and_smaller_within_bounds(window: MainWindow) -> None:
    for expected in ("110", "125", "150", "150"):
        window.actions_.larger.trigger()
        assert text_size().choice == expected
    for expected in ("125", "110", "100", "90", "90"):
        window.actions_.smaller.trigger()
        assert text_size().choice == expected


def test_the_next_start_has_the_size_of_the_last(
    qapp: QApplication, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "QApplication", lambda _: qapp)
    monkeypatch.setattr("studio.app.theme.style.apply", lambda _: None)  # it is dressed already
    application.create(["studio"])
    QSettings().setValue("text size", "125")
    assert text_size().scale == 1.0
    application.create(["studio"])
    assert text_size().scale == 1.25


@pytest.mark.parametrize("odd", ["", "large", "1000", "-5", "1e2"])
def test_a_setting_that_is_no_size_follows_the_system(odd: str) -> None:
    text_size().choose(odd)
    assert text_size().choice == SYSTEM


@pytest.mark.parametrize(
    ("pixels", "scale"), [(12, 1.0), (13, 1.0), (15, 1.0), (18, 1.2), (30, 1.5), (9, 0.75)]
)
def test_the_system_s_size_is_the_usual_one_until_somebody_sets_another(
    pixels: int, scale: float
) -> None:
    assert system_scale(pixels) == scale


def test_axes_are_written_in_the_size(window: MainWindow) -> None:
    window.make_all_pages()
    axis = LeftAxis(str)
    axis.dress()
    narrow = axis.width()
    window.set_text_size("150")
    axis.dress()
    assert axis.width() == pytest.approx(1.5 * narrow, abs=1)
    assert axis.style["tickFont"].pixelSize() == font(11).pixelSize() == 16


def test_texts_on_cards_grow_as_far_as_their_lines_have_room(window: MainWindow) -> None:
    before = {n.name: card_size(n) for n in window.workspace.project.network.nodes}
    usual = ink().name_font.pixelSize()
    window.set_text_size("150")
    assert usual < ink().name_font.pixelSize()
    assert QFontMetricsF(ink().name_font).height() <= 18.5  # the second line begins there
    assert QFontMetricsF(ink().small_font).height() <= 18  # a chip
    assert {n.name: card_size(n) for n in window.workspace.project.network.nodes} == before


def test_what_follows_the_size_goes_with_its_widget(qtbot: QtBot) -> None:
    calls: list[QWidget] = []
    widget = QWidget()
    sized(widget, calls.append)
    text_size().choose("150")
    assert len(calls) > 1
    assert set(calls) == {widget}
    calls.clear()
    widget.deleteLater()
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    text_size().choose("90")
    assert calls == []


@pytest.mark.parametrize("percent", PERCENT)
def test_nothing_sticks_out_of_its_page(
    window: MainWindow, engine: ScriptedEngine, percent: int, qtbot: QtBot
) -> None:
    window.make_all_pages()
    window.take_engine(engine)
    window.set_text_size(str(percent))
    for key in ("start", "data", "train", "build"):
        window.show_page(key)
        page = window.page(key)
        if key == "data":
            assert isinstance(page, DataPage)
            qtbot.waitUntil(partial(read, page))
        QApplication.processEvents()
        for button in page.findChildren(QAbstractButton):
            if not button.isVisible() or not button.text():
                continue
            left = button.mapTo(page, QPoint(0, 0)).x()
            assert left >= 0, (key, button.text())
            assert left + button.width() <= page.width(), (key, button.text())
    assert window.minimumSizeHint().width() <= 1280


def test_rows_are_as_high_as_their_texts(window: MainWindow, qtbot: QtBot) -> None:
    window.make_all_pages()
    window.set_text_size("150")
    page = window.page("build")
    assert isinstance(page, BuildPage)
    window.workspace.select(("features",))

    def cut() -> list[QWidget]:
        shown = [w for w in page.inspector.findChildren(QWidget) if w.isVisible()]
        texts = [w for w in shown if isinstance(w, QLabel | QAbstractSpinBox)]
        return [w for w in texts if w.height() < w.fontMetrics().ascent()]

    qtbot.waitUntil(lambda: not cut())


def test_the_sheet_of_shortcuts_fits_the_screen(window: MainWindow, qtbot: QtBot) -> None:
    window.set_text_size("110")
    window.show_shortcuts()
    sheet = window.findChild(ShortcutSheet)
    assert sheet is not None
    qtbot.waitExposed(sheet)
    room = sheet.screen().availableGeometry()
    assert sheet.width() <= room.width()
    assert sheet.height() <= room.height()
    scroll = sheet.findChild(QScrollArea)
    assert scroll is not None
    assert scroll.horizontalScrollBar().maximum() == 0
    sheet.close()


def test_a_long_text_is_cut_with_an_ellipsis_and_kept_whole(qtbot: QtBot) -> None:
    label = ElidedLabel("a long name of a project, longer than its place")
    qtbot.addWidget(label)
    label.resize(80, 20)
    label.show()
    cut = label.grab().toImage()
    assert label.text() == "a long name of a project, longer than its place"
    plain = QLabel(label.fontMetrics().elidedText(label.text(), Qt.TextElideMode.ElideRight, 80))
    qtbot.addWidget(plain)
    plain.resize(80, 20)
    plain.show()
    assert cut == plain.grab().toImage()
