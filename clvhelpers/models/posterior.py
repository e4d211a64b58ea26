"""Draws of a model's parameters that agree with the data, by importance resampling."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from clvhelpers.errors import BoundaryWarning, ConvergenceError, FormulaError
from clvhelpers.models.likelihood import Likelihood
from clvhelpers.text import number

Array = np.ndarray

FREEDOM = 3  # of the t distribution that proposes draws: its tails are heavier than those of a posterior
ROUNDS = 3
PROPOSED = 1.5  # for each draw
ENOUGH = 0.3  # effective draws: below, the proposal is made anew from the draws themselves
FEWEST_EFFECTIVE = 0.1  # of the draws


@dataclass(frozen=True, eq=False)
class Posterior:
    """Draws of the parameters that agree with the data; `frame` has one row a draw.

    `effective_sample_size` says how many independent draws they are worth.
    """

    frame: pd.DataFrame
    effective_sample_size: float

    def interval(self, level: float = 0.90) -> pd.DataFrame:
        """The middle `level` of the draws of each parameter, columns `low` and `high`."""
        tail = (1 - level) / 2
        return self.frame.quantile([tail, 1 - tail]).T.set_axis(["low", "high"], axis="columns")

    def sentence(self) -> str:
        """The range of each parameter in words."""
        ranges = (f"{name} {row.low:.3g} to {row.high:.3g}" for name, row in self.interval().iterrows())
        return f"With 90% probability, given the model: {', '.join(ranges)}."


@dataclass(frozen=True, eq=False)
class Peak:
    """A log-likelihood around its maximum `top`, where `information` is its curvature.

    Its slope at the top is taken off: the likelihood of merged rows has its own maximum next to that of the exact
    ones. In a direction of which the data say next to nothing, a normal prior tops the information up to 1 (a
    standard deviation of a factor of e), for without any there is no posterior.
    """

    likelihood: Likelihood
    top: Array
    information: Array

    def log_density(self, points: Array) -> Array:
        away = points - self.top
        sizes, directions = np.linalg.eigh(self.information)
        log_prior = -np.einsum("ij,j->i", (away @ directions) ** 2, np.maximum(1.0 - sizes, 0.0)) / 2
        slope = self.likelihood(self.top)[1]
        return np.array([self.likelihood.value(point) for point in points]) - away @ slope + log_prior


@dataclass(frozen=True, eq=False)
class _Proposal:
    """A t distribution: `root` times its own transpose is its scale matrix."""

    centre: Array
    root: Array

    @classmethod
    def of_curvature(cls, centre: Array, information: Array) -> Self:
        sizes, directions = np.linalg.eigh(information)
        return cls(centre, directions / np.sqrt(np.maximum(sizes, 1.0)))

    @classmethod
    def of_draws(cls, points: Array, weight: Array) -> Self:
        """Around weighted draws; heavy weights are cut, so that a few draws don't stand for all."""
        cut = np.minimum(weight, np.sort(weight)[-max(int(np.sqrt(len(weight))), 2)])
        centre = np.average(points, axis=0, weights=cut)
        spread = np.cov(points, rowvar=False, aweights=cut) + 1e-9 * np.eye(len(centre))
        return cls(centre, np.linalg.cholesky(spread))

    def draw(self, rng: np.random.Generator, count: int) -> tuple[Array, Array]:
        """Points, and the logarithm of their density but for a constant."""
        size = len(self.centre)
        normal = rng.standard_normal((count, size)) * np.sqrt(FREEDOM / rng.chisquare(FREEDOM, (count, 1)))
        points = self.centre + np.einsum("ij,kj->ki", self.root, normal)
        return points, -(FREEDOM + size) / 2 * np.log1p((normal**2).sum(axis=1) / FREEDOM)


def draw_posterior(
    peak: Peak, names: tuple[str, ...], draws: int, seed: int, possible: Callable[[Array], Array]
) -> Posterior:
    """Laplace's approximation with heavier tails, corrected by importance resampling (Rubin 1987).

    Where that gives too few effective draws, they tell where the posterior lies better than the curvature did, and
    new ones are proposed around them.
    """
    if draws < 1:
        raise FormulaError(f"draws is {draws}: expected 1 or more")
    rng = np.random.default_rng(seed)
    proposal = _Proposal.of_curvature(peak.top, peak.information)
    for _ in range(ROUNDS):
        points, log_proposal = proposal.draw(rng, int(np.ceil(PROPOSED * draws)))
        weight = _weights(peak.log_density(points) - log_proposal, possible(np.exp(points)))
        effective = 1 / (float(np.einsum("i,i->", weight, weight)) + 1 / draws)
        if effective >= ENOUGH * draws:
            break
        proposal = _Proposal.of_draws(points, weight)
    if effective < FEWEST_EFFECTIVE * draws:
        warnings.warn(
            f"the {draws} draws of {', '.join(names)} are worth only {number(effective)} independent ones: "
            "intervals made from them are rough",
            BoundaryWarning,
            stacklevel=3,
        )
    chosen = rng.choice(len(points), draws, p=weight)
    return Posterior(pd.DataFrame(np.exp(points[chosen]), columns=list(names)).rename_axis("draw"), effective)


def _weights(log_weight: Array, possible: Array) -> Array:
    usable = possible & np.isfinite(log_weight)
    if not usable.any():
        raise ConvergenceError("no draw around the fitted parameters is possible: there is no posterior to draw from")
    weight = np.where(usable, np.exp(log_weight - log_weight[usable].max()), 0.0)
    return weight / weight.sum()
