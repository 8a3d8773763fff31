"""What looks the same is stored, and searched for, as the same."""

from __future__ import annotations

import json
from unicodedata import is_normalized, normalize

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.streaming.event_filter import read_filter
from headrace.contracts.filters import Filter
from headrace.contracts.labels import LABEL_CHARS_MAX, decode_labels, encode_labels, label_entries
from headrace.contracts.normal_form import to_nfc
from headrace.contracts.titles import TITLE_CHARS_MAX, make_title
from headrace.store.filters import conditions_of

COMPOSED, DECOMPOSED = "\u00c9cole", "E\u0301cole"
# Letters, marks that join them, and what is left out of a title.
TEXTS = st.text(st.one_of(st.characters(), st.sampled_from("eE\u0301\u0338=\u0958\u0323\0\u200b ")), max_size=200)


@pytest.mark.parametrize("written", [COMPOSED, DECOMPOSED])
def test_a_title_a_label_and_what_is_searched_for_are_the_same_however_they_are_written(written: str) -> None:
    assert make_title(written) == make_title(f" {written}\n") == COMPOSED
    labels = {"school": written}
    assert decode_labels(encode_labels(labels)) == {"school": COMPOSED}
    assert label_entries(labels) == [f"school={COMPOSED}"]
    assert conditions_of("u1", Filter(labels=labels)).parameters["labels"] == [f"school={COMPOSED}"]
    assert conditions_of("u1", Filter(q=written)).parameters["words"].endswith(f"'{COMPOSED}':*")
    wanted = read_filter(None, None, None, None, set(), labels=[f"school={written}"])
    assert wanted.labels == {f"school={COMPOSED}"}


@given(TEXTS)
def test_titles_of_texts_that_look_the_same_are_one_and_stay_it(text: str) -> None:
    title = make_title(text)
    if title is not None:
        assert is_normalized("NFC", title)
        assert len(title) <= TITLE_CHARS_MAX
        assert make_title(title) == title
    if len(text) <= TITLE_CHARS_MAX:
        assert make_title(normalize("NFC", text)) == title


@given(TEXTS.filter(lambda text: text.isprintable() and 0 < len(text) <= LABEL_CHARS_MAX))
def test_labels_are_read_as_they_were_written_in_one_form(value: str) -> None:
    written = encode_labels({"a": value})
    read = decode_labels(written)
    assert read.keys() == {"a"}
    assert normalize("NFC", read["a"]) == normalize("NFC", value)
    assert encode_labels(read) == written == encode_labels({"a": read["a"]})
    assert label_entries(read) == label_entries({"a": value}) == label_entries(json.loads(written))


@given(st.text(st.characters(max_codepoint=127)))
def test_a_text_of_ascii_is_not_copied(text: str) -> None:
    assert to_nfc(text) is text
