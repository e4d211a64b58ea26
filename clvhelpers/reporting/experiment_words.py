"""The experiment in words, made from the numbers of `metrics.json` and from nothing else.

For a director first: the verdict, what was tried, whether it was sound and what happened. For a statistician after.
"""

from clvhelpers.experiments.words import points, shown_p
from clvhelpers.reporting.experiment_metrics import ArmEffect, ArmVerdict, ExperimentResult, Tails, TestedArm
from clvhelpers.text import Text, count, day, join, md, money, number, percent, plain

ROWS = {  # payments that are counted
    "window": "within the time seen only",
    "common tail": "later too, with the effect over",
    "separate tails": "later too, with the effect going on",
}
MUCH = 0.2  # of the money that the best customers bring, from which on it is said


def verdict(found: ExperimentResult, currency: str) -> Text:
    """What to do, why, and what it is expected to bring; or why there is no verdict."""
    if not found.soundness.passed:
        return _unsound(found)
    if not found.verdicts:
        return _without_money(found, currency)
    best = next(one for one in found.verdicts if one.arm == found.best)
    return md(
        "**Verdict: {verdict} {arm}.** {reason}. Rolled out to {customers}, it is expected to bring **{net}** of gross "
        "profit after all costs ({level} interval {low} to {high}); the probability that it pays for itself is "
        "{probability}. It costs {cost} per customer and pays for itself up to {break_even}. {more}",
        verdict=best.verdict,
        arm=best.arm,
        reason=best.reason[0].upper() + best.reason[1:],
        customers=count(found.roll_out, "customer"),
        net=money(best.net, currency),
        level=percent(found.level, 0),
        low=money(best.net_low, currency),
        high=money(best.net_high, currency),
        probability=percent(best.probability),
        cost=money(best.cost, currency),
        break_even=money(max(best.break_even_cost, 0.0), currency),
        more=" ".join([*_others(found.verdicts, best), *_beside(best), *_testing(best, currency)]),
    )


def short_verdict(found: ExperimentResult, currency: str) -> Text:
    """The verdict in one or two sentences, for the summary of the report."""
    if found.soundness.passed and found.verdicts:
        best = next(one for one in found.verdicts if one.arm == found.best)
        return md(
            "**What was tried.** {name}: **{verdict}** {arm}. Rolled out to {customers} it is expected to bring {net} "
            "after its cost; the probability that it pays for itself is {probability}. {hangs}",
            name=found.name,
            verdict=best.verdict,
            arm=best.arm,
            customers=count(found.roll_out, "customer"),
            net=money(best.net, currency),
            probability=percent(best.probability),
            hangs="That hangs on what comes after the time that was seen." if _hangs(best) else "",
        )
    why = "what one more buyer is worth is not known"
    if not found.soundness.passed:
        why = "something else than chance decided who is in which arm, so its numbers can't be trusted"
    return md("**What was tried.** {name}: no verdict, as {why}.", name=found.name, why=why)


def _unsound(found: ExperimentResult) -> Text:
    return md(
        "**No verdict.** {why} Those compared are unlike from the start, so no number of this test can be trusted: "
        "don't roll anything out because of it. Find out {mend}, and test again.",
        why=_why_unsound(found),
        mend="how customers were assigned"
        if found.soundness.sizes_as_planned
        else "who is missing from which arm, and why",
    )


def _why_unsound(found: ExperimentResult) -> str:
    checks = found.soundness
    told = []
    if not checks.sizes_as_planned:
        p_values = [one for one in (checks.sample_ratio_p_value, checks.mature_p_value) if one is not None]
        told.append(f"The arms are not of the sizes that were planned ({shown_p(min(p_values))}, too rare for chance).")
    if checks.alike_before is False:
        p_value = shown_p(checks.balance_p_value or 0.0)
        told.append(f"The arms were unlike before anything was done to them ({p_value}, too rare for chance).")
    return " ".join([*told, "Something else than chance decided who is in which arm."])


def _without_money(found: ExperimentResult, currency: str) -> Text:
    needed = [
        f"{effect.arm} pays for itself if one more buyer is worth more than {money(effect.break_even_value, currency)}"
        for effect in found.effects
        if effect.break_even_value is not None
    ]
    return md(
        "**No verdict in money.** What one more buyer is worth is not in the client file. {needed}.",
        needed="; ".join(needed) or "No arm has more buyers than the control, so none can pay for itself",
    )


def _others(verdicts: list[ArmVerdict], best: ArmVerdict) -> list[str]:
    rest = [f"{one.arm}: {one.verdict}" for one in verdicts if one.arm != best.arm]
    return [f"The other arms are {'; '.join(rest)}."] if rest else []


def _beside(best: ArmVerdict) -> list[str]:
    """Whether the verdict hangs on what comes after the window."""
    if not best.other_verdicts:
        return []
    others = _hangs(best)
    if not others:
        return ["The verdict is the same whatever is taken to come after the time that was seen."]
    told = "; ".join(f"{one} (counting payments {ROWS[row]})" for row, one in others.items())
    return [
        f"It hangs on what comes after the time that was seen: this counts payments {ROWS[best.row]}; otherwise {told}."
    ]


def _hangs(best: ArmVerdict) -> dict[str, str]:
    """The other verdicts that are not the same."""
    return {row: one for row, one in best.other_verdicts.items() if one != best.verdict}


def _testing(best: ArmVerdict, currency: str) -> list[str]:
    if best.verdict != "keep testing":
        return []
    return [f"To know for certain would be worth {money(best.value_of_information, currency)} at most."]


def tried(found: ExperimentResult) -> Text:
    """What was tried on whom, and what counts."""
    arms = ", ".join(f"{number(arm.units)} in {arm.name}" for arm in found.arms)
    return md(
        "**What was tried.** {name}, on {units} ({arms}), exposed {when}. The others are compared with {control}. What "
        "counts is {outcome}, known from {source}. {left_out}",
        name=found.name,
        units=count(found.units, "customer"),
        arms=arms,
        when=_when(found),
        control=found.control,
        outcome=outcome(found),
        source=found.outcome_from,
        left_out=" ".join(_left_out(found)),
    )


def _when(found: ExperimentResult) -> str:
    if found.first_exposure == found.last_exposure:
        return f"on {day(found.first_exposure, long=True)}"
    return f"from {day(found.first_exposure, long=True)} to {day(found.last_exposure, long=True)}"


def outcome(found: ExperimentResult) -> str:
    """What was measured, in words."""
    if found.kind == "stay":
        return f"the share who are still customers after {count(found.window or 0, found.period or 'period')}"
    days = f"in the {count(found.days or 0, 'day')} from exposure on, its own day first"
    return f"revenue per customer {days}" if found.kind == "revenue" else f"the share who bought {days}"


def _left_out(found: ExperimentResult) -> list[str]:
    told = []
    if found.too_recent != 0:
        many = "A few others" if found.too_recent is None else count(found.too_recent, "other")
        told.append(f"{many} had not had that time yet, and are left out.")
    if found.without_orders:
        told.append(f"Of those counted, {number(found.without_orders)} are unknown to the orders, and count as 0.")
    return told


def sound(found: ExperimentResult) -> Text:
    """Whether chance alone decided who is in which arm."""
    checks = found.soundness
    sizes = "of the sizes planned" if checks.sizes_as_planned else "not of the sizes planned"
    mature = "" if checks.mature_p_value is None else f", {shown_p(checks.mature_p_value)} of those counted"
    told = f"The arms are {sizes} ({shown_p(checks.sample_ratio_p_value)} of all assigned{mature})."
    if checks.largest_imbalance is None:
        told += (
            " Whether they were alike before exposure can't be said: nothing of that time is given, or it is the same "
        )
        told += "for everybody."
    else:
        told += (
            f" Before exposure they were {'as alike as chance makes them' if checks.alike_before else 'not alike'} "
            f"({shown_p(checks.balance_p_value or 0.0)}): the largest difference is "
            f"{number(checks.largest_imbalance, 2)} standard deviations."
        )
    return md("**Was it sound?** {told}", told=told)


def happened(found: ExperimentResult, currency: str) -> Text:
    """The effect of each arm with its interval."""
    told = " ".join(_effect(found, one, currency) for one in found.effects)
    if len(found.effects) > 1:
        told += " The p-values allow for the number of arms (Holm)."
    if found.tails is not None and found.tails.rests_on_few and (found.tails.top_share or 0.0) >= MUCH:
        told += (
            f" Spend is so uneven that these averages rest on few customers: the {percent(found.tails.top, 0)} who "
            f"spend most bring up to {percent(found.tails.top_share, 0)} of an arm's revenue."
        )
    if not found.soundness.passed:
        told += " None of this can be trusted, as the test was not sound."
    return md("**What happened.** {told}", told=told)


def _effect(found: ExperimentResult, one: ArmEffect, currency: str) -> str:
    def shown(value: float) -> str:
        return money(value, currency) if found.kind == "revenue" else percent(value)

    def differs(value: float) -> str:
        return money(value, currency) if found.kind == "revenue" else points(value)

    p_value = one.p_value if one.adjusted_p_value is None else one.adjusted_p_value
    chance = "more than chance" if p_value < 1 - found.level else "within chance"
    relative = "" if one.relative is None else f" ({percent(one.relative, signed=True)})"
    return (
        f"With {one.arm} it is {shown(one.value)} against {shown(one.control_value)} with {found.control}: a "
        f"difference of {differs(one.difference)}{relative}, {percent(found.level, 0)} interval {differs(one.low)} to "
        f"{differs(one.high)}, which is {chance} ({shown_p(p_value)})."
    )


def rule(found: ExperimentResult) -> Text:
    """How the verdict comes about, and what it leaves out."""
    later = "What customers do after these days is not counted, neither what they bring more nor what they make up for."
    told = found.rule or ""
    return md("**How the verdict comes about.** {told}", told=told if found.kind == "stay" else f"{told} {later}")


def details(found: ExperimentResult, currency: str) -> list[Text]:
    """What a statistician asks for."""
    told = [*_comparison_details(found, currency), *_money_details(found, currency)]
    notes = [md("- {note}", note=note) for note in told]
    return [join([md("**For a statistician**"), join(notes)], "\n\n")]


def _comparison_details(found: ExperimentResult, currency: str) -> list[str]:
    shares = ", ".join(f"{arm.name} {percent(arm.planned_share)}" for arm in found.arms)
    assigned = "" if found.assigned is None else f" All assigned: {', '.join(map(_assigned, found.arms))}."
    told = [
        f"Customers are compared as they were assigned. Planned shares: {shares}.{assigned} Chi-squared test of the "
        f"sizes, exact where few are planned; below {plain(found.soundness.limit)} it fails."
    ]
    ways = {
        "revenue": "Difference of means by Welch's t.",
        "bought": "Newcombe's interval of the difference; p-value of the pooled z-test, of Fisher's exact test where "
        "few are expected.",
        "stay": "Shares by Kaplan and Meier; interval of the difference by Zou and Donner, test on the scale "
        "of log(-log).",
    }
    told.append(ways[found.kind])
    if found.adjusted_for is not None:
        told.append(_adjustment(found, currency))
    if found.tails is not None:
        told.append(_tail_details(found, found.tails, currency))
    if len(found.effects) > 1:
        told.append("Intervals are each for itself; p-values are adjusted by Holm for the number of arms.")
    return told


def _assigned(arm: TestedArm) -> str:
    return f"{arm.name} {number(arm.assigned)}"


def _adjustment(found: ExperimentResult, currency: str) -> str:
    days = "" if found.pre_period_days is None else f" in the {count(found.pre_period_days, 'day')}"
    left = "; ".join(
        f"{one.arm} {percent(one.variance_ratio, 0)}, as seen {money(one.raw_difference, currency)} "
        f"({money(one.raw_low, currency)} to {money(one.raw_high, currency)})"
        for one in found.effects
    )
    return (
        f"Adjusted for {found.adjusted_for}{days} before exposure (CUPED; correlation {number(found.correlation, 2)}). "
        f"Variance left, and the difference without it: {left}."
    )


def _tail_details(found: ExperimentResult, tails: Tails, currency: str) -> str:
    ends = "; ".join(
        f"{one.arm} {money(one.bootstrap_low, currency)} to {money(one.bootstrap_high, currency)}"
        for one in found.effects
    )
    return (
        f"By the bootstrap, which needs no normal curve (BCa, {number(tails.draws)} draws), the interval of the "
        f"difference as seen is {ends}. With such a skew the average of an arm is nearly normal from "
        f"{number(tails.needed)} customers on."
    )


def _money_details(found: ExperimentResult, currency: str) -> list[str]:
    if found.lifts is None:
        return []
    worth = {
        "revenue": f"Gross profit is {percent(found.margin, 0)} of revenue.",
        "bought": f"One more buyer is worth {money(found.value_per_success, currency)}, by the client file.",
        "stay": f"A payment is {money(found.price, currency)}, of which {percent(found.margin, 0)} is gross profit, "
        f"discounted at {percent(found.discount_rate)} a year; {count(found.horizon or 0, 'payment')} are counted, the "
        "first one included.",
    }
    fixed = f" Rolling it out costs {money(found.fixed_cost, currency)} once." if found.fixed_cost else ""
    return [
        f"{worth[found.kind]}{fixed} The lift is taken as normal. A loss if rolled out wrongly is what shipping is "
        "expected to lose, counting only the cases in which it loses; if left wrongly, what not shipping gives away. "
        "The smaller of the two is the most that more testing is worth."
    ]
