"""The only place that imports torch: project to module, data, training, evaluation, export."""

from studio.engine.engine import TorchEngine

__all__ = ["TorchEngine"]
