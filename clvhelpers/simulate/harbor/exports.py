"""The orders of Harbor & Pine as two systems export them, with the warts of real exports.

`webshop` has the customers of the US and Great Britain in US dollars and local time; `north` those of Canada, under
other column names, in Canadian dollars and UTC. Put together and cleaned they are the table `orders` again, line by
line. `data/README.md` lists the warts.
"""

import numpy as np
import pandas as pd

from clvhelpers.simulate.harbor.clock import END, START
from clvhelpers.simulate.harbor.company import HarborAndPine

TIMEZONE = "America/New_York"
"""The company's own zone, in which the clean tables are."""
TWICE = "11/29/2024"
"""The day that was loaded into the webshop's export twice."""
NAMELESS, TESTS, DOUBLED = 240, 30, 150
"""Lines of guests, lines of a test account, and lines of the north that were exported twice."""
WEBSHOP = {
    "order_id": "Order No",
    "customer_id": "Customer",
    "date": "Placed",
    "category": "Department",
    "quantity": "Qty",
    "unit_price": "Unit Price",
    "discount": "Discount",
    "amount": "Paid",
    "cost": "Goods Cost",
    "kind": "Type",
    "promotion": "Promo",
}
NORTH = {
    "order_id": "order_ref",
    "customer_id": "buyer",
    "date": "ts_utc",
    "category": "product_group",
    "quantity": "units",
    "unit_price": "price_cad",
    "discount": "rebate_cad",
    "amount": "total_cad",
    "cost": "cogs_cad",
    "kind": "event",
    "promotion": "on_sale",
}
MONEY = ["unit_price", "discount", "amount", "cost"]


def exports(company: HarborAndPine, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The two exports and the exchange rates, all columns as text; one `seed` gives one set of warts.

    >>> from clvhelpers.simulate.harbor import harbor_and_pine
    >>> {name: frame.columns.tolist()[:2] for name, frame in exports(harbor_and_pine(customers=200)).items()}
    {'webshop': ['Order No', 'Customer'], 'north': ['order_ref', 'buyer'], 'rates': ['month', 'cad_per_usd']}
    """
    rng = np.random.default_rng(seed)
    country = company.tables["customers"].set_index("customer_id")["country"]
    late = company.later[company.later["date"] < END + pd.Timedelta(days=8)]
    log = pd.concat([company.tables["orders"], late], ignore_index=True)
    canadian = (log["customer_id"].map(country) == "CA").to_numpy()
    rates = _rates(rng)
    return {"webshop": _webshop(rng, log[~canadian]), "north": _north(rng, log[canadian], rates), "rates": rates}


def _rates(rng: np.random.Generator) -> pd.DataFrame:
    """Canadian dollars for a US dollar, month by month; above 1, so that cents survive the way there and back."""
    months = pd.period_range(START, END + pd.Timedelta(days=31), freq="M").astype(str)
    walk = 1.35 + np.cumsum(rng.normal(0, 0.008, len(months)))
    return pd.DataFrame({"month": months, "cad_per_usd": [f"{rate:.4f}" for rate in np.clip(walk, 1.25, 1.45)]})


def _webshop(rng: np.random.Generator, log: pd.DataFrame) -> pd.DataFrame:
    """The own shop: time written the American way, a dollar sign; guests, a test account and one day twice."""
    frame = log.rename(columns=WEBSHOP)
    frame["Placed"] = log["date"].dt.strftime("%m/%d/%Y %H:%M:%S")
    frame["Type"] = log["kind"].map({"purchase": "Sale", "return": "Return"})
    frame["Promo"] = np.where(log["promotion"], "Y", "N")
    for name in MONEY:
        frame[WEBSHOP[name]] = [f"-${-value:.2f}" if value < 0 else f"${value:.2f}" for value in log[name]]
    sales = frame[frame["Type"] == "Sale"]
    nameless = _some(rng, sales, NAMELESS).assign(Customer="")
    nameless["Order No"] = [f"G{number:05d}" for number in range(1, len(nameless) + 1)]
    tests = _some(rng, sales, TESTS).assign(Customer="TEST", Paid="$0.01")
    tests["Order No"] = [f"T{number:05d}" for number in range(1, len(tests) + 1)]
    twice = frame[frame["Placed"].str.startswith(TWICE)]
    return _in_time(pd.concat([frame, nameless, tests, twice]), log["date"])


def _north(rng: np.random.Generator, log: pd.DataFrame, rates: pd.DataFrame) -> pd.DataFrame:
    """The shop in Canada: UTC, Canadian dollars, ids in small letters, lines exported twice."""
    frame = log.rename(columns=NORTH)
    rate = log["date"].dt.strftime("%Y-%m").map(rates.set_index("month")["cad_per_usd"].astype(float))
    utc = log["date"].dt.tz_localize(TIMEZONE).dt.tz_convert("UTC")
    frame["ts_utc"] = utc.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    frame["buyer"] = log["customer_id"].str.lower()
    frame["product_group"] = log["category"].map({"clothing": "CLO", "electronics": "ELE", "books": "BOO"})
    frame["event"] = log["kind"].map({"purchase": "order", "return": "refund"})
    frame["on_sale"] = log["promotion"].astype(int)
    for name in MONEY:
        frame[NORTH[name]] = [f"{value:.2f}" for value in log[name] * rate]
    return _in_time(pd.concat([frame, _some(rng, frame, DOUBLED)]), log["date"])


def _some(rng: np.random.Generator, frame: pd.DataFrame, number: int) -> pd.DataFrame:
    return frame.iloc[np.sort(rng.choice(len(frame), min(number, len(frame)), replace=False))]


def _in_time(frame: pd.DataFrame, date: pd.Series) -> pd.DataFrame:
    """All rows in the order of time, as text."""
    place = date[frame.index].argsort(kind="stable")
    return frame.iloc[place].reset_index(drop=True).astype(str)
