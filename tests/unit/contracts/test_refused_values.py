"""What is said of refused values, for every type that the contracts and the settings have."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from typing import Annotated, Any, Literal

import msgspec
import pytest
from msgspec import Meta, Struct, inspect

from headrace import contracts
from headrace.contracts.identity import Email, Scope
from headrace.contracts.patterns import WORD_PATTERN, meaning_of, pattern_of
from headrace.contracts.refused_values import explain
from headrace.contracts.tasks import Instant
from headrace.settings import Settings


class Inner(Struct, forbid_unknown_fields=True):
    reads: Annotated[int, Meta(ge=1, le=9)] = 1


class Body(Struct, forbid_unknown_fields=True):
    email: Email = "ann@example.com"
    scopes: Annotated[list[Scope], Meta(max_length=2)] | None = None
    state: Literal["approved", "rejected"] = "approved"
    name: Annotated[str, Meta(min_length=1, max_length=5)] = "x"
    limits: dict[Annotated[str, Meta(pattern=WORD_PATTERN)], Inner] = {}
    at: Instant | None = None
    own: Annotated[str, Meta(pattern="^a'b$")] = "a'b"


@pytest.mark.parametrize(
    ("body", "path", "said"),
    [
        ({"email": "ann"}, "/email", "this is not an email address, such as ann@example.com"),
        (
            {"scopes": ["tasks:red"]},
            "/scopes/0",
            "'tasks:red' is not possible here (did you mean 'tasks:read'?); there are",
        ),
        ({"scopes": ["admin"] * 3}, "/scopes", "this has to have at most 2 items"),
        ({"state": "x" * 999}, "/state", f"'{'x' * 80}' is not possible here; there are approved, rejected"),
        ({"name": ""}, "/name", "this may not be empty"),
        ({"name": "abcdef"}, "/name", "this has to have at most 5 characters"),
        ({"limits": {"a": {"read": 1}}}, "/limits", "there is no field 'read' here (did you mean 'reads'?)"),
        ({"limits": {"a": {"reads": 0}}}, "/limits", "this has to be 1 or more"),
        ({"limits": {"a@b": {}}}, "/limits", "a name in it is not made of 1 to 64 letters"),
        ({"at": "2030-01-01T00:00:00"}, "/at", "this is not a time with a time zone (RFC 3339), such as"),
        ({"at": 7}, "/at", "this has to be a time or null, not an integer"),
        ({"own": "x"}, "/own", 'this does not match the pattern "^a\'b$"'),
        ([], "", "this has to be an object, not an array"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_a_refused_value_is_explained_in_words_of_the_field(body: Any, path: str, said: str) -> None:
    with pytest.raises(msgspec.ValidationError) as refused:
        msgspec.json.decode(msgspec.json.encode(body), type=Body)
    wrong = explain(str(refused.value), Body)
    assert wrong.path == path
    assert wrong.message.startswith(said)


def test_what_else_msgspec_says_is_shown_as_it_is() -> None:
    assert explain("JSON is malformed: trailing comma (byte 3)").message == "JSON is malformed: trailing comma (byte 3)"


def test_a_pattern_means_one_thing() -> None:
    with pytest.raises(ValueError, match="means"):
        pattern_of("something else", WORD_PATTERN)


def test_every_pattern_of_the_contracts_and_the_settings_says_what_it_means() -> None:
    patterns = {
        text.pattern
        for struct in (*structs(), Settings)
        for text in strings(inspect.type_info(struct), set())
        if text.pattern is not None
    }
    assert len(patterns) > 15
    assert [each for each in sorted(patterns) if meaning_of(each) is None] == []


def structs() -> Iterator[type[Struct]]:
    for module in pkgutil.iter_modules(contracts.__path__, "headrace.contracts."):
        for value in vars(import_module(module.name)).values():
            if isinstance(value, type) and issubclass(value, Struct) and value.__module__ == module.name:
                yield value


def strings(type_: inspect.Type, seen: set[int]) -> Iterator[inspect.StrType]:
    if id(type_) in seen:
        return
    seen.add(id(type_))
    if isinstance(type_, inspect.StrType):
        yield type_
    inner = [getattr(type_, name, None) for name in ("type", "key_type", "value_type", "item_type")]
    inner += [field.type for field in getattr(type_, "fields", ())] + [*getattr(type_, "types", ())]
    for each in inner:
        if isinstance(each, inspect.Type):
            yield from strings(each, seen)
