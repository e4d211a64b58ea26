"""Rows of a log that are equal in every column: counted, or set aside, and a log loaded twice is refused."""

import narwhals as nw

from clvhelpers.cleaning import Count, place
from clvhelpers.errors import DataContractError
from clvhelpers.purchases import EXAMPLES, Frame, rows_of, settle
from clvhelpers.text import number


def count_duplicates(rows: Frame, columns: list[str], rule: str) -> tuple[Frame, Count | None]:
    """Count rows that repeat an earlier one, refuse a log loaded twice, set copies aside if so ruled.

    Rows are equal if they are so in `columns`; those with a `reason` take no part.
    """
    live = rows.filter(nw.col("reason").is_null())
    groups = live.group_by(columns).agg(copies=nw.len())
    extra = nw.col("copies") - 1
    money = extra * nw.col("amount") if "amount" in columns else extra * 0.0
    facts = rows_of(
        groups.select(groups=nw.len(), least=nw.col("copies").min(), rows=extra.sum(), money=money.fill_null(0.0).sum())
    )[0]
    if not facts["rows"]:
        return rows, None
    if rule != "keep":
        return settle(_without_copies(rows, columns)), None
    if facts["groups"] > 1 and facts["least"] > 1:
        total = facts["rows"] + facts["groups"]
        raise DataContractError(
            f"each of the {total:,} rows occurs at least twice, so the export was loaded twice and its money would "
            "count twice; remove one copy, or set the rule exact_duplicates to set_aside"
        )
    in_order = ["customer_id", "date", *(name for name in columns if name not in ("customer_id", "date"))]
    repeated = groups.filter(nw.col("copies") > 1).sort(in_order).head(EXAMPLES)
    examples = tuple(_first_copy(rows, group, columns) for group in rows_of(repeated))
    across = _copies_in_other_files(live, columns)
    return rows, {"rows": facts["rows"], "money": facts["money"], "across": across, "examples": examples}


def _copies_in_other_files(live: Frame, columns: list[str]) -> int:
    """How many rows repeat one of another file; asked only where there are copies, since it takes long."""
    file = nw.col("source_file").n_unique()
    if "source_file" not in live.collect_schema() or rows_of(live.select(files=file))[0]["files"] == 1:
        return 0
    groups = live.group_by(columns).agg(copies=nw.len(), files=file).filter(nw.col("files") > 1)
    return int(rows_of(groups.select(rows=(nw.col("copies") - 1).sum()))[0]["rows"] or 0)


def _first_copy(rows: Frame, group: Count, columns: list[str]) -> str:
    """Where the second of equal rows stands, or what they hold where rows have no number."""
    order = [name for name in ("source_file", "source_row", "_row") if name in rows.collect_schema()]
    if not order:
        return f"{place(group)} ({group['copies']} times)"
    missing = {name for name in columns if group[name] is None or group[name] != group[name]}
    equal = [nw.col(name).is_null() if name in missing else nw.col(name) == group[name] for name in columns]
    found = rows.filter(nw.col("reason").is_null(), *equal).sort(order).head(2)
    return place(rows_of(found)[1])


def overlap_notes(duplicates: Count | None) -> list[str]:
    """What the reader should know of rows that stand in more than one file."""
    if not duplicates or not duplicates["across"]:
        return []
    return [
        f"Rows that stand in more than one file: {number(duplicates['across'])}. If these exports overlap, their money "
        "counts twice: set the rule exact_duplicates to set_aside"
    ]


def _without_copies(rows: Frame, columns: list[str]) -> Frame:
    """Give a reason to each live row that repeats an earlier one."""
    order = [name for name in rows.collect_schema() if name in ("source_file", "source_row", "_row")] or ["date"]
    values = [nw.col(name).cast(nw.String).fill_null("") for name in (*columns, "reason")]
    rows = rows.with_columns(_key=nw.concat_str(values, separator="\x1f"), _one=nw.lit(1))
    rows = rows.with_columns(_number=nw.col("_one").cum_sum().over("_key", order_by=order))
    copy = nw.col("reason").is_null() & (nw.col("_number") > 1)
    reason = nw.when(copy).then(nw.lit("exact_duplicates")).otherwise(nw.col("reason"))
    return rows.with_columns(reason=reason).drop("_key", "_one", "_number")
