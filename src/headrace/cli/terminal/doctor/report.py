"""What `headrace doctor` collects."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct, field

from headrace.cli.terminal.nats_monitor import NatsServer
from headrace.contracts.run_time_settings import Retention
from headrace.lag.rows import Row
from headrace.log.extent import LogExtent

CLOCK_SECONDS = 1.0  # between two clocks from which on it is a finding: tasks start that much too late or too early
DISK_FREE_PERCENT_MIN = 10.0  # of a disk that NATS or Postgres of this machine writes to


class Found(Struct, frozen=True, kw_only=True):
    """Something that is wrong: what it is about, what was found, and what to do."""

    about: str
    what: str
    remedy: str


class StreamLine(Struct, frozen=True, kw_only=True):
    """A stream of Headrace: how much is in it, how many copies it has, and which version made or changed it."""

    name: str
    records: int
    bytes: int
    replicas: int
    version: str | None


class Disk(Struct, frozen=True, kw_only=True):
    """The disk of a `headrace up`, in bytes."""

    path: str
    free: int
    total: int


class Report(Struct, kw_only=True):
    """Everything that was collected.

    Attributes:
        at: When, by the clock of this machine.
        versions: Of Headrace, Python, NATS and Postgres; None for what did not answer.
        settings: The variables that are set, with ``(hidden)`` for secrets.
        streams: The streams.
        log: The extent of the log; None when it could not be asked.
        kinds: The rows of `headrace lag`, which describe the consumers.
        nats_servers: The servers whose monitoring ports are known.
        revision: The newest migration of the database, and the one that this version needs.
        clocks: How many seconds each clock is ahead of that of this machine; negative when it is behind.
        retention: For how many days lists keep what has finished; None when Postgres could not say.
        disk: The disk of the home of a running `up`.
        findings: What is wrong.
    """

    at: datetime
    versions: dict[str, str | None] = field(default_factory=dict[str, str | None])
    settings: dict[str, str] = field(default_factory=dict[str, str])
    streams: list[StreamLine] = field(default_factory=list[StreamLine])
    log: LogExtent | None = None
    kinds: list[Row] = field(default_factory=list[Row])
    nats_servers: list[NatsServer] = field(default_factory=list[NatsServer])
    revision: dict[str, str | None] = field(default_factory=dict[str, str | None])
    clocks: dict[str, float] = field(default_factory=dict[str, float])
    retention: Retention | None = None
    disk: Disk | None = None
    findings: list[Found] = field(default_factory=list[Found])

    def add(self, about: str, what: str, remedy: str) -> None:
        """Add a finding."""
        self.findings.append(Found(about=about, what=what, remedy=remedy))

    def note_clock(self, name: str, ahead: float) -> None:
        """Keep how far a clock is ahead of that of this machine; a finding when it is far."""
        # Adding zero makes -0.0 a plain zero.
        self.clocks[name] = round(ahead, 3) + 0.0
        if abs(ahead) >= CLOCK_SECONDS:
            direction = "ahead of" if ahead > 0 else "behind"
            self.add(
                "clocks",
                f"the clock of {name} is {abs(ahead):.1f} s {direction} that of this machine",
                "have both machines keep their time with NTP (chrony or systemd-timesyncd); what is due goes by NATS",
            )
