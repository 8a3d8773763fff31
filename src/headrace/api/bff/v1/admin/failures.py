"""Failures of all accounts, for administrators: which are alike, how often they come, and one sort of them closely."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter, QueryParameter
from msgspec import structs

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.attention_facts import to_group
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.bff.rows import task_rows
from headrace.api.bff.value_parts import stored_part
from headrace.api.edge.openapi import OfAnyOwner, refusals
from headrace.api.edge.request import INSTANT_CHARS_MAX, AnyRequest, AtCursor, AtLeast, OfKind, read_instant
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.contracts.filters import ANY_OWNER, Filter
from headrace.contracts.fingerprints import FINGERPRINT_PATTERN
from headrace.contracts.screens.failures import FailureGroup, FailureSample, FailuresV1, SelectedFailures
from headrace.contracts.tasks import FailureCode, FileRole, State
from headrace.log import clock
from headrace.store import counts
from headrace.store.counts import FailureFilter, count_failures, list_failure_groups
from headrace.store.cursors import Cursor
from headrace.store.failed_alike import find_newest_alike, list_failed_alike
from headrace.store.failure_counts import hour_of
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY

GROUPS_MAX = 20  # of a page; each is looked up at several places
ITEMS_MAX = 10  # tasks of the selected group on a page


FromHour = Annotated[
    str | None,
    QueryParameter(
        name="from", max_length=INSTANT_CHARS_MAX, description="From the begin of the hour of this time on."
    ),
]
OfGroup = Annotated[str | None, Parameter(pattern=FINGERPRINT_PATTERN, description="The group to select.")]
AtItem = Annotated[str | None, Parameter(max_length=200, description="`selected.next_cursor` of the page before.")]


class Page(NamedTuple):
    """One page of groups, and where the next one begins."""

    groups: list[FailureGroup]
    next_cursor: str | None


@get(
    "/admin/failures",
    operation_id="show_failures",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    operation_class=OfAnyOwner,
    summary="Failures that are alike",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_failures(
    request: AnyRequest,
    kind: OfKind = None,
    code: FailureCode | None = None,
    since: FromHour = None,
    fingerprint: OfGroup = None,
    limit: Annotated[int, Parameter(ge=1, le=GROUPS_MAX)] = GROUPS_MAX,
    cursor: AtCursor = None,
    items_cursor: AtItem = None,
    at_least: AtLeast = None,
) -> Response[FailuresV1]:
    """Groups of all accounts, or of one when `owner` names it; those that failed last come first."""
    owner = caller(request) if "owner" in request.query_params else EVERYBODY
    given = read_instant("from", since)
    wanted = FailureFilter(kind=kind, code=code, since=None if given is None else hour_of(given))
    total = Reading("total", lambda session: count_failures(session, owner, wanted))
    groups = Reading("groups", partial(_groups, owner, wanted, None if cursor is None else Cursor.parse(cursor), limit))
    after = None if items_cursor is None else Cursor.parse(items_cursor, "items_cursor")
    selected = Reading("selected", partial(_selected, owner, fingerprint, wanted.since, after))

    def build(composed: Composed) -> FailuresV1:
        page = composed.value(groups)
        return FailuresV1(
            **composed.envelope,
            total=composed.value(total),
            groups=None if page is None else page.groups,
            next_cursor=None if page is None else page.next_cursor,
            selected=composed.value(selected),
        )

    api = state_of(request)
    readings = (total, groups) if fingerprint is None else (total, groups, selected)
    return await api.screens.show(request, FailuresV1, build, FromReadModel(api, *readings, at_least=at_least))


async def _groups(owner: str, wanted: FailureFilter, after: Cursor | None, limit: int, session: Reads) -> Page:
    found, more = await list_failure_groups(session, owner, wanted, clock.now(), after, limit)
    return Page([_group(each) for each in found], str(more) if more else None)


def _group(found: counts.FailureGroup) -> FailureGroup:
    return FailureGroup(**structs.asdict(to_group(found)), owners=found.owners, per_hour=found.per_hour)


async def _selected(
    owner: str, fingerprint: str | None, since: datetime | None, after: Cursor | None, session: Reads
) -> SelectedFailures | None:
    if fingerprint is None:
        return None
    found, more = await list_failed_alike(session, owner, fingerprint, since, after, ITEMS_MAX)
    newest = await find_newest_alike(session, owner, fingerprint, since)
    return SelectedFailures(
        filter=Filter(
            state=[State.FAILED],
            fingerprint=fingerprint,
            finished_from=since,
            owner=ANY_OWNER if owner == EVERYBODY else owner,
        ),
        items=await task_rows(session, found, show_owners=True),
        next_cursor=str(more) if more else None,
        sample=None
        if newest is None
        else FailureSample(
            task=newest.id,
            traceback=newest.traceback,
            input=stored_part(newest.input.encode(), newest.files, FileRole.INPUT),
        ),
    )
