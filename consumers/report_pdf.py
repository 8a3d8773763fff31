"""A profile of a table, or the results of a batch, as a PDF for a colleague."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from headrace.task import PastTask, SyncContext, Title, task

MEMORY_BYTES = 2 << 30  # of addresses; a report of 100 pages takes 640 MB

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class Report(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A PDF about a table or a batch: a title page, contents, plots, and tables with a head on every page.

    Of a table_profile that has succeeded, it has an overview, what is missing, and a plot of each column; of a batch the states,
    the durations, what failed, and the first 2,000 results. Both must be in the log, which keeps a week by default.
    """

    task: Annotated[Id, msgspec.Meta(description="The id of a table_profile that has succeeded.")] | None = None
    batch: Annotated[Id, msgspec.Meta(description="The id of a batch.")] | None = None
    title: Annotated[
        Title, msgspec.Meta(max_length=200, description="What stands on the title page.", examples=["Orders of May"])
    ] = ""
    author: Annotated[str, msgspec.Meta(max_length=200, description="Whose report it is; the account by default.")] = ""
    paper: Literal["a4", "letter"] = "a4"
    language: Literal["en", "de"] = "en"

    def __post_init__(self) -> None:
        if (self.task is None) == (self.batch is None):
            raise ValueError("Give either `task` or `batch`, and not both.")


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """``file`` is the PDF, of ``size`` bytes."""

    file: str
    name: str
    size: int
    pages: int


class NothingToReport(Exception):
    """There is a task, but nothing of it that a report could be about. The message says why."""


@task(timeout=600, max_attempts=3, retry_on=(), process=True, memory=MEMORY_BYTES)
def report_pdf(input: Report, context: SyncContext) -> Reported | None:
    """Read what the report is about, then set it."""
    # These modules import typst: 80 MB that an idle worker does without.
    from consumers._archive.names import make_safe
    from consumers._report.compose import report_on_batch, report_on_profile
    from consumers._report.typesetting import typeset

    context.progress(0, "reading")
    if input.task is not None:
        document = report_on_profile(_profiled(context.read_task(input.task)), input)
    else:
        document = report_on_batch(context.read_batch(input.batch or ""), input)
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


def _profiled(task: PastTask) -> PastTask:
    """Return a task that has made a profile.

    Raises:
        NothingToReport: It is of another kind, or has no result.
    """
    if task.kind != "table_profile":
        raise NothingToReport(f"Task {task.id} is of the kind {task.kind}. A report needs a table_profile, or a batch.")
    if not task.state.final:
        raise NothingToReport(
            f"The profile {task.id} is not finished, it is {task.state}. Report on it when it has succeeded."
        )
    if task.state != "succeeded":
        ended = "was cancelled" if task.state == "cancelled" else "has failed"
        raise NothingToReport(f"The profile {task.id} {ended}, so there is nothing to report. Run it again.")
    return task
