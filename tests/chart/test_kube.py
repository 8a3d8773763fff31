"""The chart in a real cluster: `just kube`, where HEADRACE_KUBE_SERVER and HEADRACE_KUBE_TOKEN say where one is.

HEADRACE_KUBE_CA names the certificates of its authority. HEADRACE_KUBE_VALUES names values with servers and Secrets that are in that cluster,
in the namespace HEADRACE_KUBE_NAMESPACE: with them the chart is installed and waited for; without them nothing could become ready.
"""

from __future__ import annotations

import os
import secrets
import ssl
from collections.abc import AsyncGenerator, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import helm_python
import httpx
import pytest
import yaml

from tests.chart.rendering import Manifest, chart, name_of, pods, render, rendered_of, sets, values_of

SERVER = os.environ.get("HEADRACE_KUBE_SERVER", "")
TOKEN = os.environ.get("HEADRACE_KUBE_TOKEN", "")
CA = os.environ.get("HEADRACE_KUBE_CA")
VALUES = os.environ.get("HEADRACE_KUBE_VALUES")
NAMESPACE = os.environ.get("HEADRACE_KUBE_NAMESPACE", "headrace")
WAIT_SECONDS = 600  # of an install: images are pulled, and the Job has to end
_FIELD_MANAGER = "headrace-tests"

pytestmark = pytest.mark.skipif(
    not (SERVER and TOKEN), reason="HEADRACE_KUBE_SERVER and HEADRACE_KUBE_TOKEN name no API server"
)


@cache
def _verify() -> ssl.SSLContext | bool:
    return ssl.create_default_context(cafile=CA) if CA else True


class Cluster:
    """An API server, and a namespace of our own in it that admits nothing but restricted pods."""

    def __init__(self, client: httpx.AsyncClient, namespace: str) -> None:
        self.client = client
        self.namespace = namespace
        self._plurals = dict[tuple[str, str], str | None]()

    async def dry_run(self, manifest: Manifest) -> str | None:
        """Apply an object without keeping it; returns what the server says against it, and nothing for a kind that it does not know."""
        version, kind = manifest["apiVersion"], manifest["kind"]
        base = f"/api/{version}" if version == "v1" else f"/apis/{version}"
        if (version, kind) not in self._plurals:
            found = await self.client.get(base)
            listed: list[dict[str, Any]] = found.json()["resources"] if found.is_success else []
            names = [each["name"] for each in listed if each["kind"] == kind and "/" not in each["name"]]
            self._plurals[version, kind] = names[0] if names else None
        plural = self._plurals[version, kind]
        if plural is None:
            return None
        answer = await self.client.patch(
            f"{base}/namespaces/{self.namespace}/{plural}/{manifest['metadata']['name']}",
            params={"dryRun": "All", "fieldManager": _FIELD_MANAGER, "fieldValidation": "Strict", "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=yaml.safe_dump(manifest),
        )
        return None if answer.is_success else f"{name_of(manifest)}: {answer.json().get('message', answer.text)}"


@pytest.fixture
async def cluster() -> AsyncGenerator[Cluster]:
    """A namespace that goes again."""
    name = f"headrace-test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=SERVER, headers=headers, verify=_verify(), timeout=30) as client:
        made = await client.post(
            "/api/v1/namespaces",
            json={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}},
        )
        made.raise_for_status()
        yield Cluster(client, name)
        await client.delete(f"/api/v1/namespaces/{name}")


@pytest.mark.parametrize("name", sets())
async def test_a_server_takes_every_object(cluster: Cluster, name: str) -> None:
    objects = render(values_of(name), namespace=cluster.namespace)
    assert [said for each in objects if (said := await cluster.dry_run(each))] == []


@pytest.mark.parametrize("name", sets())
async def test_a_namespace_of_restricted_pods_admits_every_pod(cluster: Cluster, name: str) -> None:
    """A Deployment would get a warning only, so its pod is sent."""
    for number, (pod, spec) in enumerate(pods(rendered_of(name)).items()):
        wanted: Manifest = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"pod-{number}", "namespace": cluster.namespace},
            # The service account and the priority class are those of a real installation.
            "spec": {key: each for key, each in spec.items() if key != "priorityClassName"}
            | {"serviceAccountName": "default"},
        }
        assert await cluster.dry_run(wanted) is None, pod


async def test_helm_would_install_it(cluster: Cluster) -> None:
    release = _config(cluster.namespace).install(
        chart(), "headrace", values_of("minimal"), namespace=cluster.namespace, dry_run="server"
    )
    assert release["name"] == "headrace"


def _config(namespace: str) -> helm_python.Config:
    return helm_python.Config(kube_apiserver=SERVER, kube_token=TOKEN, kube_ca_file=CA, namespace=namespace)


@pytest.fixture
def installed() -> Iterator[tuple[helm_python.Config, str]]:
    """A name for a release in the namespace of HEADRACE_KUBE_VALUES, which goes again."""
    release = f"headrace-{secrets.token_hex(3)}"
    config = _config(NAMESPACE)
    yield config, release
    config.uninstall(release)


@pytest.mark.skipif(VALUES is None, reason="HEADRACE_KUBE_VALUES names no values for servers in that cluster")
def test_it_installs_upgrades_and_tests_itself(installed: tuple[helm_python.Config, str]) -> None:
    config, release = installed
    values: dict[str, Any] = yaml.safe_load(Path(str(VALUES)).read_text())
    config.install(chart(), release, values, wait="watcher", timeout=WAIT_SECONDS)
    config.upgrade(
        chart(),
        release,
        {**values, "commonAnnotations": {"example.com/upgraded": "yes"}},
        wait="watcher",
        timeout=WAIT_SECONDS,
    )
    config.rollback(release, wait="watcher", timeout=WAIT_SECONDS)
    config.test(release, timeout=WAIT_SECONDS)
    assert len(config.history(release)) == 3
