"""How far one step of the wheel or an arrow key moves a number."""

from __future__ import annotations

import math

from studio.project.settings import Integer, Real


def stepped(setting: Integer | Real, value: int | float, steps: int) -> int | float:
    """``value`` moved ``steps`` steps up or down, within the bounds of ``setting``.

    Whole numbers move by one. A logarithmic setting moves along 1, 2, 5, 10, 20, ...; any other
    real one by a twentieth of its range or one in its first digit, whichever is less.
    """
    if isinstance(setting, Integer):
        return max(setting.minimum, min(setting.maximum, int(value) + steps))
    if setting.logarithmic:
        result = _along_decades(value, steps, setting)
    else:
        size = _decade((setting.maximum - setting.minimum) / 20)
        # A value next to nothing has no first digit worth stepping in.
        if abs(value) > 1e-9 * setting.maximum:
            size = min(size, 10.0 ** math.floor(math.log10(abs(value)) + 1e-9))
        result = round(value / size) * size + steps * size
    result = float(f"{max(setting.minimum, min(setting.maximum, result)):.6g}")
    if setting.above and result <= setting.minimum:
        return value
    return result


_STEPS = (1.0, 2.0, 5.0)


def _along_decades(value: float, steps: int, setting: Real) -> float:
    smallest = setting.maximum * 1e-6
    if value <= smallest * 1e-6:
        return value if steps < 0 else _decade(smallest)
    exponent = math.floor(math.log10(value) + 1e-9)
    leading = value / 10.0**exponent
    place = max(index for index, step in enumerate(_STEPS) if step <= leading + 1e-6)
    between = leading > _STEPS[place] + 1e-6
    place += steps + (1 if between and steps < 0 else 0)
    turns, rest = divmod(place, len(_STEPS))
    result = _STEPS[rest] * 10.0 ** (exponent + turns)
    # Below a millionth of the range the next step down is nothing at all, where that is allowed.
    if steps < 0 and setting.minimum == 0 and result < setting.maximum * 1e-6:
        return 0.0
    return result


def _decade(value: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is not above ``value``."""
    exponent = math.floor(math.log10(value) + 1e-9)
    leading = value / 10.0**exponent
    return float(max(step for step in _STEPS if step <= leading + 1e-6) * 10.0**exponent)
