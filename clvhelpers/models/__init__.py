"""Models of customers' purchases and spend: fit, predict, doubt, and check against a held-out period.

- `beta_geo`, `modified_beta_geo`, `pareto_nbd`, `beta_geo_beta_binom`: how often customers will buy, and whether
  they are still there; `purchase_model` has what these models share
- `gamma_gamma`: GammaGammaModel, how much they spend
- `shifted_beta_geo`, `beta_discrete_weibull`: how long customers with a contract will stay; `contractual`,
  `life_table`, `contract_parameters`, `contract_terms` and `contract_futures` have what these models share,
  `endless` and `gamma_ratios` their numerics
- `value`: what customers are expected to be worth; `intervals`: how far from it they may end up; `futures`: how
- `validation`: whether the model may be trusted; `ranking` and `calibration`: whether its order of the customers and
  its probabilities hold; `choice`: which model to take; `checks`: whether what they assume holds
- `windows`, `baselines`, `newcomers`: rules and a machine to beat, on two windows of equal length
- `surfaces`: what a model thinks of every past, and of one customer day by day
- `priors`, `covariates`: what is believed before, and what is known of a customer besides the purchases
- `fitting`, `posterior`, `frames`, `likelihood`, `quadrature`: what all models share
"""

from clvhelpers.models.beta_discrete_weibull import BetaDiscreteWeibullModel
from clvhelpers.models.beta_geo import BetaGeoModel
from clvhelpers.models.beta_geo_beta_binom import BetaGeoBetaBinomModel
from clvhelpers.models.checks import Findings, check_assumptions
from clvhelpers.models.choice import ModelChoice, choose_model
from clvhelpers.models.gamma_gamma import GammaGammaModel, spend_frequency_correlation
from clvhelpers.models.intervals import BaseValue, base_value, customer_intervals, segment_values
from clvhelpers.models.modified_beta_geo import ModifiedBetaGeoModel
from clvhelpers.models.pareto_nbd import ParetoNBDModel
from clvhelpers.models.priors import Prior
from clvhelpers.models.shifted_beta_geo import ShiftedBetaGeoModel
from clvhelpers.models.surfaces import alive_history, recency_frequency_matrix
from clvhelpers.models.validation import Validation, frequency_table, tracking_path, validate

__all__ = [
    "BaseValue",
    "BetaDiscreteWeibullModel",
    "BetaGeoBetaBinomModel",
    "BetaGeoModel",
    "Findings",
    "GammaGammaModel",
    "ModelChoice",
    "ModifiedBetaGeoModel",
    "ParetoNBDModel",
    "Prior",
    "ShiftedBetaGeoModel",
    "Validation",
    "alive_history",
    "base_value",
    "check_assumptions",
    "choose_model",
    "customer_intervals",
    "frequency_table",
    "recency_frequency_matrix",
    "segment_values",
    "spend_frequency_correlation",
    "tracking_path",
    "validate",
]
