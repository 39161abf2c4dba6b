"""Networks to start from: tables over the blocks, each with its source."""

from __future__ import annotations

from studio.project.edits import EditRefused
from studio.project.templates.chain import Chain, Size, Template
from studio.project.templates.classic import classics
from studio.project.templates.newer import newer
from studio.project.templates.records import records
from studio.project.templates.residual import residuals
from studio.project.values import Project


class UnknownTemplate(EditRefused):
    """There is no template of that name."""


TEMPLATES: dict[str, Template] = {
    template.name: template for template in (*classics(), *residuals(), *newer(), *records())
}


def build(name: str, input: Size | None = None, classes: int | None = None) -> Project:
    """A new project from the template ``name``, for another input or class count by choice.

    Raises UnknownTemplate, or EditRefused for a size that no network takes.
    """
    template = TEMPLATES.get(name)
    if template is None:
        raise UnknownTemplate(f"there is no template {name!r}; studio templates lists them")
    size, count = input or template.input, classes or template.classes
    if len(size) != 3 or not all(1 <= length <= 4096 for length in size) or size[0] > 64:
        raise EditRefused(
            "an input is channels×height×width, 1 to 64 channels and 1 to 4096 pixels a side"
        )
    if not 2 <= count <= 1_000_000:
        raise EditRefused("a network tells at least 2 classes apart, and at most 1,000,000")
    chain = Chain(size, count)
    template.make(chain)
    return Project(chain.network(), template.data, template.recipe)


__all__ = ["TEMPLATES", "Chain", "Size", "Template", "UnknownTemplate", "build"]
