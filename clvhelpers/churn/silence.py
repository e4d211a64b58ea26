"""Silence turned into a probability, where nobody says goodbye.

A customer who used to come every week and has been away for two months is probably gone; one who comes twice a
year is not late yet. The BG/NBD model (`models.beta_geo`) weighs silence by each customer's own rhythm.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.judging import Calibration, calibration, ranking
from clvhelpers.customers import DAYS_PER_UNIT
from clvhelpers.datasets import TRUTH, path_of
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.marking import OWN_WORLD
from clvhelpers.models.beta_geo import BetaGeoModel
from clvhelpers.models.frames import check_purchases, read_rows
from clvhelpers.models.purchase_model import PurchaseParameters
from clvhelpers.purchases import one_of
from clvhelpers.text import count, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

COLUMNS = ("frequency", "recency", "T")
EDGES = (0, 15, 30, 60, 90, 180)  # days between purchases
STEPS = 201


@dataclass(frozen=True, eq=False)
class Silence:
    """How long each customer has been silent, and what that means.

    `frame` has one row a customer of the summary: `frequency`, `silent_days`, `usual_gap_days` (mean time
    between purchases), `limit_days` (from then on gone with
    probability `level`; missing for customers without a repeat purchase), `probability_alive`, `gone_by_model` and
    `gone_by_rule` (silent for more than `rule_days`). `marks` says how the two verdicts did against the truth (None
    without it), and `calibration` whether the probabilities hold. `rhythms` has one row a usual gap, from short to
    long: `gap_days` (such as "31-60"), `customers`, the share gone as the model expects it (`model`), by the rule
    (`rule`) and in truth (`truth`, missing if not known). All three are about customers with a repeat purchase: of
    the `bought_once` the model says nothing.
    """

    frame: pd.DataFrame = field(repr=False)
    level: float
    rule_days: float
    bought_once: int
    rhythms: pd.DataFrame = field(repr=False)
    marks: pd.DataFrame | None = field(repr=False)
    calibration: Calibration | None = field(repr=False)

    def sentence(self) -> str:
        """How many are gone by the model and by the rule, and how often each is wrong where that is known."""
        repeat = self.frame[self.frame["frequency"] > 0]
        model, rule = int(repeat["gone_by_model"].sum()), int(repeat["gone_by_rule"].sum())
        words = (
            f"Of {count(len(repeat), 'customer')} with a repeat purchase, {number(model)} are gone with at least "
            f"{percent(self.level, 0)} by the model, and {number(rule)} by the rule of {number(self.rule_days)} days."
        )
        if self.bought_once:
            words += f" Of {count(self.bought_once, 'customer')} who bought once, this model can't tell."
        if self.marks is None:
            return words
        wrong = self.marks.set_index("verdict")["wrongly_gone"]
        return (
            f"{words} Of those called gone, {percent(wrong['model'], 0)} (model) and {percent(wrong['rule'], 0)} "
            "(rule) are in truth still there."
        )

    def plot(self) -> "Picture":
        """The share gone by usual gap: by the model, by the rule, and in truth."""
        from clvhelpers.plots.churn import gone_by_rhythm

        return gone_by_rhythm(self)


@dataclass(frozen=True, eq=False)
class Rhythms:
    """How long a silence may be for customers who used to come regularly.

    `frame` has one row a rhythm: `gap_days`, `purchases` (after the first), `limit_days` (of silence, then gone with
    probability `level`) and `gaps`, the limit as a multiple of the gap. `curves` has the probability of being there
    by days of silence: `gap_days, silent_days, probability_alive`.
    """

    frame: pd.DataFrame = field(repr=False)
    curves: pd.DataFrame = field(repr=False)
    level: float

    def sentence(self) -> str:
        """The limit of each rhythm in words."""
        told = [
            f"every {number(row['gap_days'])} days: {number(row['limit_days'])}"
            for row in self.frame.to_dict("records")
        ]
        return (
            f"Days of silence after which a customer is gone with {percent(self.level, 0)}, by how often they came: "
            f"{'; '.join(told)}."
        )

    def plot(self) -> "Picture":
        """The probability of being there by days of silence, a line a rhythm."""
        from clvhelpers.plots.churn import silence_curves

        return silence_curves(self)


def silence_limit(model: BetaGeoModel, summary: Any, level: float = 0.90) -> pd.Series:
    """Days without a purchase after which each customer is gone with probability `level`.

    Solves P(alive) = 1 - level of Fader, Hardie & Lee (2005) for the time since the last purchase:
    (alpha + t_x) ((level / (1 - level) (b + x - 1) / a)^(1 / (r + x)) - 1), and 0 where that is negative (then
    leaving after the last purchase alone is that likely). Missing for customers without a repeat purchase: the
    model lets nobody leave before one, so no silence is ever long enough.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = BetaGeoModel().fit(summary)
    >>> silence_limit(model, summary.nlargest(2, "frequency")).round().tolist()
    [65.0, 60.0]
    """
    if not 0 < level < 1:
        raise ConfigError(f"level is {level}: expected a probability between 0 and 1, such as 0.90")
    rows = read_rows(summary, COLUMNS)
    check_purchases(rows)
    x, recency = rows["frequency"].to_numpy(), rows["recency"].to_numpy()
    limit = _limit(model.only_kind(), x, recency, level) * DAYS_PER_UNIT[model.unit]
    return pd.Series(limit, index=rows.index, name="limit_days")


def rhythm_limits(
    model: BetaGeoModel,
    gaps_days: Sequence[float] = (7, 14, 30, 60, 90, 180),
    seen_days: float = 365,
    level: float = 0.90,
) -> Rhythms:
    """After how long a silence is a customer of that rhythm gone with probability `level`?

    The customer bought every one of `gaps_days` over `seen_days` (rounded down to whole gaps, at least one). For the
    limit see `silence_limit`.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> model = BetaGeoModel().fit(customer_summary(load_cdnow(), end="1997-09-30"))
    >>> rhythm_limits(model, [14, 90]).frame[["purchases", "limit_days"]].round().values.tolist()
    [[26.0, 97.0], [4.0, 642.0]]
    """
    gaps = np.asarray(gaps_days, dtype=float)
    if not len(gaps) or not np.isfinite(gaps).all() or (gaps <= 0).any():
        raise ConfigError(f"gaps_days is {list(gaps_days)}: expected days above 0, such as [14, 30, 90]")
    x = np.maximum(np.floor(seen_days / gaps), 1)
    days = DAYS_PER_UNIT[model.unit]
    rows = pd.DataFrame({"frequency": x, "recency": x * gaps / days, "T": x * gaps / days})
    limit = silence_limit(model, rows, level)
    frame = pd.DataFrame({"gap_days": gaps, "purchases": x, "limit_days": limit, "gaps": limit / gaps})
    silent = np.linspace(0, 1.1 * max(float(limit.max()), 1.0), STEPS)
    curves = []
    for gap, (_, row) in zip(gaps, rows.iterrows(), strict=True):
        later = pd.DataFrame({**row.to_dict(), "T": row["T"] + silent / days})
        alive = model.expected_probability_alive(later)
        curves.append(pd.DataFrame({"gap_days": gap, "silent_days": silent, "probability_alive": alive}))
    return Rhythms(frame, pd.concat(curves, ignore_index=True), level)


def judge_silence(
    model: BetaGeoModel,
    summary: Any,
    rule_days: float = 90,
    level: float = 0.90,
    truth: pd.Series | str | None = None,
) -> Silence:
    """Who is gone: by the model with probability `level`, and by a fixed rule; both marked where the truth is known.

    `summary` is a customer summary of pandas or another engine, in the unit of the fitted model. `truth` says who is
    there: True or False by `customer_id`, or the name of a company whose truth is known ("harbor_and_pine").
    `marks` has one row a verdict ("model", "rule"): `verdict`, `called_gone`, `wrongly_gone` (share of them still
    there), `found` (share of those really gone that it calls so) and `ranking` (the chance that of two customers,
    one gone and one not, the first is thought more likely gone: by the model's probability, by days of silence).

    >>> from clvhelpers import customer_summary
    >>> from clvhelpers.simulate import non_contractual
    >>> shop = non_contractual(customers=2000, weeks=78, seed=3, purchase=(1.0, 4.0), dropout=(1.0, 6.0))
    >>> summary = customer_summary(shop.transactions, end=shop.end)
    >>> alive = shop.truth.set_index("customer_id")["alive"]
    >>> marks = judge_silence(BetaGeoModel().fit(summary), summary, truth=alive).marks
    >>> marks.set_index("verdict")["wrongly_gone"].round(2).to_dict()
    {'model': 0.02, 'rule': 0.14}
    """
    if not rule_days > 0:
        raise ConfigError(f"rule_days is {rule_days}: expected a number of days above 0, such as 90")
    frame = _verdicts(model, summary, rule_days, level)
    repeat = frame[frame["frequency"] > 0]
    once = len(frame) - len(repeat)
    if repeat.empty:
        raise NotEnoughDataError(
            f"none of {count(len(frame), 'customer')} has a repeat purchase: without a rhythm, silence tells nothing"
        )
    if truth is None:
        return Silence(frame, level, rule_days, once, _by_rhythm(repeat, None), None, None)
    alive = _truth(truth, repeat.index)
    by = {"model": 1 - repeat["probability_alive"], "rule": repeat["silent_days"]}
    marks = pd.DataFrame([_marks(name, repeat[f"gone_by_{name}"], alive, order) for name, order in by.items()])
    held = calibration(repeat["probability_alive"], alive)
    return Silence(frame, level, rule_days, once, _by_rhythm(repeat, alive), marks, held)


def _verdicts(model: BetaGeoModel, summary: Any, rule_days: float, level: float) -> pd.DataFrame:
    """One row a customer: silence, what it means, and who is gone by model and rule."""
    rows = read_rows(summary, COLUMNS)  # once: a lazy engine has no order
    if isinstance(summary, pd.DataFrame) and "customer_id" in summary:
        rows.index = pd.Index(summary["customer_id"])
    limit = silence_limit(model, rows, level)
    days = DAYS_PER_UNIT[model.unit]
    silent = ((rows["T"] - rows["recency"]) * days).round(6)  # a whole day is not missed by a rounding error
    return pd.DataFrame(
        {
            "frequency": rows["frequency"].astype(int),
            "silent_days": silent,
            "limit_days": limit,
            "usual_gap_days": (rows["recency"] / rows["frequency"].where(rows["frequency"] > 0)) * days,
            "probability_alive": model.expected_probability_alive(rows),
            "gone_by_model": silent >= limit,
            "gone_by_rule": silent > rule_days,
        }
    )


def _by_rhythm(repeat: pd.DataFrame, alive: pd.Series | None) -> pd.DataFrame:
    names = [f"{low + 1}-{high}" for low, high in pairwise(EDGES)] + [f"over {EDGES[-1]}"]
    gap = pd.cut(repeat["usual_gap_days"], [*EDGES, np.inf], labels=names)
    rows = pd.DataFrame(
        {
            "model": 1 - repeat["probability_alive"],
            "rule": repeat["gone_by_rule"].astype(float),
            "truth": np.nan if alive is None else 1.0 - alive,
        }
    ).groupby(gap, observed=False)
    found = rows.mean()
    found.insert(0, "customers", rows.size())
    return found.rename_axis("gap_days").reset_index().astype({"gap_days": object})


def _limit(parameters: PurchaseParameters, x: np.ndarray, recency: np.ndarray, level: float) -> np.ndarray:
    r, alpha, a, b = parameters
    odds = level / (1 - level) * np.maximum(b + x - 1, b) / a
    limit = np.maximum((alpha + recency) * np.expm1(np.log(odds) / (r + x)), 0)
    return np.where(x > 0, limit, np.nan)


def _truth(truth: pd.Series | str, customers: pd.Index) -> pd.Series:
    alive = _alive_of(truth) if isinstance(truth, str) else truth
    known = alive.reindex(customers)
    if known.isna().any():
        raise DataContractError(
            f"the truth says nothing about {count(int(known.isna().sum()), 'customer')} of the summary: it needs True "
            "or False for each, with customer_id as index"
        )
    return known.astype(bool)


def _alive_of(company: str) -> pd.Series:
    """Who is there on the last day of a company of the course."""
    one_of(company, OWN_WORLD, "truth")
    table = pd.read_parquet(path_of(company, TRUTH))
    return table[table["world"] == OWN_WORLD[company]].set_index("customer_id")["alive"]


def _marks(verdict: str, gone: pd.Series, alive: pd.Series, order: pd.Series) -> dict[str, Any]:
    called, both = int(gone.sum()), 0 < int(alive.sum()) < len(alive)
    return {
        "verdict": verdict,
        "called_gone": called,
        "wrongly_gone": float(alive[gone].mean()) if called else np.nan,
        "found": float(gone[~alive].mean()) if not alive.all() else np.nan,
        "ranking": ranking(order, ~alive) if both else np.nan,
    }
