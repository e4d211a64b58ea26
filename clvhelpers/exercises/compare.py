"""Does an answer match? If not, what can be said about it without giving the right one away?"""

import math
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from functools import singledispatch
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from clvhelpers.text import Text, md

_FACTORS = {
    100.0: "It is 100 times too large. Use a share as a fraction, such as 0.2 for 20%.",
    0.01: "It is 100 times too small. Is it a fraction where a percentage or an amount is wanted?",
    12.0: "It is 12 times too large. Is it for a year where a month is asked for?",
    1 / 12: "It is 12 times too small. Is it for a month where a year is asked for?",
    -1.0: "The size is right and the sign is not. Which of the two is taken from the other?",
}


@dataclass(frozen=True)
class Rules:
    """What counts as a match: how far off a number may be, and which words may be chosen."""

    tolerance: float = 0.005
    choices: tuple[str, ...] = ()


def close(given: float, right: float, tolerance: float) -> bool:
    """Equal up to a relative tolerance; a right answer of 0 must be met to a billionth."""
    return math.isclose(given, right, rel_tol=tolerance, abs_tol=1e-9)


@singledispatch
def fault(right: Any, given: Any, rules: Rules) -> Text | None:
    """What is wrong with the given answer, in words; None if it matches the right one.

    The kind of answer follows from the right one: a number, True or False, a word among choices, a
    set (any order), a list (in order), or numbers by name (dict or Series).

    >>> print(fault(36.5, "36.5", Rules()))
    It is text. A number is wanted: leave out the quotation marks.
    >>> print(fault(0.2, 20, Rules()))
    It is 100 times too large. Use a share as a fraction, such as 0.2 for 20%.
    >>> fault({"margin", "timing"}, ["Timing", "margin "], Rules(choices=("margin", "timing", "price")))
    """
    raise TypeError(f"an exercise can't have a {type(right).__name__} as its right answer")


@fault.register
def _(right: Real, given: Any, rules: Rules) -> Text | None:
    value = _number(given)
    if isinstance(value, Text):
        return value
    if close(value, float(right), rules.tolerance):
        return None
    for factor, words in _FACTORS.items():
        if right and close(value, factor * float(right), rules.tolerance):
            return md(words)
    return md("It is too high." if value > right else "It is too low.")


@fault.register
def _(right: bool, given: Any, rules: Rules) -> Text | None:
    if not isinstance(given, bool | np.bool_):
        return md("Answer with `True` or `False`, without quotation marks.")
    return None if given == right else md("It is the other way round.")


@fault.register
def _(right: str, given: Any, rules: Rules) -> Text | None:
    unknown = _unknown_choices([given], rules)
    if unknown or _plain(given) == _plain(right):
        return unknown
    return md("It is not {word!r}.", word=given)


@fault.register
def _(right: Set, given: Any, rules: Rules) -> Text | None:
    problem = _not_several(given) or _unknown_choices(given, rules)
    if problem:
        return problem
    wanted, found = {_plain(item) for item in right}, {_plain(item) for item in given}
    missing, extra = len(wanted - found), len(found - wanted)
    if not missing and not extra:
        return None
    return md(
        "Right: {hits}. Wrong: {extra}. Still to find: {missing}.",
        hits=len(found & wanted),
        extra=extra,
        missing=missing,
    )


@fault.register(list)
@fault.register(tuple)
def _(right: list[Any], given: Any, rules: Rules) -> Text | None:
    if isinstance(given, Set):
        return md("It is a set, which has no order. Give a list, such as `[first, second]`.")
    problem = fault(set(right), given, rules)
    if problem or [_plain(item) for item in right] == [_plain(item) for item in given]:
        return problem
    return md("The right ones are there, but not in the right order.")


@fault.register(Mapping)
@fault.register(pd.Series)
def _(right: Any, given: Any, rules: Rules) -> Text | None:
    if not isinstance(given, Mapping | pd.Series):
        return md("It has no names. Numbers by name are wanted, as a dict or a Series.")
    wanted = {_plain(key): (key, value) for key, value in right.items()}
    found = {_plain(key): value for key, value in given.items()}
    missing = [str(wanted[key][0]) for key in wanted if key not in found]
    if missing:
        return md("There is no value for {names}.", names=_some(missing))
    extra = [str(key) for key, _ in given.items() if _plain(key) not in wanted]
    if extra:
        return md("These names are not asked for: {names}.", names=_some(extra))
    faults = {str(name): fault(value, found[key], rules) for key, (name, value) in wanted.items()}
    wrong = {name: words for name, words in faults.items() if words}
    if not wrong:
        return None
    name, words = next(iter(wrong.items()))
    return md(
        "Not right: {wrong} of {all}. Look at {name} first. {words}",
        wrong=len(wrong),
        all=len(faults),
        name=name,
        words=words.plain,
    )


def _number(given: Any) -> float | Text:
    if isinstance(given, np.ndarray | np.generic) and given.ndim == 0:
        given = given.item()
    if isinstance(given, bool):
        return md("It is `True` or `False`. A number is wanted.")
    if isinstance(given, str):
        return md("It is text. A number is wanted: leave out the quotation marks.")
    if given is None:
        return md("It is `None`. A number is wanted; perhaps a function has no `return`.")
    if given is pd.NA or not isinstance(given, Real | Decimal):
        return md("It is a {kind}. A single number is wanted.", kind=type(given).__name__)
    if not math.isfinite(given):
        return md(
            "It is {value}, which is not a finite number. Was something divided by zero, or missing?",
            value=float(given),
        )
    return float(given)


def _plain(item: Any) -> Any:
    if isinstance(item, str):
        return " ".join(item.split()).casefold()
    return item if isinstance(item, Hashable) else repr(item)


def _not_several(given: Any) -> Text | None:
    if isinstance(given, str) or not isinstance(given, Iterable):
        return md("Several are wanted: put them in braces, such as `{{first, second}}`.")
    return None


def _unknown_choices(given: Iterable[Any], rules: Rules) -> Text | None:
    known = {_plain(choice) for choice in rules.choices}
    unknown = [str(item) for item in given if known and _plain(item) not in known]
    if not unknown:
        return None
    return md(
        "{unknown} is not among the choices, which are: {choices}.",
        unknown=_some(unknown),
        choices=", ".join(rules.choices),
    )


def _some(names: list[str], limit: int = 5) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
