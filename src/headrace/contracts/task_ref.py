"""A kind of task as programs that submit its tasks know it: its name, its input and its result, without its handler."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any, Generic, TypeVar, get_args

import msgspec

from headrace.contracts.payloads import decode_payload
from headrace.contracts.tasks import KIND_PATTERN

In = TypeVar("In", bound=msgspec.Struct)
Out = TypeVar("Out")


class TaskRef(Generic[In, Out]):
    """A kind of task by its name, with the types of its input and of its result.

        word_count = TaskRef[WordCount, Counts]("word_count")

    A program that submits tasks and does not run them writes this beside the two types, in a module that imports nothing else, so
    that it does not import what the handler needs. A decorated handler is a reference as well.

    Args:
        name: The name of the kind.

    Attributes:
        name: The name of the kind.

    Raises:
        ValueError: No kind can have this name.
    """

    def __init__(self, name: str) -> None:
        if not re.fullmatch(KIND_PATTERN, name):
            raise ValueError(
                f"no kind can be called {name!r}: write lower case letters, digits and _, at most 63, starting with a letter"
            )
        self.name = name

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @property
    def input_type(self) -> type[In]:
        """The Struct that is the input of a task."""
        return self._types()[0]

    @property
    def result_type(self) -> Any:
        """The type of the result of a task."""
        return self._types()[1]

    def accepts(self, input: object) -> bool:
        """Tell whether an input is of the type that the kind takes."""
        return isinstance(input, self.input_type)

    def decode_result(self, raw: bytes | msgspec.Raw) -> Out:
        """Decode the JSON of a result to what the handler has returned.

        Raises:
            msgspec.MsgspecError: The result is not of the type that the kind declares.
        """
        return decode_payload(self._result_decoder, bytes(raw))

    def _types(self) -> tuple[type[In], Any]:
        """Read the types that this reference was written with. Python keeps them once the reference is made."""
        written = get_args(getattr(self, "__orig_class__", None))
        if len(written) != 2 or not _is_struct(written[0]):
            raise TypeError(
                f"the reference to kind {self.name!r} has no types: write TaskRef[Input, Result]({self.name!r}), where Input is a "
                "msgspec.Struct"
            )
        return written[0], written[1]

    @cached_property
    def _result_decoder(self) -> msgspec.json.Decoder[Out]:
        return msgspec.json.Decoder(self.result_type)


def _is_struct(of: Any) -> bool:
    return isinstance(of, type) and issubclass(of, msgspec.Struct)
