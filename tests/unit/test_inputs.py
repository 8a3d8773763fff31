"""The API accepts what the worker reads: two opinions on inputs that were made up, and on those that are known to differ."""

from __future__ import annotations

import datetime as dates
import decimal
import enum
import itertools
import re
import time
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, Union

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from headrace.inputs import ERRORS_MAX, EXPLAINED_BYTES_MAX, NAMED_BYTES_MAX, InputCheck
from headrace.sdk.kind import Kind, KindError
from headrace.task import Context, task
from headrace.worker.announce import describe_checked
from tests.examples import examples

_numbers = itertools.count()


def kind_of(fields: list[Any], **config: Any) -> Kind[Any, None]:
    """A kind whose input has these fields."""
    input_type = msgspec.defstruct(f"Input{next(_numbers)}", fields, **config)

    async def made_up(input: Any, context: Context) -> None: ...

    made_up.__annotations__ = {"input": input_type, "context": Context, "return": None}
    return task()(made_up)


def check_of(kind: Kind[Any, None]) -> InputCheck:
    announced = describe_checked(kind)
    return InputCheck(announced.input_schema, announced.input_type)


def api_accepts(check: InputCheck, given: dict[str, Any]) -> bool:
    encoded = msgspec.json.encode(given)
    accepted = check.accepts(given, encoded)
    if not accepted:
        assert check.explain(given, encoded, "/input"), "a refusal says why"
    return accepted


def worker_reads(kind: Kind[Any, None], given: dict[str, Any]) -> bool:
    try:
        kind.decode_input(msgspec.json.encode(given))
    except (ValueError, TypeError):
        return False
    return True


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 3


class Pair(NamedTuple):
    first: int
    second: str = ""


class Options(TypedDict, total=False):
    deep: bool


class Leaf(msgspec.Struct, tag="leaf", forbid_unknown_fields=True):
    weight: Annotated[int, Meta(ge=0, le=9)]


class Tree(msgspec.Struct, tag="tree", rename="camel"):
    left_side: Tree | Leaf
    right_side: Tree | Leaf | None = None


class Row(msgspec.Struct, array_like=True):
    number: int
    name: str = ""


TEXTS = [
    *("", "a", "abc", "red", "1", "-1", "1.5", "12\n", "٣٤", "é", "😀", "NaN", "1e3", " 1", "null", "true"),
    *(
        "2026-11-26",
        "2026-11-26T10:00:00",
        "2026-11-26T10:00:00Z",
        "2026-11-26 10:00:00+01:00",
        "10:00:00",
        "10:00:00Z",
    ),
    *("P1D", "PT1.5S", "P1Y", "AQID", "AQ==", "***", "0191c9f8-ba72-76cb-aaed-487558f3cb98", "2026-13-01"),
]
NUMBERS = [
    0,
    1,
    -1,
    2,
    3,
    9,
    10,
    2**31,
    2**53 + 1,
    2**63,
    2**64,
    -(2**63) - 1,
    10**30,
    1.0,
    -0.0,
    0.1,
    0.3,
    0.5,
    1.5,
    1e300,
]

scalars = st.sampled_from(TEXTS) | st.sampled_from(NUMBERS) | st.none() | st.booleans()
values: st.SearchStrategy[Any] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(TEXTS), inner, max_size=3),
    max_leaves=5,
)
leaves = st.recursive(
    st.fixed_dictionaries({"type": st.sampled_from(["leaf", "tree", 1]), "weight": st.sampled_from(NUMBERS)}),
    lambda inner: st.fixed_dictionaries({"type": st.just("tree"), "leftSide": inner}, optional={"rightSide": inner}),
    max_leaves=3,
)

# Types, each with values that it may take.
SIMPLE: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (int, st.sampled_from(NUMBERS)),
    (Annotated[int, Meta(ge=1, lt=10, multiple_of=3)], st.sampled_from(NUMBERS)),
    (float, st.sampled_from(NUMBERS)),
    (Annotated[float, Meta(gt=0.1, le=1.5, multiple_of=0.1)], st.sampled_from(NUMBERS)),
    (bool, st.booleans()),
    (str, st.sampled_from(TEXTS)),
    (Annotated[str, Meta(min_length=1, max_length=2)], st.sampled_from(TEXTS)),
    (Annotated[str, Meta(pattern=r"^\d+$")], st.sampled_from(TEXTS)),
    (Annotated[str, Meta(pattern=r"\A(?P<q>[a-z])(?:(?P=q)|b|\Z)")], st.sampled_from(TEXTS)),
    (bytes, st.sampled_from(TEXTS)),
    (Annotated[bytes, Meta(min_length=2, max_length=3)], st.sampled_from(TEXTS)),
    (dates.datetime, st.sampled_from(TEXTS)),
    (Annotated[dates.datetime, Meta(tz=True)], st.sampled_from(TEXTS)),
    (Annotated[dates.datetime, Meta(tz=False)], st.sampled_from(TEXTS)),
    (dates.date, st.sampled_from(TEXTS)),
    (dates.time, st.sampled_from(TEXTS)),
    (Annotated[dates.time, Meta(tz=True)], st.sampled_from(TEXTS)),
    (dates.timedelta, st.sampled_from(TEXTS)),
    (uuid.UUID, st.sampled_from(TEXTS)),
    (Color, st.sampled_from(TEXTS)),
    (Level, st.sampled_from(NUMBERS)),
    (Literal[1, "a"], scalars),
    (Pair, st.lists(scalars, max_size=3)),
    (Row, st.lists(scalars, max_size=3)),
    (Options, st.fixed_dictionaries({}, optional={"deep": scalars, "more": scalars})),
    (Tree | Leaf, leaves),
    (Any, values),
    (msgspec.Raw, values),
]
KEYS: list[Any] = [str, int, float, Color, dates.date, uuid.UUID, Annotated[str, Meta(max_length=1)]]


def _grown(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    texts = st.sampled_from(TEXTS)
    return st.one_of(
        inner.map(lambda of: (list[of[0]], st.lists(of[1], max_size=3))),
        inner.map(lambda of: (tuple[of[0], ...], st.lists(of[1], max_size=3))),
        inner.map(lambda of: (Annotated[list[of[0]], Meta(min_length=1, max_length=2)], st.lists(of[1], max_size=3))),
        st.tuples(inner, inner).map(lambda of: (tuple[of[0][0], of[1][0]], st.tuples(of[0][1], of[1][1]).map(list))),
        st.tuples(st.sampled_from(KEYS), inner).map(
            lambda of: (dict[of[0], of[1][0]], st.dictionaries(texts, of[1][1], max_size=3))
        ),
        inner.map(lambda of: (Union[of[0], None], of[1] | st.none())),  # noqa: UP007 - made at run time
    )


types = st.recursive(st.sampled_from(SIMPLE), _grown, max_leaves=3)


@given(data=st.data(), typed=types, forbid=st.booleans(), required=st.booleans())
@examples(250)
def test_the_api_accepts_what_the_worker_reads_and_nothing_else(
    data: st.DataObject, typed: tuple[Any, st.SearchStrategy[Any]], forbid: bool, required: bool
) -> None:
    of, right = typed
    field = ("a_field", of) if required else ("a_field", of, None)
    kind = kind_of([field], forbid_unknown_fields=forbid, rename="camel")
    check = check_of(kind)
    for _ in range(4):
        given = data.draw(
            st.fixed_dictionaries({}, optional={"aField": right | right | right | values, "other": scalars})
        )
        assert api_accepts(check, given) == worker_reads(kind, given), (of, given)


DIALECT: list[tuple[str, list[str]]] = [
    (r"(?i)^[a-z]+$", ["ABC", "a1"]),
    (r"^(?P<year>\d{4})-(?P<month>\d\d)$", ["2026-11", "x"]),
    (r"\A[A-Z]{3}\Z", ["ABC", "ABCD", "ABC\n"]),
    (r"^(?P<q>['\"]).*(?P=q)$", ["'a'", "'a\""]),
    (r"^\w++$", ["abc", "a b"]),
    (r"^(?>ab|a)c$", ["abc", "aac"]),
    (r"^(<)?\w+(?(1)>|)$", ["<a>", "a", "<a"]),
    (r"(?x) ^ \d+ $ # digits", ["12", " 12"]),
    (r"^(?#digits)\d+$", ["12", "x"]),
    (r"^\060+$", ["00", "1"]),
    (r"^\d+$", ["12", "٣٤", "12\n"]),
    (r"\bword\b", ["a word", "éword", "swords"]),
    (r"^[]a]+$", ["]a", "b"]),
    (r"^a{,2}$", ["aa", "aaa", "a{,2}"]),
    (r"^.$", ["\n", "😀"]),
    (r"^[\w.+-]+@[\w-]+\.[\w.]+$", ["a@b.cz", "a@b", "@"]),
    (r"^\s*$", ["\u00a0", "\x1c", "x"]),
    (r"(?i)^straße$", ["STRASSE", "STRAßE", "stra\u017f\u017fe"]),
    (r"^[^\W\d_]+$", ["é", "1"]),
    (r"^\w+$", ["e\u0301", "²", "a_b"]),
    (r"^[a-z&&b]+$", ["b", "&", "z"]),
]


@pytest.mark.filterwarnings("ignore:Possible set:FutureWarning")
@pytest.mark.parametrize(("pattern", "texts"), DIALECT)
def test_a_pattern_is_read_as_python_reads_it(pattern: str, texts: list[str]) -> None:
    kind = kind_of([("text", Annotated[str, Meta(pattern=pattern)])])
    check = check_of(kind)
    for text in texts:
        assert api_accepts(check, {"text": text}) == (re.search(pattern, text) is not None), text


@pytest.mark.parametrize(
    ("pattern", "portable"),
    [
        (r"^[a-z][a-z0-9_]{0,62}$", True),
        (r"^\d{4}-\d\d?(?:T.*)?$", True),
        (r"^(?!x)(a|b)+?\.(\w*)\/\1$", True),
        (r"^[\u00e0-\u00ff]+$", True),
        (r"\A[A-Z]{3}\Z", False),
        (r"^\w++$", False),
        (r"^(?P<q>a)$", False),
        (r"(?i)a", False),
        (r"^[]a]+$", False),
        (r"^a{,2}$", False),
        (r"^\060$", False),
    ],
)
def test_a_schema_shows_clients_a_pattern_that_they_can_read(pattern: str, portable: bool) -> None:
    (of_input,) = kind_of([("text", Annotated[str, Meta(pattern=pattern)])]).describe().input_schema["$defs"].values()
    text = of_input["properties"]["text"]
    assert text["x-python-pattern"] == pattern
    assert text.get("pattern") == (pattern if portable else None)


def test_a_pattern_that_takes_too_long_refuses_the_text_with_a_sentence() -> None:
    check = check_of(kind_of([("texts", list[Annotated[str, Meta(pattern=r"^(?:a|a)+$")]])]))
    given = {"texts": ["a" * 40 + "b"] * 1000}
    encoded = msgspec.json.encode(given)
    assert not check.accepts(given, encoded)
    errors = check.explain(given, encoded, "/input")
    assert errors[0].path == "/input/texts/0"
    assert "takes too long" in errors[0].message
    assert "send a shorter text" in errors[0].message
    assert api_accepts(check, {"texts": ["aaa"]}), "the next input has time of its own"


@pytest.mark.parametrize("pattern", [r"^\w+$", r"b", r"\Ab?a*\Z", r"(?<!a)a+c?$"])
def test_a_long_text_is_compared_as_a_short_one(pattern: str) -> None:
    check = check_of(kind_of([("text", Annotated[str, Meta(pattern=pattern)])]))
    for text in ("a" * 70_000, "a" * 70_000 + "b", "b" + "a" * 70_000, "a" * 70_000 + "\n"):
        assert api_accepts(check, {"text": text}) == (re.search(pattern, text) is not None)


def test_a_kind_that_the_api_cannot_check_is_refused_with_its_file_and_its_field() -> None:
    kind = kind_of([("text", Annotated[str, Meta(extra_json_schema={"maxLength": "five"})])])
    with pytest.raises(KindError) as caught:
        describe_checked(kind)
    assert str(caught.value).startswith(f"{__file__}: kind 'made_up': the API cannot check its input: ")
    assert "/properties/text/maxLength" in str(caught.value)


@pytest.mark.parametrize("is_described", [True, False])
def test_of_a_large_input_only_the_first_wrong_place_is_named(is_described: bool) -> None:
    kind = kind_of([("texts", list[str])])
    check = check_of(kind) if is_described else InputCheck(kind.describe().input_schema)

    def explained(wrong: int) -> list[tuple[str, str]]:
        given = {"texts": [[]] * wrong}
        found = check.explain(given, msgspec.json.encode(given), "/input")
        return [(each.path, each.message) for each in found]

    assert [path for path, _ in explained(100)] == [f"/input/texts/{place}" for place in range(ERRORS_MAX)]
    assert explained(EXPLAINED_BYTES_MAX // 2) == [("/input/texts/0", '[] is not of type "string"')]
    assert explained(NAMED_BYTES_MAX // 2) == [
        ("/input/texts/0", "this has to be a string, not an array")
        if is_described
        else ("/input", "does not match the schema of its kind")
    ]


def _nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("levels", [200, 256, 500, 900])
def test_what_is_wrong_and_nested_deep_is_refused_with_a_sentence(levels: int) -> None:
    given = {"text": _nested(levels), "any": _nested(levels)}
    for check in (
        check_of(kind_of([("text", str), ("any", Any)])),
        InputCheck({"properties": {"text": {"type": "string"}}}),
    ):
        assert not api_accepts(check, given)
        assert api_accepts(check, {"text": "", "any": _nested(levels)})


@pytest.mark.parametrize(
    ("of", "refused"),
    [(set[int], [1, 1]), (decimal.Decimal, 1.5), (Leaf, {"weight": 1})],
)
def test_the_schema_asks_for_more_than_the_type_in_the_places_that_are_named(of: Any, refused: object) -> None:
    kind = kind_of([("value", of)])
    assert worker_reads(kind, {"value": refused})
    assert not api_accepts(check_of(kind), {"value": refused})


def test_a_worker_in_another_language_announces_a_schema_alone() -> None:
    check = InputCheck({"type": "object", "properties": {"n": {"type": "integer"}, "text": {"pattern": r"^\d$"}}})
    assert api_accepts(check, {"n": 1.0})
    assert not api_accepts(check, {"n": 1.5})
    assert not api_accepts(check, {"text": "x"})


def test_two_fields_whose_names_differ_by_what_no_name_in_python_may_have() -> None:
    rename: Callable[[str], str] = {"a": "a b", "b": "a-b", "c": "class"}.__getitem__
    kind = kind_of([("a", int), ("b", str), ("c", int, 0)], rename=rename)
    check = check_of(kind)
    for each in ({"a b": 1, "a-b": ""}, {"a b": "", "a-b": 1}, {"a b": 1, "a-b": "", "class": ""}):
        assert api_accepts(check, each) == worker_reads(kind, each)


class Plus(msgspec.Struct, tag="plus", forbid_unknown_fields=True):
    of: Plus | Minus | None = None


class Minus(msgspec.Struct, tag="minus", forbid_unknown_fields=True):
    of: Plus | Minus | None = None


class Chain(msgspec.Struct):
    inner: Chain | None = None
    value: int = 0


def _in_levels(levels: int, field: str, innermost: dict[str, Any], **others: Any) -> dict[str, Any]:
    value = innermost
    for _ in range(levels):
        value = {**others, field: value}
    return value


@pytest.mark.parametrize("levels", [12, 200])
@pytest.mark.parametrize("last", ["minus", "times"])
def test_a_union_that_contains_itself_is_compared_with_the_member_that_is_meant_only(levels: int, last: str) -> None:
    check = check_of(kind_of([("sum", Plus | Minus)]))
    given = {"sum": _in_levels(levels, "of", {"type": last}, type="plus")}
    began = time.process_time()
    assert api_accepts(check, given) == (last == "minus")
    assert time.process_time() - began < 1, "to compare with both at each level takes seconds at level 12, hours at 30"


def test_a_small_input_that_is_nested_deep_is_explained_in_no_time() -> None:
    check = check_of(kind_of([("trees", list[Chain])]))
    given = {"trees": [_in_levels(200, "inner", {"value": "x"})] * 8}
    began = time.process_time()
    (error,) = check.explain(given, msgspec.json.encode(given), "/input")
    assert time.process_time() - began < 1
    assert error.path.startswith("/input/trees/0/inner/inner/")
    assert error.message == "this has to be an integer, not a string"
