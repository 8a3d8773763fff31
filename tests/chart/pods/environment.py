"""The environment of a container, as a kubelet puts it together."""

from __future__ import annotations

import re
from typing import Any

from tests.chart.pods.objects import Objects

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$(\$\([A-Za-z_][\w.-]*\))|\$\(([A-Za-z_][\w.-]*)\)")


def environment_of(
    spec: dict[str, Any], container: dict[str, Any], objects: Objects, fields: dict[str, str], links: dict[str, str]
) -> dict[str, str]:
    """Return the variables of a container.

    Args:
        spec: That of its pod.
        container: Its own.
        objects: Those of its namespace.
        fields: What a `fieldRef` may ask for, by its path.
        links: The variables of Services, which a pod has unless it says that it wants none.

    Raises:
        NotThereError: A Secret or a ConfigMap is not there.
    """
    found = {"PATH": PATH, "HOSTNAME": fields["metadata.name"]}
    if spec.get("enableServiceLinks", True):
        found |= links
    for source in container.get("envFrom", []):
        found |= _whole(source, objects)
    for variable in container.get("env", []):
        value = _value(variable, objects, fields)
        if value is not None:
            found[variable["name"]] = expand(value, found)
    return found


def service_links(services: list[dict[str, Any]], addresses: dict[str, str]) -> dict[str, str]:
    """Return the variables that a pod gets for the Services of its namespace."""
    found: dict[str, str] = {}
    for service in services:
        name, address = service["metadata"]["name"], addresses[service["metadata"]["name"]]
        prefix = name.upper().replace("-", "_")
        ports = service["spec"]["ports"]
        first = f"tcp://{address}:{ports[0]['port']}"
        found |= {
            f"{prefix}_SERVICE_HOST": address,
            f"{prefix}_SERVICE_PORT": str(ports[0]["port"]),
            f"{prefix}_PORT": first,
        }
        for port in ports:
            number = port["port"]
            of_port = f"{prefix}_PORT_{number}_TCP"
            found |= {of_port: f"tcp://{address}:{number}", f"{of_port}_PROTO": "tcp"}
            found |= {f"{of_port}_PORT": str(number), f"{of_port}_ADDR": address}
            if port.get("name"):
                found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(number)
    return found


def expand(text: str, variables: dict[str, str]) -> str:
    """Replace `$(NAME)` by variables that are known; `$$(NAME)` means that text itself."""
    return _REFERENCE.sub(lambda found: found[1] or variables.get(found[2], found[0]), text)


def _whole(source: dict[str, Any], objects: Objects) -> dict[str, str]:
    prefix = source.get("prefix", "")
    kind, reference = (
        ("Secret", source["secretRef"]) if "secretRef" in source else ("ConfigMap", source["configMapRef"])
    )
    return {prefix + key: text for key, text in objects.data(kind, reference["name"]).items()}


def _value(variable: dict[str, Any], objects: Objects, fields: dict[str, str]) -> str | None:
    match variable.get("valueFrom"):
        case None:
            return variable.get("value", "")
        case {"secretKeyRef": reference}:
            return objects.value("Secret", reference)
        case {"configMapKeyRef": reference}:
            return objects.value("ConfigMap", reference)
        case {"fieldRef": {"fieldPath": path}}:
            return fields[path]
        case unknown:
            raise ValueError(f"the stand-in knows no such source of a variable: {unknown}")
