from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.contracts.task_ref import TaskRef
from headrace.task import Context, Retry, task


class Text(msgspec.Struct, frozen=True):
    text: str


class Counts(msgspec.Struct, frozen=True):
    words: int


# Without the check of a type checker, which refuses an input that is no Struct.
_REF: Any = TaskRef


@task(name="word_count")
async def count(input: Text, context: Context) -> Counts | Retry:
    return Counts(words=len(input.text.split()))


@pytest.mark.parametrize("kind", [count, TaskRef[Text, Counts]("word_count")], ids=["a handler", "a reference"])
def test_a_handler_is_a_reference_to_its_kind(kind: TaskRef[Text, Counts]) -> None:
    assert (kind.name, kind.input_type, kind.result_type) == ("word_count", Text, Counts)
    assert (kind.accepts(Text(text="a")), kind.accepts({"text": "a"})) == (True, False)
    assert kind.decode_result(b'{"words":2}') == Counts(words=2)
    with pytest.raises(msgspec.ValidationError, match="missing required field"):
        kind.decode_result(msgspec.Raw(b"{}"))
    assert repr(kind).endswith("('word_count')")


@pytest.mark.parametrize(
    ("of", "raw", "result"), [(None, b"null", None), (Counts | None, b"null", None), (Any, b"[1]", [1])]
)
def test_a_result_may_be_of_any_type_that_has_a_json_form(of: Any, raw: bytes, result: object) -> None:
    assert TaskRef[Text, of]("word_count").decode_result(raw) == result


@pytest.mark.parametrize("written", [TaskRef, TaskRef["Text", Counts], _REF[dict[str, str], Counts]])
def test_a_reference_without_usable_types_says_how_to_write_it(written: Any) -> None:
    with pytest.raises(TypeError, match=r"write TaskRef\[Input, Result\]\('word_count'\)"):
        _ = written("word_count").input_type


@pytest.mark.parametrize("name", ["", "WordCount", "word-count", "a\n", "a" * 64])
def test_a_name_that_no_kind_can_have_is_refused_where_it_is_written(name: str) -> None:
    with pytest.raises(ValueError, match="no kind can be called"):
        TaskRef[Text, Counts](name)
