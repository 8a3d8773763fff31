"""What the table_profile kind makes of a file."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from openpyxl import Workbook

from consumers._table import parquet_profile
from consumers._table.csv_copy import HEAD_BYTES, unique_names
from consumers.table_profile import Table, TableProfile, table_profile
from headrace.testing import RecordingSyncContext

CSV = "name,height,built,open\nA,1.5,1850-01-31,true\nB,,1900-12-01,false\n<b>C</b>,2.5,NA,TRUE\n"


@pytest.fixture
def context() -> RecordingSyncContext:
    return RecordingSyncContext()


def profile(context: RecordingSyncContext, content: bytes | Path, name: str = "mills.csv") -> TableProfile:
    file = context.files.add(name, content, "application/octet-stream")
    found = table_profile(table_profile.decode_input(msgspec.json.encode({"file": file})), context)
    table_profile.encode_result(found)
    return found


def as_text(csv: str) -> TableProfile:
    return table_profile(Table(csv=csv), RecordingSyncContext())


def copied(context: RecordingSyncContext, name: str = "mills.parquet") -> pl.DataFrame:
    return pl.read_parquet(io.BytesIO(context.files.read(name)))


@pytest.mark.parametrize(
    "csv",
    [
        CSV,
        CSV.replace(",", ";"),
        "\ufeff" + CSV,
        "a\n+1\n2\n",
        "a,a,\n1, x ,2.5\n",
        "zip,n\n01067,1\n10115,-2\n",
        'a,b\n"x\ny",1\n',
        "at\n2024-01-01T10:00Z\n2024-01-01T11:00:00+0200\n",
        "at\n2024-01-01 10:00\n2024-01-01T09:59:59.5\n",
        "a,b\n",
        "big,n\n-123456789012345678901234567890,1\n",
    ],
)
def test_a_csv_file_has_the_profile_of_its_text(context: RecordingSyncContext, csv: str):
    found, expected = profile(context, csv.encode()), as_text(csv)
    assert (found.rows, found.delimiter) == (expected.rows, expected.delimiter)
    # Names in a file are made unique, and integers beyond 64 bits are text there.
    for one, other in zip(found.columns, expected.columns, strict=True):
        if other.type != "integer" or isinstance(other.max, int):
            assert msgspec.structs.replace(one, name=other.name) == other


def test_a_file_has_a_report_a_profile_and_a_copy(context: RecordingSyncContext):
    found = profile(context, CSV.encode())
    assert [each.name for each in context.files.saved] == ["mills.html", "profile.json", "mills.parquet"]
    assert [each.id for each in context.files.saved] == [found.report, found.profile, found.parquet]
    assert copied(context).rows()[0] == ("A", 1.5, date(1850, 1, 31), True)
    said = msgspec.json.decode(context.files.read("profile.json"), type=TableProfile)
    assert said.columns == found.columns
    assert context.progressed[-1] == (1.0, "done")


def test_the_report_needs_nothing_else_and_runs_nothing(context: RecordingSyncContext):
    profile(context, (CSV + "<script>alert(1)</script>,3,1900-01-01,true\n").encode(), "<i>.csv")
    report = context.files.read("<i>.html").decode()
    assert "<svg" in report
    assert "default-src 'none'" in report
    assert not re.search(r"<script|<i>|<b>|https?:|src=|href=|url\(", report)


def test_a_value_that_does_not_fit_later_makes_the_column_text(context: RecordingSyncContext, tmp_path: Path):
    rows = HEAD_BYTES // 6
    path = tmp_path / "late.csv"
    path.write_text("n,m\n" + "1,2\n" * rows + "x,NA\n 3 ,4\n")
    found = profile(context, path)
    assert [(each.type, each.nulls) for each in found.columns] == [("text", 0), ("integer", 1)]
    assert found.rows == rows + 2


def test_a_large_table_is_estimated_within_a_percent_and_says_so(
    context: RecordingSyncContext, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(parquet_profile, "EXACT_ROWS_MAX", 1_000)
    monkeypatch.setattr(parquet_profile, "SAMPLE_ROWS", 5_000)
    rows = 20_000
    content = "n,w,e\n" + "".join(f"{number},w{number % 7},\n" for number in range(rows))
    number, word, empty = profile(context, content.encode()).columns
    assert number.estimated
    assert (number.min, number.max, number.mean, number.nulls) == (0, rows - 1, (rows - 1) / 2, 0)
    assert abs(number.distinct - rows) < rows * 0.05
    assert number.quantiles is not None
    assert number.quantiles.p50 == pytest.approx(rows / 2, rel=0.01)
    assert [each.count for each in number.histogram] == [rows // 10] * 10
    assert (word.distinct, word.min, word.max) == (7, "w0", "w6")
    assert (empty.type, empty.nulls, empty.distinct, empty.min) == ("text", rows, 0, None)


def test_a_parquet_file_is_profiled_as_it_is(context: RecordingSyncContext):
    written = io.BytesIO()
    frame = pl.DataFrame(
        {"n": [1, 2, None], "f": [1.0, float("nan"), 3.0], "l": [[1], None, [2]], "t": ["a", "b", "a"]}
    )
    frame.write_parquet(written)
    found = profile(context, written.getvalue(), "mills.parquet")
    assert [(each.type, each.nulls) for each in found.columns] == [
        ("integer", 1),
        ("float", 1),
        ("other", 1),
        ("text", 0),
    ]
    assert (found.parquet, found.delimiter, found.rows) == (None, "", 3)


def test_the_first_sheet_of_a_workbook_is_read(context: RecordingSyncContext):
    book, written = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    for row in (
        ["name", "n", "when", "ok", "f"],
        ['a,"b"', 1, datetime(2024, 2, 29, tzinfo=UTC).replace(tzinfo=None), True, 1.5],
        ["c"],
    ):
        sheet.append(row)
    book.save(written)
    found = profile(context, written.getvalue(), "mills.xlsx")
    assert [each.type for each in found.columns] == ["text", "integer", "date", "boolean", "float"]
    assert copied(context).rows() == [('a,"b"', 1, date(2024, 2, 29), True, 1.5), ("c", None, None, None, None)]


def zip_of(**files: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return written.getvalue()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The table is empty"),
        (b"a,b\n1,2\n3\n", "Line 3 does not fit the first line"),
        ("a\né\n".encode("latin-1"), "not in UTF-8"),
        (b"PAR1 no", "The Parquet file is damaged"),
        (b"PK\x03\x04", "no XLSX workbook, or it is damaged"),
        (zip_of(readme=b""), "no XLSX workbook, or it is damaged"),
        (b"\xd0\xcf\x11\xe0", "encrypted, or older than Excel 2007"),
    ],
)
def test_what_is_no_table_fails_with_the_reason(context: RecordingSyncContext, content: bytes, message: str):
    with pytest.raises(ValueError, match=message):
        profile(context, content)
    assert not context.files.saved


@pytest.mark.parametrize("given", [{}, {"csv": "a", "file": "b"}])
def test_a_text_or_a_file_is_given_and_not_both(given: dict[str, Any]):
    with pytest.raises(msgspec.ValidationError, match="Give either `csv` or `file`, and not both"):
        table_profile.decode_input(msgspec.json.encode(given))


def test_columns_of_one_name_are_told_apart():
    assert unique_names(["a", "a", "", " a_2 ", "a"]) == ["a", "a_2", "column_3", "a_2_2", "a_3"]


PLOTTED = "city,n,when,at,ok,id,none,list\n" + "".join(
    f"{'Oslo' if row % 4 else 'Rome'},{row},2024-01-{row % 3 + 1:02},2024-01-01T0{row % 2}:30:00Z,{row % 2 > 0!s},k{row},,\n"
    for row in range(100)
)


def test_the_report_plots_every_column_and_names_what_its_plots_show(context: RecordingSyncContext):
    profile(context, PLOTTED.encode())
    report = context.files.read("mills.html").decode()
    _, *sections = report.split("<section>")
    city, number, when, at, ok, id_, none, _ = sections
    assert re.findall(r"<dt>(\w+)</dt>.*?(\d+)</dd>", city) == [("Oslo", "75"), ("Rome", "25")]
    assert 'aria-label="75.0% of the values"' in city
    assert number.count("<title>") == 10
    assert "<title>0 to 9.9: 10</title>" in number
    assert re.findall("<title>(.*?)</title>", when) == ["2024-01-01 to 2024-01-02: 34", "2024-01-02 to 2024-01-03: 33", "2024-01-03 to 2024-01-03: 33"]  # fmt: skip
    assert "<title>2024-01-01 00:30:00 UTC to 2024-01-01 00:36:00 UTC: 50</title>" in at
    assert re.findall(r"<dt>(\w+)</dt>", ok) == ["false", "true"]
    assert "No value occurs twice" in id_
    assert "There are no values" in none
    assert 'class="missing"' in sections[0] or 'aria-label="100.0% missing"' in report


def test_dates_and_frequent_values_of_a_large_table_are_those_of_a_small_one(
    context: RecordingSyncContext, monkeypatch: pytest.MonkeyPatch
):
    exact = profile(context, PLOTTED.encode()).columns
    monkeypatch.setattr(parquet_profile, "EXACT_ROWS_MAX", 50)
    for one, other in zip(profile(context, PLOTTED.encode()).columns, exact, strict=True):
        assert (one.periods, one.frequent) == (other.periods, other.frequent)


@pytest.mark.parametrize(
    ("dates", "periods"),
    [
        (["2024-01-01"], [("2024-01-01", "2024-01-01", 1)]),
        (["2024-01-01", "2024-01-02"], [("2024-01-01", "2024-01-02", 1), ("2024-01-02", "2024-01-02", 1)]),
        (["2024-01-01T00:00", "2024-01-01T00:00"], [("2024-01-01T00:00:00.000000", "2024-01-01T00:00:00.000000", 2)]),
        ([""], []),
    ],
)
def test_a_few_dates_are_counted_day_by_day(dates: list[str], periods: list[tuple[str, str, int]]):
    (found, _) = as_text("at,n\n" + "".join(f"{each},1\n" for each in dates)).columns
    assert [(each.lower, each.upper, each.count) for each in found.periods] == periods
