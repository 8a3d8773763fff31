"""What a client does with files, step by step."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import httpx

from headrace.contracts.files import PART_BYTES

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


async def begin(http: httpx.AsyncClient, content: bytes, name: str = "a.bin", **given: Any) -> dict[str, Any]:
    """Begin an upload; must be accepted."""
    answer = await http.post("/api/v1/files", json={"name": name, "size": len(content), **given})
    assert answer.status_code == 201, answer.text
    return answer.json()


async def put_parts(file: Mapping[str, Any], content: bytes) -> None:
    """Send each part that is not there to its URL, as a client does that knows nothing but HTTP."""
    async with httpx.AsyncClient(timeout=60) as plain:
        for part in file["upload"]["parts"]:
            if part["url"] is not None:
                some = content[part["start"] : part["start"] + part["size"]]
                answer = await plain.put(part["url"], content=some, headers=file["upload"]["headers"])
                assert answer.is_success, answer.text


async def complete(http: httpx.AsyncClient, file: Mapping[str, Any]) -> httpx.Response:
    """Complete an upload, and wait for the end of it."""
    while (answer := await http.put(f"/api/v1/files/{file['id']}/completion")).status_code == 202:
        pass
    return answer


async def upload(http: httpx.AsyncClient, content: bytes, name: str = "a.bin", **given: Any) -> dict[str, Any]:
    """Upload a file; must be taken."""
    file = await begin(http, content, name, **given)
    await put_parts(file, content)
    answer = await complete(http, file)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def content_of(http: httpx.AsyncClient, file: Mapping[str, Any], **headers: str) -> httpx.Response:
    """Fetch the bytes of a file, wherever they are."""
    answer = await http.get(f"/api/v1/files/{file['id']}/content", headers=headers)
    if answer.status_code != 307:
        return answer
    async with httpx.AsyncClient(timeout=60) as plain:
        return await plain.get(answer.headers["Location"], headers=headers)


def two_parts() -> bytes:
    """Bytes that are sent in two parts."""
    return bytes(range(256)) * (PART_BYTES // 256) + b"the end"
