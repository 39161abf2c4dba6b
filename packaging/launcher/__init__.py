"""The parts of bootstrap.py. Standard library only."""
