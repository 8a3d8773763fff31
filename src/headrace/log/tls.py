"""TLS with NATS: the context of its connections, and the care that none of them is in plain text when TLS is asked for."""

from __future__ import annotations

import ssl

import nats.errors

from headrace.errors import HeadraceError
from headrace.settings import NatsSettings
from headrace.tls_errors import explain_tls

_PREFIX = "HEADRACE_NATS"


class UnusableCertificate(HeadraceError):
    """A file of TLS can be read and is not what it should be. The message names the variable and says what to do."""


class NoTls(nats.errors.Error):
    """A server does not offer TLS to us who want it."""

    def __str__(self) -> str:
        return "NATS offers no TLS: give the server a tls block, or take HEADRACE_NATS_CA, _CERT and tls:// away"


def wants_tls(settings: NatsSettings) -> bool:
    """Whether nothing may be sent in plain text."""
    return bool(settings.ca or settings.cert) or any(
        url.strip().startswith(("tls://", "wss://")) for url in settings.url.split(",")
    )


def tls_context(settings: NatsSettings) -> ssl.SSLContext:
    """Make the context for connections.

    Raises:
        UnusableCertificate: one of the files has no certificate, or a key of another one.
    """
    try:
        context = ssl.create_default_context(cafile=settings.ca)
    except ssl.SSLError as error:
        raise UnusableCertificate(
            f"{_PREFIX}_CA={settings.ca!r}: has no certificates in PEM ({error.reason or error})"
        ) from error
    load_client_certificate(context, settings)
    return context


def load_client_certificate(context: ssl.SSLContext, settings: NatsSettings) -> None:
    """Load our certificate into a context, also anew after the files have changed.

    Raises:
        UnusableCertificate: the files have no certificate, or not its key.
    """
    if settings.cert is None:
        return
    try:
        context.load_cert_chain(settings.cert, settings.key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        said = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        raise UnusableCertificate(
            f"{_PREFIX}_CERT={settings.cert!r}: cannot be used with its key ({said}); give the certificate in PEM, and in "
            f"{_PREFIX}_KEY its own key without a password"
        ) from error


def _no_password() -> str:
    raise ValueError("the key has a password")


def explain(error: BaseException) -> str | None:
    """Say in one sentence what is wrong with TLS; None when it is something else."""
    return str(error) if isinstance(error, NoTls) else explain_tls(error, "NATS", _PREFIX)
