"""Lays Python expressions out on lines, in the form that ``ruff format`` leaves unchanged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 88
INDENT = "    "


@dataclass(frozen=True, slots=True)
class Group:
    """Items between brackets: a call, a tuple or a list.

    ``opening`` ends in the bracket and may start with a keyword (``stride=max(``). The items of a
    ``comprehension`` are an element and its loop, which no comma parts.
    """

    opening: str
    items: tuple[Expression, ...]
    closing: str = ")"
    comprehension: bool = False


Expression = str | Group


def flat(expression: Expression) -> str:
    """The expression on one line."""
    if isinstance(expression, str):
        return expression
    separator = " " if expression.comprehension else ", "
    inner = separator.join(flat(item) for item in expression.items)
    return f"{expression.opening}{inner}{expression.closing}"


def keyword(name: str, expression: Expression) -> Expression:
    """``name=expression``."""
    if isinstance(expression, str):
        return f"{name}={expression}"
    return Group(
        f"{name}={expression.opening}",
        expression.items,
        expression.closing,
        expression.comprehension,
    )


def lines(expression: Expression, depth: int, before: str = "", after: str = "") -> list[str]:
    """The expression between the texts ``before`` and ``after``, indented by ``depth`` steps.

    Where it does not fit into one line, the items get one for themselves, or if they do not fit
    there either, a line each with a comma behind the last one.
    """
    margin = INDENT * depth
    whole = f"{margin}{before}{flat(expression)}{after}"
    if len(whole) <= WIDTH or isinstance(expression, str) or not expression.items:
        return [whole]
    inner = flat(Group("", expression.items, "", expression.comprehension))
    if len(margin) + len(INDENT) + len(inner) <= WIDTH:
        return [
            f"{margin}{before}{expression.opening}",
            f"{margin}{INDENT}{inner}",
            f"{margin}{expression.closing}{after}",
        ]
    result = [f"{margin}{before}{expression.opening}"]
    for item in expression.items:
        result += lines(item, depth + 1, after="" if expression.comprehension else ",")
    result.append(f"{margin}{expression.closing}{after}")
    return result


def signature(parameters: Sequence[str]) -> list[str]:
    """The head of an ``__init__`` with the given typed parameters, inside a class."""
    return lines(Group("def __init__(", ("self", *parameters), ") -> None:"), 1)
