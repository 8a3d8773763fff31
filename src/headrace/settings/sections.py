"""The settings, a Struct for each section. `docs/settings.md` is made from this module."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from headrace.settings.api_sections import ApiSettings, LimitsSettings
from headrace.settings.database_parts import join_parts
from headrace.settings.environments import Environment, with_defaults
from headrace.settings.object_storage import ObjectsSettings
from headrace.settings.reading import PREFIX, SettingsError, read_struct
from headrace.settings.replaced import replaced_variables
from headrace.settings.servers import DatabaseSettings, NatsSettings, keys_without_certificate
from headrace.settings.texts import (
    URL_PATTERN,
    ApiKeyText,
    OperationsBind,
    Seconds,
)


class StreamSettings(Struct, frozen=True, kw_only=True):
    """The log. A change is applied at the next start of any process."""

    retention: Annotated[float, Meta(ge=60, le=10 * 366 * 86_400, description="Seconds an event stays in the log.")] = (
        7 * 24 * 3600.0
    )
    max_tasks: Annotated[
        int,
        Meta(
            ge=0,
            le=1_000_000_000,
            description="How many finished tasks stay in the log until then; the oldest beyond that leave it early. 0 for all of them.",
        ),
    ] = 500_000
    max_bytes: Annotated[
        int, Meta(ge=1 << 20, le=1 << 60, description="Size at which the log refuses work with 503.")
    ] = 8 << 30
    replicas: Annotated[int, Meta(ge=1, le=5, description="Copies of the log; 3 in production.")] = 1
    ack_wait: Annotated[
        float,
        Meta(ge=0.5, le=3600, description="Seconds without a heartbeat after which a task is given to another worker."),
    ] = 30.0
    append_timeout: Annotated[Seconds, Meta(description="Seconds to wait for the log to acknowledge an append.")] = 5.0


class WorkerSettings(Struct, frozen=True, kw_only=True):
    """`headrace worker`."""

    slots: Annotated[int, Meta(ge=3, le=10_000, description="Tasks of one async kind a worker runs at a time.")] = 64
    threads: Annotated[
        int, Meta(ge=3, le=256, description="Tasks of one plain-function kind a worker runs at a time.")
    ] = 8
    grace: Annotated[Seconds, Meta(description="Seconds running tasks have to end in after SIGTERM.")] = 20.0
    ops: OperationsBind = "127.0.0.1:8081"
    record: Annotated[
        str | None,
        Meta(
            description="A file of this worker's own, where it notes what it runs: the one after it fails a task that held it "
            "up, instead of trying it twice more. None by default; `up` has one."
        ),
    ] = None
    scratch: Annotated[
        str | None,
        Meta(
            description="A directory for local copies of files, which go with the attempt that needed them; one among the temporary "
            "ones of the system by default."
        ),
    ] = None


class ProjectorSettings(Struct, frozen=True, kw_only=True):
    """`headrace projector`."""

    ops: OperationsBind = "127.0.0.1:8082"


class AdminSettings(Struct, frozen=True, kw_only=True):
    """`headrace admin create`."""

    email: Annotated[
        str | None,
        Meta(description="Email address of the administrator that `headrace admin create` makes; else it asks."),
    ] = None
    password: Annotated[str | None, Meta(description="Password of that administrator; else it asks.")] = None


class AuditSettings(Struct, frozen=True, kw_only=True):
    """`headrace migrate` and `headrace admin trim-audit`."""

    retention_days: Annotated[
        int,
        Meta(
            ge=30,
            le=36_600,
            description="Days for which entries of the audit are kept, 30 or more: by default a year, and a month to look back on it.",
        ),
    ] = 400


class Settings(Struct, frozen=True, kw_only=True):
    """Everything that can be set."""

    env: Annotated[
        Environment,
        Meta(description="local, staging or production: chooses defaults; production refuses what is not safe there."),
    ] = "local"
    home: Annotated[
        str | None,
        Meta(
            description="Where `headrace up` keeps its data; the user-data directory by default, for root /var/lib/headrace."
        ),
    ] = None
    url: Annotated[
        str,
        Meta(
            pattern=URL_PATTERN,
            description="The API, for the command line.",
        ),
    ] = "http://127.0.0.1:8080"
    api_key: Annotated[
        ApiKeyText | None,
        Meta(
            description="The key with which the command line calls the API; by default what `headrace login` has kept for that "
            "server, and for the running `up` the one of its home.",
        ),
    ] = None
    consumers: Annotated[str, Meta(description="The package with the task kinds.")] = "consumers"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="The least that is logged: debug, info, warning or error."),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "json", "pretty"], Meta(description="auto: pretty on a terminal, JSON elsewhere.")
    ] = "auto"
    nats: NatsSettings = NatsSettings()
    stream: StreamSettings = StreamSettings()
    database: DatabaseSettings = DatabaseSettings()
    objects: ObjectsSettings = ObjectsSettings()
    api: ApiSettings = ApiSettings()
    limits: LimitsSettings = LimitsSettings()
    worker: WorkerSettings = WorkerSettings()
    projector: ProjectorSettings = ProjectorSettings()
    admin: AdminSettings = AdminSettings()
    audit: AuditSettings = AuditSettings()

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Settings:
        """Read the settings from an environment. An empty value counts as not set.

        Raises:
            SettingsError: naming every variable whose value cannot be used, and why.
        """
        wrong = replaced_variables(environ)
        settings = read_struct(cls, PREFIX, with_defaults(environ), wrong)
        settings = replace(settings, database=join_parts(settings.database, wrong))
        wrong += keys_without_certificate(settings.nats, settings.database)
        if wrong:
            raise SettingsError(wrong, settings)
        return settings
