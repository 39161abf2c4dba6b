"""What the source is made of: constructor calls and functions whose numbers are still slots.

Every part has a ``key``, equal for two parts that differ in numbers only, and ``slots``, these
numbers in a fixed order. Blocks with one key become one class, and the slots that differ between
its uses become the class's parameters.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field, replace

Number = int | float | bool

CHANNELS = "channels"
"""The unit of slots that count channels or features; they are parameters wherever they occur."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A number in the source; ``value`` is None where an optional part is absent.

    Only slots of one ``unit`` may become one parameter: a stride of 1 is not a padding of 1.
    """

    name: str
    value: Number | None
    unit: str
    default: Number | None = None
    positional: bool = False
    wanted: bool = False


@dataclass(frozen=True)
class Call:
    """A layer: the constructor ``head``, its numbers, and arguments that are words."""

    head: str
    slots: tuple[Slot, ...] = ()
    words: tuple[str, ...] = ()

    @property
    def key(self) -> Hashable:
        return self.head, tuple((slot.name, slot.default) for slot in self.slots), self.words


@dataclass(frozen=True)
class Function:
    """A layer without numbers, written in ``forward``; ``module`` makes the same in a row.

    ``template`` holds ``{0}`` for the input; for a merge it is what joins the inputs, or holds
    ``{0}``, ``{1}``, ... for them.
    """

    template: str
    module: str = ""
    slots: tuple[Slot, ...] = ()

    @property
    def merges(self) -> bool:
        """Whether it takes several inputs."""
        return not self.module

    @property
    def key(self) -> Hashable:
        return self.template


@dataclass(frozen=True)
class Row:
    """Parts one after another that need no class of their own: ``nn.Sequential``.

    Each entry is a part and how often it is repeated. ``labels`` holds the children's names where
    they do not count from 0.
    """

    entries: tuple[tuple[Part, int], ...]
    labels: tuple[str, ...] = ()
    slots: tuple[Slot, ...] = field(init=False)
    key: Hashable = field(init=False)

    def __post_init__(self) -> None:
        slots: list[Slot] = []
        for part, count in self.entries:
            slots += part.slots
            if count > 1:
                slots.append(Slot("repeats", count, "repeats", wanted=True))
        object.__setattr__(self, "slots", tuple(slots))
        kinds = tuple((part.key, count > 1) for part, count in self.entries)
        object.__setattr__(self, "key", ("row", self.labels, kinds))


@dataclass(frozen=True)
class Maybe:
    """A part that some of the blocks of a class have and others lack, such as a projection."""

    name: str
    part: Part
    present: bool
    slots: tuple[Slot, ...] = field(init=False)

    def __post_init__(self) -> None:
        inner = self.part.slots
        if not self.present:
            inner = tuple(replace(slot, value=None) for slot in inner)
        flag = Slot(self.name, self.present, f"has {self.name}", default=False, wanted=True)
        object.__setattr__(self, "slots", (flag, *inner))

    @property
    def key(self) -> Hashable:
        return "maybe", self.name, self.part.key


@dataclass(frozen=True)
class Child:
    """A part in its place in a block's ``forward``; ``sources`` feed it, in order."""

    name: str
    sources: tuple[str, ...]
    part: Part


@dataclass(frozen=True)
class Loop:
    """Children named with a running number (``conv1``, ``bn1``, ``conv2``, ...) in a chain.

    ``first`` holds the parts of the first round, ``others`` those of all later rounds; they
    differ in slots only. With one round the slots of ``others`` are unknown.
    """

    stems: tuple[str, ...]
    first: tuple[Part, ...]
    others: tuple[Part, ...]
    rounds: int
    slots: tuple[Slot, ...] = field(init=False)

    def __post_init__(self) -> None:
        slots = [Slot("repeats", self.rounds, "repeats", wanted=True)]
        for part in self.first:
            slots += part.slots
        for part in self.others:
            known = self.rounds > 1
            slots += (slot if known else replace(slot, value=None) for slot in part.slots)
        object.__setattr__(self, "slots", tuple(slots))

    @property
    def key(self) -> Hashable:
        return "loop", self.stems, tuple(part.key for part in self.first)


@dataclass(frozen=True)
class Use:
    """A block that has a class: the class is found by ``key`` when it is written.

    ``channels`` is the number of channels that come in, ``settings`` the block's own values: they
    give the parameters their names. ``result`` is the child whose output goes out.
    """

    kind: str
    title: str
    source: str
    channels: int
    settings: dict[str, object] = field(hash=False)
    children: tuple[Child, ...]
    result: str
    loop: Loop | None = None
    slots: tuple[Slot, ...] = field(init=False)
    key: Hashable = field(init=False)

    def __post_init__(self) -> None:
        slots: list[Slot] = list(self.loop.slots) if self.loop else []
        for child in self.children:
            slots += child.part.slots
        object.__setattr__(self, "slots", tuple(slots))
        if self.loop:
            # A chain: where the children behind the loop take their input from depends on its
            # rounds, and the class is the same.
            chain = tuple((child.name, child.part.key) for child in self.children)
            key: Hashable = ("chain", self.kind, self.title, self.loop.key, chain)
        else:
            places = tuple((child.name, child.sources, child.part.key) for child in self.children)
            key = ("graph", self.kind, self.title, places, self.result)
        object.__setattr__(self, "key", key)

    def inner(self) -> Iterator[Use]:
        """The uses of classes inside, innermost first."""
        parts = [child.part for child in self.children]
        if self.loop:
            parts = [*self.loop.first, *self.loop.others, *parts]
        for part in parts:
            yield from uses(part)


Part = Call | Function | Row | Maybe | Use


def uses(part: Part) -> Iterator[Use]:
    """The uses of classes in ``part``, innermost first, itself included."""
    match part:
        case Use():
            yield from part.inner()
            yield part
        case Row():
            for entry, _ in part.entries:
                yield from uses(entry)
        case Maybe():
            yield from uses(part.part)
        case _:
            return
