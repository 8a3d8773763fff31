"""Authentication: whose a request is, decided by its headers before its body is read.

`authorize` runs before every route of the application. It finds out who asks, and whether the rule of the route lets them in.
"""

from __future__ import annotations

from time import time

from headrace.api.auth.access import check_access, rule_of
from headrace.api.auth.accounts import HOW_TO_FIND_IDS
from headrace.api.auth.audit import audit_view
from headrace.api.auth.cookies import access_cookie, refresh_cookie
from headrace.api.auth.credentials import TOKEN_CHARS_MAX
from headrace.api.auth.csrf import check_csrf
from headrace.api.auth.principal import act_for, keep_principal, principal_of
from headrace.api.edge.admission import SAFE_METHODS
from headrace.api.edge.client_address import client_network
from headrace.api.edge.headers import read_headers
from headrace.api.edge.json_body import AFTER_BODY
from headrace.api.edge.openapi import OWNER, OfAnyOwner
from headrace.api.edge.query import check_query
from headrace.api.edge.request import AnyRequest, is_id
from headrace.api.state import state_of
from headrace.contracts.filters import ANY_OWNER
from headrace.contracts.problems import FieldError
from headrace.errors import MalformedRequest
from headrace.identity.key_format import is_key
from headrace.identity.principals import Principal
from headrace.identity_errors import Forbidden, NotAuthenticated
from headrace.store.tables import EVERYBODY

SCHEME = b"bearer"
EXPIRED_SECONDS = 60.0  # for which a request may outlive its token, so that an honest upload does not fail

_NO_CREDENTIAL = "this request has no credential"
# The browser has deleted the cookie of the access token, and still has the other one.
_EXPIRED = "the access token of this session has expired; refresh it with PUT /api/v1/session, or sign in again"


async def enter(request: AnyRequest) -> None:
    """Let a request of the API in, once its query is known to be one that its route takes.

    Raises:
        NotAuthenticated: The request has no valid credential.
        Forbidden: The credential does not allow this.
        IdentityUnavailable: The credential cannot be verified at the moment.
        MalformedRequest: A parameter of the query is unknown, or given twice.
    """
    await authorize(request)
    if request.scope["query_string"]:
        check_query(request)
        if (owner := request.query_params.get(OWNER)) is not None:
            await _act_for(request, owner)


async def _act_for(request: AnyRequest, owner: str) -> None:
    """Let an administrator read what belongs to another owner. The audit has it before the answer has begun.

    Raises:
        Forbidden: The caller is no administrator.
        MalformedRequest: No owner can have this id.
        AuditUnavailable: The look cannot be recorded at the moment.
    """
    principal = principal_of(request)
    if owner == principal.id:
        return
    if not principal.is_admin:
        raise Forbidden("only administrators may read what belongs to others; leave out owner")
    if owner == ANY_OWNER and issubclass(request.route_handler.operation_class, OfAnyOwner):
        await audit_view(request, owner)
        act_for(request, EVERYBODY)
        return
    if not is_id(owner):
        message = f"{owner[:80]!r} is not the id of an owner; {HOW_TO_FIND_IDS}"
        raise MalformedRequest(message, [FieldError(path="query owner", message=message)])
    await audit_view(request, owner)
    act_for(request, owner)


async def authorize(request: AnyRequest) -> None:
    """Let a request in, or refuse it.

    Raises:
        NotAuthenticated: The request has no valid credential.
        Forbidden: The credential does not allow this, or the route has no rule.
        IdentityUnavailable: The credential cannot be verified at the moment.
        TooManyRequests: The principal has made as many requests as it may, or the address has presented too many wrong keys.
    """
    rule = rule_of(request.route_handler)
    if rule is None:
        raise Forbidden("nobody may use this; the route declares no access rule")
    if rule.is_public:
        return
    token = _credential_of(request)
    api = state_of(request)
    principal = api.credentials.known(token) or await verify(request, token)
    # What a credential may not do is not counted: whoever found a weak key could keep its owner from revoking it.
    check_access(principal, rule)
    # Whoever found a key could also spend the limit of its account; what ends access counts for the one credential.
    await api.limits.count(request.scope, principal.credential if rule.ends_access else principal.id)
    api.last_used.note(principal)
    keep_principal(request, principal)
    if request.method not in SAFE_METHODS:
        # A body may arrive much later than the headers by which the request was let in.
        request.scope["state"][AFTER_BODY] = check_still_good


async def verify(request: AnyRequest, token: str) -> Principal:
    """Verify the credential of a request. Wrong keys are counted for the address that they come from.

    Raises:
        NotAuthenticated: It is not valid.
        IdentityUnavailable: It cannot be verified at the moment.
        TooManyRequests: Too many wrong keys have come from this address, and this one was not verified lately.
    """
    api = state_of(request)
    if not is_key(token):
        # Access tokens are verified without Postgres, and nobody guesses one.
        return await api.credentials.verify(token)
    if api.credentials.was_verified(token):
        return await api.credentials.verify(token)
    async with api.limits.wrong_credentials.attempt(client_network(request.scope)):
        return await api.credentials.verify(token)


def _credential_of(request: AnyRequest) -> str:
    """Return the key or the access token that a request is made with.

    The header Authorization wins over a cookie: somebody has set it for this request, and the cookie is sent with all of them.

    Raises:
        NotAuthenticated: There is none, or none that can be used.
        CsrfRefused: It is a cookie, and a page of another site could have made the browser send the request.
    """
    headers = read_headers(request.scope)
    token = presented_token(headers)
    if token is None:
        token = access_cookie(headers)
        if token is None:
            if refresh_cookie(headers) is None:
                raise NotAuthenticated(_NO_CREDENTIAL)
            raise NotAuthenticated(_EXPIRED, remedy=None)
        check_csrf(request.method, headers)
    return token


def presented_token(headers: dict[bytes, bytes]) -> str | None:
    """Return the token that a request presents; None when it presents none.

    Raises:
        NotAuthenticated: The header Authorization has another scheme than Bearer, or no usable token.
    """
    given = headers.get(b"authorization")
    return None if given is None else _bearer_token(given)


def _bearer_token(given: bytes) -> str:
    """Return the token of an Authorization header (RFC 6750, section 2.1).

    Raises:
        NotAuthenticated: There is none.
    """
    scheme, _, token = given.partition(b" ")
    if scheme.lower() != SCHEME:
        raise NotAuthenticated("the header Authorization has a scheme other than Bearer")
    if not token or len(token) > TOKEN_CHARS_MAX or not token.isascii():
        raise NotAuthenticated("the header Authorization has no token that can be read", is_invalid=True)
    return token.decode("ascii")


def check_still_good(request: AnyRequest) -> None:
    """Refuse a request that went on for a while, if its credential has ended or its account was changed meanwhile.

    Raises:
        NotAuthenticated: The credential is not valid any more.
    """
    principal = principal_of(request)
    has_expired = principal.expires_at is not None and principal.expires_at + EXPIRED_SECONDS < time()
    if has_expired or not state_of(request).revocations.is_good(principal):
        raise NotAuthenticated("this credential is not valid any more", is_invalid=True)
