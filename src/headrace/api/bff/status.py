"""What another service says of itself: the part of a screen that is asked over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from headrace.api.bff.parts import BROKER_SECONDS, Part
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.request import AnyRequest
from headrace.contracts.screens.settings import ServiceStatus
from headrace.log import clock
from headrace.settings import ApiSettings

if TYPE_CHECKING:
    from headrace.api.bff.external import ExternalService
    from headrace.api.state import ApiState

ANSWER_SECONDS = 0.25  # within the deadline of the part, so that the part can say what was wrong
NAME = "the service at HEADRACE_API_STATUS_URL"


class Said(Struct, frozen=True, kw_only=True):
    """What the service answers."""

    state: Literal["well", "degraded", "down"]
    message: str | None = None


def status_service(settings: ApiSettings) -> ExternalService[Said] | None:
    """Return the service that the settings name; None when they name none."""
    if not settings.status_url:
        return None
    # A client for HTTP takes 10 MB and a tenth of a second at start, and most installations need none here.
    from headrace.api.bff.external import ExternalService

    return ExternalService(NAME, settings.status_url, settings.status_key, Said, ANSWER_SECONDS)


def status_part(api: ApiState, request: AnyRequest) -> Part[ServiceStatus | None]:
    """Return the part of a screen; it is null where no service is named."""

    async def ask() -> ServiceStatus | None:
        if api.screens.status is None:
            return None
        from headrace.api.bff.external import shared_headers

        said = await api.screens.status.ask(shared_headers(carried_headers(request.scope)))
        return ServiceStatus(state=said.state, message=said.message, at=clock.now())

    return Part("status", ask, BROKER_SECONDS)
