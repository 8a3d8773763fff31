"""The kinds that take files, from the upload to what they saved, by a real worker."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncGenerator
from typing import Any

import polars as pl
import pytest
from PIL import Image
from pypdf import PdfReader

from tests.cluster import Cluster
from tests.conftest import ShareCluster
from tests.flow.batch_steps import settled, submit
from tests.flow.files.file_steps import content_of, upload
from tests.flow.files.steps import named
from tests.flow.files.test_files_of_tasks import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
async def with_kinds(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """A cluster that runs the kinds of the installation."""
    async with share_cluster("api", "worker", "projector", HEADRACE_CONSUMERS="consumers") as made:
        yield made


def photo() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (400, 200), (200, 40, 40)).save(written, "jpeg")
    return written.getvalue()


async def succeeds(cluster: Cluster, kind: str, **given: Any) -> dict[str, Any]:
    found = await run(cluster, kind, **given)
    assert found["state"] == "succeeded", found["error"]
    return found


async def saved(cluster: Cluster, file: str) -> bytes:
    answer = await content_of(cluster.http, {"id": file})
    assert answer.status_code == 200
    return answer.content


async def test_an_image_becomes_smaller_ones(with_kinds: Cluster) -> None:
    file = await upload(with_kinds.http, photo(), "photo.jpg", media_type="image/jpeg")
    found = await succeeds(with_kinds, "image_variants", image=file["id"], widths=[100, 200], formats=["webp", "png"])
    assert found["title"] == "photo.jpg"
    variants = found["result"]["variants"]
    assert {(each["width"], each["height"]) for each in variants} == {(100, 50), (200, 100)}
    assert set(named(found)) == {"photo-100.webp", "photo-100.png", "photo-200.webp", "photo-200.png"}
    for each in variants:
        image = Image.open(io.BytesIO(await saved(with_kinds, each["file"])))
        assert (image.width, image.height) == (each["width"], each["height"])


async def test_a_broken_image_fails_at_once_and_leaves_no_file(with_kinds: Cluster) -> None:
    file = await upload(with_kinds.http, photo()[:600], "photo.jpg", media_type="image/jpeg")
    found = await run(with_kinds, "image_variants", image=file["id"])
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 1, "raised")
    assert named(found) == {}


async def test_a_document_becomes_text(with_kinds: Cluster) -> None:
    written = "# A report\n\nThe quick brown fox jumps over the lazy dog, and then it sleeps.\n"
    file = await upload(with_kinds.http, written.encode(), "report.md", media_type="text/markdown")
    found = await succeeds(with_kinds, "document_text", document=file["id"])
    assert found["result"]["outline"][0]["title"] == "A report"
    assert (await saved(with_kinds, found["result"]["file"])).decode() == found["result"]["text"]
    assert "The quick brown fox" in found["result"]["text"]


async def test_a_table_becomes_a_profile_a_report_and_a_copy(with_kinds: Cluster) -> None:
    table = "city,people\n" + "".join(f"city {number},{number * 10}\n" for number in range(500))
    file = await upload(with_kinds.http, table.encode(), "cities.csv", media_type="text/csv")
    found = await succeeds(with_kinds, "table_profile", file=file["id"])
    result = found["result"]
    assert (result["rows"], [each["name"] for each in result["columns"]]) == (500, ["city", "people"])
    assert set(named(found)) == {"cities.html", "profile.json", "cities.parquet"}
    copy = pl.read_parquet(io.BytesIO(await saved(with_kinds, result["parquet"])))
    assert copy["people"].sum() == sum(number * 10 for number in range(500))
    report = await content_of(with_kinds.http, {"id": result["report"]})
    # What a kind has written as HTML is no page of this site.
    assert report.headers["Content-Disposition"].startswith("attachment")


async def test_the_files_of_tasks_become_one_archive(with_kinds: Cluster) -> None:
    first = await upload(with_kinds.http, photo(), "photo.jpg", media_type="image/jpeg")
    made = await succeeds(with_kinds, "image_variants", image=first["id"], widths=[50], formats=["png"])
    files = [first["id"], *(each["file"] for each in made["result"]["variants"]), first["id"]]
    found = await succeeds(with_kinds, "archive_zip", files=files, name="Photos")
    with zipfile.ZipFile(io.BytesIO(await saved(with_kinds, found["result"]["file"]))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["photo.jpg", "photo-50.png", "photo (2).jpg"]
        assert archive.read("photo.jpg") == photo()


async def read_report(cluster: Cluster, found: dict[str, Any]) -> PdfReader:
    assert found["state"] == "succeeded", found["error"]
    assert set(named(found)) == {found["result"]["name"]}
    return PdfReader(io.BytesIO(await saved(cluster, found["result"]["file"])))


async def test_the_results_of_a_batch_become_a_report(with_kinds: Cluster) -> None:
    await succeeds(with_kinds, "text_feedback", text="The worker says which kinds there are.")
    texts = [{"text": f"The text number {number} is short."} for number in range(3)]
    batch = (await submit(with_kinds, "text_feedback", texts, name="Three texts"))["id"]
    await settled(with_kinds, batch)
    asked = {"kind": "report_pdf", "input": {}, "results_of": batch}
    answer = await with_kinds.http.post("/api/v1/tasks", json=asked)
    assert answer.status_code == 202, answer.text
    reader = await read_report(with_kinds, await with_kinds.outcome(answer.json()["id"]))
    assert reader.metadata is not None
    assert reader.metadata.title == "Three texts"
    whole = "".join(page.extract_text() for page in reader.pages)
    assert all(each in whole for each in (batch, "text_feedback", "3 (100.0 %)", "The text number 2"))


async def test_the_profile_of_a_table_becomes_a_report(with_kinds: Cluster) -> None:
    table = b"n,day\n1,2024-01-01\n2,2024-01-02\n"
    file = await upload(with_kinds.http, table, "days.csv", media_type="text/csv")
    profile = (await succeeds(with_kinds, "table_profile", file=file["id"]))["result"]["profile"]
    reader = await read_report(with_kinds, await run(with_kinds, "report_pdf", profile=profile))
    assert reader.metadata is not None
    assert reader.metadata.title == "days.csv"
    assert "2024-01-02" in "".join(page.extract_text() for page in reader.pages)


async def test_a_report_about_another_json_file_fails_at_once_with_the_reason(with_kinds: Cluster) -> None:
    file = await upload(with_kinds.http, b'{"pages": 1}', "other.json", media_type="application/json")
    found = await run(with_kinds, "report_pdf", profile=file["id"])
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 1, "raised")
    assert "Give the profile.json that a table_profile has saved" in found["error"]["message"]
    assert named(found) == {}
