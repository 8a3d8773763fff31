"""A release of the chart on a node, as Helm makes it."""

from __future__ import annotations

import asyncio

from tests.chart.pods.job import Job
from tests.chart.pods.node import Node
from tests.chart.pods.objects import key_of
from tests.chart.rendering import Manifest, Values, render

HOOK = "helm.sh/hook"
# Of all kinds that Helm knows, those whose order matters here.
FIRST = ["Secret", "ConfigMap", "ServiceAccount", "Service", "Deployment"]


class HookFailedError(Exception):
    """A hook did not succeed; Helm then stops."""


class Release:
    """One release.

    Attributes:
        revisions: What each revision has applied, the current one at the end.
    """

    def __init__(self, node: Node) -> None:
        self.node = node
        self.revisions: list[list[Manifest]] = []

    async def install(self, values: Values) -> None:
        """Install the chart, and wait for nothing but hooks.

        Raises:
            HookFailedError: A hook failed, and nothing else was applied.
        """
        await self._go_to(render(values), "install")

    async def upgrade(self, values: Values) -> None:
        """Go to other values.

        Raises:
            HookFailedError: A hook failed, and nothing else was applied.
        """
        await self._go_to(render(values, is_upgrade=True), "upgrade")

    async def rollback(self) -> None:
        """Go back to the revision before."""
        await self._go_to(self.revisions[-2], "rollback")

    async def test(self) -> dict[str, list[str]]:
        """Run the pods of `helm test` one after the other, and return what each has said.

        Raises:
            HookFailedError: One of them failed.
        """
        said: dict[str, list[str]] = {}
        for each in _hooks(self.revisions[-1], "test"):
            pod = self.node.make_pod(each["metadata"]["name"], each)
            phase = await pod.ended()
            said[pod.name] = pod.lines
            if phase != "Succeeded":
                raise HookFailedError(pod.describe())
        return said

    async def uninstall(self) -> None:
        """Remove all objects, and return when nothing of them runs."""
        await asyncio.gather(*(self.node.delete(each) for each in _plain(self.revisions[-1])))

    async def _go_to(self, objects: list[Manifest], event: str) -> None:
        await self._run_hooks(objects, f"pre-{event}")
        kept = {key_of(each) for each in _plain(objects)}
        for each in _plain(objects):
            await self.node.apply(each)
        for each in _plain(self.revisions[-1] if self.revisions else []):
            if key_of(each) not in kept:
                await self.node.delete(each)
        self.revisions.append(objects)
        await self._run_hooks(objects, f"post-{event}")

    async def _run_hooks(self, objects: list[Manifest], event: str) -> None:
        for each in _hooks(objects, event):
            policy = each["metadata"]["annotations"].get(f"{HOOK}-delete-policy", "before-hook-creation")
            if "before-hook-creation" in policy:
                await self.node.delete(each)
            await self.node.apply(each)
            job: Job | None = self.node.jobs.get(each["metadata"]["name"]) if each["kind"] == "Job" else None
            if job is not None and not await job.ended():
                raise HookFailedError("\n".join(pod.describe() for pod in job.pods))


def _plain(objects: list[Manifest]) -> list[Manifest]:
    found = [each for each in objects if HOOK not in each["metadata"].get("annotations", {})]
    return sorted(found, key=lambda each: FIRST.index(each["kind"]) if each["kind"] in FIRST else len(FIRST))


def _hooks(objects: list[Manifest], event: str) -> list[Manifest]:
    found = [each for each in objects if event in each["metadata"].get("annotations", {}).get(HOOK, "").split(",")]
    return sorted(found, key=lambda each: int(each["metadata"]["annotations"].get(f"{HOOK}-weight", "0")))
