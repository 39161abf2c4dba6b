"""Writes a block's ``forward``: short statements, a variable only where a value is needed again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from studio.project.source.layers import ADD, CONCATENATE
from studio.project.source.parts import Child, Function
from studio.project.source.printer import Expression, Group, flat, lines
from studio.project.source.structure import ENTRY

_LONGEST_NEST = 3
_LONGEST_TERM = 30
_SUM = "sum"


@dataclass(frozen=True)
class _Value:
    """What a child gives: an expression, the variables it reads, and how many calls it nests.

    ``holds`` names the children that are written in the expression.
    """

    expression: Expression
    reads: frozenset[str]
    nested: int
    holds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Forward:
    """The lines of ``forward(self, x)``, indented as in a class, and in which of them each child
    stands (counted from 0)."""

    lines: list[str]
    places: dict[str, range]


def write_forward(children: Sequence[Child], result: str) -> Forward:
    """``forward`` for children in order, the last of them ``result``."""
    return _Writer(children, result).write()


class _Writer:
    """Goes through the children in order, and keeps for each value what stands for it."""

    def __init__(self, children: Sequence[Child], result: str) -> None:
        self._children = children
        self._result = result
        self._left = Counter(source for child in children for source in child.sources)
        self._left[result] += 1
        self._consumers = {source: child for child in children for source in child.sources}
        self._values = {ENTRY: _Value("x", frozenset({"x"}), 0)}
        self._output = ["    def forward(self, x: Tensor) -> Tensor:"]
        self._places: dict[str, range] = {}

    def write(self) -> Forward:
        for child in self._children:
            value = self._apply(child)
            last = child.name == self._result and self._left[child.name] == 1
            if last or self._stays_inline(child, value):
                self._values[child.name] = value
            else:
                self._assign(child, value)
        self._append(self._values[self._result], "return ")
        return Forward(self._output, self._places)

    def _append(self, value: _Value, before: str) -> None:
        first = len(self._output)
        self._output += lines(value.expression, 2, before=before)
        self._places |= dict.fromkeys(value.holds, range(first, len(self._output)))

    def _apply(self, child: Child) -> _Value:
        inputs = [self._values[source] for source in child.sources]
        for source in child.sources:
            self._left[source] -= 1
        reads = frozenset[str]().union(*(value.reads for value in inputs))
        nested = 1 + max(value.nested for value in inputs)
        holds = (*(name for value in inputs for name in value.holds), child.name)
        expression = _expression(child, [value.expression for value in inputs])
        return _Value(expression, reads, nested, holds)

    def _stays_inline(self, child: Child, value: _Value) -> bool:
        """Whether the one consumer reads better with this value written inside it."""
        if self._left[child.name] != 1 or value.nested >= _LONGEST_NEST:
            return False
        consumer = self._consumers[child.name]
        if _merges(consumer):
            return value.nested == 1 and len(flat(value.expression)) <= _LONGEST_TERM
        return _grips(consumer)

    def _assign(self, child: Child, value: _Value) -> None:
        name = self._variable(child, value)
        self._append(value, f"{name} = ")
        self._values[child.name] = _Value(name, frozenset({name}), 0)

    def _variable(self, child: Child, value: _Value) -> str:
        """A variable whose old value nobody needs any more, or a new one."""
        needed = {
            name
            for source, kept in self._values.items()
            if self._left[source] > 0
            for name in kept.reads
        }
        for name in ("x", *sorted(value.reads)):
            if name not in needed and (name in value.reads or name == "x"):
                return name
        consumer = self._consumers.get(child.name)
        if consumer is not None and _joins(consumer, CONCATENATE):
            name = f"branch{consumer.sources.index(child.name) + 1}"
            if name not in needed:
                return name
        free = (name for name in ("y", "z", "u", "v", "w") if name not in needed)
        return next(free, f"{child.name}_output")


def _expression(child: Child, inputs: list[Expression]) -> Expression:
    part = child.part
    if isinstance(part, Function) and part.merges:
        texts = [flat(value) for value in inputs]
        if _joins(child, ADD):
            return " + ".join(texts)
        if _joins(child, CONCATENATE):
            return Group("torch.cat(", (Group("[", tuple(inputs), "]"), "dim=1"))
        return part.template.format(*(_held(text, (" + ", " * ")) for text in texts))
    if isinstance(part, Function):
        return _fill(part.template, inputs[0])
    if child.name.isidentifier():
        return Group(f"self.{child.name}(", (inputs[0],))
    return Group(f'self.get_submodule("{child.name}")(', (inputs[0],))


def _fill(template: str, value: Expression) -> Expression:
    """The template with its ``{0}``; sum and product get brackets where they are asked a method."""
    if template == "{0}":
        return value
    text = flat(value)
    return template.format(_held(text, (" + ", " * ")) if template.startswith("{0}") else text)


def _held(text: str, operators: tuple[str, ...]) -> str:
    """``text`` in brackets if one of ``operators`` stands in it outside of any."""
    depth, outside = 0, ""
    for letter in text:
        depth -= letter in ")]"
        outside += letter if not depth else ""
        depth += letter in "(["
    return f"({text})" if any(operator in outside for operator in operators) else text


def _merges(child: Child) -> bool:
    return isinstance(child.part, Function) and child.part.merges


def _joins(child: Child, template: str) -> bool:
    return isinstance(child.part, Function) and child.part.template == template


def _grips(child: Child) -> bool:
    """Whether it stands on one line with what comes before: norms, activations, flattening."""
    part = child.part
    if isinstance(part, Function):
        return not part.merges
    head = getattr(part, "head", "")
    return head.startswith(("nn.BatchNorm", "nn.Dropout", "nn.LeakyReLU"))
