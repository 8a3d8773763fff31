"""Errors on the wire. Every error answer has the one shape of RFC 9457, `application/problem+json`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, cast

import msgspec
from litestar import Response
from litestar.enums import ParamType
from litestar.exceptions import HTTPException
from litestar.params import ParameterKwarg
from litestar.types import HTTPScope, Send
from msgspec import UNSET

from headrace.api.edge.access_log import route_of
from headrace.api.edge.correlation import correlation_id
from headrace.api.edge.methods import allow
from headrace.api.edge.request import AnyRequest
from headrace.api.edge.request_metrics import ERROR_CODE
from headrace.api.streaming.frames import problem_frame
from headrace.contracts.problems import FieldError, Problem
from headrace.contracts.refused_values import explain
from headrace.contracts.tasks import State
from headrace.error_reports import report_error
from headrace.errors import BodyTimeout, HeadraceError, MalformedRequest, Stopping, TaskFinished
from headrace.identity_errors import GrantRefused, NotAuthenticated
from headrace.telemetry import get_logger

MEDIA_TYPE = "application/problem+json"
EVENT_STREAM = "text/event-stream"

_PASSES = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})  # by itself; see Retry-After

_HTTP_CODES = {
    400: "malformed_request",
    404: "no_such_route",
    405: "method_not_allowed",
    413: "too_large",
    415: "unsupported_media_type",
}

log = get_logger(__name__)


def own_error(request: AnyRequest, error: HeadraceError) -> Response[bytes]:
    """Answer an error that Headrace raises."""
    if error.status in _PASSES and request.headers.get("accept") == EVENT_STREAM:
        # `EventSource` gives up for good on any answer other than a stream (WHATWG HTML, section 9.2.3), and shows the page
        # nothing of it. So whoever accepts nothing else is told in a stream what is wrong, and when to come back.
        problem = _encode_problem(request.scope, error.status, error.code, error.message, error.errors, None)
        return Response(problem_frame(problem, error.retry_after or 0), status_code=200, media_type=EVENT_STREAM)
    state = error.state if isinstance(error, TaskFinished) else None
    return _problem(request, error.status, error.code, error.message, error.errors, _headers_of(error), state)


def http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer an error that Litestar raises, such as an unknown route or a body that cannot be read."""
    status = error.status_code
    code = _HTTP_CODES.get(status, "internal" if status >= 500 else "malformed_request")
    message, errors, headers = error.detail, _field_errors(request, error), dict(error.headers or {})
    if errors:
        message = "; ".join(_in_words(each) for each in errors)
    elif status == 405:
        message = _explain_elsewhere(request) or f"{request.method} is not possible here; see Allow"
        headers = {"Allow": allow(headers.get("allow", "").split(", "))}
    elif status == 404:
        message = _explain_elsewhere(request) or f"there is nothing at {request.url.path}; see /api/docs"
    return _problem(request, status, code, message, errors, headers)


def _in_words(wrong: FieldError) -> str:
    """Return what is wrong after the name of the parameter that it is about, as the routes say it that read theirs themselves."""
    source, _, name = wrong.path.rpartition(" ")
    if source:
        return f"{name}: {wrong.message}"
    return f"the request cannot be used: {f'{wrong.path}: ' if wrong.path else ''}{wrong.message}"


def _explain_elsewhere(request: AnyRequest) -> str | None:
    """Return where a route is that another process serves, as `headrace.api.mounts.Elsewhere` knows; None when there is none."""
    elsewhere = request.app.state.get("elsewhere")
    return None if elsewhere is None else elsewhere.explain(request.method, request.scope["path"])


def nested_too_deep(request: AnyRequest, _error: RecursionError) -> Response[bytes]:
    """Answer a body with more brackets inside each other than the decoder can follow."""
    return own_error(request, MalformedRequest("the JSON is nested too deep to be read; send less depth"))


def unexpected_error(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer an unexpected error. The log file has the error under the correlation id; the answer does not show it."""
    log.error("unexpected error", route=route_of(request.scope), method=request.method, exc_info=error)
    report_error(error, route=str(route_of(request.scope)), method=request.method)
    message = "something went wrong here; it has been logged, please report it with the correlation id"
    return _problem(request, 500, "internal", message, [], {})


async def send_problem(scope: HTTPScope, send: Send, error: HeadraceError) -> None:
    """Answer an error that Headrace raises before the application has the request."""
    content = _encode_problem(scope, error.status, error.code, error.message, error.errors, None)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(content)).encode())]
    headers += [(name.lower().encode(), value.encode()) for name, value in _headers_of(error).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": content, "more_body": False})


def _headers_of(error: HeadraceError) -> dict[str, str]:
    headers = {"Retry-After": str(error.retry_after)} if error.retry_after else {}
    if isinstance(error, NotAuthenticated):
        headers["WWW-Authenticate"] = error.challenge
    # The rest of the body would be taken for the next request.
    return headers | {"Connection": "close"} if isinstance(error, BodyTimeout | Stopping) else headers


def _problem(
    request: AnyRequest,
    status: int,
    code: str,
    message: str,
    errors: list[FieldError],
    headers: dict[str, str],
    state: State | None = None,
) -> Response[bytes]:
    content = _encode_problem(request.scope, status, code, message, errors, state)
    return Response(content, status_code=status, media_type=MEDIA_TYPE, headers=headers)


def _encode_problem(
    scope: HTTPScope, status: int, code: str, message: str, errors: list[FieldError], state: State | None
) -> bytes:
    """Log a refusal and return its document."""
    problem = Problem(
        title=HTTPStatus(status).phrase,
        status=status,
        detail=message,
        error_code=code,
        message=message,
        correlation_id=correlation_id(scope),
        errors=errors,
        state=UNSET if state is None else state,
        error=code if code == GrantRefused.code else UNSET,
    )
    scope["state"][ERROR_CODE] = code
    _log_refusal(scope, problem)
    return msgspec.json.encode(problem)


def _log_refusal(scope: HTTPScope, problem: Problem) -> None:
    """Log a refusal. What is wrong with a request may be said in the client's own words, so only its code is logged."""
    known = {"status": problem.status, "error_code": problem.error_code, "method": scope["method"]}
    if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("refused", **known, route=route_of(scope), error=problem.message)
    else:
        log.info("refused", **known, route=route_of(scope))


def _field_errors(request: AnyRequest, error: HTTPException) -> list[FieldError]:
    """Return what Litestar says is wrong, by the name or the path that the client used."""
    extra: Any = error.extra
    found: list[FieldError] = []
    for each in cast("list[Any]", extra if isinstance(extra, list) else []):
        if isinstance(each, dict):
            each = cast("dict[str, Any]", each)
            key = str(each.get("key") or "")
            wrong = explain(str(each.get("message", "")), _type_of_parameter(request, key))
            at = wrong.path
            if each.get("source") in (ParamType.QUERY, ParamType.HEADER, ParamType.PATH):
                at = f"{ParamType(each['source']).value} {_wire_name(request, key)}"
            found.append(
                FieldError(path=at or ("" if key == "data" else "/" + key.replace(".", "/")), message=wrong.message)
            )
    return found


def _wire_name(request: AnyRequest, argument: str) -> str:
    """Return what clients call a parameter that a handler has under another name."""
    field = request.route_handler.parsed_fn_signature.parameters.get(argument)
    kwarg = None if field is None else field.kwarg_definition
    return (kwarg.query or kwarg.header or kwarg.name or argument) if isinstance(kwarg, ParameterKwarg) else argument


def _type_of_parameter(request: AnyRequest, name: str) -> Any:
    return request.route_handler.signature_model.__annotations__.get(name, Any)
