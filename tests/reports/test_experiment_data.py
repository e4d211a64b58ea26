"""Data and blocks of an experiment that can't be, and what hangs on its file: the check, the fingerprint."""

import re
from pathlib import Path
from typing import Any

import pytest

from clvhelpers.cleaning import CleanLog
from clvhelpers.errors import ConfigError, ExperimentError
from clvhelpers.reporting.config import load_config
from clvhelpers.reporting.experiment import check_experiment
from clvhelpers.reporting.fetch import problems_of
from clvhelpers.reporting.fingerprint import fingerprint, settings_sha256
from tests.reports.tried import BOUGHT, REVENUE, STAY, STAY_COLUMNS, assigned, client, maybe, orders_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, CleanLog]:
    """A folder with the orders of 800 customers, and those orders, clean."""
    folder = tmp_path_factory.mktemp("tried")
    return folder, orders_of(folder)


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
