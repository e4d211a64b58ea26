"""The first page in plain words, made from `Metrics` and from nothing else.

Each function answers one question of a manager in two to four sentences. A number that is null is
never written around: the text says that it can't be had, or leads with what is known.
"""

from clvhelpers.models.validation import FEWEST_PURCHASES
from clvhelpers.reporting.experiment_words import short_verdict
from clvhelpers.reporting.forecast import LEVEL
from clvhelpers.reporting.metrics import Holdout, Metrics, Segment
from clvhelpers.text import Text, count, day, join, md, money, number, percent

HALF = 0.5
SMALLEST_SHARE = 0.01


def summary(metrics: Metrics) -> list[Text]:
    """The summary of a report: worth, certainty, what changed, who matters, what to do first, what can't be said."""
    told = [worth(metrics), certainty(metrics), *changed(metrics), *tested(metrics), who_matters(metrics)]
    return [*told, do_first(metrics), limits(metrics)]


def prediction_usable(metrics: Metrics) -> bool:
    """Whether a check on held-out orders allows the prediction to be used."""
    return metrics.model is not None and metrics.model.holdout is not None and metrics.model.holdout.trusted


def worth(metrics: Metrics) -> Text:
    """What the base is worth: the prediction where it may be used, else what has happened so far."""
    clv, base = metrics.clv, metrics.base
    if clv.total is not None:
        return md(
            "**What the base is worth.** The {customers} customers of {name} are expected to bring **{total}** of "
            "gross profit over the next {months} months: {mean} a customer on average, while half of them are expected "
            "to bring less than {median}. So far they have brought {past} each.",
            customers=number(base.customers),
            name=metrics.name,
            total=money(clv.total, metrics.currency),
            months=clv.horizon_months,
            mean=money(clv.mean, metrics.currency),
            median=money(clv.median, metrics.currency),
            past=money(clv.historical_mean, metrics.currency),
        )
    if base.revenue is None:
        return _worth_in_orders(metrics)
    return md(
        "**What the base is worth.** No prediction of future value is given here: {reason}. What is known: the "
        "{customers} customers of {name} have brought {revenue} of revenue up to {as_of}, which is {past} of gross "
        "profit each.",
        reason=_why_no_prediction(metrics),
        customers=number(base.customers),
        name=metrics.name,
        revenue=money(base.revenue, metrics.currency),
        as_of=day(metrics.as_of),
        past=money(clv.historical_mean, metrics.currency),
    )


def _worth_in_orders(metrics: Metrics) -> Text:
    known = (
        "**What the base is worth.** In money this can't be said, because the data carry no amounts. The {customers} "
        "customers of {name} have placed {orders} orders up to {as_of}"
    )
    values = {
        "customers": number(metrics.base.customers),
        "name": metrics.name,
        "orders": number(metrics.base.orders),
        "as_of": day(metrics.as_of),
    }
    if metrics.model is None or not prediction_usable(metrics):
        return md(
            known + "; how many will follow can't be said: {reason}.", reason=_why_no_prediction(metrics), **values
        )
    return md(
        known + " and are expected to place {expected} more over the next {months} months.",
        expected=number(metrics.model.expected_orders),
        months=metrics.clv.horizon_months,
        **values,
    )


def _why_no_prediction(metrics: Metrics) -> str:
    if metrics.model is None:
        return "a model could not be fitted to these data (the reason is under Data audit)"
    if metrics.model.holdout is None:
        return "the history is too short to check a model on orders that it has not seen"
    if metrics.model.holdout.actual < FEWEST_PURCHASES:
        return (
            "too few orders came in the part of the history held out to tell whether a model is right "
            f"({number(metrics.model.holdout.actual)}; at least {FEWEST_PURCHASES} are needed)"
        )
    if not metrics.model.holdout.trusted:
        return "the model failed its check on orders that it had not seen, so its prediction is not to be used"
    return "the orders can be predicted, but not their money (the reason is under Data audit)"


def certainty(metrics: Metrics) -> Text:
    """How sure we are: the check on held-out orders, then the range."""
    holdout = None if metrics.model is None else metrics.model.holdout
    if holdout is None:
        return md("**How sure we are.** The counts of the past are as good as the data. Nothing here looks ahead.")
    check = (
        "**How sure we are.** The model was fitted without the last {weeks} weeks and then asked for them: it "
        "predicted {predicted} repeat orders, {actual} happened"
    )
    values = {"weeks": number(holdout.weeks), "predicted": number(holdout.predicted), "actual": number(holdout.actual)}
    if holdout.error is None or holdout.naive_error is None:
        check += "."
    else:
        check += ", so it was {error}. The rule that everybody goes on as before was {naive}."
        values |= {"error": _miss(holdout.error), "naive": _miss(holdout.naive_error)}
    interval = metrics.clv.interval_90
    if not holdout.trusted or interval is None:
        return md(check + " " + _verdict(holdout), **values)
    return md(
        check + " The total lies between **{low}** and **{high}** with a probability of {level}, if the model holds "
        "and business goes on as it did. A miss as large as that of the check would move it by {miss}.",
        level=percent(LEVEL, 0),
        miss=money(abs(holdout.error or 0.0) * (metrics.clv.total or 0.0), metrics.currency),
        low=money(interval.total[0], metrics.currency),
        high=money(interval.total[1], metrics.currency),
        **values,
    )


def _verdict(holdout: Holdout) -> str:
    if holdout.trusted:
        return "The forecast of orders may be used, with a miss of that size in mind."
    why = "So few orders can't tell. " if holdout.actual < FEWEST_PURCHASES else ""
    return why + "**The prediction is not to be used.** This report leads with what customers have brought so far."


def _miss(error: float) -> str:
    if abs(error) < 0.005:
        return "right to within half a percent"
    return f"{percent(abs(error), 0)} too {'high' if error > 0 else 'low'}"


def changed(metrics: Metrics) -> list[Text]:
    """What changed since the last report, if there is one."""
    if metrics.comparison is None:
        return []
    return [md("**What changed.** {sentence}", sentence=metrics.comparison.sentence())]


def tested(metrics: Metrics) -> list[Text]:
    """What was tried, and whether it paid off, if anything was."""
    return [] if metrics.experiment is None else [short_verdict(metrics.experiment, metrics.currency)]


def who_matters(metrics: Metrics) -> Text:
    """Who matters: the group that brought most, and how few customers carry the revenue."""
    shares = metrics.concentration
    top = _first_group(metrics)
    sentences: list[str] = []
    values: dict[str, object] = {}
    if top is not None and top.share_of_revenue is not None:
        sentences.append("The group {group}, {part} of customers, brought {revenue_part} of revenue.")
        values.update(group=top.name, part=percent(top.share_of_customers, 0))
        values.update(revenue_part=percent(top.share_of_revenue, 0))
    elif top is not None:
        sentences.append("The largest group is {group}, {part} of customers.")
        values.update(group=top.name, part=percent(top.share_of_customers, 0))
    if shares is not None and shares.top_10_share is not None:
        sentences.append("The best tenth of customers made {ten} of all revenue, the best fifth {twenty}.")
        values.update(ten=percent(shares.top_10_share, 0), twenty=percent(shares.top_20_share, 0))
    sentences.append("{again} of customers have ordered more than once.")
    values.update(again=percent(metrics.base.repeat_rate, 0))
    return md("**Who matters.** " + " ".join(sentences), **values)


def _first_group(metrics: Metrics) -> Segment | None:
    """The group with most revenue, or with most customers where there is no revenue to compare."""
    groups = [group for group in metrics.segments or [] if group.customers]
    return max(groups, key=lambda group: (group.revenue or 0.0, group.customers), default=None)


def do_first(metrics: Metrics) -> Text:
    """What to do first: keep the best group (the first in the table), win back who slips away, earn second orders."""
    groups = [group for group in metrics.segments or [] if (group.share_of_customers or 0.0) >= SMALLEST_SHARE]
    slipping = [group for group in groups[1:] if group.name == "At Risk"]
    steps = [_step(group, metrics.currency) for group in groups[:1] + slipping]
    if metrics.base.repeat_rate < HALF:
        once = percent(1 - metrics.base.repeat_rate, 0)
        steps.append(
            md("**The second order**: {once} of customers have ordered only once. Work on that step.", once=once)
        )
    if not steps:
        return md("**What to do first.** Most customers come back; these data single out no group to begin with.")
    numbered = [join([md(f"{place}."), step], " ") for place, step in enumerate(steps, 1)]
    head = md("**What to do first**, each on a part of the customers before all of them:")
    return join([head, join(numbered)], "\n\n")


def _step(group: Segment, currency: str) -> Text:
    past = "" if group.revenue is None else ", who brought {past} so far"
    ahead = "" if group.mean_clv is None else " and are expected to bring {ahead} each if nothing changes"
    return md(
        "**{name}**, {customers}" + past + ahead + ". {action}",
        name=group.name,
        customers=count(group.customers or 0, "customer"),
        past=money(group.revenue, currency),
        ahead=money(group.mean_clv, currency),
        action=group.action,
    )


def limits(metrics: Metrics) -> Text:
    """What the data can't say: standing limits, and how many warnings this report carries."""
    margin = (
        "The gross margin of {margin} is the client file's and is taken as the same for every order. "
        if metrics.base.gross_margin is not None and metrics.base.revenue is not None
        else ""
    )
    cost = (
        "There are no acquisition costs in the data, so nothing is said about payback. "
        if not metrics.acquisition
        else ""
    )
    only_a_test = (
        "The report describes who bought; it does not show that a campaign would cause more. Only a test does."
        if metrics.experiment is None
        else "Outside of the experiment the report describes who bought; it does not show that a campaign would cause "
        "more."
    )
    warnings = len(metrics.data.warnings)
    noted = "" if not warnings else "{warnings} under *Data audit* say{s} what else to keep in mind. "
    return md(
        "**What the data can't say.** Customers still to be won are not counted. "
        + margin
        + cost
        + noted
        + only_a_test,
        margin=percent(metrics.base.gross_margin, 0),
        warnings="One note" if warnings == 1 else f"{warnings} notes",
        s="s" if warnings == 1 else "",
    )
