"""Nothing of few customers can be read off a report, or worked out from the rest of it."""

import re
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from clvhelpers.cohorts import cohort_table
from clvhelpers.customers import orders_over_time
from clvhelpers.plots.look import Picture
from clvhelpers.reporting import analyse, excel, small_groups
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.appendix import tables_behind
from clvhelpers.reporting.config.client import Privacy
from clvhelpers.reporting.shown import Shown
from clvhelpers.reporting.summary import summary
from clvhelpers.segments import concentration, rfm_groups, value_tiers
from clvhelpers.simulate import non_contractual
from clvhelpers.text import Table, money
from tests.reports.made import client, orders
from tests.reports.shop import show_all, words

LEAST = 5


def could_be(sizes: np.ndarray, hidden: np.ndarray, place: int, least: int) -> int:
    """How many values a small hidden group may have for who knows the total, the others, and which are small."""
    others = [size for at, size in enumerate(sizes) if hidden[at] and at != place]
    total = sum(others) + sizes[place]
    fewest = sum(1 if 0 < size < least else least if size else 0 for size in others)
    most = sum(least - 1 if 0 < size < least else 10**9 for size in others)
    return int(min(least - 1, total - fewest) - max(1, total - most) + 1)


@pytest.mark.parametrize("least", [3, 5, 10])
def test_the_size_of_a_small_group_does_not_follow_from_the_total(least: int) -> None:
    rng = np.random.default_rng(least)
    for _ in range(400):
        sizes = rng.choice([0, 1, 2, 4, 5, 6, 9, 12, 40, 300], rng.integers(3, 9))
        hidden = small_groups.hidden_rows(sizes, least)
        few = small_groups.is_few(sizes, least)
        assert hidden[few].all()
        if few.any() and not hidden.all():
            assert sizes[hidden].sum() >= least
            assert all(could_be(sizes, hidden, place, least) > 1 for place in np.flatnonzero(few))


def test_no_more_is_hidden_than_it_takes() -> None:
    assert not small_groups.hidden_rows(np.array([0, 5, 6, 0]), LEAST).any()
    assert small_groups.hidden_rows(np.array([3, 3, 90]), LEAST).tolist() == [True, True, False]
    assert small_groups.hidden_rows(np.array([4, 4, 7, 90]), LEAST).tolist() == [True, True, True, False]
    assert small_groups.hidden_rows(np.array([90, 2, 0, 0]), LEAST).tolist() == [True, True, False, False]
    assert small_groups.hidden_rows(np.array([90, 20, 6]), LEAST, outside=2).tolist() == [False, False, True]
    starts = np.array([3, 40, 9, 6])
    assert small_groups.hidden_rows(starts, LEAST, by_time=True).tolist() == [True, True, False, False]


@pytest.mark.parametrize("seed", range(4))
def test_what_a_small_cohort_did_does_not_follow_from_the_other_cohorts_and_the_customers_of_a_month(seed: int) -> None:
    """All that is shown as linear equations in the hidden cells: nothing fixes what few customers did."""
    log = non_contractual(30 + 40 * seed, 45, seed=seed, acquisition_weeks=26).transactions
    first = log["date"].min()
    past = [(f"early{who}", gap, 9.0) for who in range(3) for gap in (40, 15, -30, -100)]
    past += [(f"first{who}", gap, 9.0) for who in range(30) for gap in (130, 20)]
    early = pd.DataFrame(past, columns=log.columns)
    early["date"] = first - pd.to_timedelta(early["date"], unit="D")
    log = pd.concat([early, log], ignore_index=True)
    table, periods = (
        cohort_table(log),
        small_groups.hide_periods(orders_over_time(log), LEAST),
    )
    shown = small_groups.hide_cohorts(table, LEAST, periods)
    cells = table.frame.assign(at=table.frame["cohort"] + table.frame["age"], shown=shown.frame["n_active"])
    cells = cells[cells["n_active"].notna() & (cells["age"] > 0)]
    unknown = cells.index[cells["shown"].isna()]
    assert len(unknown)
    told = periods.set_index("period")
    months = told.index[told["customers"].notna() & told["new_customers"].notna()]
    sums = np.array([unknown.isin(cells.index[cells["at"] == month]) for month in months], dtype=float)
    sums = sums.reshape(len(months), len(unknown))
    free = np.linalg.svd(sums)[2][np.linalg.matrix_rank(sums) :]
    fixed = np.abs(free).max(axis=0, initial=0.0) < 1e-9
    sizes = table.frame.groupby("cohort")["n0"].first()
    few = small_groups.is_few(cells["cohort"].map(sizes), LEAST)
    assert cells.loc[few, "shown"].isna().all()
    assert not (fixed & few[cells.index.get_indexer(unknown)] & (cells.loc[unknown, "n_active"] > 0)).any()


@pytest.mark.parametrize("seed", range(6))
def test_months_tell_of_no_few_new_customers_and_no_few_who_had_bought_before(seed: int) -> None:
    log = non_contractual(30 + 40 * seed, 45, seed=seed, acquisition_weeks=26).transactions
    periods = orders_over_time(log)
    shown = small_groups.hide_periods(periods, LEAST)
    known = shown["customers"] - shown["new_customers"]
    for sizes in (shown["customers"], shown["new_customers"], known):
        assert not small_groups.is_few(sizes, LEAST).any()
    for name in ("orders", "new_customers"):
        assert shown[name].isna().sum() != 1
    cohorts = small_groups.hide_cohorts(cohort_table(log), LEAST, shown).frame.groupby("cohort")["n0"].first()
    assert cohorts.isna().equals(shown.set_index("period")["new_customers"].reindex(cohorts.index).isna())


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
    """A shop with few customers, three of whom brought most, and one who brought refunds alone."""
    folder = tmp_path_factory.mktemp("small")
    rows = orders(50, 50, 4)
    last = max(str(day) for _, day, _ in rows)
    days = pd.date_range(end=last, periods=14, freq="14D").strftime("%Y-%m-%d")
    rows += [(f"whale{who}", day, 900.0 + who) for who in range(3) for day in days]
    rows += [("whale0", days[3], -5.5), ("refunder", days[4], -77.25)]
    return analyse(client(folder, rows))


@pytest.fixture(scope="module")
def page(small: Analysis) -> list[Shown]:
    return show_all(small)


def hidden_names(analysis: Analysis) -> list[str]:
    assert analysis.groups is not None
    frame = analysis.groups.frame
    return frame["group"][frame["customers"].isna()].tolist()


def test_a_small_group_is_hidden_with_the_next_smallest(small: Analysis, page: list[Shown]) -> None:
    names = hidden_names(small)
    assert "Loyal" in names
    assert len(names) > 1
    groups = next(item for item in page if isinstance(item, Table) and item.caption == "The groups")
    rows = {row[0]: row[1:] for row in groups.as_data()["rows"]}  # type: ignore[attr-defined]
    assert all(set(rows[name]) <= {"fewer than 5", "–"} for name in names)
    assert rows["Loyal"][0] == "fewer than 5"


def test_what_is_hidden_stands_in_no_text_of_the_page(small: Analysis, page: list[Shown]) -> None:
    assert small.groups is not None
    assert small.scores is not None
    truth = rfm_groups(small.scores).frame.set_index("group").loc[hidden_names(small)]
    groups = [item for item in page if not (isinstance(item, Table) and "For example" in item.frame)]
    text = words(groups) + small.metrics.model_dump_json(exclude={"data"})
    for revenue in truth["revenue"]:
        assert not revenue or money(revenue, "EUR") not in text
    assert "77.25" not in text
    assert "Numbers of fewer than 5 customers are not shown" in text
    assert "of groups or tiers of fewer than 5 customers are not given" in " ".join(small.metrics.data.warnings)


def test_no_sentence_or_figure_names_a_small_group(small: Analysis, page: list[Shown]) -> None:
    told = "\n".join(repr(text) for text in summary(small.metrics)) + (small.groups.sentence() if small.groups else "")
    alts = "\n".join(item.alt for item in page if isinstance(item, Picture) and item.alt.startswith("Bars for each"))
    for name in hidden_names(small):
        assert name not in told
        assert name not in alts


def counts(frame: pd.DataFrame) -> list[float]:
    """Every number of customers in a table."""
    names = [name for name in frame if re.search("[Cc]ustomers$", str(name))]
    values = pd.to_numeric(frame[names].stack(), errors="coerce").dropna()
    return [value for value in values if value >= 1]


def test_no_table_counts_few_customers(small: Analysis, page: list[Shown], tmp_path: Path) -> None:
    tables = [item for item in page if isinstance(item, Table)]
    found = [count for item in tables for count in counts(item.frame.reset_index())]
    assert len(found) > 10
    assert min(found) >= LEAST
    excel.write(tmp_path / "a.xlsx", small, [*tables, *tables_behind(small)])
    book = openpyxl.load_workbook(tmp_path / "a.xlsx")
    sheets = [pd.DataFrame(list(sheet.values)[3:], columns=list(sheet.values)[2]) for sheet in book.worksheets[1:]]
    found = [count for sheet in sheets for count in counts(sheet)]
    assert len(found) > 30
    assert min(found) >= LEAST
    row = next(row for row in book["The groups"].iter_rows(values_only=True) if row[0] == "Loyal")
    assert row[1:] == ("fewer than 5", *[None] * (len(row) - 2))


def test_no_figure_tells_of_few_new_customers(page: list[Shown]) -> None:
    (alt,) = (item.alt for item in page if isinstance(item, Picture) and item.alt.startswith("Columns of orders"))
    assert not re.search(r"of which [1-4] first", alt)
    assert "of which – first" in alt


def test_a_client_may_show_everything(small: Analysis) -> None:
    config = small.config.model_copy(update={"privacy": Privacy(minimum_group=1)})
    everything = analyse(config)
    assert everything.scores is not None
    pd.testing.assert_frame_equal(
        everything.groups.frame.drop(columns="few"),  # type: ignore[union-attr]
        rfm_groups(everything.scores).frame,
    )
    assert "not shown" not in words(show_all(everything))
    assert "1, with -€77.25 in all" in " ".join(everything.warnings)


def test_large_groups_stay_as_they_are(shop: Analysis) -> None:
    assert shop.scores is not None
    pd.testing.assert_frame_equal(shop.groups.frame.drop(columns="few"), rfm_groups(shop.scores).frame)  # type: ignore[union-attr]
    assert shop.cohorts is not None
    assert not shop.cohorts.frame["hidden"].any()


class TestConcentration:
    def test_shares_of_too_few_customers_are_none(self) -> None:
        found = small_groups.hide_concentration(concentration([*range(1, 121), -3.0]), LEAST)
        assert (found.top_1_share, found.gini) == (None, None)
        assert found.top_10_share is not None
        assert "1 customer" not in found.sentence()
        assert "Some customers are below zero" in found.sentence()
        few = small_groups.hide_concentration(concentration([1.0, 2.0, 90.0]), LEAST)
        assert (few.top_20_share, few.share_for_80) == (None, None)
        assert "too few to say" in few.sentence()

    def test_two_points_of_the_curve_are_never_few_customers_apart(self) -> None:
        for n in (3, 9, 49, 53, 60, 121, 777):
            found = small_groups.hide_concentration(concentration(list(range(1, n + 1))), LEAST)
            steps = np.diff(np.round(found.frame["share_of_customers"] * n))
            assert steps.min() >= min(n, LEAST)
            if found.top_10_share is not None:
                assert found.frame["share_of_value"].sub(found.top_10_share).abs().min() == 0


def test_few_customers_on_a_limit_of_tiers_are_not_counted() -> None:
    tiers = value_tiers([1.0, 2.0, 3.0, 4.0, 5.0] * 8)
    assert "On a cut-off lie" in tiers.sentence()
    assert "On a cut-off lie" not in small_groups.hide_tiers(tiers, 100).sentence()
    shown = small_groups.hide_tiers(value_tiers([*range(100), 2.5]), LEAST)
    assert shown.ties < LEAST
    assert "cut-off" not in shown.sentence()


def test_weeks_of_few_purchases_are_put_together() -> None:
    path = pd.DataFrame(
        {"date": pd.date_range("2026-01-04", periods=7, freq="7D"), "cumulative_actual": [0, 2, 6, 6, 9, 20, 21.0]}
    )
    path["cumulative_expected"] = np.arange(7.0)
    thin = small_groups.hide_path(path.assign(actual=0.0, expected=0.0), LEAST)
    assert thin["cumulative_actual"].iloc[-1] == 21
    assert all(step == 0 or step >= LEAST for step in thin["actual"])
