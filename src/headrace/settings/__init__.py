"""Settings: one frozen Struct, read from ``HEADRACE_*`` environment variables.

A field ``url`` of the section ``nats`` is ``HEADRACE_NATS_URL``; a field at the top is ``HEADRACE_<FIELD>``. A secret or a URL
may be in a file instead, which ``HEADRACE_NATS_URL_FILE`` names.
"""

from headrace.settings.addresses import PORT_MAX, split_bind
from headrace.settings.api_sections import ApiSettings, LimitsSettings
from headrace.settings.environments import Environment
from headrace.settings.reading import PREFIX, SettingsError
from headrace.settings.sections import (
    ProjectorSettings,
    Settings,
    StreamSettings,
    WorkerSettings,
)
from headrace.settings.servers import DatabaseSettings, NatsSettings
from headrace.settings.spelling import unknown_variables
from headrace.settings.texts import ProxyHeader

__all__ = [
    "PORT_MAX",
    "PREFIX",
    "ApiSettings",
    "DatabaseSettings",
    "Environment",
    "LimitsSettings",
    "NatsSettings",
    "ProjectorSettings",
    "ProxyHeader",
    "Settings",
    "SettingsError",
    "StreamSettings",
    "WorkerSettings",
    "split_bind",
    "unknown_variables",
]
