"""The user's own block: a part of a network under one title, with a color, repeated at will."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import msgspec

from studio.project import comment_limits, graph
from studio.project.blocks.auxiliary import KIND as AUXILIARY
from studio.project.colors import COLORS
from studio.project.kinds import MAX_LAYERS, BlockKind, Mismatch
from studio.project.settings import Choice, Integer, Setting, SettingError, Text, Values
from studio.project.values import Edge, Network, Node, Shape

ENTRY, EXIT = "in", "out"
"""What the ends of an inside are called; the exit is called otherwise where a node has the name."""
MAX_NESTING = 8
MAX_DEPTH = 36
"""Levels of lists and objects in an inside: what eight nested ones need, with a little to spare."""
MAX_REPEATS = 1000
MAX_TITLE = 40


@dataclass(frozen=True, kw_only=True)
class Inside(Setting):
    """A network with one entry and one exit, as the plain values that a project file holds.

    Only its structure is checked here: names, wires, limits. What a node in it does to a shape,
    and whether its kind is known at all, shows when the block is traced.
    """

    @property
    def initial(self) -> dict[str, Any]:
        return plain(
            Network(
                (Node(ENTRY, "entry"), Node("identity", "identity"), Node(EXIT, "exit")),
                (Edge(ENTRY, "identity"), Edge("identity", EXIT)),
            )
        )

    def check(self, value: object) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise SettingError("its inside must be a network")
        read(value)
        return value

    def parse(self, text: str) -> dict[str, Any]:
        try:
            return self.check(json.loads(text))
        except (ValueError, RecursionError) as error:
            if isinstance(error, SettingError):
                raise
            raise SettingError("its inside must be a network as JSON") from None

    def show(self, value: object) -> str:
        return json.dumps(value, separators=(",", ":"))


def plain(network: Network) -> dict[str, Any]:
    """``network`` as the values that JSON has, for the setting ``inside``."""
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(network))
    return content


def read(inside: Mapping[str, Any]) -> Network:
    """The network that ``inside`` holds; raises SettingError in words where it holds none."""
    check_extent(inside)
    try:
        encoded = msgspec.json.encode(inside)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        raise SettingError("its inside holds a value that no file can hold") from None
    return _read(encoded)[0]


def size(inside: Mapping[str, Any]) -> int:
    """How many nodes ``inside`` has, without its ends; raises SettingError as ``read`` does."""
    return len(read(inside).nodes) - 2


@lru_cache(maxsize=512)
def _read(encoded: bytes) -> tuple[Network, int]:
    """The network, its nodes in order, and at least how many layers it expands to."""
    return _check(msgspec.json.decode(encoded), 1)


def check_extent(content: Mapping[str, Any]) -> None:
    """Bounds depth and number of nodes, nested ones included, before anything else is done.

    Raises SettingError.
    """
    nodes = 0
    waiting: list[tuple[Any, int]] = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > MAX_DEPTH:
            raise SettingError(
                f"its inside is nested too deeply: at most {MAX_NESTING} groups lie in one another"
            )
        if isinstance(value, dict):
            listed = value.get("nodes")
            nodes += len(listed) if isinstance(listed, list) else 0
            if nodes > graph.MAX_NODES:
                raise SettingError(
                    f"its inside has more than {graph.MAX_NODES:,} nodes, and no more fit"
                )
            waiting += [(item, depth + 1) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(item, depth + 1) for item in value]


def _check(content: object, nesting: int) -> tuple[Network, int]:
    if nesting > MAX_NESTING:
        raise SettingError(f"at most {MAX_NESTING} groups can lie in one another")
    try:
        network = msgspec.convert(content, Network)
    except msgspec.ValidationError as error:
        raise SettingError(f"its inside cannot be read: {str(error)[:200]}") from None
    _check_names(network)
    _check_wires(network)
    for note in network.comments:
        if reason := comment_limits.fault(note):
            raise SettingError(f"its inside cannot be read: {reason}")
    layers = 0
    for node in network.nodes:
        count = 1
        if node.kind == "group":
            # Left out, it is the initial one, which is known to be sound.
            within = node.settings.get("inside")
            count = _check(within, nesting + 1)[1] if within is not None else 1
        layers += count * _repeats(node)
        _check_layers(layers)
    sequence, behind = graph.order(network)
    if behind:
        around = ", ".join(graph.on_cycle(network, behind)[:5])
        raise SettingError(f"in its inside a circle leads through {around}")
    nodes = {node.name: node for node in network.nodes}
    return msgspec.structs.replace(network, nodes=tuple(nodes[name] for name in sequence)), layers


def _repeats(node: Node) -> int:
    given = node.settings.get("repeats", 1)
    return given if isinstance(given, int) and 1 <= given <= MAX_REPEATS else 1


def _check_layers(layers: int) -> None:
    if layers > MAX_LAYERS:
        raise SettingError(
            f"with its repeats it holds more than {MAX_LAYERS:,} layers: repeat it, or what is "
            "inside it, less often"
        )


def _check_names(network: Network) -> None:
    counts = Counter(node.name for node in network.nodes)
    for node in network.nodes:
        if node.kind in ("input", "output", AUXILIARY):
            raise SettingError(
                f"in its inside stands the {node.kind} {node.name[:40]!r}, which belongs to a "
                "whole network"
            )
        if counts[node.name] > 1:
            raise SettingError(f"in its inside {counts[node.name]} nodes are called {node.name!r}")
        end = node.kind in ("entry", "exit") and node.name in (ENTRY, EXIT)
        if not end and (reason := graph.name_problem(node.name)):
            raise SettingError(f"in its inside {node.name[:40]!r} cannot be a name: {reason}")
    for kind in ("entry", "exit"):
        count = sum(node.kind == kind for node in network.nodes)
        if count != 1:
            raise SettingError(f"its inside has {count or 'no'} {kind}, and needs one")
    if len(network.nodes) < 3:
        raise SettingError("its inside holds nothing between its entry and its exit")


def _check_wires(network: Network) -> None:
    kinds = {node.name: node.kind for node in network.nodes}
    ports: set[tuple[str, int]] = set()
    fed: Counter[str] = Counter()
    feeding: Counter[str] = Counter()
    for edge in network.edges:
        for end in (edge.source, edge.target):
            if end not in kinds:
                raise SettingError(
                    f"in its inside a wire leads to {end[:40]!r}, which is not there"
                )
        if edge.port < 0 or (edge.target, edge.port) in ports:
            raise SettingError(
                f"in its inside a wire leads to input {edge.port + 1} of {edge.target}, where none "
                "fits, or no second one"
            )
        ports.add((edge.target, edge.port))
        fed[edge.target] += 1
        feeding[edge.source] += 1
    for name, kind in kinds.items():
        if bool(fed[name]) == (kind == "entry"):
            what = "something feeds its entry" if kind == "entry" else f"nothing feeds {name}"
            raise SettingError(f"in its inside {what}")
        if bool(feeding[name]) == (kind == "exit"):
            what = "its exit feeds something" if kind == "exit" else f"{name} feeds nothing"
            raise SettingError(f"in its inside {what}")
        if kind == "exit" and fed[name] > 1:
            raise SettingError(f"in its inside {fed[name]} wires lead to the exit; one fits")


def _expand(values: Values, shape: Shape) -> Network:
    repeats = values["repeats"]
    network, layers = _read(msgspec.json.encode(values["inside"]))
    if repeats == 1:
        return network
    try:
        _check_layers(layers * repeats)
    except SettingError as error:
        raise Mismatch(str(error)) from None
    once = {name: value for name, value in values.items() if name != "repeats"}
    names = [str(number) for number in range(repeats)]
    ends = (ENTRY, *names), (*names, EXIT)
    return Network(
        (Node(ENTRY, "entry"), *(Node(name, "group", once) for name in names), Node(EXIT, "exit")),
        tuple(Edge(source, target) for source, target in zip(*ends, strict=True)),
    )


GROUP = BlockKind(
    kind="group",
    title="Group",
    family="group",
    help=(
        "A block of your own: what it holds stands under one name and can be used again, in this "
        "network and in others. Opened, its inside can be edited in its place."
    ),
    settings=(
        Text(name="title", title="Title", default="Group", longest=MAX_TITLE,
             help="What the block is called; in exported source it is the name of its class."),
        Choice(name="color", title="Color", default="violet",
               choices=tuple((word, word) for word in COLORS),
               help="The band on its card, here and in the palette."),
        Integer(name="repeats", title="Repeats", default=1, minimum=1, maximum=MAX_REPEATS,
                help="How many of it stand in a row, each with weights of its own."),
        Inside(name="inside", title="Inside", hidden=True,
               help="The network it stands for, with one entry and one exit."),
    ),
    chips=lambda values: (f"×{values['repeats']}",) if values["repeats"] > 1 else (),
    own_title=lambda values: str(values.get("title", "Group"))[:MAX_TITLE],
    own_family=lambda values: COLORS.get(str(values.get("color", "violet")), "group"),
    expand=_expand,
)  # fmt: skip
