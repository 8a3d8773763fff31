"""The routes below `/bff/v1`: one for each screen, and a stream for each role."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from headrace.api.bff.v1.admin.audit import show_audit
from headrace.api.bff.v1.admin.batch_detail import show_batch_of_anybody
from headrace.api.bff.v1.admin.batches import show_batches_of_everybody
from headrace.api.bff.v1.admin.events import follow_everybody
from headrace.api.bff.v1.admin.failures import show_failures
from headrace.api.bff.v1.admin.operations import show_operations
from headrace.api.bff.v1.admin.overview import show_overview
from headrace.api.bff.v1.admin.pending_users import show_pending_users
from headrace.api.bff.v1.admin.settings import show_settings
from headrace.api.bff.v1.admin.task_detail import show_task_of_anybody
from headrace.api.bff.v1.admin.tasks import show_tasks_of_everybody
from headrace.api.bff.v1.admin.users import show_users
from headrace.api.bff.v1.member.account import show_account
from headrace.api.bff.v1.member.batch_detail import show_batch
from headrace.api.bff.v1.member.batches import show_batches
from headrace.api.bff.v1.member.dashboard import show_dashboard
from headrace.api.bff.v1.member.events import follow_own
from headrace.api.bff.v1.member.files import show_files
from headrace.api.bff.v1.member.new_task import show_new_task
from headrace.api.bff.v1.member.schedules import show_schedules
from headrace.api.bff.v1.member.task_detail import show_task
from headrace.api.bff.v1.member.tasks import show_tasks
from headrace.api.bff.v1.session import show_session

ALL: list[HTTPRouteHandler] = [
    show_tasks,
    show_tasks_of_everybody,
    show_task,
    show_task_of_anybody,
    show_batches,
    show_batches_of_everybody,
    show_batch,
    show_batch_of_anybody,
    show_session,
    show_dashboard,
    show_new_task,
    show_account,
    show_schedules,
    show_files,
    show_overview,
    show_operations,
    show_failures,
    show_users,
    show_pending_users,
    show_settings,
    show_audit,
    follow_own,
    follow_everybody,
]
