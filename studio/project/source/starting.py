"""How the parameters start, as a function that the source without weights brings along.

It draws from a generator of its own in the network's order, as the engine does, so that a seed
gives the same values there and here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from studio.project import heads
from studio.project.analysis import analyze
from studio.project.source.printer import WIDTH, Group, lines
from studio.project.tracing import Step
from studio.project.values import Network

_CALLS = {
    "he": ("nn.init.kaiming_normal_(", ('mode="fan_out"', 'nonlinearity="relu"'), True),
    "xavier": ("nn.init.xavier_uniform_(", (), True),
    "orthogonal": ("nn.init.orthogonal_(", (), True),
    "whitening": ("nn.init.orthogonal_(", (), True),  # what it is without images
    "dirac": ("nn.init.kaiming_uniform_(", ("a=math.sqrt(5)",), True),
    "uniform": ("nn.init.kaiming_uniform_(", ("a=math.sqrt(5)",), True),
    "zero": ("nn.init.zeros_(", (), False),
    "one": ("nn.init.ones_(", (), False),
}
"""What fills a weight: the call, its arguments, and whether it draws random numbers."""
_FEW = 3
"""So many last parts of names may stand in one condition; more layers are listed."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer with a weight: ``start`` is a key of ``_CALLS`` or a number's text."""

    name: str
    torch_class: str
    start: str
    bias: bool


class Starting:
    """The function ``initialize`` of one network, and what it needs of the file around it."""

    def __init__(self, network: Network) -> None:
        found = list(_layers(analyze(heads.without(network)).steps, ""))
        self._lists: list[str] = []
        body: list[str] = []
        for torch_class in dict.fromkeys(layer.torch_class for layer in found):
            same = [each for each in found if each.torch_class == torch_class]
            body += self._branch(same, first=not body)
        named = any("name" in line for line in body)
        walk = "name, layer in model.named_modules()" if named else "layer in model.modules()"
        gap = ["", ""] if self._lists else []
        text = [*self._lists, *gap, *_HEAD, f"    for {walk}:", *body]
        self.text = "\n".join(text) + "\n"
        self.needs_math = "math." in self.text

    def _branch(self, layers: Sequence[_Layer], first: bool) -> list[str]:
        """The lines for the layers of one class of torch's, the most usual start last."""
        kind = layers[0].torch_class
        norm = kind.startswith("nn.BatchNorm")
        starts = [start for start, _ in Counter(each.start for each in layers).most_common()]
        if norm:
            # A scale of one is what the constructor has set.
            starts = [start for start in starts if start != "one"]
        text: list[str] = []
        for start in reversed(starts):
            rest = [each for each in layers if each.start != start]
            chosen = [each for each in layers if each.start == start]
            tests = [f"isinstance(layer, {kind})"]
            if rest and (norm or start != starts[0]):
                tests.append(self._condition(chosen, rest))
            text += [
                *_question("elif" if text or not first else "if", tests),
                *_fill(start, chosen),
            ]
        return text

    def _condition(self, chosen: Sequence[_Layer], rest: Sequence[_Layer]) -> str:
        """What is true of the names of the chosen layers alone."""
        ends = dict.fromkeys(each.name.rpartition(".")[2] for each in chosen)
        others = {each.name.rpartition(".")[2] for each in rest}
        if len(ends) <= _FEW and not others & set(ends):
            words = [f'"{end}"' for end in ends]
            part = 'name.rpartition(".")[2]'
            return f"{part} == {words[0]}" if len(words) == 1 else f"{part} in ({', '.join(words)})"
        constant = f"STARTS_{chosen[0].start.upper()}" if chosen[0].start in _CALLS else "CONSTANT"
        constant += f"_{len(self._lists) + 1}" * bool(self._lists)
        items = tuple(f'"{each.name}"' for each in chosen)
        self._lists += lines(Group("{", items, "}"), 0, before=f"{constant} = ")
        return f"name in {constant}"


_HEAD = (
    "def initialize(model: nn.Module, seed: int = 0) -> None:",
    '    """Start the parameters as Training Studio does; a seed gives the same values."""',
    "    generator = torch.Generator().manual_seed(seed)",
)


def _layers(steps: Sequence[Step], prefix: str) -> Iterator[_Layer]:
    for step in steps:
        values, kind = step.trace.values, step.trace.kind.kind
        name = prefix + step.name
        if step.trace.steps:
            yield from _layers(step.trace.steps, name + ".")
        elif kind in ("convolution", "linear"):
            start = values["initialization"]
            start = repr(values["constant"]) if start == "constant" else start
            torch_class = "nn.Conv2d" if kind == "convolution" else "nn.Linear"
            yield _Layer(name, torch_class, start, values["bias"])
        elif kind == "batch_norm":
            dims = "2d" if len(step.inputs[0]) == 3 else "1d"
            yield _Layer(name, f"nn.BatchNorm{dims}", values["scale"], False)


def _question(word: str, tests: Sequence[str]) -> list[str]:
    """The line that asks for all of ``tests``, or lines where it is too long for one."""
    line = f"        {word} {' and '.join(tests)}:"
    if len(line) <= WIDTH or len(tests) == 1:
        return [line]
    return [f"        {word} (", f"            {tests[0]}",
            *(f"            and {test}" for test in tests[1:]), "        ):"]  # fmt: skip


def _fill(start: str, layers: Sequence[_Layer]) -> list[str]:
    """The lines that fill weight and bias."""
    opening, words, draws = _CALLS.get(start, ("nn.init.constant_(", (start,), False))
    drawing = ("generator=generator",) if draws else ()
    text = lines(Group(opening, ("layer.weight", *words, *drawing)), 3)
    if start == "dirac":
        text.append("            for filters in layer.weight.detach().chunk(layer.groups):")
        text.append("                nn.init.dirac_(filters[: filters.size(1)])")
    biased = sum(each.bias for each in layers)
    if not biased:
        return text
    depth = 3
    if biased < len(layers):
        text.append("            if layer.bias is not None:")
        depth = 4
    margin = "    " * depth
    if start == "uniform":
        text.append(f"{margin}bound = 1 / math.sqrt(layer.weight[0].numel())")
        return [*text, f"{margin}nn.init.uniform_(layer.bias, -bound, bound, generator)"]
    return [*text, f"{margin}nn.init.zeros_(layer.bias)"]
