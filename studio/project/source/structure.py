"""From the traced network to parts: which nodes are a layer, a row of parts or a class's block."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from studio.project import tracing
from studio.project.kinds import BlockKind
from studio.project.settings import Integer
from studio.project.source.layers import PASSING, write_block, write_layer
from studio.project.source.parts import Child, Loop, Maybe, Part, Row, Use
from studio.project.tracing import Step, Trace
from studio.project.values import Node

ENTRY = ""
"""The name under which ``sources`` refer to a block's input."""

Signature = tuple[Hashable, ...]


@dataclass(frozen=True)
class _Option:
    """A step that some blocks of a kind have and others lack; it feeds ``port`` of ``consumer``."""

    step: Step
    position: int
    consumer: str
    port: int


def _signature(kind: str, steps: Sequence[Step]) -> Signature:
    """What blocks have in common that may share a class, if numbers are left out."""
    return kind, tuple((step.name, step.trace.kind.kind, step.sources) for step in steps)


class Survey:
    """What the blocks of a whole network have in common, found before any part is made."""

    def __init__(self, steps: Sequence[Step]) -> None:
        self._traces: dict[int, Trace] = {}
        self._look_into(steps)
        self._options = self._find_options()
        self._rounds: dict[str, set[int]] = defaultdict(set)
        for trace in self._traces.values():
            if run := _running_numbers(trace.steps):
                self._rounds[trace.kind.kind].add(run.rounds)

    def _look_into(self, steps: Sequence[Step]) -> None:
        for step in steps:
            if step.trace.steps and id(step.trace) not in self._traces:
                self._traces[id(step.trace)] = step.trace
                self._look_into(step.trace.steps)

    def _find_options(self) -> dict[Signature, _Option]:
        known = {_signature(t.kind.kind, t.steps): t for t in self._traces.values()}
        options = {}
        for trace in known.values():
            for position, step in enumerate(trace.steps):
                option = _option(trace.steps, position, step)
                if option is None:
                    continue
                shorter = _signature(trace.kind.kind, _without(trace.steps, option))
                if shorter in known:
                    options[shorter] = option
        return options

    def missing(self, trace: Trace) -> _Option | None:
        """The step that this block lacks and others of its class have."""
        return self._options.get(_signature(trace.kind.kind, trace.steps))

    def optional(self, trace: Trace) -> _Option | None:
        """The step that this block has and others of its class lack."""
        for position, step in enumerate(trace.steps):
            option = _option(trace.steps, position, step)
            if option is not None:
                shorter = _signature(trace.kind.kind, _without(trace.steps, option))
                if shorter in self._options:
                    return option
        return None

    def loops(self, kind: str) -> bool:
        """Whether blocks of ``kind`` are written with a loop: for three rounds, or where the
        number of rounds differs."""
        rounds = self._rounds[kind]
        return max(rounds, default=0) >= 3 or len(rounds) > 1


def _option(steps: Sequence[Step], position: int, step: Step) -> _Option | None:
    """The step as one that could be left out: one source, and one consumer with other inputs."""
    consumers = [s for s in steps if step.name in s.sources]
    if len(step.sources) != 1 or len(consumers) != 1 or len(consumers[0].sources) < 2:
        return None
    consumer = consumers[0]
    return _Option(step, position, consumer.name, consumer.sources.index(step.name))


def _without(steps: Sequence[Step], option: _Option) -> list[Step]:
    gone, source = option.step.name, option.step.sources[0]
    return [
        Step(
            step.name,
            tuple(source if name == gone else name for name in step.sources),
            step.inputs,
            step.trace,
            step.span,
            step.depth,
        )
        for step in steps
        if step.name != gone
    ]


@dataclass(frozen=True)
class _Run:
    """Steps ``start`` to ``stop`` are ``rounds`` rounds of layers ``stems``, numbered from 1."""

    stems: tuple[str, ...]
    rounds: int
    start: int
    stop: int


def _running_numbers(steps: Sequence[Step]) -> _Run | None:
    """The numbered layers a chain begins with (``conv1``, ``bn1``, ``conv2``, ``bn2``, ...).

    The first round may differ from the others in its numbers, these not from one another.
    """
    if not is_chain(steps):
        return None
    rounds: list[list[Step]] = []
    stop = 1
    while round_ := _round(steps[stop:-1], len(rounds) + 1):
        names, kinds = _stems(round_), [step.trace.kind for step in round_]
        if rounds and (
            names != _stems(rounds[0]) or kinds != [step.trace.kind for step in rounds[0]]
        ):
            break
        if len(rounds) > 1 and not all(map(_alike, round_, rounds[1])):
            break
        rounds.append(round_)
        stop += len(round_)
    return _Run(_stems(rounds[0]), len(rounds), 1, stop) if rounds else None


def _round(steps: Sequence[Step], number: int) -> list[Step]:
    """The layers that ``steps`` begins with whose names are letters and then ``number``."""
    found: list[Step] = []
    for step in steps:
        stem = step.name.removesuffix(str(number))
        if stem == step.name or not stem.isalpha() or step.trace.steps:
            break
        found.append(step)
    return found


def _stems(steps: Sequence[Step]) -> tuple[str, ...]:
    return tuple(step.name.rstrip("0123456789") for step in steps)


def _alike(one: Step, other: Step) -> bool:
    """Whether two layers of one kind are written with the same numbers."""
    return one.trace.values == other.trace.values and one.inputs[0][0] == other.inputs[0][0]


def is_chain(steps: Sequence[Step]) -> bool:
    """Whether each step takes the output of the one before it and nothing else."""
    return all(step.sources == (before.name,) for before, step in pairwise(steps))


class Parts:
    """Makes parts of steps, each block once."""

    def __init__(self, survey: Survey) -> None:
        self._survey = survey
        self._made: dict[int, tuple[Trace, Part]] = {}

    def of(self, step: Step) -> Part:
        """The part that stands for a layer or block."""
        if not step.trace.steps:
            return write_layer(step)
        if written := write_block(step):
            return written
        if id(step.trace) not in self._made:
            # The trace is kept with it, so that its id stays its own.
            self._made[id(step.trace)] = step.trace, self._block(step)
        return self._made[id(step.trace)][1]

    def _block(self, step: Step) -> Part:
        steps = step.trace.steps
        inner = steps[1:-1]
        if inner and is_chain(steps) and all(s.name.isdigit() for s in inner):
            return self._row(inner)
        return self._use(step)

    def _row(self, steps: Sequence[Step]) -> Row:
        parts = [self.of(step) for step in steps]
        labels = tuple(step.name for step in steps)
        if labels != tuple(str(number) for number in range(len(steps))):
            return Row(tuple((part, 1) for part in parts), labels)
        entries: list[tuple[Part, int]] = []
        for part in parts:
            if entries and _same(entries[-1][0], part):
                entries[-1] = part, entries[-1][1] + 1
            else:
                entries.append((part, 1))
        return Row(tuple(entries))

    def _use(self, step: Step) -> Use:
        trace = step.trace
        loop = None
        left: Sequence[Step] = trace.steps
        own = trace.kind.own_title is not None
        run = _running_numbers(trace.steps) if not own else None
        if run is not None and self._survey.loops(trace.kind.kind):
            size = len(run.stems)
            first = tuple(self.of(s) for s in trace.steps[run.start : run.start + size])
            others = first
            if run.rounds > 1:
                others = tuple(self.of(s) for s in trace.steps[run.start + size :][:size])
            loop = Loop(run.stems, first, others, run.rounds)
            left = (trace.steps[0], *trace.steps[run.stop :])
        return Use(
            kind=trace.kind.kind,
            title=trace.kind.title_of(trace.values),
            source=trace.kind.source,
            channels=step.inputs[0][0],
            # None of a user's own block's settings is a number of its inside.
            settings=trace.values if not own else {},
            children=tuple(self._children(trace, left)),
            result=_source_of_exit(trace.steps),
            loop=loop,
        )

    def _children(self, trace: Trace, steps: Sequence[Step]) -> list[Child]:
        missing = optional = None
        if trace.kind.own_title is None:
            # Blocks that users made share a class only where they hold the same.
            missing, optional = self._survey.missing(trace), self._survey.optional(trace)
        entries = {step.name for step in trace.steps if step.trace.kind.kind == "entry"}
        children = []
        for step in steps:
            if missing and step is trace.steps[missing.position]:
                absent = Maybe(missing.step.name, self.of(missing.step), present=False)
                children.append(Child(missing.step.name, _from(missing.step, entries), absent))
            if step.trace.kind.kind in PASSING:
                continue
            sources = list(_from(step, entries))
            if missing and step.name == missing.consumer:
                sources[missing.port] = missing.step.name
            part = self.of(step)
            if optional and step.name == optional.step.name:
                part = Maybe(step.name, part, present=True)
            children.append(Child(step.name, tuple(sources), part))
        return children

    def network(self, steps: Sequence[Step], title: str) -> Use:
        """The whole network, from the node ``input`` to the node ``output``."""
        entries = {step.name for step in steps if step.trace.kind.kind == "input"}
        children = [
            Child(step.name, _from(step, entries), self.of(step))
            for step in steps
            if step.trace.kind.kind not in PASSING
        ]
        result = next(step.sources[0] for step in steps if step.trace.kind.kind == "output")
        return Use("", title, "", 0, {}, tuple(children), "" if result in entries else result)


def _same(one: Part, other: Part) -> bool:
    return one is other or (one.key == other.key and one.slots == other.slots)


def _from(step: Step, entries: set[str]) -> tuple[str, ...]:
    return tuple(ENTRY if name in entries else name for name in step.sources)


def _source_of_exit(steps: Sequence[Step]) -> str:
    source = steps[-1].sources[0]
    return ENTRY if source == steps[0].name else source


def variants(step: Step, classes: int) -> list[Step]:
    """The same block with each of its whole numbers, and the channels it receives, doubled.

    They tell which numbers inside a block belong together and which are equal by chance.
    """
    kind = step.trace.kind
    if not isinstance(kind, BlockKind):
        return []
    own = step.trace.values
    shape = step.inputs[0]
    changes: list[tuple[dict[str, Any], tuple[int, ...]]] = [(own, (2 * shape[0], *shape[1:]))]
    changes += [
        ({**own, setting.name: 2 * own[setting.name]}, shape)
        for setting in kind.settings
        if isinstance(setting, Integer) and 0 < own[setting.name] <= setting.maximum // 2
    ]
    result = []
    for values, given in changes:
        trace = tracing.trace(Node(step.name, kind.kind, values), (given,), classes)
        if trace.output is not None:
            result.append(Step(step.name, step.sources, (given,), trace, step.span, step.depth))
    return result
