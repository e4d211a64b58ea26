"""From an effect on retention to money: what a customer of each arm is worth more than one of control."""

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.churn.stays import check_level, check_unit, long_time
from clvhelpers.errors import ConfigError, NotEnoughDataError
from clvhelpers.experiments.lift_rows import ROWS, Money, lift_rows
from clvhelpers.experiments.renewals import Renewals, read_renewals
from clvhelpers.formulas.rates import convert_rate
from clvhelpers.text import money, percent

if TYPE_CHECKING:
    from clvhelpers.experiments.decision import Decision
    from clvhelpers.plots.look import Picture

DEFAULT_ROW = "common tail"
ALIKE = "; nothing shows that retention rises with age, so the tail is of one constant churn"


@dataclass(frozen=True, eq=False)
class ClvLift:
    """What a customer of each arm brings more than one of control, by three assumptions about the time after.

    `frame` has three rows for each arm but the control: `arm`, `row` ("window", "common tail", "separate tails"),
    `lift` (money a customer, discounted to their start), `standard_error`, `low`, `high`, `assumption`, and `problem`,
    which says why where a row has no number. `survival` has the curves behind it: `arm`, `period`, `at_risk`, `left`,
    `survival`. `window` is the last renewal used and `horizon` the number of payments counted, the first one included.
    """

    frame: pd.DataFrame
    survival: pd.DataFrame
    margin: float
    discount_rate: float
    window: int
    horizon: int
    unit: str
    control: str
    level: float
    currency: str

    @property
    def arms(self) -> list[str]:
        """The arms but the control."""
        return self.frame["arm"].drop_duplicates().tolist()

    def of(self, arm: str | None = None) -> dict[str, dict[str, Any]]:
        """The three rows of one arm, by name of the row; `arm` may be left out where there is only one."""
        if arm is None and len(self.arms) > 1:
            raise ConfigError(f"arm is not given: name one of {', '.join(self.arms)}")
        rows = self.frame[self.frame["arm"] == (self.arms[0] if arm is None else arm)]
        if rows.empty:
            raise ConfigError(f"no arm is called {arm!r}: the arms are {', '.join(self.arms)}")
        return {str(row["row"]): {str(name): value for name, value in row.items()} for row in rows.to_dict("records")}

    def decide(
        self,
        *,
        cost: float,
        customers: int,
        fixed_cost: float = 0.0,
        arm: str | None = None,
        row: str = DEFAULT_ROW,
        **terms: Any,
    ) -> "Decision":
        """Ship or not: `decide` on one row, and beside it the verdict under the others.

        `cost` is money per treated customer, spent at their start, `fixed_cost` once, `customers` those of the
        roll-out, who are taken to be like those of the test; further `terms`
        (`guardrails`, `sample_ratio`, `risk`, `test_cost`) are those of `decide`. Raises `NotEnoughDataError` where the
        row has no number.
        """
        from clvhelpers.experiments.decision import Terms, decide_rows

        rows = self.of(arm)
        if row not in ROWS:
            raise ConfigError(f"row is {row!r}: expected one of {', '.join(map(repr, ROWS))}")
        if rows[row]["problem"]:
            raise NotEnoughDataError(f"the row {row!r} has no number: {rows[row]['problem']}. row='window' has one")
        given = Terms(cost, customers, fixed_cost, currency=self.currency, level=self.level, **terms)
        lifts = {name: (one["lift"], one["standard_error"]) for name, one in rows.items() if not one["problem"]}
        return decide_rows(lifts, row, given, what=rows[row]["arm"])

    def sentence(self) -> str:
        """The default row of each arm in words, then the two others beside it."""
        return " ".join(self._arm_sentence(arm) for arm in self.arms)

    def plot(self, cost: float | None = None) -> "Picture":
        """The rows as points with their intervals, and what the treatment costs a customer as a line."""
        from clvhelpers.plots.experiments_decision import lift_points

        return lift_points(self, cost)

    def _arm_sentence(self, arm: str) -> str:
        rows = self.of(arm)
        told = {name: self._amount(rows[name]) for name in ROWS}
        after = f"after {self.unit} {self.window}"
        if rows[DEFAULT_ROW]["problem"]:
            return (
                f"By {self.unit} {self.window} a customer of {arm} has brought {told['window']} than one of "
                f"{self.control}; what comes {after} can't be said: {rows[DEFAULT_ROW]['problem']}."
            )
        separate = rows["separate tails"]["problem"]
        last = f"no answer ({separate})" if separate else told["separate tails"]
        return (
            f"In {long_time(self.horizon, self.unit)} a customer of {arm} brings {told[DEFAULT_ROW]} than one of "
            f"{self.control}, if the treatment stops working {after}. By then it has brought {told['window']}; with a "
            f"model of its own for each arm it is {last}."
        )

    def _amount(self, row: dict[str, Any]) -> str:
        low, high = (money(row[end], self.currency) for end in ("low", "high"))
        return f"{more_or_less(row['lift'], self.currency)} ({percent(self.level, 0)} interval {low} to {high})"


def more_or_less(difference: float, currency: str) -> str:
    """A difference of money in words.

    >>> more_or_less(7.5, "USD"), more_or_less(-0.24, "USD")
    ('$7.50 more', '$0.24 less')
    """
    return f"{money(abs(difference), currency)} {'less' if difference < 0 else 'more'}"


def clv_lift(
    data: Any,
    *,
    margin: float,
    discount_rate: float,
    horizon: int,
    window: int | None = None,
    unit: str = "month",
    arm: str = "arm",
    control: str = "control",
    level: float = 0.95,
    currency: str = "USD",
) -> ClvLift:
    """The lift in customer lifetime value of each arm over control, with its interval, in three rows.

    `data` is a frame of any engine with one row a unit (`duration` in whole `unit`s until it left, or was last seen;
    `left`; the arm), or survivors by hand. `margin` is money per payment, the same in every arm (what an offer gives
    away, such as a lower price, belongs to the cost of the decision); `discount_rate` is per year. The first payment
    comes at the start, from everybody; payment t comes t periods later from those still there after t renewals, and is
    worth (1 + d)^-t of itself. `horizon` counts payments, the first included. `window` is the last renewal used, by
    default the last that every unit was followed to.

    The rows differ in what they take to come after the window: nothing ("window", a floor while the effect is not
    reversed), an effect that stops ("common tail", the default for decisions), one that persists ("separate tails").
    With little data the second has half the standard error of the third, which is badly wrong where the offer only put
    off the first leavers. Raises `ExperimentError`, `NotEnoughDataError` and `ConfigError`: see `read_renewals`.
    Sources: Fader & Hardie (2007), Journal of Interactive Marketing 21(1), for the tails; `lift_rows` for the errors.

    >>> survivors = {"control": [10000, 7576, 6251, 5397, 4794, 4343, 3990],
    ...              "offer": [10000, 7869, 6612, 5779, 5182, 4728, 4370]}
    >>> lift = clv_lift(survivors, margin=10, discount_rate=0.1268, horizon=36)
    >>> lift.frame[["row", "lift", "low", "high"]].round(2).values.tolist()
    [['window', 2.11, 1.43, 2.79], ['common tail', 7.29, 4.8, 9.78], ['separate tails', 8.76, 4.4, 13.12]]
    """
    check_level(level)
    check_unit(unit)
    _check_numbers(margin, discount_rate, horizon)
    arms, last = read_renewals(data, window=window, arm=arm, control=control, unit=unit)
    if horizon <= last:
        raise ConfigError(
            f"horizon is {horizon}: the window of {long_time(last, unit)} holds {last + 1} payments, the first one "
            "included, and the horizon must hold them all; give a longer horizon or a shorter window"
        )
    terms = Money(margin, float(convert_rate(discount_rate, "year", unit)), int(horizon))
    others = [name for name in arms if name != control]
    rows = [lift_rows(arms[control], arms[name], terms, unit).assign(arm=name) for name in others]
    frame = _with_intervals(pd.concat(rows, ignore_index=True), level, _assumptions(last, unit))
    curves = pd.concat([_curve(name, each) for name, each in arms.items()], ignore_index=True)
    return ClvLift(frame, curves, margin, discount_rate, last, int(horizon), unit, control, level, currency)


def _check_numbers(margin: float, discount_rate: float, horizon: int) -> None:
    problems = []
    if not (np.isfinite(margin) and margin > 0):
        problems.append(f"margin is {margin}: expected money above 0 per payment, after the cost to serve")
    if not (np.isfinite(discount_rate) and discount_rate >= 0):
        problems.append(f"discount_rate is {discount_rate}: expected 0 or more per year, such as 0.1 for 10%")
    if not (np.isfinite(horizon) and horizon == int(horizon) and horizon > 0):
        problems.append(f"horizon is {horizon}: expected a whole number of payments, such as 36")
    if problems:
        raise ConfigError(problems)


def _assumptions(window: int, unit: str) -> dict[str, str]:
    after = f"after {unit} {window}"
    return {
        "window": f"nothing {after} is counted: a floor, unless the effect is reversed then",
        "common tail": f"the effect stops {after}, and the extra customers then stay like all others",
        "separate tails": "the effect goes on, as a model of each arm by itself says",
    }


def _with_intervals(frame: pd.DataFrame, level: float, assumptions: dict[str, str]) -> pd.DataFrame:
    half = NormalDist().inv_cdf(0.5 + level / 2) * frame["standard_error"]
    assumption = frame["row"].map(assumptions) + frame["alike"].map({True: ALIKE, False: ""})
    frame = frame.assign(low=frame["lift"] - half, high=frame["lift"] + half, assumption=assumption)
    return frame[["arm", "row", "lift", "standard_error", "low", "high", "assumption", "problem"]]


def _curve(name: str, arm: Renewals) -> pd.DataFrame:
    start = arm.at_risk[0]
    columns = {"at_risk": np.append(start, arm.at_risk), "left": np.append(0.0, arm.lost)}
    whole = {column: np.round(values).astype(int) for column, values in columns.items()}
    return pd.DataFrame({"arm": name, "period": np.arange(len(arm.survival)), **whole, "survival": arm.survival})
