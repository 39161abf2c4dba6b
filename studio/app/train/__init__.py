"""The train page: the recipe, the control of the run, and the live dashboard."""
