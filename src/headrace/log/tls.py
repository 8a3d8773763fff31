"""TLS with NATS: the context of its connections, and the care that none of them is in plain text when TLS is asked for."""

from __future__ import annotations

import ssl
from typing import Any

import nats.errors

from headrace.errors import LogUnavailable
from headrace.settings import NatsSettings
from headrace.telemetry import get_logger
from headrace.tls_errors import explain_tls

_PREFIX = "HEADRACE_NATS"

log = get_logger(__name__)


class TlsFailed(LogUnavailable):
    """TLS with NATS does not come about. The message says why, and after a colon what to do."""


class UnusableCertificate(TlsFailed):
    """A file of TLS can be read and is not what it should be. The message names the variable and says what to do."""


class NoTls(nats.errors.Error):
    """A server does not offer TLS to us who want it."""

    def __str__(self) -> str:
        return "NATS offers no TLS: give the server a tls block, or take HEADRACE_NATS_CA, _CERT and tls:// away"


class Tls:
    """TLS of one connection, through all its reconnects.

    Attributes:
        is_wanted: Whether nothing may be sent in plain text.
        problem: Why TLS did not come about since the connection was there last, and what to do; None when nothing is known.
    """

    def __init__(self, settings: NatsSettings) -> None:
        self._settings = settings
        self._context: ssl.SSLContext | None = None
        self.problem: str | None = None
        self.is_wanted = bool(settings.ca or settings.cert) or any(
            url.strip().startswith(("tls://", "wss://")) for url in settings.url.split(",")
        )

    def open(self) -> ssl.SSLContext:
        """Make the context of the connection.

        Raises:
            UnusableCertificate: one of the files has no certificate, or a key of another one.
        """
        ca = self._settings.ca
        try:
            self._context = context = ssl.create_default_context(cafile=ca)
        except ssl.SSLError as error:
            why = error.reason or error
            raise UnusableCertificate(f"{_PREFIX}_CA={ca!r} has no certificates ({why}): name a file in PEM") from error
        self._load_certificate(context)
        return context

    def renew(self) -> None:
        """Read our certificate again: while a process lives, what keeps certificates puts new ones into their files."""
        if self._context is not None:
            try:
                self._load_certificate(self._context)
            except UnusableCertificate as error:
                log.error(error.message)

    def insist(self, info: dict[str, Any]) -> None:
        """Have a server use TLS that leaves it to its clients, by what it says of itself.

        Raises:
            NoTls: it offers none, and we want it.
        """
        if self.is_wanted and not info.get("tls_required"):
            if not info.get("tls_available"):
                raise NoTls
            info["tls_required"] = True

    def explain(self, error: BaseException) -> str | None:
        """Say in one sentence what is wrong with TLS, and keep it as `problem`; None when it is something else."""
        said = str(error) if isinstance(error, NoTls) else explain_tls(error, "NATS", _PREFIX)
        self.problem = said or self.problem
        return said

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        cert, key = self._settings.cert, self._settings.key
        if cert is None:
            return
        try:
            context.load_cert_chain(cert, key, password=_no_password)
        except (ssl.SSLError, OSError, ValueError) as error:
            said = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
            raise UnusableCertificate(
                f"{_PREFIX}_CERT={cert!r} cannot be used with its key ({said}): give the certificate in PEM, and in {_PREFIX}_KEY "
                "its own key without a password"
            ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")
