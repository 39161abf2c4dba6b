"""The project's own benchmarks: one module each, and the harness that they share."""
