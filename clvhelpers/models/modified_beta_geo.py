"""The MBG/NBD model: as BG/NBD, but a customer can also leave right after the first purchase.

Batislam, Denizel & Filiztekin (2007), "Empirical validation and comparison of models for customer base analysis",
International Journal of Research in Marketing 24(3), 201-209. Its story differs from BG/NBD in one point: the first
purchase, too, is a chance to leave for good. So somebody who bought once, long ago, is probably gone, where BG/NBD
holds everybody with a single purchase to be alive for ever.
"""

from dataclasses import dataclass
from typing import ClassVar

from clvhelpers.models.beta_geo import BetaGeoLikelihood, BetaGeoModel, BetaGeoParameters


@dataclass(frozen=True)
class ModifiedBetaGeoParameters(BetaGeoParameters):
    """The equations of BG/NBD with one more chance to leave."""

    first_chances: ClassVar[int] = 1


class ModifiedBetaGeoLikelihood(BetaGeoLikelihood):
    """The likelihood of BG/NBD with one more chance to leave."""

    equations = ModifiedBetaGeoParameters


class ModifiedBetaGeoModel(BetaGeoModel):
    """MBG/NBD: customers who can leave after each purchase, the first one too. Use as of PurchaseModel.

    >>> from clvhelpers import customer_summary, load_cdnow
    >>> summary = customer_summary(load_cdnow(), end="1997-09-30")
    >>> model = ModifiedBetaGeoModel(unit="W").fit(summary)
    >>> model
    ModifiedBetaGeoModel of 2,357 customers: r=0.5248, alpha=6.183, a=0.8914, b=1.614
    >>> once = summary[summary["frequency"] == 0]
    >>> model.expected_probability_alive(once).max().round(2)
    np.float64(0.43)
    """

    title = "MBG/NBD"
    equations = ModifiedBetaGeoParameters
    likelihood = ModifiedBetaGeoLikelihood
