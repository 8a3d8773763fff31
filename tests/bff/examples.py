"""Examples of what each screen is sent: with everything, with nothing, with one part that is stale, and with one that is missing.

They are Structs, so that they cannot have what is never sent. `tests.bff.golden` writes them to files, which the web application also
decodes, and answers with when it runs without a server.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec import Struct
from msgspec.structs import replace

from headrace.api.bff.setting_groups import setting_groups
from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, Scope, UserState
from headrace.contracts.run_time_settings import AccountLimits, RunTimeSettings, SettingsVersion
from headrace.contracts.schedules import ScheduleDefinition
from headrace.contracts.screens.account import (
    AccountKey,
    AccountSession,
    AccountUser,
    AccountV1,
    Preferences,
    StorageUsage,
    StreamUsage,
    SubmissionUsage,
    Usage,
)
from headrace.contracts.screens.audit import AuditItem, AuditTarget, AuditV1
from headrace.contracts.screens.batch_detail import BatchDetailV1
from headrace.contracts.screens.batches import BatchesV1
from headrace.contracts.screens.dashboard import DashboardV1
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.failures import FailuresV1
from headrace.contracts.screens.files import FilesV1
from headrace.contracts.screens.new_task import NewTaskV1
from headrace.contracts.screens.operations import OperationsV1
from headrace.contracts.screens.overview import OverviewV1
from headrace.contracts.screens.schedules import LastFiring, RecentRun, ScheduleEntry, SchedulesV1
from headrace.contracts.screens.session import Features, SessionUser, SessionV1
from headrace.contracts.screens.settings import ServiceStatus, SettingsV1
from headrace.contracts.screens.task_detail import TaskDetailV1
from headrace.contracts.screens.tasks import TasksV1
from headrace.contracts.screens.users import PendingUser, PendingUsersV1, UserCounts, UserEntry, UsersV1
from headrace.contracts.sessions import CsrfHeader
from headrace.contracts.tasks import Priority, State
from tests.bff.detail_examples import batch_detail, task_detail
from tests.bff.example_values import (
    ADA,
    AT,
    BEN,
    CURSOR,
    LATE,
    NO_ACCOUNTS,
    NO_LISTS,
    OF_IDENTITY,
    OF_READ_MODEL,
    SCHEDULE,
    TASK,
    ago,
    four,
)
from tests.bff.list_examples import batches, files, tasks
from tests.bff.new_task_examples import new_task
from tests.bff.operations_examples import operations, overview
from tests.bff.overview_examples import dashboard, failures


def account() -> dict[str, Struct]:
    full = AccountV1(
        **OF_IDENTITY,
        user=AccountUser(
            id=ADA,
            email="ada@example.com",
            display_name="Ada",
            role=Role.MEMBER,
            created_at=ago(days=40),
            approved_at=ago(days=39),
        ),
        sessions=[
            AccountSession(
                id="01980f6e-0000-7000-8000-000000005e55",
                current=True,
                created_at=ago(hours=3),
                seen_at=ago(minutes=4),
                address="192.0.2.7",
                agent="Mozilla/5.0 (X11; Linux x86_64)",
            )
        ],
        keys=[
            AccountKey(
                id="01980f6e-0000-7000-8000-00000000ee41",
                name="nightly import",
                prefix="7Qd2",
                scopes=[Scope.TASKS_READ, Scope.TASKS_WRITE],
                created_at=ago(days=12),
                expires_at=AT + timedelta(days=90),
                used_at=ago(minutes=50),
            )
        ],
        usage=Usage(
            submissions=SubmissionUsage(limit=600, used=41, window_seconds=60),
            storage=StorageUsage(limit_bytes=10 << 30, used_bytes=123_456_789),
            streams=StreamUsage(limit=50, open=2),
        ),
        preferences=Preferences(language="de", theme="dark", time_zone="Europe/Berlin", hours="24", density="compact"),
    )
    unused = Usage(
        submissions=SubmissionUsage(limit=600, used=0, window_seconds=60),
        storage=None,
        streams=StreamUsage(limit=50, open=0),
    )
    nothing = {"sessions": [], "keys": [], "usage": unused, "preferences": Preferences()}
    return four(full, nothing, "usage", LATE)


def schedules() -> dict[str, Struct]:
    definition = ScheduleDefinition(
        kind="table_profile",
        input={"url": "https://example.com/table.csv"},
        cron="0 30 9 * * 1-5",
        time_zone="Europe/Berlin",
        name="Every working day",
        priority=Priority.LOW,
    )
    entry = ScheduleEntry(
        id=SCHEDULE,
        name=definition.name,
        kind=definition.kind,
        definition=definition,
        next=[datetime(2026, 3, day, 8, 30, tzinfo=UTC) for day in (3, 4, 5, 6, 9)],
        last=LastFiring(at=ago(minutes=45), task=TASK, state=State.SUCCEEDED),
        recent=[RecentRun(task=TASK, state=State.SUCCEEDED, at=ago(minutes=45), seconds=12.5)],
        problem=None,
        updated_at=ago(days=3),
        position="1795745875256-4600",
    )
    rests = replace(
        entry,
        id="01980f6f-0000-7000-8000-00000000dead",
        name=None,
        definition=ScheduleDefinition(kind="old_kind", input={}, every=3600),
        kind="old_kind",
        next=[],
        last=None,
        recent=[],
        problem="the kind old_kind is disabled; firings submit nothing until it is enabled",
    )
    full = SchedulesV1(**OF_READ_MODEL, items=[entry, rests], next_cursor=CURSOR)
    missing = ("items", "next_cursor", "position")
    return four(full, {"items": [], "next_cursor": None}, "items", NO_LISTS, *missing)


def users() -> dict[str, Struct]:
    entry = UserEntry(
        id=ADA,
        email="ada@example.com",
        display_name="Ada",
        role=Role.MEMBER,
        state=UserState.ACTIVE,
        created_at=ago(days=40),
        seen_at=ago(minutes=4),
        running=3,
        queued=120,
        keys=1,
        sessions=2,
        storage_bytes=123_456_789,
    )
    program = replace(
        entry,
        id=BEN,
        email=None,
        display_name="nightly import",
        role=Role.SERVICE,
        seen_at=None,
        running=None,
        queued=None,
        storage_bytes=None,
    )
    counts = UserCounts(pending=1, active=41, rejected=2, disabled=1)
    full = UsersV1(**OF_IDENTITY, items=[entry, program], next_cursor=CURSOR, counts=counts)
    return four(full, {"items": [], "next_cursor": None, "counts": UserCounts()}, "counts", NO_ACCOUNTS)


def pending_users() -> dict[str, Struct]:
    waiting = PendingUser(
        id=BEN,
        email="ben@example.com",
        display_name="Ben",
        note="I mark essays of class 9b.",
        registered_at=ago(hours=2),
        address="192.0.2.9",
    )
    full = PendingUsersV1(**OF_IDENTITY, items=[waiting, replace(waiting, note=None, address=None)], next_cursor=CURSOR)
    return four(full, {"items": [], "next_cursor": None}, "items", NO_ACCOUNTS, "items", "next_cursor")


def settings() -> dict[str, Struct]:
    changed = RunTimeSettings(
        registration="closed",
        banner="Maintenance tonight at 22:00",
        disabled_kinds=["old_kind"],
        limits=AccountLimits(submissions=1200),
    )
    version = SettingsVersion(version=7, at=ago(days=1), by=ADA, settings=changed)
    history = dict.fromkeys(("banner", "limits"), version)
    full = SettingsV1(
        **OF_IDENTITY,
        version=7,
        groups=setting_groups(changed, history, {ADA: "ada@example.com"}),
        status=ServiceStatus(state="degraded", message="mail is slow today", at=ago(seconds=1)),
    )
    nothing = {"version": 0, "groups": setting_groups(RunTimeSettings(), {}, {}), "status": None}
    away = (
        "external_service_error",
        "the service at HEADRACE_API_STATUS_URL does not answer in time; try again shortly",
    )
    return four(full, nothing, "status", away)


def audit() -> dict[str, Struct]:
    item = AuditItem(
        id="01980f6e-0000-7000-8000-0000000a0d17",
        at=ago(minutes=3),
        actor=Ref(id=ADA, name="ada@example.com"),
        action=Action.KEY_CREATED,
        target=AuditTarget(type="key", id="01980f6e-0000-7000-8000-00000000ee41", name=None),
        address="192.0.2.7",
        agent="Mozilla/5.0 (X11; Linux x86_64)",
        details={"name": "nightly import", "scopes": ["tasks:read"]},
        correlation_id="01980f6e000070008000000000000c0r",
    )
    nobody = replace(item, actor=None, target=None, address=None, agent=None, details={}, correlation_id=None)
    full = AuditV1(**OF_IDENTITY, items=[item, nobody], next_cursor=CURSOR, actions=[str(each) for each in Action])
    nothing = {"items": [], "next_cursor": None}
    return four(full, nothing, "items", NO_ACCOUNTS, "items", "next_cursor")


def session() -> dict[str, Struct]:
    """It has no parts: the web application starts with it, or does not start."""
    user = SessionUser(id=ADA, email="ada@example.com", display_name="Ada", role=Role.ADMIN, state=UserState.ACTIVE)
    full = SessionV1(
        at=AT,
        user=user,
        csrf=CsrfHeader(name="X-Headrace-CSRF", value="1"),
        preferences=Preferences(language="de", theme="dark", time_zone="Europe/Berlin", hours="24", density="compact"),
        features=Features(files=True, follow_links=True, registration=True),
        version="0.1.0",
    )
    program = replace(user, email=None, role=Role.SERVICE)
    without = Features(files=False, follow_links=False, registration=False)
    return {"full": full, "empty": replace(full, user=program, preferences=Preferences(), features=without)}


SCREENS: dict[type[Struct], dict[str, Struct]] = {
    SessionV1: session(),
    DashboardV1: dashboard(),
    NewTaskV1: new_task(),
    OverviewV1: overview(),
    OperationsV1: operations(),
    FailuresV1: failures(),
    TasksV1: tasks(),
    BatchesV1: batches(),
    TaskDetailV1: task_detail(),
    BatchDetailV1: batch_detail(),
    AccountV1: account(),
    SchedulesV1: schedules(),
    FilesV1: files(),
    UsersV1: users(),
    PendingUsersV1: pending_users(),
    SettingsV1: settings(),
    AuditV1: audit(),
}
"""The examples of each screen. A new screen is added here, and `just openapi` writes its file."""
