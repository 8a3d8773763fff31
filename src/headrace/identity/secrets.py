"""The secrets of an installation, and the keys that derive from each.

There is one setting for all of identity. HKDF (RFC 5869) makes independent keys of each secret: one that signs access tokens, one
that hashes the tokens whose hashes are stored, one that makes the next refresh token of the one before, and one that signs the URLs
of files. Nobody who learns one of the derived keys can compute another one, or the secret.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

SECRET_CHARS_MIN = 32
KEY_BYTES = 32  # of each derived key: what Ed25519 takes as its seed, and as long as the hash of HMAC-SHA256

_SIGNING = b"headrace access token ed25519"
_HASHING = b"headrace stored token hmac"
_SUCCEEDING = b"headrace refresh token successor hmac"
_FILE_URLS = b"headrace file url hmac"


class Secrets:
    """The secrets of an installation.

    Args:
        secrets: The first one signs and hashes, and all of them verify, so that a new secret can be put before an old one.

    Raises:
        ValueError: There is no secret, or one is shorter than ``SECRET_CHARS_MIN`` characters.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        if not secrets or any(len(each) < SECRET_CHARS_MIN for each in secrets):
            raise ValueError(f"there has to be a secret, and each of {SECRET_CHARS_MIN} characters or more")
        self._hashing_keys = [_derive(each, _HASHING) for each in secrets]
        self._succeeding_keys = [_derive(each, _SUCCEEDING) for each in secrets]
        self._file_url_keys = [_derive(each, _FILE_URLS) for each in secrets]
        self._signing_seeds = [_derive(each, _SIGNING) for each in secrets]

    @property
    def signing_seeds(self) -> list[bytes]:
        """The Ed25519 seed of each secret, in the order of the secrets."""
        return list(self._signing_seeds)

    def hash(self, token: str) -> bytes:
        """Return the hash under which a new token is stored."""
        return _hash(self._hashing_keys[0], token)

    def hashes(self, token: str) -> list[bytes]:
        """Return the hashes under which a token may be stored: one for each secret, in the order of the secrets."""
        return [_hash(key, token) for key in self._hashing_keys]

    def successors(self, token: str) -> list[bytes]:
        """Return the random part of the refresh token that follows another: one for each secret, in the order of the secrets."""
        return [_hash(key, token) for key in self._succeeding_keys]

    def file_url_signatures(self, use: str) -> list[bytes]:
        """Return the signature of what a URL of a file is for: one for each secret, in the order of the secrets."""
        return [_hash(key, use) for key in self._file_url_keys]


def _derive(secret: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=purpose).derive(secret.encode())


def _hash(key: bytes, token: str) -> bytes:
    # A presented token may have any characters; those that UTF-8 lacks must not become an error.
    return hmac.digest(key, token.encode(errors="surrogatepass"), "sha256")
