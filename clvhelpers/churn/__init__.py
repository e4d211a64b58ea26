"""Churn: how long customers stay, why they leave, who is about to, and whom it pays to keep."""

from clvhelpers.churn.before import BeforeLeaving, before_leaving
from clvhelpers.churn.behaviour import ChurnSet, behaviour_features, churn_set
from clvhelpers.churn.hazards import Hazards, hazard_table
from clvhelpers.churn.judging import Calibration, ScoreCheck, calibration, check_score
from clvhelpers.churn.logrank import LogRank, log_rank
from clvhelpers.churn.reasons import Incidence, ReasonCounts, cumulative_incidence, reason_counts
from clvhelpers.churn.restricted_mean import MeanDifference, RestrictedMeans, restricted_mean
from clvhelpers.churn.saving import ProfitCurve, SavingPlan, profit_curve, saving_plan
from clvhelpers.churn.score import ChurnScore, fit_churn_score
from clvhelpers.churn.silence import Rhythms, Silence, judge_silence, rhythm_limits, silence_limit
from clvhelpers.churn.spells import customer_spells, plan_spells
from clvhelpers.churn.survival import Survival, kaplan_meier

__all__ = [
    "BeforeLeaving",
    "Calibration",
    "ChurnScore",
    "ChurnSet",
    "Hazards",
    "Incidence",
    "LogRank",
    "MeanDifference",
    "ProfitCurve",
    "ReasonCounts",
    "RestrictedMeans",
    "Rhythms",
    "SavingPlan",
    "ScoreCheck",
    "Silence",
    "Survival",
    "before_leaving",
    "behaviour_features",
    "calibration",
    "check_score",
    "churn_set",
    "cumulative_incidence",
    "customer_spells",
    "fit_churn_score",
    "hazard_table",
    "judge_silence",
    "kaplan_meier",
    "log_rank",
    "plan_spells",
    "profit_curve",
    "reason_counts",
    "restricted_mean",
    "rhythm_limits",
    "saving_plan",
    "silence_limit",
]
