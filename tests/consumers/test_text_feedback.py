"""What the text_feedback kind says about a text."""
# ruff: noqa: RUF001 - typographic apostrophes are part of the subject

from __future__ import annotations

import random
import unicodedata
from itertools import pairwise

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumers._text.findings import FINDINGS_BYTES_MAX, SENTENCE_MARKED_MAX, SENTENCE_WORDS_MAX, Finding
from consumers._text.readability import Readability
from consumers.text_feedback import Text, TextFeedback, text_feedback
from headrace.testing import RecordingSyncContext
from tests.examples import examples

RESULT_BYTES_MAX = 512 * 1024


def feedback(text: str, language: str = "en") -> TextFeedback:
    raw = msgspec.json.encode({"text": text, "language": language})
    return text_feedback(text_feedback.decode_input(raw), RecordingSyncContext())


def findings(text: str, rule: str, language: str = "en") -> list[Finding]:
    return [finding for finding in feedback(text, language).findings if finding.rule == rule]


def misspelt(text: str, language: str = "en") -> list[str]:
    return [finding.text for finding in findings(text, "spelling", language)]


class TestSpelling:
    def test_a_misspelt_word_is_reported_where_it_stands_with_what_may_be_meant(self):
        (finding,) = findings("We recieve letters.", "spelling")
        assert (finding.start, finding.end, finding.text) == (3, 10, "recieve")
        assert finding.suggestions[0] == "receive"

    @pytest.mark.parametrize(
        "before",
        [
            "👍 ",
            "👨‍👩‍👧‍👦 ",
            "e\u0301te\u0301 🇩🇪 ",
            "One line.\r\nAnd ",
            "First.\r\n\r\n\r\nSecond ",
            "\ufeff\u200b ",
            "x\u2028y ",
        ],
    )
    def test_offsets_count_code_points_whatever_comes_before(self, before: str):
        text = before + "we recieve letters."
        finding = findings(text, "spelling")[-1]
        assert (finding.start, finding.end) == (text.index("recieve"), text.index("recieve") + 7)

    def test_a_decomposed_word_is_looked_up_composed_and_marked_as_written(self):
        text = unicodedata.normalize("NFD", "un été à l'école, un étté")
        (finding,) = findings(text, "spelling", "fr")
        assert finding.text == unicodedata.normalize("NFD", "étté") == text[finding.start : finding.end]
        assert "été" in finding.suggestions

    def test_a_soft_hyphen_is_not_part_of_the_spelling(self):
        (finding,) = findings("We rec\u00adieve it.", "spelling")
        assert finding.text == "rec\u00adieve"
        assert "receive" in finding.suggestions

    @pytest.mark.parametrize(
        "text",
        [
            "They saw Xylenia and NASAQ in Wrzeszcz.",
            "See https://exmple.com/serch?qery=aple and www.exmple.org.",
            "Write to jhon.smth@exmple.org today.",
            "There are 3rd, 1.5 and 42nd places.",
            "Call read_fil, getValu, runn(), ~/projcts/abc and setup.confg now.",
            "We don't, won't, can't, shouldn't, they'll, o'clock, there'll and couldn't've.",
            "We don’t, won’t, can’t, shouldn’t, they’ll, o’clock, there’ll and couldn’t’ve.",
            "The colour of their behaviour was analysed, and the color analyzed.",
            "A soft hy\u00adphen, e.g. this one.",
            "The word любовь is Russian.",
        ],
    )
    def test_names_addresses_numbers_code_and_contractions_are_left_alone(self, text: str):
        assert misspelt(text) == []

    @pytest.mark.parametrize(
        "code",
        [
            "```python\ndef fooo(barr):\n\n    retrun barr\n```",
            "~~~\nretrun barr\n```\nfooo\n~~~~",
            "````\n```\nfooo barr\n```\n````  ",
            "- ```\n  fooo barr\n  ```",
            "2. ~~~ text\n   fooo barr\n   ~~~",
            "> ```\n> fooo barr\n> ```",
            "```\r\nfooo barr\r\n```",
        ],
    )
    def test_fenced_code_is_no_prose_and_what_surrounds_it_is(self, code: str):
        text = f"Run thsi:\n{code}\nThen it wroks."
        assert misspelt(text) == ["thsi", "wroks"]
        assert feedback(text).counts.sentences == 2

    def test_code_whose_fence_is_not_closed_ends_with_the_text_and_marks_in_a_line_are_no_fence(self):
        assert misspelt("Run thsi:\n```\nfooo barr\n\nwroks") == ["thsi"]
        assert misspelt("Run ```fooo barr``` and it wroks.") == ["wroks"]
        assert misspelt("```fooo``` wroks\nand thsi too.") == ["wroks", "thsi"]

    def test_what_opens_a_sentence_may_be_a_name_unless_a_word_is_one_letter_away(self):
        assert misspelt("Xylenia came. Recieve it.") == ["Recieve"]
        assert findings("Recieve it.", "spelling")[0].suggestions[0] == "Receive"

    @pytest.mark.parametrize(
        ("language", "text", "wrong"),
        [
            ("de", "Das ist eine verstendliche Sprache mit schönen Wörtern.", ["verstendliche"]),
            ("es", "No tiene teléfono; el niño está aquí y no contesto nadda.", ["nadda"]),
            ("fr", "L’homme qu’il a vu n’est pas là, aujourd’hui nous mangeont.", ["mangeont"]),
            ("it", "Dov'è un po' d'acqua? C'è perche l'ho detto.", ["perche"]),
            ("nl", "Ik heb zo'n mooie foto's gezien en was geinteresseerd.", ["geinteresseerd"]),
            ("pt", "O coração não pode falar com voce.", ["voce"]),
        ],
    )
    def test_each_language_has_its_dictionary(self, language: str, text: str, wrong: list[str]):
        assert misspelt(text, language) == wrong

    def test_a_language_without_a_dictionary_is_refused_by_the_schema(self):
        with pytest.raises(msgspec.ValidationError, match="language"):
            text_feedback.decode_input(b'{"text": "a", "language": "tlh"}')
        schema = text_feedback.describe().input_schema["$defs"]["Text"]["properties"]
        assert schema["language"] == {"enum": ["de", "en", "es", "fr", "it", "nl", "pt"], "default": "en"}
        assert schema["text"]["anyOf"][0]["maxLength"] == 200_000


class TestRepeatedWords:
    @pytest.mark.parametrize("text", ["the the end", "The the end", "the\r\nthe end", "the  the end"])
    def test_a_word_written_twice_is_marked_with_both(self, text: str):
        (finding,) = findings(text, "repeated_word")
        assert finding.text == text[: text.index(" end")]
        assert finding.suggestions == [text[:3]]

    @pytest.mark.parametrize(
        "text",
        [
            "the, the",
            "He did it. It was good.",
            "Duran Duran",
            "7 7",
            "the\n\nthe",
            "a http://b.cd a",
            "the" + " " * 100 + "the",
        ],
    )
    def test_what_is_set_apart_is_not_a_repetition(self, text: str):
        assert findings(text, "repeated_word") == []


class TestSentences:
    def test_a_sentence_is_over_long_beyond_forty_words(self):
        fits, exceeds = "Word " * (SENTENCE_WORDS_MAX - 1) + "end.", "Word " * SENTENCE_WORDS_MAX + "end."
        (finding,) = findings(f"{fits} {exceeds}", "long_sentence")
        assert finding.text == exceeds
        assert "41 words" in finding.message

    def test_only_the_beginning_of_an_endless_sentence_is_marked(self):
        (finding,) = findings("no end " * 1_000, "long_sentence")
        assert (finding.start, finding.end) == (0, SENTENCE_MARKED_MAX)

    @pytest.mark.parametrize(
        ("text", "count"),
        [
            ("Dr. Smith met J. K. Rowling at 3.14 p.m. yesterday.", 1),
            ("See https://example.com/a?b=1. Then go!", 2),
            ("“Really?” she said. Yes… No?! Wait.", 4),
            ("A wrapped\nline. Another\r\nline.", 2),
            ("- one\n- two\n- three", 3),
            ("The fare went up.You can join the protest.It starts on Monday.", 3),
            ("Why not?Because!They left home.I went.", 4),
            (
                "See README.md, README.Md, Example.Com, example.com/Foo.Bar and Node.js 3.14 in the U.S. today, e.g. now.",
                1,
            ),
            ("Prof.Jones, Mrs.Smith and Dr.Who met Ph.D students.", 1),
        ],
    )
    def test_sentences_are_told_from_abbreviations_addresses_and_line_ends(self, text: str, count: int):
        assert feedback(text).counts.sentences == count


class TestReadability:
    def test_the_formulas_give_what_they_give_by_hand(self):
        # 13 words, 24 syllables; Flesch gives 37.5 and Kincaid 11.3 wherever this sentence is the example
        text = "The Australian platypus is seemingly a hybrid of a mammal and reptilian creature."
        words, letters, hard, long_words = 13, 68, 4, 5
        found = feedback(text)
        assert (found.counts.words, found.counts.sentences, found.counts.syllables) == (13, 1, 24)
        assert found.readability == Readability(
            flesch_reading_ease=round(206.835 - 1.015 * 13 - 84.6 * 24 / 13, 2),
            flesch_kincaid_grade=round(0.39 * 13 + 11.8 * 24 / 13 - 15.59, 2),
            gunning_fog=round(0.4 * (13 + 100 * hard / 13), 2),
            smog=round(1.0430 * (hard * 30 / 1) ** 0.5 + 3.1291, 2),
            coleman_liau=round(0.0588 * (100 * letters / words) - 0.296 * (100 / words) - 15.8, 2),
            automated_readability_index=round(4.71 * letters / words + 0.5 * words - 21.43, 2),
            lix=round(13 + 100 * long_words / 13, 2),
            rix=5.0,
        )
        assert found.readability.flesch_reading_ease == 37.46
        assert found.readability.flesch_kincaid_grade == 11.26

    def test_formulas_made_for_english_are_null_in_other_languages(self):
        assert feedback("Die Katze saß auf der Matte. Sie schlief.", "de").readability == Readability(
            lix=8 / 2 + 100 / 8, rix=0.5
        )

    @pytest.mark.parametrize("text", ["", " \r\n\t", "... !!! ???", "👍 👨‍👩‍👧", "\u0301", "https://example.com"])
    def test_a_text_without_words_has_no_readability_and_no_findings(self, text: str):
        found = feedback(text)
        assert found.readability == Readability()
        assert found.findings == []
        assert found.counts.words == found.counts.sentences == found.counts.syllables == 0

    @pytest.mark.parametrize(
        ("word", "syllables"),
        [
            ("strengths", 1),
            ("table", 2),
            ("whole", 1),
            ("going", 2),
            ("didn't", 2),
            ("wanted", 2),
            ("walked", 1),
            ("boxes", 2),
        ],
    )
    def test_syllables_are_groups_of_vowels_less_the_silent_e(self, word: str, syllables: int):
        assert feedback(word).counts.syllables == syllables


def test_counts_are_of_code_points_words_and_blocks_of_lines():
    counts = feedback("One two.\r\nThree\r\n \r\n\r\nfour, don’t 👍\r\n").counts
    assert (counts.characters, counts.words, counts.paragraphs) == (37, 5, 2)


def test_progress_is_told_after_each_paragraph():
    context = RecordingSyncContext()
    text_feedback(Text("One.\n\nTwo.\n\n\nThree.\nStill three.\n\nFour."), context)
    assert context.progressed == [(number / 4, f"paragraph {number} of 4") for number in range(1, 5)]


def test_a_full_length_text_of_nothing_but_mistakes_is_cut_off_and_says_so():
    letters = random.Random(0)
    words = ["".join(letters.choices("bcdfghjklmnpqrstvwxz", k=letters.randint(4, 12))) for _ in range(30_000)]
    found = feedback(" ".join(words)[:200_000])
    encoded = text_feedback.encode_result(found)
    assert found.truncated
    assert len(found.findings) > 1_000
    assert len(encoded) < RESULT_BYTES_MAX
    assert not feedback("We recieve it.").truncated


@pytest.mark.parametrize(
    "text",
    [
        ("a \x01" * 200_000)[:200_000],
        ("A b " + "\x01\x02 c d e " * 60 + "😀. ") * 300,
        "a" * 200_000,
        "e" + "\u0301" * 199_999,
        ("aaa@" * 200_000)[:200_000],
        ("." * 999 + " ") * 200,
        ("\n " * 200_000)[:200_000],
        ("- x\n" * 50_000)[:200_000],
        ("a" * 39 + "q. ") * 4_000,
    ],
    ids=["control characters", "long sentences", "one word", "marks", "signs", "dots", "blank lines", "list", "starts"],
)
def test_no_text_makes_the_result_larger_than_a_task_may_return(text: str):
    found = feedback(text[:200_000])
    assert len(text_feedback.encode_result(found)) < RESULT_BYTES_MAX
    assert sum(len(msgspec.json.encode(finding)) for finding in found.findings) <= FINDINGS_BYTES_MAX


FRAGMENTS = st.sampled_from(
    [
        "the the ",
        "recieve",
        "don’t",
        "e\u0301te\u0301 ",
        "👨‍👩‍👧",
        "\r\n",
        "\n\n",
        ". ",
        "? ",
        "https://a.bc/d?e=f",
        "foo_bar",
        "Teh",
        "STOP",
        "«",
        "”",
        "\u00ad",
        "\u200d",
        " ",
        "word " * 45,
        "1.5",
        "- ",
        "ﬁnd",
        "İ",
        "ß",
        "l'",
        "'",
    ]
)
TEXTS = st.one_of(st.text(max_size=200), st.lists(st.one_of(FRAGMENTS, st.text(max_size=5)), max_size=30).map("".join))


@examples(300)
@given(text=TEXTS)
@example(text="\x1c\x1d\x85\u2028\u2029")
@example(text="ﷺ ﷺ")
def test_findings_lie_in_the_text_in_order_for_any_text(text: str):
    context = RecordingSyncContext()
    found = text_feedback(Text(text), context)
    for finding in found.findings:
        assert 0 <= finding.start < finding.end <= len(text)
        assert finding.text == text[finding.start : finding.end]
        assert finding.message
    assert all(one.start <= two.start for one, two in pairwise(found.findings))
    counts = found.counts
    assert counts.characters == len(text)
    assert counts.sentences <= counts.words <= counts.syllables
    assert len(context.progressed) == counts.paragraphs
    assert (found.readability.lix is None) == (counts.words == 0)
    decoded = msgspec.json.decode(text_feedback.encode_result(found), type=TextFeedback)
    assert decoded == found


class TestFiles:
    def test_a_file_is_reviewed_like_the_text_that_is_in_it(self):
        context = RecordingSyncContext()
        file = context.files.add("essay.md", "\ufeffWe recieve étés.".encode(), "text/markdown")
        assert text_feedback(Text(file=file), context) == feedback("We recieve étés.")

    @pytest.mark.parametrize("given", [{}, {"text": "a", "file": "b"}, {"text": None}])
    def test_a_text_or_a_file_is_given_and_not_both(self, given: dict[str, str]):
        with pytest.raises(msgspec.ValidationError, match="Give either `text` or `file`, and not both"):
            text_feedback.decode_input(msgspec.json.encode(given))

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"\xff\xfea\0", "no text in UTF-8"), (b"a" * 200_001, "has 200,001 characters; at most 200,000 are read")],
    )
    def test_a_file_that_is_no_text_or_too_long_fails_with_the_reason(self, content: bytes, message: str):
        context = RecordingSyncContext()
        with pytest.raises(ValueError, match=message):
            text_feedback(Text(file=context.files.add("a.txt", content, "text/plain")), context)
