"""The same training by the ``fit`` of Keras on torch, around the same torch module.

Only the loop is Keras's, with its own optimizer and loss. Nothing is logged on a step and nothing
is shown.
"""

from __future__ import annotations

import importlib
import os
import time
from typing import Any

from torch import Tensor, nn
from torch.utils.data import DataLoader

from studio.commands.benchmarks.bare import speed
from studio.commands.benchmarks.peer import EPOCHS, Epochs, Setup
from studio.engine.assembly import Assembly
from studio.engine.devices import synchronize


def train(setup: Setup) -> float:
    """Images per second, by the clock of whole epochs."""
    os.environ["KERAS_BACKEND"] = "torch"
    keras: Any = importlib.import_module("keras")
    tools = setup.assemble()
    recipe = setup.project.recipe
    clock = _clock(keras, setup)
    with keras.device(str(setup.device)):
        model = keras.Sequential([keras.layers.TorchModuleWrapper(_InPrecision(tools))])
        model.compile(
            optimizer=keras.optimizers.SGD(
                recipe.learning_rate, momentum=recipe.optimizer.settings["momentum"]
            ),
            loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        batches = DataLoader(Epochs(tools.feed), batch_size=None)
        model.fit(batches, epochs=EPOCHS, shuffle=False, verbose=0, callbacks=[clock])
    return speed(len(setup.data.splits["train"]), clock.seconds)


class _InPrecision(nn.Module):
    """The network in the run's precision, its logits in float32."""

    def __init__(self, tools: Assembly) -> None:
        super().__init__()
        self.network = tools.module
        self._precision = tools.precision

    def forward(self, images: Tensor) -> Tensor:
        with self._precision.autocast():
            logits: Tensor = self.network(images)
        return logits.float()


def _clock(keras: Any, setup: Setup) -> Any:
    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.seconds: list[float] = []
            self._start = 0.0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self._start = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            synchronize(setup.device)
            self.seconds.append(time.perf_counter() - self._start)

    return Clock()
