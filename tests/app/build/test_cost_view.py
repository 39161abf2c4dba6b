"""The table of costs: rows, order, filter, text, and the selection shared with the canvas."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from studio.app.build.cost_model import COLUMNS, SHARE
from studio.app.build.cost_view import CostView
from studio.app.build.page import BuildPage
from studio.app.workspace import Workspace
from studio.commands import describe
from studio.project import edits, templates

DISPLAY = Qt.ItemDataRole.DisplayRole
TIP = Qt.ItemDataRole.ToolTipRole


@pytest.fixture
def workspace(qapp: QApplication) -> Workspace:
    return Workspace(templates.build("cifar_resnet20"))


@pytest.fixture
def view(qtbot: QtBot, workspace: Workspace) -> CostView:
    widget = CostView(workspace)
    qtbot.addWidget(widget)
    widget.resize(1000, 300)
    widget.show()
    qtbot.waitExposed(widget)
    return widget


def column(title: str) -> int:
    return next(number for number, each in enumerate(COLUMNS) if each.title == title)


def cells(view: CostView, title: str, role: Qt.ItemDataRole = DISPLAY) -> list[str]:
    number = column(title)
    return [str(view.model.index(row, number).data(role)) for row in range(view.model.rowCount())]


def selected(view: CostView) -> list[str]:
    return [view.model.rows[i.row()].name for i in view.table.selectionModel().selectedRows()]


def choose(view: CostView, *names: str) -> None:
    flags = QItemSelectionModel.SelectionFlag
    view.table.clearSelection()
    for place, row in enumerate(view.model.rows):
        if row.name in names:
            index = view.model.index(place, 0)
            view.table.selectionModel().setCurrentIndex(index, flags.Select | flags.Rows)


def test_its_rows_are_those_that_describe_prints(view: CostView, workspace: Workspace) -> None:
    described = json.loads(json.dumps(describe.as_json(workspace.analysis)))["layers"]
    assert cells(view, "Name") == [row["name"] for row in described]
    assert cells(view, "Parameters", TIP) == [f"{row['parameters']:,}" for row in described]
    assert cells(view, "Multiply-adds", TIP) == [f"{row['macs']:,}" for row in described]
    total = sum(float(text.removesuffix(" %")) for text in cells(view, "Share of cost", TIP))
    assert total == pytest.approx(100, abs=0.05)


def test_by_block_there_is_a_row_for_each_node_of_the_canvas(
    view: CostView, workspace: Workspace
) -> None:
    layers = view.model.rows
    view.by.setCurrentIndex(view.by.findData("node"))
    view.by.activated.emit(1)
    nodes = [n.name for n in workspace.project.network.nodes if n.kind not in ("input", "output")]
    assert sorted(cells(view, "Name")) == sorted(nodes)
    for row in view.model.rows:
        inside = [layer for layer in layers if layer.node == row.name]
        assert row.parameters == sum(layer.parameters for layer in inside)
        assert row.macs == sum(layer.macs for layer in inside)
        assert row.kept == sum(layer.kept for layer in inside)
        assert row.receptive_field == inside[-1].receptive_field


@pytest.mark.parametrize("title", [each.title for each in COLUMNS])
def test_a_press_on_a_head_orders_and_a_third_one_restores_the_forward_order(
    view: CostView, title: str
) -> None:
    forward = cells(view, "Name")
    head = view.table.horizontalHeader()
    number = column(title)
    keys = []
    for order in (Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder):
        head.setSortIndicator(number, order)
        keys = [COLUMNS[number].key(row) for row in view.model.rows]
        assert keys == sorted(keys, reverse=order is Qt.SortOrder.DescendingOrder)
    head.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
    assert cells(view, "Name") == forward


def test_the_filter_takes_every_word_in_name_kind_or_block(view: CostView) -> None:
    whole = view.model.rowCount()
    view.search.setText("Convolution stage2")
    assert 0 < view.model.rowCount() < whole
    assert all(name.startswith("stage2.") for name in cells(view, "Name"))
    assert set(cells(view, "Kind")) == {"Convolution"}
    assert f"of {whole} layers" in view.sums.text()
    view.search.setText("nothing has this name")
    assert view.model.rowCount() == 0
    view.search.clear()
    assert view.model.rowCount() == whole


def test_a_row_selects_the_node_it_lies_in_and_asks_to_see_it(
    view: CostView, workspace: Workspace, qtbot: QtBot
) -> None:
    row = next(row for row in view.model.rows if row.block == "stage2")
    with qtbot.waitSignal(view.node_wanted) as asked:
        choose(view, row.name)
    assert asked.args == ["stage2"]
    assert workspace.selection == ("stage2",)
    assert selected(view) == [row.name]  # not the whole block, which nobody pointed at


def test_a_node_selects_its_rows_and_brings_them_into_view(
    view: CostView, workspace: Workspace
) -> None:
    workspace.select(("stage3", "fc"))
    names = selected(view)
    assert names == [row.name for row in view.model.rows if row.node in ("stage3", "fc")]
    first = view.table.visualRect(view.model.index(view.model.rows.index(
        next(row for row in view.model.rows if row.node == "stage3")), 0))  # fmt: skip
    assert view.table.viewport().rect().intersects(first)
    workspace.select(())
    assert selected(view) == []


def test_order_and_filter_leave_the_selection_alone(view: CostView, workspace: Workspace) -> None:
    workspace.select(("stage2",))
    rows = set(selected(view))
    view.table.horizontalHeader().setSortIndicator(SHARE, Qt.SortOrder.DescendingOrder)
    assert set(selected(view)) == rows
    view.search.setText("stage3")
    assert selected(view) == []
    assert workspace.selection == ("stage2",)
    view.search.clear()
    assert set(selected(view)) == rows


def test_an_edit_is_followed_in_place(view: CostView, workspace: Workspace) -> None:
    workspace.select(("stage3",))
    before, rows = selected(view), cells(view, "Parameters")
    resets: list[int] = []
    view.model.modelReset.connect(lambda: resets.append(1))
    workspace.edit_network("Set", lambda n: edits.set_setting(n, "stage3", "channels", 80))
    assert cells(view, "Parameters") != rows
    assert selected(view) == before
    assert not resets
    workspace.undo()
    assert cells(view, "Parameters") == rows


def test_folded_it_works_nothing_out(view: CostView, workspace: Workspace) -> None:
    view.hide()
    before = list(view.model.rows)
    workspace.edit_network("Set", lambda n: edits.set_setting(n, "stage3", "channels", 80))
    workspace.select(("stage2",))
    assert view.model.rows == before
    assert "layers" not in vars(workspace.analysis)  # what it would read is not worked out
    view.show()
    assert view.model.rows != before
    assert selected(view)


def test_copying_gives_the_selected_rows_parted_by_tabs(
    view: CostView, workspace: Workspace
) -> None:
    first, second = view.model.rows[0], view.model.rows[3]
    choose(view, first.name, second.name)
    QTest.keyClick(view.table, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    lines = QGuiApplication.clipboard().text().splitlines()
    head = lines[0].split("\t")
    rows = [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]
    assert [row["Name"] for row in rows] == [first.name, second.name]
    assert int(rows[1]["Multiply-adds"]) == second.macs
    view.table.clearSelection()
    view.copy.click()
    assert len(QGuiApplication.clipboard().text().splitlines()) == view.model.rowCount() + 1


def test_a_key_unfolds_it_and_the_page_remembers(qtbot: QtBot, workspace: Workspace) -> None:
    page = BuildPage(workspace)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    qtbot.waitExposed(page)
    assert page.cost.isHidden()
    page.activateWindow()
    page.view.setFocus()
    qtbot.waitUntil(page.view.hasFocus)
    QTest.keyClick(page.view, Qt.Key.Key_F6)
    assert page.cost.isVisible()
    assert 100 < page.cost.height() < 400
    page.hide()
    again = BuildPage(workspace)
    qtbot.addWidget(again)
    assert again.strip.cost_button.isChecked()


def test_a_row_brings_its_node_into_view_on_the_canvas(qtbot: QtBot, workspace: Workspace) -> None:
    page = BuildPage(workspace)
    qtbot.addWidget(page)
    page.resize(1280, 800)
    page.show()
    qtbot.waitExposed(page)
    page.strip.cost_button.setChecked(True)
    QApplication.processEvents()
    page.view.zoom_by(8)
    page.view.reveal("input")
    assert not page.view.shown_area().contains(page.view.canvas.cards["fc"].pos())
    choose(page.cost, "fc")
    QApplication.processEvents()
    card = page.view.canvas.cards["fc"]
    assert page.view.shown_area().contains(card.pos())


def test_a_network_without_a_layer_shows_no_row(qtbot: QtBot, qapp: QApplication) -> None:
    view = CostView(Workspace())
    qtbot.addWidget(view)
    view.show()
    assert view.model.rowCount() == 0
    assert view.sums.text().startswith("0 layers")
