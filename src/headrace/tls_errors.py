"""What went wrong between us and a server with TLS, in one sentence that says what to do. Both servers fail in the same ways."""

from __future__ import annotations

import ssl
from collections.abc import Iterator

# Results of verifying a certificate, as OpenSSL numbers them in x509_vfy.h.
_NOT_YET_VALID = 9
_EXPIRED = 10
_OTHER_NAME = frozenset({62, 64})  # of a host, of an address


def explain_tls(error: BaseException, server: str, prefix: str) -> str | None:
    """Say what is wrong with TLS, and what to do; None when the error is about something else.

    Args:
        error: What the client of the server raised.
        server: The name of the server: NATS or Postgres.
        prefix: What the variables begin with that say how it is reached: ``HEADRACE_NATS`` or ``HEADRACE_DATABASE``.
    """
    for each in _chain(error):
        if isinstance(each, ssl.SSLCertVerificationError):
            return _of_certificate(each, server, prefix)
        if (said := _of_text(str(each).lower().replace("_", " "), server, prefix)) is not None:
            return said
        if isinstance(each, ssl.SSLError):
            return f"TLS with {server} failed ({each.reason or each}): check {prefix}_CA, _CERT and _KEY, and the log of the server"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _of_certificate(error: ssl.SSLCertVerificationError, server: str, prefix: str) -> str:
    if error.verify_code == _EXPIRED:
        return f"the certificate of {server} has expired: give the server a new one, or set the clock of this machine"
    if error.verify_code == _NOT_YET_VALID:
        return f"the certificate of {server} is not valid yet: set the clocks of the server and of this machine"
    if error.verify_code in _OTHER_NAME:
        return (
            f"the certificate of {server} is for another host: use a name of the certificate in {prefix}_URL or _HOST, or give "
            f"the server one for this name ({error.verify_message})"
        )
    return (
        f"the certificate of {server} is signed by nobody whom we know ({error.verify_message}): set {prefix}_CA to the file with "
        "the certificates of its authority"
    )


def _of_text(text: str, server: str, prefix: str) -> str | None:
    """Errors that the server sends, or that its client words itself."""
    if "certificate required" in text or "requires a valid client certificate" in text:
        return f"{server} asks for a client's certificate: set {prefix}_CERT and {prefix}_KEY to the files of one"
    if "alert unknown ca" in text or "alert bad certificate" in text or "alert certificate unknown" in text:
        return f"{server} does not take the certificate of {prefix}_CERT: give one that an authority of the server has signed"
    if "alert certificate expired" in text:
        return f"the certificate of {prefix}_CERT has expired: put a new one, with its key, in its place"
    if "rejected ssl upgrade" in text:
        return (
            f"{server} has no TLS, and we are to use it: set ssl = on in its configuration, or change {prefix}_SSLMODE"
        )
    if "no encryption" in text and "pg hba" in text:
        return f"{server} takes no connection in plain text: set {prefix}_CA, or {prefix}_SSLMODE=require"
    if "root certificate file" in text:
        return f"we do not know who signs the certificate of {server}: set {prefix}_CA to the file with the certificates of its authority"
    return None
