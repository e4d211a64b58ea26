"""The client file: what one report is about, checked before anything else is read."""

from clvhelpers.reporting.config.client import ClientConfig, Economics, RuleActions
from clvhelpers.reporting.config.load import load_config
from clvhelpers.reporting.config.transactions import Columns, Transactions

__all__ = ["ClientConfig", "Columns", "Economics", "RuleActions", "Transactions", "load_config"]
