"""The audit: who did what, on whom, and from where, recorded before the answer.

A change of an account is recorded in the transaction that makes it, so there is none without its entry. What is done elsewhere, such
as a cancellation in bulk or an administrator's look at what belongs to others, is recorded first, and not done when that fails.
"""

from __future__ import annotations

import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth.audit_data import encode_data
from headrace.api.auth.principal import principal_of
from headrace.api.edge.access_log import route_of
from headrace.api.edge.client_address import client_address
from headrace.api.edge.correlation import correlation_id
from headrace.api.edge.known_principal import known_principal
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.contracts.audit import Action
from headrace.identity_errors import AuditUnavailable, IdentityUnavailable
from headrace.log import clock
from headrace.store.audit import add_entries
from headrace.store.identity_tables import AuditRow

SHOWN_BYTES = 8  # of the hash of an e-mail address: enough to see that two attempts were for the same one


async def audit(
    request: AnyRequest,
    action: Action,
    *,
    subject: str | None = None,
    actor: str | None = None,
    session: AsyncSession | None = None,
    **data: object,
) -> None:
    """Record what a request does.

    Args:
        request: The request.
        action: What is done.
        subject: The id of the user or the thing it is done to.
        actor: The id of who does it; by default that of the principal, None for somebody who is not signed in.
        session: The transaction that makes the change; by default the entry has one of its own.
        data: What else belongs to it, as JSON. Never a secret, never a body.

    Raises:
        AuditUnavailable: Postgres cannot be reached, and no ``session`` was given.
    """
    entry = entry_of(request, action, subject=subject, actor=actor, **data)
    if session is not None:
        await add_entries(session, [entry])
        return
    try:
        async with state_of(request).identity.transaction() as own:
            await add_entries(own, [entry])
    except IdentityUnavailable as error:
        raise AuditUnavailable(
            "this is done only when it can be recorded, which is not possible at the moment; try again shortly"
        ) from error


async def audit_view(request: AnyRequest, owner: str) -> None:
    """Record that an administrator looks at what belongs to an owner. The same look has one entry in a minute.

    Raises:
        AuditUnavailable: Postgres cannot be reached. Then nothing may be shown.
    """
    principal, looks = principal_of(request), state_of(request).looks
    look = (principal.credential, owner, route_of(request.scope))
    if not looks.is_covered(look):
        await audit(request, Action.USER_VIEWED, subject=owner, method=request.method, route=look[2])
        looks.cover(look)


async def audit_failed_sign_in(
    request: AnyRequest, reason: str, *, email: str | None = None, user: str | None = None
) -> None:
    """Record that somebody could not sign in, unless there were too many lately: the next entry says how many it left out.

    Args:
        request: The request.
        reason: Why, in a word.
        email: What was typed. It may be a password in the wrong field, so only a keyed hash of it is kept.
        user: The id of the account, if there is one.

    Raises:
        AuditUnavailable: Postgres cannot be reached.
    """
    api = state_of(request)
    left_out = api.failed_sign_ins.take()
    if left_out is None:
        return
    shown = None if email is None else api.secrets.hash(email.lower())[:SHOWN_BYTES].hex()
    await audit(request, Action.SIGN_IN_FAILED, subject=user, reason=reason, email_hash=shown, left_out_before=left_out)


def entry_of(
    request: AnyRequest, action: Action, *, subject: str | None = None, actor: str | None = None, **data: object
) -> AuditRow:
    """Return the entry that `audit` writes, for those who write it by themselves."""
    principal = known_principal(request.scope)
    if principal is not None:
        actor = actor or principal.id
        data["credential"] = principal.credential
    return AuditRow(
        id=str(uuid_utils.uuid7()),
        at=clock.now(),
        actor=actor,
        action=action,
        subject=subject,
        address=client_address(request.scope) or None,
        correlation_id=correlation_id(request.scope) or None,
        data=encode_data(data),
    )
