"""Feedback on a text: how hard it is to read, and what its author may want to look at again."""

from __future__ import annotations

import math
import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Annotated, Literal, NamedTuple

import msgspec

from headrace.task import SyncContext, task

Language = Literal["de", "en", "es", "fr", "it", "nl", "pt"]
Rule = Literal["spelling", "repeated_word", "long_sentence"]

SENTENCE_WORDS_MAX = 40  # twice a good average, 15 to 20 (Cutts, Oxford Guide to Plain English, 2020)
SENTENCE_MARKED_MAX = 1_000  # code points; a text without any full stop is one sentence
WORD_LETTERS_MAX = 50  # the longest word of the dictionaries has 46
SUGGESTIONS_MAX = 5
SEARCHES_MAX = 2_000  # distinct words per text whose neighbours are looked for; each takes about a millisecond
FINDINGS_BYTES_MAX = 400_000  # as JSON, so that the whole result stays below 512 KB

# Letters and digits with their accents, soft hyphens, inner apostrophes and decimal marks: naïve, don't, 3.14
WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad]|['\u2019](?=[^\W_])|(?<=\d)[.,](?=\d))*")
# Addresses, file names, identifiers and markup, which no dictionary has
NOT_PROSE = re.compile(r"://|[^\W\d]\w\.\w|[^\W\d]\.\w\w|[a-z][A-Z]|[@#_=<>{}|\\`]|^(?:[~/]|--|www\.)")
PUNCTUATION = ".,;:!?…\"'“”\u2018\u2019«»()[]"
# The items of a list often have no full stop; each is a sentence nevertheless
LIST_ITEM = re.compile(r"[\r\n]+(?=[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t])")
SYLLABLE = re.compile(r"[aeiouy]+?(?=ing)|[aeiouy]+|(?<=[^aeiouy])n't")
SILENT_E = re.compile(r"(?:[^aeiouyl]|[aeiouy]l)e$|[^aeiouytd]ed$|[^aeiouysxzcgh]es$")


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts, readability, spelling, repeated words and over-long sentences of a text."""

    text: Annotated[str, msgspec.Meta(max_length=200_000)]
    language: Language = "en"


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """How long the text is.

    ``characters`` are Unicode code points, as in the offsets of findings. ``words`` and ``sentences`` leave out addresses
    and code. ``paragraphs`` are set apart by blank lines. ``syllables`` are an estimate, see `_syllables`.
    """

    characters: int
    words: int
    sentences: int
    paragraphs: int
    syllables: int


class Readability(msgspec.Struct, frozen=True, kw_only=True):
    """Formulas; null for a text without words, and for those made for English when the text is in another language.

    The first counts from 0 (hard) to 100 (easy), the next five in years of school in the United States, and the last two
    from about 20 and 1 (easy) to 60 and 7 (hard).
    """

    flesch_reading_ease: float | None = None
    flesch_kincaid_grade: float | None = None
    gunning_fog: float | None = None
    smog: float | None = None
    coleman_liau: float | None = None
    automated_readability_index: float | None = None
    lix: float | None = None
    rix: float | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A place to look at again; ``text`` is ``input.text[start:end]``, counted in Unicode code points."""

    rule: Rule
    start: int
    end: int
    text: str
    message: str
    suggestions: list[str]


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
    review = _Review(input.text, input.language)
    totals: Counter[str] = Counter()
    paragraphs = _paragraphs(input.text)
    for number, (start, paragraph) in enumerate(paragraphs, 1):
        for sentence in _sentences(start, paragraph, input.language):
            totals.update(_measure(sentence, input.language))
            review.read(sentence)
        context.progress(number / len(paragraphs), f"paragraph {number} of {len(paragraphs)}")
    return TextFeedback(
        language=input.language,
        counts=Counts(
            characters=len(input.text),
            words=totals["words"],
            sentences=totals["sentences"],
            paragraphs=len(paragraphs),
            syllables=totals["syllables"],
        ),
        readability=_readability(totals, input.language),
        findings=review.findings,
        truncated=review.truncated,
    )


class _Word(NamedTuple):
    start: int
    end: int
    text: str  # as a dictionary has it: composed, straight apostrophes, no soft hyphens


class _Sentence(NamedTuple):
    start: int
    end: int
    words: list[_Word]


def _paragraphs(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    start = 0
    for blank, lines in groupby(text.splitlines(keepends=True), key=str.isspace):
        paragraph = "".join(lines)
        if not blank:
            found.append((start, paragraph))
        start += len(paragraph)
    return found


def _sentences(start: int, paragraph: str, language: Language) -> Iterator[_Sentence]:
    """The sentences that have words, with offsets from ``start``."""
    from simplemma import split_sentences

    prose = re.sub(r"\S+", _hide_unless_prose, paragraph)
    at = 0
    for item in LIST_ITEM.split(prose):
        for sentence in split_sentences(item, language):
            at = prose.index(sentence, at)
            end = at + len(sentence)
            words = [
                _Word(start + word.start(), start + word.end(), _normal(word[0]))
                for word in WORD.finditer(prose, at, end)
            ]
            if words:
                yield _Sentence(start + at, start + end, words)
            at = end


def _hide_unless_prose(chunk: re.Match[str]) -> str:
    core = chunk[0].strip(PUNCTUATION)
    is_prose = not core or not (NOT_PROSE.search(core) or "()" in chunk[0])
    return chunk[0] if is_prose else chunk[0].replace(core, "_" * len(core))


def _normal(word: str) -> str:
    return unicodedata.normalize("NFKC", word).replace("\u2019", "'").replace("\u00ad", "")


def _measure(sentence: _Sentence, language: Language) -> dict[str, int]:
    letters = [sum(map(str.isalpha, word.text)) for word in sentence.words]
    syllables = [_syllables(word.text, language) for word in sentence.words]
    return {
        "sentences": 1,
        "words": len(sentence.words),
        "letters": sum(letters),
        "letters_and_digits": sum(sum(map(str.isalnum, word.text)) for word in sentence.words),
        "long_words": sum(count > 6 for count in letters),
        "syllables": sum(syllables),
        "polysyllables": sum(count > 2 for count in syllables),
    }


def _syllables(word: str, language: Language) -> int:
    """Groups of vowels, less the silent e of English.

    In English this is right for 98 of 100 words of running text (held against the CMU Pronouncing Dictionary). Elsewhere,
    vowels that touch but are spoken apart count once, and the mute e of French counts.
    """
    letters = "".join(filter(str.isascii, unicodedata.normalize("NFD", word.lower())))
    count = len(SYLLABLE.findall(letters))
    if language == "en" and count > 1 and SILENT_E.search(letters.removesuffix("'s")):
        count -= 1
    return max(count, 1)


def _readability(totals: Counter[str], language: Language) -> Readability:
    """The formulas as published.

    Flesch (1948); Kincaid, Fishburne, Rogers and Chissom (1975); Gunning (1952), with every word of three or more syllables
    counted as hard; McLaughlin (1969), meant for 30 sentences or more; Coleman and Liau (1975); Smith and Senter (1967);
    LIX, Björnsson (1968); RIX, Anderson (1983).
    """
    words, sentences = totals["words"], totals["sentences"]
    if not words:
        return Readability()
    length = words / sentences
    lix = round(length + 100 * totals["long_words"] / words, 2)
    rix = round(totals["long_words"] / sentences, 2)
    if language != "en":
        return Readability(lix=lix, rix=rix)
    syllables, hard = totals["syllables"] / words, totals["polysyllables"]
    return Readability(
        flesch_reading_ease=round(206.835 - 1.015 * length - 84.6 * syllables, 2),
        flesch_kincaid_grade=round(0.39 * length + 11.8 * syllables - 15.59, 2),
        gunning_fog=round(0.4 * (length + 100 * hard / words), 2),
        smog=round(1.043 * math.sqrt(30 * hard / sentences) + 3.1291, 2),
        coleman_liau=round((5.88 * totals["letters"] - 29.6 * sentences) / words - 15.8, 2),
        automated_readability_index=round(4.71 * totals["letters_and_digits"] / words + 0.5 * length - 21.43, 2),
        lix=lix,
        rix=rix,
    )


class _Review:
    """Collects findings, sentence by sentence, while there is room."""

    def __init__(self, text: str, language: Language) -> None:
        self.findings: list[Finding] = []
        self.truncated = False
        self._text = text
        self._room = FINDINGS_BYTES_MAX
        self._neighbours: dict[str, list[str]] = {}
        with _loading:
            self._dictionary = _dictionary(language)

    def read(self, sentence: _Sentence) -> None:
        if self.truncated:
            return
        found = [*self._length(sentence), *self._repetitions(sentence), *self._spelling(sentence)]
        for finding in sorted(found, key=lambda finding: (finding.start, finding.end)):
            self._room -= len(msgspec.json.encode(finding)) + 1
            if self._room < 0:
                self.truncated = True
                return
            self.findings.append(finding)

    def _length(self, sentence: _Sentence) -> Iterator[Finding]:
        if len(sentence.words) > SENTENCE_WORDS_MAX:
            end = min(sentence.end, sentence.start + SENTENCE_MARKED_MAX)
            message = f"This sentence has {len(sentence.words)} words. Can it be split?"
            yield self._finding("long_sentence", sentence.start, end, message, [])

    def _repetitions(self, sentence: _Sentence) -> Iterator[Finding]:
        for one, two in pairwise(sentence.words):
            same = one.text.lower() == two.text and two.text.isalpha()  # a second capital is a name: Duran Duran
            near = two.end - one.start <= 2 * WORD_LETTERS_MAX and self._text[one.end : two.start].isspace()
            if same and near:
                message = f"“{two.text}” stands here twice. Is that meant?"
                yield self._finding("repeated_word", one.start, two.end, message, [self._text[one.start : one.end]])

    def _spelling(self, sentence: _Sentence) -> Iterator[Finding]:
        for position, (start, end, word) in enumerate(sentence.words):
            letters = word.replace("'", "")
            may_be_name = position == 0 and not letters[0].islower()
            if not (letters[1:] if may_be_name else letters).islower() or not 2 < len(letters) <= WORD_LETTERS_MAX:
                continue  # a name, an acronym, a unit
            if not self._dictionary.can_judge(letters.lower()) or self._dictionary.knows(word.lower()):
                continue
            suggestions = self._suggestions(word)
            if suggestions or not may_be_name:
                message = f"“{self._text[start:end]}” is not in the dictionary."
                yield self._finding("spelling", start, end, message, suggestions)

    def _suggestions(self, word: str) -> list[str]:
        known, key = self._neighbours, word.lower()
        if key not in known and len(known) < SEARCHES_MAX:
            known[key] = self._dictionary.neighbours(key)
        found = known.get(key, [])
        return [other[0].upper() + other[1:] for other in found] if word[0].isupper() else found

    def _finding(self, rule: Rule, start: int, end: int, message: str, suggestions: list[str]) -> Finding:
        text = self._text[start:end]
        return Finding(rule=rule, start=start, end=end, text=text, message=message, suggestions=suggestions)


class _Dictionary:
    """Two word lists: the one that ranks words by how common they are lacks much that the other has."""

    def __init__(self, language: Language) -> None:
        from simplemma.strategies import DictionaryLookupStrategy
        from simplemma.strategies.dictionaries import StreamDictionaryFactory
        from spellchecker import SpellChecker

        self._language = language
        self._common = SpellChecker(language=language, distance=1)
        self._rest = DictionaryLookupStrategy(StreamDictionaryFactory(cache_max_size=1))

    def can_judge(self, letters: str) -> bool:
        """Whether the word is written in the letters of the language."""
        return self._common.word_frequency.letters.issuperset(letters)

    def knows(self, word: str) -> bool:
        """Whether it is a word, or a contraction or elision with a word in it: there'll, couldn't've, l'homme."""
        parts = [part for part in word.split("'") if len(part) > 2]
        pieces = {word, word.rpartition("'")[0], word.partition("'")[2], *parts}
        return not parts or any(self._has(piece) for piece in pieces if len(piece) > 1)

    def _has(self, word: str) -> bool:
        return word in self._common or self._rest.get_lemma(word, self._language) is not None

    def neighbours(self, word: str) -> list[str]:
        """The words one letter away, most common first."""
        found = self._common.candidates(word) or set()
        return sorted(found - {word}, key=lambda other: (-self._common[other], other))[:SUGGESTIONS_MAX]


_loading = threading.Lock()


@lru_cache(maxsize=1)  # a language is 40 to 120 MB and half a second
def _dictionary(language: Language) -> _Dictionary:
    return _Dictionary(language)
