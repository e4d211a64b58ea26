"""What customers cost to win, for one more of them too, and when each has earned that back.

- `spend`: cost by channel, on average and for one customer more
- `payback`: each customer's margin against its cost
- `company`: where the costs of a company in a lesson come from
"""

from clvhelpers.acquisition.company import AcquisitionData, open_acquisition
from clvhelpers.acquisition.payback import GROUPS, Payback, customer_payback
from clvhelpers.acquisition.spend import SpendResponse, channel_costs, spend_response

__all__ = [
    "AcquisitionData",
    "GROUPS",
    "Payback",
    "SpendResponse",
    "channel_costs",
    "customer_payback",
    "open_acquisition",
    "spend_response",
]
