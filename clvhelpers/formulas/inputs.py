"""What every formula asks of its inputs: numbers that can be, and one message that names each that can't."""

import reprlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.errors import FormulaError

Array = npt.NDArray[np.float64]
Numbers = float | npt.NDArray[Any] | pd.Series | list[float]
"""A number, or many: arrays broadcast, and a Series keeps its index in the answer."""
Result = Any
"""A float where every input is a number, a Series where one is a Series, else an array."""


class Inputs:
    """The inputs of one formula as arrays, the problems found in them, and the shape of the answer.

    >>> given = Inputs(churn=[0.1, 0.0])
    >>> given.refuse("churn", given["churn"] == 0, "nobody would ever leave")
    >>> given.settle()
    Traceback (most recent call last):
        ...
    clvhelpers.errors.FormulaError: churn[1] is 0: nobody would ever leave
    """

    def __init__(self, **values: Numbers) -> None:
        self._problems: list[str] = []
        self._index = self._shared_index(values)
        self._arrays: dict[str, Array] = {}
        for name, value in values.items():
            self._arrays[name] = self._read(name, value)
            self.refuse(name, ~np.isfinite(self[name]), "it must be a finite number; drop or fill what is missing")
        self._check_shapes()
        self.settle()

    def __getitem__(self, name: str) -> Array:
        return self._arrays[name]

    def refuse(self, name: str, wrong: npt.ArrayLike, meaning: str) -> None:
        """Note a problem with the input `name` where `wrong` is true, and what such a value would mean."""
        flags = np.asarray(wrong)
        if not flags.any():
            return
        values = np.broadcast_to(self[name], flags.shape)
        place = tuple(int(axis[0]) for axis in np.nonzero(flags)) if flags.ndim else ()
        more = int(flags.sum()) - 1
        also = f" (and {more} more)" if more else ""
        self._problems.append(f"{self._at(name, place)} is {values[place]:.12g}{also}: {meaning}")

    def settle(self) -> None:
        """Raise one FormulaError with every problem found, if there is any."""
        if self._problems:
            raise FormulaError(self._problems)

    def give(self, answer: npt.ArrayLike) -> Result:
        """The answer in the shape of the inputs."""
        array = np.asarray(answer, dtype=float)
        if array.ndim == 0:
            return float(array)
        return array if self._index is None else pd.Series(array, index=self._index)

    def fraction(self, name: str, too_low: str, too_high: str) -> None:
        """The input lies between 0 and 1."""
        self.refuse(name, self[name] < 0, too_low)
        self.refuse(name, self[name] > 1, f"{too_high}; give a fraction (0.8 for 80%)")

    def retention(self, name: str = "retention") -> None:
        self.fraction(name, "fewer than none can't stay", "more customers would stay than there were")

    def churn(self, name: str = "churn") -> None:
        self.fraction(name, "fewer than none can't leave", "more customers would leave than there were")

    def discount(self, name: str = "discount") -> None:
        self.refuse(name, self[name] <= -1, "money would lose all its value, or more, in one period")
        self.refuse(name, self[name] > 1, "money would lose over half its value in one period; give 0.1 for 10%")

    def growth(self, name: str = "growth") -> None:
        self.refuse(name, self[name] < -1, "a margin can't shrink by more than all of it")

    def share_of_revenue(self, name: str = "margin") -> None:
        self.refuse(name, self[name] > 1, "a margin is the share of revenue that is kept; give 0.35 for 35%")

    def not_negative(self, *names: str) -> None:
        for name in names:
            self.refuse(name, self[name] < 0, "it can't be below 0")

    def positive(self, name: str, zero_means: str) -> None:
        self.refuse(name, self[name] == 0, zero_means)
        self.not_negative(name)

    def _shared_index(self, values: Mapping[str, Numbers]) -> pd.Index | None:
        found = {name: value.index for name, value in values.items() if isinstance(value, pd.Series)}
        first = next(iter(found.values()), None)
        different = [name for name, index in found.items() if first is not None and not index.equals(first)]
        if different:
            same = next(iter(found))
            self._problems.append(f"{', '.join(different)}: the index is not that of {same}; use .reindex first")
        return first

    def _read(self, name: str, value: Numbers) -> Array:
        try:
            return _as_floats(value)
        except (TypeError, ValueError):
            self._problems.append(f"{name} must be a number or numbers, not {' '.join(reprlib.repr(value).split())}")
            return np.zeros(())

    def _check_shapes(self) -> None:
        shapes = [array.shape for array in self._arrays.values()]
        try:
            fits = self._index is None or np.broadcast_shapes(*shapes) == self._index.shape
            np.broadcast_shapes(*shapes)
        except ValueError:
            fits = False
        if not fits and not self._problems:
            lengths = ", ".join(f"{name} {array.shape}" for name, array in self._arrays.items() if array.ndim)
            self._problems.append(f"the lengths of the inputs don't fit together: {lengths}")

    def _at(self, name: str, place: tuple[int, ...]) -> str:
        if not place:
            return name
        if self._index is not None:
            return f"{name} at {self._index[place[0]]!r}"
        return f"{name}[{', '.join(map(str, place))}]"


def _as_floats(value: Numbers) -> Array:
    """Numbers in any dress (lists, Decimal, pandas' nullable types) as floats; TypeError for text and truth values."""
    if getattr(value, "dtype", None) in (float, int):
        return np.asarray(value, dtype=float)
    objects = np.asarray(value, dtype=object)
    if any(isinstance(item, str | bool | np.bool_) or item is None for item in objects.flat):
        raise TypeError("not a number")
    return pd.to_numeric(pd.Series(objects.ravel())).to_numpy(dtype=float, na_value=np.nan).reshape(objects.shape)
