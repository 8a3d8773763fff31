"""How a kind is written, and what is said to those who write it otherwise."""

from __future__ import annotations

import asyncio
import itertools
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.task import Context, Kind, KindError, SyncContext, load_kinds, task
from headrace.testing import RecordingContext, RecordingSyncContext

_numbers = itertools.count(1)


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


async def test_a_handler_is_tested_by_calling_it() -> None:
    context = RecordingContext()
    result = await word_count(Words(text="to be or not", least=3), context)
    assert result == Counts(words=1)
    assert context.progressed == [(0.5, "counting")]
    assert context.logged == [("info", "1 words")]
    assert context.emitted == ["not"]


def test_a_plain_function_is_tested_by_calling_it() -> None:
    context = RecordingSyncContext(task_id="t1", attempt=2)
    assert word_count_in_thread(Words(text="to be"), context) == Counts(words=2)
    assert context.progressed == [(1, None)]
    assert context.logged == [("debug", "done")]
    assert context.emitted == [{"words": ["to", "be"]}]
    assert (context.task_id, context.attempt) == ("t1", 2)


async def test_a_recording_context_is_as_strict_as_a_real_one() -> None:
    for fraction in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
            await RecordingContext().progress(fraction)
        with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
            RecordingSyncContext().progress(fraction)
    with pytest.raises(TypeError):
        await RecordingContext().emit(threading.Lock())
    with pytest.raises(TypeError):
        RecordingSyncContext().emit(threading.Lock())


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


@pytest.mark.parametrize("rate", [1, 10.0, 10_000, 0.999, 0.1, 1 / 3600])
def test_limits_are_described(rate: float) -> None:
    @task(concurrency=3, rate=rate)
    async def limited(input: Words, context: Context) -> None: ...

    described = limited.describe()
    assert (described.concurrency, described.rate, described.process) == (3, rate, False)
    assert (word_count.describe().concurrency, word_count.describe().rate) == (None, None)


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


class Unwritable(msgspec.Struct):
    thread: threading.Thread


async def takes_what_json_cannot(input: Unwritable, context: Context) -> None: ...


@pytest.mark.parametrize(
    ("handler", "options", "said"),
    [
        (right, {"name": "Echo"}, "the name 'Echo' must be lower case letters, digits and _"),
        (right, {"name": "1st"}, "the name '1st' must be"),
        (right, {"name": "a.b"}, "the name 'a.b' must be"),
        (right, {"name": "echo\n"}, r"the name 'echo\\n' must be"),
        (right, {"name": "x" * 64}, "at most 63"),
        (right, {"timeout": 0}, "timeout=0 must be more than 0"),
        (right, {"timeout": -1.5}, "timeout=-1.5 must be"),
        (right, {"timeout": float("nan")}, "timeout=nan must be"),
        (right, {"timeout": 24 * 3600 + 1}, "at most 86400 seconds"),
        (right, {"max_attempts": 0}, "max_attempts=0 must be an integer from 1 to 100"),
        (right, {"max_attempts": 2.5}, r"max_attempts=2\.5 must be an integer"),
        (right, {"max_attempts": 2.0}, r"max_attempts=2\.0 must be an integer"),
        (right, {"max_attempts": True}, "max_attempts=True must be an integer"),
        (right, {"max_attempts": "3"}, "max_attempts='3' must be an integer"),
        (right, {"max_attempts": 101}, "max_attempts=101 must be an integer from 1 to 100"),
        (right, {"process": True}, "process=True is for a plain function; write def instead of async def"),
        (word_count_in_thread.handler, {"memory": 1 << 30}, "memory= limits a process; add process=True"),
        (
            word_count_in_thread.handler,
            {"process": True, "memory": 1 << 20},
            "memory=1048576 must be an integer, at least 67,108,864 bytes",
        ),
        (word_count_in_thread.handler, {"process": True, "memory": 1e9}, r"memory=1000000000\.0 must be an integer"),
        (word_count_in_thread.handler, {"process": True, "memory": float("nan")}, "memory=nan must be an integer"),
        (right, {"concurrency": 0}, "concurrency=0 must be an integer from 1 to 10,000"),
        (right, {"concurrency": 2.0}, r"concurrency=2\.0 must be an integer"),
        (right, {"concurrency": True}, "concurrency=True must be an integer"),
        (right, {"concurrency": 10_001}, "concurrency=10001 must be"),
        (right, {"concurrency": 1.5}, "concurrency=1.5 must be"),
        (right, {"rate": 0}, "rate=0 must be a whole number of starts a second from 1 to 10,000, or less than 1"),
        (right, {"rate": -1}, "rate=-1 must be"),
        (right, {"rate": 2.5}, r"rate=2\.5 must be"),
        (right, {"rate": 1 / 3601}, "at least 1/3600"),
        (right, {"rate": float("nan")}, "rate=nan must be"),
        (right, {"rate": float("inf")}, "rate=inf must be"),
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
        (takes_what_json_cannot, {}, "the input type has no JSON form"),
        (refers_to_nothing, {}, "an annotation cannot be resolved: name 'Wrods' is not defined"),
    ],
)
def test_a_handler_that_cannot_be_a_kind_is_refused_with_its_file(
    handler: Any, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(KindError, match=said) as caught:
        task(**options)(handler)
    assert str(caught.value).startswith(f"{__file__}: kind {options.get('name', handler.__name__)!r}: ")


A_KIND = """
    import msgspec
    from headrace.task import Context, task

    class Nothing(msgspec.Struct):
        pass

    @task()
    async def {name}(input: Nothing, context: Context) -> None:
        pass
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Write a package of kinds; `name=source` for its modules."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(**modules: str) -> str:
        name = f"kinds_of_a_test_{next(_numbers)}"
        for path, source in {"__init__": "", **modules}.items():
            file = tmp_path / name / f"{path.replace('__in__', '/')}.py"
            file.parent.mkdir(exist_ok=True)
            file.write_text(textwrap.dedent(source))
        return name

    return write


def test_kinds_are_collected_from_every_module_of_a_package_by_name(package: Callable[..., str]) -> None:
    name = package(
        b=A_KIND.format(name="beta"),
        a=A_KIND.format(name="alpha"),
        sub__in____init__="",
        sub__in__c=A_KIND.format(name="gamma"),
    )
    found = load_kinds(name)
    assert list(found) == ["alpha", "beta", "gamma"]
    assert all(isinstance(kind, Kind) and kind.name == of for of, kind in found.items())
    assert list(load_kinds(name, ["gamma", "alpha"])) == ["alpha", "gamma"]


def test_private_modules_are_not_searched_for_kinds_and_kinds_may_import_them(package: Callable[..., str]) -> None:
    name = package(
        _words="WORDS = 2",
        _broken="1 / 0",
        _parts__in____init__="1 / 0",
        _parts__in__d=A_KIND.format(name="delta"),
        a=f"from ._words import WORDS\n{textwrap.dedent(A_KIND.format(name='alpha'))}",
    )
    assert list(load_kinds(name)) == ["alpha"]


def test_a_single_module_will_do(package: Callable[..., str]) -> None:
    name = package(only=A_KIND.format(name="alone"))
    assert list(load_kinds(f"{name}.only")) == ["alone"]


def test_a_kind_that_a_module_imports_from_another_is_the_same_kind(package: Callable[..., str]) -> None:
    name = package(one=A_KIND.format(name="one"), two="from .one import one")
    assert list(load_kinds(name)) == ["one"]


def test_two_kinds_of_one_name_are_refused_with_both_files(package: Callable[..., str], tmp_path: Path) -> None:
    name = package(one=A_KIND.format(name="same"), two=A_KIND.format(name="same"))
    with pytest.raises(KindError) as caught:
        load_kinds(name)
    assert str(caught.value) == (
        f"{tmp_path}/{name}/two.py: kind 'same' is already defined in {tmp_path}/{name}/one.py; rename one of them"
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import no_such_library", "ModuleNotFoundError: No module named 'no_such_library'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def broken(:", "SyntaxError"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_by_its_file(
    package: Callable[..., str], tmp_path: Path, source: str, said: str
) -> None:
    name = package(fine=A_KIND.format(name="fine"), broken=source)
    with pytest.raises(KindError, match=said) as caught:
        load_kinds(name)
    assert str(caught.value).startswith(f"{tmp_path}/{name}/broken.py: cannot be imported: ")


def test_a_kind_that_cannot_be_one_is_named_by_its_file_once(package: Callable[..., str], tmp_path: Path) -> None:
    name = package(wrong=A_KIND.format(name="Wrong"))
    with pytest.raises(KindError) as caught:
        load_kinds(name)
    assert str(caught.value).startswith(f"{tmp_path}/{name}/wrong.py: kind 'Wrong': ")


def test_a_package_that_is_not_there_is_named() -> None:
    with pytest.raises(KindError, match="no_such_package: cannot be imported: ModuleNotFoundError"):
        load_kinds("no_such_package")


def test_a_package_without_kinds_is_refused(package: Callable[..., str]) -> None:
    with pytest.raises(KindError, match=r"no kinds found; decorate a handler with @task"):
        load_kinds(package(empty="x = 1"))


def test_kinds_that_are_asked_for_and_not_there_are_named_beside_those_there_are(package: Callable[..., str]) -> None:
    name = package(a=A_KIND.format(name="alpha"), b=A_KIND.format(name="beta"))
    with pytest.raises(KindError, match="no kind 'delta', 'gamma'; there are alpha, beta"):
        load_kinds(name, ["gamma", "alpha", "delta"])


def test_kinds_are_found_in_the_folder_a_console_script_is_run_from(
    package: Callable[..., str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = package(a=A_KIND.format(name="alpha"))
    monkeypatch.setattr("sys.path", [path for path in __import__("sys").path if path != str(tmp_path)])
    monkeypatch.chdir(tmp_path)
    assert list(load_kinds(name)) == ["alpha"]


async def test_a_kind_is_called_like_the_function_it_is() -> None:
    calls = [asyncio.create_task(word_count(Words(text="a b"), RecordingContext())) for _ in range(2)]
    assert await asyncio.gather(*calls) == [Counts(words=2)] * 2
    assert repr(word_count) == "Kind('word_count')"
