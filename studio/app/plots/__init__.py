"""Live plots; the only package that knows pyqtgraph, so that the window can open without it."""
