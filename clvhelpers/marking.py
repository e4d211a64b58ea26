"""Mark an estimate against the truth, which only an invented company has.

The truth of a customer is what is *expected* after the last day that was watched, given the rates that nobody sees
and whether the customer has left; one possible future is beside it as "realised". Nothing here gives the truth of
single customers away: the answer has it by tenths of the estimate, or by groups that are passed in.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from clvhelpers import datasets
from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.simulate import Simulated
from clvhelpers.text import money, number, percent

if TYPE_CHECKING:
    from clvhelpers.plots.look import Picture

OWN_WORLD = {"harbor_and_pine": "broken", "lumen": "lumen"}
MONEY = ("value", "service_cost")
LIFE = "life"
TENTHS = 10
EXAMPLES = 5


@dataclass(frozen=True, eq=False)
class Mark:
    """How good an estimate is. Money is in US dollars, all else in the unit of `what`.

    `total_estimate` and `total_truth`: sums over all customers. `bias`: mean of estimate less truth of a customer;
    `bias_share`: the same as a share of the truth (NaN where that is 0). `error`: mean absolute difference of a
    customer; `rmse`: root of the mean squared one. `rank_agreement`: Spearman's rank correlation, from -1 to 1; NaN
    where either is the same for everybody.

    `profit`: what the action of `truth` brings if the estimate chooses whom it reaches; `best_profit`: if the truth
    does; `profit_left`: the difference, 0 or more; `chosen`: how many customers the estimate chooses.

    `frame`: a row for each tenth of the customers by estimate, the highest first, or for each group: `customers`,
    `mean_estimate`, `mean_truth`, `total_truth` and, where a future was drawn, `mean_realised`.
    """

    company: str
    what: str
    horizon: str
    customers: int
    total_estimate: float
    total_truth: float
    bias: float
    bias_share: float
    error: float
    rmse: float
    rank_agreement: float
    share: float
    chosen: float
    profit: float
    best_profit: float
    frame: pd.DataFrame

    @property
    def profit_left(self) -> float:
        """The best profit less that of the estimate."""
        return self.best_profit - self.profit

    @property
    def is_money(self) -> bool:
        """Whether the numbers are amounts of money."""
        return self.what in MONEY

    def written(self, value: float) -> str:
        """A number of this kind in words."""
        return money(value) if self.is_money else f"{number(value, 2)} {self.what}"

    def sentence(self) -> str:
        """The level, the order and what the choice costs, in words."""
        level = f"{percent(self.bias_share, 0, signed=True)} in all" if self.total_truth else "the truth is 0"
        words = (
            f"Over {self.horizon} the estimate adds up to {self.written(self.total_estimate)} and the truth to "
            f"{self.written(self.total_truth)} ({level}). A customer's is off by {self.written(self.error)} on average."
        )
        if np.isnan(self.rank_agreement):
            words += " It can't put the customers in order."
        else:
            words += f" Rank agreement is {number(self.rank_agreement, 2)}, where 1 is the right order."
        return (
            f"{words} Chosen by it, the best {percent(self.share, 0)} bring {self.written(self.profit)} of the "
            f"{self.written(self.best_profit)} that the truth would find: {self.written(self.profit_left)} are left "
            "on the table."
        )

    def plot(self) -> "Picture":
        """The mean estimate beside the mean truth, for each row of `frame`."""
        from clvhelpers.plots.truth import estimate_and_truth

        return estimate_and_truth(self)


def truth(
    company: str | Simulated,
    estimate: pd.Series,
    horizon_months: int | None = 12,
    world: str | None = None,
    *,
    what: str = "value",
    by: pd.Series | None = None,
    share: float = 0.20,
    lift: float = 1.0,
    cost: float = 0.0,
) -> Mark:
    """Mark `estimate`, a number for each customer with `customer_id` as its index, against the truth.

    `company` is "harbor_and_pine", "lumen", or what `simulate.non_contractual` gives. The estimate is of what comes
    after the last day: `what` is "value" (margin in US dollars, undiscounted; revenue for a simulated company, which
    has no costs), "purchases" (Harbor & Pine, simulated), "service_cost" (Harbor & Pine) or "months" (Lumen).
    `horizon_months` is 12, 36 or None for life (12 for a simulated company). `world` is "broken" (the Harbor & Pine
    of the lessons), or the smaller shops "fits" and "mixed". `by` gives a label to each customer, and `frame` then
    goes by label.

    **Profit left on the table.** An action costs `cost` for each customer that it reaches and adds the share `lift`
    to what the customer brings. Whoever believes an estimate gives it to the highest first, as long as
    lift x estimate > cost, and to at most the share `share` of all customers. The profit is the sum of
    lift x truth - cost over those reached; what is left is the profit of the same rule with the truth in place of
    the estimate, less that. With the defaults it is the value of the truly best fifth less that of the fifth chosen.
    Customers with one estimate at the edge of the list share its last places.

    Raises `ConfigError` for an unknown company, world, horizon, `what` or a number out of range, and
    `DataContractError` for an estimate with unknown, missing or repeated customers or without a finite number.

    >>> from clvhelpers.simulate import non_contractual
    >>> shop = non_contractual(customers=500, weeks=52, seed=7)
    >>> revenue = shop.transactions.groupby("customer_id")["amount"].sum()
    >>> mark = truth(shop, revenue)
    >>> round(mark.bias_share, 2), round(mark.rank_agreement, 2), round(mark.profit_left)
    (1.64, 0.18, 2996)
    """
    if share <= 0 or share > 1 or lift <= 0 or cost < 0:
        raise ConfigError("share must lie above 0 and up to 1, lift above 0, and cost must be 0 or more")
    table, name = _table(company, world)
    column = _column(table, name, what, horizon_months)
    known = table.set_index("customer_id")
    true = known[column].astype(float)
    given = _checked(estimate, true.index, name)
    groups = _tenths(given) if by is None else _labels(by, true.index)
    frame = _frame(groups, given, true, known.get(column.replace("expected", "realised")))
    horizon = "life" if horizon_months is None else f"{horizon_months} months"
    return Mark(name, what, horizon, **_distances(given, true), **_profits(given, true, share, lift, cost), frame=frame)


def _distances(estimate: pd.Series, true: pd.Series) -> dict[str, Any]:
    """How far the estimate is from the truth: in all, for a customer, and in order."""
    gap, total = estimate - true, float(true.sum())
    return {
        "customers": len(true),
        "total_estimate": float(estimate.sum()),
        "total_truth": total,
        "bias": float(gap.mean()),
        "bias_share": float(gap.sum()) / total if total else float("nan"),
        "error": float(gap.abs().mean()),
        "rmse": float(np.sqrt((gap**2).mean())),
        "rank_agreement": _spearman(estimate, true),
    }


def _profits(estimate: pd.Series, true: pd.Series, share: float, lift: float, cost: float) -> dict[str, Any]:
    """What the action brings, chosen by the estimate and by the truth."""
    reached, best = (_reached(values, share, lift, cost) for values in (estimate, true))
    brought = lift * true - cost
    return {
        "share": share,
        "chosen": float(reached.sum()),
        "profit": float((reached * brought).sum()),
        "best_profit": float((best * brought).sum()),
    }


def _table(company: str | Simulated, world: str | None) -> tuple[pd.DataFrame, str]:
    """The truth of each customer of a company or world, and the name of it."""
    if isinstance(company, Simulated):
        if world is not None:
            raise ConfigError(f"world is {world!r}: a simulated company has one world, leave it out")
        names = {"expected_future_value_12m": "expected_value_12m"}
        return _with_realised(company.truth.rename(columns=names), company), "the simulated company"
    if company not in OWN_WORLD:
        why = ": it is real, and nobody knows the truth about its customers" if company == "cdnow" else ""
        known = ", ".join(map(repr, OWN_WORLD))
        raise ConfigError(f"there is no truth for {company!r}{why}; there is for {known}")
    table = pd.read_parquet(datasets.path_of(company, datasets.TRUTH))
    wanted = OWN_WORLD[company] if world is None else world
    worlds = table["world"].unique().tolist()
    if wanted not in worlds:
        raise ConfigError(f"{company} has no world {wanted!r}: it has {', '.join(map(repr, worlds))}")
    return table[table["world"] == wanted], company


def _with_realised(table: pd.DataFrame, company: Simulated) -> pd.DataFrame:
    """The truth with what the twelve months after the end brought."""
    after = company.future[company.future["date"] <= company.end + pd.Timedelta(days=365)]
    amounts = after.groupby("customer_id")["amount"].agg(["size", "sum"]).reindex(table["customer_id"]).fillna(0.0)
    return table.assign(realised_purchases_12m=amounts["size"].to_numpy(), realised_value_12m=amounts["sum"].to_numpy())


def _column(table: pd.DataFrame, name: str, what: str, horizon_months: int | None) -> str:
    column = f"expected_{what}_{LIFE if horizon_months is None else f'{horizon_months}m'}"
    if column in table:
        return column
    known = sorted(one.removeprefix("expected_") for one in map(str, table) if one.startswith("expected_"))
    kinds = sorted({one.rpartition("_")[0] for one in known})
    if what not in kinds:
        raise ConfigError(f"what is {what!r}: {name} has a truth for {', '.join(map(repr, kinds))}")
    horizons = [one.rpartition("_")[2] for one in known if one.rpartition("_")[0] == what]
    words = ["None (life)" if one == LIFE else one.removesuffix("m") for one in horizons]
    raise ConfigError(f"horizon_months is {horizon_months!r}: {name} has a truth for {' and '.join(words)}")


def _checked(estimate: Any, customers: pd.Index, name: str) -> pd.Series:
    """The estimate in the order of the truth, once each customer has one finite number."""
    if not isinstance(estimate, pd.Series):
        raise DataContractError(
            f"the estimate is a {type(estimate).__name__}: give a pandas Series of numbers with customer_id as its "
            "index"
        )
    if not pd.api.types.is_numeric_dtype(estimate) or pd.api.types.is_bool_dtype(estimate):
        raise DataContractError(f"the estimate holds {estimate.dtype} and not numbers")
    problems = _id_problems(estimate, customers, name, "the estimate")
    bad = estimate.index[~np.isfinite(estimate.astype(float).to_numpy())]
    if len(bad):
        problems.append(f"{_some(bad)} no finite number in the estimate: give one to each, 0 for nothing")
    if problems:
        raise DataContractError(problems)
    return estimate.reindex(customers).astype(float)


def _labels(by: Any, customers: pd.Index) -> pd.Series:
    if not isinstance(by, pd.Series):
        raise DataContractError(f"`by` is a {type(by).__name__}: give a pandas Series of labels by customer_id")
    problems = _id_problems(by, customers, "the company", "`by`")
    if by.isna().any():
        problems.append(f"{_some(by.index[by.isna()])} no label in `by`")
    if problems:
        raise DataContractError(problems)
    return by.reindex(customers).rename("group")


def _id_problems(given: pd.Series, customers: pd.Index, name: str, what: str) -> list[str]:
    unknown = given.index[customers.get_indexer(given.index) < 0]
    missing = customers[given.index.unique().get_indexer(customers) < 0]
    twice = given.index[given.index.duplicated()].unique()
    if len(unknown) == len(given) and len(given):
        return [
            f"no customer of {what} is one of {name}: its index starts with {given.index[0]!r}, and ids look like "
            f"{customers[0]!r}; make customer_id the index, as in estimate.set_axis(summary['customer_id'])"
        ]
    problems = [f"{_some(unknown)} unknown to {name}: take them out of {what}"] if len(unknown) else []
    problems += [f"{_some(missing)} missing in {what}: give one to each customer"] if len(missing) else []
    return problems + ([f"{_some(twice)} more than once in {what}: give each customer once"] if len(twice) else [])


def _some(ids: pd.Index) -> str:
    """How many customers and the first of them, ready for what is wrong with them."""
    shown = ", ".join(map(str, ids[:EXAMPLES])) + (", ..." if len(ids) > EXAMPLES else "")
    return f"{len(ids):,} customer{'s' if len(ids) > 1 else ''} ({shown}):"


def _reached(values: pd.Series, share: float, lift: float, cost: float) -> pd.Series:
    """How much of a place each customer gets (0 to 1) when the highest are chosen; ties share the last places."""
    places = max(1, round(share * len(values)))
    worth = (lift * values > cost).astype(float)
    above = values.rank(method="min", ascending=False) - 1
    tied = values.groupby(values).transform("size")
    return worth * ((places - above) / tied).clip(0, 1)


def _spearman(estimate: pd.Series, true: pd.Series) -> float:
    if estimate.nunique() < 2 or true.nunique() < 2:
        return float("nan")
    return float(np.corrcoef(estimate.rank(), true.rank())[0, 1])


def _tenths(estimate: pd.Series) -> pd.Series:
    """1 for the tenth with the highest estimates, to 10; customers with one estimate are in one tenth."""
    place = estimate.rank(method="max", ascending=False)
    return (-(-TENTHS * place // len(estimate))).astype(int).rename("tenth")


def _frame(groups: pd.Series, estimate: pd.Series, true: pd.Series, realised: pd.Series | None) -> pd.DataFrame:
    columns: dict[Hashable, pd.Series] = {"estimate": estimate, "truth": true}
    if realised is not None:
        columns["realised"] = realised.astype(float)
    rows = pd.DataFrame(columns).groupby(groups)
    frame = rows.mean().rename(columns="mean_{}".format)
    frame.insert(0, "customers", rows.size())
    frame.insert(3, "total_truth", rows["truth"].sum())
    return frame.reset_index()
