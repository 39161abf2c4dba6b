"""`studio bench peers` and `telemetry` on tiny networks, and that the peers train the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch.nn import functional

from studio.commands import bench
from studio.commands.benchmarks import peer, peers, telemetry
from studio.commands.benchmarks.harness import BenchmarkFailed
from studio.commands.benchmarks.telemetry import Subject
from studio.commands.main import main
from studio.engine.assembly import Assembly
from tests.engine.helpers import write_images

TASK = peer.Task("lenet5", batch_size=8, images=24, device="cpu", precision="float32")


def progress(done: int, total: int) -> None:
    """Nobody looks."""


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """Leaves torch the threads that it had."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def none_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_is_installed", lambda package: False)


@pytest.fixture
def within(monkeypatch: pytest.MonkeyPatch) -> list[peer.Task]:
    """Trains in this process in place of many; the tasks that were trained."""
    tasks: list[peer.Task] = []

    def speed(name: str, task: peer.Task) -> float:
        tasks.append(task)
        return peer.PEERS[name](peer.prepare(task))

    monkeypatch.setattr(peers, "_case", lambda name, task: lambda: speed(name, task))
    return tasks


def test_peers_measures_what_is_there_and_says_how_to_install_the_others(
    none_installed: None, within: list[peer.Task]
) -> None:
    report = peers.measure(5, progress, device="cpu", batch_size=8, steps=3)
    names = ["plain PyTorch", "ours", "ours, added a step"]
    assert [case.name for case in report.cases] == names
    assert [len(case.samples) for case in report.cases] == [5, 5, 5]
    ours, plain = report.case("ours").samples, report.case("plain PyTorch").samples
    added = [1000 * 8 / one - 1000 * 8 / other for one, other in zip(ours, plain, strict=True)]
    assert report.case("ours, added a step").samples == pytest.approx(added)
    assert "-m pip install lightning keras" in report.notes[-1]
    assert len({*within}) == 1  # all had the same task
    assert within[0].images == 24


def test_a_process_of_its_own_prints_images_per_second() -> None:
    assert peers._case("plain PyTorch", TASK)() > 0


def test_a_peer_that_fails_is_named_with_its_last_words() -> None:
    broken = peer.Task("no_such_network", 8, 24, "cpu", "float32")
    with pytest.raises(BenchmarkFailed, match=r"^ours ended with 1: .*no template"):
        peers._case("ours", broken)()


def test_images_of_a_folder_are_cut_to_the_steps_that_are_asked_for(tmp_path: Path) -> None:
    write_images(tmp_path, {"a": 20, "b": 20})
    task = peer.Task("lenet5", 8, 16, "cpu", "float32", str(tmp_path))
    data = peer.prepare(task).data
    assert data.classes == ("a", "b")
    assert [len(data.splits[name]) for name in ("train", "validation")] == [16, 2]
    assert not {*data.splits["train"]} & {*data.splits["validation"]}


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("peers", "--network", "nonsense"), 1, "no template 'nonsense'"),
        (("peers", "--data", "/no/such/folder"), 1, "does not exist"),
        (("peers", "--batch-size", "0"), 1, "batch must lie between 1"),
        (("loop", "--network", "lenet5"), 2, "loop takes no --network"),
        (("telemetry", "--batch-size", "8"), 2, "telemetry takes no --batch-size"),
    ],
)
def test_what_cannot_be_measured_is_refused_in_one_sentence(
    arguments: tuple[str, ...], status: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == status
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_the_help_lists_both(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["bench", "--help"])
    said = capsys.readouterr().out
    assert "peers" in said
    assert "telemetry" in said
    assert {"peers", "telemetry"} <= {*bench.NAMES}


def test_telemetry_tells_norms_and_what_the_loop_adds() -> None:
    subjects = (
        Subject("one", "lenet5", (1, 16, 16), 4),
        Subject("two", "lenet5", (1, 16, 16), 4, short=True),
    )
    report = telemetry.measure(5, progress, device="cpu", subjects=subjects, seconds=0.02)
    step = ("bare step", "with norms", "norms")
    loop = ("bare loop", "with telemetry", "added besides the norms")
    names = [f"one, {case}" for case in step] + [f"two, {case}" for case in (*step, *loop)]
    assert [case.name for case in report.cases] == names
    added, bare, whole, norms = (
        report.case(f"two, {case}").samples
        for case in ("added besides the norms", "bare loop", "with telemetry", "norms")
    )
    rest = [b - a - c for a, b, c in zip(bare, whole, norms, strict=True)]
    assert added == pytest.approx(rest)
    assert all(0 < value < 1000 for value in (*bare, *whole))
    assert len(report.goals) == 2
    assert report.notes[-1] == "Waits for a GPU were not counted, which CUDA alone can do."


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")
def test_waits_for_the_gpu_are_counted() -> None:
    from studio.commands.benchmarks.waits import counted

    numbers = torch.ones(3, device="cuda")
    assert counted(lambda: None) == 0
    assert counted(lambda: [numbers.sum().item() for _ in range(3)].clear()) == 3


@pytest.fixture
def tools(monkeypatch: pytest.MonkeyPatch) -> list[Assembly]:
    """What a peer trained."""
    made: list[Assembly] = []
    assemble = peer.Setup.assemble

    def keep(setup: peer.Setup) -> Assembly:
        made.append(assemble(setup))
        return made[-1]

    monkeypatch.setattr(peer.Setup, "assemble", keep)
    return made


def weights(tools: Assembly) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in tools.module.parameters()])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "packages"), [("Lightning", ("lightning", "pytorch_lightning")), ("Keras", ("keras",))]
)
def test_a_peer_ends_with_the_weights_of_plain_torch(
    name: str, packages: tuple[str, ...], tools: list[Assembly], monkeypatch: pytest.MonkeyPatch
) -> None:
    if not any(map(peers._is_installed, packages)):
        pytest.skip(f"{name} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    setup = peer.prepare(TASK)
    assert peer.PEERS[name](setup) > 0
    plain = setup.assemble()
    start = weights(plain)
    for epoch in range(setup.project.recipe.epochs):
        for images, labels in plain.feed.batches(epoch):
            functional.cross_entropy(plain.module(images), labels).backward()
            plain.optimizer.step()
            plain.optimizer.zero_grad()
    moved = float((weights(plain) - start).abs().max())
    assert weights(tools[0]) == pytest.approx(weights(plain).numpy(), abs=1e-4 * moved)
