"""A value can never become markup, whatever it holds."""

import datetime as dt
import json
import re
import subprocess
import sys

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbconvert.filters import markdown2html

from clvhelpers.errors import ConfigError
from clvhelpers.text import (
    MISSING,
    count,
    day,
    escape_markdown,
    language,
    md,
    money,
    number,
    percent,
    period,
    plain,
    table,
)

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


def test_an_amount_is_not_torn_between_two_lines() -> None:
    with language("fr-CH"):
        assert md("{x}\n", x=f" {money(2500, 'CHF')}\n\tand more ").markdown.strip() == "2\u202f500\xa0CHF and more"


def test_words_survive_json() -> None:
    text = md("{x}", x='"quoted"\n')
    assert json.loads(json.dumps(text.markdown)) == text.markdown == "&#34;quoted&#34;"


VALUES = (0, 1, -1, 0.004, -0.004, 12.25, -12.25, 999.99, 999.996, 1000, -2500, 23570.5, 1234567.891, float("nan"))


def test_the_default_language_writes_what_it_always_wrote() -> None:
    """Lessons are saved with these texts; frozen from the version before languages."""
    written = " ".join(money(x) for x in VALUES)
    assert written == "$0.00 $1.00 -$1.00 $0.00 $0.00 $12.25 -$12.25 $999.99 $1,000 $1,000 -$2,500 $23,570 $1,234,568 –"
    assert [money(1234.5, code) for code in ("EUR", "JPY", "CHF", "AUD", "CAD", "SEK")] == [
        "€1,234", "¥1,234", "CHF 1,234", "A$1,234", "C$1,234", "SEK 1,234"
    ]  # fmt: skip
    assert [money(-1234.5, code, 2) for code in ("INR", "GBP", "SEK")] == ["-₹1,234.50", "-£1,234.50", "-SEK 1,234.50"]
    assert [percent(x, d) for x, d in ((0.125, 0), (0.1234, 1), (-0.0004, 1), (12.5, 1), (-0.5, 2))] == [
        "12%", "12.3%", "0.0%", "1250.0%", "-50.00%"
    ]  # fmt: skip
    assert [number(x, d) for x, d in ((23570, 0), (-0.4, 0), (2.675, 2), (1e15, 0))] == [
        "23,570", "0", "2.67", "1,000,000,000,000,000"
    ]  # fmt: skip
    assert [percent(x, 0, signed=True) for x in (0.56, -0.12, 0.0)] == ["+56%", "-12%", "+0%"]
    assert (count(1, "order"), count(2357, "order"), plain(123456.0), plain(0.5, ".3g")) == (
        "1 order", "2,357 orders", "1.235e+05", "0.5"
    )  # fmt: skip
    with language("en-US"):
        assert (money(2500), day(dt.date(2026, 6, 3)), day(dt.date(2026, 6, 3), long=True)) == (
            "$2,500", "2026-06-03", "3 June 2026"
        )  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en-GB", "€2,500|-US$12.25|SEK 10,000|12.3%|+50%|-1,234.57|3 Jun 2026|3 June 2026|Jun 2026|Q2 2026"),
        ("en-IN", "€2,500|-$12.25|SEK 10,000|12.3%|+50%|-1,234.57|3 Jun 2026|3 June 2026|Jun 2026|Q2 2026"),
        ("de-DE", "2.500 €|-12,25 $|10.000 SEK|12,3 %|+50 %|-1.234,57|03.06.2026|3. Juni 2026|Juni 2026|Q2 2026"),
        ("de-CH", "EUR 2’500|$-12.25|SEK 10’000|12.3%|+50%|-1’234.57|03.06.2026|3. Juni 2026|Juni 2026|Q2 2026"),
        ("fr-FR", "2 500 €|-12,25 $US|10 000 SEK|12,3 %|+50 %|-1 234,57|3 juin 2026|3 juin 2026|juin 2026|T2 2026"),
        ("sv-SE", "2 500 €|-12,25 US$|10 000 kr|12,3 %|+50 %|-1 234,57|3 juni 2026|3 juni 2026|juni 2026|K2 2026"),
    ],
)
def test_each_language_has_its_way(tag: str, expected: str) -> None:
    june = dt.date(2026, 6, 3)
    with language(tag):
        written = [money(2500, "EUR"), money(-12.25, "USD"), money(1e4, "SEK"), percent(0.1234)]
        written += [percent(0.5, 0, signed=True), number(-1234.567, 2), day(june), day(june, long=True)]
        written += [period(pd.Period("2026-06")), period(pd.Period("2026Q2"))]
    assert re.sub("[\xa0\u202f]", " ", "|".join(written)) == expected


def test_arabic_and_hebrew_keep_their_order_among_english_words() -> None:
    """A mark after each word, as digits right after one are drawn before it; no mark of theirs within digits."""
    june = dt.date(2026, 6, 3)
    with language("ar-EG"):
        assert (day(june), percent(-0.12), number(-1234.5, 1)) == ("03/06/2026", "-12.0%", "-1,234.5")
        assert day(june, long=True) == "3 يونيو \u200e2026"
        assert period(pd.Period("2026-06")) == "يونيو \u200e2026"
        assert money(1e4, "EGP") == "10,000\xa0ج.م.\u200f\u200e"
    with language("he-IL"):
        assert period(pd.Period("2026-06"), long=True) == "יוני \u200e2026"


@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 4))
def test_a_number_has_the_same_digits_in_every_language(value: float, decimals: int) -> None:
    english = number(value, decimals)
    with language("de-DE"):
        assert number(value, decimals).translate(str.maketrans(".,", ",.")) == english


def test_what_is_special_about_money() -> None:
    with language("en-GB"):
        assert money(12.4, "JPY") == "JP¥12"  # a yen has no cents
        assert money(12.4, "CHF") == "CHF\xa012.40"  # letters never touch a digit
        assert money(None) == percent(float("nan")) == number(None) == MISSING


def test_a_table_writes_its_days_in_the_language() -> None:
    frame = pd.DataFrame({"day": [pd.Timestamp("2026-06-30")], "month": [pd.Period("2026-06")], "paid": [1234.5]})
    shown = table(frame, "When", paid=money)
    with language("de-DE"):
        assert shown.as_data()["rows"] == [["30.06.2026", "Juni 2026", "1.234\xa0$"]]
    assert shown.as_data()["rows"] == [["2026-06-30", "2026-06", "$1,234"]]


def test_a_language_ends_with_its_block_even_after_an_error() -> None:
    with pytest.raises(ZeroDivisionError), language("de-DE"):
        raise ZeroDivisionError
    assert number(1234) == "1,234"
    with pytest.raises(ConfigError, match="'xx-YY' is not known"), language("xx-YY"):
        pass


def test_the_language_data_are_read_only_when_a_language_asks_for_them() -> None:
    code = "import sys, clvhelpers.text as t; t.money(1.0), t.day(__import__('datetime').date.today())"
    code += "; print('babel' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


@pytest.mark.parametrize("tag", ["ja-JP", "zh-CN", "ko-KR", "th-TH", "hi-IN"])
def test_what_the_font_of_the_figures_lacks_is_written_in_signs_that_it_has(tag: str) -> None:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    drawn = get_font(findfont(FontProperties(family="DejaVu Sans"))).get_charmap()
    with language(tag):
        shown = [day(dt.date(2026, 6, 30)), day(dt.date(2026, 6, 30), long=True), number(1234.5, 1), percent(0.123)]
        shown += [period(pd.Period(text), long=long) for text in ("2026-06", "2026Q2") for long in (True, False)]
        shown += [money(2500.5, currency) for currency in ("JPY", "CNY", "KRW", "THB", "INR", "EUR")]
    assert [text for text in shown if not {ord(sign) for sign in text} <= drawn.keys()] == []
    assert all(any(sign.isdigit() for sign in text) for text in shown)
