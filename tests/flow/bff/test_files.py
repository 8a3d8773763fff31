"""The list of files, from real servers."""

from __future__ import annotations

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.bff.test_lists import pages
from tests.flow.files.file_steps import PNG, begin, complete, put_parts, upload
from tests.flow.problems import check_problem
from tests.screens import show


async def test_files_are_shown_with_what_they_take_from_their_begin_to_their_end(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    http = cluster.http_as(owner.key)
    empty = await show(http, "member/files")
    assert (empty["items"], empty["next_cursor"]) == ([], None)
    assert (empty["storage"]["files"], empty["storage"]["used_bytes"]) == (0, 0)
    assert empty["storage"]["limit_bytes"] >= empty["storage"]["file_bytes"] > 0

    begun = await begin(http, PNG, "wheel.png", media_type="image/png")
    shown = await show(http, "member/files")
    (row,) = shown["items"]
    assert (row["id"], row["name"], row["state"], row["inline"]) == (begun["id"], "wheel.png", "uploading", False)
    assert row["expires_at"] is not None
    assert (shown["storage"]["files"], shown["storage"]["used_bytes"]) == (1, len(PNG))
    await put_parts(begun, PNG)
    assert (await complete(http, begun)).status_code == 200
    (row,) = (await show(http, "member/files"))["items"]
    assert (row["state"], row["inline"], row["task"], row["expires_at"]) == ("ready", True, None, None)

    false = await begin(http, b"no image", "false.png", media_type="image/png")
    await put_parts(false, b"no image")
    check_problem(await complete(http, false), 422, "wrong_type")
    shown = await show(http, "member/files")
    assert [(each["name"], each["state"]) for each in shown["items"]] == [
        ("false.png", "refused"),
        ("wheel.png", "ready"),
    ]
    assert shown["items"][0]["reason"]
    # What was refused takes no room.
    assert shown["storage"]["used_bytes"] == len(PNG)
    others = await show(cluster.http_as((await cluster.make_user()).key), "member/files")
    assert (others["items"], others["storage"]["used_bytes"]) == ([], 0)


async def test_files_are_found_by_a_part_of_their_name_and_their_pages_join(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    made = [await upload(http, b"text", name) for name in ("Übung 1.txt", "b_2.txt", "übung 3.txt", "c.txt")]
    newest_first = [each["id"] for each in reversed(made)]
    assert await pages(http, "member/files") == newest_first
    found = await show(http, "member/files", q="ÜBUNG")
    assert [each["name"] for each in found["items"]] == ["übung 3.txt", "Übung 1.txt"]
    # No character stands for others.
    assert [each["name"] for each in (await show(http, "member/files", q="_"))["items"]] == ["b_2.txt"]
    assert (await show(http, "member/files", q="%"))["items"] == []
    check_problem(await http.get("/bff/v1/member/files", params={"cursor": "x"}), 400, "invalid_cursor")


async def test_an_installation_that_keeps_no_files_shows_none(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_OBJECTS_URL="")
    await cluster.start("api", "projector")
    shown = await show(cluster.http, "member/files")
    assert (shown["items"], shown["storage"]) == ([], None)
