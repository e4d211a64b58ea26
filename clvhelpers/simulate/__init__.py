"""Companies whose customers' true value is known, to grade an estimate against the truth.

- `shop`: any number of customers who follow the models' assumptions
- `harbor`: Harbor & Pine, the course's online retailer, in three worlds
- `lumen`: Lumen, the video streaming service
- `experiments`: tests on customers of both, with known effects
"""

from clvhelpers.simulate.shop import Repeats, Simulated, non_contractual, repeat_purchases

__all__ = ["Repeats", "Simulated", "non_contractual", "repeat_purchases"]
