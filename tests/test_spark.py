"""The same numbers from Spark: in one file, so that the tests of two processes start it but once."""

from typing import Any

import pandas as pd
import polars as pl
import pytest

import clvhelpers as clv
from tests.test_engines import LOG, as_pandas
from tests.test_transactions import MESSY, rows


def test_spark_gives_the_same_and_stays_in_spark(spark: Any) -> None:
    log = spark.createDataFrame(LOG)
    found = clv.split_holdout(log, "2026-03-31")
    assert type(found) is type(log)
    pd.testing.assert_frame_equal(as_pandas(found), clv.split_holdout(LOG, "2026-03-31"))


def test_spark_timestamps_are_local_before_a_month_is_cut_off(spark: Any) -> None:
    log = spark.createDataFrame(LOG)
    zoned = log.withColumn("date", log["date"].cast("timestamp_ltz"))  # the session's zone is UTC
    local = LOG.assign(date=LOG["date"].dt.tz_localize("UTC"))
    expected = clv.cohort_table(local, timezone="Europe/Paris").frame
    assert str(expected["cohort"].min()) == "2026-01"
    pd.testing.assert_frame_equal(clv.cohort_table(zoned, timezone="Europe/Paris").frame, expected)


def test_spark_timestamps_that_carry_a_zone_are_refused(spark: Any) -> None:
    log = spark.createDataFrame(LOG)
    zoned = log.withColumn("date", log["date"].cast("timestamp_ltz"))
    with pytest.raises(clv.errors.DataContractError, match="time zone UTC: whose midnight ends a day"):
        clv.customer_summary(zoned)


def test_spark_gives_the_same_account_as_pandas(spark: Any) -> None:
    records = pl.from_pandas(MESSY).with_columns(pl.col("amount").fill_nan(None)).rows()
    native = spark.createDataFrame(records, "customer_id string, date timestamp_ntz, amount double, order_id string")
    log, expected = (clv.clean_transactions(one, as_of="2026-02-28") for one in (native, MESSY))
    assert log.rows_set_aside == expected.rows_set_aside
    assert log.money_used == expected.money_used
    names = ("customer_id", "date", "amount", "kind", "refund_date")
    assert rows(log.transactions, *names) == rows(expected.transactions, *names)


def test_a_model_fits_the_same_from_a_frame_of_spark(spark: Any) -> None:
    summary = clv.customer_summary(clv.load_cdnow(), end="1997-09-30")
    frame = spark.createDataFrame(summary[["customer_id", "frequency", "recency", "T", "monetary_value"]])
    fitted = clv.BetaGeoModel().fit(frame)
    assert fitted.parameters == pytest.approx(clv.BetaGeoModel().fit(summary).parameters, rel=1e-9)
