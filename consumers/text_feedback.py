"""Feedback on a text: how hard it is to read, and what its author may want to look at again."""

from __future__ import annotations

from typing import Annotated

import msgspec

from headrace.task import File, SyncContext, Title, accepts, task

from ._text.findings import Finding, Review
from ._text.readability import Readability, Totals
from ._text.sentences import Language, split_paragraphs, split_sentences

TEXT_CHARS_MAX = 200_000


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts, readability, spelling, repeated words and over-long sentences of a text, given here or as a file in UTF-8."""

    text: Annotated[str, msgspec.Meta(max_length=TEXT_CHARS_MAX)] | None = None
    language: Language = "en"
    heading: Title = ""
    file: (
        Annotated[
            File, accepts("text/plain", "text/markdown"), msgspec.Meta(description="A text or Markdown file in UTF-8.")
        ]
        | None
    ) = None

    def __post_init__(self) -> None:
        if (self.text is None) == (self.file is None):
            raise ValueError("Give either `text` or `file`, and not both.")


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
    text = _read_file(input.file, context) if input.text is None else input.text
    totals, review = Totals(input.language), Review(text, input.language)
    paragraphs = split_paragraphs(text)
    for number, paragraph in enumerate(paragraphs, 1):
        for sentence in split_sentences(paragraph, input.language):
            totals.add(sentence)
            review.add(sentence)
        context.progress(number / len(paragraphs), f"paragraph {number} of {len(paragraphs)}")
    counts = Counts(
        characters=len(text),
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


def _read_file(file: str | None, context: SyncContext) -> str:
    """Read the text of a file.

    Raises:
        ValueError: It is not in UTF-8, or too long.
    """
    try:
        text = context.open(file or "").read().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError("The file is no text in UTF-8. Save it as UTF-8, or run document_text on it first.") from error
    if len(text) > TEXT_CHARS_MAX:
        raise ValueError(f"The text has {len(text):,} characters; at most {TEXT_CHARS_MAX:,} are read.")
    return text
