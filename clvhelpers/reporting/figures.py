"""The figures that reports are compared by: their names, and what kind of number each is."""

from typing import Literal, NamedTuple


class Figure(NamedTuple):
    """How a figure is called in a table and in a sentence, what kind of number it is, and what moves it by itself."""

    label: str
    words: str
    kind: Literal["count", "money", "share", "ratio"]
    moved_by: str = ""


FIGURES = {
    "customers": Figure("Customers", "customers", "count"),
    "orders": Figure("Orders", "orders", "count"),
    "revenue": Figure("Revenue", "revenue", "money"),
    "new_customers": Figure("New customers in {window}", "the number of new customers", "count"),
    "new_orders": Figure("Orders in {window}", "the number of orders", "count"),
    "new_revenue": Figure("Revenue in {window}", "revenue", "money"),
    "average_order_value": Figure("Average order", "the average order", "money"),
    "month_1": Figure("Retention at month 1", "retention at month 1", "share"),
    "month_3": Figure("Retention at month 3", "retention at month 3", "share"),
    "month_6": Figure("Retention at month 6", "retention at month 6", "share"),
    "month_12": Figure("Retention at month 12", "retention at month 12", "share"),
    "repeat_rate": Figure("Repeat rate", "the repeat rate", "share", "rises with age"),
    "orders_per_customer": Figure("Orders per customer", "orders per customer", "ratio", "rises with age"),
    "top_10_share": Figure("Share of the best tenth", "the share of the best tenth", "share", "moves with age"),
    "clv_total": Figure("Predicted value of the base", "predicted value", "money", "moves with the base"),
    "clv_mean": Figure("Predicted value of a customer", "predicted value of a customer", "money", "moves with age"),
    "clv_like_for_like": Figure(
        "Value of today's, by each model", "the predicted value of today's customers by the two models", "money"
    ),
}
