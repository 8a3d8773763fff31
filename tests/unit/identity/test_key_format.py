"""The text of API keys: recognisable, checked, and different each time."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from headrace.identity.key_format import KEY_CHARS, is_key, make_key, shown_part


def test_a_key_has_its_form_and_no_two_are_alike() -> None:
    keys = {make_key() for _ in range(1000)}
    assert len(keys) == 1000
    assert all(len(key) == KEY_CHARS == 36 and key.startswith("hr_") and is_key(key) for key in keys)
    assert {len(shown_part(key)) for key in keys} == {8}


@given(position=st.integers(3, KEY_CHARS - 1), other=st.sampled_from("0Aaz9Z"))
def test_a_key_with_one_character_changed_is_none(position: int, other: str) -> None:
    key = make_key()
    changed = key[:position] + other + key[position + 1 :]
    assert is_key(changed) == (changed == key)


@given(st.text())
def test_any_other_text_is_no_key(text: str) -> None:
    assert not is_key(text)
    assert not is_key("hr_" + text)
    assert not is_key(make_key() + "\n")
