"""The parts of one API process. Each is opened once, when the process starts."""

from __future__ import annotations

from typing import cast

from headrace.api.capacity import Capacity
from headrace.api.edge.request import AnyRequest
from headrace.api.edge.request_body import OpenBodies
from headrace.api.edge.upload_room import UploadRoom
from headrace.api.pauses import Pauses
from headrace.api.read_model import ReadModel
from headrace.api.streaming.hub import Hub
from headrace.api.streaming.metrics import Metrics
from headrace.api.streaming.open_streams import OpenStreams
from headrace.catalog import Catalog
from headrace.identity.follow_tokens import FollowTokens
from headrace.lifecycle.long_timers import LongTimers
from headrace.log.connection import Log
from headrace.settings import Settings

SPOOLED_BYTES_MAX = 1 << 30  # of the batches that are being uploaded, on the disk: two of the largest, or many others


class ApiState:
    """The log, the read model, the hub, the open streams and the other parts that the routes share.

    A route takes this container and hands on the part that is needed.
    """

    def __init__(self, log: Log, settings: Settings, read_model: ReadModel) -> None:
        self.log = log
        self.read_model = read_model
        self.capacity = Capacity(log, settings.stream.max_bytes)
        self.catalog = Catalog(log)
        self.long_timers = LongTimers(log)
        self.metrics = Metrics()
        self.bodies = OpenBodies()
        self.uploads = UploadRoom(SPOOLED_BYTES_MAX)
        self.hub = Hub(log, self.metrics)
        self.streams = OpenStreams(self.metrics)
        self.pauses = Pauses(log)
        self.follow_tokens = FollowTokens(_split(settings.api.follow_secrets))
        self.public_url = (settings.api.public_url or "").rstrip("/")


def state_of(request: AnyRequest) -> ApiState:
    """Return the state of the process that serves a request."""
    return cast("ApiState", request.app.state["api"])


def _split(secrets: str | None) -> list[str]:
    return secrets.split(",") if secrets else []
