"""The type of an input as JSON: how a worker reads it, told to the API, which then reads it with the same type.

A JSON Schema cannot say all that msgspec checks: that 1.0 is no ``int``, that a time has a zone or none, what the keys of a
dict are, how many bytes some base64 holds. So a worker announces both. Patterns are left out here: msgspec compares a text for
as long as that takes, and the API bounds it, see `headrace.inputs`.

What only the worker knows is left out too, and ends a task as `invalid_input` after it was accepted: what a ``__post_init__``
or the ``_missing_`` of an enum refuses.
"""

from __future__ import annotations

import datetime as dates
import decimal
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple, Union, cast

import msgspec
from msgspec import Meta, inspect

Described = dict[str, Any]

SCALARS: dict[str, Any] = {
    "AnyType": Any,
    "RawType": Any,
    "NoneType": None,
    "BoolType": bool,
    "IntType": int,
    "FloatType": float,
    "StrType": str,
    "BytesType": bytes,
    "ByteArrayType": bytes,
    "MemoryViewType": bytes,
    "DateTimeType": dates.datetime,
    "TimeType": dates.time,
    "DateType": dates.date,
    "TimeDeltaType": dates.timedelta,
    "UUIDType": uuid.UUID,
    "DecimalType": decimal.Decimal,
}
COLLECTIONS: dict[str, Callable[[Any], Any]] = {
    "CollectionType": lambda item: list[item],
    "ListType": lambda item: list[item],
    "SetType": lambda item: set[item],
    "FrozenSetType": lambda item: frozenset[item],
    "VarTupleType": lambda item: tuple[item, ...],
}
CONSTRAINTS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "tz")


class InputType(msgspec.Struct, frozen=True):
    """The type of an input.

    Attributes:
        root: The type.
        objects: The types with fields, which others refer to by their place here.
    """

    root: Described
    objects: list[Described]


def describe_type(of: Any) -> InputType:
    """Describe a type that msgspec decodes.

    Raises:
        TypeError: the type has a part that only its own program can read.
    """
    describer = _Describer()
    return InputType(describer.describe(inspect.type_info(of)), describer.objects)


def build_type(described: InputType) -> Any:
    """Build a type that reads what the described one reads.

    Raises:
        KeyError, TypeError, ValueError: this version cannot build the type.
    """
    return _Builder(described.objects).build(described.root)


class _Describer:
    def __init__(self) -> None:
        self.objects: list[Described] = []
        self._places: dict[type, int] = {}

    def describe(self, of: inspect.Type) -> Described:
        name = type(of).__name__
        constraints = {each: found for each in CONSTRAINTS if (found := getattr(of, each, None)) is not None}
        match of:
            case inspect.Metadata():
                return self.describe(of.type)
            case inspect.UnionType():
                return {"of": name, "types": [self.describe(each) for each in of.types]}
            case inspect.LiteralType():
                return {"of": name, "values": list(of.values)}
            case inspect.EnumType():
                return {"of": "LiteralType", "values": [each.value for each in of.cls]}
            case inspect.TupleType():
                return {"of": name, "items": [self.describe(each) for each in of.item_types]}
            case inspect.DictType():
                key, value = self.describe(of.key_type), self.describe(of.value_type)
                return {"of": name, "key": key, "value": value, **constraints}
            case _ if name in SCALARS:
                return {"of": name, **constraints}
            case _ if name in COLLECTIONS:
                return {"of": name, "item": self.describe(cast("inspect.ListType", of).item_type), **constraints}
            case inspect.StructType() | inspect.TypedDictType() | inspect.NamedTupleType() | inspect.DataclassType():
                return {"of": "object", "at": self._place_of(of)}
            case _:
                raise TypeError(f"{name} cannot be described")

    def _place_of(
        self, of: inspect.StructType | inspect.TypedDictType | inspect.NamedTupleType | inspect.DataclassType
    ) -> int:
        if of.cls in self._places:
            return self._places[of.cls]
        place = self._places[of.cls] = len(self.objects)
        self.objects.append({})
        self.objects[place] = {
            "array_like": isinstance(of, inspect.NamedTupleType) or getattr(of, "array_like", False),
            "forbid_unknown_fields": isinstance(of, inspect.NamedTupleType)
            or getattr(of, "forbid_unknown_fields", False),
            "frozen": _is_hashable(of.cls),
            "tag_field": getattr(of, "tag_field", None),
            "tag": getattr(of, "tag", None),
            "fields": [[each.encode_name, self.describe(each.type), each.required] for each in of.fields],
        }
        return place


def _is_hashable(of: type) -> bool:
    return getattr(of, "__hash__", None) is not None


class _Builder:
    """Builds types. Those with fields are made first, because they may refer to each other."""

    def __init__(self, objects: list[Described]) -> None:
        self._objects = [_build_object(f"Object{place}", each) for place, each in enumerate(objects)]
        for made, each in zip(self._objects, objects, strict=True):
            # msgspec looks at the annotations when it first decodes.
            made.__annotations__ = {
                f"field{place}": self.build(described) for place, (_, described, _) in enumerate(each["fields"])
            }

    def build(self, described: Described) -> Any:
        built: Any
        name = described["of"]
        constraints = {each: described[each] for each in CONSTRAINTS if each in described}
        match name:
            case "UnionType":
                built = Union[tuple(self.build(each) for each in described["types"])]  # noqa: UP007 - made at run time
            case "LiteralType":
                built = Literal[tuple(described["values"])]
            case "TupleType":
                built = cast("Any", tuple)[tuple(self.build(each) for each in described["items"])]
            case "DictType":
                key, value = self.build(described["key"]), self.build(described["value"])
                built = cast("Any", dict)[key, value]
            case "object":
                built = cast("Any", self._objects[described["at"]])
            case _ if name in COLLECTIONS:
                built = COLLECTIONS[name](self.build(described["item"]))
            case _:
                built = SCALARS[name]
        return Annotated[built, Meta(**constraints)] if constraints else built


class _Names(NamedTuple):
    """The names of fields on the wire, by the names that they have in a type that was built."""

    of: dict[str, str]

    def __call__(self, name: str) -> str:
        return self.of[name]


def _build_object(name: str, described: Described) -> type[msgspec.Struct]:
    """Make a type with fields, without their types. The fields have names of their own: any text may be one on the wire."""
    fields: list[tuple[str, Any] | tuple[str, Any, Any]] = [
        (f"field{place}", Any) if required else (f"field{place}", Any, None)
        for place, (_, _, required) in enumerate(described["fields"])
    ]
    names = {f"field{place}": on_the_wire for place, (on_the_wire, _, _) in enumerate(described["fields"])}
    return msgspec.defstruct(
        name,
        fields,
        rename=_Names(names),
        kw_only=True,
        array_like=described["array_like"],
        forbid_unknown_fields=described["forbid_unknown_fields"],
        frozen=described["frozen"],
        tag_field=described["tag_field"],
        tag=described["tag"],
    )
