"""The profile `restricted` of the Pod Security Standards, written out: what it refuses of a pod.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_VOLUMES: Final = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
_SECCOMP: Final = {"RuntimeDefault", "Localhost"}
_CAPABILITIES: Final = {"NET_BIND_SERVICE"}
_PROBES: Final = ("startupProbe", "livenessProbe", "readinessProbe")


def refused(spec: dict[str, Any]) -> list[str]:
    """Return what the profile refuses of the spec of a pod."""
    containers = [*spec.get("initContainers", []), *spec["containers"], *spec.get("ephemeralContainers", [])]
    return [
        *_of_pod(spec),
        *(f"{each['name']}: {what}" for each in containers for what in _of_container(each, spec)),
    ]


def _of_pod(spec: dict[str, Any]) -> Iterator[str]:
    for name in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(name):
            yield f"has {name}"
    for volume in spec.get("volumes", []):
        if kinds := volume.keys() - {"name"} - _VOLUMES:
            yield f"the volume {volume['name']} is {', '.join(kinds)}"
    context = spec.get("securityContext", {})
    if context.get("sysctls"):
        yield "has sysctls"
    yield from _of_context(context)


def _of_container(container: dict[str, Any], spec: dict[str, Any]) -> Iterator[str]:
    context = container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield "allows privilege escalation"
    if context.get("privileged"):
        yield "is privileged"
    capabilities = context.get("capabilities", {})
    if "ALL" not in capabilities.get("drop", []):
        yield "keeps capabilities"
    if added := set(capabilities.get("add", [])) - _CAPABILITIES:
        yield f"adds {', '.join(added)}"
    if context.get("procMount", "Default") != "Default":
        yield "has a procMount"
    yield from _of_context(context)
    merged = spec.get("securityContext", {}) | context
    if merged.get("runAsNonRoot") is not True:
        yield "may run as root"
    if merged.get("seccompProfile", {}).get("type") not in _SECCOMP:
        yield "has no seccomp profile"
    yield from (
        f"has the port {each['hostPort']} of the host" for each in container.get("ports", []) if each.get("hostPort")
    )
    handlers = [*(container.get(name, {}) for name in _PROBES), *container.get("lifecycle", {}).values()]
    if any(handler.get(kind, {}).get("host") for handler in handlers for kind in ("httpGet", "tcpSocket")):
        yield "asks a host in a probe"


def _of_context(context: dict[str, Any]) -> Iterator[str]:
    """What is the same of a pod and of a container."""
    if context.get("runAsUser") == 0:
        yield "runs as root"
    if context.get("windowsOptions", {}).get("hostProcess"):
        yield "is a process of the host"
    if context.get("seLinuxOptions", {}).keys() & {"user", "role"}:
        yield "has a user or a role of SELinux"
    if context.get("appArmorProfile", {}).get("type", "RuntimeDefault") == "Unconfined":
        yield "is unconfined by AppArmor"
