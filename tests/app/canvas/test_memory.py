"""Nothing is left behind by edits: neither items, nor Python objects, nor memory."""

from __future__ import annotations

import gc
import random
from collections import Counter
from collections.abc import Iterable
from functools import _lru_cache_wrapper

import psutil
import pytest
from pytestqt.qtbot import QtBot

from studio.app.canvas.card import CardItem
from studio.app.canvas.comments import CommentItem
from studio.app.canvas.figures import Figure
from studio.app.canvas.notes import NoteItem
from studio.app.canvas.view import CanvasView
from studio.app.canvas.wire import WireItem
from studio.app.workspace import Workspace
from studio.project import templates
from studio.project.analysis import Analysis, NodeReport
from studio.project.values import Network, Node
from tests.app.canvas.test_random_edits import Clumsy

WATCHED = (CardItem, WireItem, CommentItem, NoteItem, Analysis, NodeReport, Network, Node, Figure)
WARM_UP, EDITS = 2_000, 10_000
MOST_NODES = 60
MOST_GROWTH = 24 * 2**20
"""Bytes: what the allocator may keep, and be it in pieces."""


def start_over(view: CanvasView) -> None:
    """The same network, nothing to undo, and all that was held for the other gone."""
    view.workspace.new(templates.build("quickstart"))
    view.viewport().repaint()


def empty_caches() -> None:
    """Those of bounded size, which may hold what they like up to it."""
    for each in gc.get_objects():
        if (
            type(each) is _lru_cache_wrapper  # of others isinstance might ask for an attribute
            and each.__module__.startswith("studio.")
            and each.cache_parameters()["maxsize"] is not None
        ):
            each.cache_clear()
    gc.collect()


def counted() -> Counter[str]:
    return Counter(
        type(each).__name__ for each in gc.get_objects() if issubclass(type(each), WATCHED)
    )


def more_than(before: Counter[str], kinds: Iterable[str]) -> dict[str, tuple[int, int]]:
    """Of which of ``kinds`` there are more objects now: how many, and how many there were."""
    now = counted()
    return {kind: (now[kind], before[kind]) for kind in kinds if now[kind] > before[kind]}


def live(clumsy: Clumsy, edits: int) -> None:
    view = clumsy.view
    for number in range(edits):
        clumsy.act()
        if len(view.editor.network.nodes) > MOST_NODES or number % 250 == 249:
            start_over(view)
        if number % 10 == 0:
            view.viewport().repaint()  # what is never painted is never made


@pytest.mark.slow
def test_ten_thousand_edits_leave_no_memory_behind(qtbot: QtBot) -> None:
    view = CanvasView(Workspace(templates.build("quickstart")))
    qtbot.addWidget(view)
    view.resize(900, 700)
    view.show()
    clumsy = Clumsy(view, random.Random(3))
    process = psutil.Process()
    live(clumsy, WARM_UP)
    start_over(view)
    empty_caches()
    before, objects = process.memory_info().rss, counted()
    live(clumsy, EDITS)
    start_over(view)
    gc.collect()
    # What is remembered of a node, its error even, holds no network and no drawing. (There may be
    # fewer: what tests before this one made goes in its own time.)
    assert more_than(objects, ("Analysis", "CardItem", "WireItem")) == {}
    empty_caches()
    grown = process.memory_info().rss - before
    assert more_than(objects, [kind.__name__ for kind in WATCHED]) == {}
    assert len(view.canvas.items()) == len(view.canvas.cards) + len(view.canvas.wires) + 1
    assert grown < MOST_GROWTH, f"{grown / 2**20:.1f} MiB more than after {WARM_UP} edits"
