"""`headrace types --ts`: TypeScript types of what kinds take and give, made from their JSON Schemas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from headrace.cli.terminal.schema_types import DEFINITION, TypeWriter, comment_of, fields_of, is_identifier, list_of
from headrace.contracts.kinds import KindDescription

HEADER = "// What kinds of task take and give, made by `headrace types --ts`. Make it anew instead of changing it."
MAP = "Kinds"

# A type cannot have one of these names in TypeScript.
_RESERVED = frozenset(
    (
        f"{MAP} any bigint boolean never null number object string symbol undefined unknown void as async await declare get module "
        "namespace of set type break case catch class const continue debugger default delete do else enum export extends false "
        "finally for function if implements import in instanceof interface let new package private protected public return static "
        "super switch this throw true try typeof var while with yield"
    ).split()
)

_encode_sorted = msgspec.json.Encoder(order="sorted").encode


def write_types(kinds: Iterable[KindDescription]) -> str:
    """Return a TypeScript module with a type for each definition of the schemas, and `Kinds`, which maps each kind to its types.

    The same kinds give the same text, in whatever order they come. Where kinds have different definitions of one name, the name
    of the kind, and whether it is of the input or of the result, stand before each of them.
    """
    ordered = sorted(kinds, key=lambda kind: kind.name)
    names = _name_definitions(ordered)
    types: dict[str, str] = {}
    entries: list[str] = []
    for kind in ordered:
        fields: list[str] = []
        for side, schema in _sides(kind):
            writer = TypeWriter(names[kind.name, side])
            for key, definition in _definitions(schema).items():
                name = names[kind.name, side][key]
                types[name] = comment_of(definition) + writer.declare(name, definition)
            fields.append(f"{side}: {writer.write(schema)}")
        about = comment_of({"description": kind.description}, "  ")
        entries.append(f"{about}  {kind.name}: {{ {'; '.join(fields)} }};\n")
    declared = [types[name] for name in sorted(types)]
    return "\n".join([f"{HEADER}\n", *declared, f"export interface {MAP} {{\n{''.join(entries)}}}\n"])


def _sides(kind: KindDescription) -> tuple[tuple[str, dict[str, Any]], tuple[str, dict[str, Any]]]:
    return ("input", kind.input_schema), ("result", kind.result_schema)


def _definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    return fields_of(schema.get("$defs"))


def _name_definitions(kinds: list[KindDescription]) -> dict[tuple[str, str], dict[str, str]]:
    """Return, for each side of each kind, the names of the types for the definitions of its schema."""
    ambiguous = _ambiguous_names(kinds)
    used = {
        _word(key)
        for kind in kinds
        for _, schema in _sides(kind)
        for key in _definitions(schema)
        if key not in ambiguous
    }
    names: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for kind in kinds:
        for side, schema in _sides(kind):
            prefix = "".join(word.capitalize() for word in (*kind.name.split("_"), side))
            for key in _definitions(schema):
                name = _word(key) if key not in ambiguous else _unused(prefix + _word(key), used)
                names[kind.name, side][key] = name
    return names


def _unused(name: str, used: set[str]) -> str:
    while name in used:
        name += "_"
    used.add(name)
    return name


def _ambiguous_names(kinds: list[KindDescription]) -> set[str]:
    """Return the definitions whose name alone would not say which type is meant, or is no name in TypeScript."""
    bodies: dict[str, set[bytes]] = defaultdict(set)
    keys_by_word: dict[str, set[str]] = defaultdict(set)
    uses: dict[str, set[str]] = defaultdict(set)
    for kind in kinds:
        for _, schema in _sides(kind):
            for key, definition in _definitions(schema).items():
                bodies[key].add(_encode_sorted(definition))
                keys_by_word[_word(key)].add(key)
                uses[key].update(_references(definition))
    ambiguous = {
        key
        for key, found in bodies.items()
        if len(found) > 1 or len(keys_by_word[_word(key)]) > 1 or not _is_type_name(_word(key))
    }
    # What refers to a type of two meanings has two meanings.
    while more := {key for key, used in uses.items() if used & ambiguous} - ambiguous:
        ambiguous |= more
    return ambiguous


def _references(schema: Any) -> Iterator[str]:
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        waiting += [*list_of(each), *fields_of(each).values()]
        reference = fields_of(each).get("$ref")
        if isinstance(reference, str) and reference.startswith(DEFINITION):
            yield reference.removeprefix(DEFINITION)


def _word(key: str) -> str:
    """Return the key of a definition as a name: ``Page[int]`` is ``Page_int``."""
    return "".join(letter if is_identifier(f"x{letter}") else "_" for letter in key).strip("_")


def _is_type_name(word: str) -> bool:
    return is_identifier(word) and word not in _RESERVED
