"""Lumen, the course's contractual company: a video streaming service, three years, about 8,000 customers.

- `process`: who comes, stays, changes plan, leaves and comes back
- `tables`: customers, spells and payments
- `behaviour`: usage and satisfaction
- `truth`: what is expected of each customer, in closed form
- `raw`: the same payments as two systems export them, with warts
"""

from clvhelpers.simulate.lumen.process import GROSS_MARGIN, PRICE_RISE, LumenCompany, lumen

__all__ = ["GROSS_MARGIN", "PRICE_RISE", "LumenCompany", "lumen"]
