"""The figures of the first lessons show the numbers that they were given."""

import pandas as pd
import pytest

from clvhelpers.plots.basics import past_against_future, past_and_next, revenue_margin_profit, running_revenue
from clvhelpers.plots.look import Picture
from tests.figures import title_of


def heights(picture: Picture) -> list[list[float]]:
    return [[bar.get_height() for bar in bars] for bars in picture.figure.axes[0].containers]


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame({"past": [90.0, 80.0, 20.0, 10.0], "future": [0.0, 70.0, 50.0, 5.0]}, index=list("abcd"))


def test_each_customer_is_drawn_once_in_the_group_where_they_belong(people: pd.DataFrame) -> None:
    picture = past_against_future(people["past"], people["future"], top=2)
    points = {group.get_label(): group.get_offsets().tolist() for group in picture.figure.axes[0].collections}
    assert points == {
        "in neither (1)": [[10.0, 5.0]],
        "best from now on only (1)": [[20.0, 50.0]],
        "best so far only (1)": [[90.0, 0.0]],
        "best by both (1)": [[80.0, 70.0]],
    }
    assert title_of(picture) == "1 of the 2 best so far are not among the 2 best from now on"
    assert title_of(picture) in picture.alt


def test_of_customers_with_equal_values_the_first_are_on_the_list(people: pd.DataFrame) -> None:
    picture = past_against_future(people["past"], people["future"] * 0, top=2)
    assert title_of(picture).startswith("0 of the 2 best")


def test_all_on_the_list_leaves_nobody_out(people: pd.DataFrame) -> None:
    assert title_of(past_against_future(people["past"], people["future"], top=4)).startswith("0 of the 4")


def test_small_and_large_amounts_of_any_currency_get_readable_ticks() -> None:
    past = pd.Series([4.0, 90_000.0])
    picture = past_against_future(past, past, top=1, currency="EUR")
    labels = [label.get_text() for label in picture.figure.axes[0].get_xticklabels()]
    assert labels[0] == "€0"
    assert labels[-1] == "€50,000"
    assert 3 <= len(labels) <= 8
    assert picture.png()


def test_running_revenue_climbs_to_the_total_whatever_the_order_of_the_rows() -> None:
    orders = pd.DataFrame(
        {
            "customer_id": ["Ben", "Ann", "Ben"],
            "date": pd.to_datetime(["2024-03-01", "2024-01-01", "2024-01-01"]),
            "amount": [30.0, 50.0, 50.0],
        }
    )
    picture = running_revenue(orders)
    ann, ben = picture.figure.axes[0].lines
    assert list(ann.get_ydata()) == [50.0, 50.0]
    assert list(ben.get_ydata()) == [50.0, 80.0, 80.0]
    assert title_of(picture) == "Ann ends at $50.00; Ben ends at $80.00"
    assert "Ben ends at $80.00 after 2 orders" in picture.alt


def test_revenue_margin_and_profit_are_bars_and_a_loss_points_down() -> None:
    accounts = pd.DataFrame(
        {"revenue": [50.0, 150.0], "margin": [20.0, 60.0], "profit": [-3.0, 43.0]}, index=["Ann", "Ben"]
    )
    picture = revenue_margin_profit(accounts)
    assert heights(picture) == [[50.0, 150.0], [20.0, 60.0], [-3.0, 43.0]]
    assert title_of(picture) == "Most revenue: Ben; most profit: Ben"
    assert "Ann: $50.00, $20.00, -$3.00" in picture.alt


def test_groups_are_drawn_before_and_after_and_the_title_is_about_the_first() -> None:
    groups = pd.DataFrame({"past": [300.0, 20.0], "next": [150.0, 10.0]}, index=["best half", "2nd"])
    picture = past_and_next(groups)
    assert heights(picture) == [[300.0, 20.0], [150.0, 10.0]]
    assert title_of(picture) == "The best half spent 50% as much afterwards as before"
    assert "2nd: $20.00, then $10.00" in picture.alt
