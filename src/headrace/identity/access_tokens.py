"""Access tokens: what a session shows with each request, as a JWT of the profile for access tokens (RFC 9068).

A token is signed with Ed25519 and not stored, so every API process that has the secret verifies it without a database. It lives for
minutes; its session gets another one with a refresh token.

The header of a token has to be, byte for byte, one that this module writes. So nothing in a foreign header is ever followed: not
another algorithm, not a key or the address of one, not an extension. joserfc then verifies the signature, and the claims have to be
exactly those that are written here.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from time import time
from typing import Any, Literal, NamedTuple

import msgspec
import uuid_utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.errors import JoseError, UnsupportedAlgorithmError
from joserfc.jwk import OKPKey
from joserfc.jws import JWSRegistry
from msgspec import Struct

from headrace.contracts.identity import Role, UserState
from headrace.identity.secrets import Secrets

LIFETIME_SECONDS = 600  # of a token: how long it may live on where nobody hears that its session was revoked
TOKEN_CHARS_MAX = 1024  # twice as many as a token has
CLOCK_DIFFERENCE_SECONDS = 60  # by which the clock of another API process may be ahead

ALGORITHM = "EdDSA"
TYPE = "at+jwt"
HERE: Literal["headrace"] = "headrace"


class InvalidAccessToken(Exception):
    """A text is no access token of this installation, or it was changed."""


class ExpiredAccessToken(InvalidAccessToken):
    """An access token has expired."""


class Claims(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a token says. The names are those of RFC 7519 and RFC 9068, and ``sid`` that of OpenID Connect.

    Attributes:
        iss: Who issued it.
        aud: Who may take it.
        client_id: Which program asked for it. There is only one client, so it says nothing more.
        sub: The id of the account.
        sid: The id of the session.
        role: The role of the account when the token was issued.
        state: The state of the account then.
        iat: When it was issued, in seconds since 1970.
        exp: When it expires, in seconds since 1970.
        jti: The id of the token.
    """

    iss: Literal["headrace"]
    aud: Literal["headrace"]
    client_id: Literal["headrace"]
    sub: str
    sid: str
    role: Role
    state: UserState
    iat: int
    exp: int
    jti: str


class IssuedToken(NamedTuple):
    """A token that was just signed.

    Attributes:
        token: The token.
        expires_at: When it expires, in seconds since 1970.
    """

    token: str
    expires_at: int


class AccessTokens:
    """Signs and verifies access tokens.

    Args:
        secrets: The keys of the first secret sign, and those of all verify.
        clock: Returns the seconds since 1970.
    """

    def __init__(self, secrets: Secrets, clock: Callable[[], float] = time) -> None:
        keys = [OKPKey.import_key(Ed25519PrivateKey.from_private_bytes(seed)) for seed in secrets.signing_seeds]
        self._signing_key = keys[0]
        self._verifying_keys = {_sign(key, {}).partition(".")[0]: key for key in keys}
        self._clock = clock

    def issue(self, user: str, session: str, role: Role, state: UserState) -> IssuedToken:
        """Sign a token for a session of an account."""
        now = int(self._clock())
        until = now + LIFETIME_SECONDS
        claims = Claims(
            iss=HERE,
            aud=HERE,
            client_id=HERE,
            sub=user,
            sid=session,
            role=role,
            state=state,
            iat=now,
            exp=until,
            jti=str(uuid_utils.uuid4()),
        )
        return IssuedToken(_sign(self._signing_key, msgspec.to_builtins(claims)), until)

    def verify(self, token: str) -> Claims:
        """Return what a token says.

        Raises:
            InvalidAccessToken: It was not signed here, was changed, or says something that no token says.
            ExpiredAccessToken: It has expired.
        """
        key = self._verifying_keys.get(token.partition(".")[0]) if len(token) <= TOKEN_CHARS_MAX else None
        if key is None:
            raise InvalidAccessToken
        try:
            decoded = jwt.decode(token, key, registry=_REGISTRY, decoder_cls=_UniqueNames)
            claims = msgspec.convert(decoded.claims, Claims)
        except (JoseError, ValueError) as error:
            raise InvalidAccessToken from error
        now = self._clock()
        if claims.exp - claims.iat > LIFETIME_SECONDS or claims.iat > now + CLOCK_DIFFERENCE_SECONDS:
            raise InvalidAccessToken
        if claims.exp <= now:
            raise ExpiredAccessToken
        return claims


def looks_like_access_token(text: str) -> bool:
    """Return whether a text has the form of a JWT. It says nothing about whether it is valid."""
    return text.startswith("eyJ") and text.count(".") == 2


class _OneAlgorithm(JWSRegistry):
    """Knows one algorithm, whatever a header or a caller names.

    joserfc warns about `EdDSA`, because RFC 9864 names each curve. The only key here is of Ed25519, and more programs read `EdDSA`.
    """

    def get_alg(self, name: str) -> Any:
        """Return the algorithm.

        Raises:
            UnsupportedAlgorithmError: The name is another one.
        """
        if name != ALGORITHM:
            raise UnsupportedAlgorithmError(f"the algorithm is not {ALGORITHM}")
        return self.algorithms[ALGORITHM]


_REGISTRY = _OneAlgorithm(algorithms=[ALGORITHM])


class _UniqueNames(json.JSONDecoder):
    """Reads JSON in which no name stands twice: which of them counts would depend on who reads it."""

    def __init__(self, **_: object) -> None:
        super().__init__(object_pairs_hook=_unique)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _sign(key: OKPKey, claims: dict[str, Any]) -> str:
    return jwt.encode(
        {"typ": TYPE, "alg": ALGORITHM, "kid": key.thumbprint()}, claims, key, registry=_REGISTRY, default_type=None
    )
