"""The whole path on a real X display: a window, three blocks by drag and drop, a run, an export.

Then a process that has torch alone classifies held-out digits with the accuracy the app showed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from studio.project import codec
from studio.project.analysis import analyze
from studio.project.layout import tidy
from studio.project.values import Chosen, Edge, Network, Node, Project, Recipe

CHECKOUT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.display,
    pytest.mark.slow,
    pytest.mark.skipif(
        not os.environ.get("DISPLAY") or shutil.which("xdotool") is None,
        reason="needs an X display and xdotool; the test command brings both",
    ),
]


def environment(home: Path) -> dict[str, str]:
    """The caller's, with a home of the test's own and without a choice of Qt platform."""
    own = {key: value for key, value in os.environ.items() if key != "QT_QPA_PLATFORM"}
    return {**own, "HOME": str(home), "XDG_CONFIG_HOME": str(home / "config")}


def unbuilt() -> Project:
    """Input, pooling, head and output, wired: the blocks are still to come."""
    size = {"channels": 1, "height": 32, "width": 32}
    nodes = (Node("input", "input", size), Node("pool", "global_pooling"),
             Node("head", "linear"), Node("output", "output"))  # fmt: skip
    wires = (Edge("input", "pool"), Edge("pool", "head"), Edge("head", "output"))
    network = tidy(Network(nodes, wires))
    spread = tuple(replace(node, y=node.y * 4) for node in network.nodes)
    recipe = Recipe(optimizer=Chosen("momentum"), learning_rate=0.05, epochs=3, batch_size=64)
    return Project(Network(spread, wires), recipe=recipe)


def validation_digits(folder: Path, run: Path) -> list[tuple[Path, str]]:
    """The digits that the run was validated with, as image files, with their classes."""
    from PIL import Image

    from studio.engine.data import DataReader

    project = codec.load(run / "project.studio")
    data = DataReader().read(project.data, (1, 32, 32), lambda done, total: None)
    folder.mkdir()
    files = []
    for position in data.splits["validation"]:
        path = folder / f"{position}.png"
        Image.fromarray(data.pixels[position, 0]).save(path)
        files.append((path, data.classes[data.labels[position]]))
    return files


def test_from_the_first_window_to_a_model_that_works_elsewhere(tmp_path: Path) -> None:
    project = tmp_path / "my first.studio"
    codec.save(unbuilt(), project)
    seen_folder = tmp_path / "seen"
    seen_folder.mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.walk", str(project), str(seen_folder)],
        cwd=CHECKOUT, env=environment(tmp_path), capture_output=True, text=True, timeout=1200,
        check=False,
    )  # fmt: skip
    if kept := os.environ.get("JOURNEY_PICTURES"):
        shutil.copytree(seen_folder, kept, dirs_exist_ok=True)
    seen = json.loads((seen_folder / "seen.json").read_text())
    assert seen["failure"] == ""
    assert done.returncode == 0
    assert done.stderr == ""
    assert seen["dangling"].startswith("residual: nothing feeds it")
    assert seen["residual_output"][0] == 32
    assert seen["paused_epochs"] < len(seen["accuracies"]) == 3
    saved = codec.load(project)
    assert {node.kind for node in saved.network.nodes} >= {"vgg", "inception", "residual"}

    files = validation_digits(tmp_path / "digits", Path(seen["run"]))
    answers = classify(seen_folder / "network.py", [path for path, _ in files])
    right = sum(answers[str(path)] == truth for path, truth in files)
    assert right / len(files) == pytest.approx(max(seen["accuracies"]), abs=1e-6)


def test_a_network_is_built_with_the_keyboard_alone(tmp_path: Path) -> None:
    project = tmp_path / "keys.studio"
    codec.save(Project(), project)
    done = subprocess.run(
        [sys.executable, "-m", "tests.journeys.keys", str(project), str(tmp_path)],
        cwd=CHECKOUT, env=environment(tmp_path), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    seen = json.loads((tmp_path / "seen.json").read_text())
    assert seen["failure"] == ""
    assert done.returncode == 0
    assert done.stderr == ""
    assert seen["problems"] > 0
    saved = codec.load(project).network
    assert {Edge("vgg", "residual"), Edge("residual", "add", 0), Edge("vgg", "add", 1)} <= {
        *saved.edges
    }
    assert analyze(saved).problems == ()


def classify(program: Path, images: list[Path]) -> dict[str, str]:
    """The top class of each image, by the exported program in an isolated process."""
    done = subprocess.run(
        [sys.executable, "-I", str(program), *map(str, images)],
        cwd=program.parent, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    answers = {}
    for line in done.stdout.splitlines():
        name, _, rest = line.rpartition(": ") if line.count(": ") == 1 else line.partition(": ")
        answers[name] = rest.split(" ")[0].rstrip(":")
    return answers


def test_the_one_command_opens_the_quick_start(tmp_path: Path) -> None:
    """In a checkout that is set up, the bootstrap's command leads to the window."""
    if Path(sys.prefix) == CHECKOUT / ".venv":
        command = [sys.executable, str(CHECKOUT / "packaging" / "bootstrap.py")]
    else:
        command = [sys.executable, "-m", "studio", "app", "--quickstart"]
    process = subprocess.Popen(command, cwd=CHECKOUT, env=environment(tmp_path))
    try:
        title = "quickstart - Training Studio"
        deadline = time.monotonic() + 60
        window = ""
        while not window and time.monotonic() < deadline:
            time.sleep(0.2)
            found = subprocess.run(["xdotool", "search", "--onlyvisible", "--name", title],
                                   capture_output=True, text=True, check=False)  # fmt: skip
            window = found.stdout.strip().split("\n")[0]
        assert window, "no window came up"
        time.sleep(2)
        subprocess.run(["xdotool", "windowactivate", "--sync", window, "key", "ctrl+q"], check=True)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
