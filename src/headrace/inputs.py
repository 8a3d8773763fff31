"""Whether an input is what its kind takes: asked by the API of every submission, and by workers of what they announce.

Two opinions are heard. The JSON Schema names every wrong place, and it is all that a worker in another language announces. The
type, which a worker in Python announces beside it, reads the input exactly as the worker will. An input is accepted when both
accept it. The schema asks for more in three places: the items of a set differ, a Decimal is written as a string, and the tag of
a Struct is there. What only the worker can know is named in `headrace.contracts.input_types`.
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Any, cast

import jsonschema_rs
import msgspec

from headrace.contracts.input_types import InputType, build_type
from headrace.contracts.kinds import PYTHON_PATTERN
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.contracts.tasks import NULL
from headrace.patterns import TimeAllowed, TookTooLong, find
from headrace.schema_unions import spell_out_unions

ERRORS_MAX = 20  # a submission with more wrong paths than that is wrong as a whole
MESSAGE_CHARS_MAX = 300  # of one error; a schema's message quotes the value, which may be large
EXPLAINED_BYTES_MAX = 16 << 10  # of JSON; the validator writes all errors at once, and everybody waits: up to 0.1 s
NAMED_BYTES_MAX = 128 << 10  # of JSON; of a larger input the validator is not asked for its first error either
EXPLAINED_LEVELS_MAX = 8  # of nesting; the validator writes the value at each level, and for each alternative there
MISMATCH = "does not match the schema of its kind"

Schema = dict[str, Any]


class InputCheck:
    """Checks inputs of one kind.

    Args:
        schema: The JSON Schema of the kind's input.
        described: The type of the input as JSON, see `headrace.contracts.input_types`; null when only the schema is known.

    Raises:
        ValueError: the schema or the type cannot be used. The message names the place.
    """

    def __init__(self, schema: Schema, described: msgspec.Raw = NULL) -> None:
        self._allowed = TimeAllowed()
        self._validator = _compile(schema, self._allowed)
        self._decoder = None if described == NULL else _build_decoder(described)

    def accepts(self, input: Schema, encoded: bytes | msgspec.Raw) -> bool:
        """Tell whether an input is what the kind takes.

        Args:
            input: The input.
            encoded: The same as JSON.
        """
        self._allowed.start()
        return self._validator.is_valid(input) and self._find_error_of_type(encoded) is None

    def explain(self, input: Schema, encoded: bytes | msgspec.Raw, path: str) -> list[FieldError]:
        """Return what is wrong with an input that is not accepted, place by place, as paths that begin with ``path``.

        Of a large input only the first wrong place is named.
        """
        self._allowed.start()
        if errors := self._find_errors_of_schema(input, len(bytes(encoded)), path):
            return errors
        message, at = self._find_error_of_type(encoded) or (MISMATCH, "")
        return [FieldError(path=path + at, message=_shorten(message))]

    def _find_errors_of_schema(self, input: Schema, size: int, path: str) -> list[FieldError]:
        if _is_nested_deeper(input, EXPLAINED_LEVELS_MAX):
            return []
        try:
            if size <= EXPLAINED_BYTES_MAX:
                return [_field_error(error, path) for error in islice(self._validator.iter_errors(input), ERRORS_MAX)]
            if size <= NAMED_BYTES_MAX:
                self._validator.validate(input)
        except jsonschema_rs.ValidationError as error:
            return [_field_error(error, path)]
        except ValueError:
            # The validator cannot show a value that is nested deeper than some 250 levels.
            return [FieldError(path=path, message=f"{MISMATCH}, and is nested too deep")]
        return []

    def _find_error_of_type(self, encoded: bytes | msgspec.Raw) -> tuple[str, str] | None:
        if self._decoder is None:
            return None
        try:
            self._decoder.decode(encoded)
        except RecursionError:
            return "nested too deep to be read", ""
        except (TypeError, ValueError) as error:
            # A set of what cannot be in a set is a TypeError.
            wrong = explain(str(error))
            return wrong.message, wrong.path
        return None


def _is_nested_deeper(value: Any, levels: int) -> bool:
    match value:
        case dict():
            inner = cast("dict[str, Any]", value).values()
        case list():
            inner = cast("list[Any]", value)
        case _:
            return False
    return levels == 0 or any(_is_nested_deeper(each, levels - 1) for each in inner)


def _compile(schema: Schema, time_allowed: TimeAllowed) -> jsonschema_rs.Validator:
    class Pattern(_Pattern):
        allowed = time_allowed

    keywords: dict[str, Any] = {PYTHON_PATTERN: Pattern}
    try:
        return jsonschema_rs.validator_for(spell_out_unions(_without_twins(schema)), keywords=keywords)
    except jsonschema_rs.ValidationError as error:
        # A schema that is no schema, or a pattern that cannot be compiled; the rest of the message shows the schema.
        raise ValueError(f"{_json_pointer(error.instance_path)}: {error.message}") from error


def _build_decoder(described: msgspec.Raw) -> msgspec.json.Decoder[Any]:
    try:
        built = build_type(msgspec.json.decode(described, type=InputType))
        return msgspec.json.Decoder(built)
    except (KeyError, IndexError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the type of the input cannot be built: {error}") from error


def _without_twins(part: Any) -> Any:
    """Return a schema without each `pattern` that stands beside the same in Python's dialect."""
    if isinstance(part, list):
        return [_without_twins(each) for each in cast("list[Any]", part)]
    if not isinstance(part, dict):
        return part
    schema = cast("Schema", part)
    twins = {"pattern"} if isinstance(schema.get(PYTHON_PATTERN), str) else set[str]()
    return {
        name: value if name in ("default", "enum", "const", "examples") else _without_twins(value)
        for name, value in schema.items()
        if name not in twins
    }


class _Pattern:
    """The keyword `PYTHON_PATTERN`: a text in which Python finds a pattern, as msgspec has Python look for it."""

    allowed: TimeAllowed

    def __init__(self, _schema: Schema, value: Any, _path: list[str | int]) -> None:
        self._pattern = re.compile(value)

    def validate(self, instance: Any) -> None:
        if not isinstance(instance, str):
            return
        try:
            found = find(self._pattern, instance, self.allowed)
        except TookTooLong:
            # A regular expression can take longer than the universe is old to find that a short text does not match.
            raise ValueError(
                f"takes too long to be compared with the pattern {self._pattern.pattern!r}; send a shorter text"
            ) from None
        if not found:
            shown = repr(instance[:MESSAGE_CHARS_MAX])
            raise ValueError(f"{shown} does not match the pattern {self._pattern.pattern!r}")


def _field_error(error: jsonschema_rs.ValidationError, path: str) -> FieldError:
    return FieldError(path=path + _json_pointer(error.instance_path), message=_shorten(error.message))


def _json_pointer(parts: list[str | int]) -> str:
    """Spell a path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{str(part).replace('~', '~0').replace('/', '~1')}" for part in parts)


def _shorten(message: str) -> str:
    return message if len(message) <= MESSAGE_CHARS_MAX else message[:MESSAGE_CHARS_MAX] + "…"
