"""Noise: standard errors against many samples, and no change called more than noise where nothing changed."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from clvhelpers.reporting.comparison import LEVEL
from clvhelpers.reporting.noise import (
    Noise,
    mean_error,
    new_customers_noise,
    proportion_error,
    ratio_error,
    ratio_noise,
    retention_noise,
    spread_of_cohorts,
    top_share_error,
)
from clvhelpers.simulate import non_contractual

Moves = dict[str, tuple[float, Noise]]


class TestStandardErrors:
    """Each against the spread of the figure over many samples."""

    def spread(self, figure: Callable[[np.random.Generator], float]) -> float:
        rng = np.random.default_rng(1)
        return float(np.std([figure(rng) for _ in range(800)]))

    def test_a_share(self) -> None:
        spread = self.spread(lambda rng: rng.binomial(200, 0.3) / 200)
        assert proportion_error(0.3, 200) == pytest.approx(spread, rel=0.1)

    def test_a_mean(self) -> None:
        values = np.random.default_rng(0).gamma(2.0, 3.0, 5000)
        spread = self.spread(lambda rng: rng.choice(values, 300).mean())
        assert mean_error(values) * np.sqrt(5000 / 300) == pytest.approx(spread, rel=0.1)

    def test_the_average_order_where_a_customers_orders_are_alike(self) -> None:
        rng = np.random.default_rng(0)
        orders = rng.geometric(0.3, 4000)
        totals = orders * rng.gamma(2.0, 10.0, 4000)

        def again(rng: np.random.Generator) -> float:
            some = rng.integers(0, 4000, 500)
            return float(totals[some].sum() / orders[some].sum())

        assert ratio_error(totals, orders) * np.sqrt(4000 / 500) == pytest.approx(self.spread(again), rel=0.1)

    def test_the_share_of_the_best_tenth(self) -> None:
        values = np.random.default_rng(0).lognormal(0.0, 1.0, 20_000)

        def again(rng: np.random.Generator) -> float:
            some = np.sort(rng.choice(values, 1000))
            return float(some[-100:].sum() / some.sum())

        error = top_share_error(values)
        assert error is not None
        assert error * np.sqrt(20) == pytest.approx(self.spread(again), rel=0.1)

    def test_cohorts_that_differ_by_chance_alone(self) -> None:
        rng = np.random.default_rng(0)
        n = np.full(400, 100)
        assert spread_of_cohorts(pd.DataFrame({"n0": n, "n_active": rng.binomial(n, 0.2)})) == pytest.approx(
            1, abs=0.15
        )


def moves(seed: int, price: float = 1.0) -> Moves:
    """What the last 30 days of a shop changed, and the noise of it; `price` is what they cost more."""
    log = non_contractual(900, 52, 52, seed=seed, spend=(6.25, 5.0, 15.44), future_weeks=0).transactions
    who, _ = pd.factorize(log["customer_id"])
    early = (log["date"] <= log["date"].max() - pd.Timedelta(days=30)).to_numpy()
    amounts = log["amount"].to_numpy() * np.where(early, 1.0, price)
    totals = np.bincount(who, amounts * early), np.bincount(who, amounts)
    orders = np.bincount(who, early.astype(float)), np.bincount(who).astype(float)
    first = log.groupby(who)["date"].min()
    window = np.bincount((log["date"].max() - first).dt.days // 30)[:-1][::-1]
    found: Moves = {"new": (float(window[-1] - window[-2]), new_customers_noise(window))}
    noise = ratio_noise(totals, orders)
    if noise is not None:
        found["order"] = (totals[1].sum() / orders[1].sum() - totals[0].sum() / orders[0].sum(), noise)
    month = (12 * log["date"].dt.year + log["date"].dt.month).to_numpy()
    return found | _retention_moves(who, month, month.max() - 1)


def _retention_moves(who: np.ndarray, month: np.ndarray, last: int) -> Moves:
    """The same for retention at the ages that the cohorts up to the last whole month have reached."""
    first = pd.Series(month).groupby(who).min().to_numpy()
    found: Moves = {}
    for age in (1, 3, 6):
        active = np.isin(np.arange(len(first)), who[month - first[who] == age])
        frame = pd.DataFrame({"cohort": first, "n0": 1, "n_active": active.astype(int)})
        cells = frame.groupby("cohort", as_index=False).sum().query("cohort + @age <= @last")
        is_new = (cells["cohort"] + age == last).to_numpy()
        noise = retention_noise(cells, is_new)
        if noise is not None:
            now, then = (part["n_active"].sum() / part["n0"].sum() for part in (cells, cells[~is_new]))
            found[f"month_{age}"] = (now - then, noise)
    return found


def beyond(found: Moves) -> bool:
    """Whether any of the changes is called more than noise, as `compare` would call it."""
    return any(abs(move) > noise(LEVEL / len(found)) for move, noise in found.values())


class TestNoise:
    @pytest.fixture(scope="class")
    @staticmethod
    def steady() -> list[Moves]:
        """Shops where nothing changed."""
        return [moves(seed) for seed in range(100)]

    def test_more_than_noise_is_seldom_said_where_nothing_changed(self, steady: list[Moves]) -> None:
        assert sum(map(len, steady)) > 4 * len(steady)
        assert np.mean([beyond(found) for found in steady]) <= 0.08

    def test_it_is_no_upper_bound_far_away(self, steady: list[Moves]) -> None:
        """A single average order leaves its 20 % noise about as often as it should: the noise is not just large."""
        outside = [abs(move) > noise(0.2) for move, noise in (found["order"] for found in steady)]
        assert 0.1 <= np.mean(outside) <= 0.32

    def test_prices_up_by_half_are_seen(self) -> None:
        assert np.mean([beyond(moves(seed, price=1.5)) for seed in range(10)]) >= 0.7

    def test_shared_customers_make_the_noise_smaller_than_independent_ones_would(self) -> None:
        cells = pd.DataFrame({"n0": [1000] * 12, "n_active": [200] * 12})
        is_new = np.arange(12) == 11
        noise = retention_noise(cells, is_new)
        assert noise is not None
        independent = 1.96 * np.hypot(proportion_error(0.2, 11_000), proportion_error(0.2, 12_000))
        assert noise(0.05) < independent / 2.5

    def test_cohorts_that_differ_widen_it(self) -> None:
        calm = pd.DataFrame({"n0": [1000] * 12, "n_active": [200] * 12})
        wild = calm.assign(n_active=[150, 250] * 6)
        is_new = np.arange(12) == 11
        noises = [retention_noise(cells, is_new) for cells in (calm, wild)]
        assert noises[0] is not None
        assert noises[1] is not None
        assert noises[1](0.05) > 3 * noises[0](0.05)

    @pytest.mark.parametrize("cells", [3, 12])
    def test_too_few_cohorts_or_customers_are_not_judged(self, cells: int) -> None:
        few = pd.DataFrame({"n0": [20] * cells, "n_active": [3] * cells})
        assert retention_noise(few, np.arange(cells) == cells - 1) is None

    def test_too_few_buyers_are_not_judged(self) -> None:
        orders = np.ones(100), np.append(np.full(19, 2.0), np.ones(81))
        assert ratio_noise((10 * orders[0], 10 * orders[1]), orders) is None
