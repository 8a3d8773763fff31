"""What the document_text kind reads of a document."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import pytest
from fpdf import FPDF
from hypothesis import given
from hypothesis import strategies as st
from pypdf import PdfReader, PdfWriter

from consumers._document import pdf
from consumers._document.document import (
    HEADING_CHARS_MAX,
    HEADINGS_MAX,
    BrokenDocument,
    DocumentError,
    DocumentTooLarge,
    DocumentWithoutText,
    EncryptedDocument,
    Heading,
    UnknownDocument,
)
from consumers._document.docx import MAIN, RATIO_BYTES_MIN
from consumers._document.html import read_html
from consumers._document.plain import read_markdown
from consumers.document_text import TEXT_CHARS_MAX, DocumentText, document_text
from headrace.testing import RecordingSyncContext
from tests.examples import examples

RESULT_BYTES_MAX = 512 * 1024
ENGLISH = "The water wheel turns slowly, and the miller is waiting for the rain that will come in the evening."
GERMAN = "Das Wasserrad dreht sich langsam, und der Müller wartet auf den Regen, der am Abend kommen soll."
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


@pytest.fixture
def context() -> RecordingSyncContext:
    return RecordingSyncContext()


def read(context: RecordingSyncContext, content: bytes, name: str = "paper", media_type: str = "") -> DocumentText:
    types = {".pdf": "application/pdf", ".docx": WORD, ".html": "text/html", ".md": "text/markdown", "": "text/plain"}
    file = context.files.add(name, content, media_type or types.get(Path(name).suffix, "text/plain"))
    found = document_text(document_text.decode_input(msgspec.json.encode({"document": file})), context)
    encoded = document_text.encode_result(found)
    assert len(encoded) < RESULT_BYTES_MAX
    assert context.files.saved[-1].id == found.file
    written = context.files.read("text.txt").decode()
    assert len(written) == found.characters
    assert found.text in (written, None)
    return msgspec.json.decode(encoded, type=DocumentText)


def pdf_of(*pages: str, bookmarks: bool = False) -> bytes:
    written = FPDF()
    written.set_font("Helvetica", size=12)
    for number, page in enumerate(pages, 1):
        written.add_page()
        if bookmarks:
            written.start_section(f"Chapter {number}", level=0)
            written.start_section(f"Section {number}.1", level=1)
        if page:
            written.multi_cell(0, 6, page)
    return bytes(written.output())


def encrypted(content: bytes, user: str, algorithm: str = "AES-256") -> bytes:
    writer, written = PdfWriter(clone_from=PdfReader(io.BytesIO(content))), io.BytesIO()
    writer.encrypt(user, "owner", algorithm=algorithm)
    writer.write(written)
    return written.getvalue()


def docx_of(body: str, styles: str = "", **more: str | bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{MAIN}"><w:body>{body}</w:body></w:document>')
        if styles:
            archive.writestr("word/styles.xml", f'<w:styles xmlns:w="{MAIN}">{styles}</w:styles>')
        for name, content in more.items():
            archive.writestr(name, content)
    return written.getvalue()


def paragraph(text: str, style: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/></w:pPr>' if style else ""
    return f"<w:p>{properties}<w:r><w:t>{text}</w:t></w:r></w:p>"


class TestPdf:
    def test_text_pages_bookmarks_and_language_are_read(self, context: RecordingSyncContext):
        found = read(context, pdf_of(ENGLISH, "Second page.", bookmarks=True), "paper.pdf")
        assert (found.format, found.pages, found.language, found.truncated) == ("pdf", 2, "en", False)
        assert found.text is not None
        first, second = found.text.split("\n\f")
        assert first.replace("\n", " ") == ENGLISH
        assert second == "Second page."
        assert found.outline == [
            Heading(level=1, title="Chapter 1", page=1),
            Heading(level=2, title="Section 1.1", page=1),
            Heading(level=1, title="Chapter 2", page=2),
            Heading(level=2, title="Section 2.1", page=2),
        ]
        assert context.progressed[:2] == [(0.45, "page 1 of 2"), (0.9, "page 2 of 2")]

    @pytest.mark.parametrize("algorithm", ["RC4-128", "AES-128", "AES-256"])
    def test_a_password_is_asked_for_only_where_one_is_needed_to_read(
        self, context: RecordingSyncContext, algorithm: str
    ):
        content = pdf_of(ENGLISH)
        assert read(context, encrypted(content, "", algorithm)).pages == 1
        with pytest.raises(EncryptedDocument, match="needs a password"):
            read(context, encrypted(content, "secret", algorithm))

    def test_a_scan_fails_and_says_that_it_needs_recognition(self, context: RecordingSyncContext):
        with pytest.raises(DocumentWithoutText, match=r"no text on its 2 pages.*scan.*OCR"):
            read(context, pdf_of("", ""))
        assert not context.files.saved

    @pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
    def test_half_a_pdf_is_broken_or_read_as_far_as_it_goes(self, context: RecordingSyncContext, kept: float):
        content = pdf_of(ENGLISH, ENGLISH)
        with pytest.raises(DocumentError, match=r"damaged|no text"):
            read(context, content[: int(len(content) * kept)] or b"%PDF-1.7\n")

    def test_a_damaged_page_is_left_out_and_a_line_says_so(
        self, context: RecordingSyncContext, monkeypatch: pytest.MonkeyPatch
    ):
        pages = iter([KeyError("/Contents")])

        def fail_once(page: Any, *_: Any, **__: Any) -> str:
            if error := next(pages, None):
                raise error
            return ENGLISH

        content = pdf_of(ENGLISH, ENGLISH)
        monkeypatch.setattr("pypdf.PageObject.extract_text", fail_once)
        assert read(context, content).pages == 2
        assert context.logged == [("warning", "1 of 2 pages are damaged and were left out")]

    def test_a_longer_document_is_read_up_to_the_bound_and_says_so(
        self, context: RecordingSyncContext, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(pdf, "PAGES_MAX", 2)
        found = read(context, pdf_of("one", "two", "three"))
        assert (found.pages, found.truncated, found.text) == (3, True, "one\n\ftwo")

    def test_a_cancelled_task_ends_after_the_page(self, context: RecordingSyncContext):
        context.cancelled = True
        assert read(context, pdf_of("one", "two")).text == "one"


class TestDocx:
    def test_paragraphs_tables_and_headings_are_read(self, context: RecordingSyncContext):
        styles = '<w:style w:styleId="berschrift1"><w:name w:val="heading 1"/></w:style><w:style w:styleId="T"><w:name w:val="Title"/></w:style>'
        cells = "".join(f"<w:tc>{paragraph(each)}</w:tc>" for each in ("a", "b"))
        body = (
            paragraph("Mills", "T") + paragraph("Wheels", "berschrift1") + paragraph(ENGLISH)
            + "<w:p><w:r><w:t>one</w:t><w:tab/><w:t>two</w:t><w:br/><w:t>&amp; three</w:t></w:r>"
            + "<w:del><w:r><w:delText>gone</w:delText></w:r></w:del></w:p>"
            + f"<w:tbl><w:tr>{cells}</w:tr></w:tbl>"
        )  # fmt: skip
        found = read(
            context, docx_of(body, styles, **{"docProps/app.xml": "<Properties><Pages>7</Pages></Properties>"})
        )
        assert (found.format, found.pages, found.language) == ("docx", 7, "en")
        assert found.text == f"Mills\nWheels\n{ENGLISH}\none\ttwo\n& three\na\nb\n\n"
        assert found.outline == [Heading(level=1, title="Mills"), Heading(level=1, title="Wheels")]

    def test_what_is_drawn_twice_for_older_programs_is_read_once(self, context: RecordingSyncContext):
        compatibility = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        body = (
            f'<mc:AlternateContent xmlns:mc="{compatibility}"><mc:Choice>{paragraph("box")}</mc:Choice>'
            f"<mc:Fallback>{paragraph('box')}</mc:Fallback></mc:AlternateContent>"
        )
        assert read(context, docx_of(body)).text == "box\n"

    def test_a_bomb_is_refused_when_it_unpacks_too_far(self, context: RecordingSyncContext):
        with pytest.raises(DocumentTooLarge, match=r"word/document.xml in the DOCX unpacks to more than \d+ MB"):
            read(context, docx_of(paragraph(" " * (RATIO_BYTES_MIN * 3))))

    def test_entities_are_refused_before_they_grow(self, context: RecordingSyncContext):
        content = io.BytesIO()
        laughs = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("word/document.xml", f'<!DOCTYPE x [<!ENTITY a0 "ha">{laughs}]><x>&a9;</x>')
        with pytest.raises(BrokenDocument, match="DOCTYPE"):
            read(context, content.getvalue())

    def test_another_zip_and_a_damaged_one_are_broken(self, context: RecordingSyncContext):
        other = io.BytesIO()
        with zipfile.ZipFile(other, "w") as archive:
            archive.writestr("xl/workbook.xml", "<x/>")
        with pytest.raises(BrokenDocument, match="without a Word document"):
            read(context, other.getvalue())
        for content in (docx_of(paragraph(ENGLISH))[:-30], docx_of("<w:p>"), b"PK\x03\x04"):
            with pytest.raises(BrokenDocument, match="The DOCX is damaged"):
                read(context, content)

    def test_an_encrypted_one_and_one_of_old_word_say_so(self, context: RecordingSyncContext):
        ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(3000)
        with pytest.raises(EncryptedDocument, match="needs a password"):
            read(context, ole + "EncryptedPackage".encode("utf-16-le"))
        with pytest.raises(UnknownDocument, match="Word before 2007"):
            read(context, ole)

    def test_pictures_alone_are_no_text(self, context: RecordingSyncContext):
        with pytest.raises(DocumentWithoutText, match="no text"):
            read(context, docx_of("<w:p/>"))


class TestHtml:
    def test_blocks_become_lines_and_what_is_not_seen_is_left_out(self, context: RecordingSyncContext):
        source = """<!doctype html><html><head><title>No</title><style>p {}</style></head><body>
            <script>document.write("no")</script><h1>The <em>Mill</em></h1><p>One   <b>bo</b>ld
            word.<br>Next line.</p><ul><li>a</li><li>b</li></ul>
            <table><tr><td>1</td><td>2</td></tr></table><template><p>no</p></template><!-- no --></body></html>"""
        found = read(context, source.encode(), "page.html")
        assert found.text is not None
        assert [line.rstrip() for line in found.text.splitlines() if line.strip()] == [
            "The Mill", "One bold word.", "Next line.", "a", "b", "1\t2",
        ]  # fmt: skip
        assert found.outline == [Heading(level=1, title="The Mill")]

    @pytest.mark.parametrize(
        ("content", "language"),
        [
            (GERMAN.encode(), "de"),
            (b'<meta charset="iso-8859-1">' + GERMAN.encode("latin-1"), "de"),
            (b"\xef\xbb\xbf" + GERMAN.encode(), "de"),
        ],
    )
    def test_its_encoding_is_found(self, context: RecordingSyncContext, content: bytes, language: str):
        found = read(context, content, "page.html")
        assert (found.text, found.language) == (GERMAN, language)

    def test_nesting_as_deep_as_you_like_is_read(self):
        assert read_html("<div>" * 5_000 + "deep").text == "deep"

    @examples(100)
    @given(st.text(alphabet='<>/!-"=abp h1divscriptbr&;\n', max_size=80))
    def test_any_html_is_read(self, source: str):
        read_html(source)


class TestPlain:
    def test_markdown_stays_as_it_is_and_has_its_headings(self, context: RecordingSyncContext):
        source = "# One #\n\ntext\n```\n# no\n```\nTwo\n===\n\nThree\n---\n####### no\n- a\n\n---\n### Four"
        found = read(context, source.encode(), "notes.md")
        assert (found.format, found.text, found.pages) == ("markdown", source, None)
        assert [(each.level, each.title) for each in found.outline] == [
            (1, "One"),
            (1, "Two"),
            (2, "Three"),
            (3, "Four"),
        ]

    def test_windows_encodings_and_line_ends_are_read_and_a_line_says_so(self, context: RecordingSyncContext):
        found = read(context, f"{GERMAN}\r\n€".encode("cp1252"))
        assert (found.text, found.format, found.language) == (f"{GERMAN}\n€", "text", "de")
        assert context.logged == [("warning", "the text is not in UTF-8; it was read as Windows-1252")]

    @pytest.mark.parametrize("content", [b"", b" \n\t", b"\xef\xbb\xbf"])
    def test_an_empty_text_has_no_text(self, context: RecordingSyncContext, content: bytes):
        with pytest.raises(DocumentWithoutText, match=r"The document has no text\."):
            read(context, content)

    @pytest.mark.parametrize(("content", "media_type"), [(b"\x7fELF\0\0\xff", "text/plain"), (b"GIF89a", "image/gif")])
    def test_what_is_no_document_is_refused(self, context: RecordingSyncContext, content: bytes, media_type: str):
        with pytest.raises(UnknownDocument, match=r"no text|no document"):
            read(context, content, media_type=media_type)

    def test_a_long_text_is_in_the_file_only(self, context: RecordingSyncContext):
        assert read(context, b"\x01\x02" + b"x" * TEXT_CHARS_MAX).text == "x" * TEXT_CHARS_MAX
        assert read(context, b"x" * (TEXT_CHARS_MAX + 1)).text is None

    def test_headings_are_bounded(self):
        found = read_markdown("\n".join(["# " + "😀" * 500] * (HEADINGS_MAX + 5)))
        assert len(found.outline) == HEADINGS_MAX
        assert found.outline[0].title == "😀" * (HEADING_CHARS_MAX - 1) + "…"

    @pytest.mark.parametrize("text", ["Добрый вечер, мельник ждёт дождя и смотрит", "one two", "qwxz " * 50])
    def test_a_language_that_is_not_known_is_null(self, context: RecordingSyncContext, text: str):
        assert read(context, text.encode()).language is None


def test_the_largest_result_is_what_a_task_may_return(context: RecordingSyncContext):
    headings = ("# " + "\u2028😀" * HEADING_CHARS_MAX + "\n") * HEADINGS_MAX
    content = (headings + "\t" * TEXT_CHARS_MAX)[:TEXT_CHARS_MAX]
    read(context, content.encode(), "notes.md")


def test_the_form_has_a_field_for_a_file_with_what_it_accepts():
    field = document_text.describe().input_schema["$defs"]["Document"]["properties"]["document"]
    assert field["x-file"] is True
    assert {"application/pdf", WORD, "text/markdown"} <= set(field["x-accept"])
