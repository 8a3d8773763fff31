"""A task kind, and the decorator that makes one of a handler. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from headrace.contracts.input_types import describe_type
from headrace.contracts.kinds import AnnouncedKind
from headrace.contracts.task_ref import TaskRef
from headrace.contracts.tasks import KIND_PATTERN
from headrace.contracts.titles import marked_properties
from headrace.sdk.context import Context, SyncContext
from headrace.sdk.options import KindOptions
from headrace.sdk.patterns import mark_patterns
from headrace.sdk.retries import Retry
from headrace.sdk.said import to_json

In = TypeVar("In", bound=msgspec.Struct)
Out = TypeVar("Out")
T = TypeVar("T")

# What is left of the type when the handler may return `Retry` is the type of the result.
AsyncHandler = Callable[[In, Context], Awaitable[Out | Retry]]
SyncHandler = Callable[[In, SyncContext], Out | Retry]


class KindError(Exception):
    """A task kind is not usable as written. The message names the file and what to change."""


class ResultError(TypeError):
    """What a handler returned cannot be the result of a task. The message is a clause that says why."""


class _TaskMeta(msgspec.StructMeta):
    """Refuses `@task` without parentheses, which would give the function to the constructor."""

    def __call__(self: type[T], *given: Any, **options: Any) -> T:
        if given and inspect.isfunction(given[0]):
            handler = given[0]
            raise KindError(
                f"{handler.__code__.co_filename}: kind {handler.__name__!r}: write @task() with parentheses"
            )
        return super().__call__(*given, **options)


class task(KindOptions, frozen=True, metaclass=_TaskMeta):  # noqa: N801 - it is used as a decorator, as functools.partial is used as a function
    """Makes a handler a task kind. The arguments are the attributes of `headrace.sdk.options.KindOptions`.

    Raises:
        KindError: the handler cannot be a kind; the message names the file and what to change.
    """

    def __call__(self, handler: AsyncHandler[In, Out] | SyncHandler[In, Out]) -> Kind[In, Out]:
        """Make the handler a kind."""
        return Kind(handler, self)


class Kind(TaskRef[In, Out]):
    """A task kind: a handler with all that follows from its signature. It is a reference to itself, for `headrace.client`.

    Args:
        handler: The function that runs a task.
        options: How the tasks are run.

    Raises:
        KindError: the handler cannot be a kind; the message names the file and what to change.
    """

    def __init__(self, handler: AsyncHandler[In, Out] | SyncHandler[In, Out], options: KindOptions) -> None:
        self.handler = handler
        self.options = options
        self.file = handler.__code__.co_filename
        self.name = options.name or handler.__name__
        self._check_name()
        super().__init__(self.name)
        self.is_async = inspect.iscoroutinefunction(handler)
        self._check_options()
        self._signature = self._read_signature()
        self._input_schema = mark_patterns(self._schema("input", self.input_type), self.input_type)
        self._check_title()
        self._input_type = self._describe_input()
        self._result_schema = mark_patterns(self._schema("result", self.result_type), self.result_type)
        self._decoder: msgspec.json.Decoder[In] = msgspec.json.Decoder(self.input_type)
        self._description = inspect.cleandoc(self.input_type.__dict__.get("__doc__") or "")

    def __call__(self, input: In, context: Any) -> Any:
        """Call the handler as it was written."""
        return self.handler(input, context)

    def decode_input(self, raw: bytes | msgspec.Raw) -> In:
        """Decode the JSON of an input to the Struct that the handler takes.

        Raises:
            msgspec.ValidationError: the input is not what the kind declares.
        """
        return self._decoder.decode(raw)

    def encode_result(self, result: object) -> bytes:
        """Encode the result of the handler as JSON.

        Raises:
            ResultError: the result is not of the declared type, or cannot be written as JSON.
            BaseException: whatever a property or a method of the result raises.
        """
        if _is_struct(self.result_type) and not isinstance(result, self.result_type):
            raise ResultError(
                f"the handler returned {type(result).__name__}, not {self.result_type.__name__} as declared"
            )
        try:
            return to_json(result)
        except TypeError as error:
            raise ResultError(f"the handler's result cannot be written as JSON: {error}") from error

    def describe(self) -> AnnouncedKind:
        """Describe the kind for the catalog."""
        return AnnouncedKind(
            name=self.name,
            description=self._description,
            input_schema=self._input_schema,
            input_type=self._input_type,
            result_schema=self._result_schema,
            timeout=self.options.timeout,
            max_attempts=self.options.max_attempts,
            concurrency=self.options.concurrency,
            rate=self.options.rate,
            process=self.options.process,
        )

    def _check_name(self) -> None:
        if not re.fullmatch(KIND_PATTERN, self.name):
            raise self._error(
                f"the name {self.name!r} must be lower case letters, digits and _, at most 63, starting with a letter"
            )

    def _check_options(self) -> None:
        if error := self.options.find_error(is_async=self.is_async):
            raise self._error(error)

    def _check_title(self) -> None:
        marked = marked_properties(self._input_schema)
        if len(marked) > 1:
            raise self._error(f"an input has one title at most; let one of {', '.join(marked)} be a Title")

    def _types(self) -> tuple[type[In], Any]:
        return self._signature

    def _read_signature(self) -> tuple[type[In], Any]:
        """Read the types of the input and of the result from the annotations of the handler."""
        parameters = list(inspect.signature(self.handler).parameters)
        try:
            hints = get_type_hints(self.handler, include_extras=True)
        except NameError as error:
            raise self._error(f"an annotation cannot be resolved: {error}") from error
        if inspect.isgeneratorfunction(self.handler) or inspect.isasyncgenfunction(self.handler):
            raise self._error("a handler returns its result; it does not yield, so send pieces with context.emit()")
        if len(parameters) != 2:
            raise self._error("a handler takes exactly two arguments: its input and the context")
        input_type = hints.get(parameters[0])
        if not _is_struct(input_type):
            raise self._error(f"annotate {parameters[0]!r} with a msgspec.Struct, the input of the kind")
        wanted = Context if self.is_async else SyncContext
        if hints.get(parameters[1]) is not wanted:
            written = "an async" if self.is_async else "a plain"
            raise self._error(
                f"annotate {parameters[1]!r} with {wanted.__name__}, which is what {written} handler is given"
            )
        if "return" not in hints:
            raise self._error("annotate what the handler returns")
        return cast("type[In]", input_type), _without_retry(hints["return"])

    def _schema(self, which: str, of: Any) -> dict[str, Any]:
        try:
            return msgspec.json.schema(of)
        except TypeError as error:
            raise self._error(f"the {which} type has no JSON form: {' '.join(str(error).split())}") from error

    def _describe_input(self) -> msgspec.Raw:
        try:
            return msgspec.Raw(msgspec.json.encode(describe_type(self.input_type)))
        except TypeError as error:
            raise self._error(f"the input type cannot be announced: {error}") from error

    def _error(self, what: str) -> KindError:
        return KindError(f"{self.file}: kind {self.name!r}: {what}")


AnyKind = Kind[Any, Any]


def _without_retry(returned: Any) -> Any:
    """The type of a result, which is ``Counts`` when the handler returns ``Counts | Retry``."""
    if get_origin(returned) not in (Union, UnionType):
        return returned
    return Union[tuple(each for each in get_args(returned) if each is not Retry)]  # noqa: UP007 - made at run time


def _is_struct(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, msgspec.Struct)
