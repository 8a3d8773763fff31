"""A container of a pod: a process, and the probes that look after it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any

from tests.chart.pods.probe import Probe
from tests.forked import ForkedProcess
from tests.member import Member

OUTPUT_BYTES = 1 << 20


class Container:
    """One container.

    Attributes:
        is_ready: Whether its readiness probe passes; true without one while it runs.
        is_started: Whether its startup probe has passed.
        restarts: How often it was started anew.
        exit_code: Of its last end.
        said: What its last probe that failed has shown.
        lines: What it has written, all restarts together.
    """

    def __init__(self, spec: dict[str, Any], grace: float, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.name: str = spec["name"]
        self.is_ready = False
        self.is_started = False
        self.restarts = 0
        self.exit_code: int | None = None
        self.said = ""
        self.member: Member | None = None
        self._process: ForkedProcess | None = None
        self.was_killed = False
        self._earlier: list[str] = []
        self._grace = grace
        self._changed = changed

    @property
    def lines(self) -> list[str]:
        return [*self._earlier, *(self.member.lines if self.member else [])]

    @property
    def ports(self) -> dict[str, int]:
        """The numbers of its ports, by their names."""
        return {each.get("name", ""): each["containerPort"] for each in self.spec.get("ports", [])}

    async def start(self, arguments: list[str], environ: dict[str, str], address: str) -> None:
        """Start its process; `run` then waits for its end."""
        if "command" in self.spec:
            raise ValueError(f"the stand-in knows the image's entrypoint alone: {self.spec['command']}")
        self._earlier = self.lines
        process = self._process = await ForkedProcess.start(
            *arguments, environ=environ, limit=OUTPUT_BYTES, with_stdout=True
        )
        self.member = Member(self.name, process)
        self._address = address

    async def run(self) -> int:
        """Look after the process until it ends, and return its exit code."""
        assert self.member is not None
        watching = asyncio.create_task(self._watch(), name=f"probes of {self.name}")
        try:
            await self.member.process.wait()
        finally:
            watching.cancel()
            await asyncio.wait([watching])
            self._set(ready=False, started=False)
        # A probe that the stand-in does not know is a fault of the test.
        if not watching.cancelled() and (error := watching.exception()):
            raise error
        self.exit_code = await self.member.exited()
        return self.exit_code

    async def end(self, seconds: float) -> bool:
        """End the process as a kubelet does: preStop, SIGTERM, and SIGKILL when the seconds for both are over.

        Returns:
            Whether there was one.
        """
        process = self._process
        if process is None or process.returncode is not None:
            return False
        try:
            async with asyncio.timeout(seconds):
                await self._pre_stop()
                process.send_signal(signal.SIGTERM)
                await process.wait()
        except TimeoutError:
            self.was_killed = True
            process.kill()
            await process.wait()
        return True

    @property
    def process(self) -> ForkedProcess:
        """The process of its last start."""
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """Kill the process, as the kernel does when there is no memory left."""
        self.process.kill()

    async def _pre_stop(self) -> None:
        match self.spec.get("lifecycle", {}).get("preStop"):
            case None:
                pass
            case {"sleep": {"seconds": seconds}}:
                # The manifest says that it sleeps.
                await asyncio.sleep(seconds)
            case unknown:
                raise ValueError(f"the stand-in knows no such preStop: {unknown}")

    def _probe(self, name: str) -> Probe | None:
        return Probe(self.spec[name], self._address, self.ports, self._note) if name in self.spec else None

    async def _watch(self) -> None:
        startup = self._probe("startupProbe")
        if startup is not None and not await startup.starts():
            await self.end(self._grace)
            return
        self._set(started=True)
        await asyncio.gather(self._watch_readiness(), self._watch_liveness())

    async def _watch_readiness(self) -> None:
        probe = self._probe("readinessProbe")
        if probe is None:
            self._set(ready=True)
            return
        while True:
            await probe.turns(is_passing=self.is_ready)
            self._set(ready=not self.is_ready)

    async def _watch_liveness(self) -> None:
        probe = self._probe("livenessProbe")
        if probe is not None:
            await probe.turns(is_passing=True)
            await self.end(self._grace)

    def _note(self, said: str) -> None:
        self.said = said
        self._changed()

    def _set(self, *, ready: bool | None = None, started: bool | None = None) -> None:
        self.is_ready = self.is_ready if ready is None else ready
        self.is_started = self.is_started if started is None else started
        self._changed()
