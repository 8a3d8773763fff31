"""Make methods of a client that blocks of operations that are coroutines."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from headrace.client.blocking_driver import complete, iterate

P = ParamSpec("P")
T = TypeVar("T")


class Blocking(Protocol):
    """What has operations over a `headrace.client.blocking_driver.BlockingDriver`."""

    @property
    def operations(self) -> Any:
        """What the operations are methods of."""
        ...


def blocking(operation: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]) -> Callable[Concatenate[Any, P], T]:
    """Make a method that runs an operation to its end, with the same arguments."""

    @wraps(operation)
    def run(self: Blocking, *args: P.args, **kwargs: P.kwargs) -> T:
        return complete(operation(self.operations, *args, **kwargs))

    return run


def blocking_each(
    operation: Callable[Concatenate[Any, P], AsyncGenerator[T]],
) -> Callable[Concatenate[Any, P], Generator[T]]:
    """Make a method that gives what an operation gives, with the same arguments."""

    @wraps(operation)
    def run(self: Blocking, *args: P.args, **kwargs: P.kwargs) -> Generator[T]:
        return iterate(operation(self.operations, *args, **kwargs))

    return run
