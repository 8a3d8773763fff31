"""What the report_pdf kind writes about a table and about a batch."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pypdf import PdfReader

from consumers._report.batch_report import TooManyResults
from consumers._report.compose import NothingToReport
from consumers._report.document import CELL_CHARS_MAX, TABLE_CHARS_MAX, TABLE_ROWS_MAX, bounded, clean
from consumers._report.profile_report import NoProfile
from consumers._report.words import Words
from consumers.report_pdf import Report, Reported, report_pdf
from consumers.table_profile import Table, table_profile
from headrace.contracts.tasks import FailureCode, State, TaskError
from headrace.task import BatchResult, FileError, FileMissing, FileTooLarge
from headrace.testing import RecordingSyncContext

SUBMITTED = datetime(2026, 5, 1, 8, 30, tzinfo=UTC)
HOSTILE = (
    '#read("/etc/passwd")',
    "$x^2$",
    "<b>bold</b>",
    "*not strong*",
    "= No heading",
    "@ref <label>",
    "\\u{41} // #1",
)
CSV = "city,amount,when,open,note\n" + "".join(
    f"{'Oslo' if row % 4 else 'Rome'},{row}.5,2024-{row % 12 + 1:02}-01,{row % 2 > 0},{'x' if row % 5 else ''}\n"
    for row in range(200)
)


@pytest.fixture
def context() -> RecordingSyncContext:
    return RecordingSyncContext()


def profiled(context: RecordingSyncContext, csv: str = CSV) -> str:
    """Profile a table, and return the id of its profile.json."""
    own = RecordingSyncContext()
    table_profile(Table(file=own.files.add("orders.csv", csv.encode(), "text/csv")), own)
    return context.files.add("profile.json", own.files.read("profile.json"), "application/json")


def written(context: RecordingSyncContext, content: object) -> str:
    """Add a file that is said to be a profile."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return context.files.add("profile.json", raw, "application/json")


def batched(
    context: RecordingSyncContext, results: Iterable[BatchResult], name: str = "Invoices of May ba7c4.ndjson"
) -> str:
    """Add the results of a batch, and return the id of their file."""
    lines = b"".join(msgspec.json.encode(each) + b"\n" for each in results)
    return context.files.add(name, lines, "application/x-ndjson")


def done(number: int, **more: Any) -> BatchResult:
    given: dict[str, Any] = {
        "index": number,
        "task": f"0-ba7c4-{number}",
        "kind": "document_text",
        "title": f"invoice {number}.pdf",
        "state": State.SUCCEEDED,
        "attempt": 1,
        "result": msgspec.Raw(json.dumps({"pages": number}).encode()),
        "created_at": SUBMITTED,
        "finished_at": SUBMITTED + timedelta(seconds=number),
        "run_seconds": number / 10,
    }
    return BatchResult(**given | more)


def failed(number: int, message: str) -> BatchResult:
    error = TaskError(code=FailureCode.RAISED, message=message)
    return done(number, state=State.FAILED, error=error, result=msgspec.Raw(b"null"))


def report(context: RecordingSyncContext, **given: Any) -> tuple[Reported, PdfReader]:
    found = report_pdf(report_pdf.decode_input(msgspec.json.encode(given)), context)
    assert found is not None
    report_pdf.encode_result(found)
    whole = context.files.read(found.name)
    reader = PdfReader(io.BytesIO(whole))
    assert (found.pages, found.size) == (len(reader.pages), len(whole))
    return found, reader


def text_of(reader: PdfReader) -> str:
    return "\n".join(page.extract_text() for page in reader.pages)


def flat(text: str) -> str:
    """Leave out where lines break."""
    return "".join(text.split())


def outline(reader: PdfReader) -> list[Any]:
    def titles(entries: list[Any]) -> list[Any]:
        return [titles(each) if isinstance(each, list) else each.title for each in entries]

    return titles(reader.outline)


def test_a_profile_becomes_a_report_with_contents_and_a_plot_of_each_column(context: RecordingSyncContext):
    found, reader = report(context, profile=profiled(context), title="Orders of May", author="Zoë")
    assert found.name == "Orders of May.pdf"
    assert context.files.saved[0].media_type == "application/pdf"
    assert outline(reader) == [
        "1 Overview", "2 Missing values", "3 Columns", ["city", "amount", "when", "open", "note"],
    ]  # fmt: skip
    metadata = reader.metadata
    assert metadata is not None
    assert (metadata.title, metadata.author) == ("Orders of May", "Zoë")
    title, contents, *rest = (page.extract_text() for page in reader.pages)
    assert all(each in title for each in ("Orders of May", "Made for", "Zoë", "orders.csv", "200", "UTC"))
    assert contents.index("Overview") < contents.index("Missing values") < contents.index("amount")
    assert f"2 / {found.pages}" in contents
    whole = "\n".join(rest)
    assert all(each in whole for each in ("Rome", "150 (75.0 %)", "40 (20.0 %)", "2024-12-01", "99.5", "Middle half"))
    assert context.progressed[-1] == (1.0, "done")


def test_a_batch_becomes_a_report_with_states_durations_failures_and_results(context: RecordingSyncContext):
    tasks = [done(number) if number % 10 else failed(number, "The document is encrypted.") for number in range(60)]
    tasks[7] = done(7, state=State.CANCELLED, result=msgspec.Raw(b"null"), run_seconds=None)
    found, reader = report(context, results=batched(context, tasks))
    assert found.name == "Invoices of May.pdf"
    assert outline(reader) == ["1 Summary", "2 Durations", "3 Failures", "4 Results"]
    whole = text_of(reader)
    assert all(
        each in whole
        for each in ("53 (88.3 %)", "6 (10.0 %)", "1 (1.7 %)", "2026-05-01 08:30 UTC", "document_text", "0-ba7c4")
    )
    assert all(each in whole for each in ("Shortest", "0 ms", "Longest", "5.90 s", '{"pages": 59}'))
    assert whole.count("The document is encrypted.") == 7
    assert whole.index("invoice 2.pdf") < whole.index("invoice 11.pdf")


def test_the_head_of_a_table_stands_on_each_of_its_pages(context: RecordingSyncContext):
    found, reader = report(context, results=batched(context, [done(number) for number in range(300)]))
    pages = [page.extract_text() for page in reader.pages]
    with_rows = [page for page in pages if "invoice" in page]
    assert len(with_rows) > 5
    assert all("Result or message" in page for page in with_rows)
    assert all(f"Page {number} / {found.pages}" in page for number, page in enumerate(pages[1:], 2))


def test_a_batch_that_is_not_complete_says_how_many_are_left(context: RecordingSyncContext):
    waiting = [done(number, state=State.QUEUED, finished_at=None, run_seconds=None) for number in range(1, 4)]
    whole = text_of(report(context, results=batched(context, [done(0), *waiting]))[1])
    assert "not completed yet" in whole
    assert "not finished" in whole
    assert "3 (75.0 %)" in whole


def test_a_batch_of_which_nothing_was_started_is_reported_as_such(context: RecordingSyncContext):
    cancelled = done(0, state=State.CANCELLED, finished_at=None, run_seconds=None)
    whole = text_of(report(context, results=batched(context, [cancelled]))[1])
    assert all(each in whole for each in ("No task was started.", "No task has failed."))


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("Invoices of May ba7c4.ndjson", "Invoices of May"),
        ("Invoices of May.ndjson", "Invoices of May"),
        ("results.txt", "results.txt"),
        ("ba7c4.ndjson", "ba7c4"),
    ],
)
def test_a_batch_is_called_as_the_file_of_its_results_begins(context: RecordingSyncContext, file: str, title: str):
    _, reader = report(context, results=batched(context, [done(0)], file))
    assert reader.metadata is not None
    assert reader.metadata.title == title


def test_a_large_result_is_said_to_be_in_a_file(context: RecordingSyncContext):
    large = done(0, result=msgspec.Raw(b"null"), result_file="f")
    assert "a large result, in a file" in text_of(report(context, results=batched(context, [large]))[1])


def test_what_looks_like_markup_is_set_as_text(context: RecordingSyncContext):
    tasks = [done(number, title=each) for number, each in enumerate(HOSTILE)]
    tasks += [failed(number + 10, each) for number, each in enumerate(HOSTILE)]
    found, reader = report(context, results=batched(context, tasks), title=HOSTILE[0], author=HOSTILE[1])
    whole = flat(text_of(reader))
    for each in HOSTILE:
        assert whole.count(flat(each)) >= 3, each
    assert "root:" not in whole
    assert reader.metadata is not None
    assert (reader.metadata.title, reader.metadata.author) == HOSTILE[:2]
    assert found.name == "#read(__etc_passwd_).pdf"


def test_names_of_columns_and_values_are_set_as_text(context: RecordingSyncContext):
    csv = f'"{HOSTILE[2]}",{HOSTILE[1]},الاسم\n' + "*a*,#b,مرحبا بالعالم\n" * 3 + "Zoë,Łódź,שלום\n"
    _, reader = report(context, profile=profiled(context, csv))
    whole = text_of(reader)
    assert all(each in whole for each in (HOSTILE[2], HOSTILE[1], "*a*", "#b", "Zoë", "Łódź"))
    # Letters of Arabic and Hebrew are in the file in the order in which they are read.
    assert all(each in whole for each in ("مرحبا", "שלום", "الاسم"))


def test_a_long_cell_is_cut_and_a_long_word_breaks_inside_its_column(context: RecordingSyncContext):
    tasks = [done(0, title="w" * 10_000), failed(1, "long words " * 1_000), failed(2, "a\nb\0c\u202ed")]
    _, reader = report(context, results=batched(context, tasks))
    edges: list[float] = []

    def note(text: str, _cm: Any, at: list[float], _font: Any, _size: Any) -> None:
        if "www" in text:
            edges.append(at[4])

    for page in reader.pages:
        page.extract_text(visitor_text=note)
    whole = text_of(reader)
    assert CELL_CHARS_MAX - 20 <= whole.count("w" * 4) * 4 <= CELL_CHARS_MAX
    assert max(edges) < 200
    assert "a b\ufffdc\ufffdd" in whole
    assert len(reader.pages) <= 5


def test_rows_and_characters_of_a_table_are_bounded_and_the_report_says_so(context: RecordingSyncContext):
    total = TABLE_ROWS_MAX + 500
    _, reader = report(context, results=batched(context, [done(number) for number in range(total)]))
    whole = text_of(reader)
    assert "2,000 of 2,500 are shown." in whole
    assert "invoice 1999.pdf" in whole
    assert "invoice 2000.pdf" not in whole
    rows = bounded(["x" * 10_000] * 3 for _ in range(TABLE_ROWS_MAX))
    assert sum(len(cell) for row in rows for cell in row) <= TABLE_CHARS_MAX


def test_many_different_messages_are_counted_up_to_a_bound(context: RecordingSyncContext):
    tasks = [failed(number, f"line {number} is broken") for number in range(1_100)]
    whole = text_of(report(context, results=batched(context, tasks))[1])
    assert "other messages" in whole
    assert "10 of 1,001 are shown." in whole


def test_paper_and_language_are_chosen(context: RecordingSyncContext):
    _, reader = report(context, profile=profiled(context), author="Zoë", paper="letter", language="de")
    assert [float(each) for each in reader.pages[0].mediabox[2:]] == [612, 792]
    assert outline(reader)[0] == "1 Überblick"
    whole = text_of(reader)
    assert all(
        each in whole for each in ("Profil einer Tabelle", "Erstellt für", "Seite 2 / ", "40 (20,0 %)", "150 (75,0 %)")
    )
    _, reader = report(context, profile=profiled(context))
    assert [round(float(each)) for each in reader.pages[0].mediabox[2:]] == [595, 842]


def test_a_report_is_archival_with_tags_for_screen_readers(context: RecordingSyncContext):
    _, reader = report(context, profile=profiled(context))
    assert b"<pdfaid:part>2</pdfaid:part>" in reader.trailer["/Root"]["/Metadata"].get_data()
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert not context.logged


def test_letters_that_no_font_has_are_warned_of(context: RecordingSyncContext):
    # Cuneiform, which is in no font that machines have.
    _, reader = report(context, profile=profiled(context), title="Orders 𒀀 of May")
    assert context.logged == [
        ("warning", "the fonts of this worker lack letters such as '𒀀'; boxes stand in their place")
    ]
    assert "of May" in reader.pages[0].extract_text()


@pytest.mark.parametrize("language", ["en", "de"])
def test_numbers_and_durations_are_written_as_in_their_language(language: Any):
    say = Words(language)
    assert [
        say.count(1234567),
        say.number(1234.5),
        say.seconds(0.25),
        say.seconds(3.5),
        say.seconds(75),
        say.seconds(3700),
    ] == (
        ["1,234,567", "1,234.5", "250 ms", "3.50 s", "1 min 15 s", "1 h 01 min"]
        if language == "en"
        else ["1.234.567", "1.234,5", "250 ms", "3,50 s", "1 min 15 s", "1 h 01 min"]
    )


def column(**more: object) -> dict[str, object]:
    return {"name": "a", "type": "text", "nulls": 0, "distinct": 1, **more}


def profile_of(*columns: dict[str, object], **more: object) -> dict[str, object]:
    return {"rows": 2, "columns_total": 1, "delimiter": ",", "columns": list(columns), **more}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no json", "JSON is malformed"),
        (b'{"name": "\xff"}', "utf-8"),
        ({"pages": 1}, "unknown field `pages`"),
        ({"rows": 1}, "missing required field"),
        ([], "Expected `object`"),
        (profile_of(rows="many"), "Expected `int`"),
        (profile_of(rows=-1), ">= 0"),
        (profile_of(*[column()] * 201), "length <= 200"),
        (profile_of(column(nulls=3)), "counts of the column 'a' are not those of 2 rows"),
        (profile_of(column(nulls=2, frequent=[{"value": "x", "count": 1}])), "counts of the column 'a'"),
        (profile_of(column(histogram=[{"lower": 0, "upper": 1, "count": -1}])), "counts of the column 'a'"),
    ],
)
def test_a_file_that_is_no_profile_is_refused_with_the_reason(context: RecordingSyncContext, content: object, why: str):
    with pytest.raises(NoProfile) as caught:
        report_pdf(Report(profile=written(context, content)), context)
    assert why in str(caught.value)
    assert "Give the profile.json that a table_profile has saved." in str(caught.value)
    assert len(context.files.saved) == 0


def test_a_profile_that_is_larger_than_any_is_not_read(context: RecordingSyncContext):
    with pytest.raises(FileTooLarge):
        report_pdf(Report(profile=written(context, b" " * (17 << 20))), context)


@pytest.mark.parametrize("lines", [b"no json\n", b'{"index": 0}\n', b"\xff", b" " * (17 << 20)])
def test_a_file_that_has_no_results_is_refused_with_the_line(context: RecordingSyncContext, lines: bytes):
    content = msgspec.json.encode(done(0)) + b"\n" + lines
    results = context.files.add("results.ndjson", content, "application/x-ndjson")
    with pytest.raises(FileError, match="line 2 of the file is not the result of a task"):
        report_pdf(Report(results=results), context)


def test_results_come_in_any_chunks_with_empty_lines_between(context: RecordingSyncContext):
    content = b"\n".join(msgspec.json.encode(done(number, title="é" * 700_000)) + b"\n" for number in range(3))
    results = context.files.add("many.ndjson", content.rstrip(), "application/x-ndjson")
    assert "3 (100.0 %)" in text_of(report(context, results=results)[1])


def test_no_results_are_nothing_to_report(context: RecordingSyncContext):
    with pytest.raises(NothingToReport, match="has no results"):
        report_pdf(Report(results=batched(context, [])), context)


def test_more_results_than_are_counted_are_refused(context: RecordingSyncContext, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("consumers._report.batch_report.RESULTS_MAX", 3)
    report(context, results=batched(context, [done(number) for number in range(3)]))
    with pytest.raises(TooManyResults, match="more than 3 results"):
        report_pdf(Report(results=batched(context, [done(number) for number in range(4)])), context)


@pytest.mark.parametrize("given", [{"profile": "never"}, {"results": "never"}])
def test_what_is_not_there_is_missing(context: RecordingSyncContext, given: dict[str, str]):
    with pytest.raises(FileMissing):
        report_pdf(Report(**given), context)


@pytest.mark.parametrize("given", [{}, {"profile": "a", "results": "b"}])
def test_a_profile_or_results_are_given_and_not_both(given: dict[str, str]):
    with pytest.raises(msgspec.ValidationError, match="Give either `profile` or `results`, and not both"):
        report_pdf.decode_input(msgspec.json.encode(given))


def test_the_form_asks_for_files():
    fields = report_pdf.describe().input_schema["$defs"]["Report"]["properties"]
    accepted = {
        name: part["x-accept"] for name, field in fields.items() for part in field.get("anyOf", []) if "x-file" in part
    }
    assert accepted == {"profile": ["application/json"], "results": ["application/x-ndjson"]}


def test_a_task_that_was_cancelled_saves_nothing(context: RecordingSyncContext):
    context.cancelled = True
    assert report_pdf(Report(profile=profiled(context)), context) is None
    assert not context.files.saved


def test_a_text_is_cleaned_however_long_it_is():
    assert clean("  a \t\n b  ") == "a b"
    assert clean("x" * 10_000_000) == "x" * (CELL_CHARS_MAX - 1) + "…"
    assert clean(" " * 10_000_000 + "x", 5) == "…"


def test_every_word_of_a_report_has_a_translation(context: RecordingSyncContext):
    german: dict[str, Any] = {"language": "de"}
    states = [
        done(0),
        failed(1, "m"),
        done(2, state=State.CANCELLED),
        done(3, result=msgspec.Raw(b"null"), result_file="f"),
        done(4, state=State.RUNNING, finished_at=None, run_seconds=None),
    ]
    report(context, results=batched(context, states), **german)
    report(context, results=batched(context, states[4:]), **german)
    report(context, profile=profiled(context, "a,,c\n1,,x\n2.5,,y\n"), **german)
    report(context, profile=profiled(context, "a,b\n"), **german)
