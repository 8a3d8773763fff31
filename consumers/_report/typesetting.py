"""Set a report as PDF."""

from __future__ import annotations

import io
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import msgspec
import typst
from pypdf import PdfReader

from .document import Document

PAGES_MAX = 1_000  # more than the bounds of tables let come about
LAYOUT = Path(__file__).with_name("layout.typ")
# PDF/A-2a (ISO 19005-2): with fonts inside and tags for screen readers, so that it opens anywhere for long.
ARCHIVAL = "a-2a"

_LACKING = re.compile(r"the text `?\"(.+?)\"`? could not be displayed")


class Pdf(NamedTuple):
    """A report as PDF; ``lacking`` is a letter that no font has, in whose place stands a box, if there is any."""

    whole: bytes
    pages: int
    lacking: str | None


class ReportTooLong(Exception):
    """The report has more pages than anybody reads."""


def typeset(document: Document) -> Pdf:
    """Set a report as PDF. The layout may read no file but those of an empty directory, and no package.

    Raises:
        ReportTooLong: It has more than `PAGES_MAX` pages.
    """
    data = msgspec.json.encode(document).decode()
    with tempfile.TemporaryDirectory(prefix="headrace-report-") as empty:
        # The fonts of the machine come after those of the library: for scripts that these do not have, such as Chinese.

        def new_compiler() -> typst.Compiler:
            return typst.Compiler(
                LAYOUT.read_bytes(),
                root=empty,
                sys_inputs={"data": data},
                package_path=empty,
                package_cache_path=empty,
            )

        # A compiler that has failed does not find its input any more.
        whole, lacking = _compile(new_compiler)
    if not isinstance(whole, bytes):
        raise TypeError(f"a PDF is bytes, not {type(whole).__name__}")
    pages = len(PdfReader(io.BytesIO(whole)).pages)
    if pages > PAGES_MAX:
        raise ReportTooLong(f"the report has {pages:,} pages; at most {PAGES_MAX:,} are made")
    return Pdf(whole, pages, lacking)


def _compile(new_compiler: Callable[[], typst.Compiler]) -> tuple[object, str | None]:
    """Return the PDF, and a letter that no font has. An archival PDF has none such; with one, it is an ordinary PDF."""
    try:
        return new_compiler().compile(format="pdf", pdf_standards=ARCHIVAL), None
    except typst.TypstError as error:
        found = _LACKING.search(error.message)
        if found is None:
            raise
        return new_compiler().compile(format="pdf"), found[1]
