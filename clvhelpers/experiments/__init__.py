"""Experiments: was it sound, did it work, and what is it worth in money?"""

from clvhelpers.experiments.adjustment import AdjustedEffect, regression_effect
from clvhelpers.experiments.arms import ArmCounts, ArmSums, arm_counts, arm_sums
from clvhelpers.experiments.attempts import Attempts, attempts_table
from clvhelpers.experiments.balance import Balance, balance
from clvhelpers.experiments.bayes import BayesianRates, bayesian_rates
from clvhelpers.experiments.before_after import DifferenceInDifferences, difference_in_differences
from clvhelpers.experiments.decision import Decision, decide
from clvhelpers.experiments.design import (
    Duration,
    SampleSize,
    duration,
    sample_size_for_means,
    sample_size_for_rates,
    sample_size_for_stays,
)
from clvhelpers.experiments.detectable import DetectableDifference, detectable_rate_difference
from clvhelpers.experiments.factorial import FactorialEffects, factorial_effects
from clvhelpers.experiments.guardrails import Guardrail, guardrail
from clvhelpers.experiments.hazard import HazardRatio, hazard_ratio
from clvhelpers.experiments.heavy_tail import BootstrapDifference, bootstrap_difference
from clvhelpers.experiments.lift import ClvLift, clv_lift
from clvhelpers.experiments.many import ManyComparisons, compare_many
from clvhelpers.experiments.means import MeanComparison, compare_means
from clvhelpers.experiments.novelty import Novelty, novelty
from clvhelpers.experiments.peeking import (
    ConfidenceSequence,
    SequentialBounds,
    confidence_sequence,
    false_alarm_rate,
    sequential_bounds,
)
from clvhelpers.experiments.peeking_cost import CostOfPeeking, cost_of_peeking, looks_without_effect
from clvhelpers.experiments.rates import RateComparison, compare_rates
from clvhelpers.experiments.ratios import RatioComparison, compare_ratios
from clvhelpers.experiments.resplit import AACheck, aa_check
from clvhelpers.experiments.retention import Retention, retention_by_day
from clvhelpers.experiments.sample_ratio import SampleRatio, sample_ratio
from clvhelpers.experiments.segment_luck import CostOfSegments, cost_of_segments
from clvhelpers.experiments.simulated import SimulatedPower, simulated_power
from clvhelpers.experiments.stays import StayComparison, compare_stays
from clvhelpers.experiments.subgroups import SegmentEffects, segment_effects
from clvhelpers.experiments.units import UnitCheck, check_units, refuse_post_treatment
from clvhelpers.experiments.weighting import WeightedEffect, weighted_effect

__all__ = [
    "AACheck",
    "AdjustedEffect",
    "ArmCounts",
    "ArmSums",
    "Attempts",
    "Balance",
    "BayesianRates",
    "BootstrapDifference",
    "ClvLift",
    "ConfidenceSequence",
    "CostOfPeeking",
    "CostOfSegments",
    "Decision",
    "DetectableDifference",
    "DifferenceInDifferences",
    "Duration",
    "FactorialEffects",
    "Guardrail",
    "HazardRatio",
    "ManyComparisons",
    "MeanComparison",
    "Novelty",
    "RateComparison",
    "RatioComparison",
    "Retention",
    "SampleRatio",
    "SampleSize",
    "SegmentEffects",
    "SequentialBounds",
    "SimulatedPower",
    "StayComparison",
    "UnitCheck",
    "WeightedEffect",
    "aa_check",
    "arm_counts",
    "arm_sums",
    "attempts_table",
    "balance",
    "bayesian_rates",
    "bootstrap_difference",
    "check_units",
    "clv_lift",
    "compare_many",
    "compare_means",
    "compare_rates",
    "compare_ratios",
    "compare_stays",
    "confidence_sequence",
    "cost_of_peeking",
    "cost_of_segments",
    "decide",
    "detectable_rate_difference",
    "difference_in_differences",
    "duration",
    "factorial_effects",
    "false_alarm_rate",
    "guardrail",
    "hazard_ratio",
    "looks_without_effect",
    "novelty",
    "refuse_post_treatment",
    "regression_effect",
    "retention_by_day",
    "sample_ratio",
    "sample_size_for_means",
    "sample_size_for_rates",
    "sample_size_for_stays",
    "segment_effects",
    "sequential_bounds",
    "simulated_power",
    "weighted_effect",
]
