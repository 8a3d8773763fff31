"""Signed URLs of files: each is good for one use of one file until it expires, and for whoever has it.

The store of a directory cannot sign URLs, and a CDN has no credentials. The key is derived from the secrets of the installation, so
every API process can read what another one has signed.
"""

from __future__ import annotations

import base64
import hmac

from headrace.file_errors import FileUrlExpired, InvalidFileUrl
from headrace.identity.secrets import Secrets

SIGNATURE_CHARS = 43  # HMAC-SHA256 in base64 without its padding


class FileUrls:
    """Signs and verifies.

    Args:
        secrets: The secrets of the installation.
    """

    def __init__(self, secrets: Secrets) -> None:
        self._secrets = secrets

    def sign(self, use: str, expires: int) -> str:
        """Sign a use.

        Args:
            use: What the URL is for, as ``put <file> <part>``.
            expires: When it expires, in seconds since 1970.
        """
        return _as_text(self._secrets.file_url_signatures(_signed(use, expires))[0])

    def check(self, use: str, expires: int, signature: str, now: float) -> None:
        """Let a use pass that was signed.

        Raises:
            InvalidFileUrl: It was not signed with one of the secrets, or was changed.
            FileUrlExpired: It has expired.
        """
        given = signature.encode(errors="replace")
        signed = self._secrets.file_url_signatures(_signed(use, expires))
        if not any(hmac.compare_digest(_as_text(each).encode(), given) for each in signed):
            raise InvalidFileUrl("this URL was not made here for this file, or was changed; ask for a new one")
        if now >= expires:
            raise FileUrlExpired("this URL has expired; ask for a new one")


def _signed(use: str, expires: int) -> str:
    return f"{use} {expires}"


def _as_text(signature: bytes) -> str:
    return base64.urlsafe_b64encode(signature).decode().rstrip("=")
