"""Older against younger cohorts, group by group: did customers change, or only who they are made of?"""

from dataclasses import dataclass

import pandas as pd

from clvhelpers.cohorts.groups import CohortGroups
from clvhelpers.cohorts.value import cohort_value
from clvhelpers.errors import NotEnoughDataError
from clvhelpers.text import money, percent

HALVES = ("older", "younger")


@dataclass(frozen=True, eq=False)
class MixEffect:
    """Value per customer at one age in the older and the younger half of the cohorts, by group.

    `frame` has one row a group: the group (named as the column `by`), `older_share` and `younger_share` (of the
    customers of each half), `older` and `younger` (value per customer) and `change` (a fraction). `older` and
    `younger` are the values of all groups together, and `at_old_mix` is that of the younger half if its customers
    came from the groups as those of the older half did.
    """

    frame: pd.DataFrame
    by: str
    step: str
    age: int
    older: float
    younger: float
    at_old_mix: float
    currency: str

    def sentence(self) -> str:
        """The change of the average, and how much of it is left once the mix is held still."""
        values = [money(value, self.currency) for value in (self.older, self.younger, self.at_old_mix)]
        total, within = (percent(value / self.older - 1, signed=True) for value in (self.younger, self.at_old_mix))
        return (
            f"By {self.step} {self.age} a customer of the younger half had brought {values[1]}, of the older half "
            f"{values[0]} ({total}). With the older half's mix of {self.by} it would be {values[2]} ({within}): the "
            "rest of the change is who the customers are, not what they do."
        )


def mix_effect(groups: CohortGroups, age: int, gross_margin: float = 1.0, *, currency: str = "USD") -> MixEffect:
    """Compare the older and the younger half of the cohorts at one age, with the mix of groups held still.

    Cohorts that have not reached `age` are left out; with an odd number the younger half has one more. Raises
    NotEnoughDataError where fewer than two cohorts have reached it, or a group is missing from one of the halves.

    >>> from clvhelpers import cohorts_by, load_cdnow
    >>> log = load_cdnow().assign(price=lambda log: (log["amount"] > 20).map({True: "high", False: "low"}))
    >>> found = mix_effect(cohorts_by(log, "price", end="1998-06-30"), 6, 0.4)
    >>> found.frame[["older", "younger"]].round(2).to_numpy().tolist()
    [[35.97, 40.77], [17.79, 13.11]]
    """
    values = {name: cohort_value(table, gross_margin).frame for name, table in groups.tables.items()}
    cells = pd.concat(values, names=[groups.by]).reset_index(level=0)
    cells = cells[cells["age"] == age]
    cohorts = sorted(cells["cohort"].unique())
    step = next(iter(groups.tables.values())).step
    if len(cohorts) < len(HALVES):
        raise NotEnoughDataError(f"two cohorts or more must have reached {step} {age}: there are {len(cohorts)}")
    is_younger = cells["cohort"].isin(cohorts[len(cohorts) // 2 :])
    cells = cells.assign(half=is_younger.map({False: "older", True: "younger"}), money=cells["n0"] * cells["value"])
    sums = cells.groupby([groups.by, "half"])[["n0", "money"]].sum().unstack("half")
    one_sided = [name for name, row in sums.iterrows() if row.isna().any()]
    if one_sided:
        lacking = ", ".join(map(str, one_sided))
        raise NotEnoughDataError(f"{groups.by} {lacking} has customers in one half of the cohorts only: leave it out")
    customers, value = sums["n0"], sums["money"] / sums["n0"]
    share = customers / customers.sum()
    frame = pd.DataFrame(
        {**{f"{half}_share": share[half] for half in HALVES}, **{half: value[half] for half in HALVES}}
    )
    frame["change"] = frame["younger"] / frame["older"] - 1
    older, younger = (float((share[half] * value[half]).sum()) for half in HALVES)
    held = float((share["older"] * value["younger"]).sum())
    return MixEffect(frame.reset_index(), groups.by, step, age, older, younger, held, currency)
