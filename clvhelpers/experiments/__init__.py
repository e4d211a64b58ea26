"""Experiments: was it sound, did it work, and what is it worth in money?"""

from clvhelpers.experiments.arms import ArmCounts, ArmSums, arm_counts, arm_sums
from clvhelpers.experiments.bayes import BayesianRates, bayesian_rates
from clvhelpers.experiments.decision import Decision, decide
from clvhelpers.experiments.guardrails import Guardrail, guardrail
from clvhelpers.experiments.lift import ClvLift, clv_lift
from clvhelpers.experiments.means import MeanComparison, compare_means
from clvhelpers.experiments.units import refuse_post_treatment

__all__ = [
    "ArmCounts",
    "ArmSums",
    "BayesianRates",
    "MeanComparison",
    "arm_counts",
    "arm_sums",
    "bayesian_rates",
    "compare_means",
    "refuse_post_treatment",
    "ClvLift",
    "Decision",
    "Guardrail",
    "clv_lift",
    "decide",
    "guardrail",
]
