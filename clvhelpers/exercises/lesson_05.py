"""Lesson 05, From orders to metrics: two untidy exports, one clean log, and the numbers that rest on it."""

from functools import cache
from typing import NamedTuple

import pandas as pd

from clvhelpers.company import Company, open_company
from clvhelpers.datasets import DATA
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.exercises.base import ANY_TEXT, Exercise, Mistake, Parameters
from clvhelpers.metrics import KeyMetrics, key_metrics
from clvhelpers.profit import customer_profit
from clvhelpers.sources import read_transactions

PARAMETERS = {
    "company": "harbor_and_pine",
    "client": "",
    "as_of": "2025-12-31",
    "months": 12,
    "contact_cost": 6.5,
}
LIMITS = {
    "company": ("cdnow", "lumen"),
    "client": ANY_TEXT,
    "as_of": ("2024-06-30", "2025-12-31"),
    "months": (3, 18),
    "contact_cost": (0, 100),
}
RAW = DATA / "harbor_and_pine" / "raw"


class Slices(NamedTuple):
    """The company, its orders up to the last day, those of the period and of the one before, and who ordered when."""

    shop: Company
    orders: pd.DataFrame
    now: pd.DataFrame
    before: pd.DataFrame
    metrics: KeyMetrics
    ids: dict[str, set[str]]


@cache
def _webshop() -> pd.DataFrame:
    """The rows of the webshop's export, with how each repeats another."""
    rows = pd.read_csv(RAW / "webshop.csv.gz", dtype=str, keep_default_na=False)
    repeats = {"repeats": rows.duplicated(), "paired": rows.duplicated(keep=False)}
    return pd.DataFrame({**repeats, "same order": rows["Order No"].duplicated()})


@cache
def _north() -> pd.DataFrame:
    """The northern lines with `date` (local), `utc` and `amount` (Canadian dollars), and `rate` for a US dollar."""
    names = {"customer": "buyer", "date": "ts_utc", "amount": "total_cad"}
    clock = {"timezone": "America/New_York", "source_timezone": "UTC"}
    typed = read_transactions(RAW / "north.csv.gz", columns=names, **clock).order("source_row").df()
    text = pd.read_csv(RAW / "north.csv.gz", dtype=str)
    rates = pd.read_csv(RAW / "rates.csv.gz").set_index("month")["cad_per_usd"]
    month = typed["date"].dt.strftime("%Y-%m")
    return typed.assign(
        utc=pd.to_datetime(text["ts_utc"]).dt.tz_localize(None), rate=month.map(rates), rates=rates.mean()
    )


@cache
def _open(company: str, client: str) -> Company:
    return open_company(company, client)


@cache
def _cut(company: str, client: str, as_of: str, months: int) -> Slices:
    shop = _open(company, client)
    end = min(pd.Timestamp(as_of).date(), shop.end)
    after = pd.Timestamp(end) + pd.Timedelta(days=1)
    start, earlier = (after - pd.DateOffset(months=times * months) for times in (1, 2))
    orders = shop.transactions[shop.transactions["date"] < after]
    now = orders[orders["date"] >= start]
    before = orders[orders["date"].between(earlier, start, inclusive="left")]
    groups = {"before": before, "now": now, "all": orders}
    ids = {name: set(rows.loc[rows["kind"] != "refund", "customer_id"]) for name, rows in groups.items()}
    return Slices(shop, orders, now, before, key_metrics(orders, end, months), ids)


def _slices(p: Parameters) -> Slices:
    return _cut(p["company"], p["client"], p["as_of"], p["months"])


def _with_money(p: Parameters) -> Slices:
    found = _slices(p)
    if "amount" not in found.orders:
        raise NotEnoughDataError(f"the orders of {found.shop.name} have no amounts")
    return found


def _kept(p: Parameters, among: str = "before") -> float:
    """Customers of both periods as a share of those of one of them, or of all."""
    found = _slices(p)
    if not found.metrics.covered:
        raise NotEnoughDataError(
            f"the orders of {found.shop.name} do not cover twice {p['months']} months; give fewer `months`"
        )
    return len(found.ids["before"] & found.ids["now"]) / len(found.ids[among])


@cache
def _view(company: str, client: str, as_of: str, months: int, contact_cost: float) -> pd.DataFrame:
    """What each customer brought and cost, up to the last day."""
    shop, orders = _cut(company, client, as_of, months)[:2]
    service = won = None
    if shop.contacts is not None and shop.acquisition_cost is not None:
        until = shop.contacts[shop.contacts["month"] <= as_of]
        service = contact_cost * until.groupby("customer_id")["contacts"].sum()
        won = shop.acquisition_cost.reindex(orders["customer_id"].unique())
    return customer_profit(orders, gross_margin=shop.gross_margin, service=service, acquisition=won).frame


def _at_a_loss(p: Parameters, *parts: str) -> float:
    """The share of customers whose sum of these parts is below 0."""
    _with_money(p)
    view = _view(**{name: p[name] for name in PARAMETERS})
    return float((view[list(parts)].sum(axis=1).round(6) < 0).mean())


ALL_PARTS = ("sales", "returns", "goods", "service", "acquisition")

EXERCISES = [
    Exercise(
        id="05.1",
        answer=lambda _: int(_webshop()["repeats"].sum()),
        why="One day was exported twice: each of its rows repeats an earlier one, and one of the two is right.",
        mistakes=[
            Mistake(
                lambda _: int(_webshop()["paired"].sum()),
                "You counted both copies of each pair. One of them is a real line and must stay.",
            ),
            Mistake(
                lambda _: int(_webshop()["same order"].sum()),
                "An order with three lines has its number three times, and that is right. Compare whole rows.",
            ),
            Mistake(
                lambda _: int((~_webshop()["repeats"]).sum()),
                "These are the rows that remain. The question is how many repeat another.",
            ),
        ],
        hints=[
            "A row is a repeat if an earlier row holds the same in every column.",
            "`frame.duplicated()` marks each row that repeats an earlier one; the first of them is not marked.",
            "Count the marks: `webshop.duplicated().sum()`.",
        ],
        solution="Mark each row that equals an earlier one in all columns, and count the marks.",
        code="answer_1 = webshop.duplicated().sum()",
        unit="rows",
    ),
    Exercise(
        id="05.2",
        answer=lambda _: float((_north()["utc"].dt.date != _north()["date"].dt.date).mean()),
        why="It was still evening in New York when the next day began in UTC.",
        mistakes=[
            Mistake(
                lambda _: float((_north()["utc"] != _north()["date"]).mean()),
                "You compared the time stamps, and every one of them differs. Compare their days.",
            ),
            Mistake(
                lambda _: float((_north()["utc"].dt.month != _north()["date"].dt.month).mean()),
                "These are the rows that move to another month. Many more move to another day.",
            ),
            Mistake(
                lambda _: float((_north()["utc"].dt.date == _north()["date"].dt.date).mean()),
                "This is the share that keeps its day.",
            ),
            Mistake(
                lambda _: float((_north()["date"].dt.hour >= 19).mean()),
                "You took five hours all year round. In summer it is four.",
            ),
        ],
        hints=[
            'Each row has two time stamps: `north["date"]` is New York\'s, `north["utc"]` is what the file says.',
            "`.dt.date` gives the day of a time stamp, and `!=` tells where two columns differ.",
            "The mean of a column of true and false is the share that is true.",
        ],
        solution="Take the day of both time stamps, and the share of rows in which they differ.",
        code='answer_2 = (north["utc"].dt.date != north["date"].dt.date).mean()',
        unit="a fraction of the rows",
    ),
    Exercise(
        id="05.3",
        answer=lambda _: float((_north()["amount"] / _north()["rate"]).sum()),
        why="The rate says how many Canadian dollars buy one US dollar, so it divides, month by month.",
        mistakes=[
            Mistake(
                lambda _: float(_north()["amount"].sum()),
                "This is still in Canadian dollars.",
            ),
            Mistake(
                lambda _: float((_north()["amount"] * _north()["rate"]).sum()),
                "You multiplied. A Canadian dollar is worth less than a US dollar, so the sum must become smaller.",
            ),
            Mistake(
                lambda _: float(_north()["amount"].sum() / _north()["rates"].iloc[0]),
                "You used one mean rate. Months with many orders must count with their own rate.",
            ),
        ],
        hints=[
            "`month` has the month of each row, and `rates` the rate of each month.",
            "`month.map(rates)` puts the right rate beside each row.",
            "How many Canadian dollars is one US dollar? Then what is one Canadian dollar in US dollars?",
        ],
        solution="Put the rate of its month beside each row, divide, and add up.",
        code='answer_3 = (north["amount"] / month.map(rates)).sum()',
        unit="US dollars",
        tolerance=0.0005,
    ),
    Exercise(
        id="05.4",
        answer=lambda p: _with_money(p).metrics.now("average order value"),
        why="All money of the period, less what went back, for each day on which a customer ordered.",
        mistakes=[
            Mistake(
                lambda p: float(_with_money(p).now["amount"].mean()),
                "You divided by rows. A row is one line, an order has several, and a return is a row too.",
            ),
            Mistake(
                lambda p: _with_money(p).metrics.now("customer value"),
                "You divided by customers. Those who order twice count as two orders.",
            ),
            Mistake(
                lambda p: float(_with_money(p).now["amount"].clip(lower=0).sum() / _with_money(p).metrics.orders),
                "You left the returns out. That money went back.",
            ),
        ],
        hints=[
            "Two sums are needed: all money in `now`, and the number of orders in it.",
            'Leave the rows whose `kind` is "refund" out when you count orders, and in when you add up money.',
            'An order is one customer on one day: `bought[["customer_id", "day"]].drop_duplicates()` has each once.',
        ],
        solution="Revenue less returns, divided by the number of different pairs of customer and day with a purchase.",
        code=(
            'bought = now[now["kind"] != "refund"]\n'
            'number_of_orders = len(bought[["customer_id", "day"]].drop_duplicates())\n'
            'answer_4 = now["amount"].sum() / number_of_orders'
        ),
        unit="the company's currency per order",
    ),
    Exercise(
        id="05.5",
        answer=_kept,
        why="Retention looks forward from those who were there: of them, who came back?",
        mistakes=[
            Mistake(
                lambda p: 1 - _kept(p),
                "This is the churn rate, the share that did not come back.",
            ),
            Mistake(
                lambda p: _kept(p, "now"),
                "You divided by the customers of this period. Many of them were new, and could not be kept.",
            ),
            Mistake(
                lambda p: _kept(p, "all"),
                "You divided by all customers there ever were. Only those of the period before could be kept.",
            ),
            Mistake(
                lambda p: _slices(p).metrics.now("repeat rate"),
                "This is the repeat rate: who bought twice within the period.",
            ),
        ],
        hints=[
            "Make two sets of customers: who ordered before, and who ordered now. A refund is no order.",
            "`a & b` is the set of those who are in both.",
            "Divide by the set from which people could have been lost.",
        ],
        solution="Those in both sets, divided by those in the set of the period before.",
        code=(
            'ids_before = set(before.loc[before["kind"] != "refund", "customer_id"])\n'
            'ids_now = set(now.loc[now["kind"] != "refund", "customer_id"])\n'
            "answer_5 = len(ids_before & ids_now) / len(ids_before)"
        ),
        unit="a fraction of the customers of the period before",
    ),
    Exercise(
        id="05.6",
        answer=lambda p: _at_a_loss(p, *ALL_PARTS),
        why="A customer has paid off only when what they brought covers the goods, the service and the winning.",
        mistakes=[
            Mistake(
                lambda p: _at_a_loss(p, "sales", "returns", "goods", "service"),
                "The cost of winning the customer is missing.",
            ),
            Mistake(
                lambda p: _at_a_loss(p, "sales", "returns", "goods"),
                "What it cost to serve and to win the customer is missing.",
            ),
            Mistake(
                lambda p: _at_a_loss(p, "sales", "returns", "goods", "acquisition"),
                "What it cost to serve the customer is missing.",
            ),
            Mistake(
                lambda p: 1 - _at_a_loss(p, *ALL_PARTS),
                "These are the customers who did pay off.",
            ),
        ],
        hints=[
            "Each row of `view` is a customer. What went out has a minus already.",
            "Add the five columns of money up along each row: `.sum(axis=1)`.",
            "The share of rows whose sum is below 0 is the mean of a column of true and false.",
        ],
        solution="Add up each customer's five amounts, and take the share whose sum is below zero.",
        code=(
            'parts = ["sales", "returns", "goods", "service", "acquisition"]\n'
            "answer_6 = (view[parts].sum(axis=1).round(6) < 0).mean()"
        ),
        unit="a fraction of the customers",
    ),
]
