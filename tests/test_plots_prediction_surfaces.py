"""What a model thinks of every past and of one customer day by day: the frames, and the figures that show them."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from clvhelpers import BetaGeoBetaBinomModel, BetaGeoModel, ParetoNBDModel
from clvhelpers.errors import ConfigError, DataContractError, FormulaError, NotEnoughDataError
from clvhelpers.models import alive_history, recency_frequency_matrix
from tests.figures import title_of

R, ALPHA, A, B = 0.243, 4.414, 0.793, 2.426
BG = BetaGeoModel("W").with_parameters(r=R, alpha=ALPHA, a=A, b=B)
OFTEN = BetaGeoModel("W").with_parameters(r=2.0, alpha=4.414, a=0.3, b=5.0)
DISCRETE = BetaGeoBetaBinomModel("Y").with_parameters(alpha=1.204, beta=0.750, gamma=0.657, delta=2.783)
BOUGHT = ["2026-01-01", "2026-02-05", "2026-02-05", "2026-03-12"]


def alive_by_hand(x: int, recency: float, T: float) -> float:
    """Fader, Hardie & Lee (2005), Marketing Science 24(2), eq. of P(alive) in its note (Fader, Hardie & Lee 2008)."""
    return 1.0 if x == 0 else 1 / (1 + A / (B + x - 1) * ((ALPHA + T) / (ALPHA + recency)) ** (R + x))


def test_every_past_is_there_once_and_has_the_models_answer() -> None:
    frame = recency_frequency_matrix(BG, T=39, t=13, most=3, steps=4).frame
    assert frame["frequency"].tolist() == [0, *[1] * 4, *[2] * 4, *[3] * 4]
    assert frame["silence"].tolist() == [39.0, *[29.25, 19.5, 9.75, 0.0] * 3]
    assert (frame["recency"] + frame["silence"]).eq(39).all()
    by_hand = [alive_by_hand(x, recency, 39) for x, recency in frame[["frequency", "recency"]].to_numpy()]
    np.testing.assert_allclose(frame["probability_alive"], by_hand, rtol=1e-12)
    row = frame.iloc[[6]].assign(T=39.0)
    assert frame["expected_purchases"].iloc[6] == pytest.approx(float(BG.expected_purchases(row, 13).iloc[0]))


def test_opportunities_leave_out_more_purchases_than_fit() -> None:
    frame = recency_frequency_matrix(DISCRETE, T=3, t=5, most=9).frame
    assert frame[["frequency", "recency"]].to_numpy().tolist() == [
        [0, 0],
        *[[1, t] for t in (1, 2, 3)],
        [2, 2],
        [2, 3],
        [3, 3],
    ]
    assert frame["expected_purchases"].gt(0).all()


def test_a_grid_of_no_sense_is_refused_with_all_its_problems() -> None:
    with pytest.raises(
        FormulaError, match=r"T is -1: expected a length above 0.*t is nan: .*most is 0: .*steps is 1.5"
    ):
        recency_frequency_matrix(BG, T=-1, t=np.nan, most=0, steps=1.5)  # type: ignore[arg-type]
    with pytest.raises(FormulaError, match=r"T is 2\.50: BG/BB counts opportunities"):
        recency_frequency_matrix(DISCRETE, T=2.5, t=1)


def test_each_day_knows_only_what_had_happened_by_then() -> None:
    history = alive_history(BG, BOUGHT, end="2026-04-30").frame.set_index("date")
    for cut in ("2026-01-01", "2026-02-04", "2026-02-05", "2026-03-01", "2026-03-12", "2026-04-30"):
        day = pd.Timestamp(cut)
        known = sorted({pd.Timestamp(one) for one in BOUGHT if pd.Timestamp(one) <= day})
        x, recency, T = len(known) - 1, (known[-1] - known[0]).days / 7, (day - known[0]).days / 7
        assert history.loc[day, ["frequency", "recency", "T"]].tolist() == [x, recency, T]
        assert history.loc[day, "probability_alive"] == pytest.approx(alive_by_hand(x, recency, T), rel=1e-12)
        if len(known) > 1:  # the same from a log that ends there
            cut_history = alive_history(BG, [day for day in BOUGHT if day <= cut], end=cut)
            assert cut_history.frame["probability_alive"].iloc[-1] == history.loc[day, "probability_alive"]
    assert len(history) == 120
    assert history.index[history["purchase"]].strftime("%Y-%m-%d").tolist() == sorted({*BOUGHT})


def test_a_log_gives_the_same_as_its_days_and_refunds_are_no_purchases() -> None:
    log = pd.DataFrame(
        {"customer_id": "7", "date": pd.to_datetime([*BOUGHT, "2026-04-01"]), "amount": [9.0] * 4 + [-9]}
    )
    days = alive_history(BG, [dt.date.fromisoformat(day) for day in BOUGHT], "2026-04-30")
    for given in (log, log.rename(columns={"amount": "paid", "date": "when"})):
        names = {} if given is log else {"date": "when", "amount": "paid"}
        pd.testing.assert_frame_equal(alive_history(BG, given, "2026-04-30", **names).frame, days.frame)


def test_what_has_no_history_is_refused() -> None:
    log = pd.DataFrame({"customer_id": ["a", "b"], "date": pd.to_datetime(BOUGHT[:2])})
    with pytest.raises(DataContractError, match=r"purchases of 2 customers: give the rows of one, such as .* == 'a'"):
        alive_history(BG, log)
    with pytest.raises(NotEnoughDataError, match="before the first transaction"):
        alive_history(BG, BOUGHT, end="2025-12-31")
    with pytest.raises(NotEnoughDataError, match="no purchase up to the end"):
        alive_history(BG, log.head(1).assign(amount=-5.0))
    with pytest.raises(ConfigError, match="BG/BB counts opportunities to buy and not days"):
        alive_history(DISCRETE, BOUGHT)


@pytest.mark.parametrize("value", ["expected_purchases", "probability_alive"])
def test_the_map_shows_its_frame_and_says_what_silence_costs(value: str) -> None:
    matrix = recency_frequency_matrix(BG, 39, 26, most=6, steps=6)
    shown = matrix.plot(value)
    axes, bar = shown.figure.axes
    cells = np.ma.filled(axes.collections[0].get_array(), np.nan).ravel()
    drawn = np.sort(cells[~np.isnan(cells)])
    np.testing.assert_allclose(drawn, np.sort(matrix.frame[value]))
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Repeat purchases so far", "Weeks since the last purchase")
    assert ("in the next 26 weeks" in bar.get_ylabel()) == (value == "expected_purchases")
    other = recency_frequency_matrix(OFTEN, 39, 26, most=6, steps=6).plot(value)
    assert title_of(shown) != title_of(other)
    assert title_of(shown) in shown.alt
    row = matrix.frame.query("frequency == 3 and silence == 0").iloc[0]
    assert {f"{row['expected_purchases']:.1f} expected", f"{row['probability_alive']:.0%} still there"} & {
        title_of(shown).removeprefix("3 repeat purchases: ").partition(" if")[0]
    }
    assert shown.png().startswith(b"\x89PNG")


def test_the_map_of_opportunities_and_of_other_units() -> None:
    shown = recency_frequency_matrix(DISCRETE, T=6, t=5, most=6).plot()
    assert shown.figure.axes[0].get_ylabel() == "Years since the last purchase"
    assert title_of(shown).endswith("if 3 years ago")
    with pytest.raises(ConfigError, match="value is 'clv': expected one of 'expected_purchases', 'probability_alive'"):
        recency_frequency_matrix(BG, 3, 3, most=2, steps=2).plot("clv")


def test_the_line_of_one_customer_has_a_dot_a_purchase_and_the_title_follows_the_data() -> None:
    history = alive_history(BG, BOUGHT, end="2026-04-30")
    shown = history.plot()
    line, dots = shown.figure.axes[0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), history.frame["probability_alive"])
    assert len(dots.get_xdata()) == 3
    last, lowest = alive_by_hand(2, 10, 17), alive_by_hand(1, 5, 69 / 7)
    assert title_of(shown) == f"After 49 days of silence: {last:.0%} still there; once {lowest:.0%}, and came back"
    assert title_of(shown) in shown.alt
    assert title_of(alive_history(BG, BOUGHT[:2]).plot()).startswith("After 0 days of silence: ")
    assert "and came back" not in title_of(alive_history(BG, BOUGHT[:2]).plot())


def test_a_model_that_can_say_nothing_of_one_time_buyers_says_so() -> None:
    only = alive_history(BG, BOUGHT[:1], "2026-12-31").plot()
    assert title_of(only) == "BG/NBD can't tell: before a second purchase it takes nobody for gone"
    pareto = ParetoNBDModel("W").with_parameters(r=0.553, alpha=10.578, s=0.606, beta=11.669)
    told = title_of(alive_history(pareto, BOUGHT[:1], "2026-12-31").plot())
    assert told.startswith("After 364 days without a second purchase: ")
