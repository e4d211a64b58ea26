"""Customer Lifetime Value: formulas, cohorts, segments, models and reports.

`import clvhelpers as clv` is how every notebook starts. Each name below is imported from its
module when it is first used, so the import itself costs next to nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "acquisition": ["channel_costs", "customer_payback", "open_acquisition", "spend_response"],
    "churn": [
        "before_leaving",
        "behaviour_features",
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
    ],
    "cohorts": [
        "chain_ladder",
        "cohort_table",
        "cohort_value",
        "cohorts_by",
        "mix_effect",
        "project_cohorts",
        "retention_at",
        "returning_customers",
    ],
    "company": ["Company", "open_company"],
    "course": ["course_map"],
    "customers": ["customer_summary", "orders_over_time", "split_holdout"],
    "datasets": ["load_cdnow", "load_experiment", "load_harbor_and_pine", "load_lumen"],
    "formulas": ["choose_formula", "convert_rate", "payback_period"],
    "exercises": ["check", "hint", "solution", "start_lesson"],
    "marking": ["truth"],
    "metrics": ["key_metrics"],
    "models": [
        "BetaDiscreteWeibullModel",
        "BetaGeoBetaBinomModel",
        "BetaGeoModel",
        "GammaGammaModel",
        "ModifiedBetaGeoModel",
        "ParetoNBDModel",
        "Prior",
        "ShiftedBetaGeoModel",
        "base_value",
        "check_assumptions",
        "choose_model",
        "customer_intervals",
        "segment_values",
        "spend_frequency_correlation",
    ],
    "models.baselines": [
        "arrivals",
        "average_forecast",
        "compare_forecasts",
        "customer_kinds",
        "fit_purchase_learner",
        "group_forecast",
        "pace_forecast",
    ],
    "models.newcomers": ["newcomer_belief"],
    "models.windows": ["two_windows"],
    "profit": ["customer_profit"],
    "public_data": [
        "load_cookie_cats",
        "load_hillstrom",
        "load_online_retail",
        "load_online_retail_2",
        "load_telco_churn",
    ],
    "segments": [
        "GoalTables",
        "category_scores",
        "choose_clusters",
        "cluster_agreement",
        "cluster_customers",
        "compare_segmentations",
        "concentration",
        "customer_traits",
        "goal_tables",
        "concentration_by",
        "migration",
        "order_migration",
        "rfm_features",
        "rfm_groups",
        "rfm_migration",
        "rfm_scores",
        "segment_goals",
        "segment_mix",
        "value_tiers",
    ],
    "sources": ["guess_columns", "open_transactions", "read_transactions"],
    "text": ["md", "money", "number", "percent", "table"],
    "transactions": ["Rules", "clean_transactions"],
}
_MODULES = ["acquisition", "churn", "cohorts", "customers", "datasets", "errors", "exercises", "experiments"]
_MODULES += ["formulas", "models", "plots", "public_data", "reporting", "segments", "simulate", "sources", "text"]
_MODULES += ["transactions"]
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = sorted([*_HOME_OF, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _HOME_OF:
        return getattr(import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
