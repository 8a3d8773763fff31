"""A profile of a table, or the results of a batch, as a PDF for a colleague."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headrace.task import File, Results, SyncContext, Title, accepts, read_results_blocking, task

MEMORY_BYTES = 2 << 30  # of addresses; a report of 100 pages takes 640 MB


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A PDF about a table or a batch: a title page, contents, plots, and tables with a head on every page.

    Of a table, as table_profile describes it in its profile.json, it has an overview, what is missing, and a plot of each column;
    of a batch the states, the durations, what failed, and the first 2,000 results.
    """

    profile: (
        Annotated[
            File,
            accepts("application/json"),
            msgspec.Meta(description="The profile.json that a table_profile has saved."),
        ]
        | None
    ) = None
    results: Results | None = None
    title: Annotated[
        Title, msgspec.Meta(max_length=200, description="What stands on the title page.", examples=["Orders of May"])
    ] = ""
    author: Annotated[str, msgspec.Meta(max_length=200, description="For whom it is; stands on the title page.")] = ""
    paper: Literal["a4", "letter"] = "a4"
    language: Literal["en", "de"] = "en"

    def __post_init__(self) -> None:
        if (self.profile is None) == (self.results is None):
            raise ValueError("Give either `profile` or `results`, and not both.")


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """``file`` is the PDF, of ``size`` bytes."""

    file: str
    name: str
    size: int
    pages: int


@task(timeout=600, max_attempts=3, retry_on=(), process=True, memory=MEMORY_BYTES)
def report_pdf(input: Report, context: SyncContext) -> Reported | None:
    """Read what the report is about, then set it."""
    # These modules import typst: 80 MB that an idle worker does without.
    from ._archive.names import make_safe
    from ._report.compose import report_on_batch, report_on_profile
    from ._report.typesetting import typeset

    context.progress(0, "reading")
    opened = context.open(input.profile or input.results or "")
    if input.results is None:
        document = report_on_profile(opened.read(), input)
    else:
        document = report_on_batch(opened.name, read_results_blocking(opened), input)
    if context.cancelled:
        return None
    context.progress(0.3, "setting the pages")
    pdf = typeset(document)
    if context.cancelled:
        return None
    if pdf.lacking is not None:
        context.log(
            f"the fonts of this worker lack letters such as {pdf.lacking!r}; boxes stand in their place", "warning"
        )
    context.progress(0.9, f"{pdf.pages:,} pages")
    saved = context.save(f"{make_safe(document.title)}.pdf", pdf.whole, "application/pdf")
    context.progress(1, "done")
    return Reported(file=saved.id, name=saved.name, size=saved.size, pages=pdf.pages)
