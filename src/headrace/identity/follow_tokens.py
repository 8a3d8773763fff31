"""Follow tokens: for a while, whoever has one may watch one task or one batch, and nothing else.

A product's own backend submits with its credentials and hands its users' browsers a link; `EventSource` sends no headers, so
the token stands in the URL. It is signed, not stored: every API process with the secret can read it, and a secret that is taken
away takes all of its links with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import time
from typing import Literal

import msgspec
from itsdangerous import BadData, URLSafeSerializer
from msgspec import Struct

from headrace.errors import FollowLinksOff, FollowTokenExpired, InvalidFollowToken

SECRET_CHARS_MIN = 32
_SALT = "headrace follow token"  # so that nothing else that is signed with the secret passes for one


class Grant(Struct, frozen=True, array_like=True):
    """What a token lets its bearer watch, on behalf of whom, and until when, in seconds since 1970."""

    what: Literal["task", "batch"]
    id: str
    owner: str
    until: int


class FollowTokens:
    """Makes and reads tokens.

    Args:
        secrets: The first signs; all of them are taken, so that a new one can be put before an old one. None: there are no
            follow links.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._serializer = URLSafeSerializer(list(reversed(secrets)), salt=_SALT) if secrets else None

    def make(self, grant: Grant) -> str:
        """A token.

        Raises:
            FollowLinksOff: there is no secret.
        """
        return str(self._working().dumps(msgspec.to_builtins(grant)))

    def check(self) -> None:
        """See whether tokens can be made.

        Raises:
            FollowLinksOff: there is no secret.
        """
        self._working()

    def read(self, token: str) -> Grant:
        """What a token grants.

        Raises:
            InvalidFollowToken: it is none of ours, or was changed.
            FollowTokenExpired: its time is over.
            FollowLinksOff: there is no secret.
        """
        try:
            grant = msgspec.convert(self._working().loads(token), type=Grant)
        except (BadData, msgspec.ValidationError) as error:
            raise InvalidFollowToken("this follow link is not valid; ask for a new one") from error
        if time() >= grant.until:
            raise FollowTokenExpired("this follow link has expired; ask for a new one")
        return grant

    def _working(self) -> URLSafeSerializer:
        if self._serializer is None:
            raise FollowLinksOff(
                "follow links are not set up here; give every API process the same HEADRACE_API_FOLLOW_SECRETS"
            )
        return self._serializer
