"""Tell the language of a text."""

from __future__ import annotations

LANGUAGES = ("de", "en", "es", "fr", "it", "nl", "pt")
SAMPLE_CHARS = 20_000  # enough for a safe answer
SHARE_MIN = 0.4  # of the words that the language must know; the wrong ones know a quarter
WORDS_MIN = 5


def find_language(text: str) -> str | None:
    """Return the language of a text as in ISO 639-1; None when it is none of `LANGUAGES`, or has too few words."""
    # Dictionaries that stay packed: 70 MB for all of them, instead of 90 MB for each.
    from simplemma.language_detector import langdetect

    sample = text[:SAMPLE_CHARS]
    if len(sample.split()) < WORDS_MIN:
        return None
    language, share = langdetect(sample, lang=LANGUAGES, low_memory=True)[0]
    return language if language in LANGUAGES and share >= SHARE_MIN else None
