"""Compose reports: the title page, and the sections of what they are about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Literal, Protocol

from headrace.task import BatchResult

from . import batch_report, profile_report
from .document import TITLE_CHARS_MAX, Document, Fact, Paper, Section, clean
from .words import Words

_PAPERS: dict[str, Paper] = {"a4": "a4", "letter": "us-letter"}


class Options(Protocol):
    """What whoever asks for a report can choose."""

    @property
    def title(self) -> str:
        """What stands on the title page; empty for what the report is about."""
        ...

    @property
    def author(self) -> str:
        """Whose it is; empty to leave it out."""
        ...

    @property
    def paper(self) -> Literal["a4", "letter"]:
        """The size of its pages."""
        ...

    @property
    def language(self) -> Literal["en", "de"]:
        """Its language."""
        ...


class NothingToReport(Exception):
    """There is nothing that a report could be about. The message says why."""


def report_on_profile(written: bytes, options: Options) -> Document:
    """Return the report about a profile.json.

    Raises:
        NoProfile: It is something else.
    """
    words, profile = Words(options.language), profile_report.read_profile(written)
    facts, sections = profile_report.facts_of(profile, words), profile_report.sections_of(profile, words)
    return _compose(options, words, profile.name, words("Profile of a table"), facts, sections)


def report_on_batch(name: str, results: Iterable[BatchResult], options: Options) -> Document:
    """Return the report about the results of a batch.

    Args:
        name: What their file is called, which begins with the name of the batch.
        results: What became of each task.
        options: What was chosen.

    Raises:
        NothingToReport: There are no results.
        TooManyResults: There are more than a report counts.
    """
    words = Words(options.language)
    tally = batch_report.Tally(results, words)
    if not tally.total:
        raise NothingToReport("The file has no results. Each task of the batch may have been deleted.")
    facts, sections = batch_report.facts_of(tally, words), batch_report.sections_of(tally, words)
    return _compose(options, words, _name_of(name, tally.batch), words("Results of a batch"), facts, sections)


def _name_of(file: str, batch: str) -> str:
    """Return the name of a batch, which in that of the file is followed by the end of its id."""
    stem = file.removesuffix(".ndjson")
    name, _, end = stem.rpartition(" ")
    return name if name and batch.endswith(end) else stem


def _compose(
    options: Options, words: Words, about: str, subtitle: str, facts: list[Fact], sections: list[Section]
) -> Document:
    author = clean(options.author)
    made = [Fact(words("Made for"), author)] if author else []
    return Document(
        title=clean(options.title, TITLE_CHARS_MAX) or clean(about, TITLE_CHARS_MAX) or subtitle,
        subtitle=subtitle,
        author=author,
        facts=[*made, Fact(words("Made on"), words.moment(datetime.now(UTC))), *facts],
        sections=sections,
        language=words.language,
        paper=_PAPERS[options.paper],
        contents=words("Contents"),
        page=words("Page"),
    )
