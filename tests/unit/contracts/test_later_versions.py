"""A client of this version reads what an API of a later version answers, which may have fields that are not known yet."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct, inspect

from headrace import client
from headrace.contracts.attempts import Attempts
from headrace.contracts.batches import Batch
from headrace.contracts.bulk import BulkResult
from headrace.contracts.files import File, FileDetail, FilePage
from headrace.contracts.follow_links import FollowLink
from headrace.contracts.kinds import CatalogEntry, KindList
from headrace.contracts.problems import Problem
from headrace.contracts.schedules import Schedule, ScheduleList
from headrace.contracts.screens.task_detail import TaskLog, TaskOutput
from headrace.contracts.sessions import CurrentSession
from headrace.contracts.tasks import Task, TaskPage, TaskSummary
from headrace.contracts.waiting import TaskWaiting

READ: tuple[type[Struct], ...] = (
    *(Task, TaskSummary, TaskPage, Attempts, TaskWaiting, Batch, BulkResult, KindList, CatalogEntry),
    *(Schedule, ScheduleList, CurrentSession, Problem, TaskLog, TaskOutput, File, FileDetail, FilePage),
    FollowLink,
)
NEW = {"in_a_later_version": [{"a": 1}]}
# Of each pattern that a field of an answer has, one of these fits.
TEXTS = ("echo", "a" * 64, "key=value", "2026-03-01T09:30:00Z", "0 30 9 * * 1-5")


def answer_of(described: inspect.Type) -> Any:
    """A value of a type as a later version might answer it: each object of it has a field more."""
    match described:
        case inspect.StructType():
            return {field.encode_name: answer_of(field.type) for field in described.fields} | NEW
        case inspect.Metadata():
            return answer_of(described.type)
        case inspect.UnionType():
            return answer_of(next(each for each in described.types if not isinstance(each, inspect.NoneType)))
        case inspect.CollectionType() | inspect.VarTupleType():
            return [answer_of(described.item_type)]
        case inspect.DictType():
            return {answer_of(described.key_type): answer_of(described.value_type)}
        case inspect.StrType():
            return next(text for text in TEXTS if re.search(described.pattern or "", text))
        case inspect.EnumType():
            return next(iter(described.cls)).value
        case inspect.LiteralType():
            return described.values[0]
        case inspect.DateTimeType():
            return "2026-03-01T09:30:00Z"
        case inspect.BoolType():
            return True
        case inspect.IntType() | inspect.FloatType():
            return 1
        case _:
            return NEW


@pytest.mark.parametrize("read", READ, ids=lambda read: read.__name__)
def test_a_client_ignores_fields_that_it_does_not_know(read: type[Struct]) -> None:
    answer = answer_of(inspect.type_info(read))
    assert "in_a_later_version" in answer
    assert isinstance(msgspec.json.decode(msgspec.json.encode(answer), type=read), read)


def test_every_contract_that_the_client_reads_is_among_these() -> None:
    sources = [path.read_text() for path in Path(client.__file__).parent.glob("*.py")]
    decoded = {
        name
        for source in sources
        for call in re.findall(
            r"(?:\._?ask|decode_json|stream\.decode)\((?:[^()]|\([^()]*(?:\([^()]*\))?[^()]*\))*\)", source
        )
        for name in re.findall(r", ([A-Z]\w+)\s*\)$", call)
    }
    # What is below a path is read by a method that takes the type first.
    decoded |= {name for source in sources for name in re.findall(r"\._read\(([A-Z]\w+),", source)}
    assert decoded == {each.__name__ for each in READ}
