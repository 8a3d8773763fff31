"""Follow tokens: a token lets its bearer watch one task or one batch until it expires, and do nothing else.

A product's own backend submits with its credentials and gives its users' browsers a link. `EventSource` sends no headers, so
the token is part of the URL. It is signed and not stored: every API process that has the secret can read it, and a secret that
is removed makes all tokens signed with it invalid.
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
_SALT = "headrace follow token"  # so that other things signed with the secret are no valid tokens


class Grant(Struct, frozen=True, array_like=True):
    """What a token allows.

    Attributes:
        what: Whether the token is for a task or for a batch.
        id: The id of the task or batch.
        owner: The owner of the task or batch.
        until: When the token expires, in seconds since 1970.
    """

    what: Literal["task", "batch"]
    id: str
    owner: str
    until: int


class FollowTokens:
    """Makes and reads tokens.

    Args:
        secrets: The first one signs, and all of them verify, so that a new secret can be put before an old one. Without a
            secret there are no follow links.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self._serializer = URLSafeSerializer(list(reversed(secrets)), salt=_SALT) if secrets else None

    @property
    def are_possible(self) -> bool:
        """Whether there is a secret that signs tokens."""
        return self._serializer is not None

    def make(self, grant: Grant) -> str:
        """Sign a token for a grant.

        Raises:
            FollowLinksOff: There is no secret.
        """
        return str(self._serializer_or_refuse().dumps(msgspec.to_builtins(grant)))

    def check(self) -> None:
        """Check that tokens can be signed.

        Raises:
            FollowLinksOff: There is no secret.
        """
        self._serializer_or_refuse()

    def read(self, token: str) -> Grant:
        """Verify a token and return its grant.

        Raises:
            InvalidFollowToken: The token was not signed with one of the secrets, or was changed.
            FollowTokenExpired: The token has expired.
            FollowLinksOff: There is no secret.
        """
        try:
            grant = msgspec.convert(self._serializer_or_refuse().loads(token), type=Grant)
        except (BadData, msgspec.ValidationError) as error:
            raise InvalidFollowToken("this follow link is not valid; ask for a new one") from error
        if time() >= grant.until:
            raise FollowTokenExpired("this follow link has expired; ask for a new one")
        return grant

    def _serializer_or_refuse(self) -> URLSafeSerializer:
        if self._serializer is None:
            raise FollowLinksOff(
                "follow links are not set up here; give every API process the same HEADRACE_API_FOLLOW_SECRETS"
            )
        return self._serializer
