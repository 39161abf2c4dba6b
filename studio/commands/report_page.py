"""The page that ``studio report`` writes: one file of HTML that needs nothing beside it."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from studio import __version__
from studio.commands.evaluate import most_mistaken
from studio.commands.progress import clock
from studio.commands.runs import state
from studio.engine.curves import draw_curves
from studio.project.analysis import Analysis, analyze
from studio.project.kinds import show_shape
from studio.project.recipes import RECIPE_SETTINGS
from studio.project.values import Project, Recipe
from studio.runs.api import Engine, EpochDone, Evaluation, WorkFailed
from studio.runs.folder import RunFolder, RunInfo

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1d2430; background: #fff; }
h1 { margin-bottom: 0; } h2 { margin-top: 2.2rem; font-size: 1.15rem; }
.sub { color: #5b6675; margin-top: 0; } img { max-width: 100%; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .8rem .2rem 0; text-align: left; border-bottom: 1px solid #e3e7ec; }
td.number, th.number { text-align: right; } .matrix td { text-align: center; padding: .2rem .5rem; }
.scroll { overflow-x: auto; } .facts { display: flex; gap: 2.5rem; flex-wrap: wrap; }
.facts b { display: block; font-size: 1.5rem; }
"""

_MOST_CLASSES = 30
_MOST_LAYERS = 2000

Cell = str | int | float


def page(folder: Path, engine: Engine) -> str:
    """The report on the run in ``folder``; raises WorkFailed where it cannot be read."""
    run = RunFolder.open(folder)
    info, project = run.info(), run.project()
    epochs = run.epochs()
    picture = base64.b64encode(draw_curves(folder)).decode()
    analysis = analyze(project.network)
    body = [
        f"<h1>{escape(info.title)}</h1>",
        f'<p class="sub">{escape(state(run, info))}, started {escape(info.created)}'
        f"{f'. {escape(info.message)}' if info.message else ''}</p>",
        _facts(info, analysis),
        "<h2>Curves</h2>",
        f'<img alt="Loss, accuracy, learning rate and gradients" '
        f'src="data:image/png;base64,{picture}">',
        *_metrics(folder, engine),
        "<h2>Epochs</h2>",
        _epochs(epochs),
        "<h2>Recipe and data</h2>",
        _recipe(project, info),
        "<h2>Network</h2>",
        _network(analysis),
        "<h2>Made with</h2>",
        _versions(info),
    ]
    title = f"<title>{escape(info.title)}</title>"
    head = f'<meta charset="utf-8">{title}<style>{_STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>'
        + "\n".join(body)
        + ("\n</body></html>\n")
    )


def _facts(info: RunInfo, analysis: Analysis) -> str:
    facts = [
        (
            "best validation accuracy",
            f"{info.best_accuracy:.2%}" if info.best_epoch else "none yet",
        ),
        ("epochs", f"{info.epochs_done} of {info.epochs}"),
        ("training time", clock(info.seconds)),
        ("parameters", f"{analysis.parameters:,}"),
        ("multiply-adds an image", f"{analysis.macs:,}"),
    ]
    items = "".join(f"<div><b>{escape(value)}</b>{escape(name)}</div>" for name, value in facts)
    return f'<div class="facts">{items}</div>'


def _metrics(folder: Path, engine: Engine) -> list[str]:
    heading = "<h2>Test images</h2>"
    try:
        result = engine.evaluate(folder)
    except WorkFailed as error:
        return [heading, f"<p>Not measured: {escape(str(error))}</p>"]
    rows = zip(result.classes, result.precision, result.recall, result.f1, strict=True)
    table = _table(
        ("class", "precision", "recall", "F1"),
        ((name, f"{p:.1%}", f"{r:.1%}", f"{f:.1%}") for name, p, r, f in rows),
    )
    text = (
        f"<p>Best checkpoint, {result.images:,} images: accuracy <b>{result.accuracy:.2%}</b>, "
        f"top-5 {result.top5:.2%}, loss {result.loss:.4f}.</p>"
    )
    return [heading, text, table, *_confusion(result)]


def _confusion(result: Evaluation) -> list[str]:
    """The matrix where it can be read, and the mistakes that are most frequent."""
    parts: list[str] = []
    if len(result.classes) <= _MOST_CLASSES:
        head = "".join(f"<th>{escape(name)}</th>" for name in result.classes)
        rows = []
        for name, counts in zip(result.classes, result.confusion, strict=True):
            total = max(1, sum(counts))
            cells = "".join(
                f'<td style="background:rgba(47,111,222,{count / total:.2f})">{count or ""}</td>'
                for count in counts
            )
            rows.append(f"<tr><th>{escape(name)}</th>{cells}</tr>")
        parts.append(
            '<p>Truth by row, prediction by column:</p><div class="scroll"><table class="matrix">'
            f"<tr><th></th>{head}</tr>{''.join(rows)}</table></div>"
        )
    mistakes = most_mistaken(result)
    if mistakes:
        text = ", ".join(f"{truth} for {other} ({count})" for truth, other, count in mistakes)
        parts.append(f"<p>Most often mistaken: {escape(text)}.</p>")
    return parts


def _epochs(epochs: Sequence[EpochDone]) -> str:
    if not epochs:
        return "<p>No epoch has ended.</p>"
    return _table(
        ("epoch", "loss", "accuracy", "validation loss", "validation accuracy", "learning rate",
         "seconds", ""),
        (
            (done.epoch, f"{done.train_loss:.4f}", f"{done.train_accuracy:.2%}",
             f"{done.validation_loss:.4f}", f"{done.validation_accuracy:.2%}",
             f"{done.learning_rate:.4g}", f"{done.seconds:.1f}", "best" if done.best else "")
            for done in epochs
        ),
    )  # fmt: skip


def _recipe(project: Project, info: RunInfo) -> str:
    recipe, data = project.recipe, project.data
    chosen = [
        (word, ", ".join((value.kind, *(f"{k} {v}" for k, v in value.settings.items()))))
        for word, value in (("optimizer", recipe.optimizer), ("schedule", recipe.schedule))
    ]
    rows: list[tuple[Cell, ...]] = [
        *chosen,
        ("learning rate", recipe.learning_rate),
        ("batch size", recipe.batch_size),
        ("epochs", recipe.epochs),
        ("seed", recipe.seed),
        *_other_choices(recipe),
        ("started from", info.weights or "random weights"),
        ("data", info.data or data.source),
        ("images", f"{info.train_images:,} to learn from, {info.validation_images:,} for "
                   f"validation, {info.test_images:,} for the test"),
        ("normalization", data.normalization),
    ]  # fmt: skip
    return _table(("", ""), rows)


def _other_choices(recipe: Recipe) -> list[tuple[Cell, ...]]:
    """What the recipe has beyond the usual, by the titles of its settings."""
    shown = ("learning_rate", "batch_size", "epochs", "seed", "device", "precision")
    rows: list[tuple[Cell, ...]] = [
        (setting.title.lower(), setting.show(value))
        for setting in RECIPE_SETTINGS
        if setting.name not in shown and (value := getattr(recipe, setting.name)) != setting.initial
    ]
    return rows + [(f"rate of {name}", f"{by:g}") for name, by in recipe.node_rates.items()]


def _network(analysis: Analysis) -> str:
    rows = analysis.layers[:_MOST_LAYERS]
    table = _table(
        ("layer", "kind", "output", "parameters", "multiply-adds", "sees"),
        (
            (row.name, row.kind.replace("_", " "), show_shape(row.output), f"{row.parameters:,}",
             f"{row.macs:,}", f"{row.receptive_field[0]}×{row.receptive_field[1]}")
            for row in rows
        ),
    )  # fmt: skip
    more = len(analysis.layers) - len(rows)
    return table + (f"<p>and {more:,} layers more.</p>" if more else "")


def _versions(info: RunInfo) -> str:
    rows = [
        ("Training Studio", __version__),
        ("Python", info.python),
        ("torch", info.torch),
        ("CUDA", info.cuda),
        ("driver", info.driver),
        ("device", info.device_title),
        ("precision", info.precision),
        ("machine", info.machine),
        ("system", info.platform),
    ]
    return _table(("", ""), (row for row in rows if row[1]))


def _table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """A table; all columns but the first are numbers unless they hold words."""
    titles = "".join(f"<th>{escape(text)}</th>" for text in head) if any(head) else ""
    lines = [f"<tr>{titles}</tr>"] if titles else []
    for row in rows:
        cells = "".join(f"<td{_align(cell)}>{escape(str(cell))}</td>" for cell in row)
        lines.append(f"<tr>{cells}</tr>")
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _align(cell: Cell) -> str:
    text = str(cell)
    return ' class="number"' if text[:1].isdigit() and "×" not in text and " " not in text else ""
