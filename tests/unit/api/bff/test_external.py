"""Another service as a part of a screen: it is asked with what the request carries on, and left alone while it fails."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from time import monotonic

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from headrace.api.bff.circuit import FAILURES_MAX, OPEN_SECONDS, Circuit, CircuitState
from headrace.api.bff.external import ExternalService, shared_headers
from headrace.api.bff.status import Said
from headrace.screen_errors import ExternalServiceError
from tests.status_service import WELL, Service, running

SECONDS = 30.0  # in which a service answers on any machine
SOON_SECONDS = 1.0  # after which a service that hangs is given up; one that recovers answers within it
KEY = "an internal key"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@asynccontextmanager
async def asked(
    service: Service, seconds: float = SECONDS, clock: Callable[[], float] = monotonic
) -> AsyncGenerator[ExternalService[Said]]:
    async with running(service):
        external = ExternalService("the service", service.url, KEY, Said, seconds, Circuit(clock))
        yield external
        await external.close()


async def test_a_service_is_asked_in_the_name_of_the_request_and_with_the_internal_key() -> None:
    service = Service()
    carried = {"Headrace-Correlation-Id": "look-1", "traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}
    async with asked(service) as external:
        assert await external.ask(shared_headers(carried)) == Said(state="well", message="all is well")
    head = service.requests[0].decode().lower()
    assert "x-correlation-id: look-1" in head
    assert f"traceparent: {carried['traceparent']}" in head
    assert f"authorization: bearer {KEY}" in head


@pytest.mark.parametrize(
    ("status", "answer", "says"),
    [
        (500, b"{}", "answers 500"),
        (302, b"", "answers 302"),
        (200, b"<html>", "answers with something that cannot be read"),
        (200, b'{"more": ' + b"[" * 50_000, "answers with something that cannot be read"),
        (200, b'{"state": "w\xff"}', "answers with something that cannot be read"),
        (200, b'{"state": "splendid"}', "answers with something that cannot be read"),
        (200, b'{"state": "well", "message": "\xff"}', "answers with something that cannot be read"),
        (200, b'{"state": "well", "more": ' + b"[" * 30_000, "answers with something that cannot be read"),
        (200, b" " * 100_000, "sends more than 65,536 bytes"),
        (200, None, "does not answer in time"),
    ],
)
async def test_a_service_that_fails_is_an_error_that_names_no_address(
    status: int, answer: bytes | None, says: str
) -> None:
    service = Service()
    service.status, service.answer = status, answer
    with capture_logs() as logs:
        async with asked(service, SECONDS if answer is not None else SOON_SECONDS) as external:
            with pytest.raises(ExternalServiceError, match=says) as raised:
                await external.ask({})
    assert (raised.value.status, raised.value.code) == (503, "external_service_error")
    assert "secret" not in raised.value.message + repr(logs)
    assert KEY not in repr(logs)


async def test_an_encoding_that_was_not_asked_for_is_not_decoded() -> None:
    service = Service()
    service.encoding = b"gzip"
    service.answer = gzip.compress(b" " * 10_000_000 + WELL)
    async with asked(service) as external:
        with pytest.raises(ExternalServiceError, match="in an encoding"):
            await external.ask({})
    assert "accept-encoding: identity" in service.requests[0].decode().lower()


async def test_a_service_that_hangs_is_left_alone_and_is_asked_again_once_it_has_recovered() -> None:
    service, clock = Service(), Clock()
    async with asked(service, SOON_SECONDS, clock) as external:
        service.answer = None
        for _ in range(FAILURES_MAX):
            with pytest.raises(ExternalServiceError, match="in time"):
                await external.ask({})
        assert len(service.requests) == FAILURES_MAX
        # Now nobody waits for it.
        began = monotonic()
        with pytest.raises(ExternalServiceError, match="left alone"):
            await external.ask({})
        assert monotonic() - began < SOON_SECONDS / 2
        assert len(service.requests) == FAILURES_MAX
        # One tries, and it still hangs.
        clock.now += OPEN_SECONDS
        with pytest.raises(ExternalServiceError, match="in time"):
            await external.ask({})
        with pytest.raises(ExternalServiceError, match="left alone"):
            await external.ask({})
        service.answer = WELL
        clock.now += OPEN_SECONDS
        tried = await asyncio.gather(*(external.ask({}) for _ in range(5)), return_exceptions=True)
        # While one tries, the others do not wait.
        assert [isinstance(each, Said) for each in tried] == [True, False, False, False, False]
        assert (await external.ask({})).state == "well"


async def test_a_service_that_is_not_there_is_an_error() -> None:
    service = Service()
    async with asked(service) as external:
        pass
    external = ExternalService("the service", service.url, None, Said, SECONDS)
    with pytest.raises(ExternalServiceError, match="cannot be reached"):
        await external.ask({})
    await external.close()


async def test_a_client_that_goes_says_nothing_about_the_service() -> None:
    service = Service()
    service.answer = None
    circuit = Circuit()
    async with running(service):
        external = ExternalService("the service", service.url, None, Said, SECONDS, circuit)
        for _ in range(FAILURES_MAX):
            asking = asyncio.create_task(external.ask({}))
            await asyncio.sleep(0)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert circuit.state is CircuitState.CLOSED
        await external.close()


@settings(derandomize=True, deadline=None)
@given(st.lists(st.sampled_from(["ask and succeed", "ask and fail", "ask and go", "wait"]), max_size=40))
def test_a_circuit_is_open_only_after_failures_in_a_row_and_never_for_ever(steps: list[str]) -> None:
    clock = Clock()
    circuit = Circuit(clock)
    failures = 0
    for step in steps:
        if step == "wait":
            clock.now += OPEN_SECONDS / 2
        elif circuit.lets_through():
            match step:
                case "ask and succeed":
                    circuit.succeeded()
                    failures = 0
                case "ask and fail":
                    circuit.failed()
                    failures += 1
                case _:
                    circuit.abandoned()
        else:
            assert failures >= FAILURES_MAX
        assert (circuit.state is CircuitState.CLOSED) == (failures < FAILURES_MAX)
    clock.now += OPEN_SECONDS
    assert circuit.lets_through()
    # While it is half open, one request tries and no second one does.
    assert circuit.lets_through() is (failures < FAILURES_MAX)
