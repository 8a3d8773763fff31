"""Whether this process traces. It does when it is told where to send spans, and imports OpenTelemetry only then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

from headrace.errors import HeadraceError
from headrace.telemetry import get_logger
from headrace.tracing.sampling import Sampling

if TYPE_CHECKING:
    from headrace.tracing.exporting import Exporting
    from headrace.tracing.tracer import Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
PROTOCOL = "http/protobuf"
TRACED = frozenset({"api", "worker"})  # the projector has metrics; a span for each of its pages would say nothing more

log = get_logger(__name__)


class TracingError(HeadraceError):
    """Tracing is asked for and cannot be had. The message names the variable and says what to do."""


class _Active:
    """What this process traces with; None while it does not."""

    tracer: Tracer | None = None
    exporting: Exporting | None = None


def tracer() -> Tracer | None:
    """Return what makes the spans of this process; None when it does not trace."""
    return _Active.tracer


def lost_spans() -> int:
    """Return how many spans could not be exported."""
    return 0 if _Active.exporting is None else _Active.exporting.lost


def start_tracing(process: str, environ: Mapping[str, str] = os.environ) -> None:
    """Trace from now on, if the environment says where to send spans and the process has some.

    Raises:
        TracingError: OpenTelemetry is not installed, or the protocol is not HTTP.
        UnknownSampler: the sampler is none of the standard ones.
    """
    variable = next((name for name in ENDPOINTS if environ.get(name)), None)
    if variable is None or process not in TRACED or _is_off(environ):
        return
    given = next((environ[name] for name in PROTOCOLS if environ.get(name)), PROTOCOL)
    if given != PROTOCOL:
        raise TracingError(f"spans are sent as {PROTOCOL} alone, not as {given}: change {' or '.join(PROTOCOLS)}")
    sampling = Sampling.of(environ)
    try:
        from headrace.tracing.exporting import Exporting
        from headrace.tracing.tracer import Tracer
    except ModuleNotFoundError as error:
        raise TracingError(
            f"{variable} is set and {error.name} is not installed: install headrace[tracing], or unset the variable"
        ) from error
    try:
        exporting = Exporting.start(process, environ)
    except (OSError, ValueError) as error:
        raise TracingError(f"spans cannot be sent as the OTEL_ variables say: {error}") from error
    _Active.exporting = exporting
    _Active.tracer = Tracer(exporting.tracer, sampling)
    log.info("tracing", to=variable, follows_parent=sampling.follows_parent, ratio=sampling.ratio)


def stop_tracing() -> None:
    """Export what is left, within `headrace.tracing.exporting.FLUSH_SECONDS`, and trace no more."""
    exporting, _Active.exporting, _Active.tracer = _Active.exporting, None, None
    if exporting is not None:
        exporting.stop()


def _is_off(environ: Mapping[str, str]) -> bool:
    return (
        environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        or environ.get("OTEL_TRACES_EXPORTER", "").strip().lower() == "none"
    )
