"""The runs page: which runs there are, what came of each, and what can be done with it."""
