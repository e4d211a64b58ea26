"""Who is who in a customer base.

- `rfm`: scores for recency, frequency and money
- `groups`: groups with an action each, read off the scores
- `tiers`: Platinum, Gold, Silver and Bronze by value
- `concentration`: how unevenly a total is spread
"""

from clvhelpers.segments.concentration import Concentration, concentration
from clvhelpers.segments.groups import Groups, check_groups, default_groups, rfm_groups
from clvhelpers.segments.rfm import (
    FREQUENCY_EDGES,
    RECENCY_MULTIPLES,
    SCORES,
    rfm_scores,
    score_shares,
    typical_gap,
)
from clvhelpers.segments.tiers import TIERS, Tiers, value_tiers

__all__ = [
    "FREQUENCY_EDGES",
    "RECENCY_MULTIPLES",
    "SCORES",
    "TIERS",
    "Concentration",
    "Groups",
    "Tiers",
    "check_groups",
    "concentration",
    "default_groups",
    "rfm_groups",
    "rfm_scores",
    "score_shares",
    "typical_gap",
    "value_tiers",
]
