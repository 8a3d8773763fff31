"""Making follow links: what is asked for with a submission, or later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Literal

import msgspec

from headrace.api.edge.request import AnyRequest
from headrace.api.state import ApiState
from headrace.contracts.follow_links import SECONDS_MAX, FollowLink, FollowLinkRequest
from headrace.contracts.problems import FieldError
from headrace.errors import InvalidInput
from headrace.identity.follow_tokens import Grant

PREFIX = "/api/v1/follow"


def asked_link(api: ApiState, request: AnyRequest) -> FollowLinkRequest | None:
    """What ``?follow_link=`` of a submission asks for, so many seconds; to be looked at before anything is accepted.

    Raises:
        InvalidInput: that is not so many seconds as a link may be good for.
        FollowLinksOff: there is no secret to sign one with.
    """
    given = request.query_params.get("follow_link") if request.scope["query_string"] else None
    if given is None:
        return None
    try:
        asked = msgspec.convert({"expires_in": given}, FollowLinkRequest, strict=False)
    except msgspec.ValidationError as error:
        message = f"a follow link is good for 1 to {SECONDS_MAX:,.0f} seconds: {error}"
        raise InvalidInput(message, [FieldError(path="query follow_link", message=message)]) from error
    api.follow_tokens.check()
    return asked


def make_link(
    api: ApiState, request: AnyRequest, what: Literal["task", "batch"], id_: str, owner: str, asked: FollowLinkRequest
) -> FollowLink:
    """A link to something of an owner.

    Raises:
        FollowLinksOff: there is no secret to sign it with.
    """
    until = ceil((datetime.now(UTC) + timedelta(seconds=asked.expires_in)).timestamp())
    token = api.follow_tokens.make(Grant(what, id_, owner, until))
    base = api.public_url or str(request.base_url).rstrip("/")
    collection = "tasks" if what == "task" else "batches"
    return FollowLink(
        url=f"{base}{PREFIX}/{collection}/{id_}/events?token={token}", expires_at=datetime.fromtimestamp(until, UTC)
    )
