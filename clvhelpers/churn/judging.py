"""How good a churn score is on customers that it has not seen: calibration first, then ranking.

Accuracy is left out on purpose as a verdict: where 5 % leave, "nobody leaves" is right for 95 %. It is in the
result only beside that rule.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clvhelpers.churn.behaviour import ChurnSet
from clvhelpers.churn.leakage import overlapping_label
from clvhelpers.churn.score import ChurnScore, check_classes
from clvhelpers.cohorts import wilson_interval
from clvhelpers.errors import ConfigError, LeakageError, NotEnoughDataError
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

TOP = 0.1


@dataclass(frozen=True, eq=False)
class Calibration:
    """Whether probabilities are what they say. `frame` has one row a group of customers, lowest risk first.

    Columns: `customers`, `predicted` (mean probability), `actual` (share it came true for), `low`, `high` (its
    95 % interval by Wilson). `error` is the expected calibration error, the mean distance of the two over
    customers; `error_by_chance` is what probabilities that are exactly right would show with so few customers.
    `predicted`, `actual`: both over all. `brier`: the mean squared error of a probability, `brier_base` that of
    giving everybody `base_rate`.
    """

    frame: pd.DataFrame = field(repr=False)
    customers: int
    predicted: float
    actual: float
    error: float
    error_by_chance: float
    brier: float
    base_rate: float
    brier_base: float

    @property
    def skill(self) -> float:
        """How much of the base rate's Brier score is gone: 1 for an oracle, 0 for the base rate, below 0 if worse."""
        return 1 - self.brier / self.brier_base

    def sentence(self) -> str:
        """Calibration in words."""
        return (
            f"{percent(self.predicted)} were expected and it came true for {percent(self.actual)} of "
            f"{count(self.customers, 'customer')}. A group of them is off by {_points(self.error)} on average "
            f"({_points(self.error_by_chance)} by chance with perfect probabilities). The Brier score is "
            f"{number(self.brier, 4)} against {number(self.brier_base, 4)} with the base rate for everybody."
        )

    def plot(self) -> "Picture":
        """Expected and actual share by group, with intervals."""
        from clvhelpers.plots.churn import calibration_curve

        return calibration_curve(self)


@dataclass(frozen=True, eq=False)
class ScoreCheck:
    """A score on a later day. `frame` is that of the `calibration`, a row a group of customers by risk.

    `auc`: the chance that somebody who left was given a higher risk than somebody who stayed (0.5 is a coin).
    `lift`: how many times the base rate the riskiest tenth left. `accuracy` (calling everybody above one half a
    leaver) stands beside `accuracy_of_nobody` (calling nobody one), and says little. `probability` and `left` are
    what was predicted and what came, by customer.
    """

    calibration: Calibration
    auc: float
    lift: float
    accuracy: float
    accuracy_of_nobody: float
    probability: pd.Series = field(repr=False)
    left: pd.Series = field(repr=False)

    @property
    def frame(self) -> pd.DataFrame:
        return self.calibration.frame

    def sentence(self) -> str:
        """Calibration, ranking, and accuracy beside the rule that calls nobody a leaver, in words."""
        return (
            f"{self.calibration.sentence()} Of two customers, one who left and one who stayed, the score puts the "
            f"first higher in {percent(self.auc, 0)} of cases; the riskiest tenth left {number(self.lift, 1)} times "
            f"as often as all. It is right for {percent(self.accuracy)}, and "
            f'"nobody leaves" is for {percent(self.accuracy_of_nobody)}.'
        )

    def plot(self) -> "Picture":
        """The calibration curve."""
        return self.calibration.plot()


def check_score(score: ChurnScore, later: ChurnSet, bins: int = 10) -> ScoreCheck:
    """Try a score on the customers of a later day, whose leaving it can't have learned from.

    Raises `LeakageError` where the label of the training ends after the cut of `later`, and `NotEnoughDataError`
    where nobody or everybody left.

    >>> rng = np.random.default_rng(1)
    >>> import datetime as dt
    >>> from clvhelpers.churn.score import fit_churn_score
    >>> def customers(cut, end):
    ...     hours = rng.gamma(2, 5, 1000)
    ...     frame = pd.DataFrame({"hours": hours, "left": rng.random(1000) < 1 / (1 + np.exp(hours / 5))})
    ...     return ChurnSet(frame, ("hours",), dt.date(2025, cut, 28), dt.date(2025, end, 28))
    >>> found = check_score(fit_churn_score(customers(2, 5)), customers(5, 8))
    >>> found.calibration.error < 2 * found.calibration.error_by_chance, found.auc > 0.6
    (True, True)
    """
    if problems := overlapping_label(pd.Timestamp(score.training.label_end), pd.Timestamp(later.cut)):
        raise LeakageError(problems)
    check_classes(later)
    risk, left = score.predict(later.frame), later.frame["left"].astype(bool)
    base = float(left.mean())
    top = risk.sort_values(ascending=False, kind="stable").index[: max(1, round(TOP * len(risk)))]
    return ScoreCheck(
        calibration=calibration(risk, left, bins, base_rate=score.training.base_rate),
        auc=ranking(risk, left),
        lift=float(left.loc[top].mean() / base),
        accuracy=float(((risk > 0.5) == left).mean()),
        accuracy_of_nobody=1 - base,
        probability=risk,
        left=left,
    )


def calibration(
    probability: pd.Series, happened: pd.Series, bins: int = 10, base_rate: float | None = None
) -> Calibration:
    """Compare probabilities with what came true, in `bins` groups of equal size by probability.

    Equal probabilities stay in one group. `base_rate` is the share known beforehand, to compare with (default:
    the share that came true, which nobody knew).

    >>> risk = pd.Series([0.2] * 10 + [0.8] * 10)
    >>> came = pd.Series([1] * 2 + [0] * 8 + [1] * 8 + [0] * 2)
    >>> calibration(risk, came).frame[["customers", "predicted", "actual"]].values.tolist()
    [[10.0, 0.2, 0.2], [10.0, 0.8, 0.8]]
    """
    if bins < 1 or bins % 1:
        raise ConfigError(f"bins is {bins}: expected a whole number of groups, 1 or more")
    if not len(probability):
        raise NotEnoughDataError("there is no customer whose probability could be compared with what came")
    if not probability.between(0, 1).all():
        raise ConfigError("a probability is missing or not between 0 and 1: give a number for each customer")
    p, y = probability.to_numpy(dtype=float), happened.to_numpy(dtype=float)
    base = float(y.mean()) if base_rate is None else base_rate
    # the group of a value is that of its middle rank, so that equal values stay together
    middle = pd.Series(p).rank(method="average").to_numpy() - 0.5
    group = np.floor(middle * bins / len(p)).astype(int)
    rows = pd.DataFrame({"group": group, "predicted": p, "actual": y}).groupby("group")
    frame = rows.mean().reset_index(drop=True)
    frame.insert(0, "customers", rows.size().to_numpy())
    frame["low"], frame["high"] = wilson_interval(frame["actual"], frame["customers"])
    weight = frame["customers"] / len(p)
    spread = pd.Series(p * (1 - p)).groupby(group).sum().to_numpy() ** 0.5 / frame["customers"]
    return Calibration(
        frame=frame,
        customers=len(p),
        predicted=float(p.mean()),
        actual=float(y.mean()),
        error=float((weight * (frame["predicted"] - frame["actual"]).abs()).sum()),
        error_by_chance=float((weight * spread).sum() * np.sqrt(2 / np.pi)),
        brier=float(((p - y) ** 2).mean()),
        base_rate=base,
        brier_base=float(((base - y) ** 2).mean()),
    )


def _points(share: float) -> str:
    return f"{number(100 * share, 1)} points"


def ranking(probability: pd.Series, happened: pd.Series) -> float:
    """The area under the ROC curve by ranks (Mann and Whitney); equal values count half.

    >>> ranking(pd.Series([0.1, 0.4, 0.4, 0.9]), pd.Series([0, 0, 1, 1]))
    0.875
    """
    rank = probability.rank(method="average").to_numpy()
    happened_ = happened.to_numpy(dtype=bool)
    ones = int(happened_.sum())
    return float((rank[happened_].sum() - ones * (ones + 1) / 2) / (ones * (len(rank) - ones)))
