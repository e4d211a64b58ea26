"""What the report says of its model's check beside the totals: the order of the customers, and the probabilities."""

import numpy as np

from clvhelpers.models.ranking import TENTH
from clvhelpers.models.validation import Validation
from clvhelpers.reporting.small_groups import is_few
from clvhelpers.text import Text, md


def further_checks(check: Validation, minimum: int) -> list[Text]:
    """How well the model finds the best customers and how well its probabilities hold, where enough customers tell.

    Nothing where a share would be one of fewer customers than `minimum`.
    """
    customers = check.active.customers
    bought = round(check.active.actual * customers)
    if not bought or is_few(np.array([TENTH * customers, bought, customers - bought]), minimum).any():
        return []
    return [
        md("**The best customers.** {sentence}", sentence=check.ranking_sentence()),
        md("**Who buys again.** {sentence}", sentence=check.calibration_sentence()),
    ]
