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
from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.experiments import bootstrap_difference, compare_means, compare_rates, decide
from clvhelpers.reporting.analysis import clean_source, read_source
from clvhelpers.reporting.config import ClientConfig, load_config
from clvhelpers.reporting.experiment import check_experiment, evaluate
from clvhelpers.reporting.experiment_metrics import ExperimentResult
from clvhelpers.reporting.experiment_pages import effects_table, experiment
from clvhelpers.reporting.experiment_units import read_units
from clvhelpers.reporting.experiment_words import short_verdict
from clvhelpers.reporting.fetch import problems_of
from clvhelpers.reporting.fingerprint import fingerprint, settings_sha256
from clvhelpers.reporting.notes import Notes
from clvhelpers.text import language, money, number, percent, plain
from tests.reports.made import orders
from tests.reports.shop import words

REVENUE = {"kind": "revenue", "days": 56}
BOUGHT = {"kind": "bought", "days": 56}
STAY = {"kind": "stay", "price": 10.0, "horizon": 36}
ROLL_OUT = 5_000


def client(folder: Path, units: pd.DataFrame | str | None = None, **block: Any) -> ClientConfig:
    """A client with an experiment, whose files lie in `folder`; `block` changes keys of `experiment`."""
    if units is not None:
        text = units if isinstance(units, str) else units.to_csv(index=False)
        (folder / "units.csv").write_text(text, encoding="utf-8")
    tried = {"name": "Winter <e-mail>", "source": str(folder / "units.csv"), "outcome": REVENUE, "cost": 0.5}
    return load_config(
        {
            "client": "acme",
            "name": "Acme",
            "currency": "EUR",
            "transactions": {
                "source": str(folder / "orders.csv"),
                "columns": {"customer": "id", "date": "day", "amount": "paid"},
            },
            "economics": {"gross_margin": 0.4},
            "experiment": tried | {"roll_out": ROLL_OUT} | block,
        }
    )


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CleanLog]:
    """A folder with the orders of 800 customers from January 2024 to February 2025, and those orders, clean."""
    folder = tmp_path_factory.mktemp("tried")
    rows = pd.DataFrame(orders(800, 60), columns=["id", "day", "paid"])
    rows.to_csv(folder / "orders.csv", index=False)
    config = client(folder)
    return folder, clean_source(read_source(config), config)


def assigned(arms: list[str] | None = None, exposed: str = "2024-09-02", seed: int = 5) -> pd.DataFrame:
    """The shop's customers, each in an arm by chance."""
    rng = np.random.default_rng(seed)
    names = [f"C{place:03}" for place in range(1, 801)]
    arm = rng.permutation(np.resize(arms or ["control", "email"], len(names)))
    return pd.DataFrame({"customer_id": names, "arm": arm, "exposed_at": exposed})


def result(shop: tuple[Path, CleanLog], units: pd.DataFrame | str, **block: Any) -> ExperimentResult:
    found = maybe(shop, units, **block)
    assert found[0] is not None, found[1]
    return found[0]


def maybe(
    shop: tuple[Path, CleanLog], units: pd.DataFrame | str, **block: Any
) -> tuple[ExperimentResult | None, list[str]]:
    """The experiment evaluated, or None, and the notes."""
    folder, log = shop
    config, notes = client(folder, units, **block), Notes()
    assert config.experiment is not None
    return evaluate(config, config.experiment, log, 800, notes), notes.texts


def page(found: ExperimentResult | None, notes: list[str] | None = None, currency: str = "EUR") -> str:
    """All that the section shows, in plain words: texts, tables and what the figures say."""
    config = SimpleNamespace(currency=currency)
    analysis: Any = SimpleNamespace(experiment=found, config=config, warnings=tuple(notes or ()))
    shown = experiment(analysis)
    return "\n".join(item.alt if hasattr(item, "alt") else repr(item) for item in shown)


def stays(seed: int = 3) -> pd.DataFrame:
    """Subscribers of whom the offer loses a third fewer each month; everybody is followed for 6 months."""
    rng = np.random.default_rng(seed)
    arm = np.repeat(["control", "offer"], 800)
    months = rng.geometric(np.where(arm == "offer", 0.10, 0.15) * rng.uniform(0.4, 1.6, 1600))
    left = months <= 6
    names = [f"S{place:04}" for place in range(1600)]
    seen = {"customer_id": names, "arm": arm, "exposed_at": "2024-03-01", "months": np.minimum(months, 6)}
    return pd.DataFrame(seen | {"gone": np.where(left, "yes", "no")})


STAY_COLUMNS = {"duration": "months", "left": "gone"}


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


HEAD = "customer_id,arm,exposed_at"
DIRTY = f"""{HEAD},months,gone
C001,,2024-09-02,1,1
,Email,2024-09-02,1,1
C003,email,,1,1
C004,email,2024-09-02,1,0
C004,control,2024-09-02,1,0
C005,email,2024-09-02,1,0
C005,email,2024-09-03,1,0
C006,email,2024-09-02,-2,0
C007,email,2024-09-02,,0
C008,email,2024-09-02,1,perhaps
C009,email
"""
SAID = (
    "1 row (units.csv row 12) is without the columns of the header",
    "1 row (units.csv row 3) is without a customer in customer_id",
    "1 row (units.csv row 2) is without an arm in arm: find it in the log of the assignment",
    "1 row (units.csv row 4) is without a date in exposed_at: give customers of the control the day",
    "2 rows (units.csv row 5; units.csv row 6) are of customers who are in more than one arm",
    "2 rows (units.csv row 7; units.csv row 8) are of customers with several rows",
    "1 row (units.csv row 10) is without a number in months",
    "1 row (units.csv row 9) is below 0 in months",
    "1 row (units.csv row 11) is neither 1 (has left) nor 0 (has not) in gone",
    "nobody is in the arm letter, which is in `shares`. The arms are Email (1), control (1), email (7)",
    "the arm Email (1 customer) is not in `shares`",
    "the arm Email has no `cost`: add it, 0 if it costs nothing",
)


def refused(shop: tuple[Path, CleanLog], units: str, **block: Any) -> list[str]:
    with pytest.raises(ExperimentError) as caught:
        maybe(shop, units, **block)
    assert not re.search(r"\b[CX]\d{3}", str(caught.value)), "no id of a customer is told"
    return [problem.removeprefix("the experiment: ") for problem in caught.value.problems]


def test_all_that_is_wrong_with_the_rows_is_told_at_once(shop: tuple[Path, CleanLog]) -> None:
    plan = {"control": 0.4, "email": 0.3, "letter": 0.3}
    costs = {"email": 1, "letter": 2}
    told = refused(shop, DIRTY, columns=STAY_COLUMNS, outcome=STAY, shares=plan, cost=costs)
    assert len(told) == len(SAID)
    assert [one for one, said in zip(told, SAID, strict=True) if not one.startswith(said)] == []


def test_arms_that_no_plan_knows(shop: tuple[Path, CleanLog]) -> None:
    told = refused(shop, f"{HEAD}\nC001,Control,2024-09-02\n")
    assert told[0] == "nobody is in the control control. Did you mean Control? The arms are Control (1)"
    assert told[1] == "there is only one arm, Control (1): a comparison needs two"


def test_days_that_the_orders_do_not_cover(shop: tuple[Path, CleanLog]) -> None:
    units = f"{HEAD},hit\nC001,email,2024-02-01,2\nC002,control,2025-06-02,1\n"
    told = refused(shop, units, pre_period_days=40, columns={"outcome": "hit"}, outcome=BOUGHT)
    assert told[0] == "1 row (units.csv row 2) is neither 0 nor 1 in hit: who bought has a 1"
    assert "exposed on 2024-02-01 these begin before the first order of the log, 2024-01-01: take 31 at most" in told[1]
    assert "exposed on 2025-06-02 these end after the as-of day of the log, 2025-02-24" in told[2]
    early = refused(shop, f"{HEAD}\nC001,email,2023-09-02\nC002,control,2024-09-02\n")
    assert early[0].startswith("customers were exposed on 2023-09-02, before the first order of the log, 2024-01-01")


def test_ids_that_are_not_those_of_the_orders(shop: tuple[Path, CleanLog]) -> None:
    told = refused(shop, f"{HEAD}\nX001,email,2024-09-02\nX002,control,2024-09-02\n")
    assert told[0].startswith("none of its 2 customers is in the transactions: is customer_id the column")


def test_a_column_that_is_not_there(shop: tuple[Path, CleanLog]) -> None:
    told = refused(shop, "customer_id,group,exposed_at\nC001,email,2024-09-02\n")
    assert told == ["units.csv has no column arm for arm. It has customer_id, group, exposed_at"]


BAD_BLOCKS: list[tuple[dict[str, Any], str]] = [
    ({"outcome": {"kind": "revenue"}}, "needs `outcome.days` for `kind: revenue`"),
    ({"outcome": {"kind": "stay"}}, "needs `columns.duration` for `kind: stay`; needs `columns.left`"),
    ({"outcome": REVENUE | {"price": 3}}, "has `outcome.price`, which `kind: revenue` has no use for"),
    ({"value_per_success": 3}, "has `value_per_success`, which `kind: revenue` has no use for"),
    ({"shares": {"control": 0.5, "email": 0.6}}, "has `shares` that add up to 1.1 and not to 1"),
    ({"shares": {"holdout": 0.5, "email": 0.5}}, "has the control control, which is not in `shares`"),
    ({"shares": {"control": 0.5, "email": 0.5}, "cost": {"letter": 1}}, "has a cost for letter, which is not in"),
    ({"pre_period_days": 30, "columns": {"outcome": "a", "before": "b"}}, "of which one is enough"),
    ({"cost": -1}, "`experiment.cost"),
    ({"source": "s3://acme/units.csv"}, "the file of an experiment must be a local one"),
]


@pytest.mark.parametrize(("block", "reason"), BAD_BLOCKS)
def test_a_block_that_can_not_be(tmp_path: Path, block: dict[str, Any], reason: str) -> None:
    with pytest.raises(ConfigError) as caught:
        client(tmp_path, **block)
    assert reason in str(caught.value)


def test_what_a_block_must_have(tmp_path: Path) -> None:
    values = client(tmp_path).as_dict()
    tried = values["experiment"]
    with pytest.raises(ConfigError) as caught:
        load_config(values | {"experiment": {"name": tried["name"], "source": tried["source"]}})
    assert [problem.split("`")[1] for problem in caught.value.problems] == ["experiment.cost", "experiment.outcome"]
    without_money = values["transactions"] | {"columns": {"customer": "id", "date": "day"}}
    with pytest.raises(ConfigError, match="the transactions have no amounts"):
        load_config(values | {"transactions": without_money})
    assert load_config(values).as_dict() == values


class TestAroundTheReport:
    def test_a_missing_file_is_told_before_anything_is_rendered(self, shop: tuple[Path, CleanLog]) -> None:
        config = client(shop[0], source=str(shop[0] / "nowhere.csv"))
        assert problems_of(config)[0].startswith(f"the experiment: no file {shop[0] / 'nowhere.csv'}")

    def test_a_report_is_made_anew_when_the_experiment_changed(self, shop: tuple[Path, CleanLog]) -> None:
        template = Path(__file__)
        config = client(shop[0], assigned())
        first = fingerprint(config, "", template, "none")
        assert fingerprint(client(shop[0], assigned()), "", template, "none") == first
        assert fingerprint(client(shop[0], assigned(seed=6)), "", template, "none") != first

    def test_the_settings_are_the_same_wherever_the_files_lie(self, tmp_path: Path) -> None:
        here = client(tmp_path).as_dict()
        moved = client(tmp_path, source="/elsewhere/units.csv").as_dict()
        assert here != moved
        assert settings_sha256(here) == settings_sha256(moved)
        assert settings_sha256(here) != settings_sha256(client(tmp_path, source="/elsewhere/others.csv").as_dict())

    def test_check_says_what_is_in_it(self, shop: tuple[Path, CleanLog]) -> None:
        config = client(shop[0], assigned())
        assert config.experiment is not None
        tried, sound = check_experiment(config, config.experiment, shop[1])
        assert "on 800 customers (400 in control, 400 in email)" in tried
        assert sound.startswith("Was it sound? The arms are of the sizes planned")
