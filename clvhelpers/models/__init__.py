"""Models of customers' purchases and spend: fit, predict, doubt, and check against a held-out period.

- `beta_geo`: BetaGeoModel, how often customers will buy and whether they are still there
- `gamma_gamma`: GammaGammaModel, how much they spend
- `shifted_beta_geo`: ShiftedBetaGeoModel, how long customers with a contract will stay
- `value`: what a customer, and the whole base, is worth, with intervals
- `validation`: whether the model may be trusted
- `fitting`, `frames`: what the models share
"""

from clvhelpers.models.beta_geo import BetaGeoModel
from clvhelpers.models.gamma_gamma import GammaGammaModel, spend_frequency_correlation
from clvhelpers.models.shifted_beta_geo import ShiftedBetaGeoModel
from clvhelpers.models.validation import Validation, frequency_table, tracking_path
from clvhelpers.models.value import BaseValue, base_value, customer_intervals

__all__ = [
    "BaseValue",
    "BetaGeoModel",
    "GammaGammaModel",
    "ShiftedBetaGeoModel",
    "Validation",
    "base_value",
    "customer_intervals",
    "frequency_table",
    "spend_frequency_correlation",
    "tracking_path",
]
