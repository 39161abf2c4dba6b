"""The Build page: palette, canvas, inspector and the strip of totals."""
