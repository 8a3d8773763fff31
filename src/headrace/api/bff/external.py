"""Parts that another HTTP service has: asked within a deadline, through a circuit breaker, in the name of the request."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Generic, TypeVar

import httpx
import msgspec

from headrace.api.bff.circuit import Circuit
from headrace.repeated import RepeatedWarning
from headrace.screen_errors import ExternalServiceError
from headrace.telemetry import get_logger

ANSWER_BYTES_MAX = 64 << 10  # of a part; a service that sends more is broken
CONNECTIONS_MAX = 8  # to one service; further requests wait, within their deadline

T = TypeVar("T")

log = get_logger(__name__)


class ExternalService(Generic[T]):
    """A service whose answer is JSON.

    Args:
        name: What errors and the log call it. The address may have a secret, and is named by neither.
        url: What is asked.
        key: The internal key that the service knows this installation by; None when it wants none.
        answer: The type of the answer. Fields that it does not have are ignored.
        seconds: How long an answer may take.
        circuit: The circuit breaker.
    """

    def __init__(
        self, name: str, url: str, key: str | None, answer: type[T], seconds: float, circuit: Circuit | None = None
    ) -> None:
        self._name = name
        self._url = url
        self._decoder = msgspec.json.Decoder(answer)
        self._circuit = circuit or Circuit()
        self._seconds = seconds
        self._warning = RepeatedWarning(log, f"{name} does not answer", f"{name} answers again")
        self._http = httpx.AsyncClient(
            # A few bytes of gzip may be a hundred megabytes.
            headers={"Accept": "application/json", "Accept-Encoding": "identity"}
            | ({"Authorization": f"Bearer {key}"} if key else {}),
            timeout=seconds,
            limits=httpx.Limits(max_connections=CONNECTIONS_MAX),
            # The key goes to this address, and not to wherever it or the environment sends us.
            follow_redirects=False,
            trust_env=False,
        )

    async def ask(self, headers: Mapping[str, str]) -> T:
        """Ask the service.

        Args:
            headers: Those that make the request part of another one: its correlation id and its trace.

        Raises:
            ExternalServiceError: It does not answer in time, or not as it should, or is left alone after failures.
        """
        if not self._circuit.lets_through():
            raise ExternalServiceError(f"{self._name} has failed several times and is left alone for a moment")
        try:
            async with asyncio.timeout(self._seconds):
                answered = self._decode(await self._read(headers))
        except (httpx.HTTPError, TimeoutError, _BadAnswer) as error:
            self._circuit.failed()
            reason = _describe(error)
            self._warning.note(reason)
            raise ExternalServiceError(f"{self._name} {reason}; try again shortly") from error
        except BaseException:
            # Whoever has asked is gone.
            self._circuit.abandoned()
            raise
        self._circuit.succeeded()
        self._warning.end()
        return answered

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def _read(self, headers: Mapping[str, str]) -> bytes:
        async with self._http.stream("GET", self._url, headers=dict(headers)) as answer:
            if answer.status_code != HTTPStatus.OK:
                raise _BadAnswer(f"answers {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                raise _BadAnswer("answers in an encoding that it was not asked for")
            body = b""
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > ANSWER_BYTES_MAX:
                    raise _BadAnswer(f"sends more than {ANSWER_BYTES_MAX:,} bytes")
            return body

    def _decode(self, body: bytes) -> T:
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _BadAnswer("answers with something that cannot be read") from error


class _BadAnswer(Exception):
    """The service answers, and not as it should."""


def _describe(error: Exception) -> str:
    """Say what is wrong, without the address."""
    match error:
        case _BadAnswer():
            return str(error)
        case httpx.TimeoutException() | TimeoutError():
            return "does not answer in time"
        case _:
            return f"cannot be reached ({type(error).__name__})"


def shared_headers(carried: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request to another service, of what a request carries on: its correlation id and its trace."""
    return {_NAMES.get(name, name): str(value) for name, value in carried.items()}


_NAMES = {"Headrace-Correlation-Id": "X-Correlation-ID"}
