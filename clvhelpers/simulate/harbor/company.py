"""Harbor & Pine as a whole: customers come, buy, send back, ask and answer; then the true value of each."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from clvhelpers.errors import FormulaError
from clvhelpers.simulate.harbor import orders as shop
from clvhelpers.simulate.harbor.clock import DAYS, HORIZONS, seasonal
from clvhelpers.simulate.harbor.marketing import budgets, first_days, won
from clvhelpers.simulate.harbor.people import describe, latent, referrers, tastes
from clvhelpers.simulate.harbor.purchases import repeat_days, still_alive
from clvhelpers.simulate.harbor.truth import expectations, per_order, truth_table

SEED, CUSTOMERS, SURVEYED = 2023, 12_000, 800
CUSTOMER_COLUMNS = ["customer_id", "first_date", "channel", "acquisition_cost", "country", "age_group", "gender"]
CUSTOMER_COLUMNS += ["household_size", "style_attitude", "price_attitude", "newsletter", "referred_by"]
ORDER_COLUMNS = ["order_id", "customer_id", "date", "category", "quantity", "unit_price", "discount", "amount", "cost"]
ORDER_COLUMNS += ["kind", "promotion"]


@dataclass(frozen=True, eq=False)
class HarborAndPine:
    """`tables` by name as `data/README.md` lists them; `truth`, a row a customer; `later`, orders after the end."""

    tables: dict[str, pd.DataFrame]
    truth: pd.DataFrame
    later: pd.DataFrame


def harbor_and_pine(customers: int = CUSTOMERS, seed: int = SEED) -> HarborAndPine:
    """The online retailer of the course, with what is true of each customer; one `seed` always gives one company.

    It breaks what purchase models assume: a season and two sales a year, customers of the paid channels that get
    worse, and order values that go with the number of orders. `data/README.md` tells the whole process.
    Raises FormulaError for fewer than 100 customers.

    >>> company = harbor_and_pine(customers=200, seed=1)
    >>> sorted(company.tables)
    ['customers', 'marketing', 'orders', 'outside_spend', 'satisfaction', 'service']
    >>> company.truth[["customer_id", "world"]].iloc[0].tolist()
    ['H001', 'broken']
    """
    if customers < 100:
        raise FormulaError(f"customers is {customers}: five channels over three years need at least 100")
    rng, clock = np.random.default_rng(seed), seasonal()
    marketing = won(rng, budgets(rng), customers)
    people = describe(rng, first_days(rng, marketing, clock))
    people = pd.concat([people, latent(rng, people, clock)], axis=1)
    people["referred_by"] = referrers(rng, people)
    mix = tastes(rng, people)
    first_day = people["day"].to_numpy()
    repeats = repeat_days(rng, people, first_day, clock, DAYS + HORIZONS["12m"])
    people["alive"] = still_alive(repeats, customers, DAYS)
    who, day = np.r_[np.arange(customers), repeats.customer], np.r_[first_day, repeats.time]
    bought = shop.lines(rng, people, mix, who, day, clock.sale[day])
    log = _with_ids(pd.concat([bought, shop.returns(rng, people, bought)], ignore_index=True))
    future = day[log["order"]] >= DAYS
    realised = _realised(log[future], customers)
    truth = truth_table(people, "broken", expectations(people, clock, per_order(people, mix)), realised)
    return HarborAndPine(
        _tables(rng, people, log, marketing),
        truth,
        _named(people, log[future], ORDER_COLUMNS, ["date", "order_id", "kind"]),
    )


def _realised(future: pd.DataFrame, customers: int) -> pd.DataFrame:
    """What the orders of the twelve months after the end brought, whenever a line of them went back."""
    bought = future[future["kind"] == "purchase"].drop_duplicates("order")
    margin = np.bincount(future["who"], future["amount"] - future["cost"], minlength=customers)
    number = np.bincount(bought["who"], minlength=customers)
    return pd.DataFrame({"realised_purchases_12m": number, "realised_value_12m": margin})


def _tables(
    rng: np.random.Generator, people: pd.DataFrame, log: pd.DataFrame, marketing: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables that an analyst sees, each in the order of time."""
    asked, seen = shop.service(rng, people, log), log[shop.in_the_log(log)]
    said = shop.satisfaction(rng, people, seen).rename(columns={"order_id": "answered_after_order"})
    surveyed = shop.outside_spend(rng, people, seen, min(SURVEYED, len(people) // 2))
    first = seen.groupby("who")["date"].min().dt.normalize()
    answers = ["customer_id", "date", "score", "answered_after_order"]
    return {
        "customers": people.assign(first_date=first)[CUSTOMER_COLUMNS],
        "orders": _named(people, seen, ORDER_COLUMNS, ["date", "order_id", "kind"]),
        "service": _service(people, asked),
        "satisfaction": _named(people, said[shop.in_the_log(said)], answers, ["date", "customer_id"]),
        "marketing": marketing.sort_values(["month", "channel"], ignore_index=True),
        "outside_spend": _named(people, surveyed, ["customer_id", "year", "category_spend"], ["year", "customer_id"]),
    }


def _service(people: pd.DataFrame, asked: pd.DataFrame) -> pd.DataFrame:
    """Contacts and their cost, one row a customer and month in which there were any."""
    asked = asked[shop.in_the_log(asked) & (asked["contacts"] > 0)]
    month = asked["date"].dt.to_period("M").dt.to_timestamp()
    monthly = asked.assign(month=month).groupby(["month", "who"])["contacts"].sum().reset_index()
    monthly["cost"] = (shop.CONTACT_COST * monthly["contacts"]).round(2)
    return _named(people, monthly, ["customer_id", "month", "contacts", "cost"], ["month", "customer_id"])


def _named(people: pd.DataFrame, frame: pd.DataFrame, columns: list[str], by: list[str]) -> pd.DataFrame:
    """The columns of a frame in which `who` became the customer's id, in order."""
    named = frame.assign(customer_id=people["customer_id"].to_numpy()[frame["who"]])
    return named.sort_values(by, kind="stable", ignore_index=True)[columns]


def _with_ids(log: pd.DataFrame) -> pd.DataFrame:
    """The log with `order_id`, numbered as the orders came in."""
    placed = log[log["kind"] == "purchase"].groupby("order")["date"].first()
    place = placed.rank(method="first").astype(np.int64).reindex(log["order"]).to_numpy()
    return log.assign(order_id=[f"A{number:06d}" for number in place])
