"""The standalone Python file and the weights beside it."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from torch import Tensor, nn

from studio.engine.export.card import plain_title, sha256
from studio.engine.export.tensors import state_dict_bytes, weights_of
from studio.engine.export.writing import Exported
from studio.engine.loading import TrainedModel
from studio.project.source import Preparation, Source, program
from studio.runs.files import write_whole


def write_python(model: TrainedModel, path: Path) -> Exported:
    """``NAME.py``, which needs torch alone, and its weights in ``NAME.pt``.

    The weights come first, so that a crash in between leaves no file without them.
    """
    weights = path.with_suffix(".pt")
    content = state_dict_bytes(weights_of(model.module))
    text = program(
        model.project.network,
        plain_title(model),
        path.stem,
        model.classes,
        Preparation(model.input_shape, model.mean, model.deviation),
        sha256(content),
    )
    write_whole(weights, content)
    write_whole(path, text.encode())
    return Exported((path, weights), lambda: _reload(path), "The file was run with its weights")


def write_source(model: TrainedModel, path: Path) -> Exported:
    """``NAME.py`` with the network alone: no weights, no reading of images."""
    title = plain_title(model)
    preparation = Preparation(model.input_shape, model.mean, model.deviation)
    text = program(model.project.network, title, path.stem, model.classes, preparation)
    write_whole(path, text.encode())
    name = Source(model.project.network, title).name

    def reload() -> Callable[[Tensor], Tensor]:
        module = cast(nn.Module, _run(path)[name]())
        module.load_state_dict(model.module.state_dict(), strict=True)
        return module.eval()

    return Exported((path,), reload, "The file was run, took the model's weights")


def _reload(path: Path) -> Callable[[Tensor], Tensor]:
    return cast(Callable[[Tensor], Tensor], _run(path)["load_model"]())


def _run(path: Path) -> dict[str, Any]:
    # Run and not imported: an import would leave its bytecode in a folder of the user's.
    module = types.ModuleType(f"exported_{path.stem}")
    module.__file__ = str(path)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return module.__dict__
