"""Training Studio: build, train, look into and export image-classification networks."""

__version__ = "0.1.0"
