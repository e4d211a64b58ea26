"""Experiments: was it sound, did it work, and what is it worth in money?"""

from clvhelpers.experiments.arms import ArmCounts, ArmSums, arm_counts, arm_sums
from clvhelpers.experiments.units import refuse_post_treatment

__all__ = ["ArmCounts", "ArmSums", "arm_counts", "arm_sums", "refuse_post_treatment"]
