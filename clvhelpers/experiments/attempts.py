"""Which past attempts worked? What was tried, how well it was tested, and what it left after its cost, in one table.

Two things fool a reader of such a list. An attempt whose customers were chosen, or which was compared with the time
before, says little whatever its number. And the best of many attempts had luck as well: the next time it brings less.
So evidence has a grade, and the effects of randomised attempts are drawn towards their mean, the more the noisier.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from clvhelpers.churn.stays import check_level
from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.experiments.chosen import shown
from clvhelpers.experiments.effect import difference_and_error
from clvhelpers.text import count, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

Array = npt.NDArray[np.float64]
DESIGNS = {
    "randomised": "strong: chance decided who was treated",
    "hold-out": "strong: chance decided who was left out",
    "before-after": "weak: whatever else changed in that time is in the number",
    "chosen": "weak: who was treated differed from the others before",
}
STRONG = ("randomised", "hold-out")
WORKED, FAILED, UNKNOWN = "worked", "did not", "can't tell"
LEAST_ATTEMPTS = 4  # below, nobody can say how much effects differ
KEYS = ("name", "design", "effect", "standard_error", "comparison", "arm", "value", "cost", "customers")


@dataclass(frozen=True, eq=False)
class Attempts:
    """Past attempts, the one with the highest net value first, and those of which nobody can tell it last.

    `frame`: `attempt, design, evidence, customers, effect` (money a customer, as measured), `standard_error, low,
    high`, `shrunk` (towards the mean of the strong attempts; as measured where nothing is shrunk), `shrunk_error`,
    `cost` (a customer), `claimed_value` ((effect - cost) x customers, which is what its owner says), `net_value`
    ((shrunk - cost) x customers) and the `probability` that the effect is above its cost (both missing for weak
    evidence), `verdict` and `reason`. `spread` is how much the true effects of the strong attempts
    differ (standard deviation), `mean` their mean; both are missing where nothing is shrunk.
    """

    frame: pd.DataFrame
    mean: float
    spread: float
    certainty: float
    level: float
    currency: str | None

    def shown(self, value: float) -> str:
        """Money in words."""
        return shown(value, False, self.currency)

    def sentence(self) -> str:
        """How many worked, what the rule is, and what is left of the best one after its luck."""
        verdicts = self.frame["verdict"].value_counts()
        told = ", ".join(f"{number(verdicts.get(name, 0))} {name}" for name in (WORKED, FAILED, UNKNOWN))
        weak = int((~self.frame["design"].isin(STRONG)).sum())
        untold = f" Without randomisation nobody can tell ({count(weak, 'attempt')})." if weak else ""
        return (
            f"Of {count(len(self.frame), 'attempt')}: {told}. An attempt {WORKED} if the probability that its effect "
            f"is above its cost is at least {number(100 * self.certainty)}%, and {FAILED} if it is at most "
            f"{number(100 * (1 - self.certainty))}%.{untold} {self._shrinkage_words()}"
        )

    def _shrinkage_words(self) -> str:
        if np.isnan(self.mean):
            return (
                f"Effects are as measured: with fewer than {LEAST_ATTEMPTS} strong attempts nobody can say how much of "
                "the best one was luck, so expect less of it the next time."
            )
        strong = self.frame[self.frame["probability"].notna()]
        best = strong.iloc[int(strong["effect"].argmax())]
        return (
            f"The best of many had luck too: {best['attempt']} measured {self.shown(best['effect'])} a customer; "
            f"{self.shown(best['shrunk'])} is to be expected, for effects are drawn towards their mean "
            f"({self.shown(self.mean)}), from which the true ones differ by {self.shown(self.spread)} or so."
        )

    def plot(self) -> "Picture":
        """Each strong attempt as measured and shrunk, with the interval, and its cost."""
        from clvhelpers.plots.experiments_observational import attempt_points

        return attempt_points(self)


def attempts_table(
    attempts: Sequence[Mapping[str, Any]] | pd.DataFrame,
    *,
    certainty: float = 0.9,
    level: float = 0.95,
    currency: str | None = None,
) -> Attempts:
    """What was tried before, in one table with a verdict each.

    An attempt has a `name`; a `design` ("randomised"; "hold-out", if the hold-out was drawn by chance; "before-after";
    "chosen", if somebody chose whom to treat); its `effect` in money a customer with the `standard_error` (or a
    `comparison` of this package, with its `arm` if it has several and the `value` in money of one unit of the outcome);
    its `cost` a customer, and how many `customers` were treated. Effects should be of one kind, such as
    margin over the same time, for they are drawn towards their common mean: by the share B = (k - 3) / (k - 1) x
    error² / (error² + spread²) with k strong attempts, `spread`² by the method of moments.

    Raises `ExperimentError` with every problem: a key that is not known or missing, a design that is not one of these,
    an error that is not above 0, numbers that are missing or below 0; `ConfigError` for a `certainty` outside 0.5 to 1.
    Sources: Morris (1983), Journal of the American Statistical Association 78, 47-55 (shrinking); DerSimonian & Laird
    (1986), Controlled Clinical Trials 7, 177-188 (spread).

    >>> tried = attempts_table(
    ...     [
    ...         {"name": "call", "design": "chosen", "effect": 9.0, "cost": 4.0, "customers": 900},
    ...         {"name": "gift", "design": "randomised", "effect": 5, "standard_error": 1, "cost": 2, "customers": 500},
    ...     ]
    ... )
    >>> tried.frame[["attempt", "claimed_value", "net_value", "verdict"]].values.tolist()
    [['gift', 1500.0, 1500.0, 'worked'], ['call', 4500.0, nan, "can't tell"]]
    """
    check_level(level)
    if not 0.5 < certainty < 1:
        raise ConfigError(f"certainty is {certainty}: expected a probability above 0.5 and below 1, such as 0.9")
    rows = _rows(attempts)
    strong = (rows["design"].isin(STRONG) & rows["standard_error"].notna()).to_numpy()
    shrunk, error, mean, spread = _shrunk(rows["effect"].to_numpy(), rows["standard_error"].to_numpy(), strong)
    half = NormalDist().inv_cdf((1 + level) / 2) * rows["standard_error"]
    frame = rows.assign(
        evidence=rows["design"].map(DESIGNS).str.partition(":")[0],
        low=rows["effect"] - half,
        high=rows["effect"] + half,
        shrunk=shrunk,
        shrunk_error=error,
        claimed_value=(rows["effect"] - rows["cost"]) * rows["customers"],
        net_value=np.where(strong, (shrunk - rows["cost"]) * rows["customers"], np.nan),
        probability=_probability(shrunk - rows["cost"].to_numpy(), error, strong),
    )
    verdicts = [_verdict(row, certainty) for row in frame.to_dict("records")]
    frame["verdict"], frame["reason"] = zip(*verdicts, strict=True)
    columns = ["attempt", "design", "evidence", "customers", "effect", "standard_error", "low", "high", "shrunk"]
    columns += ["shrunk_error", "cost", "claimed_value", "net_value", "probability", "verdict", "reason"]
    frame = frame.sort_values(["net_value", "claimed_value"], ascending=False, kind="stable", ignore_index=True)[
        columns
    ]
    return Attempts(frame, mean, spread, certainty, level, currency)


def _rows(attempts: Sequence[Mapping[str, Any]] | pd.DataFrame) -> pd.DataFrame:
    given: list[Any] = attempts.to_dict("records") if isinstance(attempts, pd.DataFrame) else list(attempts)
    if not given:
        raise ExperimentError("there are no attempts: a table needs one or more")
    problems: list[str] = []
    rows = [_row({str(key): value for key, value in one.items()}, place, problems) for place, one in enumerate(given)]
    if problems:
        raise ExperimentError(problems)
    return pd.DataFrame(rows)


def _row(one: dict[str, Any], place: int, problems: list[str]) -> dict[str, Any]:
    """The numbers of an attempt; what is wrong with it goes to `problems`."""
    given = {key: value for key, value in one.items() if not _missing(value)}
    name = str(given.get("name", f"attempt {place + 1}"))
    needed = ("name", "design", "cost", "customers", *(() if "comparison" in given else ("effect",)))
    wrong = [f"{key!r} is missing" for key in needed if key not in given]
    wrong += [f"{key!r} is not known: expected {', '.join(KEYS)}" for key in given if key not in KEYS]
    if "design" in given and given["design"] not in tuple(DESIGNS):
        wrong.append(f"design is {given['design']!r}: expected one of {', '.join(map(repr, DESIGNS))}")
    if "comparison" in given and ("effect" in given or "standard_error" in given):
        wrong.append("a comparison has its effect and error: give it or them, not both")
    wrong += [
        f"{key} is {given[key]!r}: expected a number{limit}"
        for key, limit in (("effect", ""), ("value", ""), ("standard_error", " above 0"))
        if key in given and not _is_number(given[key], -np.inf if not limit else 0)
    ]
    for key in ("cost", "customers"):
        if key in given and not (_is_number(given[key], -1) and given[key] >= 0):
            wrong.append(f"{key} is {given[key]!r}: expected a number from 0 up")
    problems += [f"{name}: {what}" for what in wrong]
    if wrong:
        return {}
    effect, error = _measured(given)
    kept = {"attempt": name, "design": given["design"], "cost": given["cost"], "customers": given["customers"]}
    return kept | {"effect": float(effect), "standard_error": float(error)}


def _missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value))


def _is_number(value: Any, above: float) -> bool:
    number_like = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    return number_like and bool(np.isfinite(value)) and value > above


def _measured(given: dict[str, Any]) -> tuple[float, float]:
    """The effect in money a customer, and its standard error (missing if nobody knows it)."""
    value = given.get("value", 1.0)
    if "comparison" not in given:
        return value * given["effect"], abs(value) * given.get("standard_error", np.nan)
    difference, error = difference_and_error(given["comparison"], given.get("arm"))
    return value * difference, abs(value) * error


def _shrunk(effect: Array, error: Array, strong: npt.NDArray[np.bool_]) -> tuple[Array, Array, float, float]:
    """Effects drawn towards their mean with their errors, that mean, and the spread of the true effects."""
    if strong.sum() < LEAST_ATTEMPTS:
        return effect, error, np.nan, np.nan
    y, variance, k = effect[strong], error[strong] ** 2, int(strong.sum())
    spread2 = between_variance(y, variance)
    weights = 1 / (variance + spread2)
    mean = float(weights @ y / weights.sum())
    b = (k - 3) / (k - 1) * variance * weights
    drawn = y - b * (y - mean)
    # the third part is for the spread being estimated too
    square = variance * (1 - b) + b**2 / weights.sum() + 2 / (k - 3) * b**2 * (y - mean) ** 2
    shrunk, errors = effect.copy(), error.copy()
    shrunk[strong], errors[strong] = drawn, np.sqrt(square)
    return shrunk, errors, mean, float(np.sqrt(spread2))


def between_variance(effect: Array, variance: Array) -> float:
    """The variance of true effects, beyond that of the errors of measured ones; 0 if these explain it all.

    Source: DerSimonian & Laird (1986), Controlled Clinical Trials 7, 177-188.

    >>> round(between_variance(np.array([1.0, 2.0, 6.0]), np.array([1.0, 1.0, 1.0])), 6)
    6.0
    """
    weights = 1 / variance
    off = effect - weights @ effect / weights.sum()
    scale = weights.sum() - (weights**2).sum() / weights.sum()
    return max(0.0, float((weights @ off**2 - (len(effect) - 1)) / scale))


def _probability(net: Array, error: Array, strong: npt.NDArray[np.bool_]) -> Array:
    from scipy.special import ndtr

    return np.where(strong, ndtr(net / np.where(strong, error, 1.0)), np.nan)


def _verdict(row: Mapping[Any, Any], certainty: float) -> tuple[str, str]:
    if row["design"] not in STRONG:
        return UNKNOWN, DESIGNS[row["design"]]
    if np.isnan(row["probability"]):
        return UNKNOWN, "its standard error is not known: it takes the units and outcomes of both groups"
    above = f"the probability that it is above its cost is {number(100 * row['probability'])}%"
    if row["probability"] >= certainty:
        return WORKED, above
    return (FAILED if row["probability"] <= 1 - certainty else UNKNOWN), above
