"""What a client file may hold: every key with its type, its default and its meaning.

The descriptions here are what error messages, starter files and the table in `reports/README.md` say.
Only light modules are imported, so that the command line answers at once.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from clvhelpers.reporting.config.brand import Brand
from clvhelpers.reporting.config.experiment import Experiment
from clvhelpers.reporting.config.section import FilePath, Section
from clvhelpers.reporting.config.transactions import Transactions, Zone, meant

_WINDOWS_DEVICE = re.compile(r"con|prn|aux|nul|(com|lpt)[0-9]")


def _folder_name(value: str) -> str:
    if _WINDOWS_DEVICE.fullmatch(value):
        raise ValueError("that is the name of a device on Windows.")
    return value


def _language(value: str) -> str:
    from babel import localedata

    if not localedata.exists(value.replace("-", "_")):
        raise ValueError(f"it is not known{meant(['en-US', 'en-GB', 'de-DE', 'fr-FR'])}")
    return value


Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Address = Annotated[str, Field(pattern=r"^[^\s@<>,;]+@[^\s@<>,;]+$", max_length=254)]


class Economics(Section):
    """What turns revenue into value."""

    gross_margin: float | None = Field(
        default=None, gt=0, le=1, description="a fraction above 0 and up to 1 (0.4 is 40 %)", examples=[0.4]
    )
    discount_rate: float = Field(
        default=0.10, ge=0, le=1, description="a yearly rate as a fraction (0.1 is 10 % per year)"
    )
    horizon_months: int = Field(
        default=12, ge=1, le=120, description="a whole number of months from 1 to 120, for which value is predicted"
    )


SetAside = Literal["set_aside", "refuse"]
SetAsideOrKeep = Literal["set_aside", "keep", "refuse"]


class RuleActions(Section):
    """What happens to rows with a problem."""  # the fields are those of `clvhelpers.transactions.Rules`

    no_customer: SetAside = Field(default="set_aside", description="set_aside or refuse: rows without a customer")
    no_date: SetAside = Field(
        default="set_aside", description="set_aside or refuse: rows without a date that can be read"
    )
    no_amount: SetAside = Field(
        default="set_aside", description="set_aside or refuse: rows without an amount that can be read"
    )
    zero_amount: SetAsideOrKeep = Field(
        default="set_aside", description="set_aside, keep or refuse: rows with an amount of 0"
    )
    negative_amount: Literal["refund", "set_aside", "refuse"] = Field(
        default="refund", description="refund, set_aside or refuse: rows with an amount below 0"
    )
    cancelled_pairs: SetAsideOrKeep = Field(
        default="set_aside", description="set_aside, keep or refuse: purchases and the refunds that cancel them"
    )
    exact_duplicates: SetAsideOrKeep = Field(
        default="keep", description="set_aside, keep or refuse: rows that repeat an earlier one"
    )
    after_as_of: SetAside = Field(default="set_aside", description="set_aside or refuse: rows after the as-of day")
    currencies: dict[Currency, Annotated[float, Field(gt=0)]] = Field(
        default={}, description="what one unit of each other currency is worth in the client's, such as EUR: 1.08"
    )


class Sections(Section):
    """Which parts of the report are made; all of them, unless one is set to false."""

    summary: bool = Field(default=True, description="true or false: the first page in words")
    changes: bool = Field(
        default=True, description="true or false: what changed since an earlier report, where there is one"
    )
    key_figures: bool = Field(default=True, description="true or false: the numbers that a manager asks for first")
    data_audit: bool = Field(default=True, description="true or false: what was read, and what was set aside")
    revenue: bool = Field(default=True, description="true or false: revenue and orders over time")
    cohorts: bool = Field(default=True, description="true or false: how many customers come back")
    groups_and_tiers: bool = Field(
        default=True, description="true or false: RFM groups and value tiers, with an action for each"
    )
    concentration: bool = Field(default=True, description="true or false: how few customers carry the revenue")
    prediction: bool = Field(default=True, description="true or false: predicted value, with its check")
    experiment: bool = Field(
        default=True, description="true or false: whether what was tried paid off, where there is an experiment"
    )
    method: bool = Field(default=True, description="true or false: how the numbers were made")


class OwnPages(Section):
    """Words of your own around the report, in Markdown. HTML in them is shown as text, pictures are left out."""

    before: FilePath | None = Field(
        default=None,
        description="a Markdown file (.md) of at most 20 kB shown first, relative to this file",
        examples=["before.md"],
    )
    after: FilePath | None = Field(
        default=None,
        description="a Markdown file (.md) of at most 20 kB shown last, relative to this file",
        examples=["after.md"],
    )


class Appendix(Section):
    """What the spreadsheet holds besides the tables of the report."""

    customer_rows: bool = Field(
        default=False,
        description="true or false: a list of all customers, with their real ids, in appendix.xlsx and customers.csv",
    )


class Privacy(Section):
    """What the report may show of few customers."""

    minimum_group: int = Field(
        default=5, ge=1, le=1000, description="a whole number: no table shows a group of fewer customers than this"
    )


class Email(Section):
    """A message with the report, ready to be sent by hand; nothing is sent."""

    to: Annotated[list[Address], Field(min_length=1)] = Field(
        description="a list of addresses, such as [ann@acme.test]", examples=[["ann@acme.test"]]
    )
    sender: Address | None = Field(
        default=None, description="the address that it comes from", examples=["reports@agency.test"]
    )
    subject: Annotated[str, Field(pattern=r"^[^\r\n]+$", max_length=200)] | None = Field(
        default=None,
        description="one line of text; left out, it names the client and the day",
        examples=["Your customers in June"],
    )


class ClientConfig(Section):
    """A client file, checked. `as_dict` gives it as plain values, which is what the notebook gets.

    >>> from clvhelpers.reporting.config import load_config
    >>> config = load_config({
    ...     "client": "acme", "name": "Acme Stores", "currency": "GBP",
    ...     "transactions": {"source": "orders.csv", "columns": {"customer": "id", "date": "day"}},
    ... })
    >>> config.economics.discount_rate, config.has_money
    (0.1, False)
    >>> load_config(config.as_dict()) == config
    True
    """

    client: Annotated[str, Field(pattern=r"^[a-z0-9](?:[a-z0-9_-]{0,62}[a-z0-9])?$"), AfterValidator(_folder_name)] = (
        Field(description="a folder name of a-z, 0-9, - and _, up to 64 characters, such as acme-uk")
    )
    name: Annotated[str, Field(min_length=1, max_length=200)] = Field(description="the client's name as it is shown")
    currency: Currency = Field(description="a code of three capital letters, such as EUR")
    timezone: Zone = Field(default="UTC", description="the zone whose midnight ends a day, such as Europe/London")
    language: Annotated[
        str, Field(pattern=r"^[a-z]{2,3}(-[A-Z][A-Za-z]{3})?(-[A-Z]{2})?$"), AfterValidator(_language)
    ] = Field(
        default="en-US",
        description="a language such as en-GB or de-DE, for the way of writing numbers and dates; words stay English",
    )
    as_of: date | None = Field(
        default=None,
        description="the last day that counts, as 2026-06-30; left out, it is the last one in the data",
        examples=["2026-06-30"],
    )
    transactions: Transactions = Field(description="a block with `source` (or `database`) and `columns`")
    economics: Economics = Field(
        default=Economics.model_construct(), description="a block with `gross_margin` and so on"
    )
    experiment: Experiment | None = Field(
        default=None, description="a block about what was tried on whom; it makes a section that ends in a verdict"
    )
    rules: RuleActions = Field(
        default=RuleActions.model_construct(), description="a block of rules for rows with a problem"
    )
    brand: Brand = Field(default=Brand.model_construct(), description="a block with the logo, colours, font and footer")
    sections: Sections = Field(default=Sections.model_construct(), description="a block that says which parts are made")
    pages: OwnPages = Field(default=OwnPages.model_construct(), description="a block with pages of your own")
    appendix: Appendix = Field(default=Appendix.model_construct(), description="a block about the spreadsheet")
    privacy: Privacy = Field(default=Privacy.model_construct(), description="a block about small groups")
    email: Email | None = Field(default=None, description="a block with `to`; it makes report.eml")
    seed: int = Field(
        default=0, ge=0, lt=2**32, description="a whole number from 0; the same one gives the same ranges again"
    )

    @model_validator(mode="after")
    def _own_currency(self) -> "ClientConfig":
        if self.rules.currencies.get(self.currency, 1) != 1:
            raise ValueError(f"`rules.currencies` gives a rate for {self.currency}, the client's own; take it out.")
        return self

    @model_validator(mode="after")
    def _worth_of_the_experiment(self) -> "ClientConfig":
        tried = self.experiment
        if tried is None or tried.outcome.kind == "bought":
            return self
        if tried.outcome.kind == "revenue" and tried.columns.outcome is None and not self.has_money:
            raise ValueError(
                "`experiment.outcome.kind` is revenue, and the transactions have no amounts: name "
                "`experiment.columns.outcome`, or take kind: bought."
            )
        if self.economics.gross_margin is None:
            raise ValueError("`economics.gross_margin` is missing: without it an experiment has no value in money.")
        return self

    @property
    def has_money(self) -> bool:
        """Whether the data have amounts; without them orders can be forecast, but not money."""
        return self.transactions.columns.has_money

    def as_dict(self) -> dict[str, Any]:
        """The settings as values that JSON knows."""
        return self.model_dump(mode="json")
