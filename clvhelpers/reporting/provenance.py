"""The last page of the report: how its numbers were made, so that they can be made again."""

import pandas as pd

from clvhelpers.reporting.analysis import Analysis
from clvhelpers.reporting.fingerprint import settings_sha256
from clvhelpers.reporting.forecast import DRAWS, LEVEL
from clvhelpers.reporting.history import FIRST_MODEL
from clvhelpers.reporting.run import versions
from clvhelpers.text import Table, Text, day, md, number, percent, plain, table

ORDERS_SOURCES = {
    "BG/NBD": "Fader, Hardie & Lee (2005), Marketing Science 24(2), for orders (BG/NBD)",
    "MBG/NBD": "Batislam, Denizel & Filiztekin (2007), International Journal of Research in Marketing 24(3), for "
    "orders (MBG/NBD)",
    "Pareto/NBD": "Schmittlein, Morrison & Colombo (1987), Management Science 33(1), for orders (Pareto/NBD)",
}
SPEND_SOURCE = "Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, for spend"


def method(analysis: Analysis) -> list[Text | Table]:
    """How the numbers were made, so that they can be made again."""
    rules = pd.DataFrame(
        [(name.replace("_", " "), _rule_words(value)) for name, value in analysis.config.rules.model_dump().items()],
        columns=["Rule", "Action"],
    )
    return [
        table(pd.DataFrame(facts(analysis), columns=["What", "Value"]), "How these numbers were made"),
        table(rules, "Rules for rows with a problem"),
        md("Sources: {orders}; {spend}.", orders=ORDERS_SOURCES[_orders_model(analysis)], spend=SPEND_SOURCE),
    ]


def _orders_model(analysis: Analysis) -> str:
    model = analysis.forecast.model
    return FIRST_MODEL if model is None else model.title


def facts(analysis: Analysis) -> list[tuple[str, str]]:
    """What the numbers were made from and with, as names and values."""
    config = analysis.config
    python, *libraries = (f"{name} {one}" for name, one in versions().items())
    return [
        ("As of", f"{day(analysis.log.as_of)} (time zone {config.timezone}); later rows are set aside"),
        ("Orders used", f"{day(analysis.log.first_date)} to {day(analysis.log.last_date)}"),
        ("Margin, discount, horizon", _economics(analysis)),
        ("Model", _model_words(analysis)),
        ("Seed of the range", f"{config.seed} ({number(DRAWS)} draws, {percent(LEVEL, 0)} range)"),
        ("Settings, SHA-256", settings_sha256(config.as_dict())),
        *((f"Data {file.path.name}, SHA-256", file.sha256) for file in analysis.source.files),
        *((f"Experiment {name}, SHA-256", sha256) for name, sha256 in _experiment_files(analysis).items()),
        ("Versions", ", ".join([python.title(), *libraries])),
    ]


def _experiment_files(analysis: Analysis) -> dict[str, str]:
    return {} if analysis.experiment is None else analysis.experiment.files


def _rule_words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"1 {code} = {plain(rate, '')}" for code, rate in value.items()) or "one currency only"
    return str(value).replace("_", " ")


def _economics(analysis: Analysis) -> str:
    economics = analysis.config.economics
    margin = "no margin, " if not analysis.has_money else f"{percent(economics.gross_margin, 0)} of revenue, "
    return f"{margin}{percent(economics.discount_rate, 0)} a year, {economics.horizon_months} months"


def _model_words(analysis: Analysis) -> str:
    model = analysis.metrics.model
    if model is None:
        return "none could be fitted"
    parameters = ", ".join(f"{name} {plain(value)}" for name, value in model.parameters.items())
    return f"{model.name}, time in weeks, {parameters}, log-likelihood {plain(model.log_likelihood, '.2f')}"
