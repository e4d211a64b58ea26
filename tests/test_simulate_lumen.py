"""Lumen: tables that agree with each other, a right truth, the process as described, and the same bytes every time."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import clvhelpers as clv
from clvhelpers.errors import FormulaError
from clvhelpers.simulate.lumen import GROSS_MARGIN, PRICE_RISE, lumen, process, truth
from tests.data import held, make_script

DATA = Path(clv.__file__).parent.parent / "data" / "lumen"
STAYING = ["upgrade", "downgrade"]


@pytest.fixture(scope="module")
def company():
    return lumen()


@pytest.fixture(scope="module")
def tables(company):
    return company.tables


@pytest.fixture(scope="module")
def known(company):
    """Customers with what is true of them."""
    return company.tables["customers"].merge(company.truth, on="customer_id", validate="one_to_one")


def months_between(start, end):
    return 12 * (end.dt.year - start.dt.year) + end.dt.month - start.dt.month


def leavings(spells):
    return spells[spells["end_reason"].notna() & ~spells["end_reason"].isin(STAYING)]


def test_files_come_out_the_same(tmp_path):
    paths = make_script(DATA).make(tmp_path)
    assert sorted(path.relative_to(tmp_path) for path in paths) == sorted(
        path.relative_to(DATA) for path in [*DATA.glob("*.parquet"), *DATA.glob("raw/*.gz")]
    )
    assert [path.name for path in paths if held(path) != held(DATA / path.relative_to(tmp_path))] == []
    assert sum(path.stat().st_size for path in paths) < 5_000_000


def test_another_seed_is_another_company_of_the_same_size():
    one, other = lumen(0.1, seed=1), lumen(0.1, seed=2)
    assert not one.truth["cancel_probability"].head(50).equals(other.truth["cancel_probability"].head(50))
    assert len(one.truth) == pytest.approx(len(other.truth), rel=0.15)
    with pytest.raises(FormulaError, match="size is 20"):
        lumen(20)


def test_one_row_a_customer_and_ids_that_agree(tables, company):
    ids = tables["customers"]["customer_id"]
    assert ids.is_unique
    assert 7_500 < len(ids) < 8_500
    assert company.truth["customer_id"].equals(ids)
    for name in ("spells", "usage", "payments"):
        assert set(tables[name]["customer_id"]) == set(ids)
    assert set(tables["satisfaction"]["customer_id"]) < set(ids)


def test_spells_follow_each_other(tables):
    spells = tables["spells"]
    same = spells["customer_id"].eq(spells["customer_id"].shift(-1))
    gap = (spells["start_date"].shift(-1) - spells["end_date"]).dt.days[same]
    stayed = spells["end_reason"].isin(STAYING)[same]
    assert (gap[stayed] == 1).all()
    assert (gap[~stayed] > 27).all()
    assert spells["end_date"].isna().equals(spells["end_reason"].isna())
    assert not spells["end_reason"][~same].isin(STAYING).any()
    assert spells["end_date"].max() <= process.END
    first = spells[spells["spell"] == 1].set_index("customer_id")
    customers = tables["customers"].set_index("customer_id")
    assert first["start_date"].rename("signup_date").equals(customers["signup_date"])
    assert first["plan"].equals(customers["plan"])


def test_a_payment_for_each_month_of_a_spell(tables):
    spells, payments = tables["spells"], tables["payments"]
    after = spells["end_date"] + pd.Timedelta(days=1)
    paid = months_between(spells["start_date"], after.fillna(process.END)) + spells["end_date"].isna()
    assert paid.min() >= 1
    assert paid.groupby(spells["customer_id"]).sum().eq(payments.groupby("customer_id").size()).all()
    first = spells.merge(payments, left_on=["customer_id", "start_date"], right_on=["customer_id", "date"])
    assert len(first) == len(spells)
    assert first["amount"].equals(first["price"])
    assert payments["date"].is_monotonic_increasing
    dear = payments.loc[payments["date"] >= PRICE_RISE, "amount"]
    assert set(dear) == {8.99, 13.49, 18.99}


def test_usage_where_and_only_where_there_was_service(tables):
    usage = tables["usage"].set_index(["customer_id", "month"]).index
    assert usage.is_unique
    paid = tables["payments"].assign(
        month=tables["payments"]["date"].dt.to_period("M").dt.start_time.astype(usage.dtypes["month"])
    )
    assert paid.set_index(["customer_id", "month"]).index.difference(usage).empty
    assert len(usage) - len(paid) < len(
        leavings(tables["spells"])
    )  # the last days of a stay that began on the 1st are no month more
    hours, days = tables["usage"]["hours"], tables["usage"]["days_active"]
    assert ((hours > 0) == (days > 0)).all()
    assert (days <= tables["usage"]["month"].dt.days_in_month).all()


def test_marketing_adds_up_to_customers_and_their_cost(tables):
    customers, marketing = tables["customers"], tables["marketing"]
    paid = customers[customers["referred_by"].isna()]
    month = paid["signup_date"].dt.to_period("M").dt.start_time
    found = paid.groupby([month, "channel"])["acquisition_cost"].agg(["size", "sum"])
    stated = marketing.set_index(["month", "channel"]).sort_index()
    both = stated.join(found.rename_axis(["month", "channel"]))
    assert (both["size"] >= both["new_customers"]).all()  # a referral without a referrer to name counts as any other
    exact = both[both["size"] == both["new_customers"]]
    assert len(exact) > 0.9 * len(both)
    assert (exact["sum"] - exact["spend"]).abs().max() < 0.005 * exact["size"].max() + 0.01
    assert set(customers.loc[customers["referred_by"].notna(), "acquisition_cost"]) == {process.REFERRAL_REWARD}


def test_marginal_cost_rises_above_average_cost(tables):
    for _, channel in tables["marketing"].groupby("channel"):
        slope = np.polyfit(np.log(channel["spend"]), np.log(channel["new_customers"]), 1)[0]
        assert 0.3 < slope < 1.0


def test_a_referrer_came_in_an_earlier_month_and_is_content(known):
    referred = known.dropna(subset=["referred_by"]).merge(
        known[["customer_id", "signup_date", "contentment"]], left_on="referred_by", right_on="customer_id"
    )
    months = months_between(referred["signup_date_y"], referred["signup_date_x"])
    assert (months >= 1).all()
    assert referred["contentment_y"].mean() > 0.3
    assert 0.05 < len(referred) / len(known) < 0.12


def test_expected_months_of_who_only_leaves():
    """Without plan changes and returns a lifetime is geometric, and has a formula of one line."""
    people = pd.DataFrame(
        {"cancel_probability": [0.02, 0.3], "return_probability": 0.0, "upgrade_factor": 0.0, "downgrade_factor": 0.0}
    )
    answers = truth.expectations(people, np.array([1, 1]))
    stays = 1 - people["cancel_probability"].to_numpy()
    for months in (12, 36):
        assert answers[f"expected_months_{months}m"] == pytest.approx(stays * (1 - stays**months) / (1 - stays))
    assert answers["expected_months_life"] == pytest.approx(stays / (1 - stays))
    assert answers["expected_value_life"] == pytest.approx(0.60 * 13.49 * stays / (1 - stays))


def test_expected_value_against_a_long_simulation():
    people = pd.DataFrame(
        {"cancel_probability": [0.1], "return_probability": 0.05, "upgrade_factor": 3.0, "downgrade_factor": 2.0}
    )
    answers = truth.expectations(people, np.array([0]))
    rng, n = np.random.default_rng(3), 20_000
    steps = np.column_stack([truth.transitions(people)[0], 1 - truth.transitions(people)[0].sum(axis=1)])
    bounds = np.vstack([steps, np.eye(7)[6]]).cumsum(axis=1)
    state, value, margin = (
        np.zeros(n, dtype=int),
        np.zeros(n),
        np.array([8.99, 13.49, 18.99, 0, 0, 0, 0]) * GROSS_MARGIN,
    )
    for month in range(1, 241):
        state = np.minimum((rng.random(n)[:, None] > bounds[state]).sum(axis=1), 6)
        value += margin[state]
        if f"expected_value_{month}m" in answers:
            assert value.mean() == pytest.approx(answers[f"expected_value_{month}m"][0], abs=4 * value.std() / n**0.5)
    assert value.mean() == pytest.approx(answers["expected_value_life"][0], abs=4 * value.std() / n**0.5)


def test_the_realised_year_is_one_draw_of_what_is_expected(company):
    for what in ("months", "value"):
        gap = company.truth[f"realised_{what}_12m"] - company.truth[f"expected_{what}_12m"]
        assert abs(gap.mean()) < 4 * gap.std() / len(gap) ** 0.5
        groups = gap.groupby(pd.qcut(company.truth["cancel_probability"], 5)).agg(["mean", "sem"])
        assert (groups["mean"].abs() < 4 * groups["sem"]).all()


def test_alive_is_what_the_spells_say(tables, company):
    running = tables["spells"].loc[tables["spells"]["end_date"].isna(), "customer_id"]
    assert set(company.truth.loc[company.truth["alive"], "customer_id"]) == set(running)
    gone = company.truth[~company.truth["alive"] & ~company.truth["may_return"]]
    assert (gone.filter(like="expected_") == 0).all(axis=None)
    assert (company.truth.loc[company.truth["may_return"], "expected_value_12m"] > 0).all()
    assert (company.truth.filter(like="expected_value").diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)


def test_first_stays_follow_the_shifted_beta_geometric_model(known, tables):
    """In one channel and plan, with the price rise left out: sign-ups of the first year, two years on."""
    some = known[(known["channel"] == "web") & (known["plan"] == "Standard") & (known["signup_date"] < "2024-01-01")]
    start = some.set_index("customer_id")["signup_date"]
    left = leavings(tables["spells"]).groupby("customer_id")["end_date"].min().reindex(start.index) + pd.Timedelta(
        days=1
    )
    duration = months_between(start, left.fillna(process.END))
    alive = np.array([len(start) - ((duration <= age) & left.notna()).sum() for age in range(13)])
    model = clv.ShiftedBetaGeoModel("M").fit_survivors(alive[:13])
    a, mean = process.CANCEL_SHAPE[0, 1], process.CANCEL_MEAN[0, 1]
    true = {"alpha": a, "beta": a * (1 - mean) / mean}
    assert all(
        abs(np.log(model.parameters[name] / true[name])) < 3 * error
        for name, error in zip(true, model._fitted.log_errors(), strict=True)
    )


def test_some_attitudes_matter_and_most_columns_do_not(known):
    within = known.groupby(["channel", "plan"])["cancel_probability"].transform("mean")
    risk = np.log(known["cancel_probability"]) - np.log(within)
    assert np.corrcoef(risk, known["viewing_attitude"])[0, 1] < -0.25
    for column in ("household_size", "price_attitude"):
        assert abs(np.corrcoef(risk, known[column])[0, 1]) < 0.05
    for column in ("country", "age_group"):
        assert risk.groupby(known[column]).mean().abs().max() < abs(risk.mean()) + 0.12


def test_channels_differ_in_quality(known):
    worth = known.groupby("channel")["cancel_probability"].mean()
    assert worth["tv"] < worth["web"] < worth["mobile"]


def test_reasons_compete(known, tables):
    left = leavings(tables["spells"]).merge(known, on="customer_id")
    for reason in process.REASONS:
        mine = left[left["end_reason"] == reason][f"share_{reason}"].mean()
        assert mine > left[left["end_reason"] != reason][f"share_{reason}"].mean() + 0.02
    assert known[[f"share_{reason}" for reason in process.REASONS]].sum(axis=1).round(4).eq(1).all()


def test_the_price_rise_costs_customers(tables):
    left = (leavings(tables["spells"])["end_date"] + pd.Timedelta(days=1)).dt.to_period("M").value_counts()
    paying = tables["payments"]["date"].dt.to_period("M").value_counts()
    churn = (left / paying.shift(freq="M")).dropna().sort_index()
    at_rise = churn[PRICE_RISE.to_period("M")]
    assert at_rise > 1.25 * churn["2024-06":"2025-01"].mean()
    assert at_rise > 1.25 * churn["2025-05":].mean()


def test_usage_falls_before_leaving_except_where_life_changes(tables):
    left = leavings(tables["spells"]).drop_duplicates("customer_id")
    usage = tables["usage"].merge(left[["customer_id", "end_date", "end_reason"]], on="customer_id")
    before = months_between(usage["month"], usage["end_date"])
    level = usage[before.between(4, 8)].groupby("customer_id")["hours"].mean()
    late = usage[before == 1].set_index("customer_id")["hours"]
    share = (late / level).dropna().groupby(left.set_index("customer_id")["end_reason"]).median()
    assert share["inactivity"] < 0.35 < share["dissatisfaction"] < 0.7
    assert share["change"] > 0.85


def test_scores_tell_of_contentment(known, tables):
    scores = tables["satisfaction"].groupby("customer_id")["score"].mean().rename("mean_score")
    both = known.set_index("customer_id").join(scores, how="inner")
    assert both["mean_score"].corr(both["contentment"]) > 0.6
    assert tables["satisfaction"]["score"].between(0, 10).all()


def test_raw_exports_clean_to_the_payments(tables):
    """What lesson 05 does, in a few lines: two systems, two clocks, three currencies, rows to set aside."""
    billing = pd.read_csv(DATA / "raw" / "billing.csv.gz", dtype="str").dropna(subset=["Account No"])
    billing = billing[(billing["Status"] == "paid") & billing["Account No"].str.startswith("L")].drop_duplicates()
    own = pd.DataFrame({"customer_id": billing["Account No"]})
    own["date"] = pd.to_datetime(billing["Billed at"], format="%m/%d/%Y %H:%M").dt.normalize()
    own["amount"] = billing["Charged"].str.removeprefix("$").astype(float)
    store = pd.read_csv(DATA / "raw" / "app_store.csv.gz", dtype="str").drop_duplicates()
    rates = pd.read_csv(DATA / "raw" / "rates.csv.gz").set_index("currency")["per_usd"]
    other = pd.DataFrame({"customer_id": "L" + store["subscriber"].str.removeprefix("APP-")})
    utc = pd.to_datetime(store["paid_at"], format="%Y-%m-%dT%H:%MZ", utc=True)
    other["date"] = utc.dt.tz_convert("America/New_York").dt.tz_localize(None).dt.normalize()
    other["amount"] = (store["gross"].astype(float) / store["iso_currency"].map(rates)).round(2)
    both = pd.concat([own, other])
    both = both[both["date"] <= process.END].sort_values(["date", "customer_id"], ignore_index=True)
    pd.testing.assert_frame_equal(both, tables["payments"], check_dtype=False)
    assert (utc.dt.tz_localize(None).dt.normalize() != other["date"]).mean() > 0.1  # UTC is another day for many
