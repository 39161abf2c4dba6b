"""Finds for each class of blocks which of its numbers are constants and which are parameters.

All blocks with one key are laid side by side. Numbers that are equal in every block, and stay so
when a setting of the block is changed, are one; those that differ become parameters, named after
the block's own settings where they follow one; those that are a multiple of another are written
so. (Plotkin 1970 calls it the least general generalization.)
"""

from __future__ import annotations

import builtins
import keyword
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from studio.project.source.layers import SUPPORT
from studio.project.source.parts import (
    CHANNELS,
    Call,
    Function,
    Maybe,
    Number,
    Part,
    Row,
    Slot,
    Use,
    uses,
)
from studio.project.source.printer import Expression, Group
from studio.project.source.structure import Parts, variants
from studio.project.tracing import Step

Names = Callable[[int], str]
"""Gives the text that stands for a slot: a number, a parameter's name or an expression of it."""

RESERVED = frozenset({"F", "Image", "OrderedDict", "Path", "Tensor"})
"""Names that the file around the classes uses."""

_BUILT_IN = frozenset(dir(builtins))
_LARGEST_FACTOR = 64


@dataclass
class _Number:
    """Slots that are equal in every block of a class; ``values`` has one for each block."""

    unit: str
    slots: list[int]
    values: list[Number | None]

    def accepts(self, unit: str, values: Sequence[Number | None]) -> bool:
        pairs = list(zip(self.values, values, strict=True))
        agree = [a == b for a, b in pairs if a is not None and b is not None]
        return self.unit == unit and any(agree) and all(agree)

    def take(self, slot: int, values: Sequence[Number | None]) -> None:
        self.slots.append(slot)
        self.values = [b if a is None else a for a, b in zip(self.values, values, strict=True)]

    def follows(self, values: Sequence[object]) -> bool:
        """Whether it is ``values`` wherever it is known."""
        return all(
            a is None or (a == b and isinstance(b, int | float) and (a is True) == (b is True))
            for a, b in zip(self.values, values, strict=True)
        )


@dataclass(frozen=True)
class Parameter:
    """A parameter of a class's ``__init__``, and the slots it stands for."""

    name: str
    annotation: str
    slots: tuple[int, ...]
    default: Number | None = None
    positional: bool = False

    @property
    def declaration(self) -> str:
        """As it stands in the head of ``__init__``."""
        text = f"{self.name}: {self.annotation}"
        return text if self.default is None else f"{text} = {self.default!r}"


@dataclass(frozen=True)
class ClassDefinition:
    """A class to be written: ``texts`` has for each slot of ``use`` what stands in its place;
    ``assignments`` are names that ``__init__`` computes first."""

    name: str
    use: Use
    parameters: tuple[Parameter, ...]
    texts: tuple[str, ...]
    assignments: tuple[tuple[str, str], ...] = ()


@dataclass
class _Family:
    """All blocks of one class; the first ``real`` of them stand in the network, the others are
    variants made for comparison."""

    blocks: list[Use] = field(default_factory=list)
    real: int = 0


class ClassBook:
    """The classes of a network, in an order in which each uses only earlier ones."""

    def __init__(self, network: Use, steps: Sequence[Step], parts: Parts, classes: int) -> None:
        families: dict[Hashable, _Family] = defaultdict(_Family)
        seen: set[int] = set()
        for use in network.inner():
            if id(use) not in seen:
                seen.add(id(use))
                families[use.key].blocks.append(use)
        for family in families.values():
            family.real = len(family.blocks)
        for step in _blocks(steps, set()):
            if not isinstance(parts.of(step), Use):
                continue
            for variant in variants(step, classes):
                for use in uses(parts.of(variant)):
                    if use.key in families:
                        families[use.key].blocks.append(use)
        samples = [family.blocks[0] for family in families.values()]
        names = _name_classes(samples, {network.title, *SUPPORT, *RESERVED, *_BUILT_IN})
        self._definitions = {
            key: _define(name, family)
            for (key, family), name in zip(families.items(), names, strict=True)
        }
        numbers = tuple(repr(slot.value) for slot in network.slots)
        self.network = ClassDefinition(network.title, network, (), numbers)

    @property
    def definitions(self) -> tuple[ClassDefinition, ...]:
        """The classes of the blocks, without the network's own."""
        return tuple(self._definitions.values())

    def express(self, part: Part, names: Names, start: int) -> Expression:
        """The expression that makes ``part``, whose first slot is number ``start``."""
        match part:
            case Call():
                return _express_call(part, names, start)
            case Function():
                return part.module
            case Maybe():
                return self.express(part.part, names, start + 1)
            case Row():
                return self._express_row(part, names, start)
            case Use():
                return self._express_use(part, names, start)

    def _express_row(self, row: Row, names: Names, start: int) -> Expression:
        items: list[Expression] = []
        for part, count in row.entries:
            item = self.express(part, names, start)
            start += len(part.slots)
            if count > 1:
                loop = f"for _ in range({names(start)})"
                item = Group("*(", (item, loop), ")", comprehension=True)
                start += 1
            items.append(item)
        if not row.labels:
            return Group("nn.Sequential(", tuple(items))
        pairs = tuple(
            Group("(", (f'"{label}"', item)) for label, item in zip(row.labels, items, strict=True)
        )
        return Group("nn.Sequential(", (Group("OrderedDict(", (Group("[", pairs, "]"),)),))

    def _express_use(self, use: Use, names: Names, start: int) -> Expression:
        definition = self._definitions[use.key]
        items: list[Expression] = []
        for parameter in definition.parameters:
            known = [slot for slot in parameter.slots if use.slots[slot].value is not None]
            text = names(start + known[0]) if known else repr(parameter.default)
            if text == repr(parameter.default):
                continue
            items.append(text if parameter.positional else f"{parameter.name}={text}")
        return Group(f"{definition.name}(", tuple(items))


def _express_call(call: Call, names: Names, start: int) -> Expression:
    items: list[Expression] = []
    for number, slot in enumerate(call.slots, start=start):
        text = names(number)
        if slot.positional:
            items.append(text)
        elif text != repr(slot.default):
            items.append(f"{slot.name}={text}")
    return Group(f"{call.head}(", (*items, *call.words))


def _blocks(steps: Sequence[Step], seen: set[int]) -> list[Step]:
    """Every block in ``steps``, at any depth, equal ones once."""
    found: list[Step] = []
    for step in steps:
        if step.trace.steps and id(step.trace) not in seen:
            seen.add(id(step.trace))
            found += [step, *_blocks(step.trace.steps, seen)]
    return found


def _define(name: str, family: _Family) -> ClassDefinition:
    use = family.blocks[0]
    slots = use.slots
    texts = [repr(slot.value) for slot in slots]
    open_numbers: list[_Number] = []
    for number in _numbers(family.blocks):
        real = {value for value in number.values[: family.real] if value is not None}
        # In a block without settings of its own, only what differs between its uses is open.
        wanted = bool(use.settings) and any(slots[slot].wanted for slot in number.slots)
        if len(real) > 1 or wanted:
            open_numbers.append(number)
        else:
            for slot in number.slots:
                texts[slot] = repr(next(iter(real)))
    named, assignments = _name_numbers(open_numbers, family.blocks, slots)
    parameters = []
    for number, text, is_parameter in named:
        for slot in number.slots:
            texts[slot] = text
        if is_parameter:
            parameters.append(_parameter(text, number, slots, family.real))
    parameters.sort(key=lambda parameter: parameter.default is not None)
    return ClassDefinition(name, use, tuple(parameters), tuple(texts), tuple(assignments))


def _numbers(blocks: Sequence[Use]) -> list[_Number]:
    found: list[_Number] = []
    for index, slot in enumerate(blocks[0].slots):
        values = [block.slots[index].value for block in blocks]
        for number in found:
            if number.accepts(slot.unit, values):
                number.take(index, values)
                break
        else:
            found.append(_Number(slot.unit, [index], values))
    return found


def _parameter(name: str, number: _Number, slots: Sequence[Slot], real: int) -> Parameter:
    own = [slots[slot] for slot in number.slots]
    given = [value for value in number.values[:real] if value is not None]
    defaults = {slot.default for slot in own}
    default = own[0].default if len(defaults) == 1 and own[0].default in given else None
    return Parameter(
        name,
        type(given[0]).__name__,
        tuple(number.slots),
        default,
        positional=number.unit == CHANNELS and name in ("in_channels", "channels"),
    )


def _name_numbers(
    numbers: Sequence[_Number], blocks: Sequence[Use], slots: Sequence[Slot]
) -> tuple[list[tuple[_Number, str, bool]], list[tuple[str, str]]]:
    """Each number with its text and whether it is a parameter, in the parameters' order; and the
    names that are computed from them."""
    settings = list(blocks[0].settings)
    taken: dict[str, _Number] = {}
    left: list[_Number] = []
    for number in numbers:
        name = _follows(number, blocks, settings)
        if name and name not in taken:
            taken[name] = number
        else:
            left.append(number)
    order = ["in_channels", "channels", *(name for name in settings if name != "channels")]
    named = [(taken[name], name, True) for name in order if name in taken]
    assignments: list[tuple[str, str]] = []
    for number in left:
        text = _derive(number, named)
        if text is None:
            name = _fresh(_plain_name(number, slots), [text for _, text, _ in named])
            named.append((number, name, True))
        elif len(number.slots) > 1 and not text.isidentifier():
            name = _fresh(_plain_name(number, slots), [text for _, text, _ in named])
            assignments.append((name, text))
            named.append((number, name, False))
        else:
            named.append((number, text, False))
    return named, assignments


def _follows(number: _Number, blocks: Sequence[Use], settings: Sequence[str]) -> str:
    """The block's setting that the number is, or "in_channels"; empty for neither."""
    for setting in settings:
        if number.follows([block.settings[setting] for block in blocks]):
            return setting
    if number.unit == CHANNELS and number.follows([block.channels for block in blocks]):
        return "in_channels"
    return ""


def _derive(number: _Number, named: Sequence[tuple[_Number, str, bool]]) -> str | None:
    """The number as an expression of a parameter, if blocks that differ agree on it."""
    if len({value for value in number.values if value is not None}) < 2:
        return None
    for other, name, is_parameter in named:
        if not is_parameter:
            continue
        pairs = [
            (a, b)
            for a, b in zip(number.values, other.values, strict=True)
            if a is not None and b is not None
        ]
        if not all(type(a) is int and type(b) is int for a, b in pairs):
            continue
        whole = [(int(a), int(b)) for a, b in pairs]
        if all(a == (b - 1) // 2 for a, b in whole):
            return f"({name} - 1) // 2"
        for factor in range(1, _LARGEST_FACTOR + 1):
            if all(a == b * factor for a, b in whole):
                return name if factor == 1 else f"{factor} * {name}"
            if all(a == b // factor for a, b in whole):
                return f"{name} // {factor}"
    return None


def _plain_name(number: _Number, slots: Sequence[Slot]) -> str:
    """A name for a number that follows no setting of its block."""
    slot = slots[number.slots[0]]
    return "width" if number.unit == CHANNELS else slot.name


def _fresh(name: str, taken: Sequence[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}{count}"
    return candidate


def _name_classes(blocks: Sequence[Use], taken: set[str]) -> list[str]:
    """A class name for each: its kind's title, and what tells it from others of that kind."""
    names: list[str] = []
    for block in blocks:
        others = [
            other
            for other in blocks
            if (other.kind, other.title) == (block.kind, block.title) and other is not block
        ]
        names.append(_fresh(_class_name(block, others), [*taken, *names]))
    return names


def _class_name(block: Use, others: Sequence[Use]) -> str:
    """The title with a setting's word, or the name of a child, that none of the others has."""
    title = camel(block.title)
    if not title.isidentifier() or keyword.iskeyword(title):
        title = "Block"
    if not others:
        return title
    for setting, value in block.settings.items():
        own = isinstance(value, str) and value.isalpha()
        if own and all(other.settings[setting] != value for other in others):
            word = camel(str(value))
            return title + word if len(word) == 1 else word + title
    theirs = {child.name for other in others for child in other.children}
    for child in block.children:
        if child.name not in theirs:
            return camel(child.name) + title
    return title


def camel(title: str) -> str:
    """``"VGG block"`` as ``"VggBlock"``: letters and digits of the title, words capitalized."""
    words = "".join(c if c.isascii() and c.isalnum() else " " for c in title).split()
    return "".join(word[:1].upper() + word[1:].lower() for word in words)
