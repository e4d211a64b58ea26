"""From spells to stays: plan changes merged, returners, the window, months of the calendar, impossible spells."""

import pandas as pd
import polars as pl
import pytest

from clvhelpers import datasets
from clvhelpers.churn import customer_spells, kaplan_meier, plan_spells
from clvhelpers.errors import ConfigError, DataContractError, NotEnoughDataError

END = "2025-12-31"


def spells_of(*rows: tuple[str | None, str | None, str | None, str | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "plan", "start_date", "end_date", "end_reason"])
    return frame.assign(start_date=pd.to_datetime(frame["start_date"]), end_date=pd.to_datetime(frame["end_date"]))


@pytest.fixture
def spells() -> pd.DataFrame:
    """A moves up twice and leaves; B leaves and comes back; C runs."""
    return spells_of(
        ("B", "Basic", "2025-01-01", "2025-02-28", "change"),
        ("A", "Basic", "2024-01-15", "2024-04-14", "upgrade"),
        ("A", "Standard", "2024-04-15", "2024-07-14", "upgrade"),
        ("A", "Premium", "2024-07-15", "2025-01-14", "competition"),
        ("B", "Standard", "2025-06-01", None, None),
        ("C", "Basic", "2025-12-01", None, None),
    )


def test_changes_of_plan_are_one_stay(spells: pd.DataFrame) -> None:
    stays = customer_spells(spells, END).set_index(["customer_id", "stay"])
    assert stays.index.to_list() == [("A", 1), ("B", 1), ("B", 2), ("C", 1)]
    assert stays["duration"].to_list() == [12, 2, 7, 1]
    assert stays["left"].to_list() == [True, True, False, False]
    assert stays.loc[("A", 1), ["plan", "last_plan", "reason"]].to_list() == ["Basic", "Premium", "competition"]
    assert stays["reason"].isna().to_list() == [False, False, True, True]
    assert (stays["entry"] == 0).all()


def test_the_first_stay_alone(spells: pd.DataFrame) -> None:
    first = customer_spells(spells, END, returners="first")
    assert first["customer_id"].to_list() == ["A", "B", "C"]
    assert first["duration"].to_list() == [12, 2, 1]


def test_plans_one_after_the_other(spells: pd.DataFrame) -> None:
    rows = plan_spells(spells, END).query("customer_id == 'A'")
    assert rows[["entry", "duration"]].to_numpy().tolist() == [[0, 3], [3, 6], [6, 12]]
    assert rows["left"].to_list() == [False, False, True]
    assert rows["reason"].isna().to_list() == [True, True, False]
    everyone = plan_spells(spells, END)
    assert (everyone["duration"] - everyone["entry"]).sum() == customer_spells(spells, END)["duration"].sum()


def test_what_was_known_on_an_earlier_day(spells: pd.DataFrame) -> None:
    """No plan, end or reason of later is seen, also where a plan changes on that very day."""
    stays = customer_spells(spells, "2024-07-14").set_index("customer_id")
    assert stays.index.to_list() == ["A"]
    assert stays.loc["A", ["duration", "left", "last_plan"]].to_list() == [6, False, "Standard"]
    assert pd.isna(stays.loc["A", "end_date"])
    later = customer_spells(spells, "2025-01-13").set_index("customer_id")
    assert not later.loc["A", "left"]
    assert later.loc["A", "duration"] == pytest.approx(12 - 1 / 31)


def test_only_what_was_seen_since_a_day(spells: pd.DataFrame) -> None:
    stays = customer_spells(spells, END, since="2025-01-01").set_index(["customer_id", "stay"])
    assert stays.loc[("A", 1), ["entry", "duration"]].to_list() == pytest.approx([11 + 17 / 31, 12])
    assert stays.loc[("B", 1), "entry"] == 0
    gone = customer_spells(spells, END, since="2025-03-01")
    assert gone["customer_id"].to_list() == ["B", "C"]
    by_plan = plan_spells(spells, END, since="2024-07-01").query("customer_id == 'A'")
    assert by_plan[["plan", "entry"]].to_numpy().tolist() == [["Standard", pytest.approx(5 + 16 / 30)], ["Premium", 6]]


@pytest.mark.parametrize(
    ("start", "last", "months"),
    [
        ("2024-01-15", "2024-02-14", 1),
        ("2024-01-31", "2024-02-28", 1),  # no 31st in February
        ("2024-01-31", "2024-03-30", 2),
        ("2023-02-28", "2024-02-27", 12),
        ("2024-02-01", "2024-02-01", 1 / 29),
        ("2024-12-16", "2025-01-01", 17 / 31),
    ],
)
def test_months_by_the_calendar(start: str, last: str, months: float) -> None:
    one = spells_of(("A", "Basic", start, last, "change"))
    assert customer_spells(one, END)["duration"].to_list() == pytest.approx([months])


def test_other_units() -> None:
    one = spells_of(("A", "Basic", "2024-01-01", "2024-12-31", "change"))
    found = [customer_spells(one, END, unit=unit).loc[0, "duration"] for unit in ("day", "week", "quarter", "year")]
    assert found == pytest.approx([366, 366 / 7, 4, 1])


def test_the_time_of_day_plays_no_part(spells: pd.DataFrame) -> None:
    late = spells.assign(start_date=spells["start_date"] + pd.Timedelta(hours=15, minutes=30))
    pd.testing.assert_frame_equal(customer_spells(late, END), customer_spells(spells, END))


def test_the_spells_given_are_not_changed(spells: pd.DataFrame) -> None:
    before = spells.copy()
    customer_spells(spells, "2024-07-14")
    pd.testing.assert_frame_equal(spells, before)


def test_lumen() -> None:
    spells = datasets.load_lumen("spells")
    stays, plans = customer_spells(spells, END), plan_spells(spells, END)
    assert len(plans) == len(spells)
    assert (plans["duration"] - plans["entry"]).sum() == pytest.approx(stays["duration"].sum())
    assert stays["left"].sum() == plans["left"].sum()
    assert (stays.loc[stays["left"], "duration"] % 1 == 0).all()  # subscriptions end with a month
    assert stays.loc[~stays["left"], "customer_id"].is_unique
    full = kaplan_meier(stays).at([6, 12])["survival"]
    window = kaplan_meier(customer_spells(spells, END, since="2025-01-01")).at([6, 12])["survival"]
    assert window.to_list() == pytest.approx(full.to_list(), abs=0.05)


BAD = {
    "an end before the start": [("A", "Basic", "2024-03-01", "2024-02-01", "change")],
    "an end_date without an end_reason": [("A", "Basic", "2024-01-01", "2024-02-01", None)],
    "an end_reason without an end_date": [("A", "Basic", "2024-01-01", None, "change")],
    "no start_date": [("A", "Basic", None, None, None)],
    "no customer_id": [(None, "Basic", "2024-01-01", None, None)],
    "no plan": [("A", None, "2024-01-01", None, None)],
    "a start before the customer's spell before it was over": [
        ("A", "Basic", "2024-01-01", "2024-03-31", "upgrade"),
        ("A", "Premium", "2024-03-31", None, None),
    ],
    "a start before the customer's spell before": [
        ("A", "Basic", "2024-01-01", None, None),
        ("A", "Premium", "2024-03-31", None, None),
    ],
    "a change of plan after which no spell begins": [("A", "Basic", "2024-01-01", "2024-03-31", "upgrade")],
    "after which no spell begins on the next day": [
        ("A", "Basic", "2024-01-01", "2024-03-31", "downgrade"),
        ("A", "Basic", "2024-05-01", None, None),
    ],
}


@pytest.mark.parametrize("problem", BAD)
def test_spells_that_can_not_be(problem: str) -> None:
    good = ("Z", "Basic", "2024-01-01", None, None)
    with pytest.raises(DataContractError, match=problem) as raised:
        customer_spells(spells_of(good, *BAD[problem]), END)
    assert len(raised.value.problems) == 1
    assert "row 1" in str(raised.value) or "row 2" in str(raised.value)


def test_all_problems_are_told_at_once() -> None:
    rows = [row for rows in BAD.values() for row in rows]
    named = [(f"{row[0]}{i}" if row[0] else None, *row[1:]) for i, row in enumerate(rows)]
    with pytest.raises(DataContractError) as raised:
        plan_spells(spells_of(*named), END)
    assert len(raised.value.problems) == 7  # customers are told apart here, so nothing overlaps
    assert "3 spells have a change of plan" in str(raised.value)


def test_no_spells_at_all(spells: pd.DataFrame) -> None:
    with pytest.raises(NotEnoughDataError, match="there is no spell"):
        customer_spells(spells.head(0), END)
    with pytest.raises(NotEnoughDataError, match="no spell begins by 2020-01-01"):
        customer_spells(spells, "2020-01-01")
    gone = spells[spells["customer_id"] == "A"]
    with pytest.raises(NotEnoughDataError, match="no customer was still there on 2025-06-01"):
        customer_spells(gone, END, since="2025-06-01")


def test_arguments_that_can_not_be(spells: pd.DataFrame) -> None:
    with pytest.raises(DataContractError, match="the spells have no column end_reason"):
        customer_spells(spells.drop(columns="end_reason"), END)
    with pytest.raises(DataContractError, match="start_date holds no dates"):
        customer_spells(spells.assign(start_date=spells["start_date"].astype(str)), END)
    with pytest.raises(DataContractError, match="start_date has a time zone"):
        customer_spells(spells.assign(start_date=spells["start_date"].dt.tz_localize("UTC")), END)
    with pytest.raises(DataContractError, match="must be a pandas frame with a row for each, not polars's DataFrame"):
        customer_spells(pl.from_pandas(spells), END)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="returners"):
        customer_spells(spells, END, returners="last")
    with pytest.raises(ConfigError, match="unit is 'M'"):
        customer_spells(spells, END, unit="M")
    with pytest.raises(ConfigError, match="end is missing"):
        customer_spells(spells, None)
