"""What the table_profile kind says about a table."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
import re
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers._table.cells import CELLS_AT_ONCE, COLUMNS_MAX
from consumers._table.column import Bin, Column, Quantiles
from consumers._table.column_profile import BINS, TEXT_SHOWN_MAX
from consumers.table_profile import Table, TableProfile, table_profile
from headrace.testing import RecordingSyncContext
from tests.examples import examples

RESULT_BYTES_MAX = 512 * 1024


def profile(text: str) -> TableProfile:
    return table_profile(table_profile.decode_input(msgspec.json.encode({"csv": text})), RecordingSyncContext())


def column(*values: str) -> Column:
    written = io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_ALL).writerows([["name"], *([value] for value in values)])
    (found,) = profile(written.getvalue()).columns
    return found


class TestReading:
    @pytest.mark.parametrize(
        ("text", "rows"),
        [
            ("a,b\n1,2\n", 1),
            ("a,b\r\n1,2\r\n3,4", 2),
            ("a,b\r1,2\r", 1),
            ("\ufeffa,b\n1,2\n", 1),
            ("a;b\n1;2\n", 1),
            ("a\tb\n1\t2\n", 1),
            ("a|b\n1|2\n", 1),
            (" a , b \n1 ,  2 \n", 1),
            ('a,b\n"1","2"\n', 1),
            ("\n\na,b\n\n1,2\n  \n\n", 1),
        ],
    )
    def test_a_table_is_read_whatever_its_separators_line_ends_and_blank_lines(self, text: str, rows: int):
        found = profile(text)
        assert found.rows == rows
        assert [(column.name, column.type, column.min) for column in found.columns] == [
            ("a", "integer", 1),
            ("b", "integer", 2),
        ]

    def test_quotes_hold_separators_quotes_and_line_ends(self):
        (found, _) = profile('"a;\n1";b\n"x, ""y""\r\nz;";1\n').columns
        assert (found.name, found.min) == ("a;\n1", 'x, "y"\r\nz;')

    def test_a_header_alone_is_a_table_without_rows(self):
        found = profile("a,b")
        assert found.rows == 0
        assert found.columns == [
            Column(
                name=name, type="text", nulls=0, distinct=0, min=None, max=None, mean=None, quantiles=None, histogram=[]
            )
            for name in ("a", "b")
        ]

    def test_names_may_occur_twice_or_be_missing(self):
        found = profile("a,a,\n1,x,2.5\n")
        assert [(column.name, column.type) for column in found.columns] == [
            ("a", "integer"),
            ("a", "text"),
            ("", "float"),
        ]

    @pytest.mark.parametrize("text", ["", "\n \r\n", "\ufeff"])
    def test_an_empty_table_is_refused(self, text: str):
        with pytest.raises(ValueError, match="The table is empty"):
            profile(text)

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("a,b\n1,2\n3\n", "Line 3 does not fit the first line: columns 2, values 1"),
            ("a,b\n1,2,3\n", "Line 2 does not fit the first line: columns 2, values 3"),
            ('a,b\n"1\n2",3\n\n4,5,6\n', "Line 5 does not fit the first line: columns 2, values 3"),
            ('a,b\n1,"2\n3,4\n', "Line 2 cannot be read: unexpected end of data. Is a quote missing"),
            ('a,b\n1,"2"3\n', "Line 2 cannot be read: ',' expected after '\"'"),
            ("a\n" + "x" * 200_000, "Line 2 cannot be read: field larger than field limit"),
        ],
    )
    def test_what_is_not_a_table_is_refused_with_the_line_where_it_goes_wrong(self, text: str, message: str):
        with pytest.raises(ValueError, match=re.escape(message)):
            profile(text)

    def test_of_a_wide_table_the_first_columns_are_profiled(self):
        wide = ",".join(str(number) for number in range(COLUMNS_MAX + 5))
        found = profile(f"{wide}\n{wide}\n")
        assert found.columns_total == COLUMNS_MAX + 5
        assert [column.max for column in found.columns] == list(range(COLUMNS_MAX))

    def test_a_table_longer_than_one_helping_keeps_its_order_and_rows(self):
        rows = CELLS_AT_ONCE + 1
        (found,) = profile("a\n" + "\n".join(map(str, range(rows)))).columns
        assert (found.distinct, found.min, found.max, found.nulls) == (rows, 0, rows - 1, 0)


class TestTypes:
    @pytest.mark.parametrize(
        ("values", "type_", "lowest", "highest"),
        [
            (["3", "-1", "+2", ""], "integer", -1, 3),
            (["1", "2.5", ".5", "-1e3"], "float", -1000.0, 2.5),
            (["true", "FALSE", "True"], "boolean", False, True),
            (["2024-02-29", "1999-12-31"], "date", "1999-12-31", "2024-02-29"),
            (
                ["2024-01-01 10:00", "2024-01-01T09:59:59.5"],
                "datetime",
                "2024-01-01T09:59:59.500000",
                "2024-01-01T10:00:00.000000",
            ),
            (
                ["2024-01-01T10:00Z", "2024-01-01T11:00:00+0200"],
                "datetime",
                "2024-01-01T09:00:00.000000+00:00",
                "2024-01-01T10:00:00.000000+00:00",
            ),
            (["Zoe", "adam", "Émile"], "text", "Zoe", "Émile"),
            (["01067", "10115"], "text", "01067", "10115"),
            (["2023-02-29", "2024-02-29"], "text", "2023-02-29", "2024-02-29"),
            (["2024-01-01T10:00Z", "2024-01-01T10:00"], "text", "2024-01-01T10:00", "2024-01-01T10:00Z"),
            (["1e999", "1"], "text", "1", "1e999"),
            (["1,5", "2"], "text", "1,5", "2"),
            (["٣", "1"], "text", "1", "٣"),
        ],
    )
    def test_the_narrowest_type_that_fits_all_values_is_taken(
        self, values: list[str], type_: str, lowest: object, highest: object
    ):
        found = column(*values)
        assert (found.type, found.min, found.max) == (type_, lowest, highest)

    def test_words_for_missing_are_missing_except_in_text(self):
        numbers, text = column("1", "NA", "NaN", "null", "-inf", ""), column("Namibia", "NA", "")
        assert (numbers.type, numbers.nulls, numbers.distinct) == ("integer", 5, 1)
        assert (text.type, text.nulls, text.distinct) == ("text", 1, 2)
        assert column("NA", "").type == "text"

    def test_integers_that_a_browser_would_round_are_text(self):
        found = column("9007199254740993", "-123456789012345678901234567890", "5")
        assert (found.type, found.min, found.max) == ("integer", "-123456789012345678901234567890", "9007199254740993")
        assert column(str(2**53 - 1)).max == 2**53 - 1

    def test_long_values_and_names_are_shortened(self):
        (found,) = profile("n" * 100 + "\n" + "v" * 100).columns
        assert found.name == "n" * (TEXT_SHOWN_MAX - 1) + "…"
        assert found.min == found.max == "v" * (TEXT_SHOWN_MAX - 1) + "…"


class TestNumbers:
    def test_mean_quantiles_and_histogram_are_what_they_are_by_hand(self):
        found = column(*map(str, range(21)), "")
        assert found.mean == 10
        assert found.quantiles == Quantiles(1.0, 5.0, 10.0, 15.0, 19.0)
        assert found.histogram == [Bin(2.0 * step, 2.0 * step + 2, 2 if step < 9 else 3) for step in range(BINS)]

    def test_one_value_is_one_bin(self):
        assert column("7", "7", "").histogram == [Bin(7.0, 7.0, 2)]

    def test_the_mean_of_booleans_is_the_share_that_is_true(self):
        found = column("true", "false", "false", "true", "true", "")
        assert (found.mean, found.quantiles, found.histogram) == (0.6, None, [])

    @pytest.mark.parametrize(
        ("values", "bins"),
        [
            (["1.7e308", "-1.7e308", "1.7e308"], BINS),
            (["5e-324", "0.0"], 1),
            (["0.1", "0.10000000000000002"], 1),
        ],
    )
    def test_numbers_at_the_edge_of_floats_have_a_finite_profile(self, values: list[str], bins: int):
        found = column(*values)
        assert found.type == "float"
        assert [len(found.histogram), sum(bin_.count for bin_ in found.histogram)] == [bins, len(values)]
        assert found.quantiles is not None
        quantiles = msgspec.structs.astuple(found.quantiles)
        assert all(value is None or math.isfinite(value) for value in (found.mean, *quantiles))


def test_progress_is_told_after_each_column():
    context = RecordingSyncContext()
    table_profile(Table("a,b,c,d\n1,2,3,4\n"), context)
    assert context.progressed == [(0.25, "a"), (0.5, "b"), (0.75, "c"), (1.0, "d")]


def test_the_catalog_shows_how_large_a_table_may_be():
    described = table_profile.describe()
    properties = described.input_schema["$defs"]["Table"]["properties"]
    assert properties["csv"]["anyOf"][0]["maxLength"] == 5_000_000
    assert properties["file"]["anyOf"][0]["x-file"] is True
    assert properties["name"]["x-title"] is True
    assert set(described.result_schema["$defs"]["Column"]["properties"]["type"]["enum"]) == {
        "integer",
        "float",
        "boolean",
        "date",
        "datetime",
        "text",
        "other",
    }
    assert "CSV" in described.description


@pytest.mark.parametrize(
    "value",
    ["\x01" * 70, "😀" * 70, "-1.2345678901234567e-300", "-12345678901234567890123456789012345678"],
    ids=["control characters", "emoji", "floats", "integers"],
)
def test_no_table_makes_the_result_larger_than_a_task_may_return(value: str):
    width = COLUMNS_MAX + 10
    names = ",".join(["\x01" * 70] * width)
    rows = [
        ",".join([f"{value}{number}" if "e-3" not in value else f"{number / 7}{value[19:]}"] * width)
        for number in range(15)
    ]
    found = profile("\n".join([names, *rows]))
    assert found.rows == 15
    assert len(table_profile.encode_result(found)) < RESULT_BYTES_MAX


# Values of one column, each with what Python makes of it; None is missing.
INTEGERS = st.integers(-(10**30), 10**30).map(lambda number: (str(number), number))
FLOATS = st.floats().map(lambda number: (repr(number), number if abs(number) < float("inf") else None))
BOOLEANS = st.booleans().map(lambda value: (str(value), value))
DATES = st.dates(min_value=date(1000, 1, 1)).map(lambda day: (day.isoformat(), day.isoformat()))
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-7))])
MOMENTS = st.builds(
    lambda seconds, zone: datetime(2000, 1, 1, tzinfo=zone) + timedelta(seconds=seconds),
    st.floats(-3e10, 2e11),
    ZONES,
).map(lambda moment: (moment.isoformat(), moment.astimezone(UTC).isoformat(timespec="microseconds")))
WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=80).map(
    lambda word: (f"t{word}t", f"t{word}t")
)
KINDS = {"integer": INTEGERS, "float": FLOATS, "boolean": BOOLEANS, "date": DATES, "datetime": MOMENTS, "text": WORDS}
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=70)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[str], list[list[tuple[str, Any]]], str]:
    types = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=2, max_size=5))
    names = [draw(NAMES) for _ in types]
    cells = [st.one_of(KINDS[type_], st.just(("", None))) for type_ in types]
    return types, names, draw(st.lists(st.tuples(*cells).map(list), max_size=12)), draw(st.sampled_from(",;\t|"))


@examples(200)
@given(table=tables(), line_end=st.sampled_from(["\n", "\r\n"]))
def test_any_table_is_accounted_for_value_by_value(
    table: tuple[list[str], list[str], list[list[tuple[str, Any]]], str], line_end: str
):
    types, names, rows, delimiter = table
    written = io.StringIO(newline="")
    writer = csv.writer(written, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator=line_end)
    writer.writerows([names, *([text for text, _ in row] for row in rows)])
    context = RecordingSyncContext()
    found = table_profile(Table(written.getvalue()), context)
    encoded = table_profile.encode_result(found)

    assert (found.rows, found.columns_total, found.delimiter) == (len(rows), len(names), delimiter)
    assert len(context.progressed) == len(names)
    assert len(encoded) < RESULT_BYTES_MAX
    json.loads(encoded, parse_constant=pytest.fail)
    for number, (type_, column) in enumerate(zip(types, found.columns, strict=True)):
        values = [row[number][1] for row in rows if row[number][1] is not None and row[number][1] == row[number][1]]
        assert column.name[: TEXT_SHOWN_MAX - 1] == names[number].strip()[: TEXT_SHOWN_MAX - 1]
        if not values:
            continue
        assert column.type == type_
        assert column.nulls == len(rows) - len(values)
        assert column.distinct == len(set(values))
        if type_ in ("date", "datetime", "boolean", "float"):
            assert (column.min, column.max) == (min(values), max(values))
        if type_ == "integer":
            assert (int(str(column.min)), int(str(column.max))) == (min(values), max(values))
        if type_ in ("integer", "float"):
            assert sum(bin_.count for bin_ in column.histogram) == len(values)
            assert all(bin_.count >= 0 and bin_.lower <= bin_.upper for bin_ in column.histogram)
            assert all(one.upper == two.lower for one, two in pairwise(column.histogram))
            assert (column.histogram[0].lower, column.histogram[-1].upper) == (float(min(values)), float(max(values)))
            for bin_ in column.histogram[:-1]:
                assert bin_.count == sum(bin_.lower <= float(value) < bin_.upper for value in values)
            assert column.quantiles is not None
            quantiles = [value for value in msgspec.structs.astuple(column.quantiles) if value is not None]
            assert quantiles == sorted(quantiles)
            assert all(float(min(values)) <= value <= float(max(values)) for value in quantiles)


@examples(300)
@given(text=st.one_of(st.text(max_size=60), st.text('ab,;|"\n\r\t 1.e-+:TZn', max_size=60)))
def test_any_text_is_either_profiled_or_refused_with_a_reason(text: str):
    with contextlib.suppress(ValueError):
        found = table_profile(Table(text), RecordingSyncContext())
        json.loads(table_profile.encode_result(found), parse_constant=pytest.fail)
        assert len(found.columns) == min(found.columns_total, COLUMNS_MAX)
