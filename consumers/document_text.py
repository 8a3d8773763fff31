"""The text of a document, with its headings, its pages and its language."""

from __future__ import annotations

from typing import Annotated

import msgspec

from headrace.task import File, SyncContext, Title, accepts, task

from ._document.document import MEDIA_TYPES, Format, Heading

# At up to 6 bytes of JSON for each, a result stays below 512 KB.
TEXT_CHARS_MAX = 50_000


class Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The text of a PDF, DOCX, HTML, Markdown or plain text file, with its headings, its pages and its language.

    The text becomes the file text.txt, in UTF-8. A document that is encrypted or broken, or a scan without text, fails and
    says so. At most 5,000 pages and 10 million characters are read.
    """

    document: Annotated[
        File, accepts(*MEDIA_TYPES), msgspec.Meta(description="A PDF, DOCX, HTML, Markdown or plain text file.")
    ]
    name: Title = ""


class DocumentText(msgspec.Struct, frozen=True, kw_only=True):
    """``text`` is null when it is long; ``file`` has it in any case.

    ``pages`` are those of a PDF, or what the program said that saved a DOCX. ``characters`` are Unicode code points.
    ``language`` is de, en, es, fr, it, nl or pt, or null. ``truncated`` says that the document has more than was read.
    """

    format: Format
    pages: int | None
    characters: int
    words: int
    language: str | None
    outline: list[Heading]
    truncated: bool
    file: str
    text: str | None


@task(timeout=900, max_attempts=3, retry_on=(), process=True, memory=1536 << 20)
def document_text(input: Document, context: SyncContext) -> DocumentText:
    """Read the document page by page, then tell its language."""
    from ._document.language import find_language
    from ._document.reading import read_document

    def progress(page: int, pages: int) -> bool:
        context.progress(0.9 * page / pages, f"page {page:,} of {pages:,}")
        return not context.cancelled

    content = read_document(context.open(input.document), progress, lambda message: context.log(message, "warning"))
    if content.truncated:
        context.log("the document is longer than what is read of it", "warning")
    context.progress(0.9, "telling the language")
    language = find_language(content.text)
    saved = context.save("text.txt", content.text.encode(), "text/plain; charset=utf-8")
    context.progress(1, "done")
    return DocumentText(
        format=content.format,
        pages=content.pages,
        characters=len(content.text),
        words=len(content.text.split()),
        language=language,
        outline=content.outline,
        truncated=content.truncated,
        file=saved.id,
        text=content.text if len(content.text) <= TEXT_CHARS_MAX else None,
    )
