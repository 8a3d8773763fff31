"""Forgeries of every kind: only what was signed here, unchanged, for here, and a moment ago, is an access token."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwe
from joserfc.jwk import OctKey

from headrace.contracts.identity import Role, UserState
from headrace.identity.access_tokens import (
    LIFETIME_SECONDS,
    AccessTokens,
    ExpiredAccessToken,
    InvalidAccessToken,
    looks_like_access_token,
)
from headrace.identity.secrets import Secrets

NEW, OLD = "n" * 32, "o" * 32
NOW = 1_800_000_000.0
SECRETS = Secrets([NEW])
KEY = Ed25519PrivateKey.from_private_bytes(SECRETS.signing_seeds[0])
PUBLIC = KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


def tokens_of(*secrets: str, now: float = NOW) -> AccessTokens:
    clock = Clock()
    clock.now = now
    return AccessTokens(Secrets(secrets), clock)


def issued(tokens: AccessTokens | None = None) -> str:
    return (tokens or tokens_of(NEW)).issue("u1", "s1", Role.MEMBER, UserState.ACTIVE).token


def encode(data: bytes | dict[str, Any]) -> str:
    data = data if isinstance(data, bytes) else json.dumps(data, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(part: str) -> dict[str, Any]:
    return json.loads(base64.urlsafe_b64decode(part + "=="))


def sign(header: bytes | dict[str, Any], claims: bytes | dict[str, Any], key: Ed25519PrivateKey = KEY) -> str:
    signed = f"{encode(header)}.{encode(claims)}"
    return f"{signed}.{encode(key.sign(signed.encode()))}"


TOKEN = issued()
HEADER = decode(TOKEN.split(".")[0])
CLAIMS = decode(TOKEN.split(".")[1])


def without(name: str, of: dict[str, Any]) -> dict[str, Any]:
    return {each: value for each, value in of.items() if each != name}


def hs256(key: bytes) -> str:
    signed = f"{encode(HEADER | {'alg': 'HS256'})}.{encode(CLAIMS)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), 'sha256'))}"


def hs256_under_our_header(key: bytes) -> str:
    signed = f"{encode(HEADER)}.{encode(CLAIMS)}"
    return f"{signed}.{encode(hmac.digest(key, signed.encode(), 'sha256'))}"


def encrypted() -> str:
    key = OctKey.import_key("k" * 32)
    return jwe.encrypt_compact({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt"}, json.dumps(CLAIMS), key)


FORGED: dict[str, Callable[[], str]] = {
    "none": lambda: f"{encode(HEADER | {'alg': 'none'})}.{encode(CLAIMS)}.",
    "None with a signature": lambda: sign(HEADER | {"alg": "None"}, CLAIMS),
    "our header without a signature": lambda: f"{encode(HEADER)}.{encode(CLAIMS)}.",
    "HS256 with the public key": lambda: hs256(PUBLIC),
    "HS256 with the public key as PEM": lambda: hs256(PEM),
    "HMAC under our header": lambda: hs256_under_our_header(PUBLIC),
    "another name of the algorithm": lambda: sign(HEADER | {"alg": "Ed25519"}, CLAIMS),
    "another key": lambda: sign(HEADER, CLAIMS, Ed25519PrivateKey.generate()),
    "unknown kid": lambda: sign(HEADER | {"kid": "unknown"}, CLAIMS),
    "no kid": lambda: sign(without("kid", HEADER), CLAIMS),
    "kid that is a path": lambda: sign(HEADER | {"kid": "../../dev/null"}, CLAIMS),
    "kid that is no text": lambda: sign(HEADER | {"kid": 1}, CLAIMS),
    "own key in the header": lambda: sign(
        HEADER | {"jwk": {"kty": "OKP", "crv": "Ed25519", "x": encode(PUBLIC)}}, CLAIMS
    ),
    "address of a key in the header": lambda: sign(HEADER | {"jku": "http://127.0.0.1/keys"}, CLAIMS),
    "typ of another token": lambda: sign(HEADER | {"typ": "JWT"}, CLAIMS),
    "typ in another spelling": lambda: sign(HEADER | {"typ": "application/at+jwt"}, CLAIMS),
    "no typ": lambda: sign(without("typ", HEADER), CLAIMS),
    "crit": lambda: sign(HEADER | {"crit": ["exp"]}, CLAIMS),
    "crit with b64": lambda: sign(HEADER | {"crit": ["b64"], "b64": False}, CLAIMS),
    "compressed": lambda: sign(HEADER | {"zip": "DEF"}, CLAIMS),
    "a name twice in the header": lambda: sign(json.dumps(HEADER).encode()[:-1] + b',"alg":"EdDSA"}', CLAIMS),
    "a name twice in the claims": lambda: sign(HEADER, json.dumps(CLAIMS).encode()[:-1] + b',"sub":"local"}'),
    "JWE": encrypted,
    "other audience": lambda: sign(HEADER, CLAIMS | {"aud": "elsewhere"}),
    "several audiences": lambda: sign(HEADER, CLAIMS | {"aud": ["headrace"]}),
    "other issuer": lambda: sign(HEADER, CLAIMS | {"iss": "elsewhere"}),
    "other client": lambda: sign(HEADER, CLAIMS | {"client_id": "elsewhere"}),
    "a further claim": lambda: sign(HEADER, CLAIMS | {"scope": "admin"}),
    "unknown role": lambda: sign(HEADER, CLAIMS | {"role": "root"}),
    "exp as text": lambda: sign(HEADER, CLAIMS | {"exp": str(CLAIMS["exp"])}),
    "exp beyond every lifetime": lambda: sign(HEADER, CLAIMS | {"exp": CLAIMS["iat"] + LIFETIME_SECONDS + 1}),
    "exp that is no number": lambda: sign(HEADER, json.dumps(CLAIMS | {"exp": float("inf")}).encode()),
    "issued in the future": lambda: sign(HEADER, CLAIMS | {"iat": NOW + 3600, "exp": NOW + 4000}),
    "claims that are a list": lambda: sign(HEADER, b"[]"),
    "claims that are no JSON": lambda: sign(HEADER, b"\xff\xfe"),
    "claims that are nested": lambda: sign(HEADER, b"[" * 300),
    "extra long": lambda: issued() + "A" * 100_000,
    "a fourth part": lambda: issued() + ".e30",
    "padding": lambda: issued() + "==",
    "a space": lambda: issued() + " ",
    "another alphabet": lambda: issued().replace("-", "+").replace("_", "/") + "/",
    "nothing": lambda: "",
    "dots": lambda: "..",
    "no ASCII": lambda: "ü.ü.ü",
    "half a character": lambda: encode(HEADER) + ".\ud800.",
} | {f"no {name}": lambda name=name: sign(HEADER, without(name, CLAIMS)) for name in CLAIMS}


def test_a_token_says_who_it_is_for_until_when() -> None:
    token = tokens_of(NEW).issue("u1", "s1", Role.ADMIN, UserState.ACTIVE)
    claims = tokens_of(NEW).verify(token.token)
    assert (claims.sub, claims.sid, claims.role, claims.state) == ("u1", "s1", Role.ADMIN, UserState.ACTIVE)
    assert claims.exp == token.expires_at == NOW + LIFETIME_SECONDS
    assert looks_like_access_token(token.token)
    assert not looks_like_access_token("hr_" + "0" * 33)
    assert {"typ": "at+jwt", "alg": "EdDSA", "kid": HEADER["kid"]} == HEADER
    assert {"iss", "aud", "client_id", "sub", "iat", "exp", "jti"} <= CLAIMS.keys(), "what RFC 9068 wants"


def test_two_tokens_of_one_session_differ() -> None:
    assert issued() != issued()


@pytest.mark.invariant(8)
def test_what_the_tests_sign_themselves_passes_for_a_token() -> None:
    assert tokens_of(NEW).verify(sign(HEADER, CLAIMS)).sub == "u1"


@pytest.mark.invariant(8)
@pytest.mark.parametrize("forged", FORGED)
def test_a_forged_token_is_refused(forged: str) -> None:
    with pytest.raises(InvalidAccessToken) as refused:
        tokens_of(NEW).verify(FORGED[forged]())
    assert refused.type is InvalidAccessToken


@pytest.mark.invariant(8)
@given(data=st.data())
@settings(derandomize=True, deadline=None)
def test_a_token_that_was_changed_anywhere_is_refused(data: st.DataObject) -> None:
    token = TOKEN
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters(codec="ascii", exclude_characters=token[at]))
    changed = data.draw(
        st.sampled_from([token[:at] + other + token[at + 1 :], token[:at], token[:at] + token[at + 1 :]])
    )
    with pytest.raises(InvalidAccessToken):
        tokens_of(NEW).verify(changed)


def test_a_token_is_good_until_its_last_second() -> None:
    token = issued()
    assert tokens_of(NEW, now=NOW + LIFETIME_SECONDS - 0.001).verify(token)
    with pytest.raises(ExpiredAccessToken):
        tokens_of(NEW, now=NOW + LIFETIME_SECONDS).verify(token)


def test_whether_a_token_is_ours_is_asked_before_whether_it_has_expired() -> None:
    with pytest.raises(InvalidAccessToken) as refused:
        tokens_of(OLD, now=NOW + LIFETIME_SECONDS).verify(issued())
    assert refused.type is InvalidAccessToken


def test_a_token_of_a_process_whose_clock_is_a_little_ahead_is_taken() -> None:
    assert tokens_of(NEW, now=NOW - 30).verify(issued())


def test_a_new_secret_is_put_before_an_old_one_and_the_old_tokens_go_on() -> None:
    old = issued(tokens_of(OLD))
    assert tokens_of(NEW, OLD).verify(old)
    signed_now = issued(tokens_of(NEW, OLD))
    assert tokens_of(NEW).verify(signed_now)
    for secret, token in ((NEW, old), (OLD, signed_now)):
        with pytest.raises(InvalidAccessToken):
            tokens_of(secret).verify(token)
