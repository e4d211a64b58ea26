"""Moves between groups: rows that add up, nobody lost, and what is expected when nothing has changed."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from clvhelpers import datasets, segments, simulate
from clvhelpers.errors import BoundaryWarning, ConfigError, DataContractError, NotEnoughDataError

LABELS = st.dictionaries(st.integers(0, 30), st.sampled_from(["high", "middle", "low"]), min_size=1, max_size=20)


def poisson(customers: int, seed: int, growth: float = 1.0) -> tuple[pd.Series, pd.Series]:
    """Orders in two periods of customers with gamma 0.8 rates of mean 2, which grow by a factor."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(0.8, 2 / 0.8, customers)
    return pd.Series(rng.poisson(rate)), pd.Series(rng.poisson(growth * rate))


class TestMatrix:
    @settings(max_examples=20, deadline=None)
    @given(LABELS, LABELS)
    def test_nobody_is_lost_and_rows_add_up(self, before: dict[int, str], after: dict[int, str]) -> None:
        moves = segments.migration(pd.Series(before), pd.Series(after), ["high", "middle", "low"])
        assert moves.counts.to_numpy().sum() == len(before.keys() | after.keys())
        filled = moves.counts.sum(axis="columns") > 0
        assert np.allclose(moves.shares[filled].sum(axis="columns"), 1)
        assert moves.shares[~filled].isna().all(axis=None)
        assert moves.frame["customers"].tolist() == moves.counts.to_numpy().ravel().tolist()

    def test_absent_and_new_customers_are_states_of_their_own(self) -> None:
        moves = segments.migration(pd.Series({"a": "x", "b": "x"}), pd.Series({"b": "y", "c": "x"}))
        assert moves.counts.loc["x"].to_dict() == {"x": 0, "y": 1, "absent": 1}
        assert moves.counts.loc[segments.NOT_YET].to_dict() == {"x": 1, "y": 0, "absent": 0}
        assert moves.moved == 1.0
        assert "only an expectation can tell" in moves.sentence()

    def test_who_was_absent_before_may_come_back(self) -> None:
        moves = segments.migration(pd.Series({"a": "x", "b": segments.ABSENT}), pd.Series({"a": "x", "b": "x"}), ["x"])
        assert moves.counts.loc[segments.ABSENT, "x"] == 1
        assert moves.moved == 0.5

    def test_a_share_is_beyond_chance_only_outside_its_interval(self) -> None:
        before = pd.Series("x", range(1000))
        after = pd.Series(["x"] * 500 + ["y"] * 500)
        for hoped, flagged in [(0.52, False), (0.70, True)]:
            expected = pd.DataFrame({"x": [hoped], "y": [1 - hoped]}, index=["x"])
            cells = segments.migration(before, after, ["x", "y"], expected).frame
            assert cells.loc[cells["before"] == "x", "beyond_chance"].tolist() == [flagged] * 2

    def test_what_can_not_be_a_matrix(self) -> None:
        good = pd.Series({"a": "x"})
        with pytest.raises(DataContractError, match="2 problems"):
            segments.migration(pd.Series(["x", "x"], index=["a", "a"]), pd.Series({"a": None}))
        with pytest.raises(NotEnoughDataError, match="nobody who could have moved"):
            segments.migration(pd.Series(dtype=str), good)
        with pytest.raises(ConfigError, match="states must name each group once"):
            segments.migration(good, good, ["y"])
        with pytest.raises(DataContractError, match="leave such customers out"):
            segments.migration(good, pd.Series({"a": segments.NOT_YET}))

    def test_an_expectation_that_does_not_fit(self) -> None:
        labels = pd.Series({"a": "x", "b": "y"})
        with pytest.raises(ConfigError) as caught:
            segments.migration(labels, labels, expected=pd.DataFrame({"x": [0.9], "z": [0.0]}, index=["x"]))
        assert caught.value.problems == (
            "the expectation has a column 'z', which is no group here",
            "the expectation has no row for 'y', where customers were before",
            "row 'x' of the expectation adds up to 0.9000; it must be 1",
        )


class TestOrders:
    def test_published_share_of_a_stationary_base(self) -> None:
        """Reference, one sample of 200,000 (gamma 0.8, mean 2): 54.3 % change tier, 52.3 % of the top stay.

        The exact shares, by quadrature over the rates, are 54.29 and 51.33 %; one sample of four gave 52.3.
        """
        r, alpha = 0.8, 0.4
        numbers = pd.Series(np.arange(200))
        weights = stats.nbinom.pmf(numbers, r, alpha / (alpha + 1))
        rows = [segments.expected_by_orders(r, alpha, pd.Series([number])) for number in numbers]
        stay = np.array([row.loc[row.index[0], row.index[0]] for row in rows])
        rates = stats.gamma(r, scale=1 / alpha)
        top = [rates.expect(lambda rate, k=k: stats.poisson.sf(6, rate) ** k, lb=0, ub=100) for k in (1, 2)]
        assert 1 - weights @ stay == pytest.approx(0.543, abs=5e-4)
        assert weights[7:] @ stay[7:] / weights[7:].sum() == pytest.approx(top[1] / top[0], abs=1e-4)
        assert top[1] / top[0] == pytest.approx(0.523, abs=0.012)

    def test_a_base_in_which_nothing_changed_shows_no_news(self) -> None:
        moves = segments.order_migration(*poisson(50_000, seed=5))
        assert moves.moved == pytest.approx(0.543, abs=0.01)
        assert moves.moved_expected == pytest.approx(moves.moved, abs=0.005)
        assert not moves.frame["beyond_chance"].any()
        assert "No move between two groups differs" in moves.sentence()

    def test_a_base_that_buys_less_does(self) -> None:
        moves = segments.order_migration(*poisson(20_000, seed=6, growth=0.6))
        top = moves.frame.set_index(["before", "after"]).loc[("7+ orders", "7+ orders")]
        assert top["beyond_chance"]
        assert top["excess"] < -0.1

    def test_chance_is_called_news_in_few_bases(self) -> None:
        """At most 5 % of stationary bases should show a cell beyond chance; the fit's own error adds a little."""
        news = [segments.order_migration(*poisson(1500, seed)).frame["beyond_chance"].any() for seed in range(20)]
        assert sum(news) <= 3

    def test_parameters_come_back(self) -> None:
        fit = segments.fit_nbd(poisson(50_000, seed=7)[0])
        assert fit.parameters == pytest.approx([0.8, 0.4], rel=0.03)

    def test_all_alike_ends_in_a_sentence(self) -> None:
        alike = pd.Series([3] * 100)
        with pytest.raises(NotEnoughDataError, match="all 100 customers ordered equally often \\(3\\)"):
            segments.order_migration(alike, alike)
        with pytest.raises(NotEnoughDataError, match="there are 3 customers"):
            segments.order_migration(alike[:3], alike[:3])

    def test_no_more_than_luck_is_warned_of(self) -> None:
        rng = np.random.default_rng(3)
        with pytest.warns(BoundaryWarning, match="hardly say what r, alpha are"):
            segments.fit_nbd(pd.Series(rng.binomial(4, 0.5, 500)))

    def test_wrong_input_is_named(self) -> None:
        good = pd.Series(range(40))
        with pytest.raises(DataContractError, match="2 values that are no number of orders"):
            segments.order_migration(good, good.astype(float).replace({3.0: -1.0, 4.0: 1.5}))
        with pytest.raises(DataContractError, match="1 customers are in only one"):
            segments.order_migration(good, good[:-1])
        with pytest.raises(ConfigError, match="start at 0"):
            segments.order_migration(good, good, [1, 2])


class TestRfm:
    def test_nobody_is_lost(self) -> None:
        log = datasets.load_cdnow()
        moves = segments.rfm_migration(log, "1997-09-30", "1998-06-30", draws=3)
        assert moves.counts.to_numpy().sum() == 2357
        assert moves.expected is not None
        assert np.allclose(moves.expected.dropna().sum(axis="columns"), 1)
        assert "nothing had changed" in moves.plot().alt

    def test_companies_that_follow_the_model_seldom_show_news(self) -> None:
        news = 0
        for seed in range(4):
            shop = simulate.non_contractual(customers=2000, weeks=78, acquisition_weeks=26, seed=seed)
            moves = segments.rfm_migration(shop.transactions, shop.end - pd.Timedelta(weeks=39), shop.end, draws=5)
            assert moves.moved == pytest.approx(moves.moved_expected, abs=0.025)
            news += bool(moves.frame["beyond_chance"].any())
        assert news <= 1

    def test_a_loss_of_loyalty_does(self) -> None:
        shop = simulate.non_contractual(customers=4000, weeks=78, acquisition_weeks=26, seed=3)
        middle = shop.end - pd.Timedelta(weeks=39)
        log = shop.transactions
        lost = (log["date"] > middle) & (log["customer_id"].str[-1] < "5")
        moves = segments.rfm_migration(log[~lost], middle, shop.end, draws=5)
        absent = moves.frame.query("before == 'Champions' and after == 'absent'").iloc[0]
        assert absent["beyond_chance"]
        assert absent["excess"] > 0.1

    def test_other_engines_give_the_same(self) -> None:
        log = datasets.load_cdnow()
        expected = segments.rfm_migration(log, "1997-09-30", "1998-03-31", draws=2).frame
        for engine in (lambda log: pl.from_pandas(log).lazy(), duckdb.from_df):
            found = segments.rfm_migration(engine(log), "1997-09-30", "1998-03-31", draws=2).frame
            pd.testing.assert_frame_equal(found, expected)

    def test_customers_who_come_later_have_a_row_and_no_expectation(self) -> None:
        shop = simulate.non_contractual(customers=1500, weeks=104, acquisition_weeks=90, seed=4)
        moves = segments.rfm_migration(shop.transactions, shop.end - pd.Timedelta(weeks=40), shop.end, draws=2)
        new = moves.frame[moves.frame["before"] == segments.NOT_YET]
        assert new["customers"].sum() > 100
        assert new["expected"].isna().all()
        assert moves.counts.loc[segments.ABSENT].sum() > 0

    def test_wrong_input_is_named(self) -> None:
        log = datasets.load_cdnow()
        with pytest.raises(ConfigError, match="the earlier one first"):
            segments.rfm_migration(log, "1998-06-30", "1997-06-30")
        with pytest.raises(ConfigError, match="looks at money"):
            segments.rfm_migration(log, "1997-09-30", "1998-06-30", segments.eleven_groups())
        with pytest.raises(ConfigError, match="draws is 0"):
            segments.rfm_migration(log, "1997-09-30", "1998-06-30", draws=0)
