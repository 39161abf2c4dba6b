"""Where an axis has its ticks, how they are written, and which bounds are round numbers."""

from __future__ import annotations

import math
import re

import numpy as np

LINEAR_DECADES = 0.7
"""A log axis shorter than this has ticks like a linear one, or it would have one or none."""

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def linear_step(span: float, count: float, whole: bool = False) -> float:
    """The smallest of 1, 2, 5 times a power of ten that cuts ``span`` in at most ``count`` parts.

    ``whole`` asks for at least 1, for axes on which parts of one mean nothing.
    """
    least = max(span / max(count, 1.0), 1e-12)
    if whole:
        least = max(least, 1.0)
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1.0, 2.0, 5.0):
        if factor * power >= least * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def linear_ticks(low: float, high: float, count: float, whole: bool = False) -> list[float]:
    """Round numbers in [low, high], at most about ``count`` + 1 of them."""
    if not high > low:
        return [low]
    step = linear_step(high - low, count, whole)
    first = math.ceil(low / step - 1e-6)
    last = math.floor(high / step + 1e-6)
    return [i * step for i in range(first, last + 1)]


def log_ticks(low: float, high: float, count: float) -> list[float]:
    """Exponents of ten in [low, high] of round numbers: decades, and 1-3 or 1-2-5 where few.

    ``low`` and ``high`` are logarithms to base ten, and so is what is returned.
    """
    decades = high - low
    if decades < LINEAR_DECADES:
        values = linear_ticks(10.0**low, 10.0**high, count)
        return [math.log10(value) for value in values if value > 0]
    for mantissas in ((1, 2, 5), (1, 3), (1,)):
        if decades * len(mantissas) <= count or mantissas == (1,):
            break
    stride = max(1, math.ceil(decades / count)) if mantissas == (1,) else 1
    ticks = [
        power + math.log10(mantissa)
        for power in range(math.floor(low), math.ceil(high) + 1)
        if power % stride == 0
        for mantissa in mantissas
    ]
    return [tick for tick in ticks if low - 1e-6 <= tick <= high + 1e-6]


def linear_bounds(low: float, high: float, count: float) -> tuple[float, float]:
    """Round numbers that enclose [low, high] and are ticks where ``count`` of them have room."""
    if not high > low:
        margin = abs(high) * 0.1 or 1.0
        low, high = low - margin, high + margin
    step = linear_step(high - low, max(2.0, count))
    return math.floor(low / step + 1e-6) * step, math.ceil(high / step - 1e-6) * step


def log_bounds(low: float, high: float) -> tuple[float, float]:
    """Logarithms that enclose [low, high] (logarithms too) and end at 1, 2 or 5 times 10^n."""
    steps = (0.0, math.log10(2), math.log10(5), 1.0)
    start = math.floor(low)
    end = math.floor(high)
    below = max(step for step in steps if start + step <= low + 1e-6)
    above = min(step for step in steps if end + step >= high - 1e-6)
    bottom, top = start + below, end + above
    return (bottom, top) if top > bottom else (bottom, bottom + math.log10(2))


def fits(low: float, high: float, bounds: tuple[float, float], share: float = 0.5) -> bool:
    """Whether [low, high] lies in ``bounds`` and fills at least ``share`` of them.

    An axis keeps its bounds while this holds, so that it is drawn anew only now and then.
    """
    bottom, top = bounds
    return low >= bottom and high <= top and (high - low) >= share * (top - bottom)


def power(exponent: int) -> str:
    """A power of ten: 10⁻³."""
    return f"10{str(exponent).translate(_SUPERSCRIPT)}"


def level(texts: list[str]) -> list[str]:
    """Numbers of one axis with as many decimals each: 0.5, 1 and 1.5 become 0.5, 1.0 and 1.5.

    Texts of different units, or with powers of ten, stay as they are.
    """
    found = [re.fullmatch(r"(−?[\d,]+)(?:\.(\d+))?( \S+)?", text) for text in texts]
    parts = [match.groups() for match in found if match is not None]
    if len(parts) < len(texts) or len({unit for _, _, unit in parts}) > 1:
        return texts
    most = max((len(decimals or "") for _, decimals, _ in parts), default=0)
    if not most:
        return texts
    return [
        f"{whole}.{(decimals or '').ljust(most, '0')}{unit or ''}"
        for whole, decimals, unit in parts
    ]


def steady(value: float, digits: int = 3) -> str:
    """``number`` with its zeros kept, for a value that changes in its place: 1.90 after 1.91."""
    size = abs(value)
    if not math.isfinite(value) or size >= 1e4 or (size and size < 0.9995e-3):
        return number(value, digits)
    return _fixed(value, digits)


def number(value: float, digits: int = 3) -> str:
    """``value`` with about ``digits`` significant digits, grouped, and k, M, G from 10,000 on;
    what is beyond these, as the loss of a run that diverges, with a power of ten."""
    if not math.isfinite(value):
        return "not a number" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    if size >= 0.9995e12 or 0 < size < 0.9995e-3:
        exponent = math.floor(math.log10(size))
        return f"{_plain(value / 10.0**exponent, 2)}·{power(exponent)}"
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if size >= (1e4 if unit == "k" else scale):
            return f"{_plain(value / scale, digits)} {unit}"
    return _plain(value, digits)


def _plain(value: float, digits: int) -> str:
    text = _fixed(value, digits)
    return text.rstrip("0").rstrip(".") if "." in text else text


def _fixed(value: float, digits: int) -> str:
    size = abs(value)
    whole = len(str(int(size))) if size >= 1 else -max(0, math.floor(-math.log10(size or 1.0)))
    return f"{value:,.{max(0, digits - whole)}f}".replace("-", "−")


def finite_bounds(*arrays: np.ndarray) -> tuple[float, float] | None:
    """The smallest and largest finite value of all; None where there is none."""
    low, high = math.inf, -math.inf
    for array in arrays:
        good = array[np.isfinite(array)]
        if len(good):
            low, high = min(low, float(good.min())), max(high, float(good.max()))
    return (low, high) if low <= high else None
