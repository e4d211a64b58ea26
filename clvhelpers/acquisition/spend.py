"""What customers cost to win: by channel on average, and for one customer more.

A marketing table has one row a month and channel: `month`, `channel`, `spend` (money) and `new_customers`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers.errors import ConvergenceError, DataContractError, NotEnoughDataError
from clvhelpers.text import count, money, number

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

COLUMNS = ("month", "channel", "spend", "new_customers")
FEWEST_MONTHS = 8
LEAST_VARIATION = 0.10  # standard deviation of the log of spend: below, budgets tell nothing about other budgets
NINETY = 1.645
A_CENT = 0.01
MOST_STEPS = 50


def channel_costs(marketing: pd.DataFrame) -> pd.DataFrame:
    """One row a channel, most spent first: `channel`, `months`, `spend`, `new_customers`, `cac` (money a customer).

    CAC is all of the spend / all of the customers, never the mean of monthly CACs, in which a month with few
    customers counts as much as one with many. It is missing for a channel that won nobody.
    Raises `DataContractError` for columns or rows that can't be used, `NotEnoughDataError` for a table without rows.

    >>> from clvhelpers import load_harbor_and_pine
    >>> channel_costs(load_harbor_and_pine("marketing")).round(2).iloc[0].to_dict()
    {'channel': 'social', 'months': 36, 'spend': 115770.0, 'new_customers': 3446, 'cac': 33.6}
    """
    checked = checked_marketing(marketing)
    named = {"months": ("month", "nunique"), "spend": ("spend", "sum"), "new_customers": ("new_customers", "sum")}
    costs = checked.groupby("channel", sort=False).agg(**named).reset_index()
    costs["cac"] = costs["spend"] / costs["new_customers"].where(costs["new_customers"] > 0)
    return costs.sort_values("spend", ascending=False, kind="stable", ignore_index=True)


def checked_marketing(marketing: pd.DataFrame) -> pd.DataFrame:
    """The marketing table, if it can be used; else an error with every problem."""
    if not isinstance(marketing, pd.DataFrame):
        raise DataContractError(f"the marketing table is a {type(marketing).__name__}: expected a pandas frame")
    lacking = [name for name in COLUMNS if name not in marketing]
    if lacking:
        raise DataContractError(
            f"the marketing table has no {' and no '.join(lacking)}: it needs {', '.join(COLUMNS)}, one row a month "
            "and channel"
        )
    if marketing.empty:
        raise NotEnoughDataError("the marketing table has no rows: at least one month of one channel is needed")
    problems = [
        f"{count(int(wrong.sum()), 'row')} of the marketing table with {what} (first at index {wrong.idxmax()!r})"
        for what, wrong in _wrong(marketing).items()
        if wrong.any()
    ]
    if problems:
        raise DataContractError(problems)
    return marketing[list(COLUMNS)]


def _wrong(marketing: pd.DataFrame) -> dict[str, pd.Series]:
    wrong = {f"no {name}": marketing[name].isna() for name in COLUMNS}
    for name in ("spend", "new_customers"):
        numbers = pd.to_numeric(marketing[name], errors="coerce")
        wrong[f"{name} that is no number"] = numbers.isna() & marketing[name].notna()
        wrong[f"{name} below 0"] = numbers < 0
    wrong["a month and channel that were there before"] = marketing.duplicated(["month", "channel"])
    return wrong


@dataclass(frozen=True, eq=False)
class SpendResponse:
    """The answer of `spend_response`. `frame`, one row a channel:

    `channel`; `months` with spend; `spend` and `new_customers`, means of a month; `average_cac`; `elasticity`
    (a budget 1 % larger wins so many % more) and its `standard_error`; `marginal_cac`, the cost of one customer
    more at the mean budget, with `low` and `high`, its 90 % interval. `note` says why numbers are missing.
    """

    frame: pd.DataFrame
    currency: str = "USD"

    def sentence(self) -> str:
        """Where one customer more costs most beyond the average, in words; and which channels have no answer."""
        rows: list[dict[str, Any]] = self.frame.to_dict("records")  # type: ignore[assignment]
        notes = [f"{row['channel']}: {row['note']}." for row in rows if row["note"]]
        known = [row for row in rows if row["elasticity"] > 0 and row["marginal_cac"] > 0]
        if not known:
            return " ".join(notes)
        steep = min(known, key=lambda row: row["elasticity"])
        average, one_more, low, high = (
            money(steep[name], self.currency) for name in ("average_cac", "marginal_cac", "low", "high")
        )
        words = (
            f"In {steep['channel']} a customer costs {average} on average, and one more {one_more} (90% interval {low} "
            f"to {high}): twice the budget wins {number(2 ** steep['elasticity'], 2)} times as many."
        )
        return " ".join([words, *notes])

    def plot(self, value: pd.Series | None = None) -> "Picture":
        """Average and marginal CAC of each channel, beside what a customer is worth if `value` has it by channel."""
        from clvhelpers.plots.acquisition import marginal_costs

        return marginal_costs(self, value)


def spend_response(marketing: pd.DataFrame, currency: str = "USD") -> SpendResponse:
    """How many more customers a larger budget wins in each channel, from months with different budgets.

    customers = scale x spend^elasticity, fitted by Poisson regression of a month's customers on the log of its spend,
    the standard error widened by the scatter that is left. Then the marginal CAC is average CAC / elasticity, for
    d customers / d spend = elasticity x customers / spend. It assumes that nothing but the budget
    changed what a month won: budgets that were raised just when people came by themselves flatter the answer, and
    only budgets tried out on purpose don't.

    A channel that is paid by the customer costs the same for one more. A channel whose budget hardly moved, or with
    fewer than 8 months of spend, has a note and no number. Raises as `channel_costs` does.

    >>> from clvhelpers import load_harbor_and_pine
    >>> response = spend_response(load_harbor_and_pine("marketing"))
    >>> social = response.frame.set_index("channel").loc["social"]
    >>> social[["average_cac", "elasticity", "marginal_cac"]].astype(float).round(2).tolist()
    [33.6, 0.5, 67.37]
    """
    checked = checked_marketing(marketing)
    rows = [{"channel": name, **_channel(part)} for name, part in checked.groupby("channel", sort=False)]
    return SpendResponse(pd.DataFrame(rows), currency)


def _channel(part: pd.DataFrame) -> dict[str, Any]:
    """What is known of one channel's months."""
    paid = part[part["spend"] > 0]
    spend, won = paid["spend"].to_numpy(float), paid["new_customers"].to_numpy(float)
    average = spend.sum() / won.sum() if won.sum() else np.nan
    facts = {"months": len(paid), "spend": spend.sum(), "new_customers": won.sum(), "average_cac": average}
    facts |= {name: facts[name] / max(len(paid), 1) for name in ("spend", "new_customers")}
    unknown = dict.fromkeys(("elasticity", "standard_error", "marginal_cac", "low", "high"), np.nan)
    if len(paid) < FEWEST_MONTHS or not won.sum():
        return facts | unknown | {"note": f"{FEWEST_MONTHS} months with spend and customers are needed"}
    if won.all() and np.ptp(spend / won) < A_CENT:
        same = dict.fromkeys(("marginal_cac", "low", "high"), average)
        return facts | unknown | same | {"note": "paid by the customer, so one more costs the same"}
    if np.std(np.log(spend)) < LEAST_VARIATION:
        return facts | unknown | {"note": "the budget hardly changed, so other budgets must be tried first"}
    slope, error = _elasticity(np.log(spend / spend.mean()), won)
    facts |= unknown | {"elasticity": slope, "standard_error": error}
    if slope - NINETY * error <= 0:
        return facts | {"note": "the months do not show that more money wins more customers"}
    ends = {"marginal_cac": slope, "low": slope + NINETY * error, "high": slope - NINETY * error}
    return facts | {name: average / one for name, one in ends.items()} | {"note": ""}


def _elasticity(log_spend: np.ndarray, won: np.ndarray) -> tuple[float, float]:
    """Slope of a Poisson regression by Newton's method, and its standard error with the scatter that is left."""
    design = np.column_stack([np.ones_like(log_spend), log_spend])
    beta = np.array([np.log(won.mean()), 0.5])
    for _ in range(MOST_STEPS):
        mean = np.exp(design @ beta)
        information = design.T @ (design * mean[:, None])
        step = np.linalg.solve(information, design.T @ (won - mean))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    else:
        raise ConvergenceError("the response to spend could not be fitted: look at the table for a month out of line")
    scatter = max(1.0, float(np.sum((won - mean) ** 2 / mean)) / (len(won) - 2))
    return float(beta[1]), float(np.sqrt(scatter * np.linalg.inv(information)[1, 1]))
