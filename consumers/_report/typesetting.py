"""Set a report as PDF."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import NamedTuple

import msgspec
import typst
from pypdf import PdfReader

from consumers._report.document import Document

PAGES_MAX = 1_000  # more than the bounds of tables let come about
LAYOUT = Path(__file__).with_name("layout.typ")


class Pdf(NamedTuple):
    """A report as PDF."""

    whole: bytes
    pages: int


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
        compiler = typst.Compiler(
            LAYOUT.read_bytes(),
            root=empty,
            sys_inputs={"data": data},
            package_path=empty,
            package_cache_path=empty,
        )
        whole = compiler.compile(format="pdf")
    if not isinstance(whole, bytes):
        raise TypeError(f"a PDF is bytes, not {type(whole).__name__}")
    pages = len(PdfReader(io.BytesIO(whole)).pages)
    if pages > PAGES_MAX:
        raise ReportTooLong(f"the report has {pages:,} pages; at most {PAGES_MAX:,} are made")
    return Pdf(whole, pages)
