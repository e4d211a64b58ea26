"""Lumen's payments as two systems export them, with the warts of real exports; `data/README.md` lists them.

`billing` has the customers of web and TV, `app_store` those of mobile, under other column names, in UTC and in the
customer's currency. Put together and cleaned they give the table `payments` again, row by row.
"""

import numpy as np
import pandas as pd

from clvhelpers.simulate.lumen.process import Array, LumenCompany

TIMEZONE = "America/New_York"
RATES = {"USD": 1.0, "GBP": 0.8, "CAD": 1.25}  # units of the currency for a US dollar, the same in all three years
CURRENCY = {"US": "USD", "GB": "GBP", "CA": "CAD"}
DOUBLED = "2024-03"  # the month that was exported twice
NAMELESS, TESTS, LATE = 60, 25, 40  # rows without a customer, of test accounts, after the last day


def exports(company: LumenCompany, seed: int = 0) -> dict[str, pd.DataFrame]:
    """The two exports and the exchange rates, all columns as text; one `seed` gives one set of warts.

    >>> from clvhelpers.simulate.lumen import lumen
    >>> {name: frame.columns.tolist()[:2] for name, frame in exports(lumen(0.02)).items()}
    {'billing': ['Account No', 'Billed at'], 'app_store': ['subscriber', 'paid_at'], 'rates': ['currency', 'per_usd']}
    """
    rng = np.random.default_rng(seed)
    paid = _with_details(rng, company)
    own, store = paid[paid["channel"] != "mobile"], paid[paid["channel"] == "mobile"]
    rates = pd.DataFrame({"currency": list(RATES), "per_usd": [f"{rate:.2f}" for rate in RATES.values()]})
    return {"billing": _billing(rng, own), "app_store": _app_store(rng, store), "rates": rates}


def _with_details(rng: np.random.Generator, company: LumenCompany) -> pd.DataFrame:
    """Each payment with a time of day (never one that summer time skips), country, channel and failures before it."""
    customers = company.tables["customers"][["customer_id", "channel", "country"]]
    failures = company.tables["usage"][["customer_id", "month", "payment_failures"]]
    paid = company.tables["payments"].merge(customers, on="customer_id")
    paid["month"] = paid["date"].dt.to_period("M").dt.start_time.astype(failures["month"].dtype)
    paid = paid.merge(failures, on=["customer_id", "month"], how="left")
    return paid.assign(at=paid["date"] + pd.to_timedelta(rng.integers(6 * 60, 24 * 60, len(paid)), unit="min"))


def _billing(rng: np.random.Generator, paid: pd.DataFrame) -> pd.DataFrame:
    """The own system: local time written the American way, a dollar sign, failed attempts, one month twice."""
    frame = pd.DataFrame(
        {
            "Account No": paid["customer_id"],
            "Billed at": paid["at"],
            "Charged": paid["amount"].map("${:.2f}".format),
            "Status": "paid",
        }
    )
    failed = frame[(paid["payment_failures"] > 0).to_numpy()].assign(Status="failed")
    failed["Billed at"] -= pd.to_timedelta(rng.integers(5, 300, len(failed)), unit="min")
    doubled = frame[frame["Billed at"].dt.strftime("%Y-%m") == DOUBLED]
    nameless = _some(rng, frame, NAMELESS).assign(**{"Account No": ""})
    tests = _some(rng, frame, TESTS).assign(**{"Account No": "TEST-001", "Charged": "$0.01"})
    late = _some(rng, frame, LATE)
    late["Billed at"] = pd.Timestamp("2026-01-02") + pd.to_timedelta(rng.integers(0, 9 * 1440, len(late)), unit="min")
    whole = pd.concat([frame, failed, doubled, nameless, tests, late]).sort_values("Billed at", kind="stable")
    whole["Billed at"] = whole["Billed at"].dt.strftime("%m/%d/%Y %H:%M")
    return whole.reset_index(drop=True)


def _app_store(rng: np.random.Generator, paid: pd.DataFrame) -> pd.DataFrame:
    """The other system: its own ids (APP-00012 is L00012), UTC, the customer's currency."""
    currency = paid["country"].map(CURRENCY)
    gross = (paid["amount"] * currency.map(RATES)).round(2)
    utc = paid["at"].dt.tz_localize(TIMEZONE).dt.tz_convert("UTC")
    frame = pd.DataFrame(
        {
            "subscriber": "APP-" + paid["customer_id"].str[1:],
            "paid_at": utc.dt.strftime("%Y-%m-%dT%H:%MZ"),
            "gross": gross.map("{:.2f}".format),
            "iso_currency": currency,
        }
    ).sort_values("paid_at", kind="stable")
    repeated = _some(rng, frame, NAMELESS)
    return pd.concat([frame, repeated]).sort_values("paid_at", kind="stable", ignore_index=True)


def _some(rng: np.random.Generator, frame: pd.DataFrame, rows: int) -> pd.DataFrame:
    places: Array = np.sort(rng.choice(len(frame), min(rows, len(frame)), replace=False))
    return frame.iloc[places].copy()
