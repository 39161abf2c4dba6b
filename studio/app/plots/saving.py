"""A plot as a file: a picture of it (PNG, SVG), or its numbers in full (CSV)."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QPoint, QRect, QSize
from PySide6.QtGui import QPainter, QPixmap
from PySide6.QtSvg import QSvgGenerator
from PySide6.QtWidgets import QFileDialog, QMenu, QMessageBox, QWidget

from studio.app.theme.tokens import color

Table = list[tuple[str, np.ndarray, np.ndarray]]

PICTURE_SCALE = 3


def add_actions(
    menu: QMenu, widget: QWidget, title: str, table: Callable[[], Table] | None
) -> None:
    """Append the ways to save ``widget`` to its context menu."""
    menu.addSeparator()
    stem = title.lower().replace(" ", "-")
    menu.addAction("Save as PNG…", lambda: _ask(widget, stem, "png", save_png))
    menu.addAction("Save as SVG…", lambda: _ask(widget, stem, "svg", save_svg))
    if table is not None:
        menu.addAction(
            "Save numbers as CSV…",
            lambda: _ask(widget, stem, "csv", lambda _, path: save_csv(table(), path)),
        )


def save_png(widget: QWidget, path: Path) -> None:
    """Write ``widget`` as it looks, at three times its size; raises OSError."""
    picture = QPixmap(widget.size() * PICTURE_SCALE)
    picture.setDevicePixelRatio(PICTURE_SCALE)
    picture.fill(color("card"))
    painter = QPainter(picture)
    QWidget.render(widget, painter, QPoint())
    painter.end()
    if not picture.save(str(path), "PNG"):
        raise OSError(f"{path} cannot be written")


def save_svg(widget: QWidget, path: Path) -> None:
    """Write ``widget`` as lines and text that other programs can edit; raises OSError."""
    with path.open("wb"):
        pass  # says in its own error why a place cannot be written, which the generator does not
    size = QSize(widget.width(), widget.height())
    generator = QSvgGenerator()
    generator.setFileName(str(path))
    generator.setSize(size)
    generator.setViewBox(QRect(0, 0, size.width(), size.height()))
    painter = QPainter(generator)
    QWidget.render(widget, painter, QPoint())
    painter.end()


def save_csv(table: Table, path: Path) -> None:
    """Write a row for each point: line, step, value; raises OSError."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("line", "step", "value"))
        for title, steps, values in table:
            writer.writerows(
                (title, f"{step:g}", f"{value:.9g}")
                for step, value in zip(steps.tolist(), values.tolist(), strict=True)
            )


def _ask(widget: QWidget, stem: str, suffix: str, save: Callable[[QWidget, Path], None]) -> None:
    name, _ = QFileDialog.getSaveFileName(
        widget, "Save the plot", f"{stem}.{suffix}", f"{suffix.upper()} (*.{suffix})"
    )
    if not name:
        return
    try:
        save(widget, Path(name))
    except OSError as error:
        reason = error.strerror or str(error)
        QMessageBox.warning(widget, "The plot was not saved", f"{name}: {reason}.")
