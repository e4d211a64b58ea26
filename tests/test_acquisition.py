"""What customers cost and when they pay back: by hand, against the truth, on every engine, and what is refused."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import clvhelpers as clv
from clvhelpers.acquisition import GROUPS, SpendResponse, channel_costs, customer_payback, spend_response
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError
from clvhelpers.plots.acquisition import marginal_costs, profit_of_groups
from clvhelpers.simulate.harbor.marketing import CHANNELS

LOG = pd.DataFrame(
    [
        # customer, date, amount, cost of goods, kind
        ("anna", "2024-01-01", 100.0, 60.0, "purchase"),  # covers 50 on day 60 only
        ("anna", "2024-03-01", 40.0, 20.0, "purchase"),
        ("anna", "2025-06-30", 10.0, 5.0, "purchase"),
        ("bob", "2024-02-01", 200.0, 100.0, "purchase"),  # covers 50 at once, then sends it back
        ("bob", "2024-02-11", -200.0, -100.0, "refund"),
        ("carl", "2024-03-01", 300.0, 100.0, "purchase"),  # pays back on the first day
        ("dora", "2025-06-01", 10.0, 8.0, "purchase"),  # young and short
    ],
    columns=["customer_id", "date", "amount", "cost", "kind"],
).assign(date=lambda log: pd.to_datetime(log["date"]))
END = "2025-06-30"


def months(*spends: float, won: Any, channel: str = "ads") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "month": pd.date_range("2024-01-01", periods=len(spends), freq="MS"),
            "channel": channel,
            "spend": spends,
            "new_customers": won,
        }
    )


def test_cac_is_all_money_over_all_customers() -> None:
    table = pd.concat([months(100, 900, won=[10, 30]), months(50, 0, won=[0, 0], channel="fair")])
    costs = channel_costs(table).set_index("channel")
    assert costs.loc["ads", "cac"] == 25.0  # and not 20, the mean of 10 and 30
    assert np.isnan(costs.loc["fair", "cac"])


def test_the_elasticities_of_harbor_and_pine_are_found() -> None:
    frame = spend_response(clv.load_harbor_and_pine("marketing")).frame.set_index("channel")
    for name in ("search", "social", "email", "affiliate"):
        assert abs(frame.loc[name, "elasticity"] - CHANNELS[name].elasticity) < 3 * frame.loc[name, "standard_error"]
    assert frame.loc["referral", "marginal_cac"] == frame.loc["referral", "average_cac"] == 20.0


def test_the_interval_of_the_marginal_cac_covers_the_truth_as_often_as_it_says() -> None:
    rng, hits, tries = np.random.default_rng(3), 0, 120
    for _ in range(tries):
        spend = 1000 * rng.lognormal(0, 0.4, 30)
        row = spend_response(months(*spend, won=rng.poisson(2.0 * spend**0.6))).frame.iloc[0]
        ratio = row["average_cac"] / 0.6
        hits += row["low"] <= ratio <= row["high"]
    assert 0.83 < hits / tries < 0.97


def test_an_exact_response_is_found_exactly() -> None:
    spend = np.array([100.0, 200, 400, 800, 1600, 100, 200, 400])
    row = spend_response(months(*spend, won=3 * spend**0.5)).frame.iloc[0]
    assert row["elasticity"] == pytest.approx(0.5)
    assert row["marginal_cac"] == pytest.approx(2 * row["average_cac"])


@pytest.mark.parametrize(
    ("table", "note"),
    [
        (months(100, 200, 300, won=[5, 8, 9]), "8 months with spend"),
        (months(*[100, 101] * 6, won=[5, 6] * 6), "hardly changed"),
        (months(*[100, 300] * 6, won=[9, 5, 4, 8] * 3), "do not show"),
        (months(*[100, 300] * 6, won=0), "8 months with spend and customers"),
    ],
)
def test_a_channel_that_can_not_be_told_has_a_note_and_no_number(table: pd.DataFrame, note: str) -> None:
    response = spend_response(table)
    assert np.isnan(response.frame.loc[0, "marginal_cac"])
    assert note in response.sentence()


def test_marketing_that_can_not_be_used_is_refused_with_all_its_problems() -> None:
    table = months(100, -5, 30, won=[1, 2, None])
    table.loc[0, "channel"] = None
    with pytest.raises(DataContractError) as refusal:
        channel_costs(table)
    assert [problem.split(" (")[0] for problem in refusal.value.problems] == [
        "1 row of the marketing table with no channel",
        "1 row of the marketing table with no new_customers",
        "1 row of the marketing table with spend below 0",
    ]
    with pytest.raises(DataContractError, match="no spend and no new_customers"):
        channel_costs(table[["month", "channel"]])
    with pytest.raises(DataContractError, match="were there before"):
        channel_costs(pd.concat([months(1, won=1), months(2, won=2)]))
    with pytest.raises(NotEnoughDataError, match="has no rows"):
        spend_response(months(won=[]))
    with pytest.raises(DataContractError, match="is a list"):
        channel_costs([])  # type: ignore[arg-type]


def test_each_customer_pays_back_when_the_margin_covers_the_cost_for_good() -> None:
    payback = customer_payback(LOG, 50.0, END)
    frame = payback.frame.set_index("customer_id")
    ages = frame["payback_months"]
    assert ages["anna"] == pytest.approx(60 / 30.4375)
    assert ages["carl"] == 0
    assert ages[["bob", "dora"]].isna().all()
    assert frame["profit"].to_dict() == {"anna": 15.0, "bob": -50.0, "carl": 150.0, "dora": -48.0}
    assert frame["group"].tolist() == [GROUPS[2], GROUPS[5], GROUPS[1], GROUPS[4]]
    assert payback.groups()["customers"].tolist() == [0, 1, 1, 0, 1, 1]
    assert payback.share_paid_back(12) == pytest.approx(2 / 3)
    assert payback.sentence().endswith("silent for 6 months or more: 1 customer, by $50.00 in all.")


def test_discounting_makes_it_later_and_profit_smaller() -> None:
    plain, discounted = (customer_payback(LOG, 59.0, END, discount_rate=rate) for rate in (0.0, 0.4))
    assert plain.frame.loc[0, "payback_months"] < discounted.frame.loc[0, "payback_months"]
    years = 60 / 365.25
    assert discounted.flows.query("place == 0")["margin"].iloc[1] == pytest.approx(20 / 1.4**years)


def test_a_curve_ends_at_what_its_customers_brought_by_then() -> None:
    payback = customer_payback(LOG, 50.0, END)
    curve = payback.curve(12, pd.Series({"anna": "ads", "bob": "ads", "carl": "mail", "dora": "mail"}))
    last = curve[curve["age"] == 12].set_index("group")
    assert last["customers"].to_dict() == {"ads": 2, "mail": 1}  # dora is too young
    assert last["margin"].to_dict() == {"ads": 30.0, "mail": 200.0}
    assert (curve["balance"] == curve["margin"] - 50).all()
    with pytest.raises(NotEnoughDataError, match="nobody was watched for 40 months"):
        payback.curve(40)
    with pytest.raises(DataContractError, match="no label for 2 customers"):
        payback.curve(12, pd.Series({"anna": "ads"}))


@pytest.mark.parametrize("engine", [pl.from_pandas, lambda log: pl.from_pandas(log).lazy(), duckdb.from_df])
def test_every_engine_gives_the_same(engine: Any) -> None:
    pandas, other = (customer_payback(log, 50.0, END, discount_rate=0.1) for log in (LOG, engine(LOG)))
    pd.testing.assert_frame_equal(pandas.frame, other.frame, check_dtype=False)
    pd.testing.assert_frame_equal(pandas.curve(12), other.curve(12), check_dtype=False)


def test_wrong_costs_and_rates_are_refused() -> None:
    with pytest.raises(DataContractError, match=r"3 customers without an acquisition cost of 0 or more \(bob"):
        customer_payback(LOG, pd.Series({"anna": 5.0, "bob": -1.0, "carl": np.nan}))
    with pytest.raises(DataContractError, match="has a customer twice"):
        customer_payback(LOG, pd.Series([1.0, 2.0], index=["anna", "anna"]))
    with pytest.raises(ConfigError) as refusal:
        customer_payback(LOG, 5.0, gross_margin=40, discount_rate=10)
    assert len(refusal.value.problems) == 2
    with pytest.raises(DataContractError, match="no 'cost' for the margin"):
        customer_payback(LOG.drop(columns="cost"), 5.0)


@settings(max_examples=6, deadline=None)
@given(cost=st.floats(0, 500), more=st.floats(0, 500), seed=st.integers(0, 50))
def test_a_dearer_customer_never_pays_back_sooner(cost: float, more: float, seed: int) -> None:
    log = clv.simulate.non_contractual(customers=30, weeks=40, seed=seed).transactions
    cheap, dear = (customer_payback(log, one, gross_margin=0.4) for one in (cost, cost + more))
    ages = [one.frame["payback_months"].fillna(np.inf) for one in (cheap, dear)]
    assert (ages[0] <= ages[1]).all()
    shuffled = customer_payback(log.sample(frac=1, random_state=seed), cost, gross_margin=0.4)
    pd.testing.assert_frame_equal(shuffled.frame, cheap.frame)
    table = cheap.groups()
    assert (table["customers"].sum(), table["share"].sum()) == (30, pytest.approx(1))
    assert table["profit"].sum() == pytest.approx(cheap.frame["profit"].sum())


def test_one_customer_or_nobody_who_paid_back_still_gives_a_sentence() -> None:
    one = customer_payback(LOG[LOG["customer_id"] == "bob"], 50.0, END)
    assert one.sentence().startswith("By 2025-06-30 0.0% of 1 customer have earned")
    assert profit_of_groups(one).alt.startswith("There is no profit to share out: 100% cost more")
    assert "After 12 months the average customer of all has not paid back" in str(
        one.plot().figure.axes[0].get_title("left")
    ).replace("\n", " ")


def test_a_figure_claims_a_loss_only_where_the_whole_interval_is_above() -> None:
    frame = pd.DataFrame(
        {
            "channel": ["sure", "maybe"],
            "average_cac": [10.0, 10.0],
            "marginal_cac": [20.0, 20.0],
            "low": [18.0, 14.0],
            "high": [25.0, 25.0],
        }
    )
    picture = marginal_costs(SpendResponse(frame), pd.Series({"sure": 16.0, "maybe": 16.0}))
    assert picture.alt.startswith("In sure one customer more costs more than a customer is worth.")
    assert marginal_costs(SpendResponse(frame)).alt.startswith("One customer more costs more than the average")
