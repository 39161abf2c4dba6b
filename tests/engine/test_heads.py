"""Auxiliary classifiers: torchvision's, heard in training and left out of everything after it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch.nn import functional

from studio.engine import TorchEngine
from studio.engine.loading import load_trained
from studio.engine.module import build_module, training_logits
from studio.engine.pretrained import load_weights
from studio.project import edits, heads
from studio.project.analysis import analyze
from studio.project.source import Source
from studio.project.templates import build
from studio.project.values import DataSettings, Edge, Network, Node, Project, Recipe
from studio.runs.api import Finished
from tests.engine.helpers import train


def network_with_head(weight: float = 0.3) -> Network:
    """A convolution that feeds a second one and an auxiliary classifier."""
    settings = {"weight": weight, "channels": 3, "features": 12, "drop": 0.0}
    nodes = (
        Node("input", "input", {"channels": 1, "height": 8, "width": 8}),
        Node("early", "convolution", {"channels": 4}),
        Node("helper", "auxiliary", settings),
        Node("late", "convolution", {"channels": 5}),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    wires = [("input", "early"), ("early", "helper"), ("early", "late"), ("late", "pool"),
             ("pool", "head"), ("head", "output")]  # fmt: skip
    return Network(nodes, tuple(Edge(*wire) for wire in wires))


def test_googlenet_with_its_heads_is_torchvisions_in_training() -> None:
    from torchvision import models

    theirs = models.GoogLeNet(num_classes=7, aux_logits=True, init_weights=False, dropout=0.0,
                              dropout_aux=0.0).double().train()  # fmt: skip
    network = build("googlenet_auxiliary", classes=7).network
    for node, setting in (("aux1", "drop"), ("aux2", "drop"), ("dropout", "rate")):
        network = edits.set_setting(network, node, setting, 0.0)
    ours = build_module(network, seed=0).double().train()
    # In ours a head follows the block that feeds it, in torchvision's they stand at the end.
    names = {name: name for name, _ in theirs.named_parameters() if name.startswith("aux")}
    rest = [name for name, _ in theirs.named_parameters() if name not in names]
    own = [name for name, _ in ours.named_parameters() if name not in names]
    names |= dict(zip(own, rest, strict=True))
    state = dict(theirs.named_parameters())
    with torch.no_grad():
        for name, parameter in ours.named_parameters():
            parameter.copy_(state[names[name]])
    images, labels = torch.randn(2, 3, 96, 96, dtype=torch.float64), torch.tensor([1, 5])
    expected = theirs(images)
    got = training_logits(ours, images)
    wanted = (expected.logits, expected.aux_logits1, expected.aux_logits2)
    for one, other in zip(got, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-9)
    loss = sum(w * functional.cross_entropy(out, labels)
               for w, out in zip((1.0, 0.3, 0.3), wanted, strict=True))  # fmt: skip
    loss.backward()
    total = functional.cross_entropy(got[0], labels)
    for weight, other in zip(heads.weights(analyze(network)).values(), got[1:], strict=True):
        total = total + weight * functional.cross_entropy(other, labels)
    total.backward()
    for name, parameter in ours.named_parameters():
        assert torch.allclose(parameter.grad, state[names[name]].grad, atol=1e-8), name
    assert ours.eval()(images).shape == (2, 7)


@pytest.mark.parametrize("name", ["googlenet", "googlenet_paper"])
def test_what_a_head_adds_is_counted_only_where_it_is(name: str) -> None:
    plain, with_heads = analyze(build(name).network), analyze(build(f"{name}_auxiliary").network)
    assert with_heads.problems == ()
    # Szegedy et al. 2015, section 5: 128 1×1 filters on 4×4×512 and 4×4×528, 1024 units, logits.
    norm = 2 * 128 if name == "googlenet" else 128
    added = sum(
        channels * 128 + norm + 2048 * 1024 + 1024 + 1024 * 1000 + 1000 for channels in (512, 528)
    )
    assert with_heads.parameters == plain.parameters + added
    assert with_heads.depth == plain.depth
    assert analyze(heads.without(build(f"{name}_auxiliary").network)).macs == plain.macs


def test_a_head_changes_the_gradient_and_not_the_loss_that_is_shown(tmp_path: Path) -> None:
    def run(weight: float) -> tuple[list[float], list[float]]:
        recipe = Recipe(epochs=1, batch_size=128, device="cpu")
        project = Project(network_with_head(weight), DataSettings(), recipe)
        run, messages = train(project, tmp_path / f"run{weight}")
        assert isinstance(messages[-1], Finished)
        return list(run.telemetry.loss.values), list(run.telemetry.gradients.rows[0])

    (loss, gradients), (other_loss, other_gradients) = run(0.0), run(1.0)
    assert loss[0] == other_loss[0]
    assert loss[-1] != other_loss[-1]
    assert gradients[1:2] == [0.0]  # the head learns nothing where its loss does not count
    assert gradients != other_gradients


def test_evaluation_export_and_source_leave_the_heads_out(tmp_path: Path) -> None:
    project = Project(network_with_head(), DataSettings(), Recipe(epochs=1, device="cpu"))
    train(project, tmp_path / "run")
    model = load_trained(tmp_path / "run")
    assert not [name for name in model.module.state_dict() if name.startswith("helper")]
    engine = TorchEngine()
    assert engine.evaluate(tmp_path / "run").images > 0
    for kind, name in (("python", "m.py"), ("state-dict", "m.pt"), ("torch-export", "m.pt2")):
        assert engine.export(tmp_path / "run", kind, tmp_path / name).difference <= 1e-5
    assert "helper" not in Source(project.network, "net").classes


def test_a_head_is_an_end_and_fits_into_no_wire() -> None:
    network = network_with_head()
    with pytest.raises(edits.EditRefused, match="helper is an end of the network"):
        edits.connect(network, "helper", "pool")
    network, name = edits.add_node(network, "auxiliary", {}, 0, 0)
    with pytest.raises(edits.EditRefused, match="fits into no wire"):
        edits.insert_on_edge(network, Edge("early", "late"), name)
    assert analyze(edits.connect(network, "late", name)).problems == ()


def test_weights_of_torchvision_fill_the_heads_that_they_have(tmp_path: Path) -> None:
    from torchvision import models

    def loaded(aux: bool) -> tuple[dict[str, torch.Tensor], torch.nn.Module, str]:
        theirs = models.GoogLeNet(num_classes=7, aux_logits=aux, init_weights=False)
        torch.save(theirs.state_dict(), tmp_path / "w.pt")
        recipe = Recipe(weights=str(tmp_path / "w.pt"))
        project = Project(build("googlenet_auxiliary", classes=7).network, recipe=recipe)
        module = build_module(project.network, seed=0)
        return theirs.state_dict(), module, load_weights(module, project).text

    state, module, text = loaded(aux=True)
    got = module.state_dict()
    assert torch.equal(got["aux2.fc1.weight"], state["aux2.fc1.weight"])
    assert torch.equal(got["fc.weight"], state["fc.weight"])
    assert "left out" not in text
    fresh = build_module(build("googlenet_auxiliary", classes=7).network, seed=0).state_dict()
    state, module, _ = loaded(aux=False)
    got = module.state_dict()
    assert torch.equal(got["aux2.fc1.weight"], fresh["aux2.fc1.weight"])
    assert torch.equal(got["fc.weight"], state["fc.weight"])
