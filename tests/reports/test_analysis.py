"""The analysis behind the report: the numbers of CDNOW, and files that can't carry every number."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clvhelpers.errors import NotEnoughDataError
from clvhelpers.plots.look import Picture
from clvhelpers.reporting import ClientConfig, analyse, load_config
from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.config.client import Privacy
from clvhelpers.reporting.forecast import holdout_days
from clvhelpers.reporting.metrics import Metrics, json_schema
from clvhelpers.reporting.report import Report
from tests.reports.made import COLUMNS, SECTIONS, Row, client, orders

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture(scope="module")
def cdnow() -> Analysis:
    return analyse(load_config(REPORTS / "clients" / "cdnow.yml"))


def words(analysis: Analysis) -> str:
    """Every section as plain text."""
    return "\n".join(repr(item) for section in SECTIONS for item in section(analysis))


def draw(analysis: Analysis) -> int:
    """Draw every figure, as the report does, and count them."""
    pictures = [item for section in SECTIONS for item in section(analysis) if isinstance(item, Picture)]
    assert all(picture.alt and picture.png().startswith(b"\x89PNG") for picture in pictures)
    return len(pictures)


def numbers(analysis: Analysis) -> dict[str, Any]:
    """`metrics.json` as another program reads it."""
    values: dict[str, Any] = json.loads(analysis.metrics.as_json())
    return values


class TestCdnow:
    def test_base(self, cdnow: Analysis) -> None:
        """23,570 customers and 2,500,315.63 dollars of all 69,659 rows; 51.14 % bought on one day only."""
        found = numbers(cdnow)
        assert found["as_of"] == "1998-06-30"
        assert (found["data"]["rows_read"], found["data"]["rows_used"]) == (69659, 69659)
        assert found["base"]["customers"] == 23570
        assert found["base"]["revenue"] == pytest.approx(2500315.63)
        assert found["base"]["repeat_rate"] == pytest.approx(1 - 0.5114, abs=5e-5)
        assert found["base"]["average_order_value"] * found["base"]["orders"] == pytest.approx(2500315.63)

    def test_concentration(self, cdnow: Analysis) -> None:
        expected = {"gini": 0.6346, "top_10_share": 0.509, "top_20_share": 0.678}
        assert numbers(cdnow)["concentration"] == pytest.approx(expected, abs=5e-4)

    def test_the_holdout_is_that_of_the_literature(self, cdnow: Analysis) -> None:
        """Calibration to 1997-09-30, 39 weeks held out, as in Fader, Hardie & Lee (2005)."""
        holdout = numbers(cdnow)["model"]["holdout"]
        assert holdout["weeks"] == 39
        assert holdout["trusted"]
        assert holdout["error"] == pytest.approx(holdout["predicted"] / holdout["actual"] - 1)
        assert abs(holdout["error"]) < abs(holdout["naive_error"])

    def test_value_is_inside_its_interval_and_adds_up(self, cdnow: Analysis) -> None:
        clv = numbers(cdnow)["clv"]
        low, high = clv["interval_90"]["total"]
        assert low < clv["total"] < high
        assert clv["total"] == pytest.approx(clv["mean"] * 23570)
        assert clv["historical_mean"] == pytest.approx(0.3 * 2500315.63 / 23570)
        assert sum(tier["total_clv"] for tier in numbers(cdnow)["tiers"]) == pytest.approx(clv["total"])

    def test_groups_hold_everybody_once(self, cdnow: Analysis) -> None:
        groups = numbers(cdnow)["segments"]
        assert sum(group["customers"] for group in groups) == 23570
        assert sum(group["share_of_revenue"] for group in groups) == pytest.approx(1)
        assert all(group["action"] for group in groups)
        by_name = {group["name"]: group["mean_clv"] for group in groups}
        assert by_name["New"] is None
        assert by_name["Champions"] > by_name["Lost"]

    def test_a_second_run_gives_the_same_numbers(self, cdnow: Analysis) -> None:
        again = analyse(cdnow.config).metrics
        assert again.model_copy(update={"created_at": cdnow.metrics.created_at}) == cdnow.metrics

    def test_retention_says_what_it_counts(self, cdnow: Analysis) -> None:
        retention = numbers(cdnow)["retention"]
        assert "bought in that calendar month" in retention["definition"]
        assert 0 < retention["month_12"] < retention["month_1"] < 1

    def test_every_section_has_something_to_say(self, cdnow: Analysis) -> None:
        text = words(cdnow)
        assert "This part can't be had" not in text
        for part in ("$2,500,316", "23,570", "Champions", "Platinum", "39", "BG/NBD and Gamma-Gamma"):
            assert part in text
        assert str(Path.cwd()) not in text

    def test_every_figure_can_be_drawn(self, cdnow: Analysis) -> None:
        assert draw(cdnow) == 9

    def test_saved_files(self, cdnow: Analysis, tmp_path: Path) -> None:
        report = Report.__new__(Report)
        report.analysis, report.config, report.tables = cdnow, cdnow.config, []
        report.save(tmp_path)
        saved = Metrics.model_validate_json((tmp_path / "metrics.json").read_text(encoding="utf-8"))
        assert saved == cdnow.metrics
        assert (tmp_path / "set_aside.parquet").stat().st_size > 0


def test_the_published_schema_is_fresh() -> None:
    assert json.loads((REPORTS / "metrics.schema.json").read_text(encoding="utf-8")) == json_schema()


def test_the_readme_names_every_key() -> None:
    text = (REPORTS / "README.md").read_text(encoding="utf-8")
    keys = {key for part in json_schema()["$defs"].values() for key in part["properties"]}
    later = set(json_schema()["$defs"]["Acquisition"]["properties"]) | set(
        json_schema()["$defs"]["Alert"]["properties"]
    )
    assert {key for key in keys - later if f"`{key}`" not in text} == set()


@pytest.mark.parametrize(("history", "horizon", "weeks"), [(545, 12, 39), (3000, 12, 52), (56, 12, 4), (400, 3, 13)])
def test_the_check_is_as_long_as_the_horizon_but_at_most_half_of_the_history(
    history: int, horizon: int, weeks: int
) -> None:
    assert holdout_days(history, horizon) == 7 * weeks


def test_a_history_too_short_to_check() -> None:
    with pytest.raises(NotEnoughDataError, match="span 40 days; 56 or more are needed"):
        holdout_days(40, 12)


class TestRefundsAndMissingIds:
    """A German export in Windows-1252 with refunds, lines without a customer and a decimal comma."""

    @pytest.fixture(scope="class")
    @staticmethod
    def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
        rows: list[Row] = [(f"Kündé {who}", day, amount) for who, day, amount in orders()]
        known = rows[0]
        rows += [("", "2024-05-05", 20.0), ("", "2024-05-06", 10.5), (known[0], known[1], -5.0)]
        commas = [(who, day, f"{amount:.2f}".replace(".", ",")) for who, day, amount in rows]
        folder = tmp_path_factory.mktemp("warts")
        return analyse(client(folder, commas, encoding="cp1252", decimal=","))

    def test_nothing_is_lost(self, analysis: Analysis) -> None:
        data = numbers(analysis)["data"]
        assert data["rows_read"] == data["rows_used"] + sum(data["set_aside"].values())
        assert sum(data["set_aside"].values()) == 2
        assert sum(data["amount_set_aside"].values()) == pytest.approx(30.5)

    def test_a_refund_lowers_revenue(self, analysis: Analysis) -> None:
        bought = sum(float(amount) for _, _, amount in orders())
        assert numbers(analysis)["base"]["revenue"] == pytest.approx(bought - 5)

    def test_it_is_rendered_in_full(self, analysis: Analysis) -> None:
        text = words(analysis)
        assert "no customer" in text
        assert "€" in text
        assert numbers(analysis)["base"]["customers"] == 300


class TestRefundsWithoutAPurchase:
    @pytest.fixture(scope="class")
    @staticmethod
    def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
        rows: list[Row] = [("a", "2025-01-05", 50), ("b", "2025-01-07", 20), ("a", "2025-02-05", 30)]
        rows += [("c", "2025-02-01", -7), ("d", "2025-02-02", 0.1), ("d", "2025-02-02", 0.2), ("d", "2025-02-02", -0.3)]
        config = client(tmp_path_factory.mktemp("refunds"), rows)
        return analyse(config.model_copy(update={"privacy": Privacy(minimum_group=1)}))

    def test_why_the_groups_do_not_sum_to_the_revenue_is_told(self, analysis: Analysis) -> None:
        found = numbers(analysis)
        assert (found["base"]["customers"], found["base"]["revenue"]) == (2, 93.0)
        assert sum(group["revenue"] for group in found["segments"]) == 100.0
        assert "no purchase that stands: 1, with -€7.00 in all" in " ".join(found["data"]["warnings"])

    def test_money_set_aside_has_no_noise(self, analysis: Analysis) -> None:
        assert numbers(analysis)["data"]["amount_set_aside"] == {"cancelled_pairs": 0.0}


class TestAnEndWithoutOrders:
    """Others take the days after the last order for silence, and call the customers lost."""

    def notes(self, folder: Path, *late: Row) -> str:
        rows: list[Row] = [(f"c{i % 40}", f"2025-{1 + i // 28:02}-{1 + i % 28:02}", 10) for i in range(84)]
        return " ".join(analyse(client(folder, [*rows, *late])).warnings)

    def test_one_wrong_date_is_told(self, tmp_path: Path) -> None:
        assert "by 2025-03-28, 27,203 days before the as-of day 2099-09-19" in self.notes(
            tmp_path, ("c1", "2099-09-19", 9)
        )

    def test_an_end_with_orders_is_not(self, tmp_path: Path) -> None:
        assert "as-of day" not in self.notes(tmp_path)


class TestOneCustomerForAll:
    WORDS = "One of 300 customers has brought more than 10% of all revenue"

    def test_one_wrong_amount_is_told_and_nobody_named(self, tmp_path: Path) -> None:
        rows = orders()
        analysis = analyse(client(tmp_path, [(*rows[0][:2], 999_999), *rows[1:]]))
        assert any(note.startswith(self.WORDS) for note in analysis.warnings)
        assert "999" not in "".join(analysis.warnings)

    def test_the_usual_differences_are_not(self, tmp_path: Path) -> None:
        assert not any(note.startswith("One of") for note in analyse(client(tmp_path, orders())).warnings)


class TestOneTimeBuyersOnly:
    @pytest.fixture(scope="class")
    @staticmethod
    def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
        rows = [(f"c{i}", f"2025-{1 + i % 6:02}-{1 + i % 28:02}", 10 + i) for i in range(120)]
        return analyse(client(tmp_path_factory.mktemp("once"), rows))

    def test_what_can_be_had(self, analysis: Analysis) -> None:
        found = numbers(analysis)
        assert (found["base"]["customers"], found["base"]["orders"], found["base"]["repeat_rate"]) == (120, 120, 0.0)
        assert found["base"]["revenue"] == sum(10 + i for i in range(120))
        assert found["concentration"]["gini"] > 0
        assert found["retention"]["month_1"] == 0.0

    def test_what_can_not_is_null_with_its_reason(self, analysis: Analysis) -> None:
        found = numbers(analysis)
        assert (found["model"], found["segments"], found["tiers"]) == (None, None, None)
        assert (found["clv"]["mean"], found["clv"]["total"], found["clv"]["interval_90"]) == (None, None, None)
        reasons = " ".join(found["data"]["warnings"])
        assert "RFM groups: nobody has bought on two days" in reasons
        assert "Prediction: BG/NBD needs at least" in reasons

    def test_the_page_says_so(self, analysis: Analysis) -> None:
        text = words(analysis)
        assert "No prediction of future value is given here: a model could not be fitted" in text
        assert "This part can't be had. RFM groups: nobody has bought on two days" in text
        assert "Nobody has come back in a later month yet" in text


class TestDatesWithoutAmounts:
    @pytest.fixture(scope="class")
    @staticmethod
    def analysis(tmp_path_factory: pytest.TempPathFactory) -> Analysis:
        columns = {"customer": "id", "date": "day"}
        return analyse(client(tmp_path_factory.mktemp("dates"), orders(600, 78), columns))

    def test_money_is_null_and_orders_are_forecast(self, analysis: Analysis) -> None:
        found = numbers(analysis)
        assert found["base"]["revenue"] is None
        assert found["concentration"] is None
        assert found["clv"]["historical_mean"] is None
        assert found["data"]["amount_set_aside"] is None
        assert found["model"]["expected_orders"] > 0
        assert {group["revenue"] for group in found["segments"]} == {None}
        assert "The data have no amounts" in " ".join(found["data"]["warnings"])

    def test_no_page_speaks_of_money(self, analysis: Analysis) -> None:
        text = words(analysis)
        assert "€" not in text
        assert "In money this can't be said" in text
        assert "Without amounts there is no revenue to share out" in text


class TestVeryLittleData:
    def test_one_customer_is_refused_and_the_column_named(self, tmp_path: Path) -> None:
        rows = [("c1", day, 20) for day in ("2025-01-10", "2025-02-10", "2025-03-31")]
        with pytest.raises(NotEnoughDataError, match=r"one customer in 3 rows.*is \w+ the column"):
            analyse(client(tmp_path, rows))

    def test_one_day_is_refused_and_the_column_named(self, tmp_path: Path) -> None:
        with pytest.raises(NotEnoughDataError, match=r"one day, 2025-03-15.*is \w+ the column"):
            analyse(client(tmp_path, [(f"c{i}", "2025-03-15", 10) for i in range(30)]))

    def test_two_customers_and_two_days_give_what_can_be_had(self, tmp_path: Path) -> None:
        analysis = analyse(client(tmp_path, [("c1", "2025-03-14", 20), ("c2", "2025-03-15", 10)]))
        found = numbers(analysis)
        assert (found["base"]["customers"], found["base"]["revenue"]) == (2, 30.0)
        assert (found["model"], found["retention"]) == (None, None)
        assert "needs at least" in words(analysis)
        assert draw(analysis) > 0

    def test_all_refunds(self, tmp_path: Path) -> None:
        with pytest.raises(NotEnoughDataError, match="no purchase"):
            analyse(client(tmp_path, [(f"c{i}", "2025-03-15", -10) for i in range(30)]))


def test_a_model_that_fails_its_check_is_not_used(tmp_path: Path) -> None:
    """A shop that stopped taking orders: the model expects many in the part held out, and none came."""
    rows = [row for row in orders(400, 30) if str(row[1]) < "2024-07-20"]
    rows += [("late", "2025-02-28", 15.0)]
    analysis = analyse(client(tmp_path, rows))
    found = numbers(analysis)
    assert not found["model"]["holdout"]["trusted"]
    assert (found["clv"]["total"], found["tiers"], found["model"]["expected_orders"]) == (None, None, None)
    assert {group["mean_clv"] for group in found["segments"]} == {None}
    text = words(analysis)
    assert "The prediction is not to be used" in text
    assert "Tiers by predicted value can't be had" in text


def test_a_long_history_is_shown_by_quarter_and_retention_still_counts_months(tmp_path: Path) -> None:
    analysis = analyse(client(tmp_path, orders(150, 170)))
    assert {period.freqstr[0] for period in analysis.periods["period"]} == {"Q"}
    assert analysis.cohorts is not None
    assert analysis.cohorts.period == "Q"
    assert "bought in that calendar month" in numbers(analysis)["retention"]["definition"]
    assert "bought in that calendar quarter" in words(analysis)


def test_spend_that_goes_with_frequency_is_said(tmp_path: Path) -> None:
    """The model of spend assumes that they do not go together."""
    log = orders(400, 78)
    counts = Counter(who for who, _, _ in log)
    rows: list[Row] = [(who, day, round(float(str(amount)) * counts[who], 2)) for who, day, amount in log]
    analysis = analyse(client(tmp_path, rows))
    assert "an order of a frequent customer is larger" in " ".join(analysis.warnings)


def test_hostile_names_stay_text_in_tables(tmp_path: Path) -> None:
    columns = {**COLUMNS, "customer": "<script>alert(1)</script>"}
    rows: list[Row] = [("=HYPERLINK(1)", "2025-01-01", 10), ("](javascript:alert(1))", "2025-02-28", 10)]
    analysis = analyse(client(tmp_path, rows, columns))
    shown = [item for section in SECTIONS for item in section(analysis)]
    markup = [getattr(item, "markdown", "") or getattr(item, "_repr_html_", str)() for item in shown]
    assert not any("<script>" in text or "<b>Stores" in text for text in markup)


def test_no_customer_is_named(tmp_path: Path) -> None:
    """Examples of problems say where to look; an id or a whole line of the file would name a customer."""
    rows: list[Row] = [("Anna Berg", "2024-03-01", 5.0), *orders(40, 30), ("Anna Muster", "2024-03-01")]
    rows.append(rows[0])
    text = words(analyse(client(tmp_path, rows)))
    assert "equal to an earlier row" in text
    assert "lines without the columns of the header" in text
    assert "Anna" not in text


def test_settings_may_come_as_values(tmp_path: Path) -> None:
    config: ClientConfig = client(tmp_path, [("c1", "2025-01-01", 1), ("c2", "2025-02-28", 2)])
    assert Report(config.as_dict()).analysis.metrics.base.customers == 2
