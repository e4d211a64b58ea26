"""Which purchase a refund belongs to.

Only rows that no other rule set aside take part. For each refund (a row below 0):

1. *The order.* A refund with the order id of a purchase of the same customer belongs to that
   order. If the order's purchases and refunds sum to zero, the order is a cancelled pair.
   Otherwise the refund is netted: it gets the time of the order's first purchase as `date` and
   keeps its own in `refund_date`. An order refunded by more than it cost stays below zero, and so
   is no purchase.
2. *The day.* A refund left over belongs to what the customer bought on its day, if that is at
   least as much as all refunds left over on that day. Equal sums are a cancelled pair; otherwise
   the refund is netted there.
3. Any other refund is kept as a refund: its money counts, and it is never a purchase.

Sums within half a cent of zero are zero.

Orders and days are summed only where a refund may find its place: they are few beside all others.
"""

from typing import Any

import narwhals as nw

from clvhelpers.purchases import Frame, settle

HALF_A_CENT = 0.005
_ORDER = ["customer_id", "order_id"]
_DAY = ["customer_id", "_day"]


def match_refunds(rows: Frame, has_orders: bool) -> Frame:
    """Add `kind` ("purchase", "netted" or "refund"), `refund_date` and `cancelled`, and move netted dates.

    `rows` has `customer_id, date, amount, reason` and, with `has_orders`, `order_id`; those with a
    `reason` take no part.
    """
    given = rows.collect_schema().names()
    live = nw.col("reason").is_null()
    rows = rows.with_columns(
        _bought=nw.when(live & (nw.col("amount") > 0)).then(nw.col("amount")).otherwise(0.0),
        _refund=nw.when(live & (nw.col("amount") < 0)).then(nw.col("amount")).otherwise(0.0),
        refund_date=nw.when(live & (nw.col("amount") < 0)).then(nw.col("date")),
    )
    rows = _match_orders(rows) if has_orders else _nothing_matched(rows)
    rows = _match_days(rows)
    is_refund = nw.col("_refund") < 0
    kind = (
        nw.when(is_refund & ~nw.col("_netted"))
        .then(nw.lit("refund"))
        .otherwise(nw.when(is_refund).then(nw.lit("netted")).otherwise(nw.lit("purchase")))
    )
    own = nw.when(is_refund & nw.col("_netted")).then(nw.col("refund_date"))
    return rows.with_columns(kind=kind, refund_date=own).select(*given, "kind", "refund_date", "cancelled")


def _match_orders(rows: Frame) -> Frame:
    named = ~nw.col("order_id").is_null()
    rows = rows.with_columns(_buy_date=nw.when(nw.col("_bought") > 0).then(nw.col("date")))
    rows = _with_sums(
        rows,
        _ORDER,
        named & (nw.col("_refund") < 0),
        _first=nw.col("_buy_date").min(),
        _order_bought=nw.col("_bought").sum(),
        _order_refund=nw.col("_refund").sum(),
    )
    same = named & (nw.col("_refund") < 0) & ~nw.col("_first").is_null()
    part = named & (nw.col("_bought") - nw.col("_refund") > 0)
    both = (nw.col("_order_bought") > 0) & (nw.col("_order_refund") < 0)
    cancelled = part & both & _zero(nw.col("_order_bought") + nw.col("_order_refund"))
    return rows.with_columns(
        cancelled=cancelled.fill_null(False),
        date=nw.when(same).then(nw.col("_first")).otherwise(nw.col("date")),
        _netted=same,
    )


def _nothing_matched(rows: Frame) -> Frame:
    return rows.with_columns(cancelled=nw.lit(False), _netted=nw.lit(False))


def _match_days(rows: Frame) -> Frame:
    is_open = (nw.col("_refund") < 0) & ~nw.col("_netted")
    standing = ~nw.col("cancelled") & ~is_open
    rows = rows.with_columns(
        _day=nw.col("date").dt.truncate("1d"),
        _open=nw.when(is_open).then(nw.col("_refund")).otherwise(0.0),
        _standing=nw.when(standing).then(nw.col("_bought") + nw.col("_refund")).otherwise(0.0),
    )
    rows = _with_sums(rows, _DAY, is_open, _day_left=nw.col("_standing").sum(), _day_open=nw.col("_open").sum())
    left = nw.col("_day_left") + nw.col("_day_open")
    covered = ((nw.col("_day_left") > HALF_A_CENT) & (left > -HALF_A_CENT)).fill_null(False)
    part = is_open | ((nw.col("_bought") - nw.col("_refund") > 0) & standing)
    return rows.with_columns(
        cancelled=nw.col("cancelled") | (covered & _zero(left) & part), _netted=nw.col("_netted") | (covered & is_open)
    )


def _with_sums(rows: Any, keys: list[str], wanted: nw.Expr, **sums: nw.Expr) -> Any:
    """Put its sums beside each row of a group that has a `wanted` row; they are missing for all others."""
    groups = rows.filter(wanted).select(*keys)
    found = settle(rows.join(groups, on=keys, how="semi").group_by(keys).agg(**sums))
    return rows.join(found, on=keys, how="left")


def _zero(money: nw.Expr) -> nw.Expr:
    return money.abs() < HALF_A_CENT
