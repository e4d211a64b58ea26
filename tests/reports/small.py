"""Small stand-ins that tests of rendering share: a client, and a template whose cells a test chooses."""

from pathlib import Path

import nbformat

HOSTILE = (
    '<script>document.title="pwned"</script><img src=x onerror="document.title=\'pwned\'">'
    '=HYPERLINK("http://evil.test","x") $a{$ [x](javascript:alert(1)) ![y](http://evil.test/a.png)'
)

SAVE = """\
import json
from pathlib import Path
Path("metrics.json").write_text(json.dumps({"as_of": "2026-06-30"}))"""

ORDERS = """\
CustomerID,InvoiceDate,InvoiceNo,Amount
1,2026-01-05,A1,10.50
2,2026-01-07,A2,20.00
1,2026-02-15,A3,12.00
"""

CLIENT = """\
client: acme
name: Acme Stores
currency: GBP
transactions:
  source: orders.csv
  columns:
    customer: CustomerID
    date: InvoiceDate
    order: InvoiceNo
    amount: Amount
economics:
  gross_margin: 0.4
"""


def write_client(folder: Path, text: str = CLIENT, orders: str | None = ORDERS) -> Path:
    """A client file with its orders beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    if orders is not None:
        (folder / "orders.csv").write_text(orders, encoding="utf-8")
    path = folder / "client.yml"
    path.write_text(text, encoding="utf-8")
    return path


def write_template(folder: Path, *cells: str, save: str = SAVE) -> Path:
    """A report template with the given code cells and, at its end, the one that saves the numbers."""
    tagged = {"tags": ["parameters"]}
    made = [nbformat.v4.new_code_cell("client = {}", metadata=tagged, id="parameters")]
    made += [nbformat.v4.new_code_cell(cell, id=f"cell-{n}") for n, cell in enumerate((*cells, save))]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "template.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=made, metadata={"kernelspec": kernel}), path)
    return path
