"""The trained model as it is taken away: written, read back and compared with the original."""

from studio.engine.export.exporting import FORMATS, export_model

__all__ = ["FORMATS", "export_model"]
