"""Churn: how long customers stay, why they leave, who is about to, and whom it pays to keep."""

from clvhelpers.churn.logrank import LogRank, log_rank
from clvhelpers.churn.restricted_mean import MeanDifference, RestrictedMeans, restricted_mean
from clvhelpers.churn.survival import Survival, kaplan_meier

__all__ = [
    "LogRank",
    "MeanDifference",
    "RestrictedMeans",
    "Survival",
    "kaplan_meier",
    "log_rank",
    "restricted_mean",
]
