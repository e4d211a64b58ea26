"""Where a company in a lesson has its acquisition costs from: its tables, or one number that stands for them."""

from dataclasses import dataclass

import pandas as pd

from clvhelpers import datasets
from clvhelpers.acquisition.spend import COLUMNS
from clvhelpers.company import Company
from clvhelpers.text import Text, md

LOADERS = {"Harbor & Pine": datasets.load_harbor_and_pine, "Lumen": datasets.load_lumen}


@dataclass(frozen=True, eq=False)
class AcquisitionData:
    """`marketing`, one row a month and channel, and the `channel` of each customer, both None where nobody knows;
    `cost` of each customer, a Series by `customer_id` or one number for all; `missing` says what is not there."""

    marketing: pd.DataFrame | None
    channel: pd.Series | None
    cost: pd.Series | float
    missing: Text | None


def open_acquisition(company: Company, assumed_cost: float) -> AcquisitionData:
    """The acquisition costs of a company that `open_company` gave; `assumed_cost` (money) where it has none.

    >>> from clvhelpers import open_company
    >>> open_acquisition(open_company("cdnow"), 12.0).missing
    CDNOW has no table of month, channel, spend and new_customers, which this step needs: it is left out.
    """
    load = LOADERS.get(company.name) if company.has_truth else None
    if load is None:
        words = "{name} has no table of {columns} and {last}, which this step needs: it is left out."
        missing = md(words, name=company.name, columns=", ".join(COLUMNS[:-1]), last=COLUMNS[-1])
        return AcquisitionData(None, None, assumed_cost, missing)
    customers = load("customers").set_index("customer_id")
    return AcquisitionData(load("marketing"), customers["channel"], customers["acquisition_cost"], None)
