"""Experiments: was it sound, did it work, and what is it worth in money?"""

from clvhelpers.experiments.arms import ArmCounts, ArmSums, arm_counts, arm_sums
from clvhelpers.experiments.bayes import BayesianRates, bayesian_rates
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
from clvhelpers.experiments.peeking_cost import CostOfPeeking, cost_of_peeking
from clvhelpers.experiments.rates import RateComparison, compare_rates
from clvhelpers.experiments.ratios import RatioComparison, compare_ratios
from clvhelpers.experiments.simulated import SimulatedPower, simulated_power
from clvhelpers.experiments.subgroups import SegmentEffects, segment_effects
from clvhelpers.experiments.units import refuse_post_treatment

__all__ = [
    "ArmCounts",
    "ArmSums",
    "BayesianRates",
    "ClvLift",
    "ConfidenceSequence",
    "CostOfPeeking",
    "Decision",
    "DetectableDifference",
    "Duration",
    "FactorialEffects",
    "Guardrail",
    "ManyComparisons",
    "MeanComparison",
    "Novelty",
    "RateComparison",
    "RatioComparison",
    "SampleSize",
    "SegmentEffects",
    "SequentialBounds",
    "SimulatedPower",
    "arm_counts",
    "arm_sums",
    "bayesian_rates",
    "clv_lift",
    "compare_many",
    "compare_means",
    "compare_rates",
    "compare_ratios",
    "confidence_sequence",
    "cost_of_peeking",
    "decide",
    "detectable_rate_difference",
    "duration",
    "factorial_effects",
    "false_alarm_rate",
    "guardrail",
    "novelty",
    "refuse_post_treatment",
    "sample_size_for_means",
    "sample_size_for_rates",
    "sample_size_for_stays",
    "segment_effects",
    "sequential_bounds",
    "simulated_power",
]
