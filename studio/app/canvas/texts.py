"""Numbers and shapes as cards, wires, inspector and strip print them."""

from __future__ import annotations

from collections.abc import Iterable

from studio.project.values import Shape

_STEPS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def count(number: int) -> str:
    """A count with three sensible digits: ``221,952`` as "222 k", ``60_200_000`` as "60.2 M"."""
    if number < 10_000:
        return f"{number:,}"
    for size, letter in _STEPS:
        # 999.6 k would round to "1000 k"; it belongs to the next letter.
        if number >= size * 0.9995:
            value = number / size
            digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
            return f"{value:.{digits}f} {letter}"
    return f"{number:,}"


def size(number: int) -> str:
    """Bytes as "393 MiB" or "21.9 GiB", the units in which torch and nvidia-smi count."""
    for power, letters in ((4, "TiB"), (3, "GiB"), (2, "MiB"), (1, "KiB")):
        value = number / 1024**power
        if value >= 0.9995:
            digits = 0 if value >= 99.95 else 1
            return f"{value:.{digits}f} {letters}"
    return f"{number} B"


def shape(value: Shape | None) -> str:
    """``(64, 8, 8)`` as "64 × 8 × 8"; an unknown shape as a question mark."""
    return "?" if value is None else " × ".join(f"{part:,}" for part in value)


def spoken_shape(value: Shape | None) -> str:
    """A shape for a screen reader: "64 by 8 by 8"."""
    return "unknown" if value is None else " by ".join(str(part) for part in value)


def share(part: float) -> str:
    """A share of the cost: "22 % of cost"; a tiny one is not rounded to nothing."""
    if part < 0.005:
        return "<1 % of cost" if part > 0 else ""
    return f"{part:.0%}".replace("%", " % of cost")


def sentence(message: str, names: Iterable[str]) -> str:
    """A message with capital and full stop; a node's name in front keeps its own spelling."""
    first = message.split(" ")[0].rstrip(":,").strip("'")
    start = message if first in set(names) else message[:1].upper() + message[1:]
    return start if start.endswith((".", "?")) else start + "."
