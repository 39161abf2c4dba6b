"""The runs page: what was trained, what is trained now, and what waits."""
