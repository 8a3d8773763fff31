"""The error of an API to which no connection can be made."""

from __future__ import annotations

import ssl

import httpx

from headrace.loopback import is_this_machine


class Unreachable(httpx.ConnectError):
    """No connection could be made, so nothing was sent. The message names the address and says what to do.

    Attributes:
        url: The scheme, the host and the port that were tried.
        reason: Why there is no connection, as the system says it.
        is_on_this_machine: Whether the address is one of this machine.
        is_late: Whether nothing has answered in time, where an address at which nothing listens refuses at once.
    """

    def __init__(self, request: httpx.Request, error: httpx.ConnectError | httpx.ConnectTimeout) -> None:
        self.url = str(request.url.copy_with(raw_path=b"/", userinfo=b"")).rstrip("/")
        self.is_late = isinstance(error, httpx.ConnectTimeout)
        self.reason = _without_answer(request) if self.is_late else str(error) or type(error).__name__
        self.is_on_this_machine = is_this_machine(request.url.host)
        if refused := refused_certificate(error):
            message = describe_refused_certificate(self.url, refused)
        elif self.is_on_this_machine:
            message = (
                f"nothing answers at {self.url} ({self.reason}): start what has to answer there, for an API as with "
                "`headrace up`, or give another address"
            )
        else:
            message = f"nothing answers at {self.url} ({self.reason}): check the address, and that this machine may connect to it"
        super().__init__(message, request=request)


def _without_answer(request: httpx.Request) -> str:
    seconds = request.extensions.get("timeout", {}).get("connect")
    return "no connection in time" if seconds is None else f"no connection within {seconds:.3g} s"


def describe_refused_certificate(url: str, refused: ssl.SSLCertVerificationError) -> str:
    """Say that the certificate of a server is not trusted, and what to do."""
    return f"the certificate of {url} is not trusted ({refused}): name the certificates that you trust in SSL_CERT_FILE"


def refused_certificate(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return why the certificate of the server was refused; None when something else failed."""
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause
