"""The runs page: which runs there are and what waits, what came of each, what to do with it."""
