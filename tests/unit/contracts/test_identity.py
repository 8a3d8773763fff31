"""What accounts, sessions and keys may look like on the wire, and what of them is never shown."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Struct

from headrace.contracts.identity import ApiKeyRequest, NewApiKey, NewUser, PasswordReset
from headrace.contracts.sessions import SessionTokens

REQUEST = {"email": "ada@example.com", "display_name": "Ada Lovelace", "password": "correct horse battery"}


def make(**changed: object) -> NewUser:
    return msgspec.convert({**REQUEST, **changed}, NewUser)


@pytest.mark.parametrize("email", ["a@localhost", "A.b+c@x.example.com", "o'hara@example.org", "a" * 64 + "@b.example"])
def test_a_plain_email_address_is_taken(email: str) -> None:
    assert make(email=email).email == email


@pytest.mark.parametrize(
    "email",
    ["", "a", "@b", "a@", "a b@c", "a@b@c", "a@b\n", "a@-b", "a@b c", "ä@b", "a@ü", "a\0@b", "a@" + "b" * 253],
)
def test_what_is_no_plain_email_address_is_refused(email: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        make(email=email)


@pytest.mark.parametrize(
    "name", ["", " ", " a", "a ", "a\nb", "a\0", "a\u202eb", "a\u061cb", "a\u2028b", "\x1b[31m", "a" * 101]
)
def test_a_name_that_is_not_one_printable_line_is_refused(name: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        make(display_name=name)
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"name": name}, ApiKeyRequest)


@pytest.mark.parametrize("password", ["eleven char", "p" * 129])
def test_a_password_that_is_too_short_or_too_long_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        make(password=password)
    assert password not in str(refused.value)


@pytest.mark.parametrize(
    ("made", "secret"),
    [
        (make(), REQUEST["password"]),
        (PasswordReset(token="a-token", password="a new password"), "a-token"),
        (SessionTokens(access_token="an-access", expires_in=1, refresh_token="a-refresh", session="s1"), "a-refresh"),
        (
            msgspec.convert(
                {"id": "k1", "owner": "u1", "name": "n", "start": "x", "scopes": [], "created_at": "2030-01-01T00:00:00Z", "key": "hr_x1"},
                NewApiKey,
            ),
            "hr_x1",
        ),
    ],
)  # fmt: skip
def test_a_secret_is_sent_and_never_shown(made: Struct, secret: str) -> None:
    assert secret in msgspec.json.encode(made).decode()
    assert secret not in repr(made) + str(made) + f"{made}" + repr([made])
