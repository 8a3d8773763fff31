"""Start and stop the parts of `headrace up`, and make the environment of its children."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import Any

from headrace.embedded.child import Child
from headrace.embedded.child_environ import environ_of
from headrace.embedded.children import ChildPlan, find_not_ready, plan_children, waited_for, why_no_task_runs
from headrace.embedded.counts import Counts
from headrace.embedded.errors import HomeError, ServerError
from headrace.embedded.first_admin import FirstAdmin
from headrace.embedded.home import Home, RunInfo, Started
from headrace.embedded.log_watch import LogWatch
from headrace.embedded.nats import EmbeddedNats
from headrace.embedded.nats_users import NatsUsers
from headrace.embedded.network import LOOPBACK, authority, check_port, hold_port, why_not_ready
from headrace.embedded.postgres import EmbeddedPostgres
from headrace.embedded.prefixed_output import PrefixedOutput
from headrace.embedded.supervisor import Supervisor
from headrace.log.permissions import PROVISIONER
from headrace.parent_watch import PARENT_PIPE
from headrace.settings import PREFIX, Settings
from headrace.settings.database_parts import database_variable
from headrace.settings.secret_files import is_given
from headrace.worker.running_record import note_end

DATABASE = "headrace"
NATS = "nats"
# Its configuration is as private as the files with the passwords.
NATS_SAYS_TOO_MUCH = (" [INF]", "Plaintext passwords")
STOPS_FIRST = "api"  # so that no task is accepted while the others finish
MIGRATE_SECONDS = 600.0  # a new index on a large table
PROVISION_SECONDS = 90.0  # more than the minute for which it waits for a NATS that reads a large store
READY_SECONDS = 60.0
READY_POLL_SECONDS = 0.05
READY_LINE_SECONDS = 10.0  # until `up` says what it waits for; on a busy machine a start takes some seconds
STOP_SECONDS = 30.0  # more than the grace periods of the processes themselves

Commands = Mapping[str, Sequence[str]]
# Builds the web app where that is needed; it is given what says a line.
BuildWeb = Callable[[Callable[[str], None]], Coroutine[Any, Any, object]]


class Machine:
    """Everything that `headrace up` runs. Each ``start_…`` method pushes the matching stop on the given stack."""

    def __init__(
        self, settings: Settings, home: Home, host: str, port: int, environ: Mapping[str, str], output: PrefixedOutput
    ) -> None:
        self._settings = settings
        self._home = home
        self._host = host
        self._port = port
        # An empty setting counts as not set, here as for the children.
        self._environ = {name: value for name, value in environ.items() if value or not name.startswith(PREFIX)}
        self._output = output
        self._supervisor = Supervisor(output.say, self._announce)
        self._children: Sequence[ChildPlan] = ()
        self._nats_url = settings.nats.url
        self._database_url = settings.database.url
        self._nats: EmbeddedNats | None = None
        self._nats_users: NatsUsers | None = None
        self._log_watch: LogWatch | None = None
        self._admin = FirstAdmin(home, output, host, port)
        self._building: asyncio.Task[object] | None = None

    async def end_left_over(self) -> None:
        """End the processes that an earlier `up` on this home left behind."""
        self._output.say(f"home {self._home.path}")
        if names := await self._home.end_left_over():
            self._output.say(f"ended {', '.join(names)}, left over from an earlier run")

    def plan_children(self, stack: AsyncExitStack, roles: Iterable[str], counts: Counts) -> None:
        """Choose the addresses of the Headrace processes, before anything starts.

        Raises:
            PortError: An address is in use, or belongs to no interface of this machine.
        """
        address = self._host, self._port
        if counts.apis == 1:
            check_port(*address)
        else:
            # It is held for as long as they run, so that another `up` does not take a share in it meanwhile.
            stack.enter_context(hold_port(*address))
        self._children = plan_children(roles, counts, self._environ, self._home.path, address)

    def start_building(self, stack: AsyncExitStack, build: BuildWeb) -> None:
        """Build the web app beside everything else. It is not worth waiting for: the API serves it as soon as it is there."""
        building = self._building = asyncio.create_task(build(self._output.say), name="web app")

        async def stop() -> None:
            building.cancel()
            await asyncio.wait({building})

        stack.push_async_callback(stop)

    async def start_postgres(self, stack: AsyncExitStack) -> None:
        """Start Postgres, unless HEADRACE_DATABASE_URL names another."""
        if (variable := database_variable(self._environ)) is not None:
            self._output.say(f"postgres: the one of {variable}")
            return
        self._output.say("starting postgres")
        postgres = EmbeddedPostgres(self._home.postgres, on_line=self._output.of("postgres", drop=(" LOG: ",)))
        stack.push_async_callback(self._stop, "postgres")
        await self._supervisor.start("postgres", postgres)
        self._database_url = await postgres.create(DATABASE)
        self._environ = {name: value for name, value in self._environ.items() if not name.startswith("PG")}
        self._environ["HEADRACE_DATABASE_URL"] = self._database_url

    async def start_nats(self, stack: AsyncExitStack, provision: Sequence[str]) -> None:
        """Start NATS and provision its streams at each start, unless HEADRACE_NATS_URL names another."""
        if is_given(self._environ, "HEADRACE_NATS_URL"):
            self._output.say("nats: the one of HEADRACE_NATS_URL")
            return
        self._output.say("starting nats")
        self._nats_users = users = NatsUsers(self._home)
        self._nats = nats = EmbeddedNats(
            self._home.nats,
            sync=self._settings.nats.sync,
            users=users.configuration(),
            system_password=users.system_password,
            is_monitored=True,
            on_started=lambda: self._provision(nats.url, provision),
            on_line=self._output.of("nats", drop=NATS_SAYS_TOO_MUCH),
        )
        stack.push_async_callback(self._stop, NATS)
        await self._supervisor.start(NATS, nats)
        users.write_contexts(nats.url)

    async def _provision(self, url: str, argv: Sequence[str]) -> None:
        """Have the streams provisioned, also after NATS has lost its store: no other process may create them."""
        self._nats_url = self._environ["HEADRACE_NATS_URL"] = url
        environ = self._as_user(PROVISIONER, environ_of("provision", self._child_environ()))
        child = Child(argv, environ=environ, grace=STOP_SECONDS, on_line=self._output.of("provision"))
        try:
            await child.run(PROVISION_SECONDS)
        except ServerError as error:
            raise ServerError(f"has no streams: provisioning {error}") from None

    async def migrate(self, argv: Sequence[str]) -> None:
        """Bring the database's schema up to date."""
        self._output.say("migrating the database")
        environ = environ_of("migrate", self._child_environ())
        child = Child(argv, environ=environ, grace=STOP_SECONDS, on_line=self._output.of("migrate"))
        try:
            await child.run(MIGRATE_SECONDS)
        except ServerError as error:
            raise ServerError(f"the migration {error}") from None

    async def start_children(self, stack: AsyncExitStack, commands: Commands) -> None:
        """Start the Headrace processes that were planned."""
        self._output.say(f"starting {', '.join(each.name for each in self._children)}")
        environ = self._child_environ()
        stack.push_async_callback(self._stop, *(each.name for each in self._children if each.role != STOPS_FIRST))
        stack.push_async_callback(self._stop, *(each.name for each in self._children if each.role == STOPS_FIRST))
        for plan in self._children:
            child = Child(
                commands[plan.role],
                environ=self._as_user(plan.role, environ_of(plan.role, {**environ, **plan.variables})),
                grace=STOP_SECONDS,
                on_line=self._output.of(plan.name),
                health=plan.health,
                before_abort=None if plan.record is None else partial(self._note_end_of_worker, plan.record),
            )
            await self._supervisor.start(plan.name, child)
        if self._nats is not None:
            self._log_watch = LogWatch(
                self._home.nats,
                [each.health for each in self._children],
                lambda: self._supervisor.end(NATS),
                self._output.say,
            )

    async def make_admin(self, argv: Sequence[str]) -> None:
        """Make the first administrator unless there is one, and a link that signs it in."""
        await self._admin.make(argv, environ_of("admin", self._child_environ()))

    async def wait_until_ready(self) -> None:
        """Wait until the API is ready, and each process that is one of several; a child that ends meanwhile is started again.

        Raises:
            ServerError: One of them was not ready within `READY_SECONDS`.
        """
        begun = said = time.monotonic()
        while (found := await self._find_not_ready()) is not None:
            name, reason = found
            now = time.monotonic()
            if now - begun > READY_SECONDS:
                raise ServerError(f"{name} was not ready within {READY_SECONDS:g} s: {reason}")
            if now - said > READY_LINE_SECONDS:
                said = now
                self._output.say(f"waiting for {name}: {reason}")
            await asyncio.sleep(READY_POLL_SECONDS)

    async def _find_not_ready(self) -> tuple[str, str] | None:
        """Return what is not ready, and why; None when everything is that is waited for."""
        if (reason := await why_not_ready(self._host, self._port)) is not None:
            return f"the API at {self._api_url}", reason
        return await find_not_ready(waited_for(self._children))

    async def say_ready(self) -> None:
        """Say how to sign in and whether no task will run, and write the line for programs that wait for it to standard output.

        The work goes on when it cannot be written.
        """
        await self._admin.say_link(self._building)
        running, ends = self._supervisor.pids(), self._supervisor.ends()
        if (reason := await why_no_task_runs(self._children, running, ends)) is not None:
            self._output.say(reason)
        # A terminal that shows both outputs shows the link before the last line.
        self._output.flush()
        try:
            # Without a buffer nothing is left to write when `up` ends.
            os.write(sys.stdout.fileno(), f"ready {self._api_url}\n".encode())
        except OSError as error:
            self._output.say(f"ready {self._api_url} (standard output cannot be written: {error.strerror})")

    async def keep_running(self) -> None:
        """Keep every part running, for ever."""
        watching = () if self._log_watch is None else (self._log_watch.watch(),)
        await asyncio.gather(self._supervisor.keep(), *watching)

    def kill(self) -> None:
        """Kill every part at once."""
        self._output.say("killing everything")
        self._supervisor.kill()

    @property
    def _api_url(self) -> str:
        return f"http://{authority(self._host or LOOPBACK, self._port)}"

    def _note_end_of_worker(self, record: Path) -> None:
        """Note for the worker after this one that this one is ended because it does not answer."""
        try:
            note_end(record)
        except OSError as error:
            self._output.say(f"{record} cannot be written ({error.strerror})")

    async def _stop(self, *names: str) -> None:
        if names:
            self._output.say(f"stopping {', '.join(names)}")
            await self._supervisor.stop(*names)

    def _as_user(self, name: str, environ: dict[str, str]) -> dict[str, str]:
        """Return the environment of a process that connects to the embedded NATS; another NATS has users of its own."""
        return environ if self._nats_users is None else self._nats_users.environ_of(name, environ)

    def _child_environ(self) -> dict[str, str]:
        environ = {
            **self._environ,
            "HEADRACE_HOME": str(self._home.path),
            "HEADRACE_API_BIND": authority(self._host, self._port),
            PARENT_PIPE: "1",
            # Output of a handler appears when it is printed, not when a buffer is full.
            "PYTHONUNBUFFERED": "1",
        }
        # No load balancer chooses between several of them.
        environ.setdefault("HEADRACE_API_DRAIN", "0")
        if not is_given(environ, "HEADRACE_OBJECTS_URL"):
            environ["HEADRACE_OBJECTS_URL"] = self._home.objects.as_uri()
        if not is_given(environ, "HEADRACE_API_SECRETS"):
            environ["HEADRACE_API_SECRETS"] = self._home.api_secret()
        if not is_given(environ, "HEADRACE_API_FOLLOW_SECRETS"):
            environ["HEADRACE_API_FOLLOW_SECRETS"] = self._home.follow_secret()
        if self._settings.log_format == "auto" and self._output.is_terminal:
            # The children write to a pipe, and would choose the format for machines.
            environ["HEADRACE_LOG_FORMAT"] = "pretty"
        return environ

    def _announce(self) -> None:
        up = Started.of_this_process()
        pids = self._supervisor.pids()
        children = {each.name: Started.of(pids[each.name]) for each in self._children if each.name in pids}
        info = RunInfo(
            up=up,
            api_url=self._api_url,
            nats_url=self._nats_url,
            nats_monitor_url=self._nats.monitor_url if self._nats is not None else None,
            database_url=self._database_url,
            children={name: child for name, child in children.items() if child is not None},
        )
        try:
            self._home.announce(info)
        except HomeError as error:
            self._output.say(str(error))
