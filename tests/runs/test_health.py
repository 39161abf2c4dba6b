"""Each finding is made by numbers that have the fault, and by none that have not."""

from __future__ import annotations

import re

import numpy as np
import pytest
from msgspec.structs import replace

from studio.project import edits
from studio.project.problems import Fix, SetSetting
from studio.project.templates import build
from studio.project.values import Project
from studio.runs import remedies
from studio.runs.api import EpochDone, Probed
from studio.runs.health import Finding, Vitals, examine

RNG = np.random.default_rng(0)
LAYERS = tuple(f"conv{n}" for n in range(8))
SIZES = (1000,) * 8


def falling(steps: int = 300, noise: float = 0.05) -> np.ndarray:
    """A healthy loss."""
    curve = 0.2 + 2.1 * np.exp(-np.arange(steps) / 80)
    return (curve * (1 + noise * RNG.standard_normal(steps))).astype(np.float32)


def gradients(steps: int = 300, slope: float = 1.0) -> np.ndarray:
    """Norms of eight layers; each next one's is ``slope`` times that before it."""
    rows = np.geomspace(1.0, slope**7, 8)[None] * np.exp(0.2 * RNG.standard_normal((steps, 8)))
    return rows.astype(np.float32)


def epoch(number: int, train: float, validation: float) -> EpochDone:
    return EpochDone(number, number * 10, train, 0.5, validation, 0.5, 0.1, 1.0, False)


def vitals(**changes: object) -> Vitals:
    given: dict[str, object] = {
        "project": build("quickstart"), "loss": falling(), "gradients": gradients(),
        "layers": LAYERS, "sizes": SIZES, "steps_per_epoch": 20, "mean": 0.01, "deviation": 1.0,
        "class_counts": {"a": 100, "b": 80}, "batch_norm": True,
    }  # fmt: skip
    return Vitals(**{**given, **changes})  # type: ignore[arg-type]


def found(**changes: object) -> dict[str, Finding]:
    return {finding.code: finding for finding in examine(vitals(**changes))}


def mended(fix: Fix | None, project: Project) -> Project:
    assert fix is not None
    return edits.mend(project, fix)


def test_a_healthy_run_has_no_finding() -> None:
    assert found() == {}
    assert found(loss=falling(20), gradients=gradients(20)) == {}
    assert found(loss=falling(0), gradients=gradients(0)) == {}
    assert found(loss=falling(400, noise=0.3)) == {}


@pytest.mark.parametrize("shape", ["rises", "oscillates"])
def test_a_loss_that_rises_or_jumps_about_means_a_rate_too_high(shape: str) -> None:
    loss = falling(120)
    worse = np.linspace(0.6, 6, 100) if shape == "rises" else 2.5 + 2 * np.sin(np.arange(100))
    finding = found(loss=np.concatenate([loss, worse.astype(np.float32)]))["rate-high"]
    assert "at its lowest" in finding.evidence
    project = build("quickstart")
    rate = project.recipe.learning_rate
    after = mended(finding.remedy, project)
    assert after.recipe.learning_rate == pytest.approx(rate / 10)


def test_a_loss_that_stays_where_it_was_means_a_rate_too_low() -> None:
    flat = (2.3 + 0.01 * RNG.standard_normal(200)).astype(np.float32)
    finding = found(loss=flat)["rate-low"]
    after = mended(finding.remedy, build("quickstart"))
    assert after.recipe.learning_rate > build("quickstart").recipe.learning_rate


def test_vanishing_gradients_are_told_with_the_factor_and_mended_by_relu() -> None:
    project = build("small_sigmoid")
    finding = found(gradients=gradients(slope=10.0), project=project)["vanishing"]
    assert re.search(r"A single weight of conv0 gets 1/[\d,]+00,000 of", finding.evidence)
    assert finding.layers == ("conv0", "conv1")
    after = mended(finding.remedy, project)
    chosen = {node.settings.get("activation") for node in after.network.nodes}
    assert "sigmoid" not in chosen
    assert "vanishing" not in found(gradients=gradients(slope=1.5))


def with_activations(function: str) -> Project:
    project = build("small_sigmoid")
    blocks = [node.name for node in project.network.nodes if node.kind == "vgg"]
    fix = remedies.set_activation(project.network, blocks, function)
    return mended(fix, project)


def test_vanishing_gradients_are_put_down_to_what_the_network_holds() -> None:
    weak = gradients(slope=10.0)

    def why(project: Project) -> str:
        return found(gradients=weak, project=project)["vanishing"].why

    assert "sigmoid has slopes far below 1" in why(build("small_sigmoid"))
    assert "tanh has slopes" in why(with_activations("tanh"))
    plain = why(with_activations("relu"))
    assert "sigmoid" not in plain
    assert "tanh" not in plain
    assert "among these 10 layers there is neither a norm nor a shortcut" in plain
    alike = with_activations("relu")
    for name in ("block1", "block2"):
        alike = mended(Fix("", SetSetting(name, "initialization", "zero")), alike)
    assert "6 of the 10 layers with weights start with all of them alike" in why(alike)
    shortcuts = why(build("quickstart"))
    assert "there is" not in shortcuts
    assert "have become too small" in shortcuts


def test_relus_that_have_died_are_told_and_not_that_gradients_vanish() -> None:
    project = with_activations("relu")
    dead = tuple(Probed(n, ("block1.act1",), ("relu",), (1.0,)) for n in range(3))
    flat = (2.3 + 0.01 * RNG.standard_normal(200)).astype(np.float32)
    given: dict[str, object] = {
        "gradients": gradients(slope=10.0), "project": project, "loss": flat, "batch_norm": False,
    }  # fmt: skip
    codes = [finding.code for finding in examine(vitals(**given, probes=dead))]
    assert codes == ["dead"]
    # One look at them is not enough to say so, but enough to doubt any other reason.
    assert examine(vitals(**given, probes=dead[:1])) == ()


def test_a_gradient_of_exactly_zero_means_dead_relus_where_nobody_looked() -> None:
    rows = gradients()
    rows[100:, :3] = 0
    project = with_activations("relu")
    findings = examine(vitals(gradients=rows, project=project))
    assert [finding.code for finding in findings] == ["dead"]
    assert findings[0].evidence == "The gradient in conv0, conv1 and conv2 is exactly zero."
    assert "dead" not in found(gradients=rows, project=build("small_sigmoid"))


def test_the_number_of_parameters_is_taken_out_of_the_comparison() -> None:
    sizes = tuple(10 ** (n + 1) for n in range(8))
    norms = np.sqrt(np.array(sizes, np.float32))[None].repeat(100, 0)
    assert "vanishing" not in found(gradients=norms, sizes=sizes)


def test_exploding_gradients_name_the_layer_where_they_are_largest() -> None:
    rows = gradients()
    rows[-8:, 5] *= 1e5
    assert found(gradients=rows)["exploding"].layers == ("conv5",)


def probes(kind: str, *shares: float) -> tuple[Probed, ...]:
    return tuple(Probed(n, ("vgg.act1", "other.act"), (kind, kind), (share, 0.1))
                 for n, share in enumerate(shares))  # fmt: skip


def test_dead_relus_are_named_when_three_looks_agree() -> None:
    network = build("quickstart").network
    project = replace(build("quickstart"), network=edits.rename(network, "features", "vgg"))
    finding = found(probes=probes("relu", 0.2, 0.8, 0.7, 0.9), project=project)["dead"]
    assert finding.layers == ("vgg.act1",)
    assert "70 %" in finding.evidence
    after = mended(finding.remedy, project)
    assert after.network.node("vgg").settings["activation"] == "leaky_relu"
    assert "dead" not in found(probes=probes("relu", 0.8, 0.2, 0.9))
    assert "dead" not in found(probes=probes("relu", 0.9, 0.9))


def test_saturated_sigmoids_are_named() -> None:
    assert found(probes=probes("sigmoid", 0.8, 0.7, 0.9))["saturated"].layers == ("vgg.act1",)
    assert "saturated" not in found(probes=probes("sigmoid", 0.3, 0.4, 0.4))
    assert "dead" not in found(probes=probes("sigmoid", 0.8, 0.7, 0.9))


def test_overfitting_is_a_validation_loss_that_rises_while_the_other_falls() -> None:
    over = [epoch(n, 1.0 / n, 0.5 + 0.06 * max(0, n - 4)) for n in range(1, 10)]
    finding = found(epochs=over)["overfitting"]
    assert "in epoch" in finding.evidence
    after = mended(finding.remedy, build("quickstart"))
    assert after.recipe.optimizer.settings["weight_decay"] == 5e-4
    good = [epoch(n, 1.0 / n, 0.5 + 0.3 / n) for n in range(1, 10)]
    assert "overfitting" not in found(epochs=good)
    noisy = [epoch(n, 1.0 / n, 0.5 + 0.05 * (n % 3)) for n in range(1, 10)]
    assert "overfitting" not in found(epochs=noisy)


def test_raw_pixels_are_not_normalized() -> None:
    finding = found(mean=80.0, deviation=70.0)["unnormalized"]
    project = replace(
        build("quickstart"), data=replace(build("quickstart").data, normalization="none")
    )
    assert mended(finding.remedy, project).data.normalization == "standard"
    for mean, deviation in ((0.3, 0.3), (-0.4, 0.6), (0.0, 1.0), (-1.9, 1.1)):
        assert "unnormalized" not in found(mean=mean, deviation=deviation)


def test_batch_norm_over_two_images_is_told_and_without_batch_norm_is_not() -> None:
    project = build("quickstart")
    small = replace(project, recipe=replace(project.recipe, batch_size=2))
    assert mended(found(project=small)["small-batch"].remedy, small).recipe.batch_size == 32
    assert "small-batch" not in found(project=small, batch_norm=False)


def test_a_rare_class_is_named() -> None:
    assert "rare 30" in found(class_counts={"often": 900, "rare": 30})["unbalanced"].evidence
    assert "unbalanced" not in found(class_counts={"often": 900, "rare": 300, "none": 0})


def test_a_device_that_waits_is_told() -> None:
    assert "45 %" in found(waiting=0.45)["starving"].evidence
    assert "starving" not in found(waiting=0.1)
