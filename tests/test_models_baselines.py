"""Rules and a machine on windows that follow one another: nothing from the future, equal lengths, sums by hand."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel
from clvhelpers.errors import ConfigError, DataContractError, FormulaError, LeakageError, NotEnoughDataError
from clvhelpers.models.baselines import (
    arrivals,
    average_forecast,
    compare_forecasts,
    fit_purchase_learner,
    group_forecast,
    pace_forecast,
)
from clvhelpers.models.newcomers import newcomer_belief
from clvhelpers.models.windows import Window, two_windows
from clvhelpers.plots.baselines import bias_by_group, gains_of_forecasts, newcomer_beliefs
from clvhelpers.simulate import non_contractual


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return non_contractual(customers=1_500, weeks=104, acquisition_weeks=90, seed=3).transactions


@pytest.fixture(scope="module")
def windows(log: pd.DataFrame) -> tuple[Window, Window]:
    return two_windows(log, "2025-12-29", months=6)


def test_windows_follow_one_another_and_are_equally_long(log, windows):
    learn, test = windows
    assert learn.end == test.cut
    assert (test.end - test.cut) == (learn.end - learn.cut)
    later = log[log["date"] > pd.Timestamp(test.cut)]
    assert (
        test.purchases.sum()
        == later[later["customer_id"].isin(test.frame.index)].groupby(["customer_id", "date"]).ngroups
    )
    assert learn.frame["first_date"].max() <= pd.Timestamp(learn.cut)


def test_each_part_has_at_most_a_third_of_the_log(log):
    learn, test = two_windows(log, "2025-12-29", months=60)
    first = log["date"].min()
    assert pd.Timestamp(learn.cut) - first >= pd.Timestamp(test.end) - pd.Timestamp(test.cut)


def test_windows_that_cant_be_are_refused(log):
    with pytest.raises(ConfigError, match="months is 0"):
        two_windows(log, months=0)
    with pytest.raises(NotEnoughDataError, match="three months"):
        two_windows(log.head(200).query("date < '2024-02-01'"), "2024-02-10")


def test_rules_are_what_they_say(windows):
    learn, test = windows
    assert average_forecast(learn, test).unique() == pytest.approx([learn.purchases.mean()])
    one = test.frame[test.frame["frequency"] > 2].iloc[0]
    assert pace_forecast(test)[one.name] == pytest.approx(one["frequency"] / one["T"] * test.weeks)
    groups = group_forecast(learn, test)
    assert 1 < groups.nunique() <= 6
    assert groups.index.equals(test.frame.index)


def test_nothing_learns_from_the_window_that_it_is_tested_on(windows):
    learn, test = windows
    machine = fit_purchase_learner(test)
    for forecast in (machine.forecast, lambda later: average_forecast(test, later), lambda x: group_forecast(test, x)):
        with pytest.raises(LeakageError, match="nobody knew that yet"):
            forecast(test)
    with pytest.raises(LeakageError) as refused:
        fit_purchase_learner(learn, ["frequency", "holdout_total", "holdout_frequency"])
    assert "'holdout_total' happened after" in str(refused.value)
    assert "'holdout_frequency' happened after" in str(refused.value)


def test_a_machine_knows_only_the_past(windows):
    """Another future of the test window leaves the forecast as it is."""
    learn, test = windows
    machine = fit_purchase_learner(learn)
    changed = Window(test.frame.assign(holdout_frequency=99, holdout_total=1e6), test.cut, test.end)
    assert machine.forecast(test).equals(machine.forecast(changed))
    assert machine.forecast(test).equals(fit_purchase_learner(learn).forecast(test))
    assert machine.sentence().endswith("it looks at 7 features.")


def test_a_machine_with_too_little_or_unknown_is_refused(windows):
    learn, _ = windows
    few = Window(learn.frame.head(50), learn.cut, learn.end)
    with pytest.raises(NotEnoughDataError, match="50 customers"):
        fit_purchase_learner(few)
    with pytest.raises(DataContractError, match="no 'shoe_size'"):
        fit_purchase_learner(learn, ["frequency", "shoe_size"])


def test_comparison_by_hand(windows):
    _, test = windows
    came = test.purchases.astype(float)
    perfect, double = came.rename("perfect"), (2 * came).rename("double")
    found = compare_forecasts(test, [perfect, double, (0 * came).rename("nothing")], share=0.1)
    rows = found.frame.set_index("forecast")
    assert rows["error"].tolist() == pytest.approx([0, 1, -1])
    assert rows.loc["perfect", "rmse"] == 0
    assert rows.loc["double", "rmse"] == rows.loc["nothing", "rmse"] == pytest.approx(np.sqrt((came**2).mean()))
    assert rows.loc["perfect", "found"] == rows.loc["double", "found"] > rows.loc["nothing", "found"]
    assert rows.loc["nothing", "found"] == pytest.approx(0.1)
    assert "perfect is closest" in found.sentence()
    by = found.by(arrivals(test), fewest=1)
    assert by["double"].tolist() == pytest.approx([1] * len(by))
    assert by["customers"].sum() == len(test.frame)
    with pytest.raises(DataContractError, match="lacks a number"):
        compare_forecasts(test, [came.iloc[1:].rename("short")])


def test_a_larger_base_leaves_less_open(windows):
    _, test = windows
    beliefs = []
    for customers in (test.frame.head(60), test.frame):
        model = BetaGeoModel("W", priors="weak").fit(customers)
        beliefs.append(newcomer_belief(model, model.posterior(draws=300), 52))
    widths = [high - low for low, high in (one.interval() for one in beliefs)]
    assert widths[0] > 2 * widths[1]
    low, high = beliefs[1].interval()
    assert low < beliefs[1].fitted < high
    assert beliefs[1].probability_above(low) == pytest.approx(0.95, abs=0.01)
    with pytest.raises(FormulaError, match="length is 0"):
        newcomer_belief(model, model.posterior(draws=10), 0)
    assert "60 customers" in newcomer_beliefs(beliefs).alt


def test_figures_say_their_numbers(windows):
    learn, test = windows
    found = compare_forecasts(test, [average_forecast(learn, test), pace_forecast(test)])
    assert "average 10.0%" in gains_of_forecasts(found).alt
    alt = bias_by_group(found.by(arrivals(test), fewest=1), ["average", "same pace"]).alt
    assert "came last: average" in alt
    with pytest.raises(NotEnoughDataError, match="no group"):
        bias_by_group(found.by(arrivals(test), fewest=10**6), ["average"])
