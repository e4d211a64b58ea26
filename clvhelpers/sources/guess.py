"""Guess which column of a file is which, from its name and its first values; a starter, not a decision."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NAMES: dict[str, tuple[str, ...]] = {
    "customer": (
        *("customerid", "customernumber", "customerno", "customer", "custid", "cust", "userid", "user", "clientid"),
        *("client", "memberid", "member", "accountid", "account", "buyerid", "buyer", "shopperid", "cid"),
        *("customeremail", "email", "kundennummer", "kundenid", "kundennr", "kunde", "idclient", "numeroclient"),
        *("idcliente", "cliente", "codicecliente", "klantnummer", "klantid", "klant", "kundnummer", "kundeid"),
    ),
    "date": (
        *("orderdate", "invoicedate", "transactiondate", "purchasedate", "orderedat", "createdat", "purchasedat"),
        *("paidat", "timestamp", "datetime", "ordertime", "date", "day", "time", "bestelldatum", "rechnungsdatum"),
        *("datum", "datecommande", "datefacture", "fechapedido", "fecha", "datadordine", "dataordine", "data"),
        *("besteldatum", "orderdatum", "dato"),
    ),
    "order": (
        *("orderid", "ordernumber", "orderno", "invoiceno", "invoiceid", "invoicenumber", "invoice", "transactionid"),
        *("basketid", "receiptid", "receiptno", "order", "bestellnummer", "rechnungsnummer", "belegnummer", "beleg"),
        *("numerocommande", "commande", "numeropedido", "pedido", "idordine", "ordine", "bestelnummer", "ordernummer"),
    ),
    "amount": (
        *("amount", "orderamount", "totalamount", "ordertotal", "totalprice", "total", "revenue", "sales", "value"),
        *("ordervalue", "netamount", "grossamount", "linetotal", "spend", "paid", "betrag", "umsatz", "summe"),
        *("montant", "importe", "importo", "bedrag", "belopp", "belob"),
    ),
    "quantity": ("quantity", "qty", "units", "items", "menge", "anzahl", "quantite", "cantidad", "quantita", "aantal"),
    "unit_price": (
        *("unitprice", "priceperunit", "itemprice", "price", "einzelpreis", "preis", "stueckpreis", "prixunitaire"),
        *("prix", "preciounitario", "precio", "prezzounitario", "prezzo", "stukprijs", "prijs"),
    ),
    "channel": ("channel", "saleschannel", "source", "medium", "kanal", "canal", "canale", "kanaal"),
    "category": ("category", "productcategory", "department", "kategorie", "categorie", "categoria", "producttype"),
    "currency": ("currency", "currencycode", "waehrung", "devise", "moneda", "valuta"),
    "cost": ("cost", "costofgoods", "cogs", "unitcost", "kosten", "cout", "coste", "costo"),
}


@dataclass(frozen=True)
class Guess:
    """The column that was guessed and why, for the reader to confirm."""

    column: str
    reason: str


def guess_columns(header: Sequence[str], sample: Sequence[Sequence[str | None]] = ()) -> dict[str, Guess]:
    """Guess which column holds what: our names to `Guess(column, reason)`, those found only.

    `sample` holds a few rows as text. A guess whose values don't fit (amounts without digits) is
    not made; quantity and unit_price are left out where there is an amount.

    >>> found = guess_columns(["InvoiceNo", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID"])
    >>> [f"{ours}: {guess.column}" for ours, guess in found.items()]
    ['customer: CustomerID', 'date: InvoiceDate', 'order: InvoiceNo', 'quantity: Quantity', 'unit_price: UnitPrice']
    """
    values = {name: [row[number] for row in sample if number < len(row)] for number, name in enumerate(header)}
    found: dict[str, Guess] = {}
    for ours, known in NAMES.items():
        taken = {guess.column for guess in found.values()}
        free = [name for name in header if name not in taken and _fits(ours, values[name])]
        guess = _by_name(free, known) or (_by_dates(free, values) if ours == "date" else None)
        if guess:
            found[ours] = guess
    if "amount" in found:
        found.pop("unit_price", None)
    elif "unit_price" in found and "quantity" not in found:
        price = found.pop("unit_price")
        found["amount"] = Guess(price.column, f"{price.reason}, and there is no quantity to multiply it by")
    return found


def _by_name(names: Sequence[str], known: Sequence[str]) -> Guess | None:
    plain = {name: _plain(name) for name in names}
    for candidate in known:
        for name, words in plain.items():
            if words == candidate:
                return Guess(name, "its name says so")
    for candidate in known:
        for name, words in plain.items():
            if len(candidate) > 4 and candidate in words:
                return Guess(name, f"its name holds {candidate!r}")
    return None


def _by_dates(names: Sequence[str], values: Mapping[str, Sequence[str | None]]) -> Guess | None:
    """The only column with dates in it, whatever it is called."""
    dated = [name for name in names if any(values[name])]
    return Guess(dated[0], "it is the only column that holds dates") if len(dated) == 1 else None


def _plain(name: str) -> str:
    """A name in small letters without accents, spaces and signs.

    >>> _plain("Numéro_Client (ID)"), _plain("Stückpreis")
    ('numeroclientid', 'stueckpreis')
    """
    for letter, words in (("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("ø", "o"), ("å", "a")):
        name = name.lower().replace(letter, words)
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub("[^a-z0-9]", "", ascii_name)


def _fits(ours: str, values: Sequence[str | None]) -> bool:
    """Whether most of the values that are there could be what is looked for."""
    tests: dict[str, Callable[[str], object]] = {
        "date": re.compile(r"\d{1,4}[-/. ]\w{1,9}[-/. ,]+\d{1,4}|^\d{8}$|[A-Za-z]{3,9} \d").search,
        "currency": re.compile(r"^[A-Za-z]{3}$|^\W$").search,
    }
    number = re.compile(r"^\D{0,4}\d[\d.,'\s]*\D{0,4}$").search
    test = number if ours in ("amount", "quantity", "unit_price", "cost") else tests.get(ours)
    present = [value for value in values if value]
    return test is None or not present or 2 * sum(test(value) is not None for value in present) >= len(present)
