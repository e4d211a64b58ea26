"""What was known on the day of the cut, and nothing else; what comes before leaving."""

from typing import Any

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest

from clvhelpers import datasets
from clvhelpers.churn.before import before_leaving
from clvhelpers.churn.behaviour import behaviour_features, churn_set, months_later
from clvhelpers.churn.leakage import refuse_leakage
from clvhelpers.churn.spells import customer_spells
from clvhelpers.errors import ConfigError, DataContractError, LeakageError, NotEnoughDataError

CUT = "2025-03-31"


def spells_of(*rows: tuple[str, str, str, str | None, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "plan", "start_date", "end_date", "end_reason"])
    return frame.assign(start_date=pd.to_datetime(frame["start_date"]), end_date=pd.to_datetime(frame["end_date"]))


@pytest.fixture
def spells() -> pd.DataFrame:
    """A moves up and stays; B leaves after the cut; C left before it and is back; D comes after; E is gone."""
    return spells_of(
        ("A", "Basic", "2024-01-01", "2024-06-30", "upgrade"),
        ("A", "Premium", "2024-07-01", None, None),
        ("B", "Basic", "2025-01-01", "2025-05-31", "competition"),
        ("C", "Basic", "2024-01-01", "2024-03-31", "change"),
        ("C", "Basic", "2025-02-01", "2025-04-30", "upgrade"),
        ("C", "Premium", "2025-05-01", None, None),
        ("D", "Basic", "2025-05-01", None, None),
        ("E", "Basic", "2024-01-01", "2025-03-31", "inactivity"),
    )


@pytest.fixture(scope="module")
def lumen() -> dict[str, pd.DataFrame]:
    return {name: datasets.load_lumen(name) for name in ("customers", "spells", "usage", "satisfaction", "payments")}


class TestFeatures:
    def test_customers_of_the_day_and_their_label(self, spells: pd.DataFrame) -> None:
        found = churn_set(spells, CUT, 3, end="2025-12-31")
        assert found.frame["left"].to_dict() == {"A": False, "B": True, "C": False}
        assert (str(found.cut), str(found.label_end), found.base_rate) == ("2025-03-31", "2025-06-30", 1 / 3)
        assert "Of 3 customers on 2025-03-31, 1 customer (33.3%) had left by 2025-06-30" in found.sentence()

    def test_only_what_had_happened_by_then_counts(self, spells: pd.DataFrame) -> None:
        found = behaviour_features(spells, CUT)
        assert found["plan"].to_dict() == {"A": "Premium", "B": "Basic", "C": "Basic"}
        assert found["plan_changes"].to_dict() == {"A": 1, "B": 0, "C": 0}
        assert found["earlier_stays"].to_dict() == {"A": 0, "B": 0, "C": 1}
        assert found["age_months"].round(1).to_dict() == {"A": 15.0, "B": 3.0, "C": 2.0}

    def test_windows_of_months_that_are_over(self) -> None:
        usage = pd.DataFrame({"customer_id": "A", "month": pd.date_range("2025-01-01", periods=4, freq="MS")})
        usage["hours"] = [9.0, 6.0, 3.0, 100.0]
        spells = spells_of(("A", "Basic", "2024-01-01", None, None))
        at_end = behaviour_features(spells, CUT, {"usage": usage})
        assert at_end[["hours_1m", "hours_3m", "hours_change"]].iloc[0].tolist() == [3.0, 6.0, -3.0]
        in_march = behaviour_features(spells, "2025-03-30", {"usage": usage}, windows=[1])
        assert in_march["hours_1m"].tolist() == [6.0]

    def test_months_of_an_earlier_stay_are_not_this_stay(self, spells: pd.DataFrame) -> None:
        usage = pd.DataFrame({"customer_id": "C", "month": pd.to_datetime(["2024-03-01", "2025-03-01"])})
        found = behaviour_features(spells, CUT, {"usage": usage.assign(hours=[50.0, 2.0])}, windows=[24])
        assert found.loc["C", "hours_24m"] == 2.0

    def test_dated_rows_give_the_last_value_up_to_the_end_of_the_day(self, spells: pd.DataFrame) -> None:
        scores = pd.DataFrame({"customer_id": "A", "score": [3, 9, 1]})
        scores["date"] = pd.to_datetime(["2024-01-01 09:00", "2025-03-31 23:30", "2025-04-01 00:00"])
        found = behaviour_features(spells, CUT, {"satisfaction": scores}).loc["A"]
        assert (found["score_last"], found["satisfaction_rows_3m"]) == (9, 1)

    def test_a_season_that_all_share_is_no_change(self, lumen: dict[str, pd.DataFrame]) -> None:
        """With twice the hours in December for everybody, the features of the year's end are the same."""
        usage, end = lumen["usage"], "2025-12-31"
        festive = usage.assign(hours=usage["hours"] * np.where(usage["month"].dt.month == 12, 2, 1))
        plain, raw, level = (
            behaviour_features(lumen["spells"], end, {"usage": table}, seasonal=names)
            for table, names in ((usage, ["hours"]), (festive, []), (festive, ["hours"]))
        )
        pd.testing.assert_frame_equal(level, plain)
        assert raw["hours_change"].mean() > 5 > abs(level["hours_change"].mean())
        assert level["hours_1m"].mean() == pytest.approx(1, abs=0.1)
        with pytest.raises(ConfigError, match="seasonal names 'hour': expected numbers of tables"):
            behaviour_features(lumen["spells"], end, {"usage": usage}, seasonal=["hour"])

    def test_attributes_are_kept_and_dates_become_days(self, spells: pd.DataFrame) -> None:
        people = pd.DataFrame({"customer_id": list("ABC"), "channel": ["web", "tv", "tv"]})
        people["signup_date"] = pd.to_datetime(["2024-01-01", "2025-01-01", "2024-01-01"])
        found = behaviour_features(spells, CUT, attributes=people)
        assert found["channel"].tolist() == ["web", "tv", "tv"]
        assert found["days_since_signup_date"].tolist() == [455, 89, 455]

    def test_nothing_after_the_cut_changes_a_feature(self, lumen: dict[str, pd.DataFrame]) -> None:
        """The whole point: cut every table at the day, and the features are the same."""
        day, tables = pd.Timestamp(CUT), ("usage", "satisfaction", "payments")
        whole = behaviour_features(lumen["spells"], CUT, {name: lumen[name] for name in tables})
        begun = lumen["spells"]["start_date"] <= day + pd.Timedelta(days=1)  # the plan of the next day is agreed
        spells = lumen["spells"][begun].copy()
        late = spells["end_date"] > day
        spells.loc[late, ["end_date", "end_reason"]] = [pd.NaT, None]
        known = {name: lumen[name][lumen[name].filter(["month", "date"]).iloc[:, 0] <= day] for name in tables}
        pd.testing.assert_frame_equal(behaviour_features(spells, CUT, known), whole)

    def test_ids_and_order_of_rows_play_no_part(self, lumen: dict[str, pd.DataFrame]) -> None:
        renamed = {name: table.assign(customer_id="X" + table["customer_id"]) for name, table in lumen.items()}
        one = churn_set(lumen["spells"], CUT, 3, {"usage": lumen["usage"]})
        other = churn_set(
            renamed["spells"].sample(frac=1, random_state=1), CUT, 3, {"usage": renamed["usage"].iloc[::-1]}
        )
        pd.testing.assert_frame_equal(one.frame.reset_index(drop=True), other.frame.reset_index(drop=True))

    def test_customers_and_leavers_are_those_of_the_stays(self, lumen: dict[str, pd.DataFrame]) -> None:
        stays = customer_spells(lumen["spells"], "2025-12-31")
        for day in ("2025-03-31", "2025-06-30"):
            found = churn_set(lumen["spells"], day, 3, end="2025-12-31")
            cut, end = pd.Timestamp(found.cut), pd.Timestamp(found.label_end)
            there = stays["start_date"] <= cut
            left = there & (stays["end_date"] > cut) & (stays["end_date"] <= end)
            assert found.frame["left"].sum() == left.sum()
            assert len(found.frame) == (there & ~(stays["end_date"] <= cut)).sum()

    def test_the_horizon_must_be_over(self, spells: pd.DataFrame) -> None:
        with pytest.raises(ConfigError, match="known on 2025-06-30; the spells were watched to 2025-06-15"):
            churn_set(spells, CUT, 3, end="2025-06-15")
        with pytest.raises(ConfigError, match="horizon_months is 0"):
            churn_set(spells, CUT, 0)
        with pytest.raises(NotEnoughDataError, match="no spell begins by 2020-01-01"):
            churn_set(spells, "2020-01-01", 3)
        gone = spells[spells["customer_id"] == "E"]
        with pytest.raises(NotEnoughDataError, match="nobody is a customer on 2025-03-31"):
            churn_set(gone, CUT, 3, end="2025-12-31")
        with pytest.raises(DataContractError, match="no column end_date"):
            churn_set(spells.drop(columns="end_date"), CUT, 3, end="2025-12-31")

    def test_tables_that_say_nothing_are_refused(self, spells: pd.DataFrame) -> None:
        table = pd.DataFrame({"customer_id": ["A"], "hours": [1.0]})
        with pytest.raises(DataContractError, match="needs a column 'month' or 'date'"):
            behaviour_features(spells, CUT, {"usage": table})
        with pytest.raises(DataContractError, match="not dates"):
            behaviour_features(spells, CUT, {"usage": table.assign(month="2025-01")})
        zoned = table.assign(month=pd.Timestamp("2025-03-01", tz="UTC"))
        with pytest.raises(DataContractError, match="'month' has the time zone UTC"):
            behaviour_features(spells, CUT, {"usage": zoned})
        with pytest.raises(DataContractError, match="'usage' is a list: expected a frame"):
            behaviour_features(spells, CUT, {"usage": [1]})
        with pytest.raises(DataContractError, match="spells"):
            churn_set([1], CUT, 3)  # type: ignore[arg-type]
        usage = table.assign(month=pd.Timestamp("2025-03-01"))
        with pytest.raises(DataContractError, match="several tables give a feature named 'hours_1m'"):
            behaviour_features(spells, CUT, {"usage": usage, "again": usage})
        with pytest.raises(ConfigError, match=r"windows are \[1, 1\]"):
            behaviour_features(spells, CUT, windows=[1, 1])

    @pytest.mark.parametrize(
        ("day", "months", "later"),
        [("2025-06-30", 3, "2025-09-30"), ("2025-02-28", 1, "2025-03-31"), ("2025-01-15", 1, "2025-02-15")],
    )
    def test_months_later(self, day: str, months: int, later: str) -> None:
        assert months_later(pd.Timestamp(day), months) == pd.Timestamp(later)


@pytest.mark.parametrize("make", [pl.from_pandas, duckdb.from_df], ids=["polars", "duckdb"])
def test_tables_of_other_engines_give_the_same(make: Any, lumen: dict[str, pd.DataFrame]) -> None:
    here, there = (
        churn_set(lumen["spells"], CUT, 3, {name: how(lumen[name]) for name in ("usage", "payments")})
        for how in (lambda table: table, make)
    )
    pd.testing.assert_frame_equal(there.frame, here.frame, check_dtype=False)
    ours, theirs = (before_leaving(how(lumen["usage"]), lumen["spells"], 2) for how in (lambda table: table, make))
    pd.testing.assert_frame_equal(theirs.frame, ours.frame)


class TestLeakage:
    @pytest.mark.parametrize(
        "name", ["end_date", "end_reason", "churned", "Cancellation reason", "cancelDate", "left", "expected_value_12m"]
    )
    def test_what_is_known_only_after_leaving_is_refused_by_name(self, spells: pd.DataFrame, name: str) -> None:
        people = pd.DataFrame({"customer_id": list("ABC"), name: ["x", "y", None]})
        with pytest.raises(LeakageError, match=f"'{name}' is known only after a customer has left"):
            churn_set(spells, CUT, 3, attributes=people, end="2025-12-31")

    @pytest.mark.parametrize("name", ["weekend_hours", "leftover_credit", "months_left", "trend", "plan"])
    def test_harmless_names_pass(self, name: str) -> None:
        assert refuse_leakage(pd.DataFrame({name: ["x", "y"]}), pd.Timestamp(CUT)) is None

    def test_a_date_after_the_cut_is_refused_by_name(self, spells: pd.DataFrame) -> None:
        people = pd.DataFrame({"customer_id": list("ABC"), "last_call": pd.Timestamp("2025-04-01")})
        with pytest.raises(LeakageError, match="'last_call' has 3 dates after 2025-03-31"):
            churn_set(spells, CUT, 3, attributes=people, end="2025-12-31")

    @pytest.mark.parametrize("kind", ["empty", "number", "word"])
    def test_a_column_that_tells_the_label_is_refused_whatever_its_name(
        self, lumen: dict[str, pd.DataFrame], kind: str
    ) -> None:
        found = churn_set(lumen["spells"], CUT, 3)
        left = found.frame["left"]
        hidden = {
            "empty": pd.Series(1.0, left.index).where(left),
            "number": left * 5.0 + np.linspace(0, 1, len(left)),
            "word": left.map({True: "x", False: "y"}),
        }[kind]
        people = hidden.rename("note").rename_axis("customer_id").reset_index()
        with pytest.raises(LeakageError, match="'note' alone tells exactly who leaves"):
            churn_set(lumen["spells"], CUT, 3, attributes=people)

    def test_all_of_them_are_named_at_once(self) -> None:
        frame = pd.DataFrame({"end_reason": ["x"], "churn_date": ["y"], "hours": [1.0]})
        with pytest.raises(LeakageError, match="2 problems:"):
            refuse_leakage(frame, pd.Timestamp(CUT))


@pytest.fixture(scope="module")
def company() -> tuple[pd.DataFrame, pd.DataFrame]:
    """600 customers watch 10 hours a month and 0.2 less with each month of age; half leave in the tenth month,
    and watch 3 and 6 hours less in the two months before."""
    rng = np.random.default_rng(5)
    panel, spells = [], []
    for place in range(600):
        leaves = place % 2 == 0
        months = pd.date_range("2024-01-01", periods=9 + leaves if leaves else 24, freq="MS")
        age = np.arange(len(months))
        hours = 10 - 0.2 * age + rng.normal(0, 1, len(months))
        if leaves:
            hours -= np.select([age == 8, age == 7], [6, 3], 0)
        panel.append(pd.DataFrame({"customer_id": f"c{place}", "month": months, "hours": hours}))
        end = "2024-10-20" if leaves else None
        spells.append((f"c{place}", "Basic", "2024-01-01", end, "change" if leaves else None))
    return pd.concat(panel), spells_of(*spells)


class TestBefore:
    def test_the_drop_is_found_where_it_is_and_age_is_allowed_for(
        self, company: tuple[pd.DataFrame, pd.DataFrame]
    ) -> None:
        found = before_leaving(*company, months=4)
        by_month = found.frame.set_index("months_before")
        assert by_month["leavers"].tolist() == [300] * 4
        for months, drop in {1: -6, 2: -3, 3: 0, 4: 0}.items():
            row = by_month.loc[months]
            assert row["difference"] == pytest.approx(drop, abs=0.25)
            assert row["low"] < row["difference"] < row["high"]
        assert by_month.loc[1, "stayers_mean"] == pytest.approx(10 - 0.2 * 8, abs=0.2)
        assert found.first_sign("hours") == 2
        assert "before 300 customers left" in found.sentence()

    def test_intervals_cover_the_truth(self) -> None:
        """95 % intervals of a drop that is not there, for 60 measures of one company."""
        rng = np.random.default_rng(8)
        customers = [f"c{place}" for place in range(80)]
        spells = spells_of(
            *(
                (who, "Basic", "2024-01-01", "2024-03-15" if place < 40 else None, "change" if place < 40 else None)
                for place, who in enumerate(customers)
            )
        )
        months = pd.date_range("2024-01-01", periods=6, freq="MS")
        panel = pd.MultiIndex.from_product([customers, months], names=["customer_id", "month"]).to_frame(index=False)
        panel = panel[(panel["month"] <= "2024-03-01") | (panel["customer_id"].str[1:].astype(int) >= 40)]
        noise = pd.DataFrame(rng.gamma(2, 5, (len(panel), 60)), panel.index).add_prefix("m")
        found = before_leaving(panel.join(noise), spells, months=1).frame
        assert 0.90 <= ((found["low"] <= 0) & (found["high"] >= 0)).mean() <= 0.99

    def test_what_is_missing_is_said(self, company: tuple[pd.DataFrame, pd.DataFrame]) -> None:
        panel, spells = company
        with pytest.raises(NotEnoughDataError, match="0 customers left with a whole month before"):
            before_leaving(panel, spells.assign(end_date=pd.NaT, end_reason=None))
        with pytest.raises(DataContractError, match="no column 'minutes'"):
            before_leaving(panel, spells, measures=["minutes"])
        with pytest.raises(ConfigError, match="expected one of 'hours'"):
            before_leaving(panel, spells).first_sign("minutes")
        with pytest.raises(ConfigError, match="months is 0"):
            before_leaving(panel, spells, months=0)
        with pytest.raises(DataContractError, match="'month' holds"):
            before_leaving(panel.assign(month="2025-01"), spells)

    def test_where_all_customers_left_at_one_age_there_is_nobody_to_compare_with(
        self, company: tuple[pd.DataFrame, pd.DataFrame]
    ) -> None:
        panel, spells = company
        gone = spells[spells["end_date"].notna()]
        with pytest.raises(NotEnoughDataError, match="nobody stayed 12 months or more beyond"):
            before_leaving(panel[panel["customer_id"].isin(gone["customer_id"])], gone, months=12)
