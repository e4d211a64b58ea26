"""Cohorts: customers grouped by when they first bought, and what each group did afterwards.

A cohort is the calendar period of the first purchase. A cell of the triangle is one cohort at one
age, and is in one of three states: a value, an observed zero, or not observed yet (missing). Young
cohorts are never counted as zero, and the last period is left out where it is not over.

"Retention" has as many meanings as there are products that print it, so the definition is always
an argument and always in the sentence:

* `mode="calendar"`: ages are calendar periods after the one of the first purchase; `"rolling"`: ages
  are windows of 1, 7, 30 or 90 days from each customer's own first purchase;
* `kind="on"`: bought in that period; `"on_or_after"`: in it or in a later one seen so far;
  `"cumulative"`: has come back by then (age 1 or later).

The tables are made over narwhals where the data lie; only the small result is a pandas frame.
"""

from clvhelpers.cohorts.cells import ROLLING_DAYS
from clvhelpers.cohorts.flow import CustomerFlow, returning_customers
from clvhelpers.cohorts.groups import CohortGroups, cohorts_by
from clvhelpers.cohorts.interval import wilson_interval
from clvhelpers.cohorts.ladder import ChainLadder, chain_ladder
from clvhelpers.cohorts.mix import MixEffect, mix_effect
from clvhelpers.cohorts.projection import CohortProjection, project_cohorts
from clvhelpers.cohorts.season import seasonal_periods
from clvhelpers.cohorts.table import KINDS, TOLD_AGES, VALUES, CohortTable, cohort_table, retention_at
from clvhelpers.cohorts.tails import lifetimes
from clvhelpers.cohorts.value import CohortValue, cohort_value

__all__ = [
    "KINDS",
    "ROLLING_DAYS",
    "TOLD_AGES",
    "VALUES",
    "ChainLadder",
    "CohortGroups",
    "CohortProjection",
    "CohortTable",
    "CohortValue",
    "CustomerFlow",
    "MixEffect",
    "chain_ladder",
    "cohort_table",
    "cohort_value",
    "cohorts_by",
    "lifetimes",
    "mix_effect",
    "project_cohorts",
    "retention_at",
    "returning_customers",
    "seasonal_periods",
    "wilson_interval",
]
