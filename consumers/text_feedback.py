"""Feedback on a text: how hard it is to read, and what its author may want to look at again."""

from __future__ import annotations

from typing import Annotated

import msgspec

from consumers._text.findings import Finding, Review
from consumers._text.readability import Readability, Totals
from consumers._text.sentences import Language, split_paragraphs, split_sentences
from headrace.task import SyncContext, Title, task


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts, readability, spelling, repeated words and over-long sentences of a text."""

    text: Annotated[str, msgspec.Meta(max_length=200_000)]
    language: Language = "en"
    heading: Title = ""


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How long the text is.

    ``characters`` are Unicode code points, as in the offsets of findings. ``words`` and ``sentences`` leave out addresses
    and code. Blank lines and fenced code separate ``paragraphs``. ``syllables`` are an estimate.
    """

    characters: int
    words: int
    sentences: int
    paragraphs: int
    syllables: int


class TextFeedback(msgspec.Struct, frozen=True, kw_only=True):
    """``findings`` are in the order of the text; ``truncated`` says that there are more than these."""

    language: Language
    counts: Counts
    readability: Readability
    findings: list[Finding]
    truncated: bool


@task(timeout=60)
def text_feedback(input: Text, context: SyncContext) -> TextFeedback:
    """Go through the text paragraph by paragraph."""
    totals, review = Totals(input.language), Review(input.text, input.language)
    paragraphs = split_paragraphs(input.text)
    for number, paragraph in enumerate(paragraphs, 1):
        for sentence in split_sentences(paragraph, input.language):
            totals.add(sentence)
            review.add(sentence)
        context.progress(number / len(paragraphs), f"paragraph {number} of {len(paragraphs)}")
    counts = Counts(
        characters=len(input.text),
        words=totals.words,
        sentences=totals.sentences,
        paragraphs=len(paragraphs),
        syllables=totals.syllables,
    )
    return TextFeedback(
        language=input.language,
        counts=counts,
        readability=totals.readability(),
        findings=review.findings,
        truncated=review.truncated,
    )
