"""The routes below `/api/v1`, by resource."""

from __future__ import annotations

from litestar.handlers import HTTPRouteHandler

from headrace.api.v1.activity import get_activity
from headrace.api.v1.admin_settings import get_installation, get_settings, replace_settings
from headrace.api.v1.api_keys import create_api_key, get_api_key, list_api_keys, revoke_api_key
from headrace.api.v1.audit import list_audit
from headrace.api.v1.batch_events import follow_batch
from headrace.api.v1.batch_results import get_batch_results
from headrace.api.v1.batches import cancel_batch, get_batch, list_batches
from headrace.api.v1.cancellations import cancel, cancel_many
from headrace.api.v1.deletion import delete_task
from headrace.api.v1.events import follow_all, follow_task
from headrace.api.v1.file_content import download_file, get_file_content, put_file_part, upload_file
from headrace.api.v1.files import complete_file, create_file, delete_file, get_file, list_files
from headrace.api.v1.follow_links import follow_batch_by_link, follow_task_by_link, link_to_batch, link_to_task
from headrace.api.v1.kinds import list_kinds, pause, resume
from headrace.api.v1.preferences import replace_preferences
from headrace.api.v1.runs import run_again, run_batch_again, run_many_again
from headrace.api.v1.schedules import (
    create_schedule,
    delete_schedule,
    get_schedule,
    list_schedules,
    replace_schedule,
    run_schedule,
)
from headrace.api.v1.session import get_session, refresh_session, sign_in, sign_out
from headrace.api.v1.session_token import get_tokens
from headrace.api.v1.sessions import end_session, end_sessions, list_sessions
from headrace.api.v1.submit import submit
from headrace.api.v1.submit_batch import submit_batch
from headrace.api.v1.task_list import list_tasks
from headrace.api.v1.task_output import get_log, get_output
from headrace.api.v1.tasks import get_attempts, get_task, get_timeline, get_waiting
from headrace.api.v1.users import (
    change_password,
    change_user,
    create_service_account,
    decide_about_user,
    delete_user,
    end_sessions_of_user,
    get_user,
    list_users,
    register,
    reset_password,
)

ALL: list[HTTPRouteHandler] = [
    sign_in,
    refresh_session,
    sign_out,
    get_session,
    get_tokens,
    list_sessions,
    end_session,
    end_sessions,
    submit,
    list_tasks,
    get_task,
    get_timeline,
    get_attempts,
    get_waiting,
    get_log,
    get_output,
    get_activity,
    cancel,
    cancel_many,
    run_again,
    run_many_again,
    run_batch_again,
    delete_task,
    follow_task,
    follow_all,
    submit_batch,
    list_batches,
    get_batch,
    get_batch_results,
    cancel_batch,
    follow_batch,
    link_to_task,
    link_to_batch,
    follow_task_by_link,
    follow_batch_by_link,
    create_schedule,
    list_schedules,
    get_schedule,
    replace_schedule,
    delete_schedule,
    run_schedule,
    create_file,
    list_files,
    get_file,
    delete_file,
    complete_file,
    upload_file,
    put_file_part,
    get_file_content,
    download_file,
    list_kinds,
    pause,
    resume,
    register,
    create_service_account,
    list_users,
    get_user,
    replace_preferences,
    change_user,
    decide_about_user,
    delete_user,
    end_sessions_of_user,
    change_password,
    reset_password,
    create_api_key,
    list_api_keys,
    get_api_key,
    revoke_api_key,
    list_audit,
    get_settings,
    replace_settings,
    get_installation,
]
