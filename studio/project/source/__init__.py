"""The network as Python source that a person would have written: classes, loops, no flat list."""

from studio.project.source.program import Preparation, program
from studio.project.source.writer import Source, SourceError

__all__ = ["Preparation", "Source", "SourceError", "program"]
