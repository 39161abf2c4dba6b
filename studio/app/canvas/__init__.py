"""The drawing of the network: cards, wires, gestures. It holds no truth; the workspace does."""
