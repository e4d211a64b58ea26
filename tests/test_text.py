"""A value can never become markup, whatever it holds."""

import json
import re

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from clvhelpers.text import escape_markdown, md, money, number, percent, table

HOSTILE = [
    "<script>alert(1)</script>",
    '=HYPERLINK("http://evil.example")',
    "$a{$",
    "](javascript:alert(1))",
    "[x](javascript:alert(1))",
    "![x](http://evil.example/x.png)",
    "# heading\n\n- item",
    "`code` **bold** __bold__ ~~gone~~",
    "&lt;b&gt; &amp;",
    "http://evil.example www.evil.example a@evil.example",
    "| a | b |\n|---|---|",
    "\\(x\\) \\[y\\]",
]


def words(html: str) -> str:
    import html as library

    return library.unescape(re.sub(r"</?p>", "", html)).strip()


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_value_is_printed_as_itself(value: str) -> None:
    html = markdown2html(md("{value}", value=value).markdown)
    assert re.findall(r"<(\w+)", html) == ["p"]
    assert words(html) == " ".join(value.split())


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp", "Cf"])))
def test_no_text_makes_any_tag_but_its_paragraph(value: str) -> None:
    html = markdown2html("x " + escape_markdown(value) + " x")
    assert re.findall(r"<(\w+)", html) == ["p"]
    assert words(html) == f"x {value} x"


def test_formats_apply_before_escaping() -> None:
    assert md("{share:.1%} of {name}", share=0.25, name="*us*").markdown == "25.0% of &#42;us&#42;"


@pytest.mark.parametrize("value", HOSTILE)
def test_a_table_prints_hostile_names_and_cells_as_text(value: str) -> None:
    html = table(pd.DataFrame({value: [value]}), value)._repr_html_()
    assert set(re.findall(r"<(\w+)", html)) == {"table", "caption", "thead", "tr", "th", "tbody", "td"}
    assert "<script" not in html


def test_no_page_searches_our_words_for_mathematics() -> None:
    # MathJax, in JupyterLab and in exported pages, reads "$300 and $66" as a formula, however the $ is written.
    two_prices = md("From {a} to {b}", a="$300", b="$66")._repr_markdown_()
    assert two_prices == '<div class="mathjax_ignore tex2jax_ignore">\n\nFrom &#36;300 to &#36;66\n\n</div>'
    assert "<p>From $300 to $66</p>" in markdown2html(two_prices)
    html = table(pd.DataFrame({"a": ["$300 and $66"]}), "Prices")._repr_html_()
    assert html.startswith('<table class="clv mathjax_ignore tex2jax_ignore">')


def test_a_table_shows_what_is_missing_and_aligns_numbers() -> None:
    frame = pd.DataFrame({"who": ["a", None], "paid": [12.5, None], "day": [pd.Timestamp("2026-06-30"), pd.NaT]})
    html = table(frame, "Who paid", paid=money)._repr_html_()
    assert '>a</td><td class="number">$12.50</td><td style="text-align:left">2026-06-30</td>' in html
    assert '>–</td><td class="number">–</td><td style="text-align:left">–</td>' in html


def test_a_format_for_a_column_that_is_not_there_is_refused() -> None:
    with pytest.raises(KeyError, match="revenue"):
        table(pd.DataFrame({"a": [1]}), "A", revenue=money)


def test_amounts_never_show_a_negative_zero_or_lose_cents() -> None:
    assert [money(x) for x in (-0.001, 999.99, 999.999, -1500.4)] == ["$0.00", "$999.99", "$1,000", "-$1,500"]
    assert (percent(0.005, 0), number(-0.4)) == ("0%", "0")


def test_words_survive_json() -> None:
    text = md("{x}", x='"quoted"\n')
    assert json.loads(json.dumps(text.markdown)) == text.markdown == "&#34;quoted&#34;"
