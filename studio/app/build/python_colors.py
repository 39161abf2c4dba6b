"""Colors for Python source: keywords, names that are defined, strings, numbers, comments."""

from __future__ import annotations

import keyword
import re

from PySide6.QtGui import QSyntaxHighlighter, QTextCharFormat, QTextDocument

from studio.app.theme.tokens import color

_WORDS = "|".join(keyword.kwlist)
_TOKEN = re.compile(
    rf"""(?P<comment>\#.*)
    |(?P<string>[frb]*"(?:[^"\\]|\\.)*"?|[frb]*'(?:[^'\\]|\\.)*'?)
    |(?P<defined>(?<=\bclass\s)\w+|(?<=\bdef\s)\w+)
    |(?P<keyword>\b(?:{_WORDS})\b)
    |(?P<self>\bself\b)
    |(?P<number>\b\d[\d_]*(?:\.\d+)?(?:e-?\d+)?\b)""",
    re.VERBOSE,
)
_TONES = {
    "comment": "muted",
    "string": "good",
    "defined": "accent",
    "keyword": "plot4",
    "self": "muted",
    "number": "plot2",
}
_QUOTES = '"""'


class PythonColors(QSyntaxHighlighter):
    """Enough for source that we write ourselves: docstrings stand on lines of their own."""

    def __init__(self, document: QTextDocument) -> None:
        super().__init__(document)
        self._faded = False

    def set_faded(self, faded: bool) -> None:
        """Show everything in grey, or in colors; paints anew for the present scheme."""
        self._faded = faded
        self.rehighlight()

    def highlightBlock(self, text: str) -> None:
        if self._faded:
            self.setFormat(0, len(text), _format("disabled"))
            return
        inside = self.previousBlockState() == 1
        quotes = text.count(_QUOTES)
        self.setCurrentBlockState(int(inside != (quotes % 2 == 1)))
        if inside or quotes:
            self.setFormat(0, len(text), _format("good"))
            return
        for match in _TOKEN.finditer(text):
            group = match.lastgroup or ""
            shape = _format(_TONES[group])
            if group == "keyword":
                shape.setFontWeight(600)
            self.setFormat(match.start(), len(match.group()), shape)


def _format(tone: str) -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(color(tone))
    return result
