from __future__ import annotations

import pytest

from headrace.identity.refresh_tokens import is_refresh_token, make_refresh_token, next_refresh_tokens
from headrace.identity.secrets import Secrets

NEW, OLD = "n" * 32, "o" * 32


def test_a_token_has_a_form_by_which_it_is_recognised() -> None:
    token = make_refresh_token()
    assert token.startswith("hrr_")
    assert is_refresh_token(token)
    assert len({make_refresh_token() for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "text", ["", "hrr_", "hr_" + "a" * 43, "hrr_" + "a" * 42, "hrr_" + "a" * 44, "hrr_" + "ü" * 43]
)
def test_other_texts_are_none(text: str) -> None:
    assert not is_refresh_token(text)
    assert not is_refresh_token(make_refresh_token() + "\n")


def test_whoever_shows_the_same_token_is_given_the_same_next_one() -> None:
    token = make_refresh_token()
    assert next_refresh_tokens(Secrets([NEW]), token) == next_refresh_tokens(Secrets([NEW]), token)
    assert next_refresh_tokens(Secrets([NEW]), token) != next_refresh_tokens(Secrets([NEW]), make_refresh_token())


def test_processes_with_the_old_and_the_new_secret_find_each_others_next_token() -> None:
    token = make_refresh_token()
    assert next_refresh_tokens(Secrets([OLD]), token)[0] in next_refresh_tokens(Secrets([NEW, OLD]), token)


def test_the_next_token_cannot_be_told_from_what_is_stored() -> None:
    token = make_refresh_token()
    [following] = next_refresh_tokens(Secrets([NEW]), token)
    assert is_refresh_token(following)
    assert following != token
    stored = Secrets([NEW]).hash(token)
    assert stored.hex() not in following.encode().hex()
    assert Secrets([NEW]).successors(token) != [stored]
