"""From spells on a plan to unbroken stays with the company: when somebody came, and when they really left.

A spell is one plan of one customer. An upgrade or a downgrade ends a spell and begins another, and the
customer has not left. Who leaves and comes back has two stays.
"""

import pandas as pd

from clvhelpers.errors import DataContractError
from clvhelpers.text import count

PLAN_CHANGES = ("upgrade", "downgrade")
NEEDED = ("customer_id", "start_date", "end_date")
EXAMPLES = 3


def unbroken_stays(spells: pd.DataFrame) -> pd.DataFrame:
    """One row a stay: `customer_id, stay (1, 2, ..), start, end, reason`, by customer and start.

    `spells` has one row a spell with `customer_id`, `start_date`, `end_date` (missing: still running) and, where
    known, `end_reason`. `end` and `reason` are those of the last spell of a stay, and missing for one that goes
    on. A spell that ends by "upgrade" or "downgrade", or without a reason while another begins within a day, does
    not end the stay.

    Raises `DataContractError` for missing columns, ids or start dates, and for spells that end before they begin.

    >>> spells = pd.DataFrame({"customer_id": ["a", "a", "a"], "end_reason": ["upgrade", "competition", None],
    ...     "start_date": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-06-01"]),
    ...     "end_date": pd.to_datetime(["2025-02-01", "2025-03-15", None])})
    >>> unbroken_stays(spells)[["stay", "end", "reason"]].values.tolist()[0]
    [1, Timestamp('2025-03-15 00:00:00'), 'competition']
    """
    rows = checked_spells(spells).sort_values(["customer_id", "start_date"], kind="stable", ignore_index=True)
    leaves = _leaves(rows)
    earlier = leaves.astype(int).groupby(rows["customer_id"]).cumsum() - leaves
    rows = rows.assign(
        stay=earlier + 1,
        end_date=rows["end_date"].where(leaves),
        end_reason=rows["end_reason"].astype(object).where(leaves, None),
    )
    return rows.groupby(["customer_id", "stay"], as_index=False).agg(
        start=("start_date", "first"), end=("end_date", "last"), reason=("end_reason", "last")
    )


def checked_spells(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells with an `end_reason` column, once it is sure that they can be used."""
    missing = [name for name in NEEDED if name not in spells]
    if missing:
        raise DataContractError(
            f"the spells have no column {', '.join(map(repr, missing))}: they have {', '.join(map(repr, spells))}; "
            "one row a customer and plan is needed, with the day it began and the day it ended (missing: still running)"
        )
    problems = [
        f"column {name!r} of the spells holds {spells[name].dtype}, not dates: parse it first (pd.to_datetime)"
        for name in ("start_date", "end_date")
        if not pd.api.types.is_datetime64_any_dtype(spells[name])
    ] or _row_problems(spells)
    if problems:
        raise DataContractError(problems)
    return spells if "end_reason" in spells else spells.assign(end_reason=None)


def _row_problems(spells: pd.DataFrame) -> list[str]:
    wrong = {
        "without a customer": spells["customer_id"].isna(),
        "without a start date": spells["start_date"].isna(),
        "with an end before the start": spells["end_date"] < spells["start_date"],
    }
    return [
        f"{count(int(bad.sum()), 'spell')} {what} (row {', row '.join(map(str, spells.index[bad][:EXAMPLES]))}): "
        "mend the dates and ids, or set these rows aside"
        for what, bad in wrong.items()
        if bad.any()
    ]


def _leaves(rows: pd.DataFrame) -> pd.Series:
    """Whether a spell ends with the customer gone; `rows` are sorted by customer and start."""
    next_start = rows.groupby("customer_id")["start_date"].shift(-1)
    goes_on = rows["end_reason"].isna() & (next_start <= rows["end_date"] + pd.Timedelta(days=1))
    return rows["end_date"].notna() & ~rows["end_reason"].isin(PLAN_CHANGES) & ~goes_on
