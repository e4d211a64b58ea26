"""Churn: how long customers stay, why they leave, who is about to, and whom it pays to keep."""

from clvhelpers.churn.hazards import Hazards, hazard_table
from clvhelpers.churn.logrank import LogRank, log_rank
from clvhelpers.churn.reasons import Incidence, ReasonCounts, cumulative_incidence, reason_counts
from clvhelpers.churn.restricted_mean import MeanDifference, RestrictedMeans, restricted_mean
from clvhelpers.churn.spells import customer_spells, plan_spells
from clvhelpers.churn.survival import Survival, kaplan_meier

__all__ = [
    "Hazards",
    "Incidence",
    "LogRank",
    "MeanDifference",
    "ReasonCounts",
    "RestrictedMeans",
    "Survival",
    "cumulative_incidence",
    "customer_spells",
    "hazard_table",
    "kaplan_meier",
    "log_rank",
    "plan_spells",
    "reason_counts",
    "restricted_mean",
]
