from __future__ import annotations

import pytest

from headrace.identity.secrets import Secrets

NEW, OLD = "n" * 32, "o" * 32


def test_a_token_is_found_under_every_secret_and_stored_under_the_first() -> None:
    rotated = Secrets([NEW, OLD])
    assert rotated.hashes("token") == [Secrets([NEW]).hash("token"), Secrets([OLD]).hash("token")]
    assert rotated.hash("token") == Secrets([NEW]).hash("token")


def test_keys_of_different_secrets_and_purposes_differ() -> None:
    rotated = Secrets([NEW, OLD])
    found = [*rotated.signing_seeds, *rotated.hashes("token"), *rotated.hashes(""), *rotated.successors("token")]
    assert len(set(found)) == len(found)
    assert {len(each) for each in found} == {32}


def test_hashes_stay_the_same_over_restarts_and_versions() -> None:
    secrets = Secrets([NEW])
    assert secrets.hash("token").hex() == "783324aae808d7df8663de43ae32f59a1ad4f81aff8e48a4177b41eb813191bb"
    assert secrets.signing_seeds[0].hex() == "68c5325aed75b4774a5e45f31a73233550af47c5eae95adde98268a178e6d3f7"


@pytest.mark.parametrize("secrets", [[], [""], ["s" * 31], [NEW, "short"]], ids=repr)
def test_a_missing_or_short_secret_is_refused(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="32 characters"):
        Secrets(secrets)


def test_no_secret_and_no_derived_key_is_shown() -> None:
    secrets = Secrets([NEW])
    assert NEW not in repr(secrets)
    assert secrets.signing_seeds[0].hex() not in repr(secrets)


@pytest.mark.parametrize("token", ["", "\ud800", "\0", "ü" * 1000], ids=ascii)
def test_whatever_is_presented_has_a_hash(token: str) -> None:
    assert len(Secrets([NEW]).hash(token)) == 32
