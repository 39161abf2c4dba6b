"""new, templates and describe as a user calls them: output to the letter, sentences, statuses."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from studio.commands.main import main
from studio.project import codec
from studio.project.templates import TEMPLATES, build
from studio.project.values import Edge, Network, Node, Project


def call(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    try:
        status = main(arguments)
    except SystemExit as leaving:
        status = int(leaving.code or 0)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_describe_json_has_the_contracts_keys_and_nothing_else(
    capsys: pytest.CaptureFixture[str],
) -> None:
    status, out, _ = call(capsys, "describe", "resnet50", "--json")
    assert status == 0
    described = json.loads(out)
    assert list(described) == ["input", "layers", "parameters", "macs", "problems"]
    assert described["input"] == [3, 224, 224]
    assert described["parameters"] == sum(row["parameters"] for row in described["layers"])
    assert described["macs"] == sum(row["macs"] for row in described["layers"]) == 4_089_184_256
    for row in described["layers"]:
        assert list(row) == ["name", "kind", "block", "output", "parameters", "macs",
                             "receptive_field"]  # fmt: skip
    assert described["layers"][-1] == {
        "name": "fc", "kind": "linear", "block": None, "output": [1000],
        "parameters": 2_049_000, "macs": 2_048_000,
        "receptive_field": described["layers"][-1]["receptive_field"],
    }  # fmt: skip


def test_describe_takes_another_input_size(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "describe", "resnet18", "--input", "1x64x48", "--json")
    described = json.loads(out)
    assert described["input"] == [1, 64, 48]
    assert described["layers"][0]["output"] == [64, 32, 24]


def test_describe_runs_without_torch_and_qt() -> None:
    code = (
        "import sys\n"
        "from studio.commands.main import main\n"
        "main(['describe', 'resnet152', '--json'])\n"
        "heavy = {'torch', 'torchvision', 'PySide6', 'numpy'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_describe_lists_problems_and_fails(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    from studio.project import edits

    project = build("quickstart")
    network = edits.remove_nodes(project.network, ["head"])
    path = tmp_path / "broken.studio"
    codec.save(type(project)(network, project.data, project.recipe), path)
    status, out, _ = call(capsys, "describe", str(path), "--json")
    assert status == 1
    problem = json.loads(out)["problems"][0]
    assert problem["node"] == "output"
    assert problem["fix"] == "Put a linear layer before it"
    status, out, _ = call(capsys, "describe", str(path))
    assert status == 1
    assert "problem: output: " in out


def test_templates_lists_all_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = call(capsys, "templates", "--json")
    assert [entry["name"] for entry in json.loads(out)["templates"]] == list(TEMPLATES)
    _, out, _ = call(capsys, "templates")
    assert len(out.splitlines()) == len(TEMPLATES) + 1


def test_new_writes_a_project_that_describe_reads(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "a net.studio"
    arguments = ("new", "resnet18", "-o", str(path), "--input", "3x64x64", "--classes", "7")
    assert call(capsys, *arguments)[0] == 0
    _, out, _ = call(capsys, "describe", str(path), "--json")
    assert json.loads(out)["layers"][-1]["output"] == [7]
    status, _, err = call(capsys, *arguments)
    assert status == 1
    assert "exists already" in err


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("describe", "nothing"), 1, "neither a project file nor a template"),
        (("describe", "nothing.studio"), 1, "there is no file"),
        (("describe",), 2, "FILE-or-TEMPLATE"),
        (("describe", "lenet5", "--input", "big"), 2, "no input size"),
        (("describe", "lenet5", "--input", "3x0x9"), 1, "1 to 4096"),
        (("new", "resnet19", "-o", "x.studio"), 1, "no template 'resnet19'"),
        (("new", "lenet5"), 2, "-o"),
        (("new", "lenet5", "-o", "x.studio", "--classes", "1"), 2, "2 or more"),
        (("new", "vgg16", "-o", "x.studio", "--input", "3x8x8"), 1, "does not fit that input"),
        (("new", "lenet5", "-o", "/nowhere/at/all/x.studio"), 1, "folder does not exist"),
    ],
)
def test_a_wrong_call_is_answered_in_one_sentence(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], status: int, words: str
) -> None:
    code, out, err = call(capsys, *arguments)
    assert code == status
    assert out == ""
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_a_reader_that_goes_away_is_no_error() -> None:
    command = f"{shlex.quote(sys.executable)} -m studio describe cifar_resnet1202 | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize(
    ("count", "kernel", "parameters", "operations"),
    [(2, 3, 20, 36), (1, 5, 26, 50), (3, 3, 30, 54), (1, 7, 50, 98)],
)
def test_the_lectures_arithmetic_is_reproduced_on_a_network_of_one_channel(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    count: int,
    kernel: int,
    parameters: int,
    operations: int,
) -> None:
    settings = {"convolutions": count, "kernel": kernel, "channels": 1, "batch_norm": False,
                "pooling": "none"}  # fmt: skip
    nodes = (
        Node("input", "input", {"channels": 1, "height": 16, "width": 16}),
        Node("block", "vgg", settings),
        Node("pool", "global_pooling"),
        Node("head", "linear"),
        Node("output", "output"),
    )
    edges = tuple(Edge(a.name, b.name) for a, b in pairwise(nodes))
    codec.save(Project(Network(nodes, edges)), tmp_path / "one.studio")
    status, out, _ = call(capsys, "describe", str(tmp_path / "one.studio"), "--json")
    assert status == 0
    rows = [row for row in json.loads(out)["layers"] if row["block"] == "block"]
    assert sum(row["parameters"] for row in rows) == parameters
    # The lecture counts multiplications and additions, at one place of the map.
    assert 2 * sum(row["macs"] for row in rows) == operations * 16 * 16
    reach = count * (kernel - 1) + 1
    assert rows[-1]["receptive_field"] == [reach, reach]
