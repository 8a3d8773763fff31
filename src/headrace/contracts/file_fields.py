"""The places of an input where files stand: the JSON Schema of the kind marks them with `x-file`. An input names a file by its id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, NamedTuple, cast

FILE_KEYWORD: Final = "x-file"
"""The keyword of a JSON Schema for a text that is the id of a file."""

ACCEPT_KEYWORD: Final = "x-accept"
"""The keyword beside it for the media types that such a file may have: `["image/*", "application/pdf"]`."""

_DEFINITIONS: Final = "#/$defs/"
_PASSED_OVER: Final = frozenset({"default", "enum", "const", "examples", "$defs"})  # values; and what others refer to

Schema = Mapping[str, Any]


class NamedFile(NamedTuple):
    """A file that an input names: where, its id, and the media types that it may have there; none for any."""

    path: str
    file: str
    accept: tuple[str, ...]


class FileFields:
    """The places of files in the inputs of one kind.

    Args:
        schema: The JSON Schema of the input.

    Attributes:
        at_top: The names of the properties that are files themselves.
        lists_at_top: The names of those that are lists of files.
    """

    def __init__(self, schema: Schema) -> None:
        self._schema = schema
        definitions = schema.get("$defs")
        self._definitions = cast("dict[str, Schema]", definitions) if isinstance(definitions, dict) else {}
        self._leading_to_files = self._find_leading_to_files()
        # By the identity of a part: the parts live as long as the schema.
        self._known: dict[int, bool] = {}
        self._is_needed = self._may_have_files(schema)
        self.at_top, self.lists_at_top = frozenset[str](), frozenset[str]()
        if self._is_needed:
            members = dict(self._members_at_top())
            self.at_top = frozenset(name for name, each in members.items() if any(map(_is_file, each)))
            self.lists_at_top = frozenset(
                name for name, each in members.items() if any(_is_file(part.get("items")) for part in each)
            )

    def __bool__(self) -> bool:
        return self._is_needed

    def find(self, value: Any, path: str) -> list[NamedFile]:
        """Return each file that an input names, with its place as a path that begins with ``path``."""
        return list({each.path: each for each in self._find(self._schema, value, path)}.values())

    def _find(self, part: Schema, value: Any, path: str) -> Iterator[NamedFile]:
        if not self._may_have_files(part):
            return
        if part.get(FILE_KEYWORD) is True and isinstance(value, str):
            yield NamedFile(path, value, _texts(part.get(ACCEPT_KEYWORD)))
        if (referred := self._referred(part)) is not None:
            yield from self._find(referred, value, path)
        for member in _parts(part.get("anyOf")):
            if self._may_be_meant(member, value):
                yield from self._find(member, value, path)
        if isinstance(value, dict):
            yield from self._find_in_object(part, cast("dict[str, Any]", value), path)
        elif isinstance(value, list):
            yield from self._find_in_array(part, cast("list[Any]", value), path)

    def _find_in_object(self, part: Schema, value: dict[str, Any], path: str) -> Iterator[NamedFile]:
        properties, others = _mapping(part.get("properties")), part.get("additionalProperties")
        for name, each in value.items():
            inner = properties.get(name, others)
            if isinstance(inner, dict):
                yield from self._find(cast("Schema", inner), each, f"{path}/{_escape(name)}")

    def _find_in_array(self, part: Schema, value: list[Any], path: str) -> Iterator[NamedFile]:
        first, others = _parts(part.get("prefixItems")), part.get("items")
        for place, each in enumerate(value):
            inner = first[place] if place < len(first) else others
            if isinstance(inner, dict):
                yield from self._find(cast("Schema", inner), each, f"{path}/{place}")

    def _may_be_meant(self, member: Schema, value: Any) -> bool:
        """Whether a value may be this member of a union: the fields that tell its members apart do not say otherwise."""
        if not isinstance(value, dict):
            return True
        found, given = self._referred(member) or member, cast("dict[str, Any]", value)
        return all(
            name not in given or given[name] in part["enum"]
            for name, part in _mapping(found.get("properties")).items()
            if isinstance(part, dict) and isinstance(cast("Schema", part).get("enum"), list)
        )

    def _referred(self, part: Schema) -> Schema | None:
        name = part.get("$ref")
        return self._definitions.get(name.removeprefix(_DEFINITIONS)) if isinstance(name, str) else None

    def _may_have_files(self, part: Schema) -> bool:
        known = self._known.get(id(part))
        if known is None:
            known = _has_file(part) or not self._leading_to_files.isdisjoint(_references(part))
            self._known[id(part)] = known
        return known

    def _find_leading_to_files(self) -> set[str]:
        """Return the names of the definitions that have files, or refer to some that do."""
        found = {name for name, part in self._definitions.items() if _has_file(part)}
        references = {name: set(_references(part)) for name, part in self._definitions.items()}
        while more := {name for name, to in references.items() if name not in found and not found.isdisjoint(to)}:
            found |= more
        return found

    def _members_at_top(self) -> Iterator[tuple[str, list[Schema]]]:
        """Yield each property of the input with the schemas that its value may be one of."""
        top = self._referred(self._schema) or self._schema
        for name, part in _mapping(top.get("properties")).items():
            yield name, [_mapping(each) for each in (part, *_parts(_mapping(part).get("anyOf")))]


def is_accepted(media_type: str, accept: Iterable[str]) -> bool:
    """Tell whether a file of a media type may stand where these are accepted; where none are named, any may."""
    own = media_type.partition(";")[0].strip().lower()
    patterns = [each.lower() for each in accept]
    return not patterns or any(fnmatchcase(own, each) for each in patterns)


def _is_file(part: Any) -> bool:
    return _mapping(part).get(FILE_KEYWORD) is True


def _has_file(part: Any) -> bool:
    return any(each.get(FILE_KEYWORD) is True for each in _schemas(part))


def _references(part: Any) -> Iterator[str]:
    for each in _schemas(part):
        if isinstance(name := each.get("$ref"), str):
            yield name.removeprefix(_DEFINITIONS)


def _schemas(part: Any) -> Iterator[Schema]:
    """Yield a part of a schema and all that is in it, as it is written."""
    if isinstance(part, list):
        for each in cast("list[Any]", part):
            yield from _schemas(each)
    elif isinstance(part, dict):
        schema = cast("Schema", part)
        yield schema
        for name, value in schema.items():
            if name not in _PASSED_OVER:
                yield from _schemas(value)


def _mapping(found: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def _parts(found: Any) -> list[Schema]:
    return cast("list[Schema]", found) if isinstance(found, list) else []


def _texts(found: Any) -> tuple[str, ...]:
    return tuple(each for each in _parts(found) if isinstance(each, str))


def _escape(name: str) -> str:
    """Spell a name as a part of a JSON Pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")
