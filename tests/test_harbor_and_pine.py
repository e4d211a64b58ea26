"""Harbor & Pine is what `data/README.md` says, its truth is the truth, and its exports lead back to it."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clvhelpers import datasets
from clvhelpers.customers import customer_summary
from clvhelpers.errors import ConfigError, FormulaError
from clvhelpers.models import BetaGeoModel
from clvhelpers.simulate.harbor import harbor_and_pine, orders, world
from clvhelpers.simulate.harbor.clock import DAYS, END, HORIZONS, LIFE_YEARS, SALE_DISCOUNT, seasonal
from clvhelpers.simulate.harbor.exports import NORTH, TIMEZONE, WEBSHOP
from clvhelpers.simulate.harbor.people import tastes
from clvhelpers.simulate.harbor.purchases import expected_purchases
from clvhelpers.simulate.harbor.truth import per_order
from tests.data import held, make_script

FOLDER = datasets.DATA / "harbor_and_pine"


def table(name: str) -> pd.DataFrame:
    return pd.read_parquet(FOLDER / f"{name}.parquet")


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return table("orders")


@pytest.fixture(scope="module")
def truth() -> pd.DataFrame:
    return table("truth")


def someone(number: int) -> pd.DataFrame:
    """Latent rates of a few customers who differ in all that bears on their purchases and their orders."""
    place = np.arange(number)
    return pd.DataFrame(
        {
            "purchase_rate": np.linspace(0.02, 0.5, number),
            "dropout_probability": np.linspace(0.4, 0.02, number),
            "mean_spend": np.linspace(30, 150, number),
            "sale_response": np.linspace(1.3, 2.5, number),
            "return_factor": np.linspace(0.2, 3.0, number),
            "service_need": np.linspace(2.0, 0.1, number),
            "age_group": np.array(["18-24", "35-49", "65+"])[place % 3],
            "alive": True,
        }
    )


def test_the_script_makes_the_same_bytes_again(tmp_path: Path) -> None:
    make_script(FOLDER).main(tmp_path)
    made = {path.relative_to(tmp_path): held(path) for path in tmp_path.rglob("*.*") if path.is_file()}
    kept = {path.relative_to(FOLDER) for path in FOLDER.rglob("*.*") if path.suffix in (".parquet", ".gz")}
    assert made.keys() == kept
    assert [str(name) for name in made if made[name] != held(FOLDER / name)] == []
    assert sum((FOLDER / name).stat().st_size for name in kept) < 9_000_000


def test_purchases_expected_are_those_of_a_long_simulation() -> None:
    people, clock, draws = someone(6), seasonal(), 3000
    rate = (people["purchase_rate"].to_numpy() / 7)[:, None]
    response, dropout = (people[name].to_numpy()[:, None] for name in ("sale_response", "dropout_probability"))
    rng, alive = np.random.default_rng(5), np.ones((6, draws), dtype=bool)
    usual, sale, seen = np.zeros((6, draws)), np.zeros((6, draws)), {}
    for day in range(1, HORIZONS["36m"] + 1):
        busy, on_sale = clock.pace[DAYS + day - 1], clock.sale[DAYS + day - 1]
        wanted = rng.poisson(rate * busy * (response if on_sale else 1.0), (6, draws)) * alive
        lasts = rng.geometric(np.broadcast_to(dropout, (6, draws)))
        bought = np.minimum(wanted, lasts)
        alive &= wanted < lasts
        (sale if on_sale else usual).__iadd__(bought)
        seen[day] = (usual.mean(axis=1), sale.mean(axis=1)) if day in HORIZONS.values() else None
    for days in (HORIZONS["12m"], HORIZONS["36m"]):
        expected = expected_purchases(people, clock, days)
        assert seen[days][0] == pytest.approx(expected.usual, rel=0.06)
        assert seen[days][1] == pytest.approx(expected.sale, rel=0.15)


def test_over_a_life_customers_make_one_purchase_for_each_chance_to_leave() -> None:
    people = someone(6).assign(purchase_rate=2.0)
    bought = expected_purchases(people, seasonal(), HORIZONS["life"])
    assert bought.usual + bought.sale == pytest.approx(1 / people["dropout_probability"].to_numpy())
    assert pd.Timedelta(days=HORIZONS["life"]) + END == pd.Timestamp("2055-12-31")
    assert LIFE_YEARS == 30


def test_what_an_order_leaves_is_that_of_many_orders() -> None:
    people, rng = someone(6), np.random.default_rng(6)
    mix, number = tastes(rng, people), 8000
    who = np.repeat(np.arange(6), number)
    expected = per_order(people, mix)
    for column, on_sale in (("margin", False), ("margin_in_sale", True)):
        bought = orders.lines(rng, people, mix, who, np.full(len(who), 10), np.full(len(who), on_sale))
        log = pd.concat([bought, orders.returns(rng, people, bought)]).assign(order_id="")
        margin = (log["amount"] - log["cost"]).groupby(log["who"]).sum() / number
        assert margin.to_numpy() == pytest.approx(expected[column].to_numpy(), rel=0.05)
    asked = orders.service(rng, people, log)
    cost = orders.CONTACT_COST * asked.groupby("who")["contacts"].sum() / number
    assert cost.to_numpy() == pytest.approx(expected["service_cost"].to_numpy(), rel=0.08)


@pytest.mark.parametrize("name", ["broken", "fits", "mixed"])
def test_one_future_comes_about_as_expected(truth: pd.DataFrame, name: str) -> None:
    people = truth[truth["world"] == name]
    for what in ("purchases", "value"):
        gap = people[f"realised_{what}_12m"] - people[f"expected_{what}_12m"]
        assert abs(gap.sum()) < 3 * np.sqrt((gap**2).sum())
    gone = people[~people["alive"]]
    assert (gone[["realised_purchases_12m", "expected_purchases_life"]] == 0).all(axis=None)
    for what in ("purchases", "value", "service_cost"):
        grows = people[[f"expected_{what}_{horizon}" for horizon in HORIZONS]].to_numpy()
        assert (np.diff(grows, axis=1) >= 0).all()


def test_the_fitting_world_has_the_parameters_that_it_was_made_with() -> None:
    model = BetaGeoModel().fit(customer_summary(table("worlds/fits"), END))
    for name, true in {"r": 0.7, "alpha": 10.8, "a": 1.3, "b": 5.5}.items():
        assert abs(model.parameters[name] - true) < 3 * model.standard_errors[name]


def test_the_mixed_world_has_kinds_of_customers(truth: pd.DataFrame) -> None:
    value = truth[truth["world"] == "mixed"].groupby("kind_of_customer")["expected_value_12m"].mean()
    assert list(value.index) == ["bargain hunter", "gift", "now and then", "regular"]
    assert value["regular"] > 10 * value["bargain hunter"]


def test_the_main_world_breaks_what_models_assume(log: pd.DataFrame, truth: pd.DataFrame) -> None:
    placed = log[log["kind"] == "purchase"].drop_duplicates("order_id")
    december, july = ((placed["date"].dt.month == month).sum() for month in (12, 7))
    assert december > 1.5 * july
    people = truth[truth["world"] == "broken"].merge(table("customers"), on="customer_id")
    rate, spend = np.log(people["purchase_rate"]), np.log(people["mean_spend"])
    assert np.corrcoef(rate, spend)[0, 1] > 0.3
    social = people[people["channel"] == "social"]
    by_year = social.groupby(social["first_date"].dt.year)["purchase_rate"].mean()
    assert by_year.loc[2025] < 0.75 * by_year.loc[2023]


def test_some_columns_matter_and_most_do_not(truth: pd.DataFrame) -> None:
    people = truth.merge(table("customers"), on="customer_id")
    rate = np.log(people["purchase_rate"])
    error = 1 / np.sqrt(len(people))
    for column in ("household_size", "newsletter"):
        assert np.corrcoef(people[column], rate)[0, 1] > 4 * error
    for column in ("gender", "country"):
        for label in people[column].unique():
            assert abs(np.corrcoef(people[column] == label, rate)[0, 1]) < 3.5 * error
    assert people.groupby("style_attitude")["mean_spend"].mean().is_monotonic_increasing


def test_tables_belong_together(log: pd.DataFrame) -> None:
    customers, marketing = table("customers"), table("marketing")
    assert (customers["customer_id"].nunique(), len(customers)) == (12_000, 12_000)
    assert set(log["customer_id"]) == set(customers["customer_id"])
    first = log.groupby("customer_id")["date"].min().dt.normalize()
    assert (customers.set_index("customer_id")["first_date"] == first).all()
    won = customers.groupby([customers["first_date"].dt.to_period("M").dt.start_time, "channel"])
    cell = marketing.set_index(["month", "channel"])
    pd.testing.assert_series_equal(
        won.size().reindex(cell.index, fill_value=0), cell["new_customers"], check_names=False
    )
    paid = won["acquisition_cost"].sum()
    assert (paid - cell["spend"].reindex(paid.index)).abs().max() < 1.0
    earlier = customers.set_index("customer_id")["first_date"]
    referred = customers.dropna(subset="referred_by")
    assert (referred["first_date"] > referred["referred_by"].map(earlier)).all()
    assert set(referred["channel"]) == {"referral"}
    assert set(table("satisfaction")["answered_after_order"]) <= set(log["order_id"])


def test_the_data_dictionary_names_every_column() -> None:
    text = (datasets.DATA / "README.md").read_text().partition("## `harbor_and_pine/`")[2].partition("\n## ")[0]
    for name, part in re.findall(r"^`(\w+)\.parquet`, one row(.*?)\n\n(?=[^|])", text, flags=re.MULTILINE | re.DOTALL):
        assert re.findall(r"^\| `(\w+)` \|", part, flags=re.MULTILINE) == list(table(name).columns)
    assert set(re.findall(r"^`(\w+)\.parquet`", text, flags=re.MULTILINE)) == {
        path.stem for path in FOLDER.glob("*.parquet")
    }


def test_lines_hold_what_they_say(log: pd.DataFrame) -> None:
    assert not log.duplicated().any()
    assert log["date"].between("2023-01-01", "2025-12-31 23:59:59").all()
    listed = log["quantity"] * log["unit_price"]
    assert (log["amount"] - listed + log["discount"]).abs().max() < 0.006
    discount = (log["discount"] / listed)[log["promotion"]]
    assert discount.median() == pytest.approx(SALE_DISCOUNT, abs=1e-3)
    assert (log.loc[~log["promotion"], "discount"] == 0).all()
    back = log[log["kind"] == "return"]
    assert (back["amount"] < 0).all()
    bought = log[log["kind"] == "purchase"].groupby("order_id")["date"].min()
    assert (back["date"] > back["order_id"].map(bought)).all()


def test_the_warts_of_the_exports_can_be_undone(log: pd.DataFrame) -> None:
    webshop, north, rates = (
        pd.read_csv(FOLDER / "raw" / f"{name}.csv.gz", dtype=str, keep_default_na=False)
        for name in ("webshop", "north", "rates")
    )
    assert (webshop["Customer"] == "").sum() > 0
    assert webshop.duplicated().sum() > 0
    own = webshop[~webshop["Customer"].isin(["", "TEST"])].drop_duplicates()
    own = own.rename(columns={theirs: ours for ours, theirs in WEBSHOP.items()})
    own["date"] = pd.to_datetime(own["date"], format="%m/%d/%Y %H:%M:%S")
    own["kind"] = own["kind"].map({"Sale": "purchase", "Return": "return"})
    own["promotion"] = own["promotion"] == "Y"
    other = north.drop_duplicates().rename(columns={theirs: ours for ours, theirs in NORTH.items()})
    other["date"] = pd.to_datetime(other["date"], utc=True).dt.tz_convert(TIMEZONE).dt.tz_localize(None)
    other["customer_id"] = other["customer_id"].str.upper()
    other["category"] = other["category"].map({"CLO": "clothing", "ELE": "electronics", "BOO": "books"})
    other["kind"] = other["kind"].map({"order": "purchase", "refund": "return"})
    other["promotion"] = other["promotion"] == "1"
    rate = other["date"].dt.strftime("%Y-%m").map(rates.set_index("month")["cad_per_usd"].astype(float))
    for name in ("unit_price", "discount", "amount", "cost"):
        own[name] = own[name].str.replace("$", "", regex=False).astype(float)
        other[name] = (other[name].astype(float) / rate).round(2)
    both = pd.concat([own, other]).astype({"quantity": int, "date": log["date"].dtype})
    both = both[both["date"] < END + pd.Timedelta(days=1)][log.columns]
    keys = ["order_id", "kind", "date", "category", "amount", "cost"]
    pd.testing.assert_frame_equal(
        both.sort_values(keys, ignore_index=True), log.sort_values(keys, ignore_index=True), check_dtype=False
    )


def test_impossible_companies_are_refused() -> None:
    with pytest.raises(FormulaError, match="five channels over three years need at least 100"):
        harbor_and_pine(customers=10)
    with pytest.raises(FormulaError, match="customers is 0"):
        world("fits", customers=0, seed=1)
    with pytest.raises(ConfigError, match="world is 'flat': expected one of 'fits', 'mixed'"):
        world("flat", customers=10, seed=1)
