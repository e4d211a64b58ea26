"""What is known of the customers of the two invented companies beside their orders, for segments and their goals.

A client or CDNOW has orders alone: nothing more is known of them than a channel, if the orders have one.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from clvhelpers import datasets
from clvhelpers.company import Company
from clvhelpers.segments.goals import GoalTables

LEVELS = {1: "low", 2: "low", 3: "medium", 4: "high", 5: "high"}
_LOADERS: dict[str, Callable[[str], pd.DataFrame]] = {
    "Harbor & Pine": datasets.load_harbor_and_pine,
    "Lumen": datasets.load_lumen,
}
_GOAL_TABLES = {
    "Harbor & Pine": ("service", "satisfaction", "outside_spend"),
    "Lumen": ("satisfaction", "spells"),
}


def customer_traits(company: Company) -> pd.DataFrame:
    """Who each customer is and what they think, as labels of segments by `customer_id`; no columns where not known.

    - `demographic`: age group and size of the household ("35-49, 2"; 4 and more are one)
    - `psychographic`: two attitudes from a survey, each low (1-2), medium (3) or high (4-5): to price, and to style
      (Harbor & Pine) or to viewing (Lumen)
    - `channel`: where they came from (of a client, that of the first order)

    >>> from clvhelpers import open_company
    >>> customer_traits(open_company("cdnow")).columns.tolist()
    []
    >>> traits = customer_traits(open_company("lumen"))
    >>> traits.columns.tolist(), traits["channel"].unique().tolist()
    (['demographic', 'psychographic', 'channel'], ['web', 'mobile', 'tv'])
    """
    if company.name not in _LOADERS:
        log = company.transactions.sort_values("date", kind="stable").drop_duplicates("customer_id")
        return log.set_index("customer_id")[[name for name in ("channel",) if name in log]].sort_index()
    who = _LOADERS[company.name]("customers").set_index("customer_id")
    taste = next(name for name in ("style", "viewing") if f"{name}_attitude" in who)
    people = who["household_size"].clip(upper=4).astype(str)
    levels = {name: who[f"{name}_attitude"].map(LEVELS) for name in (taste, "price")}
    return pd.DataFrame(
        {
            "demographic": who["age_group"] + ", " + people,
            "psychographic": taste + " " + levels[taste] + ", price " + levels["price"],
            "channel": who["channel"],
        }
    )


def goal_tables(company: Company) -> GoalTables:
    """The tables that `segment_goals` can use, of a company that has them: cost to serve, answers, surveys, spells.

    >>> from clvhelpers import open_company
    >>> goal_tables(open_company("cdnow")).satisfaction is None
    True
    """
    tables: dict[str, Any] = {name: _LOADERS[company.name](name) for name in _GOAL_TABLES.get(company.name, ())}
    return GoalTables(**tables)
