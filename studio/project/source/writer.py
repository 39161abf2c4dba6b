"""Puts the classes of a network into text."""

from __future__ import annotations

import keyword
from collections.abc import Iterator

from studio.project import heads
from studio.project.analysis import analyze
from studio.project.kinds import show_shape
from studio.project.source.classes import RESERVED, ClassBook, ClassDefinition, Names, camel
from studio.project.source.forward import write_forward
from studio.project.source.layers import DENSE_BLOCK, DENSE_LAYER, SUPPORT
from studio.project.source.parts import Call, Child, Function, Loop, Maybe, Part, Row, Use
from studio.project.source.printer import Group, lines, signature
from studio.project.source.structure import Parts, Survey
from studio.project.values import Network


class SourceError(ValueError):
    """The network has a problem, so no source can be written; the message is a sentence."""


class Source:
    """The text of a network's classes, and what it needs of the file around it.

    ``name`` is the class of the whole network, made of ``title``. The classes use ``torch``,
    ``Tensor``, ``nn`` and ``F``. Raises SourceError for a network with problems.
    """

    def __init__(self, network: Network, title: str) -> None:
        network = heads.without(network)
        analysis = analyze(network)
        if analysis.problems or analysis.input_shape is None or analysis.classes is None:
            first = analysis.problems[0].message if analysis.problems else "it has no ends"
            raise SourceError(f"The network has a problem: {first}.")
        self.name = class_name(title)
        self._summary = (
            f"{show_shape(analysis.input_shape)} images to {analysis.classes:,} logits, with "
            f"{analysis.parameters:,} parameters."
        )
        parts = Parts(Survey(analysis.steps))
        whole = parts.network(analysis.steps, self.name)
        self._book = ClassBook(whole, analysis.steps, parts, analysis.classes)
        self._places: dict[str, list[range]] = {}
        self.classes = "\n\n".join(self._texts(whole))
        self._start = self.classes.count("\n", 0, self.classes.rindex(f"class {self.name}("))
        self.needs_ordered_dict = "OrderedDict(" in self.classes

    def lines(self, node: str) -> tuple[range, ...]:
        """Where a node of the canvas stands in ``classes``: its line ranges, counted from 0."""
        places = self._places.get(node, ())
        return tuple(range(self._start + p.start, self._start + p.stop) for p in places)

    def _texts(self, whole: Use) -> Iterator[str]:
        called = set(_heads(whole))
        if DENSE_BLOCK in called:
            called.add(DENSE_LAYER)
        for head, text in SUPPORT.items():
            if head in called:
                yield text
        for definition in self._book.definitions:
            yield "\n".join(self._write(definition)) + "\n"
        yield "\n".join(self._write(self._book.network)) + "\n"

    def _write(self, definition: ClassDefinition) -> list[str]:
        use = definition.use
        base = "nn.Sequential" if use.loop else "nn.Module"
        about = _about(use) if use.kind else self._summary
        text = [f"class {definition.name}({base}):", f'    """{about}"""', ""]
        text += signature([parameter.declaration for parameter in definition.parameters])
        text.append("        super().__init__()")
        text += [f"        {name} = {value}" for name, value in definition.assignments]

        def names(slot: int) -> str:
            return definition.texts[slot]

        start = 0
        if use.loop:
            text += self._write_loop(use.loop, names)
            start = len(use.loop.slots)
        places: dict[str, list[range]] = {}
        for child in use.children:
            first = len(text)
            text += self._write_child(child, names, start, whole=use.loop is not None)
            start += len(child.part.slots)
            if len(text) > first:
                places.setdefault(child.name, []).append(range(first, len(text)))
        if not use.loop:
            forward = write_forward(use.children, use.result)
            first = len(text) + 1
            text += ["", *forward.lines]
            for name, place in forward.places.items():
                moved = range(first + place.start, first + place.stop)
                places.setdefault(name, []).append(moved)
        self._places = places  # those of the class written last, which is the network's own
        return text

    def _write_loop(self, loop: Loop, names: Names) -> list[str]:
        text = [f"        for number in range(1, {names(0)} + 1):"]
        start = 1
        shift = sum(len(part.slots) for part in loop.first)
        for stem, part in zip(loop.stems, loop.first, strict=True):

            def chosen(slot: int) -> str:
                first, other = names(slot), names(slot + shift)
                return first if first == other else f"{first} if number == 1 else {other}"

            expression = self._book.express(part, chosen, start)
            start += len(part.slots)
            name = f'f"{stem}{{number}}"'
            text += lines(Group("self.add_module(", (name, expression)), 3)
        return text

    def _write_child(self, child: Child, names: Names, start: int, *, whole: bool) -> list[str]:
        part = child.part
        if isinstance(part, Function) and not whole:
            return []
        expression = self._book.express(part, names, start)
        if isinstance(part, Maybe):
            return [
                f"        self.{child.name}: nn.Module = nn.Identity()",
                f"        if {names(start)}:",
                *lines(expression, 3, before=f"self.{child.name} = "),
            ]
        if child.name.isidentifier():
            return lines(expression, 2, before=f"self.{child.name} = ")
        return lines(Group("self.add_module(", (f'"{child.name}"', expression)), 2)


def class_name(title: str) -> str:
    """A class name made of a project's title; "Network" where it gives none."""
    name = camel(title)
    if not name.isidentifier() or keyword.iskeyword(name) or name in RESERVED:
        return "Network"
    return name


def _about(use: Use) -> str:
    # A title may be a user's own, and stands between quotes.
    title = use.title.replace("\\", "\\\\").replace('"', '\\"')
    return f"{title} ({use.source})." if use.source else f"{title}."


def _heads(part: Part) -> Iterator[str]:
    """The constructors that a part calls, at any depth."""
    match part:
        case Call():
            yield part.head
        case Row():
            for entry, _ in part.entries:
                yield from _heads(entry)
        case Maybe():
            yield from _heads(part.part)
        case Use():
            for child in part.children:
                yield from _heads(child.part)
            if part.loop:
                for inner in part.loop.first:
                    yield from _heads(inner)
        case Function():
            return
