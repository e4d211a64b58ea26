"""Public data sets that a user downloads, read and checked, in the columns that this package uses.

Nothing is fetched and nothing is dropped: each loader takes the path of a file that is there, checks that it is the
right one, and gives the rows with notes on what was found. Where to get each is in `SETS`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from clvhelpers.errors import DataContractError
from clvhelpers.sources import SourceOptions, open_transactions, peek
from clvhelpers.sources.export import checksum
from clvhelpers.sources.findings import nearest
from clvhelpers.text import number

EXAMPLES = 5
UCI = "https://archive.ics.uci.edu/dataset"


class PublicSet(NamedTuple):
    """A public data set: where it is, under which terms, and how to know it again.

    `sha256` is None where no checksum is known to us; then the columns and the number of rows are all that is checked.
    """

    name: str
    where: str
    licence: str
    rows: int
    columns: tuple[str, ...]
    sha256: str | None = None


TELCO_COLUMNS = (
    *("customerID", "gender", "SeniorCitizen", "Partner", "Dependents", "tenure"),
    *("PhoneService", "MultipleLines", "InternetService", "OnlineSecurity", "OnlineBackup", "DeviceProtection"),
    *("TechSupport", "StreamingTV", "StreamingMovies"),
    *("Contract", "PaperlessBilling", "PaymentMethod", "MonthlyCharges", "TotalCharges", "Churn"),
)
HILLSTROM_COLUMNS = (
    *("recency", "history_segment", "history", "mens", "womens", "zip_code", "newbie", "channel"),
    *("segment", "visit", "conversion", "spend"),
)
SETS = {
    "online_retail": PublicSet(
        "Online Retail",
        f"{UCI}/352/online+retail",
        "CC BY 4.0",
        541_909,
        ("InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID", "Country"),
    ),
    "online_retail_2": PublicSet(
        "Online Retail II",
        f"{UCI}/502/online+retail+ii",
        "CC BY 4.0",
        1_067_371,
        ("Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"),
    ),
    "cookie_cats": PublicSet(
        "Cookie Cats",
        "https://github.com/ghaskari/cookie-cats-ab-test (cookie_cats.csv, by the button 'Download raw file')",
        "none stated: use it, don't pass it on",
        90_189,
        ("userid", "version", "sum_gamerounds", "retention_1", "retention_7"),
        "75790e24d93c35a5b90aeaa9029845d8b2fed26ae2062c9a26171e7ea4f7be0f",
    ),
    "telco_churn": PublicSet(
        "Telco churn",
        "https://github.com/IBM/telco-customer-churn-on-icp4d (data/Telco-Customer-Churn.csv)",
        "Apache 2.0",
        7_043,
        TELCO_COLUMNS,
        "16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91",
    ),
    "hillstrom": PublicSet(
        "Hillstrom's e-mail test",
        "https://blog.minethatdata.com/2008/03/minethatdata-e-mail-analytics-and-data.html",
        "none stated: use it, don't pass it on",
        64_000,
        HILLSTROM_COLUMNS,
    ),
}


@dataclass(frozen=True, eq=False)
class PublicData:
    """A public data set as it was found: `frame` in our columns, `about` it, and `notes` for whoever uses it."""

    frame: pd.DataFrame
    about: PublicSet
    notes: tuple[str, ...]

    def sentence(self) -> str:
        """What was read, from where it is, and every note."""
        return " ".join([f"{self.about.name}: {number(len(self.frame))} rows ({self.about.licence}).", *self.notes])


def load_online_retail(path: str | Path, encoding: str = "utf-8") -> PublicData:
    """Order lines of a British gift shop, December 2009 to 2011, from "Online Retail.xlsx" or a CSV of it.

    `frame` is a raw log in pounds: `customer_id` (text, missing for a quarter of the rows), `date` (local time),
    `order_id` (a cancellation's begins with C), `quantity`, `unit_price`, `amount` (their product, negative for a
    cancellation), `product`, `country`. `clean_transactions(frame, currency="GBP")` makes it fit for use.
    `encoding` matters for a CSV; many copies are cp1252.

    Raises `DataContractError` for another file.
    Source: D. Chen, S. L. Sain and K. Guo (2012), J. Database Marketing & Customer Strategy Management 19(3).

    >>> load_online_retail("nowhere.csv")
    Traceback (most recent call last):
        ...
    clvhelpers.errors.DataContractError: there is no file nowhere.csv: get Online Retail from \
https://archive.ics.uci.edu/dataset/352/online+retail
    """
    about = SETS["online_retail"]
    found = _retail(Path(path), about, ("CustomerID", "InvoiceNo", "UnitPrice"), encoding, (None,))
    return PublicData(found[0], about, (*_notes(Path(path), about, found[0]), *found[1]))


def load_online_retail_2(path: str | Path, encoding: str = "utf-8") -> PublicData:
    """The same shop over two years, from "online_retail_II.xlsx" (both sheets) or a CSV of it.

    `frame` has the columns of `load_online_retail`. The sheets overlap by some days of December 2010: the rows are
    all here, and a note counts them; `Rules(exact_duplicates="set_aside")` keeps one of each.

    Raises `DataContractError` for another file.

    >>> load_online_retail_2("nowhere.csv")
    Traceback (most recent call last):
        ...
    clvhelpers.errors.DataContractError: there is no file nowhere.csv: get Online Retail II from \
https://archive.ics.uci.edu/dataset/502/online+retail+ii
    """
    file, about = Path(path), SETS["online_retail_2"]
    sheets = ("Year 2009-2010", "Year 2010-2011") if file.suffix.lower() == ".xlsx" else (None,)
    frame, notes = _retail(file, about, ("Customer ID", "Invoice", "Price"), encoding, sheets)
    return PublicData(frame, about, (*_notes(file, about, frame), *notes))


def load_cookie_cats(path: str | Path) -> PublicData:
    """A randomised test in a mobile game: the first gate at level 30 or 40, from "cookie_cats.csv".

    `frame` has a row a player: `unit` (text), `arm` ("gate_30" is the game as it was, "gate_40" the new one),
    `rounds` (played in the first 14 days, so after the treatment), `retention_1` and `retention_7` (true if the
    player came back 1 or 7 days after installing). Raises `DataContractError` for another file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "cookie_cats.csv")
    ...     rows = ["userid,version,sum_gamerounds,retention_1,retention_7", "116,gate_30,3,FALSE,FALSE"]
    ...     _ = path.write_text("\\n".join(rows))
    ...     load_cookie_cats(path).frame.to_dict("records")
    [{'unit': '116', 'arm': 'gate_30', 'rounds': 3, 'retention_1': False, 'retention_7': False}]
    """
    file, about = Path(path), SETS["cookie_cats"]
    table = _csv(file, about)
    check = _Check(file)
    frame = pd.DataFrame(
        {
            "unit": check.unique(table["userid"]),
            "arm": check.among(table["version"], ("gate_30", "gate_40")),
            "rounds": check.numbers(table["sum_gamerounds"]),
            "retention_1": check.flags(table["retention_1"]),
            "retention_7": check.flags(table["retention_7"]),
        }
    )
    check.stop_if_any(about)
    after = "The rounds were played after players had been split: no covariate, and no filter."
    return PublicData(frame, about, (*_notes(file, about, frame), after))


def load_telco_churn(path: str | Path) -> PublicData:
    """Customers of a telephone company, one row each with how long they stayed, from "Telco-Customer-Churn.csv".

    `frame`: `customer_id` (text), `months` (tenure), `left` (true if the customer left at the end of them, false if
    still there), `plan` (the contract now), `monthly_charges` and `total_charges` in US dollars (missing where the
    file has a blank, counted in a note), and the other columns under their own names as text.

    Raises `DataContractError` for another file.

    >>> load_telco_churn("nowhere.csv")
    Traceback (most recent call last):
        ...
    clvhelpers.errors.DataContractError: there is no file nowhere.csv: get Telco churn from \
https://github.com/IBM/telco-customer-churn-on-icp4d (data/Telco-Customer-Churn.csv)
    """
    file, about = Path(path), SETS["telco_churn"]
    table = _csv(file, about)
    check = _Check(file)
    blank = table["TotalCharges"].str.strip() == ""
    frame = pd.DataFrame(
        {
            "customer_id": check.unique(table["customerID"]),
            "months": check.numbers(table["tenure"]),
            "left": check.flags(table["Churn"]),
            "plan": check.among(table["Contract"], ("Month-to-month", "One year", "Two year")),
            "monthly_charges": check.numbers(table["MonthlyCharges"]),
            "total_charges": check.numbers(table["TotalCharges"].where(~blank, "nan")),
        }
    )
    check.stop_if_any(about)
    used = ("customerID", "tenure", "Churn", "Contract", "MonthlyCharges", "TotalCharges")
    rest = table[[name for name in about.columns if name not in used]]
    notes = [*_notes(file, about, frame)]
    if blank.any():
        notes.append(f"Rows with a blank total, kept as missing: {number(blank.sum())}.")
    notes.append("The contract is chosen and may have changed: by contract, the numbers describe and don't explain.")
    return PublicData(frame.join(rest), about, tuple(notes))


def load_hillstrom(path: str | Path) -> PublicData:
    """A randomised e-mail test of a clothing shop in three arms, from the CSV of Kevin Hillstrom's challenge (2008).

    `frame` has a row a customer: `unit` (the row's number, as the file has no id), `arm` ("no e-mail",
    "men's e-mail", "women's e-mail"), what came in the two weeks after (`visit`, `conversion`: true or false;
    `spend` in US dollars), and what was known before: `recency` (months since the last purchase), `history` (US
    dollars in the past year), `history_segment`, `mens`, `womens`, `newbie` (true or false), `zip_code`, `channel`.

    Raises `DataContractError` for another file.

    >>> load_hillstrom("nowhere.csv")
    Traceback (most recent call last):
        ...
    clvhelpers.errors.DataContractError: there is no file nowhere.csv: get Hillstrom's e-mail test from \
https://blog.minethatdata.com/2008/03/minethatdata-e-mail-analytics-and-data.html
    """
    file, about = Path(path), SETS["hillstrom"]
    table = _csv(file, about)
    check = _Check(file)
    arms = {"No E-Mail": "no e-mail", "Mens E-Mail": "men's e-mail", "Womens E-Mail": "women's e-mail"}
    frame = pd.DataFrame({"unit": (table.index + 1).astype(str)})
    frame["arm"] = check.among(table["segment"], tuple(arms)).map(arms)
    kinds: list[tuple[Callable[[pd.Series], pd.Series], Sequence[str]]] = [
        (check.flags, ("visit", "conversion", "mens", "womens", "newbie")),
        (check.numbers, ("spend", "recency", "history")),
        (pd.Series.copy, ("history_segment", "zip_code", "channel")),
    ]
    for read, names in kinds:
        frame = frame.assign(**{name: read(table[name]) for name in names})
    check.stop_if_any(about)
    return PublicData(frame, about, _notes(file, about, frame))


class _Check:
    """Reads texts as what they should be, and collects every row that is not."""

    def __init__(self, file: Path):
        self.file, self.problems = file, list[str]()

    def numbers(self, column: pd.Series) -> pd.Series:
        values = pd.to_numeric(column, errors="coerce")
        self._refuse(values.isna() & (column.str.lower() != "nan"), column, "no number")
        return values

    def flags(self, column: pd.Series) -> pd.Series:
        known = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
        values = column.str.strip().str.lower().map(known)
        self._refuse(values.isna(), column, "neither true nor false")
        return values.fillna(False).astype(bool)

    def among(self, column: pd.Series, known: tuple[str, ...]) -> pd.Series:
        self._refuse(~column.isin(known), column, f"none of {', '.join(known)}")
        return column

    def unique(self, column: pd.Series) -> pd.Series:
        self._refuse(column.str.strip() == "", column, "no id")
        self._refuse(column.duplicated() & (column.str.strip() != ""), column, "an id that was there before")
        return column

    def _refuse(self, wrong: pd.Series, column: pd.Series, why: str) -> None:
        if wrong.any():
            rows = wrong.to_numpy().nonzero()[0][:EXAMPLES]
            shown = "; ".join(f"row {row + 2}: {column.iloc[row]!r}" for row in rows)
            self.problems.append(
                f"{self.file.name}, column {column.name}: {number(wrong.sum())} rows hold {why} ({shown})"
            )

    def stop_if_any(self, about: PublicSet) -> None:
        if self.problems:
            raise DataContractError([*self.problems, f"is it the file of {about.name}? Get it from {about.where}"])


def _csv(file: Path, about: PublicSet) -> pd.DataFrame:
    """The expected columns of a CSV file as text."""
    _refuse_other_kinds(file, about, zipped=False)
    table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    _check_columns(file, about, list(table.columns))
    if table.empty:
        raise DataContractError(f"{file.name} has column names and no rows: get it again from {about.where}")
    return table


def _retail(
    file: Path, about: PublicSet, names: tuple[str, str, str], encoding: str, sheets: tuple[str | None, ...]
) -> tuple[pd.DataFrame, list[str]]:
    """A raw log from one or more sheets, by the reader of client files, and what it notes."""
    _refuse_other_kinds(file, about, zipped=file.suffix.lower() == ".xlsx")
    customer, order, price = names
    columns = {"customer": customer, "order": order, "date": "InvoiceDate", "quantity": "Quantity"}
    columns |= {"unit_price": price, "category": "StockCode", "channel": "Country"}
    parts, notes = [], []
    for sheet in sheets:
        _check_columns(file, about, peek(file, encoding, sheet=sheet)[0])
        source = open_transactions(file, SourceOptions(columns, encoding, sheet=sheet))
        parts.append(source.relation.order("source_row").df())
        notes += [note for note in source.notes if note not in notes]
    frame = pd.concat(parts, ignore_index=True).rename(columns={"category": "product", "channel": "country"})
    unread = frame["date"].isna() | frame["amount"].isna()
    if unread.any():
        rows = ", ".join(map(str, frame.loc[unread, "source_row"].head(EXAMPLES)))
        raise DataContractError(
            f"{file.name}: {number(unread.sum())} rows have no date or amount that can be read (rows {rows}); the file "
            f"of {about.name} has one in each: get it again from {about.where}"
        )
    wanted = ["customer_id", "date", "order_id", "quantity", "unit_price", "amount", "product", "country"]
    return frame[wanted], [*notes, *_overlap(parts)]


def _overlap(parts: list[pd.DataFrame]) -> list[str]:
    """How many rows two sheets have on days that both cover."""
    if len(parts) < 2:
        return []
    days = [part["date"].dt.normalize() for part in parts]
    both = days[1].isin(days[0].unique())
    if not both.any():
        return []
    first, last = (day.date() for day in (days[1][both].min(), days[1][both].max()))
    return [f"The sheets overlap from {first} to {last}: {number(both.sum())} rows of the second are there twice."]


def _refuse_other_kinds(file: Path, about: PublicSet, zipped: bool) -> None:
    """No file, or one that is plainly something else, such as the page that leads to it."""
    if not file.is_file():
        raise DataContractError(f"there is no file {file}: get {about.name} from {about.where}")
    with file.open("rb") as stream:
        head = stream.read(2048).lstrip(b"\xef\xbb\xbf \r\n\t").lower()
    if not head:
        raise DataContractError(f"{file.name} is empty: get it again from {about.where}")
    if head.startswith((b"<!doctype", b"<html", b"<?xml")) or b"<head" in head[:512]:
        raise DataContractError(
            f"{file.name} is a web page and not the data: a link was saved in place of the file behind it. Get it "
            f"from {about.where}"
        )
    if head.startswith(b"version https://git-lfs"):
        raise DataContractError(f"{file.name} only points to the data (Git LFS): get it from {about.where}")
    if head.startswith(b"pk") and not zipped:
        raise DataContractError(f"{file.name} is packed (a ZIP or Excel file) and a CSV is wanted: unpack it first")


def _check_columns(file: Path, about: PublicSet, found: list[str]) -> None:
    missing = [name for name in about.columns if name not in found]
    if missing:
        problems = [f"{file.name} has no column {name}.{nearest(name, found)}" for name in missing]
        problems.append(f"it has {', '.join(found)}; {about.name} is at {about.where}")
        raise DataContractError(problems)


def _notes(file: Path, about: PublicSet, frame: pd.DataFrame) -> tuple[str, ...]:
    """Whether this is the very file that is known, or at least one of its size."""
    notes = []
    if len(frame) != about.rows:
        notes.append(
            f"The file has {number(len(frame))} rows and {about.name} {number(about.rows)}: numbers that others "
            "published will not come out."
        )
    if about.sha256 is None:
        notes.append("No checksum of this file is known to us: its columns were checked.")
    elif checksum(file) == about.sha256:
        notes.append("The file is the one that our reference numbers were worked out on (sha256).")
    else:
        notes.append(
            f"The file is not the one that our reference numbers were worked out on (sha256 {about.sha256[:12]}…); "
            "its columns and values were checked."
        )
    return tuple(notes)
