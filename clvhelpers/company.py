"""Any company in a lesson: one of the course's own by name, or a client by the path of a client file."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from clvhelpers import datasets
from clvhelpers.purchases import one_of
from clvhelpers.text import Text, count, day, md

END = dt.date(2025, 12, 31)
COLUMNS = ("customer_id", "date", "amount", "order_id", "category", "channel", "quantity", "cost", "kind")
CONTACTS = ["customer_id", "month", "contacts"]


@dataclass(frozen=True, eq=False)
class Company:
    """The orders of one company and what a lesson must know about them.

    `transactions`: a clean pandas log with `customer_id`, `date`, `kind` ("purchase", or "netted" and "refund" where
    `amount` is negative) and, where there are any, `amount`, `order_id`, `category`, `channel` (that the customer
    came by), `quantity` and `cost`. `end` is the last day that was watched. `kind` is "contractual" where
    customers give notice, else "non-contractual". `gross_margin` is a share of revenue, None where nobody stated
    it. `has_truth` says whether `clv.truth` can mark an estimate. `notes` say what reading and cleaning found.
    What only the invented companies know, else None: `contacts` with customer service (`customer_id`, `month`, its
    first day, `contacts`) and `acquisition_cost`, by customer_id.
    """

    name: str
    currency: str
    kind: str
    transactions: pd.DataFrame
    end: dt.date
    gross_margin: float | None
    has_truth: bool
    notes: tuple[str, ...] = ()
    contacts: pd.DataFrame | None = None
    acquisition_cost: pd.Series | None = None

    def missing(self, *columns: str) -> Text | None:
        """What is missing for a step that needs these columns, in words; None where all are there.

        >>> open_company("cdnow").missing("amount", "channel", "cost")
        The orders of CDNOW have no channel and no cost, which this step needs: it is left out.
        >>> open_company("cdnow").missing("amount")
        """
        lacking = [f"no {name}" for name in columns if name not in self.transactions]
        if not lacking:
            return None
        words = "The orders of {name} have {lacking}, which this step needs: it is left out."
        return md(words, name=self.name, lacking=" and ".join(lacking))

    def sentence(self) -> str:
        """Who this is, how many customers, and from when to when."""
        log = self.transactions
        return (
            f"{self.name}: {count(len(log), 'row')} of {count(log['customer_id'].nunique(), 'customer')}, from "
            f"{day(log['date'].min())} to {day(self.end)}. {' '.join(self.notes)}"
        ).strip()


def open_company(company: str = "harbor_and_pine", client: str | Path = "") -> Company:
    """A company of the course ("harbor_and_pine", "lumen" or "cdnow"), or a client, which wins if it is given.

    `client` is the path of a client file as `clv report` takes it; its data are read and cleaned by the rules of
    that file, and `notes` say what was set aside; it counts as non-contractual, since orders alone don't tell when
    somebody left. Raises `ConfigError` for another name or a wrong client file
    and `DataContractError` where the data can't be read.

    >>> shop = open_company("cdnow")
    >>> shop.name, shop.kind, str(shop.end), shop.transactions.shape
    ('CDNOW', 'non-contractual', '1998-06-30', (6919, 5))
    """
    if client:
        return _client(client)
    return _COMPANIES[one_of(company, _COMPANIES, "company")]()


def _harbor_and_pine() -> Company:
    """Order lines with the channel of their customer; the margin is what the cost of goods leaves of revenue."""
    orders = datasets.load_harbor_and_pine("orders")
    customers = datasets.load_harbor_and_pine("customers").set_index("customer_id")
    log = orders.assign(
        channel=orders["customer_id"].map(customers["channel"]),
        kind=orders["kind"].replace({"return": "refund"}),
    )
    return Company(
        name="Harbor & Pine",
        currency="USD",
        kind="non-contractual",
        transactions=_in_order(log),
        end=END,
        gross_margin=round(float(1 - log["cost"].sum() / log["amount"].sum()), 3),
        has_truth=True,
        contacts=datasets.load_harbor_and_pine("service")[CONTACTS],
        acquisition_cost=customers["acquisition_cost"],
    )


def _lumen() -> Company:
    """Monthly payments with the channel of their customer."""
    from clvhelpers.simulate.lumen import GROSS_MARGIN

    payments, usage = datasets.load_lumen("payments"), datasets.load_lumen("usage")
    customers = datasets.load_lumen("customers").set_index("customer_id")
    log = payments.assign(channel=payments["customer_id"].map(customers["channel"]), kind="purchase")
    return Company(
        name="Lumen",
        currency="USD",
        kind="contractual",
        transactions=_in_order(log),
        end=END,
        gross_margin=GROSS_MARGIN,
        has_truth=True,
        contacts=usage.rename(columns={"support_contacts": "contacts"})[CONTACTS],
        acquisition_cost=customers["acquisition_cost"],
    )


def _cdnow() -> Company:
    """The 1/10 sample; the margin is assumed, as in its client file: CDNOW's is not in the data."""
    log = datasets.load_cdnow().drop(columns="in_sample").assign(kind="purchase")
    return Company("CDNOW", "USD", "non-contractual", _in_order(log), dt.date(1998, 6, 30), 0.30, has_truth=False)


def _client(path: str | Path) -> Company:
    from clvhelpers.reporting.analysis import clean_source, read_source
    from clvhelpers.reporting.config import load_config

    config = load_config(path)
    log = clean_source(read_source(config), config)
    rows = log.transactions.df()
    place = [name for name in ("source_file", "source_row") if name in rows]
    return Company(
        name=config.name,
        currency=config.currency,
        kind="non-contractual",
        transactions=_in_order(rows.sort_values(place, kind="stable")),
        end=log.as_of,
        gross_margin=config.economics.gross_margin,
        has_truth=False,
        notes=(log.sentence(), *log.notes),
    )


def _in_order(log: pd.DataFrame) -> pd.DataFrame:
    return log[[name for name in COLUMNS if name in log]].reset_index(drop=True)


_COMPANIES: dict[str, Callable[[], Company]] = {
    "harbor_and_pine": _harbor_and_pine,
    "lumen": _lumen,
    "cdnow": _cdnow,
}
