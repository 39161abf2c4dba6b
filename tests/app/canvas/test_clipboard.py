"""Nodes as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.app.canvas import clipboard
from studio.project import templates


def test_what_is_copied_comes_back() -> None:
    network = templates.build("resnet18").network
    assert clipboard.loads(clipboard.dumps(network)) == network


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "[" * 5000,
        '{"format": "training-studio-nodes"}',
        '{"format": "training-studio-nodes", "version": 2, "network": {}}',
        '{"format": "training-studio-nodes", "version": 1, "network": {"nodes": 3}}',
        '{"format": "training-studio-nodes", "version": 1, "network": '
        '{"nodes": [{"name": "a b", "kind": "vgg"}]}}',
        '{"format": "training-studio-nodes", "version": 1, "network": '
        '{"nodes": [{"name": "a", "kind": "vgg", "x": 1e308}]}}',
    ],
)
def test_a_text_that_holds_no_nodes_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(clipboard.ClipboardError, match=r"^[A-Z].*\.$"):
        clipboard.loads(text)


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(tail: str) -> None:
    with pytest.raises(clipboard.ClipboardError):
        clipboard.loads('{"format": "training-studio-nodes", ' + tail)
