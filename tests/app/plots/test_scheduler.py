"""The drawing budget."""

from __future__ import annotations

import time

from pytestqt.qtbot import QtBot

from studio.app.plots.scheduler import DrawScheduler


class BusyPlot:
    """Burns a known time at each redraw and is stale again at once."""

    def __init__(self, seconds: float, visible: bool = True) -> None:
        self.stale = True
        self.seconds = seconds
        self.visible = visible
        self.times: list[float] = []

    def isVisible(self) -> bool:
        return self.visible

    def redraw(self) -> None:
        self.times.append(time.perf_counter())
        end = time.thread_time() + self.seconds
        while time.thread_time() < end:
            pass


def test_costly_plots_are_drawn_less_often_so_that_the_budget_holds(
    qtbot: QtBot, scheduler: DrawScheduler
) -> None:
    plots = [BusyPlot(0.006), BusyPlot(0.006)]
    for plot in plots:
        scheduler.add(plot)
    scheduler.request()
    qtbot.wait(500)
    scheduler.duty()
    qtbot.wait(1500)
    assert 0.005 < scheduler.duty() <= 0.045
    assert all(len(plot.times) >= 2 for plot in plots)


def test_a_cheap_plot_is_drawn_at_most_ten_times_a_second(
    qtbot: QtBot, scheduler: DrawScheduler
) -> None:
    plot = BusyPlot(0.0)
    scheduler.add(plot)
    scheduler.request()
    qtbot.wait(600)
    assert 2 <= len(plot.times) <= 8


def test_hidden_plots_and_plots_without_news_are_not_drawn(
    qtbot: QtBot, scheduler: DrawScheduler
) -> None:
    hidden, old = BusyPlot(0.0, visible=False), BusyPlot(0.0)
    old.stale = False
    scheduler.add(hidden)
    scheduler.add(old)
    scheduler.request()
    qtbot.wait(250)
    assert hidden.times == old.times == []
    assert hidden.stale


def test_what_is_spent_elsewhere_counts_as_drawing(scheduler: DrawScheduler) -> None:
    scheduler.add(BusyPlot(0.0))
    scheduler.duty()
    with scheduler.spending():
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass
    assert scheduler.duty() > 0.1
