"""The standalone Python file and the weights beside it."""

from __future__ import annotations

import types
from collections.abc import Callable
from pathlib import Path
from typing import cast

from torch import Tensor

from studio.engine.export.card import plain_title, sha256
from studio.engine.export.tensors import state_dict_bytes, weights_of
from studio.engine.export.writing import Exported
from studio.engine.loading import TrainedModel
from studio.project.source import Preparation, program
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


def _reload(path: Path) -> Callable[[Tensor], Tensor]:
    # Run and not imported: an import would leave its bytecode in a folder of the user's.
    module = types.ModuleType(f"exported_{path.stem}")
    module.__file__ = str(path)
    exec(compile(path.read_text("utf-8"), str(path), "exec"), module.__dict__)
    return cast(Callable[[Tensor], Tensor], module.load_model())
