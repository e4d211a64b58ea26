"""The check on a held-out period: its numbers, its verdict and its refusals; and the figures of it."""

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoModel, customer_summary, split_holdout
from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.models import frequency_table, tracking_path
from clvhelpers.plots.prediction import frequency_histogram, holdout_by_frequency, tracking
from clvhelpers.simulate import non_contractual

CUT = "2024-12-30"  # 52 weeks after the start


@pytest.fixture(scope="module")
def log():
    company = non_contractual(customers=3_000, weeks=52, seed=4, future_weeks=26)
    return pd.concat([company.transactions, company.future], ignore_index=True)


@pytest.fixture(scope="module")
def split(log):
    return split_holdout(log, CUT, "2025-06-30")


def test_a_true_model_is_trusted(split):
    check = BetaGeoModel().validate(split)
    assert check.trusted
    assert check.weeks == 26
    assert abs(check.error) < 0.1
    assert check.rmse < check.naive_rmse
    assert check.actual == split["holdout_frequency"].sum()
    assert check.error == pytest.approx(check.predicted / check.actual - 1)
    assert "The model may be used: its total is within 25%" in check.sentence()


def test_groups_add_up_to_the_totals(split):
    check = BetaGeoModel().validate(split)
    frame = check.frame
    assert frame["frequency"].tolist() == ["0", "1", "2", "3", "4", "5", "6", "7+"]
    assert frame["customers"].sum() == len(split)
    for name in ("predicted", "actual", "naive"):
        assert (frame["customers"] * frame[name]).sum() == pytest.approx(getattr(check, name))


def test_the_weeks_held_out_are_those_of_the_log(log, split):
    check = BetaGeoModel().validate(split, transactions=log, calibration_end=CUT)
    assert len(check.path) == check.weeks == 26
    assert check.path["actual"].sum() == check.actual
    assert check.path["expected"].sum() == pytest.approx(check.predicted, rel=0.05)
    assert check.path["date"].min() > pd.Timestamp(CUT)
    off = (check.path["expected"] - check.path["actual"]).abs().mean()
    assert f"off by {off:.0f} purchases on average" in check.path_sentence()


def test_weeks_need_a_log_and_the_day_at_which_it_was_split(log, split):
    with pytest.raises(ConfigError, match=r"give validate\(\) the transactions and the calibration_end"):
        BetaGeoModel().validate(split).path_sentence()
    with pytest.raises(ConfigError, match="calibration_end is missing"):
        BetaGeoModel().validate(split, transactions=log)


def test_the_holdout_is_never_seen(split):
    """The forecast is the same whatever happens in the holdout and whatever the model was fitted to before."""
    other = split.assign(holdout_frequency=split["holdout_frequency"] * 2)
    fitted = BetaGeoModel().fit(split.assign(frequency=split["frequency"] * 2))
    before = fitted.parameters
    predicted = [model.validate(frame).predicted for model, frame in ((BetaGeoModel(), split), (fitted, other))]
    assert predicted[0] == predicted[1]
    assert fitted.parameters == before


def test_a_forecast_far_off_is_not_trusted(split):
    check = BetaGeoModel().validate(split.assign(holdout_frequency=split["holdout_frequency"] * 3))
    assert not check.trusted
    assert "Do not use the model's forecast: its total is off by 6" in check.sentence()


def test_a_model_no_better_than_the_naive_rule_is_not_trusted(split):
    pace = (split["frequency"] / split["T"] * split["holdout_T"]).round()
    scale = BetaGeoModel().validate(split).predicted / pace.sum()
    check = BetaGeoModel().validate(split.assign(holdout_frequency=(pace * min(scale * 1.2, 1)).round()))
    assert not check.trusted
    assert "Do not use" in check.sentence()


def test_nobody_in_the_holdout_can_not_tell(split):
    check = BetaGeoModel().validate(split.assign(holdout_frequency=0))
    assert not check.trusted
    assert np.isnan(check.error)
    assert check.sentence() == (
        "Do not use the model's forecast: only 0 purchases were held out, and fewer than 30 can't tell."
    )
    assert "Nobody bought" in holdout_by_frequency(check).figure.axes[0].get_title(loc="left")


def test_a_summary_that_is_no_holdout_is_refused(split):
    with pytest.raises(DataContractError, match="no column 'holdout_frequency', 'holdout_T'"):
        BetaGeoModel().validate(split.drop(columns=["holdout_frequency", "holdout_T"]))
    with pytest.raises(DataContractError, match="holdout_T has 2 different values"):
        BetaGeoModel().validate(split.assign(holdout_T=np.where(split.index == 0, 5.0, 26.0)))
    with pytest.raises(DataContractError) as refusal:
        BetaGeoModel().validate(split.assign(holdout_frequency=0.5, holdout_T=0))
    assert len(refusal.value.problems) == 2


def test_the_path_tracks_every_repeat_purchase_of_the_customers(log, split):
    model = BetaGeoModel().fit(split)
    path = tracking_path(model, log, CUT, end="2025-06-30")
    assert len(path) == 78
    assert path["date"].iloc[-1] == pd.Timestamp("2025-06-30")
    last = path.iloc[-1]
    assert last["cumulative_actual"] == split["frequency"].sum() + split["holdout_frequency"].sum()
    assert path["actual"].sum() == last["cumulative_actual"]
    assert last["cumulative_expected"] == pytest.approx(last["cumulative_actual"], rel=0.1)
    until_cut = path[path["date"] <= CUT].iloc[-1]
    assert until_cut["cumulative_actual"] == split["frequency"].sum()


def test_the_path_ignores_customers_of_the_holdout_and_the_columns_names(log, split):
    late = pd.DataFrame({"customer_id": "late", "date": pd.to_datetime(["2025-02-01", "2025-03-01"]), "amount": 5.0})
    renamed = pd.concat([log, late]).rename(columns={"customer_id": "who"})
    model = BetaGeoModel().fit(split)
    path = tracking_path(model, renamed, CUT, "2025-06-30", customer_id="who")
    pd.testing.assert_frame_equal(path, tracking_path(model, log, CUT, "2025-06-30"))


def test_the_frequency_table_counts_everybody(split):
    table = frequency_table(BetaGeoModel().fit(split), split, last=3)
    assert table["frequency"].tolist() == ["0", "1", "2", "3+"]
    assert table["actual"].sum() == len(split) == pytest.approx(table["expected"].sum())
    assert table["expected"].to_numpy() == pytest.approx(table["actual"].to_numpy(), rel=0.15)


def test_figures_say_their_numbers(log, split):
    model = BetaGeoModel().fit(split)
    path = tracking_path(model, log, CUT, end="2025-06-30")
    table = frequency_table(model, split)
    check = model.validate(split)
    total = f"{path['cumulative_actual'].iloc[-1]:,.0f} repeat purchases"
    assert total in tracking(path, CUT).alt
    assert f"0: {table['actual'][0]:,} and {table['expected'][0]:,.0f};" in frequency_histogram(table).alt
    assert f"{check.predicted:,.0f} expected" in check.plot().alt
    for picture in (tracking(path, CUT), frequency_histogram(table), check.plot()):
        assert picture.png().startswith(b"\x89PNG")


def test_a_path_on_which_nobody_comes_back_can_be_drawn(log, split):
    first = log.sort_values("date").drop_duplicates("customer_id")
    path = tracking_path(BetaGeoModel().fit(split), first, CUT)
    assert path["actual"].sum() == 0
    assert "there were 0 repeat purchases" in tracking(path, CUT).alt


def test_a_summary_of_another_engine_is_checked_alike(log, split):
    import polars as pl

    ours = BetaGeoModel().validate(pl.from_pandas(split))
    assert ours.predicted == BetaGeoModel().validate(split).predicted
    assert customer_summary(pl.from_pandas(log)).height == 3_000
