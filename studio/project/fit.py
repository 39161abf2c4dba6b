"""Whether a project suits its data; asked by the window before a run and by the engine in it."""

from __future__ import annotations

from studio.project import registry
from studio.project.problems import Fix, Problem, SetRecipe, SetSetting
from studio.project.regularization import CLASS_WEIGHTS
from studio.project.settings import SettingError
from studio.project.values import Project


def fit_problems(project: Project, classes: int, train_images: int) -> tuple[Problem, ...]:
    """What keeps ``project`` from being trained on data of so many classes and images."""
    return (
        *_classes(project, classes),
        *_class_weights(project, classes),
        *_batch(project, train_images),
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
        return ()
    message = f"the batch size is {batch:,}, but the training split has only {images:,} images"
    fix = Fix(f"Set the batch size to {images:,}", SetRecipe("batch_size", images))
    return (Problem("", "batch", message, fix if images else None),)
