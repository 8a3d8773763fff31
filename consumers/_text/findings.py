"""Collect the places of a text that its author may want to change."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

import msgspec

from .sentences import Language, Sentence
from .spelling import WORD_LETTERS_MAX, SpellCheck

Rule = Literal["spelling", "repeated_word", "long_sentence"]

SENTENCE_WORDS_MAX = 40  # twice a good average, 15 to 20 (Cutts, Oxford Guide to Plain English, 2020)
SENTENCE_MARKED_MAX = 1_000  # code points; a text without any full stop is one sentence
FINDINGS_BYTES_MAX = 400_000  # as JSON, so that the whole result stays below 512 KB


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A place to look at again; ``text`` is ``input.text[start:end]``, counted in Unicode code points."""

    rule: Rule
    start: int
    end: int
    text: str
    message: str
    suggestions: list[str]


class Review:
    """The findings of one text, up to `FINDINGS_BYTES_MAX`.

    Attributes:
        findings: In the order of the text.
        truncated: Whether the text has more findings than these.
    """

    def __init__(self, text: str, language: Language) -> None:
        self.findings: list[Finding] = []
        self.truncated = False
        self._text = text
        self._bytes_left = FINDINGS_BYTES_MAX
        self._spell_check = SpellCheck(language)

    def add(self, sentence: Sentence) -> None:
        """Add the findings of the next sentence while there is room."""
        if self.truncated:
            return
        found = [*self._long_sentence(sentence), *self._repeated_words(sentence), *self._misspelt_words(sentence)]
        for finding in sorted(found, key=lambda finding: (finding.start, finding.end)):
            self._bytes_left -= len(msgspec.json.encode(finding)) + 1
            if self._bytes_left < 0:
                self.truncated = True
                return
            self.findings.append(finding)

    def _long_sentence(self, sentence: Sentence) -> Iterator[Finding]:
        if len(sentence.words) > SENTENCE_WORDS_MAX:
            end = min(sentence.end, sentence.start + SENTENCE_MARKED_MAX)
            message = f"This sentence has {len(sentence.words)} words. Can it be split?"
            yield self._finding("long_sentence", sentence.start, end, message, [])

    def _repeated_words(self, sentence: Sentence) -> Iterator[Finding]:
        for one, two in pairwise(sentence.words):
            # A second capital is a name: Duran Duran.
            same = one.text.lower() == two.text and two.text.isalpha()
            near = two.end - one.start <= 2 * WORD_LETTERS_MAX and self._text[one.end : two.start].isspace()
            if same and near:
                message = f"“{two.text}” stands here twice. Is that meant?"
                yield self._finding("repeated_word", one.start, two.end, message, [self._text[one.start : one.end]])

    def _misspelt_words(self, sentence: Sentence) -> Iterator[Finding]:
        for word, suggestions in self._spell_check.misspelt_words(sentence):
            message = f"“{self._text[word.start : word.end]}” is not in the dictionary."
            yield self._finding("spelling", word.start, word.end, message, suggestions)

    def _finding(self, rule: Rule, start: int, end: int, message: str, suggestions: list[str]) -> Finding:
        text = self._text[start:end]
        return Finding(rule=rule, start=start, end=end, text=text, message=message, suggestions=suggestions)
