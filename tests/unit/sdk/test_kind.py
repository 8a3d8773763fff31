"""How a kind is written, and what is said to those who write it otherwise."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, cast

import msgspec
import pytest

from headrace.task import Context, KindError, SyncContext, Title, task


class Words(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Count the words of a text.

    Words are what spaces separate.
    """

    text: str
    least: int = 1


class Counts(msgspec.Struct, frozen=True):
    words: int


@task(timeout=30, max_attempts=3)
async def word_count(input: Words, context: Context) -> Counts:
    words = [word for word in input.text.split() if len(word) >= input.least]
    await context.progress(0.5, "counting")
    await context.log(f"{len(words)} words")
    for word in words:
        await context.emit(word)
    return Counts(words=len(words))


@task()
def word_count_in_thread(input: Words, context: SyncContext) -> Counts:
    words = input.text.split()
    context.progress(1)
    context.log("done", level="debug")
    context.emit({"words": words})
    return Counts(words=len(words))


def test_everything_about_a_kind_follows_from_its_handler() -> None:
    described = word_count.describe()
    assert described.name == "word_count"
    assert described.description == "Count the words of a text.\n\nWords are what spaces separate."
    assert (described.timeout, described.max_attempts) == (30, 3)
    assert word_count.is_async
    assert not word_count_in_thread.is_async
    schema = described.input_schema["$defs"]["Words"]
    assert schema["properties"] == {"text": {"type": "string"}, "least": {"type": "integer", "default": 1}}
    assert schema["required"] == ["text"]
    assert schema["additionalProperties"] is False
    assert described.result_schema["$defs"]["Counts"]["required"] == ["words"]


def test_a_result_may_be_of_any_type_that_has_a_json_form() -> None:
    class Inner(msgspec.Struct):
        a: int

    @task()
    async def listing(input: Words, context: Context) -> list[Counts] | None:
        return None

    @task()
    async def anything(input: Words, context: Context) -> Any: ...

    assert listing.describe().result_schema["anyOf"][1] == {"type": "null"}
    assert listing.encode_result([Counts(words=1)]) == b'[{"words":1}]'
    assert listing.encode_result(None) == b"null"
    assert anything.describe().result_schema == {}
    assert anything.encode_result({"nested": [Inner(a=1)]}) == b'{"nested":[{"a":1}]}'


def test_an_input_is_read_as_the_kind_declares_it() -> None:
    assert word_count.decode_input(b'{"text":"x"}') == Words(text="x", least=1)
    for wrong in (b'{"text":1}', b"{}", b'{"text":"x","lest":2}', b"[]", b"null"):
        with pytest.raises(msgspec.ValidationError):
            word_count.decode_input(wrong)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        ("not counts", "the handler returned str, not Counts as declared"),
        (None, "the handler returned NoneType, not Counts as declared"),
        ({"words": 1}, "the handler returned dict, not Counts as declared"),
    ],
)
def test_a_result_of_another_type_than_declared_is_refused(result: object, said: str) -> None:
    with pytest.raises(TypeError, match=said):
        word_count.encode_result(result)


def _endless() -> list[Any]:
    endless: list[Any] = []
    endless.append(endless)
    return endless


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(threading.Lock, id="a lock"),
        pytest.param(lambda: {(1, 2): 3}, id="a tuple as key"),
        pytest.param(lambda: "\ud800", id="half a surrogate pair"),
        pytest.param(_endless, id="a list inside itself"),
    ],
)
def test_a_result_without_a_json_form_is_refused(make: Callable[[], object]) -> None:
    @task()
    async def anything(input: Words, context: Context) -> Any: ...

    with pytest.raises(TypeError, match="the handler's result cannot be written as JSON"):
        anything.encode_result(make())


async def right(input: Words, context: Context) -> None: ...


async def takes_nothing() -> None: ...


async def takes_three(input: Words, context: Context, more: int) -> None: ...


async def takes_no_struct(input: dict[str, str], context: Context) -> None: ...


async def takes_anything(input, context: Context) -> None: ...  # type: ignore[no-untyped-def]


async def takes_the_other_context(input: Words, context: SyncContext) -> None: ...


def plainly_takes_the_other_context(input: Words, context: Context) -> None: ...


async def takes_no_context(input: Words, context: int) -> None: ...


async def returns_unsaid(input: Words, context: Context): ...  # type: ignore[no-untyped-def]


async def returns_what_json_cannot(input: Words, context: Context) -> threading.Thread: ...


async def refers_to_nothing(input: Wrods, context: Context) -> None: ...  # type: ignore[name-defined]  # noqa: F821


async def yields(input: Words, context: Context) -> AsyncIterator[int]:
    yield 1


def plainly_yields(input: Words, context: SyncContext) -> Iterator[int]:
    yield 1


class Unwritable(msgspec.Struct):
    thread: threading.Thread


class TwoTitles(msgspec.Struct):
    heading: Title
    name: Title | None = None


async def has_two_titles(input: TwoTitles, context: Context) -> None: ...


async def takes_what_json_cannot(input: Unwritable, context: Context) -> None: ...


@pytest.mark.parametrize(
    ("handler", "options", "said"),
    [
        (right, {"name": "Echo"}, "the name 'Echo' must be lower case letters, digits and _"),
        (right, {"name": "1st"}, "the name '1st' must be"),
        (right, {"name": "a.b"}, "the name 'a.b' must be"),
        (right, {"name": "echo\n"}, r"the name 'echo\\n' must be"),
        (right, {"name": "x" * 64}, "at most 63"),
        (takes_nothing, {}, "takes exactly two arguments"),
        (takes_three, {}, "takes exactly two arguments"),
        (takes_no_struct, {}, "annotate 'input' with a msgspec.Struct"),
        (takes_anything, {}, "annotate 'input' with a msgspec.Struct"),
        (takes_the_other_context, {}, "annotate 'context' with Context, which is what an async handler is given"),
        (
            plainly_takes_the_other_context,
            {},
            "annotate 'context' with SyncContext, which is what a plain handler is given",
        ),
        (takes_no_context, {}, "annotate 'context' with Context"),
        (returns_unsaid, {}, "annotate what the handler returns"),
        (returns_what_json_cannot, {}, "the result type has no JSON form"),
        (yields, {}, "it does not yield"),
        (plainly_yields, {}, "it does not yield"),
        (takes_what_json_cannot, {}, "the input type has no JSON form"),
        (has_two_titles, {}, "an input has one title at most; let one of heading, name be a Title"),
        (refers_to_nothing, {}, "an annotation cannot be resolved: name 'Wrods' is not defined"),
    ],
)
def test_a_handler_that_cannot_be_a_kind_is_refused_with_its_file(
    handler: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(KindError, match=said) as caught:
        task(**options)(handler)
    assert str(caught.value).startswith(f"{__file__}: kind {options.get('name', handler.__name__)!r}: ")


def test_task_without_parentheses_is_refused_with_what_to_write() -> None:
    async def forgotten(input: Words, context: Context) -> Counts: ...

    bare = cast("Callable[[object], object]", task)
    with pytest.raises(KindError, match=r"test_kind\.py: kind 'forgotten': write @task\(\) with parentheses"):
        bare(forgotten)
    with pytest.raises(TypeError, match="positional"):
        bare("forgotten")
