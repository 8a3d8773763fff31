"""Find misspelt words, and suggest what was meant."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from .sentences import Language, Sentence, Word

WORD_LETTERS_MAX = 50  # the longest word of the dictionaries has 46
SUGGESTIONS_MAX = 5
SEARCHES_MAX = 2_000  # distinct words of a text for which suggestions are searched; each takes about a millisecond


class Misspelt(NamedTuple):
    """A word that is not in the dictionary, and the dictionary's words closest to it, the most common first."""

    word: Word
    suggestions: list[str]


class SpellCheck:
    """The spell check of one text; it searches suggestions for a word once, and for at most `SEARCHES_MAX` words."""

    def __init__(self, language: Language) -> None:
        self._suggestions: dict[str, list[str]] = {}
        # Threads that check texts at the same time wait for one of them to load the language.
        with _loading:
            self._dictionary = _load_dictionary(language)

    def misspelt_words(self, sentence: Sentence) -> Iterator[Misspelt]:
        """Give the misspelt words of a sentence; names, acronyms and units are left out."""
        for position, word in enumerate(sentence.words):
            letters = word.text.replace("'", "")
            may_be_name = position == 0 and not letters[0].islower()
            is_ordinary = (letters[1:] if may_be_name else letters).islower() and 2 < len(letters) <= WORD_LETTERS_MAX
            if not is_ordinary or not self._dictionary.can_judge(letters.lower()):
                continue
            if self._dictionary.has(word.text.lower()):
                continue
            suggestions = self._suggest(word.text)
            if suggestions or not may_be_name:
                yield Misspelt(word, suggestions)

    def _suggest(self, word: str) -> list[str]:
        known, key = self._suggestions, word.lower()
        if key not in known and len(known) < SEARCHES_MAX:
            known[key] = self._dictionary.neighbours(key)
        found = known.get(key, [])
        return [other[0].upper() + other[1:] for other in found] if word[0].isupper() else found


class _Dictionary:
    """Two word lists: the one that ranks words by how common they are lacks many words that the other has."""

    def __init__(self, language: Language) -> None:
        # Loaded at the first text, so that an idle worker does not hold the libraries in memory.
        from simplemma.strategies import DictionaryLookupStrategy
        from simplemma.strategies.dictionaries import StreamDictionaryFactory
        from spellchecker import SpellChecker

        self._language = language
        self._ranked = SpellChecker(language=language, distance=1)
        self._rest = DictionaryLookupStrategy(StreamDictionaryFactory(cache_max_size=1))

    def can_judge(self, letters: str) -> bool:
        """Tell whether the word is written in the letters of the language."""
        return self._ranked.word_frequency.letters.issuperset(letters)

    def has(self, word: str) -> bool:
        """Tell whether this is a word, or a contraction or elision with a word in it: there'll, couldn't've, l'homme."""
        parts = [part for part in word.split("'") if len(part) > 2]
        pieces = {word, word.rpartition("'")[0], word.partition("'")[2], *parts}
        return not parts or any(self._lists(piece) for piece in pieces if len(piece) > 1)

    def _lists(self, word: str) -> bool:
        return word in self._ranked or self._rest.get_lemma(word, self._language) is not None

    def neighbours(self, word: str) -> list[str]:
        """Give the words one letter away, the most common first."""
        found = self._ranked.candidates(word) or set()
        return sorted(found - {word}, key=lambda other: (-self._ranked[other], other))[:SUGGESTIONS_MAX]


_loading = threading.Lock()


# A language takes 40 to 120 MB and half a second to load, so one is kept.
@lru_cache(maxsize=1)
def _load_dictionary(language: Language) -> _Dictionary:
    return _Dictionary(language)
