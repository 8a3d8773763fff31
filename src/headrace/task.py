"""How to write a task kind: one file in `consumers/`, one Struct in, one value out, one decorated function.

    class WordCount(msgspec.Struct, frozen=True):
        text: str

    class Counts(msgspec.Struct, frozen=True):
        words: int

    @task(timeout=30)
    async def word_count(input: WordCount, context: Context) -> Counts:
        await context.progress(0.5, "counting")
        return Counts(words=len(input.text.split()))

An ``async`` handler runs on the worker's event loop and must not block it. A plain function runs in a thread and takes a
`SyncContext`; with ``process=True`` it runs in a process, so that code that computes for long, crashes or takes much memory
does not hurt the worker. A handler may run more than once for one task (a worker can die after the work and before it is
recorded), so what it does outside should be idempotent; ``context.task_id`` is the key to make it so. Its outcome counts once.

A decorated handler can still be called like the function it is, which is how to test one without any server; see
`headrace.testing`.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Generic, Literal, Protocol, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import msgspec

from headrace.contracts.kinds import KindDescription
from headrace.contracts.tasks import ATTEMPTS_MAX, KIND_PATTERN
from headrace.sdk.retries import Backoff, Retry

__all__ = ["Backoff", "Context", "Kind", "KindError", "Retry", "SyncContext", "load_kinds", "task"]

TIMEOUT_DEFAULT_SECONDS = 60.0
TIMEOUT_MAX_SECONDS = 24 * 3600.0  # a slot held longer than a day is a process, not a task
BACKOFF_DEFAULT = Backoff()
CONCURRENCY_MAX = 10_000
RATE_MAX = 10_000  # starts a second; a worker is given some thousand at most, one after the other
RATE_MIN = 1 / 3600  # starts a second; what is to happen less often has a schedule
MEMORY_BYTES_MIN = 64 << 20  # address space, not what is touched: one more thread takes as much

LogLevel = Literal["debug", "info", "warning", "error"]

In = TypeVar("In", bound=msgspec.Struct)
Out = TypeVar("Out")


class KindError(Exception):
    """A task kind is not usable as written. The message names the file and what to change."""


class Context(Protocol):
    """What an ``async`` handler is given besides its input."""

    @property
    def task_id(self) -> str:
        """The task's id; the same on every attempt and redelivery, so the key for outside effects."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        ...

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far the task is: ``fraction`` from 0 to 1. Call it as often as you like; at most 4 a second are sent."""
        ...

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """Write a line that people following the task see."""
        ...

    async def emit(self, chunk: object) -> None:
        """Stream a piece of output (any JSON value) to people following the task, in order."""
        ...


class SyncContext(Protocol):
    """What a plain-function handler is given: `Context` without ``await``, safe to use from its thread."""

    @property
    def task_id(self) -> str:
        """See `Context.task_id`."""
        ...

    @property
    def attempt(self) -> int:
        """See `Context.attempt`."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the task was cancelled; a handler that loops looks at it and returns."""
        ...

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `Context.progress`."""
        ...

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `Context.log`."""
        ...

    def emit(self, chunk: object) -> None:
        """See `Context.emit`."""
        ...


AsyncHandler = Callable[[In, Context], Awaitable[Out]]
SyncHandler = Callable[[In, SyncContext], Out]


class Kind(Generic[In, Out]):
    """A task kind: a handler with all that follows from its signature.

    Raises:
        KindError: the handler cannot be a kind; the message names the file and what to change.
    """

    def __init__(
        self,
        handler: AsyncHandler[In, Out] | SyncHandler[In, Out],
        *,
        name: str | None = None,
        timeout: float = TIMEOUT_DEFAULT_SECONDS,
        max_attempts: int = 1,
        backoff: Backoff = BACKOFF_DEFAULT,
        retry_on: tuple[type[BaseException], ...] = (Exception,),
        give_up_on: tuple[type[BaseException], ...] = (),
        process: bool = False,
        memory: int | None = None,
        concurrency: int | None = None,
        rate: float | None = None,
    ) -> None:
        self.handler = handler
        self.name = name or handler.__name__
        self.timeout = timeout
        self.max_attempts = max_attempts
        self.backoff = backoff
        self.retry_on = retry_on
        self.give_up_on = give_up_on
        self.process = process
        self.memory = memory
        self.concurrency = concurrency
        self.rate = rate
        self.is_async = inspect.iscoroutinefunction(handler)
        self.file = handler.__code__.co_filename
        self._check_options()
        self.input_type, self.result_type = self._read_signature()
        self._input_schema = self._schema("input", self.input_type)
        self._result_schema = self._schema("result", self.result_type)
        self._decoder: msgspec.json.Decoder[In] = msgspec.json.Decoder(self.input_type)
        self._description = inspect.cleandoc(self.input_type.__dict__.get("__doc__") or "")

    def __call__(self, input: In, context: Any) -> Any:
        """Call the handler as it was written."""
        return self.handler(input, context)

    def __repr__(self) -> str:
        return f"Kind({self.name!r})"

    def decode_input(self, raw: bytes | msgspec.Raw) -> In:
        """The input as the handler wants it.

        Raises:
            msgspec.ValidationError: the input is not what the kind declares.
        """
        return self._decoder.decode(raw)

    def encode_result(self, result: object) -> bytes:
        """The result as JSON.

        Raises:
            TypeError: the result is not of the declared type, or cannot be written as JSON.
        """
        if _is_struct(self.result_type) and not isinstance(result, self.result_type):
            raise TypeError(
                f"the handler returned {type(result).__name__}, not {self.result_type.__name__} as declared"
            )
        try:
            return msgspec.json.encode(result)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise TypeError(f"the handler's result cannot be written as JSON: {error}") from error

    def describe(self) -> KindDescription:
        """What the catalog shows of this kind."""
        return KindDescription(
            name=self.name,
            description=self._description,
            input_schema=self._input_schema,
            result_schema=self._result_schema,
            timeout=self.timeout,
            max_attempts=self.max_attempts,
            concurrency=self.concurrency,
            rate=self.rate,
            process=self.process,
        )

    def _check_options(self) -> None:
        if not re.fullmatch(KIND_PATTERN, self.name):
            raise self._error(
                f"the name {self.name!r} must be lower case letters, digits and _, at most 63, starting with a letter"
            )
        if not 0 < self.timeout <= TIMEOUT_MAX_SECONDS:
            raise self._error(
                f"timeout={self.timeout!r} must be more than 0 and at most {TIMEOUT_MAX_SECONDS:.0f} seconds"
            )
        if not _is_integer(self.max_attempts, 1, ATTEMPTS_MAX):
            raise self._error(f"max_attempts={self.max_attempts!r} must be an integer from 1 to {ATTEMPTS_MAX}")
        if wrong := self.backoff.wrong():
            raise self._error(wrong)
        for option, classes in (("retry_on", self.retry_on), ("give_up_on", self.give_up_on)):
            if not _are_exceptions(classes):
                raise self._error(f"{option}={classes!r} must be a tuple of exception classes")
        if self.process and self.is_async:
            raise self._error("process=True is for a plain function; write def instead of async def, or leave it out")
        if self.memory is not None and not self.process:
            raise self._error("memory= limits a process; add process=True, or leave it out")
        if self.memory is not None and not _is_integer(self.memory, MEMORY_BYTES_MIN, sys.maxsize):
            raise self._error(f"memory={self.memory!r} must be an integer, at least {MEMORY_BYTES_MIN:,} bytes")
        if self.concurrency is not None and not _is_integer(self.concurrency, 1, CONCURRENCY_MAX):
            raise self._error(f"concurrency={self.concurrency!r} must be an integer from 1 to {CONCURRENCY_MAX:,}")
        if self.rate is not None and not (RATE_MIN <= self.rate < 1 or _is_whole(self.rate, 1, RATE_MAX)):
            raise self._error(
                f"rate={self.rate!r} must be a whole number of starts a second from 1 to {RATE_MAX:,}, or less than 1 for"
                " one start in 1/rate seconds, at least 1/3600"
            )

    def _read_signature(self) -> tuple[type[In], Any]:
        parameters = list(inspect.signature(self.handler).parameters)
        try:
            hints = get_type_hints(self.handler, include_extras=True)
        except NameError as error:
            raise self._error(f"an annotation cannot be resolved: {error}") from error
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

    def _error(self, what: str) -> KindError:
        return KindError(f"{self.file}: kind {self.name!r}: {what}")


def _is_integer(value: object, least: int, most: int) -> bool:
    """Whether it is an int within bounds: kinds are written without a type checker, too, and 2.5 attempts are none."""
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_whole(value: float, least: int, most: int) -> bool:
    return least <= value <= most and value == int(value)


def _are_exceptions(classes: object) -> bool:
    return isinstance(classes, tuple) and all(
        isinstance(each, type) and issubclass(each, BaseException) for each in cast("tuple[object, ...]", classes)
    )


def _without_retry(returned: Any) -> Any:
    """What a handler returns when it is done, of ``Counts | Retry``."""
    if get_origin(returned) not in (Union, UnionType):
        return returned
    return Union[tuple(each for each in get_args(returned) if each is not Retry)]  # noqa: UP007 - made at run time


def _is_struct(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, msgspec.Struct)


def task(
    *,
    name: str | None = None,
    timeout: float = TIMEOUT_DEFAULT_SECONDS,
    max_attempts: int = 1,
    backoff: Backoff = BACKOFF_DEFAULT,
    retry_on: tuple[type[BaseException], ...] = (Exception,),
    give_up_on: tuple[type[BaseException], ...] = (),
    process: bool = False,
    memory: int | None = None,
    concurrency: int | None = None,
    rate: float | None = None,
) -> Callable[[AsyncHandler[In, Out] | SyncHandler[In, Out]], Kind[In, Out]]:
    """Make a handler a task kind.

    Args:
        name: The kind's name on the wire, the function's own by default. Renaming a kind orphans its queued tasks.
        timeout: Seconds one attempt may take.
        max_attempts: How often a failing task is tried in all; a submission may say otherwise.
        backoff: How long to wait between attempts.
        retry_on: What is tried again when the handler raises it; a timeout counts as `TimeoutError`.
        give_up_on: What is not, although ``retry_on`` has it.
        process: Run a plain function in a process of its own instead of a thread.
        memory: Bytes of address space that the handler may take in its process, beyond what its imports hold (Linux).
        concurrency: How many run at a time, over all workers. Such a kind is run in order: its priorities do not matter. A
            plain function that goes on after its timeout is no longer counted; with ``process=True`` it is ended.
        rate: How many are started a second, over all workers: a whole number, or less than 1 for one in ``1/rate`` seconds.
            Counted by the clock, second by second, so all of a second's may start at its beginning.

    Raises:
        KindError: the handler cannot be a kind; the message names the file and what to change.
    """

    def decorate(handler: AsyncHandler[In, Out] | SyncHandler[In, Out]) -> Kind[In, Out]:
        return Kind(
            handler,
            name=name,
            timeout=timeout,
            max_attempts=max_attempts,
            backoff=backoff,
            retry_on=retry_on,
            give_up_on=give_up_on,
            process=process,
            memory=memory,
            concurrency=concurrency,
            rate=rate,
        )

    return decorate


AnyKind = Kind[Any, Any]


def load_kinds(package: str, only: Iterable[str] = ()) -> dict[str, AnyKind]:
    """Import every module of a package and collect the kinds defined there.

    A module whose name begins with ``_`` is private: it holds what kinds import, and is not searched for kinds.

    Args:
        package: An importable package, or a single module.
        only: Names of kinds to keep; all when empty.

    Raises:
        KindError: the package or one of its modules cannot be imported, two kinds share a name, there is no kind, or one
            of ``only`` does not exist. The message names the file.
    """
    wanted = set(only)
    here = str(Path.cwd())
    if here not in sys.path:  # a console script does not look into the folder it is run from
        sys.path.insert(0, here)
    kinds: dict[str, AnyKind] = {}
    for module in _import_all(package):
        for value in vars(module).values():
            if not isinstance(value, Kind):
                continue
            kind = cast("AnyKind", value)
            known = kinds.setdefault(kind.name, kind)
            if known is not kind:
                raise KindError(
                    f"{kind.file}: kind {kind.name!r} is already defined in {known.file}; rename one of them"
                )
    if not kinds:
        raise KindError(f"{package}: no kinds found; decorate a handler with @task")
    unknown = sorted(wanted - kinds.keys())
    if unknown:
        raise KindError(f"{package}: no kind {', '.join(map(repr, unknown))}; there are {', '.join(sorted(kinds))}")
    return {name: kind for name, kind in sorted(kinds.items()) if not wanted or name in wanted}


def _import_all(name: str) -> Iterator[ModuleType]:
    module = _import(name)
    yield module
    for found in pkgutil.iter_modules(getattr(module, "__path__", [])):
        if not found.name.startswith("_"):
            yield from _import_all(f"{name}.{found.name}")


def _import(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except KindError:
        raise
    except Exception as error:
        spec = importlib.util.find_spec(name) if "." in name or name in sys.modules else None
        where = spec.origin if spec and spec.origin else name
        raise KindError(f"{where}: cannot be imported: {type(error).__name__}: {error}") from error
