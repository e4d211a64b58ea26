"""Who is who in a customer base.

- `rfm`: scores for recency, frequency and money; `categories`: the same within each category
- `maps`, `groups`: groups with an action each, read off the scores
- `tiers`: Platinum, Gold, Silver and Bronze by value
- `concentration`: how unevenly a total is spread
- `migration`: who moved between groups; `order_moves`, `rfm_moves`: beside who would have if nothing had changed
"""

from clvhelpers.segments.categories import category_scores, segment_mix
from clvhelpers.segments.clusters import (
    ClusterChoice,
    Clusters,
    choose_clusters,
    cluster_agreement,
    cluster_customers,
    rfm_features,
)
from clvhelpers.segments.concentration import Concentration, ConcentrationBy, concentration, concentration_by
from clvhelpers.segments.goals import Goals, GoalTables, segment_goals
from clvhelpers.segments.groups import Groups, check_groups, rfm_groups
from clvhelpers.segments.known import customer_traits, goal_tables
from clvhelpers.segments.maps import default_groups, eleven_groups
from clvhelpers.segments.migration import ABSENT, NOT_YET, Migration, migration
from clvhelpers.segments.order_moves import expected_by_orders, fit_nbd, order_migration
from clvhelpers.segments.rfm import (
    FREQUENCY_EDGES,
    RECENCY_MULTIPLES,
    SCORES,
    money_edges,
    rfm_scores,
    score_notes,
    score_shares,
    typical_gap,
)
from clvhelpers.segments.rfm_moves import rfm_migration
from clvhelpers.segments.separation import Separation, compare_segmentations, explained_share
from clvhelpers.segments.tiers import TIERS, Tiers, value_tiers

__all__ = [
    "ABSENT",
    "FREQUENCY_EDGES",
    "NOT_YET",
    "RECENCY_MULTIPLES",
    "SCORES",
    "TIERS",
    "ClusterChoice",
    "Clusters",
    "Concentration",
    "GoalTables",
    "Goals",
    "ConcentrationBy",
    "Groups",
    "Separation",
    "Migration",
    "Tiers",
    "category_scores",
    "check_groups",
    "choose_clusters",
    "cluster_agreement",
    "cluster_customers",
    "compare_segmentations",
    "concentration",
    "concentration_by",
    "customer_traits",
    "default_groups",
    "eleven_groups",
    "explained_share",
    "expected_by_orders",
    "fit_nbd",
    "goal_tables",
    "migration",
    "money_edges",
    "order_migration",
    "rfm_features",
    "rfm_groups",
    "rfm_migration",
    "rfm_scores",
    "score_notes",
    "score_shares",
    "segment_goals",
    "segment_mix",
    "typical_gap",
    "value_tiers",
]
