"""Which formula suits a kind of business and the data that exist."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches

import pandas as pd

from clvhelpers.errors import FormulaError, NotEnoughDataError

BUSINESSES = {
    "contractual": "you see a customer leave: a subscription, a contract, a membership",
    "non-contractual": "you never see a customer leave: a shop, a hotel, a coffee chain",
}
KNOWN_DATA = {
    "cash_flows": "money in and out per customer, period by period",
    "transactions": "a log of orders: customer, date, amount",
    "revenue": "mean revenue per customer and period",
    "margin": "the share of revenue that is kept",
    "churn": "the share of customers who leave in a period, or its complement, retention",
    "discount": "the discount rate",
    "growth": "how fast the margin of a customer grows",
    "costs": "what it costs to keep or to serve a customer",
    "order_value": "mean value of an order",
    "orders_per_year": "mean number of orders per customer and year",
    "years": "how long a customer stays, in years",
}
SAME_AS = {"retention": "churn", "arpu": "revenue", "lifespan": "years", "aov": "order_value"}


@dataclass(frozen=True)
class Rule:
    """A formula, what it needs, and what one believes when using it."""

    name: str
    function: str
    business: tuple[str, ...]
    needs: tuple[str, ...]
    why: str
    assumes: str


BOTH = tuple(BUSINESSES)
RULES = (
    Rule(
        "net present value",
        "clv.formulas.net_present_value",
        BOTH,
        ("cash_flows", "discount"),
        "the cash flows are known period by period, so no rate has to stand in for them",
        "the flows hold everything, beyond the last one comes nothing, and the discount rate is constant",
    ),
    Rule(
        "purchase model fitted to the orders",
        "clv.models.BetaGeoModel with clv.models.GammaGammaModel",
        ("non-contractual",),
        ("transactions", "margin", "discount"),
        "nobody tells you when a customer leaves, so the silence since the last order must be weighed",
        "each customer buys at a steady pace until leaving for good, and what is spent does not depend on the pace",
    ),
    Rule(
        "margin multiple with costs and growth",
        "clv.formulas.retention_value",
        ("contractual",),
        ("revenue", "margin", "churn", "discount", "growth", "costs"),
        "leaving is seen, and growth and costs are known and have their place in it",
        "one retention rate for every customer in every period, growth as long as the customer stays",
    ),
    Rule(
        "margin multiple with growth",
        "clv.formulas.margin_multiple",
        ("contractual",),
        ("revenue", "margin", "churn", "discount", "growth"),
        "leaving is seen, and the margin of those who stay grows",
        "one retention rate for every customer in every period, growth as long as the customer stays",
    ),
    Rule(
        "margin multiple with costs",
        "clv.formulas.retention_value",
        ("contractual",),
        ("revenue", "margin", "churn", "discount", "costs"),
        "leaving is seen, and keeping or serving a customer costs money each period",
        "one retention rate and the same margin and costs for every customer in every period",
    ),
    Rule(
        "margin multiple",
        "clv.formulas.margin_multiple",
        ("contractual",),
        ("revenue", "margin", "churn", "discount"),
        "leaving is seen, and later money counts less",
        "one retention rate and one margin for every customer in every period",
    ),
    Rule(
        "subscription formula",
        "clv.formulas.subscription_value",
        ("contractual",),
        ("revenue", "margin", "churn"),
        "leaving is seen, but there is no discount rate, so later money counts in full",
        "one churn rate for every customer in every period, and a dollar in ten years is a dollar now",
    ),
    Rule(
        "transaction formula",
        "clv.formulas.transaction_value",
        BOTH,
        ("order_value", "orders_per_year", "years", "margin"),
        "orders are known on average only, not customer by customer",
        "spend, pace and lifespan are unrelated, and the lifespan is known and not guessed",
    ),
    Rule(
        "yearly revenue times years",
        "clv.formulas.simple_value",
        BOTH,
        ("revenue", "years", "margin"),
        "nothing finer is known",
        "every customer stays just so long and later money counts in full",
    ),
)


@dataclass(frozen=True)
class Choice:
    """The formula that uses most of what is known; `frame` lists every other one and what it lacks."""

    business: str
    name: str
    function: str
    why: str
    assumes: str
    frame: pd.DataFrame = field(repr=False, compare=False)

    def sentence(self) -> str:
        """The formula, the reason for it, and what one believes when using it."""
        return f"Use the {self.name} ({self.function}), since {self.why}. It assumes: {self.assumes}."


def choose_formula(business: str, data: Iterable[str]) -> Choice:
    """The formula for a business ("contractual" or "non-contractual") and the data that exist.

    `data` are words of `KNOWN_DATA`, such as "revenue", "margin", "churn" (or "retention"), "discount", "growth",
    "costs", "order_value", "orders_per_year", "years", "transactions", "cash_flows". The first formula of `RULES`,
    finest first, that needs nothing more is chosen. Errors: FormulaError for an unknown word;
    NotEnoughDataError where no formula can be used, with what each one lacks.

    >>> choose_formula("contractual", ["revenue", "margin", "churn"]).function
    'clv.formulas.subscription_value'
    >>> print(choose_formula("non-contractual", ["revenue", "margin", "years"]).sentence())
    Use the yearly revenue times years (clv.formulas.simple_value), since nothing finer is known. It assumes: \
every customer stays just so long and later money counts in full.
    """
    known = {SAME_AS.get(word, word) for word in ([data] if isinstance(data, str) else data)}
    _check_words(business, known)
    rules = [rule for rule in RULES if business in rule.business]
    lacks = [[word for word in rule.needs if word not in known] for rule in rules]
    frame = pd.DataFrame(
        {
            "formula": [rule.name for rule in rules],
            "function": [rule.function for rule in rules],
            "lacks": [", ".join(words) for words in lacks],
        }
    )
    chosen = next((rule for rule, words in zip(rules, lacks, strict=True) if not words), None)
    if chosen is None:
        raise NotEnoughDataError([f"{row.formula}: also needs {row.lacks}" for row in frame.itertuples()])
    return Choice(business, chosen.name, chosen.function, chosen.why, chosen.assumes, frame)


def _check_words(business: str, known: set[str]) -> None:
    problems = []
    if business not in BUSINESSES:
        kinds = "; ".join(f"{kind!r}: {meaning}" for kind, meaning in BUSINESSES.items())
        problems.append(f"business is {business!r}: expected one of {kinds}")
    for word in sorted(known - set(KNOWN_DATA)):
        near = get_close_matches(word, [*KNOWN_DATA, *SAME_AS], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected some of {', '.join(KNOWN_DATA)}"
        problems.append(f"{word!r} is not a kind of data: {hint}")
    if problems:
        raise FormulaError(problems)
