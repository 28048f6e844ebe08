"""No cell is run, whatever a spreadsheet takes for the separator; numbers stay numbers; nothing is lost."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.csv_cells import harmless, original

SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"
DANGEROUS = (*SIGNS, "\t", "\r", "\n")
HOSTILE = st.text(st.sampled_from(SIGNS + "\t\r\n;,\"' \ufeff\u2003\u200bA1('"), max_size=12) | st.text(max_size=20)


@pytest.mark.parametrize("start", DANGEROUS)
@pytest.mark.parametrize("before", ["", " ", "\u2003", '"', "'", ' "', "\ufeff", "\u200b "])
def test_what_is_run_at_the_start(start: str, before: str) -> None:
    cell = f"{before}{start}cmd|' /C calc'!A0"
    assert harmless(cell) == f"'{cell}"


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("a;=1+1", "a;'=1+1"),
        ("a\t@x", "a\t'@x"),
        ("a\n=x", "a\n'=x"),
        ('a;" =x', "a;'\" =x"),
        ("a;b=c", "a;b=c"),
        ("a-b_c+d@e.jpg", "a-b_c+d@e.jpg"),
        ("ward; 3", "ward; 3"),
    ],
)
def test_cells_inside_a_cell(cell: str, written: str) -> None:
    assert harmless(cell) == written


@pytest.mark.parametrize("number", ["-0.5", "+1", "0.430000", "-1e-06", "-12", "1E+20"])
def test_numbers_stay_numbers(number: str) -> None:
    assert harmless(number) == number


@pytest.mark.parametrize("text", ["-1-1", "-0.5.jpg", "+1+cmd", "-", "-A1", "-1\n", "-\u0663"])
def test_what_only_begins_as_a_number_does_not(text: str) -> None:
    assert harmless(text) == f"'{text}"


@given(HOSTILE)
@example("'=x")
@example(";'=x")
@example("'\t")
@example(";\t=")
def test_the_original_comes_back(cell: str) -> None:
    assert original(harmless(cell)) == cell


@given(st.lists(HOSTILE, min_size=1, max_size=4), st.sampled_from(",;\t"))
def test_no_reader_finds_a_formula(cells: list[str], separator: str) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL).writerow([harmless(cell) for cell in cells])
    text = file.getvalue()
    assert next(csv.reader(io.StringIO(text, newline=""))) == [harmless(cell) for cell in cells]
    if separator == ",":
        return
    for line in text.splitlines():  # as if quotes were nothing: the worst reader there is
        for found in line.split(separator):
            bare = found.strip(' \u2003\ufeff\u200b"\t\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029')
            if bare and bare[0] in SIGNS:
                assert re.fullmatch(r"[+-]\d+(\.\d+)?([eE][+-]?\d+)?", bare.partition('"')[0], re.ASCII), (line, found)
