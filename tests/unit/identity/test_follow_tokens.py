from __future__ import annotations

import json
import time
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from itsdangerous import URLSafeSerializer, URLSafeTimedSerializer

from headrace.api.v1.follow_links import TOKEN_CHARS_MAX
from headrace.errors import FollowLinksOff, FollowTokenExpired, InvalidFollowToken
from headrace.identity import follow_tokens
from headrace.identity.follow_tokens import FollowTokens, Grant

OLD, NEW = "o" * 40, "n" * 40
LATER = 4_000_000_000  # seconds since 1970
GRANT = Grant("task", "t1", "u1", LATER)

ids = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)
grants = st.builds(Grant, st.sampled_from(["task", "batch"]), ids, ids, st.integers(LATER, 2**40))


@given(grant=grants)
@settings(derandomize=True, deadline=None)
def test_what_was_granted_is_what_is_read_and_fits_a_url(grant: Grant) -> None:
    token = FollowTokens([NEW]).make(grant)
    assert FollowTokens([NEW]).read(token) == grant
    assert len(token) <= TOKEN_CHARS_MAX
    assert all(each.isascii() and (each.isalnum() or each in "-_.") for each in token)


@pytest.mark.invariant(8)
@given(grant=grants, data=st.data())
@settings(derandomize=True, deadline=None)
def test_a_token_that_was_changed_anywhere_is_refused(grant: Grant, data: st.DataObject) -> None:
    token = FollowTokens([NEW]).make(grant)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii", exclude_characters=token[at]))
    changed = data.draw(
        st.sampled_from([token[:at] + other + token[at + 1 :], token[:at], token[:at] + token[at + 1 :]])
    )
    try:
        read = FollowTokens([NEW]).read(changed)
    except InvalidFollowToken:
        return
    assert read == grant, "base64 has a few spellings of the same bits, and they grant nothing else"


@pytest.mark.invariant(8)
@pytest.mark.parametrize("token", ["", ".", "..", "nonsense", "ü", "a.b.c", "\0", "x" * 10_000, " ", ".e30.x"])
def test_what_is_no_token_is_refused(token: str) -> None:
    with pytest.raises(InvalidFollowToken):
        FollowTokens([NEW]).read(token)


@pytest.mark.invariant(8)
def test_a_token_is_good_until_its_last_second(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = FollowTokens([NEW])
    token = tokens.make(GRANT)
    monkeypatch.setattr(follow_tokens, "time", lambda: LATER - 0.001)
    assert tokens.read(token) == GRANT
    monkeypatch.setattr(follow_tokens, "time", lambda: float(LATER))
    with pytest.raises(FollowTokenExpired):
        tokens.read(token)


def test_whether_a_token_is_ours_is_asked_before_whether_it_has_expired() -> None:
    token = FollowTokens([OLD]).make(Grant("task", "t1", "u1", int(time.time()) - 1))
    with pytest.raises(InvalidFollowToken):
        FollowTokens([NEW]).read(token)
    with pytest.raises(FollowTokenExpired):
        FollowTokens([OLD]).read(token)


def test_a_new_secret_is_put_before_an_old_one_and_the_old_links_go_on() -> None:
    rotated = FollowTokens([NEW, OLD])
    assert rotated.read(FollowTokens([OLD]).make(GRANT)) == GRANT
    signed_now = rotated.make(GRANT)
    assert FollowTokens([NEW]).read(signed_now) == GRANT
    with pytest.raises(InvalidFollowToken):
        FollowTokens([OLD]).read(signed_now)


def test_a_secret_that_is_taken_away_takes_its_links_with_it() -> None:
    token = FollowTokens([OLD]).make(GRANT)
    with pytest.raises(InvalidFollowToken):
        FollowTokens([NEW]).read(token)


@pytest.mark.invariant(8)
def test_nothing_else_that_is_signed_with_the_secret_passes_for_a_token() -> None:
    fields = ["task", "t1", "u1", LATER]
    for other in (
        URLSafeSerializer(NEW).dumps(fields),
        URLSafeSerializer(NEW, salt="session").dumps(fields),
        URLSafeTimedSerializer(NEW, salt=follow_tokens._SALT).dumps(fields),
    ):
        with pytest.raises(InvalidFollowToken):
            FollowTokens([NEW]).read(str(other))


@pytest.mark.invariant(8)
@pytest.mark.parametrize(
    "fields",
    [
        [],
        {},
        "task",
        None,
        ["task", "t1", "u1"],
        ["owner", "t1", "u1", LATER],
        ["task", 1, "u1", LATER],
        ["task", "t1", "u1", str(LATER)],
        ["task", "t1", "u1", None],
    ],
    ids=json.dumps,
)
def test_what_is_signed_but_grants_nothing_is_refused(fields: object) -> None:
    token = URLSafeSerializer(NEW, salt=follow_tokens._SALT).dumps(fields)
    with pytest.raises(InvalidFollowToken):
        FollowTokens([NEW]).read(str(token))


@pytest.mark.invariant(8)
def test_two_tokens_differ_when_anything_that_they_grant_does() -> None:
    tokens = FollowTokens([NEW])
    made = sorted(
        tokens.make(Grant(what, id_, owner, until))
        for what in ("task", "batch")
        for id_, owner in (("a", "b"), ("b", "a"), ("ab", ""), ("", "ab"))
        for until in (LATER, LATER + 1)
    )
    assert all(one != other for one, other in pairwise(made))


def test_without_a_secret_there_are_no_links_and_the_setting_is_named() -> None:
    off = FollowTokens([])
    for attempt in (lambda: off.make(GRANT), lambda: off.read(FollowTokens([NEW]).make(GRANT)), off.check):
        with pytest.raises(FollowLinksOff, match="HEADRACE_API_FOLLOW_SECRETS"):
            attempt()
    FollowTokens([NEW]).check()
