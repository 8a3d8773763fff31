"""Signing in as OAuth 2 has it: a form with a password (RFC 6749, section 4.3) or a refresh token (section 6).

It is for clients that know nothing of Headrace but OAuth 2. It gives tokens and no cookies, so a form that a page of another site
sends here, if a browser let it, would leave nothing behind.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

import msgspec
from litestar import post

from headrace.api.auth.access import PUBLIC, access
from headrace.api.auth.opened_session import OpenSession
from headrace.api.edge.json_body import require_body
from headrace.api.edge.openapi import refusal, refusals
from headrace.api.edge.own_bodies import TokenForm
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.api.v1.signed_in import TOO_MANY, recorder, sign_in_by_password, tokens_of
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.contracts.sessions import SessionTokens, TokenRequest
from headrace.errors import MalformedRequest
from headrace.identity_errors import GrantRefused, NotAuthenticated

FIELDS_MAX = 20  # of a form; OAuth 2 has half as many
FORM_BYTES_MAX = 16 << 10  # bytes


@post(
    "/session/token",
    opt=access(PUBLIC),
    status_code=200,
    operation_class=TokenForm,
    operation_id="get_tokens",
    summary="Sign in or refresh with an OAuth 2 client",
    responses=refusals() | refusal(403, "The account is disabled.") | refusal(429, TOO_MANY),
    request_max_body_size=FORM_BYTES_MAX,
)
async def get_tokens(request: AnyRequest) -> SessionTokens:
    """The password form of OAuth 2, and its refresh form, for clients that know no other way. `username` is the email address.

    The answer to what is not valid is `invalid_grant`, with status 400 as OAuth 2 has it.
    """
    asked = _read_form(require_body(await request.body()))
    try:
        return tokens_of(await _open(request, asked))
    except NotAuthenticated as error:
        raise GrantRefused(error.message) from error


async def _open(request: AnyRequest, asked: TokenRequest) -> OpenSession:
    if asked.grant_type == "refresh_token":
        return await state_of(request).sessions.refresh(asked.refresh_token, recorder(request))
    return await sign_in_by_password(request, asked.username, asked.password)


def _read_form(body: bytes) -> TokenRequest:
    """Read a form.

    Raises:
        MalformedRequest: It cannot be read, or has a field twice.
    """
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            errors="strict",
            max_num_fields=FIELDS_MAX,
        )
        if len(dict(pairs)) < len(pairs):
            raise ValueError("a field is there twice; send it once")
        return msgspec.convert(dict(pairs), TokenRequest)
    except msgspec.ValidationError as error:
        wrong = explain(str(error), TokenRequest)
        raise MalformedRequest(f"{wrong.path.lstrip('/')}: {wrong.message}".removeprefix(": "), [wrong]) from error
    except ValueError as error:
        message = f"the form cannot be read: {error}"
        raise MalformedRequest(message, [FieldError(path="", message=message)]) from error
