"""Retention by day: each definition by hand, the same on every engine, and frames that can't be."""

import datetime as dt
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers.errors import ConfigError, ExperimentError, NotEnoughDataError
from clvhelpers.experiments import Retention, retention_by_day
from tests.figures import title_of

START = pd.Timestamp("2026-01-01 15:30")  # day 0 lasts until midnight
END = "2026-01-10"


def frames(exposed: dict[int, tuple[str, int]], seen: list[tuple[int, int]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Assignments from `customer: (arm, day of January)`, activity from `(customer, day of January)`."""
    people = [(customer, arm, START + pd.Timedelta(days=day - 1)) for customer, (arm, day) in exposed.items()]
    visits = [(customer, pd.Timestamp("2026-01-01 09:00") + pd.Timedelta(days=day - 1)) for customer, day in seen]
    return (
        pd.DataFrame(people, columns=["customer_id", "arm", "exposed_at"]),
        pd.DataFrame(visits, columns=["customer_id", "date"]),
    )


@pytest.fixture
def small() -> tuple[pd.DataFrame, pd.DataFrame]:
    """On day 3: 1 (twice), 4; on or after: 1, 2, 4; in days 2 to 3: 1, 3, 4. 5 and 6 came too late to tell."""
    exposed = {
        1: ("control", 1),
        2: ("control", 1),
        3: ("offer", 2),
        4: ("offer", 1),
        5: ("offer", 9),
        6: ("control", 20),
    }
    seen = [(1, 4), (1, 4), (2, 8), (3, 4), (3, 2), (4, 4), (5, 10), (2, 1), (1, -3), (9, 4), (6, 23), (4, 30)]
    return frames(exposed, seen)


def shares(found: Retention) -> dict[str, tuple[int, int]]:
    counts = found.counts(found.windows[0])
    return {arm: (counts.successes[arm], counts.units[arm]) for arm in counts.arms}


@pytest.mark.parametrize(
    ("kind", "window", "expected"),
    [
        ("on", 3, {"control": (1, 2), "offer": (1, 2)}),
        ("on_or_after", 3, {"control": (2, 2), "offer": (1, 2)}),
        ("bracket", (2, 3), {"control": (1, 2), "offer": (2, 2)}),
        ("bracket", (5, 8), {"control": (1, 2), "offer": (0, 2)}),
    ],
)
def test_each_definition_by_hand(
    small: tuple[pd.DataFrame, pd.DataFrame], kind: str, window: Any, expected: dict[str, tuple[int, int]]
) -> None:
    found = retention_by_day(*small, [window], kind=kind, end=END)
    assert shares(found) == expected
    assert found.frame["too_short"].to_list() == [1, 1]
    assert found.end == dt.date(2026, 1, 10)


def test_a_definition_and_who_was_left_out_are_always_told(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    told = {
        kind: retention_by_day(*small, [window], kind=kind, end=END).sentence()
        for kind, window in {"on": 3, "on_or_after": 3, "bracket": (2, 3)}.items()
    }
    assert "active on day k itself; day 0 is the day of exposure" in told["on"]
    assert "on day k or later, up to 2026-01-10" in told["on_or_after"]
    assert "on any day of the bracket" in told["bracket"]
    assert "Back on days 2 to 3: 50.0% of 2 in control, 100.0% of 2 in offer." in told["bracket"]
    for sentence in told.values():
        assert "Left out, as their time was too short: 1 in control; 1 in offer." in sentence


def test_before_exposure_and_on_its_day_nothing_counts() -> None:
    people, visits = frames({1: ("control", 5), 2: ("offer", 5)}, [(1, 4), (2, 5), (1, 3), (2, 8)])
    assert shares(retention_by_day(people, visits, [1])) == {"control": (0, 1), "offer": (0, 1)}
    assert shares(retention_by_day(people, visits, [1], kind="on_or_after")) == {"control": (0, 1), "offer": (1, 1)}


def test_nobody_back_in_an_arm_is_a_0(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = retention_by_day(small[0], small[1].query("customer_id < 3"), [3], end=END)
    assert shares(found) == {"control": (1, 2), "offer": (0, 2)}


def test_the_same_on_every_engine() -> None:
    rng = np.random.default_rng(7)
    n = 400
    exposed = {
        i: (str(arm), int(day))
        for i, (arm, day) in enumerate(zip(rng.choice(["control", "a", "b"], n), rng.integers(1, 20, n), strict=True))
    }
    people, visits = frames(
        exposed,
        [(int(i), int(day)) for i, day in zip(rng.integers(0, n, 2000), rng.integers(1, 40, 2000), strict=True)],
    )
    expected = retention_by_day(people, visits, [1, 7], end="2026-01-22").frame
    assert expected["too_short"].sum() > 0
    days = people.assign(exposed_at=people["exposed_at"].dt.date), visits.assign(date=visits["date"].dt.date)
    by_engine = {
        "mixed polars": (pl.from_pandas(people), pl.from_pandas(visits).lazy()),
        "days": tuple(pl.DataFrame(frame.to_dict("list")) for frame in days),
        "duckdb": (duckdb.from_df(people), duckdb.from_df(visits)),
    }
    for assignments, activity in by_engine.values():
        pd.testing.assert_frame_equal(retention_by_day(assignments, activity, [1, 7], end="2026-01-22").frame, expected)


def test_counts_are_ready_to_compare(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = retention_by_day(*small, [(2, 3), (5, 8)], kind="bracket", end=END, level=0.9)
    compared = found.comparison((2, 3))
    assert compared.sentence().startswith("Back on days 2 to 3: 100% of 2 in offer against 50% of 2 in control")
    assert (compared.level, compared.frame.loc[0, "difference"]) == (0.9, 0.5)
    with pytest.raises(ConfigError, match=r"7 was not counted: expected one of \(2, 3\), \(5, 8\)"):
        found.counts(7)


def test_names_of_columns_and_of_the_control_are_free(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    names = {"customer_id": "user", "arm": "version", "exposed_at": "since", "date": "day"}
    people, visits = (frame.rename(columns=names) for frame in small)
    found = retention_by_day(
        people, visits, [3], end=END, control="offer", customer_id="user", arm="version", exposed_at="since", date="day"
    )
    assert list(shares(found)) == ["offer", "control"]


def test_a_day_that_nobody_of_an_arm_has_had_is_refused(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    with pytest.raises(NotEnoughDataError, match="nobody has had 14 days by 2026-01-10: take at most 9 days"):
        retention_by_day(*small, [1, 14], end=END)
    with pytest.raises(NotEnoughDataError, match="no rows"):
        retention_by_day(small[0], small[1].head(0))


def test_arms_exposed_at_other_times_cant_be_compared_on_or_after_a_day() -> None:
    rng = np.random.default_rng(3)
    exposed = {
        i: ("offer" if i % 2 else "control", int(day) + 6 * (i % 2)) for i, day in enumerate(rng.integers(1, 10, 200))
    }
    people, visits = frames(exposed, [(i, 20) for i in range(200)])
    with pytest.raises(ExperimentError, match="with unequal follow-up 'on_or_after' compares time"):
        retention_by_day(people, visits, [1], kind="on_or_after", end="2026-01-30")
    assert retention_by_day(people, visits, [1], end="2026-01-30").frame["too_short"].sum() == 0


def test_every_problem_of_the_frames_is_named(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    people, visits = small
    moved = pd.concat([people, people.head(1).assign(arm="offer"), people.iloc[1:2]])
    broken = moved.assign(
        arm=moved["arm"].mask(moved["customer_id"] == 3), exposed_at=moved["exposed_at"].mask(moved["customer_id"] == 4)
    )
    with pytest.raises(ExperimentError) as caught:
        retention_by_day(broken, visits.assign(date=visits["date"].mask(visits.index == 0)))
    assert [problem[:46] for problem in caught.value.problems] == [
        "'arm' is missing in 1 row: find it in the assi",
        "'exposed_at' is missing in 1 row: days are cou",
        "'date' is missing in 1 row: an activity withou",
        "2 customers more than once in the assignments,",
    ]
    assert "1 of them in more than one arm" in str(caught.value)
    with pytest.raises(ExperimentError, match="no column 'exposed_at' in the assignments"):
        retention_by_day(people.drop(columns="exposed_at"), visits)
    with pytest.raises(ExperimentError, match="'date' of the activity holds String, not dates"):
        retention_by_day(people, visits.assign(date="2026-01-01"))
    with pytest.raises(ExperimentError, match="has the time zone UTC"):
        retention_by_day(people, visits.assign(date=visits["date"].dt.tz_localize("UTC")))
    with pytest.raises(ExperimentError, match="nobody would be found"):
        retention_by_day(people.assign(customer_id=people["customer_id"].astype(str)), visits)
    with pytest.raises(ExperimentError, match="only the arm control is there"):
        retention_by_day(people.query("arm == 'control'"), visits, end=END)
    with pytest.raises(ConfigError, match="assignments are a frame of pandas and the activity one of polars"):
        retention_by_day(people, pl.from_pandas(visits))


@pytest.mark.parametrize(
    ("days", "kind"),
    [([0], "on"), ([7.5], "on"), ([(1, 7)], "on"), ([], "on"), ([7], "bracket"), ([(8, 7)], "bracket")],
)
def test_days_that_cant_be(small: tuple[pd.DataFrame, pd.DataFrame], days: list[Any], kind: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        retention_by_day(*small, days, kind=kind, end=END)
    with pytest.raises(ConfigError, match="kind is 'rolling'"):
        retention_by_day(*small, [1], kind="rolling", end=END)


def test_the_figure_shows_each_arm_and_window(small: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    found = retention_by_day(*small, [1, 3], end=END)
    shown = found.plot()
    axes = shown.figure.axes[0]
    drawn = [container[0].get_ydata() for container in axes.containers]
    assert [list(points) for points in drawn] == [[0, 0.5], pytest.approx([1 / 3, 0.5])]
    assert title_of(shown) == "50.0% of control and 50.0% of offer came back on day 3"
    assert found.definition in shown.alt
    assert shown.png().startswith(b"\x89PNG")
