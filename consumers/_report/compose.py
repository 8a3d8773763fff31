"""Compose reports: the title page, and the sections of what they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal, Protocol

from consumers._report import batch_report, profile_report
from consumers._report.document import TITLE_CHARS_MAX, Document, Fact, Paper, Section, clean
from consumers._report.words import Words
from headrace.task import PastBatch, PastTask

_PAPERS: dict[str, Paper] = {"a4": "a4", "letter": "us-letter"}


class Options(Protocol):
    """What whoever asks for a report can choose."""

    @property
    def title(self) -> str:
        """What stands on the title page; empty for what the report is about."""
        ...

    @property
    def author(self) -> str:
        """Whose it is; empty for the account."""
        ...

    @property
    def paper(self) -> Literal["a4", "letter"]:
        """The size of its pages."""
        ...

    @property
    def language(self) -> Literal["en", "de"]:
        """Its language."""
        ...


def report_on_profile(task: PastTask, options: Options) -> Document:
    """Return the report about the result of a table_profile.

    Raises:
        ValueError: The result is no profile.
    """
    words, profile = Words(options.language), profile_report.read_profile(task.result)
    facts = [
        *(Fact(words("Table"), clean(task.title)), Fact(words("Task"), task.id)),
        *profile_report.facts_of(profile, words),
    ]
    subtitle, sections = words("Profile of a table"), profile_report.sections_of(profile, words)
    return _compose(options, words, task.title, task.owner, subtitle, facts, sections)


def report_on_batch(batch: PastBatch, options: Options) -> Document:
    """Return the report about the results of a batch."""
    words, tally = Words(options.language), batch_report.Tally(batch.tasks())
    facts = [Fact(words("Batch"), batch.id), *batch_report.facts_of(batch, words)]
    subtitle, sections = words("Results of a batch"), batch_report.sections_of(batch, tally, words)
    return _compose(options, words, batch.name or batch.kind, batch.owner, subtitle, facts, sections)


def _compose(
    options: Options,
    words: Words,
    about: str,
    owner: str,
    subtitle: str,
    facts: list[Fact],
    sections: list[Section],
) -> Document:
    author = clean(options.author) or owner
    made = [Fact(words("Made for"), author), Fact(words("Made on"), words.moment(datetime.now(UTC)))]
    return Document(
        title=clean(options.title, TITLE_CHARS_MAX) or clean(about, TITLE_CHARS_MAX),
        subtitle=subtitle,
        author=author,
        facts=[*made, *facts],
        sections=sections,
        language=words.language,
        paper=_PAPERS[options.paper],
        contents=words("Contents"),
        page=words("Page"),
    )
