"""Random edits: what is drawn step by step equals what is drawn afresh from the value."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from studio.app.canvas import catalog
from studio.app.canvas.scene import CanvasScene
from studio.app.canvas.view import CanvasView
from studio.app.workspace import Workspace
from studio.project import codec, edits, registry, reorder, templates
from studio.project.analysis import analyze
from studio.project.colors import COLORS
from studio.project.settings import Flag, Integer
from studio.project.tags import TAGS
from studio.project.values import Comment


class Clumsy:
    """Does one random thing after another to a workspace, allowed or not."""

    def __init__(self, view: CanvasView, chance: random.Random) -> None:
        self.view = view
        self.workspace = view.workspace
        self.editor = view.editor
        self.chance = chance

    def act(self) -> None:
        getattr(self, self.chance.choice(self.ACTIONS))()

    ACTIONS = (
        "add", "add", "insert", "connect", "disconnect", "remove", "rename", "move", "preview",
        "setting", "duplicate", "undo", "redo", "tidy", "fix", "select", "cut_all",
        "group", "group", "ungroup", "comment", "comment", "tag", "align", "repeat",
        "flow", "open", "open", "go_out", "earlier", "swap",
    )  # fmt: skip

    def names(self) -> list[str]:
        return [node.name for node in self.editor.network.nodes]

    def some(self) -> str:
        return self.chance.choice([*self.names(), "nobody"])

    def place(self) -> tuple[float, float]:
        return self.chance.randint(-800, 800), self.chance.randint(-200, 1800)

    def add(self) -> None:
        self.editor.add(self.chance.choice(catalog.entries()), *self.place())

    def insert(self) -> None:
        if self.editor.network.edges:
            edge = self.chance.choice(self.editor.network.edges)
            self.editor.insert(self.chance.choice(catalog.entries()), edge, *self.place())

    def connect(self) -> None:
        self.editor.connect(self.some(), self.some())

    def disconnect(self) -> None:
        if self.editor.network.edges:
            self.editor.disconnect(self.chance.choice(self.editor.network.edges))

    def cut_all(self) -> None:
        wires = list(self.editor.network.edges)
        self.editor.disconnect_all(self.chance.sample(wires, min(3, len(wires))))

    def remove(self) -> None:
        self.editor.remove({self.some() for _ in range(self.chance.randint(1, 3))})

    def rename(self) -> None:
        self.editor.rename(self.some(), f"n{self.chance.randint(0, 20)}")

    def move(self) -> None:
        self.editor.move({self.some(): self.place()})

    def preview(self) -> None:
        names = self.names()
        if names:
            self.view.canvas.preview_positions({self.chance.choice(names): self.place()})
            self.view.canvas.end_preview()

    def setting(self) -> None:
        nodes = [n for n in self.editor.network.nodes if registry.lookup(n.kind) is not None]
        if not nodes:
            return
        node = self.chance.choice(nodes)
        kind = registry.lookup(node.kind)
        assert kind is not None
        for setting in kind.settings:
            if isinstance(setting, Integer):
                value: object = self.chance.randint(setting.minimum, setting.minimum + 4)
            elif isinstance(setting, Flag):
                value = self.chance.random() < 0.5
            else:
                continue
            if self.chance.random() < 0.4:
                name = setting.name
                self.workspace.edit_network(
                    "Set", lambda net, v=value, n=name: edits.set_setting(net, node.name, n, v)
                )

    def duplicate(self) -> None:
        names = self.names()
        if names and len(names) < 25:
            self.editor.duplicate(tuple(self.chance.sample(names, min(3, len(names)))))

    def undo(self) -> None:
        self.workspace.undo()

    def redo(self) -> None:
        self.workspace.redo()

    def open(self) -> None:
        self.workspace.open_level((*self.workspace.level.path, self.some()))

    def go_out(self) -> None:
        self.workspace.open_level(self.workspace.level.path[:-1])

    def earlier(self) -> None:
        name, edit = self.some(), self.chance.choice([reorder.earlier, reorder.later])
        self.workspace.edit_network("Move", lambda network: edit(network, name))

    def swap(self) -> None:
        if self.editor.network.edges:
            edge, by = self.chance.choice(self.editor.network.edges), self.chance.choice([-1, 1])
            self.workspace.edit_network(
                "Order", lambda network: reorder.swap_inputs(network, edge, by)[0]
            )

    def flow(self) -> None:
        self.editor.set_flow(self.chance.choice(["down", "right"]))

    def tidy(self) -> None:
        self.editor.tidy()

    def fix(self) -> None:
        fixes = [p.fix for p in self.workspace.analysis.problems if p.fix is not None]
        if fixes:
            self.editor.apply_fix(self.chance.choice(fixes))

    def group(self) -> None:
        names = self.names()
        start = self.chance.randrange(len(names) + 1)
        self.editor.group(tuple(names[start : start + self.chance.randint(1, 4)]))

    def ungroup(self) -> None:
        if len(self.names()) < 60:
            self.editor.ungroup((self.some(),))

    def comment(self) -> None:
        notes = [comment.name for comment in self.editor.network.comments]
        if not notes or self.chance.random() < 0.3:
            self.editor.add_comment(*self.place())
            return
        name = self.chance.choice(notes)
        x, y = self.place()
        self.chance.choice(
            [
                lambda: self.editor.write_comment(name, f"text {x}"),
                lambda: self.editor.write_comment(name, "amended", fresh=True),
                lambda: self.editor.place_comment(Comment(name, x=x, y=y, width=1.0, height=9e9)),
                lambda: self.editor.paint_comment(name, self.chance.choice([*COLORS, "no color"])),
                lambda: self.editor.remove_comment(name),
            ]
        )()

    def tag(self) -> None:
        self.editor.set_tag((self.some(), self.some()), self.chance.choice(["", *TAGS]))

    def align(self) -> None:
        names = tuple({self.some() for _ in range(4)})
        self.editor.align(names, self.chance.choice(["left", "center", "top", "middle"]))
        self.editor.distribute(names, self.chance.choice(["across", "down"]))

    def repeat(self) -> None:
        if len(self.names()) < 60:
            self.editor.repeat((self.some(),), self.chance.randint(1, 4))

    def select(self) -> None:
        self.workspace.select({self.some() for _ in range(3)})


def drawn_afresh(view: CanvasView) -> dict[str, object]:
    """The workspace's value drawn into an empty scene."""
    scene = CanvasScene()
    scene.sync(view.workspace.level.network, view.known, view.data_name)
    scene.set_selection(view.workspace.selection)
    snapshot = scene.snapshot()
    del snapshot["items"]
    return snapshot


def check(view: CanvasView) -> None:
    shown = view.canvas.snapshot()
    items = shown.pop("items")
    assert shown == drawn_afresh(view)
    # Cards, wires, notes, problems and the wire of the offer: no item is left behind.
    drawn = sum(len(shown[part]) for part in ("cards", "wires", "comments"))
    assert items == drawn + len(view.notes.items) + 1
    project = view.workspace.project
    # What is taken over from the analysis before equals what is found anew.
    assert view.workspace.analysis == analyze(project.network)
    assert codec.loads(codec.dumps(project)) == project


def live(qtbot: QtBot, seed: int, steps: int) -> None:
    start = templates.build("quickstart")
    view = CanvasView(Workspace(start))
    qtbot.addWidget(view)
    clumsy = Clumsy(view, random.Random(seed))
    for _ in range(steps):
        clumsy.act()
        check(view)
    while view.workspace.undo_label:
        view.workspace.undo()
    view.workspace.open_level(())
    check(view)
    assert view.workspace.project == start


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_random_edits_leave_the_drawing_equal_to_one_drawn_afresh(qtbot: QtBot, seed: int) -> None:
    live(qtbot, seed, 25)


@pytest.mark.slow
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_long_random_edits_leave_the_drawing_equal_to_one_drawn_afresh(
    qtbot: QtBot, seed: int
) -> None:
    live(qtbot, seed, 500)
