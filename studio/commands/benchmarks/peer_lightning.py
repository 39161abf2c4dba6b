"""The same training in Lightning, as its documentation writes it, the loss logged on every step.

What ours does beside it is switched off there: no checkpoint, no progress bar, no validation.
"""

from __future__ import annotations

import importlib
import importlib.util
import logging
import tempfile
import time
import warnings
from typing import Any

from torch import Tensor
from torch.nn import functional

from studio.commands.benchmarks.bare import speed
from studio.commands.benchmarks.peer import EPOCHS, Epochs, Setup
from studio.engine.assembly import Assembly
from studio.engine.devices import synchronize

_PRECISIONS = {"float32": "32-true", "bfloat16": "bf16-mixed", "float16": "16-mixed"}
_ACCELERATORS = {"cuda": "gpu", "mps": "mps", "cpu": "cpu"}
_PACKAGES = {
    "lightning": ("lightning.pytorch", "lightning.pytorch.loggers"),
    "pytorch_lightning": ("pytorch_lightning", "pytorch_lightning.loggers"),
}
"""It is published under two names."""


def train(setup: Setup) -> float:
    """Images per second, by the clock of whole epochs."""
    package = next(name for name in _PACKAGES if importlib.util.find_spec(name))
    library, loggers = (importlib.import_module(name) for name in _PACKAGES[package])
    tools = setup.assemble()
    for name in _PACKAGES:
        logging.getLogger(name).setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # of what it would rather have: workers, a smaller interval
    device = setup.device
    clock = _clock(library, setup)
    with tempfile.TemporaryDirectory(prefix="training-studio-") as folder:
        trainer = library.Trainer(
            max_epochs=EPOCHS,
            accelerator=_ACCELERATORS[device.type],
            devices=[device.index or 0] if device.type == "cuda" else 1,
            precision=_PRECISIONS[setup.precision],
            logger=loggers.CSVLogger(folder),
            log_every_n_steps=1,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            callbacks=[clock],
        )
        trainer.fit(_module(library, tools), train_dataloaders=Epochs(tools.feed))
    return speed(len(setup.data.splits["train"]), clock.seconds)


def _module(library: Any, tools: Assembly) -> Any:
    class Network(library.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = tools.module

        def training_step(self, batch: tuple[Tensor, Tensor], number: int) -> Tensor:
            images, labels = batch
            loss = functional.cross_entropy(self.network(images), labels)
            self.log("loss", loss)
            return loss

        def configure_optimizers(self) -> Any:
            return tools.optimizer

    return Network()


def _clock(library: Any, setup: Setup) -> Any:
    class Clock(library.Callback):  # type: ignore[misc]
        def __init__(self) -> None:
            self.seconds: list[float] = []
            self._start = 0.0

        def on_train_epoch_start(self, *about: Any) -> None:
            self._start = time.perf_counter()

        def on_train_epoch_end(self, *about: Any) -> None:
            synchronize(setup.device)
            self.seconds.append(time.perf_counter() - self._start)

    return Clock()
