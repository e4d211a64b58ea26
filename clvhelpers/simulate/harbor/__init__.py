"""Harbor & Pine, the course's online retailer, and two smaller companies beside it that differ in what they assume.

- `clock`: season and sales; `purchases`: when people buy, and how often they are expected to
- `marketing`: what is spent and who comes; `people`: who they are; `orders`: what they do
- `company`: all of it together; `worlds`: the two smaller ones; `truth`: what each customer is truly worth
- `exports`: the same tables as two systems would hand them out, with warts
"""

from clvhelpers.simulate.harbor.company import HarborAndPine, harbor_and_pine
from clvhelpers.simulate.harbor.worlds import World, world

__all__ = ["HarborAndPine", "World", "harbor_and_pine", "world"]
