"""What changed since the last report: numbers that add up, noise that deserves the name, words where none are right."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clvhelpers.reporting import analyse
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.changes import changes
from clvhelpers.reporting.compare import compare
from clvhelpers.reporting.comparison import Comparison
from clvhelpers.reporting.figures import FIGURES
from clvhelpers.reporting.history import key_figures
from clvhelpers.reporting.metrics import Metrics
from clvhelpers.reporting.report import Report
from clvhelpers.reporting.summary import summary
from tests.reports.months import ENDS, report, steady_orders


@pytest.fixture(scope="module")
def latest(months: tuple[Path, list[Analysis]]) -> Analysis:
    return months[1][-1]


@pytest.fixture(scope="module")
def found(latest: Analysis) -> Comparison:
    assert latest.comparison is not None
    return latest.comparison


def past(analysis: Analysis, **altered: Any) -> list[dict[str, Any]]:
    """The history of an analysis, with its last report altered."""
    *older, last = map(dict, analysis.history)
    return [*older, last | altered]


def against(analysis: Analysis, **altered: Any) -> Comparison:
    result = compare(analysis, past(analysis, **altered))
    assert result is not None
    return result


def by_figure(comparison: Comparison) -> pd.DataFrame:
    return comparison.frame.set_index("figure")


class TestThreeMonths:
    def test_the_first_report_has_nothing_to_compare_with(self, months: tuple[Path, list[Analysis]]) -> None:
        first = months[1][0]
        assert first.comparison is None
        assert changes(first) == []
        assert "What changed" not in " ".join(map(repr, summary(first.metrics)))
        assert json.loads(first.metrics.as_json())["comparison"] is None

    def test_the_later_ones_are_set_against_the_one_before(self, months: tuple[Path, list[Analysis]]) -> None:
        since = [str(analysis.comparison.previous_as_of) for analysis in months[1][1:] if analysis.comparison]
        assert since == list(ENDS[:-1])
        assert [len(analysis.history) for analysis in months[1]] == [0, 1, 2]

    def test_what_was_added_is_what_the_log_has_since_then(self, latest: Analysis, found: Comparison) -> None:
        since = [row for row in steady_orders() if ENDS[1] < str(row[1]) <= ENDS[2]]
        known = {row[0] for row in steady_orders() if str(row[1]) <= ENDS[1]}
        table = by_figure(found)
        new = len({row[0] for row in since} - known)
        assert table.loc["customers", "change"] == table.loc["new_customers", "now"] == new
        assert table.loc["orders", "change"] == len({(row[0], row[1]) for row in since})
        assert table.loc["revenue", "change"] == pytest.approx(sum(float(str(row[2])) for row in since))
        assert (table["now"] - table["before"]).to_numpy() == pytest.approx(table["change"].to_numpy())

    def test_what_moves_by_itself_is_shown_and_not_judged(self, latest: Analysis, found: Comparison) -> None:
        table = by_figure(found)
        moving = ["repeat_rate", "orders_per_customer", "top_10_share"]
        assert (table.loc[moving, "verdict"] == "moves_by_itself").all()
        assert table.loc[moving, "noise"].isna().all()
        assert table.loc["repeat_rate", "change"] > 0
        shown = " ".join(map(repr, changes(latest)))
        assert shown.count("not judged: rises with age") == 2

    def test_what_is_judged_shares_one_chance_of_a_false_call(self, found: Comparison, latest: Analysis) -> None:
        judged = by_figure(found).dropna(subset="noise")
        assert found.judged == len(judged) >= 5
        assert set(judged["verdict"]) <= {"within_noise", "more_than_noise"}
        beyond = judged["change"].abs() > judged["noise"]
        assert ((judged["verdict"] == "more_than_noise") == beyond).all()

    def test_the_summary_and_the_numbers_tell_the_same(self, latest: Analysis, found: Comparison) -> None:
        saved = Metrics.model_validate_json(latest.metrics.as_json())
        assert saved.comparison == found
        assert found.sentence() in " ".join(map(repr, summary(saved)))
        assert found.sentence().startswith("In the 30 days since 31 March 2025 the base grew by ")

    def test_every_figure_of_the_table_has_a_name(self, found: Comparison) -> None:
        assert set(found.frame["figure"]) <= set(FIGURES)


class TestSection:
    def shown(self, analysis: Analysis, monkeypatch: pytest.MonkeyPatch, **sections: bool) -> list[str]:
        made: list[str] = []
        monkeypatch.setattr("clvhelpers.reporting.report.show", lambda items: made.extend(map(repr, items)))
        page = Report.__new__(Report)
        page.analysis, page.tables = analysis, []
        page.config = analysis.config.model_copy(
            update={"sections": analysis.config.sections.model_copy(update=sections)}
        )
        page.changes()
        return made

    def test_it_has_a_heading_a_table_and_lines(self, latest: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
        heading, *rest = self.shown(latest, monkeypatch)
        assert heading == "## What changed since 31 March 2025"
        assert [text.partition("\n")[0] for text in rest[1:3]] == [
            "Counts, 2025-03-31 to 2025-04-30",
            "Rates and values, 2025-03-31 to 2025-04-30",
        ]
        assert rest[-1].startswith("Figure: Lines of key figures by report. Customers rose from ")

    def test_without_an_earlier_report_there_is_not_even_a_heading(
        self, months: tuple[Path, list[Analysis]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert self.shown(months[1][0], monkeypatch) == []

    def test_it_can_be_turned_off(self, latest: Analysis, monkeypatch: pytest.MonkeyPatch) -> None:
        assert self.shown(latest, monkeypatch, changes=False) == []

    def test_the_lines_can_be_drawn_and_tell_their_numbers(self, latest: Analysis) -> None:
        picture = changes(latest)[-1]
        assert picture.png().startswith(b"\x89PNG")  # type: ignore[union-attr]
        for entry in latest.history:
            assert f"{entry['as_of']} {entry['customers']:,}" in repr(picture)

    def test_money_of_another_currency_is_no_point_of_a_line(self, latest: Analysis) -> None:
        from clvhelpers.plots.history import key_figures_over_time

        dollars = [dict(entry) | {"currency": "USD"} for entry in latest.history]
        picture = key_figures_over_time([*dollars, key_figures(latest.metrics.model_dump(mode="json"))], "EUR")
        assert "Customers: 2025-02-28" in repr(picture)
        assert "Revenue" not in repr(picture)


REFUSED: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "margin": (
        {"gross_margin": 0.5},
        {"clv_total", "clv_mean"},
        "Predicted value can't be compared: the gross margin was 50.0% and is 40.0% now.",
    ),
    "discount and horizon": (
        {"discount_rate": 0.2, "horizon_months": 24},
        {"clv_total", "clv_mean"},
        "the discount rate was 20.0% and is 10.0% now, and the horizon in months was 24 and is 12 now.",
    ),
    "currency": (
        {"currency": "USD"},
        {"revenue", "average_order_value", "clv_total", "clv_mean"},
        "Amounts can't be compared: they were in USD and are in EUR now.",
    ),
    "retention": (
        {"definition": "anything else"},
        {"month_1", "month_3", "month_6", "month_12"},
        "Retention can't be compared: it was anything else and is the share",
    ),
    "model": (
        {"trusted": False},
        {"clv_total", "clv_mean"},
        "passes its check on held-out orders now, and did not then",
    ),
}


class TestNotComparable:
    @pytest.mark.parametrize("case", REFUSED)
    def test_it_is_said_in_words_and_not_in_numbers(self, latest: Analysis, case: str) -> None:
        altered, figures, words = REFUSED[case]
        result = against(latest, **altered)
        table = by_figure(result)
        assert set(table.index[table["verdict"] == "not_comparable"]) == figures
        assert table.loc[sorted(figures), ["change", "noise"]].isna().all(axis=None)
        assert ("clv_like_for_like" in table.index) == (case == "retention")
        assert any(words in reason for reason in result.not_comparable)
        assert words in result.sentence()

    def test_a_model_that_lost_its_trust_is_an_alert(self, latest: Analysis) -> None:
        numbers = json.loads(latest.metrics.as_json())
        assert numbers["model"]["holdout"]["trusted"]
        numbers["model"]["holdout"]["trusted"] = False
        numbers["clv"] |= {"mean": None, "median": None, "total": None, "interval_90": None}
        failed = replace(latest)
        failed.__dict__["metrics"] = Metrics.model_validate(numbers)
        result = against(failed)
        assert result.lost_trust
        assert not {"clv_mean", "clv_total", "clv_like_for_like"} & set(result.frame["figure"])
        assert "passed its check on held-out orders then, and does not pass it now" in result.sentence()
        assert [alert.metric for alert in result.alerts()][-1] == "model_trusted"

    def test_orders_that_are_gone(self, latest: Analysis) -> None:
        result = against(latest, orders=latest.history[-1]["orders"] * 2)
        assert result.changes == []
        assert result.alerts() == []
        assert "orders were taken out of the data, or the export begins later" in result.sentence()
        assert "## " not in result.sentence()

    def test_an_export_that_begins_after_the_earlier_report(self, latest: Analysis) -> None:
        result = compare(latest, [dict(latest.history[-1]) | {"as_of": "2020-01-31"}])
        assert result is not None
        assert result.changes == []
        assert "Up to 31 January 2020 the data of today hold 0 orders" in result.sentence()

    def test_a_few_orders_that_came_late_are_a_remark(self, latest: Analysis) -> None:
        result = against(latest, orders=latest.history[-1]["orders"] - 3)
        assert result.changes
        assert any("Orders that came in late, or were taken back" in remark for remark in result.remarks)

    def test_another_version_is_a_remark(self, latest: Analysis) -> None:
        assert any(
            "made by clvhelpers 0.0.9" in remark for remark in against(latest, clvhelpers_version="0.0.9").remarks
        )

    def test_a_long_gap_is_a_remark(self, latest: Analysis) -> None:
        older = [dict(latest.history[0]) | {"as_of": day} for day in ("2024-12-31", "2025-01-31")]
        result = compare(latest, [*older, dict(latest.history[0])])
        assert result is not None
        assert any("61 days lie between this report and the last one" in remark for remark in result.remarks)
        assert result.days == 61

    def test_a_report_of_the_same_day_or_later_is_not_compared_with(self, latest: Analysis) -> None:
        now = key_figures(latest.metrics.model_dump(mode="json"))
        assert compare(latest, [now, now | {"as_of": "2025-05-31"}]) is None

    def test_too_few_buyers_are_not_told(self, latest: Analysis) -> None:
        config = latest.config.model_copy(
            update={"privacy": latest.config.privacy.model_copy(update={"minimum_group": 1000})}
        )
        result = analyse(config, history=latest.history).comparison
        assert result is not None
        assert result.changes == []
        assert "Fewer than 1,000 customers bought since" in result.sentence()


def test_the_same_model_sees_no_change_in_the_same_customers(latest: Analysis) -> None:
    now = key_figures(latest.metrics.model_dump(mode="json"))
    assert now["clv_mean"] is not None
    same = {key: now[key] for key in ("parameters", "trusted", "clv_mean", "clv_mean_interval")}
    row = by_figure(against(latest, **same)).loc["clv_like_for_like"]
    assert row["before"] == pytest.approx(now["clv_mean"], rel=1e-9)
    assert row["verdict"] == "within_noise"


class TestRealChanges:
    @pytest.fixture(scope="class")
    @staticmethod
    def altered(months: tuple[Path, list[Analysis]], tmp_path_factory: pytest.TempPathFactory) -> Comparison:
        """The last month with prices 60 % up and no new customer."""
        known = {row[0] for row in steady_orders() if str(row[1]) <= ENDS[1]}
        rows = [
            (who, day, round(float(str(amount)) * (1.6 if str(day) > ENDS[1] else 1), 2))
            for who, day, amount in steady_orders()
            if who in known
        ]
        made = report(tmp_path_factory.mktemp("altered"), rows, ENDS[2], months[1][-1].history)
        assert made.comparison is not None
        return made.comparison

    def test_they_are_more_than_noise(self, altered: Comparison) -> None:
        assert {"new_customers", "average_order_value"} <= {change.figure for change in altered.beyond}
        assert "More than noise: the number of new customers fell from" in altered.sentence()
        assert "the average order rose from" in altered.sentence()

    def test_the_worse_is_a_warning_and_the_better_an_information(self, altered: Comparison) -> None:
        severity = {alert.metric: alert.severity for alert in altered.alerts()}
        assert severity["new_customers"] == "critical"
        assert severity["average_order_value"] == "info"


def test_a_report_has_a_standard_error_for_each_rate(latest: Analysis) -> None:
    known = latest.metrics.uncertainty
    assert known is not None
    rates = {"repeat_rate", "orders_per_customer", "average_order_value", "top_10_share", "clv_mean", "clv_total"}
    assert set(known) == rates | {"month_1", "month_3", "month_6", "month_12"}
    assert all(precision.standard_error > 0 for precision in known.values())
