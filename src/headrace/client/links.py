"""The request for a follow link, which lets a browser without credentials follow one task or one batch."""

from __future__ import annotations

from datetime import timedelta

from headrace.client.connection import Call, given, path

LINK_SECONDS = 900.0  # for as long as a page is looked at; whoever stays longer asks the backend for another one


def link_call(things: str, id_: str, expires_in: float | timedelta) -> Call:
    """Return the request for a link to one of ``things``, ``tasks`` or ``batches``. Sent twice, it makes two links, which does no harm."""
    body = given(expires_in=expires_in)
    return Call(method="POST", path=path(things, id_, "follow-links"), body=body, repeatable=True)
