from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.edge.idempotency import body_hash
from headrace.contracts.labels import (
    LABEL_KEY_PATTERN,
    decode_labels,
    encode_labels,
    label_entries,
    labels_of_entries,
    normal_value,
)
from headrace.contracts.schedules import (
    ScheduleDefinition,
    ScheduleFired,
    ScheduleSaved,
    decode,
    encode,
    encode_definition,
)
from headrace.contracts.tasks import Submission

KEYS = st.from_regex(LABEL_KEY_PATTERN.partition("$")[0], fullmatch=True)
VALUES = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=63)


@given(st.dictionaries(KEYS, VALUES, max_size=8))
def test_labels_come_back_from_a_header_and_from_a_row_as_they_were_in_nfc(labels: dict[str, str]) -> None:
    labels = {key: normal_value(value) for key, value in labels.items()}
    assert decode_labels(encode_labels(labels)) == labels
    assert labels_of_entries(label_entries(labels)) == labels


@pytest.mark.parametrize(
    "written",
    [
        "",
        "no json",
        "[]",
        '{"a": 1}',
        '{"A": "b"}',
        '{"": "b"}',
        '{"a": ""}',
        '{"a=b": "c"}',
        '{"a": "b\\n"}',
        '{"a": "b\\u0000"}',
        '{"a": "\\ud800"}',
        '{"a": "' + "x" * 64 + '"}',
        "{" + ",".join(f'"k{n}": "v"' for n in range(9)) + "}",
    ],
)
def test_what_can_be_no_labels_is_none(written: str) -> None:
    assert decode_labels(written) == {}


def test_entries_are_sorted_and_a_value_may_have_any_printable_character() -> None:
    labels = {"b": "x=y", "a": 'say "é"'}
    assert label_entries(labels) == ['a=say "é"', "b=x=y"]
    assert labels_of_entries(label_entries(labels)) == labels


def test_without_labels_a_definition_is_written_as_before_there_were_any() -> None:
    definition = ScheduleDefinition(kind="echo", input={"labels": {}}, every=60)
    for each in (ScheduleSaved(definition=definition), ScheduleFired(definition=definition)):
        assert "labels" not in msgspec.json.decode(encode(each))["definition"]
        assert decode(encode(each)) == each
    assert "labels" not in msgspec.json.decode(encode_definition(definition))
    labelled = msgspec.structs.replace(definition, labels={"a": "1"})
    assert decode(encode(ScheduleSaved(definition=labelled))) == ScheduleSaved(definition=labelled)
    assert msgspec.json.decode(encode_definition(labelled), type=ScheduleDefinition) == labelled


def test_a_submission_without_labels_has_the_hash_that_it_had_before_there_were_any() -> None:
    submission = Submission(kind="echo", input={"text": "a", "labels": {}})
    assert body_hash(submission) == "56904d53d42c2d37157b19c496d094cb"
    assert body_hash(msgspec.structs.replace(submission, labels={"a": "1"})) != body_hash(submission)
