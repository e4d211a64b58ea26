"""Whose midnight ends a day: time stamps that carry a zone, turned into local time before any day is cut off."""

from typing import Any
from zoneinfo import ZoneInfo

import narwhals as nw

from clvhelpers.errors import ConfigError, DataContractError
from clvhelpers.purchases import Frame, PurchaseDays, as_frame


def in_zone(transactions: Any, date: str, timezone: str | None) -> Any:
    """The log with its time stamps in local time of `timezone`, without a zone; as it is where none is asked for.

    Raises ConfigError for a zone that is not known (IANA names, such as Europe/London), DataContractError where the
    stamps carry no zone, or only some of them do.

    >>> import pandas as pd
    >>> log = pd.DataFrame({"date": pd.to_datetime(["2026-01-31 23:30"]).tz_localize("UTC")})
    >>> in_zone(log, "date", "Europe/Paris")["date"].astype(str).to_list()
    ['2026-02-01 00:30:00']
    """
    if isinstance(transactions, PurchaseDays):
        return transactions  # its days were cut off before
    frame = as_frame(transactions, "the transaction log")
    schema = frame.collect_schema()
    if date not in schema:
        return transactions  # the check of the columns says so
    if frame.implementation.is_pandas_like() and schema[date] == nw.Object:
        _refuse_mixed(frame.to_native()[date], date)
    if timezone is None:
        return transactions
    _check_zone(timezone)
    dtype = schema[date]
    if not isinstance(dtype, nw.Datetime) or dtype.time_zone is None:
        raise DataContractError(
            f"timezone is {timezone!r}, but column {date!r} ({dtype}) carries no zone. Dates without one are taken as "
            "local time: leave timezone out, or say first in which zone they were written (pandas: "
            ".dt.tz_localize('UTC'))"
        )
    return _converted(frame, date, timezone)


def _check_zone(timezone: str) -> None:
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):
        raise ConfigError(
            f"timezone is {timezone!r}, which is not known: expected an IANA name such as Europe/London or UTC"
        ) from None


def _refuse_mixed(stamps: Any, date: str) -> None:
    """Python's own time stamps in one column may differ in their zones, which no engine can sort out."""
    zones = [stamp.tzinfo for stamp in stamps if hasattr(stamp, "tzinfo") and stamp == stamp]
    naive = sum(zone is None for zone in zones)
    if 0 < naive < len(zones):
        raise DataContractError(
            f"column {date!r} mixes {naive:,} time stamps without a zone and {len(zones) - naive:,} with one: nobody "
            "can tell how they follow each other. Give those without one the zone in which they were written, then "
            "turn all into one zone (pd.to_datetime(column, utc=True))"
        )
    if zones and not naive:
        raise DataContractError(
            f"column {date!r} holds time stamps of {len(set(map(str, zones))):,} zones: turn all into one first "
            "(pd.to_datetime(column, utc=True)), then name yours as timezone"
        )


def _converted(frame: Frame, date: str, timezone: str) -> Any:
    native: Any = frame.to_native()
    quoted = date.replace('"', '""').replace("`", "``")
    if frame.implementation.is_duckdb():
        return native.query(
            "clv_log", f'SELECT * REPLACE (timezone(\'{timezone}\', "{quoted}") AS "{quoted}") FROM clv_log'
        )
    if frame.implementation.is_pyspark():
        others = [nw.col(name) for name in frame.collect_schema().names() if name != date]
        stamps = native.selectExpr(
            "*", f"convert_timezone('{timezone}', CAST(`{quoted}` AS TIMESTAMP_NTZ)) AS clv_local"
        )
        return nw.from_native(stamps).select(*others, nw.col("clv_local").alias(date)).to_native()
    local = nw.col(date).dt.convert_time_zone(timezone).dt.replace_time_zone(None)
    return nw.to_native(frame.with_columns(local.alias(date)))
