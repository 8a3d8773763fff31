"""What may become of API keys: who may make and revoke them, and what a key allows.

A key that allows less than everything makes no other keys, and revokes none but itself: whoever finds a leaked key would make
another one with it, which stays valid when the leaked one is revoked. An administrator's key with the scope ``admin`` may, because
it could do as much in other ways. People make keys in a session.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from headrace.contracts.identity import ApiKeyRequest, Role, Scope
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput
from headrace.identity.principals import Principal, scopes_of
from headrace.identity_errors import Forbidden, MissingScope

NEVER = datetime(9999, 12, 31, tzinfo=UTC)  # from here on, some time zones are in a year that is no year of Python
KEY = "key:"  # before the id of a key, where a principal names its credential


def check_may_make_keys(principal: Principal) -> None:
    """Check that a credential may make keys.

    Raises:
        Forbidden: It is a key without the scope ``admin``.
    """
    if principal.credential.startswith(KEY) and not principal.is_admin:
        raise Forbidden("an API key makes no other keys, unless it has the scope admin; sign in to make one")


def check_may_revoke(principal: Principal, key: str) -> None:
    """Check that a credential may revoke a key of the owner it acts for.

    Raises:
        Forbidden: It is another key, without the scope ``admin``.
    """
    if principal.credential.startswith(KEY) and not principal.is_admin and principal.credential != KEY + key:
        raise Forbidden("an API key revokes no other keys, unless it has the scope admin; sign in to revoke one")


def grant_scopes(principal: Principal, role: Role, wanted: Sequence[Scope] | None) -> list[str]:
    """Return the scopes of a new key, in the order of the alphabet.

    Args:
        principal: Who makes the key.
        role: The role of the owner of the key.
        wanted: The scopes that are asked for; None for all that both may have.

    Raises:
        MissingScope: The credential that makes the key has not all of them.
        InvalidInput: The owner cannot have all of them, or there are none.
    """
    of_owner = scopes_of(role)
    if wanted is None:
        return sorted(of_owner & principal.scopes)
    if not wanted:
        raise _invalid("/scopes", "a key without scopes can do nothing; name some, or leave them out for all")
    if missing := sorted({*wanted} - principal.scopes):
        raise MissingScope(f"this credential lacks {', '.join(missing)}, so no key that it makes can have that")
    if missing := sorted({*wanted} - of_owner):
        raise _invalid("/scopes", f"the role {role} of the owner does not have {', '.join(missing)}")
    return sorted({*wanted})


def expiry_of(asked: ApiKeyRequest, now: datetime) -> datetime | None:
    """Return when a new key expires; None for never.

    Raises:
        InvalidInput: It would have expired already, or it is given twice.
    """
    if asked.expires_in is not None and asked.expires_at is not None:
        raise _invalid("/expires_in", "say either expires_in or expires_at")
    if asked.expires_in is not None:
        return now + timedelta(seconds=asked.expires_in)
    if asked.expires_at is not None and asked.expires_at >= NEVER:
        raise _invalid("/expires_at", "this is later than any clock shows; leave it out for a key that never expires")
    if asked.expires_at is not None and asked.expires_at <= now:
        raise _invalid("/expires_at", "this is in the past; a key that has expired is of no use")
    return asked.expires_at


def _invalid(path: str, message: str) -> InvalidInput:
    return InvalidInput(message, [FieldError(path=path, message=message)])
