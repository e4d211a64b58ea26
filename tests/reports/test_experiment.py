"""The experiment of a client: who did what, whether it was sound, what it is worth, and every number traceable."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from clvhelpers.cleaning import CleanLog
from clvhelpers.experiments import bootstrap_difference, compare_means, compare_rates, decide
from clvhelpers.reporting.analysis import clean_source, read_source
from clvhelpers.reporting.experiment_metrics import ExperimentResult
from clvhelpers.reporting.experiment_pages import effects_table, experiment
from clvhelpers.reporting.experiment_units import read_units
from clvhelpers.reporting.experiment_words import short_verdict
from clvhelpers.text import language, money, number, percent, plain
from tests.reports.shop import words
from tests.reports.tried import (
    BOUGHT,
    ROLL_OUT,
    STAY,
    STAY_COLUMNS,
    assigned,
    client,
    maybe,
    orders_of,
    page,
    result,
    stays,
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CleanLog]:
    """A folder with the orders of 800 customers, and those orders, clean."""
    folder = tmp_path_factory.mktemp("tried")
    return folder, orders_of(folder)


def in_words(value: Any) -> Iterator[str]:
    """Every way in which the section may write a number, a day or the numbers inside of a text."""
    if isinstance(value, dict):
        for one in value.values():
            yield from in_words(one)
    elif isinstance(value, list):
        for one in value:
            yield from in_words(one)
    elif isinstance(value, str):
        yield from NUMBERS.findall(value)
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value):
            yield from NUMBERS.findall(f"{date.fromisoformat(value):%-d %B %Y}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        shown = [money(value, "EUR"), plain(value)]
        shown += [number(value, decimals) for decimals in range(4)]
        shown += [number(100 * value, 1), *(percent(value, decimals, signed=True) for decimals in (0, 1))]
        for one in shown:
            yield from NUMBERS.findall(one)


NUMBERS = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
CASES: dict[str, dict[str, Any]] = {
    "revenue": {"pre_period_days": 84, "fixed_cost": 250},
    "bought, without its value": {"outcome": BOUGHT},
    "bought": {"outcome": BOUGHT, "value_per_success": 35, "pre_period_days": 30},
    "a broken split": {"shares": {"control": 0.3, "email": 0.7}},
    "stay": {"outcome": STAY, "columns": STAY_COLUMNS, "cost": 4},
    "three arms": {"cost": {"<b>$x$": 0.3, "[a](b)": 2.5}},
}


PEOPLE = {"stay": stays, "three arms": lambda: assigned(["control", "<b>$x$", "[a](b)"])}


@pytest.fixture(scope="module")
def results(shop: tuple[Path, CleanLog]) -> dict[str, ExperimentResult]:
    """Each of the cases, evaluated. Not to be changed."""
    return {case: result(shop, PEOPLE.get(case, assigned)(), **block) for case, block in CASES.items()}


@pytest.mark.parametrize("case", CASES)
def test_every_number_of_the_section_is_in_metrics_json(results: dict[str, ExperimentResult], case: str) -> None:
    found = results[case]
    known = set(in_words(json.loads(found.model_dump_json())))
    told = NUMBERS.findall(page(found) + short_verdict(found, "EUR").plain)
    assert len(told) > 15
    assert {one for one in told if one not in known} <= {"0.001"}  # "p below 0.001" stands for any smaller one


def test_the_section_can_be_written_in_another_language(results: dict[str, ExperimentResult]) -> None:
    with language("de-DE"):
        text = page(results["revenue"])
    assert "5.000 customers" in text
    assert "€" in text
    assert "2. September 2024" in text


def test_the_spreadsheet_has_the_effects_as_numbers(results: dict[str, ExperimentResult]) -> None:
    shown = effects_table(results["revenue"], "EUR")
    (effect,) = results["revenue"].effects
    row = shown.frame.iloc[0]
    assert (row["Difference"], row["As seen, low"], row["p-value"]) == (
        effect.difference,
        effect.raw_low,
        effect.p_value,
    )
    assert "p-value for all arms" not in shown.frame
    assert "p-value for all arms" in effects_table(results["three arms"], "EUR").frame


def test_names_are_never_markup_and_no_customer_is_named(results: dict[str, ExperimentResult]) -> None:
    config = SimpleNamespace(currency="EUR")
    analysis: Any = SimpleNamespace(experiment=results["three arms"], config=config, warnings=())
    shown = experiment(analysis)
    markup = "\n".join(getattr(item, "markdown", "") or getattr(item, "_repr_html_", str)() for item in shown)
    assert "<b>$x$" not in markup
    assert "[a](b)" not in re.sub(r"<td[^>]*>\[a\]\(b\)</td>", "", markup)  # in a cell of HTML it is plain text
    assert "<e-mail>" not in markup
    assert not re.search(r"C\d\d\d", words(shown))


class TestWhoDidWhat:
    """Days by hand: the day of exposure is the first that counts, the day before it the last of the pre-period."""

    ORDERS = (
        ("a", "2025-01-01", 1.0),  # the day before the pre-period
        ("a", "2025-01-02", 2.0),  # its first day
        ("a", "2025-01-11", 4.0),  # its last day
        ("a", "2025-01-12", 8.0),  # the day of exposure
        ("a", "2025-01-18", 16.0),  # the last day that counts
        ("a", "2025-01-19", 32.0),  # the day after
        ("b", "2025-01-02", 64.0),
        ("b", "2025-01-13", 10.0),
        ("b", "2025-01-16", -3.0),  # a refund
        ("late", "2025-01-21", 5.0),
        ("nobody", "2025-01-22", 5.0),
    )
    UNITS = (
        "customer_id,arm,exposed_at\na,email,2025-01-12 09:30\nb,control,2025-01-12 23:00\n"
        "late,email,2025-01-17 08:00\nnew,control,2025-01-16 10:00\n"
    )

    def units(self, log: CleanLog, folder: Path, **outcome: Any) -> pd.DataFrame:
        config = client(folder, self.UNITS, outcome=outcome, pre_period_days=10)
        assert config.experiment is not None
        return read_units(config, config.experiment, log).frame.df().set_index("customer_id").sort_index()

    def test_money_orders_and_who_had_the_time(self, tmp_path: Path) -> None:
        pd.DataFrame(list(self.ORDERS), columns=["id", "day", "paid"]).to_csv(tmp_path / "orders.csv", index=False)
        config = client(tmp_path)
        log = clean_source(read_source(config), config)
        units = self.units(log, tmp_path, kind="revenue", days=7)
        assert units["outcome"].to_dict() == {"a": 24.0, "b": 7.0, "late": 5.0, "new": 0.0}
        assert units["pre_revenue"].to_dict() == {"a": 6.0, "b": 64.0, "late": 0.0, "new": 0.0}
        assert units["pre_orders"].to_dict() == {"a": 2.0, "b": 1.0, "late": 0.0, "new": 0.0}
        assert units["mature"].to_dict() == {"a": True, "b": True, "late": False, "new": True}
        assert units["known"].to_dict() == {"a": True, "b": True, "late": True, "new": False}
        bought = self.units(log, tmp_path, kind="bought", days=1)["outcome"]
        assert bought.to_dict() == {"a": 1, "b": 0, "late": 0, "new": 0}


class TestMoney:
    def after_and_before(self, log: CleanLog, people: pd.DataFrame) -> pd.DataFrame:
        """What each did in the 56 days from exposure on and in the 84 before, by hand."""
        rows = log.transactions.df().merge(people, on="customer_id")
        off = (rows["date"].dt.normalize() - pd.Timestamp("2024-09-02")).dt.days
        days = {"after": off.between(0, 55), "before": off.between(-84, -1)}
        sums = {name: rows["amount"].where(kept, 0.0).groupby(rows["customer_id"]).sum() for name, kept in days.items()}
        return people.set_index("customer_id").assign(**sums)

    def test_it_is_the_comparison_of_means(
        self, shop: tuple[Path, CleanLog], results: dict[str, ExperimentResult]
    ) -> None:
        found = results["revenue"]
        by_hand = compare_means(self.after_and_before(shop[1], assigned()), "after", "before", measured_at="before")
        row, (effect,) = by_hand.frame.iloc[0], found.effects
        for ours, theirs in [("difference", "difference"), ("low", "low"), ("raw_high", "raw_high"), ("value", "mean")]:
            assert getattr(effect, ours) == pytest.approx(row[theirs], rel=1e-6)
        decided = decide(by_hand, value=0.4, cost=0.5, customers=ROLL_OUT, fixed_cost=250)
        (verdict,) = found.verdicts or []
        assert (verdict.verdict, verdict.net) == (decided.verdict, pytest.approx(decided.numbers["net"], rel=1e-6))
        assert verdict.net == pytest.approx(ROLL_OUT * (0.4 * effect.difference - 0.5) - 250, rel=1e-6)
        assert (found.adjusted_for, found.correlation) == ("revenue", pytest.approx(by_hand.correlation, rel=1e-6))

    def test_an_average_that_rests_on_few_is_said_to(
        self, shop: tuple[Path, CleanLog], results: dict[str, ExperimentResult]
    ) -> None:
        found = results["revenue"]
        frame = self.after_and_before(shop[1], assigned()).round(6)
        by_hand = bootstrap_difference(frame, "after", seed=0)
        assert found.tails is not None
        assert found.tails.rests_on_few == by_hand.rests_on_few
        assert found.tails.needed == round(by_hand.tails["needed"].max())
        assert found.effects[0].bootstrap_high == pytest.approx(by_hand.frame["high"].iloc[0], rel=1e-6)
        assert found.tails.top_share is None, "1% of 400 customers are fewer than 5"
        assert "rest on few customers" not in page(found)
        few = found.model_copy(
            update={"tails": found.tails.model_copy(update={"rests_on_few": True, "top_share": 0.44})}
        )
        assert "rest on few customers: the 1% who spend most bring up to 44% of an arm's revenue" in page(few)

    def test_an_effect_that_is_put_in_is_found_and_shipped(self, shop: tuple[Path, CleanLog]) -> None:
        rng = np.random.default_rng(3)
        people = assigned().assign(before=rng.gamma(2, 20, 800))
        people["spend"] = people["before"] + rng.normal(0, 10, 800) + 5 * (people["arm"] == "email")
        found = result(shop, people, columns={"outcome": "spend", "before": "before"})
        (effect,), (verdict,) = found.effects, found.verdicts or []
        assert effect.low < 5 < effect.high
        assert (verdict.verdict, found.best) == ("ship", "email")
        assert verdict.break_even_cost == pytest.approx(0.4 * effect.difference, rel=1e-6)

    def test_rates_need_the_value_of_a_success(
        self, shop: tuple[Path, CleanLog], results: dict[str, ExperimentResult]
    ) -> None:
        bought = self.after_and_before(shop[1], assigned()).groupby("arm")["after"]
        by_hand = compare_rates({arm: (int((one > 0).sum()), len(one)) for arm, one in bought}).frame.iloc[0]
        without, worth = results["bought, without its value"], results["bought"]
        assert without.effects[0].low == pytest.approx(by_hand["low"], rel=1e-6)
        assert (without.lifts, without.verdicts, without.best) == (None, None, None)
        assert "No verdict in money" in page(without)
        assert worth.lifts is not None
        assert worth.lifts[0].lift == pytest.approx(35 * by_hand["difference"], rel=1e-6)

    def test_what_a_success_must_be_worth(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned()
        people["hit"] = np.where((people["arm"] == "email") & (people.index % 3 == 0), 1, people.index % 4 == 0)
        (effect,) = result(shop, people, columns={"outcome": "hit"}, outcome=BOUGHT).effects
        assert effect.difference > 0
        assert effect.break_even_value == pytest.approx(0.5 / effect.difference, rel=1e-6)

    def test_stays_have_three_rows(self, results: dict[str, ExperimentResult]) -> None:
        found = results["stay"]
        assert [row.row for row in found.lifts or []] == ["window", "common tail", "separate tails"]
        people = stays()
        still = people["gone"].eq("no").groupby(people["arm"]).mean()
        assert found.effects[0].difference == pytest.approx(still["offer"] - still["control"], rel=1e-6)
        assert (found.window, found.horizon, found.discount_rate) == (6, 36, 0.1)
        assert found.verdicts is not None
        assert set(found.verdicts[0].other_verdicts) == {"window", "separate tails"}

    def test_several_arms_pay_for_their_number_and_each_has_its_cost(
        self, results: dict[str, ExperimentResult]
    ) -> None:
        found = results["three arms"]
        assert {one.arm: one.cost for one in found.verdicts or []} == {"<b>$x$": 0.3, "[a](b)": 2.5}
        smallest, largest = sorted(found.effects, key=lambda one: one.p_value)
        assert smallest.adjusted_p_value == pytest.approx(min(1, 2 * smallest.p_value))
        assert largest.adjusted_p_value is not None
        assert largest.adjusted_p_value >= largest.p_value
        assert "The other arms are " in page(found)


class TestSound:
    def test_a_broken_split_has_no_verdict(self, results: dict[str, ExperimentResult]) -> None:
        found = results["a broken split"]
        assert (found.soundness.passed, found.lifts, found.verdicts, found.rule) == (False, None, None, None)
        text = page(found)
        assert "No verdict. The arms are not of the sizes that were planned" in text.replace("*", "")
        assert "Expected net" not in text
        assert "no verdict, as something else than chance" in short_verdict(found, "EUR").plain

    def test_shares_that_were_planned_so_are_fine(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned(["control", "email", "email", "email"])
        assert result(shop, people, shares={"control": 0.25, "email": 0.75}).soundness.passed

    def test_arms_unlike_before_are_not_by_chance(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned().assign(before=1.0, spend=np.random.default_rng(6).gamma(1, 30, 800))
        people["before"] = people["spend"] + 20 * (people["arm"] == "email")
        found = result(shop, people, columns={"outcome": "spend", "before": "before"})
        assert (found.soundness.sizes_as_planned, found.soundness.alike_before) == (True, False)
        assert found.verdicts is None
        assert "unlike before anything was done to them" in page(found)


class TestNotYet:
    def test_nobody_was_seen_for_long_enough(self, shop: tuple[Path, CleanLog]) -> None:
        found, notes = maybe(shop, assigned(exposed="2025-02-20"))
        assert found is None
        assert "nobody in the arm control, email was seen for 56 days" in notes[0]
        assert "end on 2025-04-16" in notes[0]
        assert "This part can't be had." in page(None, notes)
        assert "end on 2025-04-16" in page(None, notes)

    def test_those_who_came_late_are_left_out_and_counted(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned()
        people.loc[:99, "exposed_at"] = "2025-02-10"
        found = result(shop, people)
        assert (found.assigned, found.units, found.too_recent) == (800, 700, 100)
        assert found.soundness.mature_p_value is not None
        assert "100 others had not had that time yet" in page(found)

    def test_nobody_bought(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned().assign(hit=0)
        found, notes = maybe(shop, people, columns={"outcome": "hit"}, outcome=BOUGHT)
        assert found is None
        assert notes == ["Experiment: nobody bought in any arm: there is nothing to compare"]


class TestPrivacy:
    def test_money_of_few_is_not_shown(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned().assign(spend=0.0)
        for arm in ("control", "email"):
            people.loc[people.index[people["arm"] == arm][:4], "spend"] = [1.0, 2.0, 3.0, 4.0]
        found, notes = maybe(shop, people, columns={"outcome": "spend"})
        assert found is None
        assert "fewer than 5 customers of an arm brought money" in notes[0]

    def test_an_arm_of_few_is_not_shown(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned()
        people.loc[:2, "arm"] = "letter"
        found, notes = maybe(shop, people, shares={"control": 0.495, "email": 0.495, "letter": 0.01})
        assert found is None
        assert "fewer than 5 customers of the arm letter" in notes[0]

    def test_few_who_came_late_are_not_told(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned()
        people.loc[:1, "exposed_at"] = "2025-02-10"
        found = result(shop, people)
        assert (found.units, found.assigned, found.too_recent) == (798, None, None)
        assert {arm.assigned for arm in found.arms} == {None}
        assert "800" not in page(found)
        assert "A few others had not had that time yet" in page(found)

    def test_few_who_bought_are_not_shown(self, shop: tuple[Path, CleanLog]) -> None:
        people = assigned().assign(hit=0)
        people.loc[people.index[people["arm"] == "email"][:3], "hit"] = 1
        people.loc[people.index[people["arm"] == "control"][:40], "hit"] = 1
        found, notes = maybe(shop, people, columns={"outcome": "hit"}, outcome=BOUGHT)
        assert found is None
        assert "fewer than 5 customers of an arm bought" in notes[0]
