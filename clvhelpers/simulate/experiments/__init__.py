"""Experiments whose true effects are known: what lessons 12 and 13 analyse, and what tests are marked against.

- `newcomers`: two offers to new subscribers; one moves the first renewal only, the other every renewal
- `contracts`: price and message, two by two, when a contract ends
- `customers`: an e-mail to Harbor & Pine's customers, and an offer to Lumen's whose split broke
- `accounts`: a call to business accounts that the desk chose, so nothing was randomised

Each gives an `Experiment`: one row a unit, and the truth as numbers by name. `data/README.md` tells the processes.
"""

from clvhelpers.datasets import Experiment
from clvhelpers.simulate.experiments.accounts import not_randomised
from clvhelpers.simulate.experiments.contracts import price_and_message
from clvhelpers.simulate.experiments.customers import broken_split, email
from clvhelpers.simulate.experiments.newcomers import first_renewal, permanent

__all__ = ["Experiment", "broken_split", "email", "first_renewal", "not_randomised", "permanent", "price_and_message"]
