"""The auxiliary classifiers of a network: heads that only training listens to."""

from __future__ import annotations

from studio.project.analysis import Analysis
from studio.project.blocks.auxiliary import KIND
from studio.project.edits import remove_nodes
from studio.project.values import Network


def weights(analysis: Analysis) -> dict[str, float]:
    """The loss weight of each auxiliary classifier, by its node's name, in forward order."""
    return {
        step.name: float(step.trace.values["weight"])
        for step in analysis.steps
        if step.trace.kind.kind == KIND
    }


def without(network: Network) -> Network:
    """The network that predicts: the same one if it has no auxiliary classifier."""
    names = [node.name for node in network.nodes if node.kind == KIND]
    return remove_nodes(network, names) if names else network
