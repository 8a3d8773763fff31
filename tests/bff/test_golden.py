"""The contract of each screen: its examples are what the document describes, and what once was in them stays."""

from __future__ import annotations

import re
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from msgspec import Struct

from headrace.api.bff.setting_groups import GROUPS
from headrace.api.bff.v1 import routes
from headrace.api.mounts import document_of, mount_of
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.contracts.screens.envelope import Screen
from tests.bff.examples import SCREENS
from tests.bff.golden import PLACE, FieldLost, file_of, golden, losses
from tests.openapi import documents

MADE = documents()

NO_SCREENS = frozenset({"/bff/v1/member/events", "/bff/v1/admin/events"})
"""The routes that answer with streams. Whatever else is served beside them is a screen, and has a golden file."""

every_screen = pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.__name__)


def document_with(screen: type[Struct]) -> dict[str, Any]:
    """The document that has a screen. What members and administrators have alike is in both, and the same."""
    first, *others = (each for each in MADE.values() if screen.__name__ in each["components"]["schemas"])
    named = [each["components"]["schemas"][screen.__name__] for each in (first, *others)]
    assert all(each == named[0] for each in named)
    return first


def validator(screen: type[Struct]) -> Any:
    reference = {"$ref": f"#/components/schemas/{screen.__name__}"}
    return jsonschema_rs.Draft202012Validator({**reference, "components": document_with(screen)["components"]})


@every_screen
def test_the_golden_file_is_what_the_structs_say_and_what_the_document_describes(screen: type[Struct]) -> None:
    assert golden(screen) == file_of(screen).read_text(), "run `just openapi`"
    examples = msgspec.json.decode(file_of(screen).read_bytes())
    assert examples.keys() >= {"full", "empty"}
    if issubclass(screen, Screen):
        assert examples.keys() == {"full", "empty", "one_part_stale", "one_part_missing"}
    for name, example in examples.items():
        validator(screen).validate(example)
        assert msgspec.convert(example, screen) == SCREENS[screen][name]
        # A page finds every field, and the web application none that the document does not have.
        described = document_with(screen)["components"]["schemas"][screen.__name__]
        assert example.keys() == described["properties"].keys()


@every_screen
def test_a_part_that_fails_is_null_or_has_a_time(screen: type[Struct]) -> None:
    for name in ("one_part_stale", "one_part_missing"):
        example: Any = SCREENS[screen].get(name)
        for each in example.stale if example is not None else ():
            assert (each.since is None) == (name == "one_part_missing")
            assert (getattr(example, each.part) is None) == (name == "one_part_missing")


def test_every_screen_that_is_served_has_a_golden_file() -> None:
    contents = {
        path: MADE[document_of(mount_of(handler))]["paths"][path]["get"]["responses"]["200"].get("content", {})
        for handler in routes.ALL
        for path in [f"/bff/v1{each.replace(':str', '')}" for each in handler.paths]
    }
    assert {path for path, content in contents.items() if "application/json" not in content} == NO_SCREENS
    assert all(contents[path].keys() == {"text/event-stream"} for path in NO_SCREENS)
    served = {
        content["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for path, content in contents.items()
        if path not in NO_SCREENS
    }
    assert served == {screen.__name__ for screen in SCREENS}
    assert {path.stem for path in PLACE.glob("*.json")} == served
    assert all(name[-2] == "V" and name[-1].isdigit() for name in served)


def test_a_field_is_added_and_none_is_removed_or_retyped(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    before = {"full": {"items": [{"id": "a", "count": 1, "note": None}], "flag": True}}
    added = {"full": {"items": [{"id": "a", "count": 1, "note": "new", "more": 1}], "flag": True, "other": []}}
    assert not list(losses(before, added))
    assert list(losses(before, {"full": {"items": [{"id": "a", "note": None}], "flag": True}})) == [
        "/full/items/0/count"
    ]
    assert list(losses(before, {"full": {"items": [{"id": 5, "count": 1, "note": None}], "flag": True}})) == [
        "/full/items/0/id: string, now number"
    ]
    assert list(losses(before, {"full": {"items": [], "flag": 1}})) == ["/full/flag: boolean, now number"]
    screen = next(iter(SCREENS))
    monkeypatch.setattr("tests.bff.golden.PLACE", tmp_path)
    whole = msgspec.to_builtins(SCREENS[screen])
    (tmp_path / f"{screen.__name__}.json").write_bytes(msgspec.json.encode(whole | {"gone": {}}))
    with pytest.raises(FieldLost, match="/gone: a field of a screen is neither removed nor retyped"):
        golden(screen)


def test_the_page_about_screens_shows_how_to_ask_for_each_as_everybody_who_may() -> None:
    sections = sections_about_screens()
    for handler in routes.ALL:
        (path,) = handler.paths
        answer = MADE[document_of(mount_of(handler))]["paths"][f"/bff/v1{path.replace(':str', '')}"]["get"]["responses"]
        if "application/json" not in answer["200"]["content"]:
            continue
        screen = answer["200"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        asked = re.sub(r"\{\w+:str\}", "[0-9a-f-]+", f"    curl .*/bff/v1{path}") + r"[\"?\n]"
        assert re.search(asked, sections[screen[:-2].lower()]), (screen, path)


@every_screen
def test_the_page_about_screens_names_every_field(screen: type[Struct]) -> None:
    sections = sections_about_screens()
    section = sections[screen.__name__[:-2].lower()]
    linked = [sections[link.replace("-", "")] for link in re.findall(r"\]\(#([a-z-]+)\)", section)]
    shared = [sections[each] for each in ("whateveryscreenhas", "rowsandgroups", "whatneedsattention")]
    # A table may name several fields of one thing, each in backticks of its own, behind where they are.
    said = re.findall(r"`([^`]+)`", "\n".join([section, *linked, *shared]))
    named = set(re.findall(r"[a-z_0-9]+", " ".join(said)))
    assert fields_of(screen) <= named, fields_of(screen) - named


def sections_about_screens() -> dict[str, str]:
    page = (PLACE.parents[2] / "docs/bff.md").read_text()
    return {part.partition("\n")[0].replace(" ", "").lower(): part for part in page.split("\n## ")[1:]}


def fields_of(screen: type[Struct]) -> set[str]:
    """The names of all fields of a screen and of what is in it, but of the definition of a schedule, which is described elsewhere."""
    return {
        field
        for name, schema in msgspec.json.schema_components([screen])[1].items()
        if name != "ScheduleDefinition"
        for field in schema.get("properties", ())
    }


def test_every_setting_that_changes_at_run_time_is_in_the_form() -> None:
    shown = [field.key for _, fields in GROUPS.values() for field in fields]
    assert sorted(shown) == sorted(RunTimeSettings.__struct_fields__)
