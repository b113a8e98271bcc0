"""Columns of a list: values as they are, or in a format, in each style of lists."""

from __future__ import annotations

import pytest

from wcl import WclError

COLUMNS = "columns = red.fullname, ccd"


@pytest.fixture
def lines(plan, reduce_text):
    """Plan the small pipeline with other columns, and return the lines of the list of its first coadd."""

    def make(columns: str, more: str = "") -> tuple[str, ...]:
        call = next(
            call for call in plan(reduce_text.replace(COLUMNS, f"columns = {columns}\n{more}")).calls if call.lists
        )
        return call.lists[0].lines

    return make


@pytest.mark.parametrize(
    ("columns", "first"),
    [
        ("$FMT{%03d, ccd}", "002"),
        ("$fmt{%-4s|, red.ccd}", "2   |"),
        ("$FMT{%s[0], red.fullname}, ccd", "red/g_02.fits[0] 2"),
        ("$FMT{%.2f, ccd}", "2.00"),
        ("$FMT{%5.1e%%, ccd}", "2.0e+00%"),
        ("$FMT{%X, ccd} $FMT{%o, ccd}", "2 2"),
        ("red.filename, band", "g_02.fits g"),
        ("fullname", "red/g_02.fits"),
    ],
)
def test_a_column_is_written_as_it_says(lines, columns, first):
    assert lines(columns)[0] == first


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("$FMT{%d, band}", "band = g cannot be written as %d"),
        ("$FMT{%f, red.fullname}", "cannot be written as %f"),
        ("$FMT{ccd}", "is not a column"),
        ("$FMT{%d, ccd, band}", "is not a column"),
        ("$FMT{%d%d, ccd}", "is not a column"),
        ("$FMT{no conversion, ccd}", "is not a column"),
        ("$FMT{%*d, ccd}", "is not a column"),
        ("$FMT{%9999d, ccd}", "is not a column"),
        ("$FMT{%s, nothing}", "'nothing'"),
        ("nothing", "'nothing'"),
    ],
)
def test_what_cannot_be_written_is_refused_with_the_line_of_the_columns(lines, reduce_text, columns, message):
    with pytest.raises(WclError) as error:
        lines(columns)
    (problem, *_) = [each for each in error.value.problems if message in each.message]
    assert problem.position is not None
    assert problem.position.line == 1 + next(n for n, line in enumerate(reduce_text.splitlines()) if COLUMNS in line)


@pytest.mark.parametrize(
    ("style", "text"),
    [
        ("textsp", "red/g_02.fits 2"),
        ("TEXTCSV", "red/g_02.fits, 2"),
        ("texttab", "red/g_02.fits\t2"),
        ("wcl", "<file>\n    fullname=red/g_02.fits\n    ccd=2\n</file>"),
    ],
)
def test_a_style_decides_what_stands_between_columns(lines, style, text):
    assert lines("red.fullname, ccd", f"format = {style}")[0] == text


@pytest.mark.parametrize(
    ("key", "order"),
    [
        ("ccd", ["1", "10", "2"]),
        ("(ccd)", ["1", "10", "2"]),
        ("(ccd, True)", ["1", "2", "10"]),
        ("(ccd, True, True)", ["10", "2", "1"]),
        ("(ccd, False, True)", ["2", "10", "1"]),
        ("(red.filename, False)", ["1", "2", "10"]),
        ("band", ["1", "2", "10"]),
    ],
)
def test_lines_are_in_the_order_of_their_key(plan, reduce_text, key, order):
    text = reduce_text.replace("(ccd, True, True)", key).replace(COLUMNS, "columns = ccd")
    call = next(call for call in plan(text, ccds="1, 2, 10").calls if call.lists)
    assert list(call.lists[0].lines) == order


def test_a_key_that_is_no_number_cannot_be_sorted_as_one(plan, reduce_text):
    with pytest.raises(WclError, match="band = g is not a number"):
        plan(reduce_text.replace("(ccd, True, True)", "(band, True)"))
