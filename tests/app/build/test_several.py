"""The inspector's fields: calculations, several nodes at once, and one undo step an edit."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox
from pytestqt.qtbot import QtBot

from studio.app.build.inspector import Inspector
from studio.app.number_field import NumberField, ScrubLabel
from studio.app.workspace import Workspace
from studio.project.values import Project
from tests.project.networks import chain

NETWORK = chain(
    ("a", "convolution", {"channels": 8, "padding": 1}),
    ("b", "convolution", {"channels": 48, "bias": False}),
    ("c", "convolution", {"channels": 8, "kernel": 5}),
    ("pool", "pooling", {"mode": "average"}),
    ("pool2", "pooling", {}),
    ("flat", "flatten", {}),
    ("head", "linear", {}),
)


@pytest.fixture
def workspace(qapp: QApplication) -> Workspace:
    return Workspace(Project(network=NETWORK))


@pytest.fixture
def inspector(qtbot: QtBot, workspace: Workspace) -> Inspector:
    widget = Inspector(workspace)
    qtbot.addWidget(widget)
    widget.resize(304, 700)
    widget.show()
    qtbot.waitExposed(widget)
    widget.activateWindow()
    return widget


def number(inspector: Inspector, name: str) -> NumberField:
    assert inspector.form is not None
    editor = inspector.form.editor(name)
    assert isinstance(editor, NumberField)
    return editor


def retype(editor: NumberField, text: str) -> None:
    editor.setFocus()
    editor.lineEdit().selectAll()
    if text:
        QTest.keyClicks(editor.lineEdit(), text)
    else:
        QTest.keyClick(editor.lineEdit(), Qt.Key.Key_Backspace)


def of(workspace: Workspace, setting: str, *names: str) -> list[object]:
    nodes = workspace.project.network
    return [nodes.node(name).settings.get(setting) for name in names]


def test_values_that_differ_are_mixed_and_those_alike_are_shown(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "b", "c"))
    assert inspector.form is not None
    channels = number(inspector, "channels")
    assert (channels.text(), channels.lineEdit().placeholderText()) == ("", "mixed")
    assert number(inspector, "stride").text() == "1"
    bias = inspector.form.editor("bias")
    assert isinstance(bias, QCheckBox)
    assert bias.checkState() is Qt.CheckState.PartiallyChecked
    assert bias.text() == "mixed"


def test_a_choice_that_differs_shows_none_of_its_words(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("pool", "pool2"))
    assert inspector.form is not None
    mode = inspector.form.editor("mode")
    assert isinstance(mode, QComboBox)
    assert (mode.currentIndex(), mode.placeholderText()) == (-1, "mixed")
    mode.setCurrentIndex(0)
    mode.activated.emit(0)
    assert of(workspace, "mode", "pool", "pool2") == [None, None]  # both at the default, maximum
    assert workspace.undo_label == "Set takes the of 2 nodes"


def test_kinds_that_differ_show_what_they_share_and_those_without_show_no_form(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "pool"))
    number(inspector, "kernel")
    with pytest.raises(KeyError):
        number(inspector, "channels")
    workspace.select(("a", "flat"))
    assert inspector.form is None
    assert inspector.title.text() == "2 nodes"


def test_typing_sets_all_as_one_undo_step(inspector: Inspector, workspace: Workspace) -> None:
    before = workspace.project
    workspace.select(("a", "b", "c"))
    retype(number(inspector, "channels"), "24")
    assert of(workspace, "channels", "a", "b", "c") == [24, 24, 24]
    assert workspace.undo_label == "Set channels of 3 nodes"
    workspace.undo()
    assert workspace.project == before
    assert workspace.undo_label == ""
    assert number(inspector, "channels").text() == ""


def test_a_flag_that_is_mixed_is_turned_on_for_all_and_then_off(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "b"))
    assert inspector.form is not None
    bias = inspector.form.editor("bias")
    assert isinstance(bias, QCheckBox)
    bias.click()
    assert of(workspace, "bias", "a", "b") == [None, None]
    assert not bias.isTristate()
    bias.click()
    assert of(workspace, "bias", "a", "b") == [False, False]


def test_a_change_is_made_to_each_nodes_own_value(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "b"))
    retype(number(inspector, "channels"), "*2")
    assert of(workspace, "channels", "a", "b") == [16, 96]
    QTest.keyClicks(number(inspector, "channels").lineEdit(), "0")
    # *20 of what was there at first, not of what *2 has made of it
    assert of(workspace, "channels", "a", "b") == [160, 960]
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Return)
    assert number(inspector, "channels").text() == ""
    retype(number(inspector, "channels"), "-=60")
    assert of(workspace, "channels", "a", "b") == [100, 900]
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Escape)
    assert of(workspace, "channels", "a", "b") == [160, 960]
    workspace.undo()
    assert of(workspace, "channels", "a", "b") == [8, 48]


def test_a_change_that_one_node_refuses_is_made_to_none_and_names_it(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "b"))
    before = workspace.project
    retype(number(inspector, "channels"), "/5")
    assert inspector.form is not None
    assert inspector.form.message("channels") == ("In a, channels must be a whole number, not 1.6")
    assert workspace.project == before


def test_a_step_moves_each_node_and_ends_at_its_own_bound(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a", "b"))
    editor = number(inspector, "channels")
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_PageDown)
    assert of(workspace, "channels", "a", "b") == [1, 38]
    QTest.keyClick(editor, Qt.Key.Key_Escape)
    assert of(workspace, "channels", "a", "b") == [8, 48]
    assert workspace.undo_label == ""


def test_going_back_to_a_default_that_the_file_writes_down_leaves_no_step(
    inspector: Inspector, workspace: Workspace
) -> None:
    nodes = tuple(
        replace(n, settings={"channels": 64}) if n.name == "a" else n for n in NETWORK.nodes
    )
    project = Project(network=replace(NETWORK, nodes=nodes))
    workspace.new(project)
    workspace.select(("a", "b"))
    retype(number(inspector, "channels"), "*2")
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Escape)
    assert workspace.project is project
    assert (workspace.undo_label, workspace.modified) == ("", False)


def test_leaving_a_mixed_field_changes_nothing(inspector: Inspector, workspace: Workspace) -> None:
    workspace.select(("a", "b"))
    before = workspace.project
    editor = number(inspector, "channels")
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Return)
    retype(editor, "7")
    retype(editor, "")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert workspace.project == before
    assert workspace.undo_label == ""


def test_a_bad_value_from_a_file_is_told_with_its_node(
    inspector: Inspector, workspace: Workspace
) -> None:
    nodes = tuple(
        replace(n, settings={"channels": -3}) if n.name == "b" else n for n in NETWORK.nodes
    )
    workspace.new(Project(network=replace(NETWORK, nodes=nodes)))
    workspace.select(("a", "b"))
    assert inspector.form is not None
    assert inspector.form.message("channels").startswith("In b, channels")


@pytest.mark.parametrize(
    ("text", "value"), [("64*2", 128), ("(32+16)*2", 96), ("2**5", 32), ("*3", 24), ("+=8", 16)]
)
def test_a_calculation_is_taken_while_it_is_typed_and_shown_as_its_value_after(
    inspector: Inspector, workspace: Workspace, text: str, value: int
) -> None:
    workspace.select(("a",))
    editor = number(inspector, "channels")
    retype(editor, text)
    assert editor.text() == text
    assert of(workspace, "channels", "a") == [value]
    QTest.keyClick(editor, Qt.Key.Key_Return)
    assert editor.text() == str(value)
    workspace.undo()
    assert workspace.undo_label == ""
    assert of(workspace, "channels", "a") == [8]


def test_a_change_after_a_step_starts_from_where_the_step_led(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a",))
    editor = number(inspector, "channels")
    editor.setFocus()
    QTest.keyClick(editor, Qt.Key.Key_Up)
    retype(editor, "*2")
    assert of(workspace, "channels", "a") == [18]


def test_a_calculation_with_a_fraction_is_refused_by_a_whole_number(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a",))
    retype(number(inspector, "channels"), "7/2")
    assert inspector.form is not None
    assert inspector.form.message("channels") == "Channels must be a whole number, not 3.5"
    # 7 was a value on the way, and shown as such; leaving takes the whole edit back.
    assert of(workspace, "channels", "a") == [7]
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Return)
    assert of(workspace, "channels", "a") == [8]
    assert workspace.undo_label == ""


def _wheel(inspector: Inspector) -> None:
    editor = number(inspector, "channels")
    for _ in range(3):
        place = QPointF(editor.mapToGlobal(QPoint(5, 5)))
        none, plain = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
        event = QWheelEvent(QPointF(5, 5), place, QPoint(), QPoint(0, 120), none, plain,
                            Qt.ScrollPhase.NoScrollPhase, False)  # fmt: skip
        QApplication.sendEvent(editor, event)


def _arrows(inspector: Inspector) -> None:
    for _ in range(3):
        QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Up)


def _keys(inspector: Inspector) -> None:
    retype(number(inspector, "channels"), "11")


def _drag(inspector: Inspector) -> None:
    label = next(
        label for label in inspector.findChildren(ScrubLabel) if label.text() == "Channels"
    )
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    for x in (13, 21, 29):
        QTest.mouseMove(label, QPoint(x, 5))
    QTest.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(29, 5))


WAYS = [_wheel, _arrows, _keys, _drag]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__.strip("_"))
@pytest.mark.parametrize("names", [("a",), ("a", "c")], ids=len)
def test_every_way_to_change_a_number_previews_and_is_one_undo_step(
    inspector: Inspector, workspace: Workspace, way: Callable[[Inspector], None],
    names: tuple[str, ...],
) -> None:  # fmt: skip
    before = workspace.project
    seen: list[object] = []
    workspace.select(names)
    editor = number(inspector, "channels")
    editor.setFocus()
    workspace.changed.connect(lambda: seen.append(of(workspace, "channels", "a")[0]))
    way(inspector)
    assert len(seen) > 1
    assert of(workspace, "channels", *names) == [11] * len(names)
    QTest.keyClick(editor, Qt.Key.Key_Return)
    # The next edit of the same field is a step of its own.
    retype(editor, "5")
    workspace.undo()
    assert of(workspace, "channels", *names) == [11] * len(names)
    workspace.undo()
    assert workspace.project == before
    assert workspace.undo_label == ""


@pytest.mark.parametrize("way", [_wheel, _arrows, _keys])
def test_escape_takes_a_change_back_whatever_made_it(
    inspector: Inspector, workspace: Workspace, way: Callable[[Inspector], None]
) -> None:
    before = workspace.project
    workspace.select(("a",))
    number(inspector, "channels").setFocus()
    way(inspector)
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Escape)
    assert workspace.project == before
    assert workspace.undo_label == ""


def test_escape_ends_a_drag_of_the_label(inspector: Inspector, workspace: Workspace) -> None:
    workspace.select(("a",))
    label = next(x for x in inspector.findChildren(ScrubLabel) if x.text() == "Channels")
    QTest.mousePress(label, Qt.MouseButton.LeftButton, pos=QPoint(5, 5))
    QTest.mouseMove(label, QPoint(29, 5))
    assert of(workspace, "channels", "a") == [11]
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Escape)
    QTest.mouseMove(label, QPoint(60, 5))
    QTest.mouseRelease(label, Qt.MouseButton.LeftButton, pos=QPoint(60, 5))
    assert of(workspace, "channels", "a") == [8]


def test_a_change_typed_after_a_step_of_a_typed_number_starts_from_the_step(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a",))
    editor = number(inspector, "channels")
    retype(editor, "9")
    QTest.keyClick(editor, Qt.Key.Key_Up)
    retype(editor, "*2")
    assert of(workspace, "channels", "a") == [20]


def test_a_drag_that_was_let_go_is_not_taken_back(
    inspector: Inspector, workspace: Workspace
) -> None:
    workspace.select(("a",))
    _drag(inspector)
    QTest.keyClick(number(inspector, "channels"), Qt.Key.Key_Escape)
    assert of(workspace, "channels", "a") == [11]
