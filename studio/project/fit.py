"""Whether a project suits its data; asked by the window before a run and by the engine in it."""

from __future__ import annotations

from studio.project import course, registry
from studio.project.analysis import analyze
from studio.project.problems import Fix, Problem, SetRecipe, SetSetting
from studio.project.rates import factor_of
from studio.project.regularization import CLASS_WEIGHTS
from studio.project.settings import SettingError
from studio.project.values import Project


def fit_problems(project: Project, classes: int, train_images: int) -> tuple[Problem, ...]:
    """What keeps ``project`` from being trained on data of so many classes and images."""
    return (
        *_classes(project, classes),
        *_class_weights(project, classes),
        *_batch(project, train_images),
        *_course(project, train_images),
    )


def _classes(project: Project, found: int) -> tuple[Problem, ...]:
    output = next((node for node in project.network.nodes if node.kind == "output"), None)
    try:
        wanted = registry.values(output)["classes"] if output is not None else found
    except SettingError:
        return ()  # said as a problem of the network
    if output is None or found == wanted:
        return ()
    message = f"the data has {found:,} classes, but the network's output {output.name!r} has "
    fix = Fix(f"Set classes to {found:,}", SetSetting(output.name, "classes", found))
    return (Problem(output.name, "classes", f"{message}{wanted:,}", fix),)


def _class_weights(project: Project, classes: int) -> tuple[Problem, ...]:
    recipe = project.recipe
    if recipe.class_weighting != "given":
        return ()
    try:
        count = len(CLASS_WEIGHTS.numbers(recipe.class_weights))
    except SettingError:
        return ()  # said as a problem of the recipe
    if count == classes:
        return ()
    message = f"the recipe gives {count:,} class weights, and the data has {classes:,} classes"
    fix = Fix("Weigh all classes alike", SetRecipe("class_weighting", "none"))
    return (Problem("recipe", "class weights", message, fix),)


def _batch(project: Project, images: int) -> tuple[Problem, ...]:
    batch = project.recipe.batch_size
    if batch <= images:
        return _single(project, images) if batch == 1 else ()
    message = f"the batch size is {batch:,}, but the training split has only {images:,} images"
    fix = Fix(f"Set the batch size to {images:,}", SetRecipe("batch_size", images))
    return (Problem("", "batch", message, fix if images else None),)


def _single(project: Project, images: int) -> tuple[Problem, ...]:
    """What batches of one image come to in batch norms that see one value of each channel.

    No other batch holds a single image: the feed leaves out a last one that would, and a team
    divides a batch only where each process has two of it.
    """
    recipe = project.recipe
    norm = next(
        (
            row
            for row in analyze(project.network).layers
            if row.kind == "batch_norm"
            and all(side == 1 for side in row.output[1:])
            and factor_of(recipe.node_rates, row.name) != 0  # a frozen one measures nothing
        ),
        None,
    )
    if norm is None:
        return ()
    advice = "set the batch size to 2" if images > 1 else "it takes two images at least"
    message = (
        f"a batch of one image leaves batch norm {norm.name!r} a single value per channel, of "
        f"which there is no deviation: {advice}"
    )
    fix = Fix("Set the batch size to 2", SetRecipe("batch_size", 2)) if images > 1 else None
    return (Problem(norm.node, "batch", message, fix),)


def steps_per_epoch(project: Project, images: int) -> int:
    """How many steps the feed makes of an epoch of so many images."""
    recipe = project.recipe
    batches = -(-images // max(1, recipe.batch_size))
    if batches > 1 and images % recipe.batch_size == 1:
        layers = analyze(project.network).layers
        batches -= any(layer.kind == "batch_norm" for layer in layers)
    return max(1, -(-batches // max(1, recipe.accumulate)))


def _course(project: Project, images: int) -> tuple[Problem, ...]:
    """What counts steps and so is known with the images alone: a warm-up, and what it shortens."""
    recipe = project.recipe
    if recipe.warmup_unit != "steps" or not recipe.warmup or course.too_long(recipe):
        return ()
    return course.too_long(recipe, steps_per_epoch(project, images))
