"""The checks of assumptions: each fires where it should, and is silent where it should be."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, check_assumptions, customer_summary
from clvhelpers.errors import ConfigError
from clvhelpers.models.beta_geo import BetaGeoParameters
from clvhelpers.simulate import non_contractual
from tests.played import played_split

ENOUGH, TOLD, EDGE, SPEND, COHORT, SEASON, YEAR = (
    "enough repeat customers",
    "parameters are told",
    "no parameter at an edge",
    "spend is independent of frequency",
    "first cohort began in the log",
    "no season shows",
    "holdout spans a year",
)


def rows_of(found):
    return found.frame.set_index("check")


@pytest.fixture(scope="module")
def log():
    return non_contractual(customers=1_500, weeks=156, acquisition_weeks=26, seed=8, purchase=(0.8, 10.0)).transactions


@pytest.fixture(scope="module")
def summary(log):
    return customer_summary(log)


@pytest.fixture(scope="module")
def model(summary):
    return BetaGeoModel().fit(summary)


def test_a_sound_base_passes_every_check(log, summary, model):
    found = check_assumptions(model, summary, log, calibration_end=log["date"].max() - pd.Timedelta(weeks=53))
    assert rows_of(found)["passed"].to_dict() == dict.fromkeys((ENOUGH, TOLD, EDGE, SPEND, COHORT, SEASON, YEAR), True)
    assert found.passed
    assert found.sentence() == "Nothing stands against the forecast in 7 checks."


def test_without_a_log_or_money_nothing_is_said_of_them(summary, model):
    found = check_assumptions(model, summary[["frequency", "recency", "T"]])
    assert found.frame["passed"].tolist() == [True, True, True, None, None, None, None]
    assert found.frame["number"].isna().tolist() == [False] * 3 + [True] * 4
    assert "give the transaction log" in rows_of(found).loc[SEASON, "sentence"]
    assert found.sentence() == "Nothing stands against the forecast in 3 checks."


def test_few_repeat_customers_are_told(summary, model):
    few = rows_of(check_assumptions(model, summary.sort_values("frequency", ascending=False).head(99)))
    assert (few.loc[ENOUGH, "number"], few.loc[ENOUGH, "passed"]) == (99, False)
    assert "99 customers came back: with fewer than 100" in few.loc[ENOUGH, "sentence"]


def test_what_the_data_do_not_tell():
    """Nobody leaves, so nothing is known of how customers differ in it."""
    split = played_split(BetaGeoParameters(2.0, 10.0, 1e-4, 1.0), 300, 40.0, 60.0, seed=1)
    with pytest.warns(UserWarning, match="the data hardly say"):
        fitted = BetaGeoModel().fit(split)
    found = check_assumptions(fitted, split)
    rows = rows_of(found)
    assert rows.loc[TOLD, "passed"] is False
    assert rows.loc[TOLD, "number"] > 1
    assert "The data hardly tell " in rows.loc[TOLD, "sentence"]
    assert not found.passed
    assert found.sentence().startswith("1 of 3 checks failed. The data hardly tell")


def test_given_parameters_have_no_errors_to_check(summary):
    given = BetaGeoModel().with_parameters(r=0.2, alpha=4.0, a=200.0, b=2.0)
    rows = rows_of(check_assumptions(given, summary))
    assert rows.loc[TOLD, "passed"] is None
    assert rows.loc[EDGE, "passed"] is False
    assert "At an edge: a = 200" in rows.loc[EDGE, "sentence"]
    assert rows.loc[EDGE, "number"] == pytest.approx(2.0)  # twice the limit of 100


def test_spend_that_goes_with_frequency_is_told(summary, model):
    rng = np.random.default_rng(1)
    larger = summary.assign(monetary_value=10 + 3 * summary["frequency"] + rng.gamma(2, 1, len(summary)))
    row = rows_of(check_assumptions(model, larger)).loc[SPEND]
    repeaters = larger[larger["frequency"] > 0]
    assert row["number"] >= repeaters["frequency"].corr(repeaters["monetary_value"]) - 1e-9 > 0.9
    assert row["passed"] is False
    assert "orders of frequent customers are larger" in row["sentence"]
    falling = summary.assign(monetary_value=100 / (1 + summary["frequency"]))
    assert "are smaller" in rows_of(check_assumptions(model, falling)).loc[SPEND, "sentence"]


def test_a_correlation_that_chance_explains_is_none(summary, model):
    """Twelve customers with r = 0.4: an interval from -0.3 to 0.8 says nothing."""
    few = pd.DataFrame({"frequency": np.arange(1.0, 13.0), "recency": 5.0, "T": 100.0})
    noise = np.array([3.0, 1, 9, 2, 5, 4, 8, 1, 2, 9, 6, 7])
    row = rows_of(check_assumptions(model, few.assign(monetary_value=noise))).loc[SPEND]
    assert 0.3 < row["number"] < 0.5
    assert row["passed"] is True
    alike = few.assign(monetary_value=7.0)
    assert rows_of(check_assumptions(model, alike)).loc[SPEND, "passed"] is None


def test_old_customers_in_the_first_month_are_told(log, summary, model):
    """Those who come back most had bought before the log begins: it is cut four months after the shop opened."""
    late = log[log["date"] >= log["date"].min() + pd.Timedelta(days=121)]
    row = rows_of(check_assumptions(model, summary, late)).loc[COHORT]
    assert (row["passed"], row["number"]) == (False, 1.0)
    assert "customers from before the log began" in row["sentence"]


def test_a_season_is_told(log, summary, model):
    """Whoever buys in a December buys three times."""
    december = log[log["date"].dt.month == 12]
    more = [december.assign(date=december["date"] - pd.Timedelta(days=shift)) for shift in (9, 17)]
    row = rows_of(check_assumptions(model, summary, pd.concat([log, *more]))).loc[SEASON]
    assert row["passed"] is False
    assert row["number"] > 1.3
    assert "-12" in row["sentence"]


def test_what_a_short_holdout_can_not_show(log, summary, model):
    end = log["date"].max()
    found = check_assumptions(model, summary, log, end - pd.Timedelta(weeks=40), end)
    row = rows_of(found).loc[YEAR]
    assert (row["number"], row["passed"]) == (40.0, False)
    assert "it can't show what is usual in the other 12" in row["sentence"]
    whole = rows_of(check_assumptions(model, summary, log)).loc[YEAR]  # half of three years
    assert whole["passed"] is True
    with pytest.raises(ConfigError, match="calibration_end is 2040-01-01"):
        check_assumptions(model, summary, log, "2040-01-01", end)


def test_the_log_has_its_own_names(log, summary, model):
    renamed = log.rename(columns={"customer_id": "who", "date": "day", "amount": "money"})
    same = check_assumptions(model, summary, renamed, customer_id="who", date="day", amount="money")
    pd.testing.assert_frame_equal(same.frame, check_assumptions(model, summary, log).frame)
