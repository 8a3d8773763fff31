"""The filter of tasks as SQL, in one place for lists, counts and bulk actions: what is listed is what is changed.

Whose tasks these are is given beside the filter: the API has decided it. `EVERYBODY` stands for all owners.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, Final, NamedTuple, cast

from headrace.contracts.filters import Filter
from headrace.contracts.labels import label_entries
from headrace.contracts.normal_form import to_nfc
from headrace.contracts.tasks import State
from headrace.store.tables import EVERYBODY, FINAL, OWNED_LABELS
from headrace.store.title_words import TITLE_WORDS, searched_words, with_owner

_CONDITIONS: Final = {
    "kind": "kind = ANY(CAST(:kind AS text[]))",
    "code": "code = ANY(CAST(:code AS text[]))",
    "batch": "batch = :batch",
    "schedule": "schedule = :schedule",
    "fingerprint": "fingerprint = :fingerprint",
    "labels": "labels @> CAST(:labels AS text[])",
    "created_from": "created_at >= :created_from",
    "created_before": "created_at < :created_before",
    "finished_from": "finished_at >= :finished_from",
    "finished_before": "finished_at < :finished_before",
    "slower_than": "run_seconds > :slower_than",
    "waited_longer_than": "wait_seconds > :waited_longer_than",
}
# All tasks of a batch have its owner and its kind. So there is an index for them whoever asks, and Postgres need not read a batch of
# another kind to find nothing.
_OF_BATCH: Final = "owner = (SELECT b.owner FROM batches b WHERE b.id = :batch)"
_BATCH_OF_KIND: Final = (
    "NOT EXISTS (SELECT FROM batches b WHERE b.id = :batch AND b.kind <> ALL(CAST(:kind AS text[])))"
)
# What only a task has that has ended.
_OF_FINAL: Final = frozenset({"finished_from", "finished_before", "slower_than"})
# Both indexes are written of all owners. What they are asked for is the result of a query, because Postgres must not expect from the
# values how many tasks have them: it would read the table in order where most tasks have a word, but not those of this owner.
_LABELS_BY_INDEX: Final = f"labels <> '{{}}' AND {OWNED_LABELS} @> (SELECT CAST(:labels AS text[]))"
_OWNED_LABELS_BY_INDEX: Final = (
    f"labels <> '{{}}' AND {OWNED_LABELS} @> (SELECT array_append(CAST(:labels AS text[]), CAST(:owner AS text)))"
)
_BY_ID: Final = "id = :q"
_WORDS_BY_INDEX: Final = f"({_BY_ID} OR {TITLE_WORDS} @@ (SELECT CAST(lower(:words) AS tsquery)))"
# No index has the words of a task that may change: rows are written again until the task ends. Of most titles it is enough to
# look for one of the words.
_TEXT: Final = "lower(title || ' ' || right(id, 12))"
_BY_LONGEST: Final = f"strpos({_TEXT}, lower(:longest)) > 0"
_PATTERNS: Final = "ARRAY(SELECT lower(each) FROM unnest(CAST(:patterns AS text[])) each)"
_WORDS_BY_PATTERNS: Final = f"({_BY_ID} OR ({_BY_LONGEST} AND {_TEXT} ~ ALL({_PATTERNS})))"
_WORDS_ONE_BY_ONE: Final = f"({_BY_ID} OR ({_BY_LONGEST} AND {TITLE_WORDS} @@ CAST(lower(:words) AS tsquery)))"


class Conditions(NamedTuple):
    """A filter as SQL.

    Attributes:
        states: The states that a task may be in, all six when any will do.
        fields: The names of the other fields of the filter that restrict the tasks.
        common: The conditions for a task in any state, but for what is searched for.
        searched: What is searched for, as it is looked for in one task after the other; None without a text to search for.
        searched_by_index: The same for tasks that have ended, of which an index has the words.
        parameters: The values of all parameters.
    """

    states: tuple[State, ...]
    fields: frozenset[str]
    common: tuple[str, ...]
    searched: str | None
    searched_by_index: str | None
    parameters: dict[str, Any]

    @property
    def is_of_one_owner(self) -> bool:
        """Whether all of the tasks have the same owner."""
        return "owner" in self.parameters or "batch" in self.fields

    def within(self, states: Iterable[State]) -> Conditions:
        """Return the conditions for those tasks that are in one of some states, too."""
        allowed = frozenset(states)
        return self._replace(states=tuple(state for state in self.states if state in allowed))

    def split(self, fields: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the conditions for a task in any state: those of some fields and of the owner, and the others."""
        others = {_CONDITIONS[field] for field in self.fields & _CONDITIONS.keys() if field not in fields}
        rest = [each for each in self.common if each in others]
        searched = () if self.searched is None else (self.searched,)
        return tuple(each for each in self.common if each not in others), (*rest, *searched)

    def groups(self) -> list[str]:
        """Return the conditions for the tasks of all states, as one or two alternatives that exclude each other; none when no task can fulfil them."""
        common = [self._labels_by_index() if each == _CONDITIONS["labels"] else each for each in self.common]
        if self.searched is None or self.searched_by_index is None:
            return [" AND ".join((in_states(self.states), *common))] if self.states else []
        final = tuple(state for state in self.states if state.final)
        others = tuple(state for state in self.states if not state.final)
        of_both = ((final, (FINAL, self.searched_by_index)), (others, (self.searched,)))
        return [" AND ".join((in_states(states), *common, *more)) for states, more in of_both if states]

    def _labels_by_index(self) -> str:
        return _OWNED_LABELS_BY_INDEX if "owner" in self.parameters else _LABELS_BY_INDEX


def conditions_of(owner: str, wanted: Filter) -> Conditions:
    """Return the conditions for the tasks of an owner that a filter selects; ``wanted.owner`` is not read."""
    values = _values(wanted)
    parameters = dict(values)
    common = [_CONDITIONS[field] for field in values]
    if owner != EVERYBODY:
        common.append("owner = :owner")
        parameters["owner"] = owner
    elif "batch" in values:
        common.append(_OF_BATCH)
    if "batch" in values and "kind" in values:
        common.append(_BATCH_OF_KIND)
    searched, by_index = None, None
    fields = frozenset(values)
    if wanted.q is not None and (text := to_nfc(wanted.q).strip()):
        searched, by_index, sought = _search(text, owner)
        parameters |= sought
        fields |= {"q"}
    return Conditions(_states(wanted), fields, tuple(common), searched, by_index, parameters)


def condition_of(field: str) -> str:
    """Return the condition for the tasks that fulfil one field of a filter."""
    return _CONDITIONS[field]


def in_states(states: Iterable[State]) -> str:
    """Return the condition for tasks in some states."""
    listed = ", ".join(f"'{state}'" for state in states)
    return f"state IN ({listed})"


def _values(wanted: Filter) -> dict[str, Any]:
    """Return the fields that restrict the tasks, but for their state and what is searched for."""
    given = {name: getattr(wanted, name) for name in _CONDITIONS}
    return {name: _value(name, value) for name, value in given.items() if value is not None and value not in ([], {})}


def _value(name: str, value: Any) -> Any:
    """Return the value of a parameter. What a list says twice stands in it once, because a page is read for each."""
    if name == "labels":
        return label_entries(value)
    if isinstance(value, list):
        return list(dict.fromkeys(cast("list[str]", value)))
    return value


def _states(wanted: Filter) -> tuple[State, ...]:
    """Return the states in which a task can be that fulfils a filter."""
    states = [state for state in State if not wanted.state or state in wanted.state]
    if any(getattr(wanted, field) is not None for field in _OF_FINAL):
        states = [state for state in states if state.final]
    if wanted.fingerprint is not None:
        # A task that is tried again has the error of its last attempt, but it has not failed.
        states = [state for state in states if state is State.FAILED]
    return tuple(states)


def _search(text: str, owner: str) -> tuple[str, str, dict[str, Any]]:
    """Return the conditions for a text in one task after the other, and by the index of words, and their parameters."""
    words = searched_words(text)
    if words is None:
        return _BY_ID, _BY_ID, {"q": text}
    query = words.query if owner == EVERYBODY else with_owner(words.query, owner)
    parameters: dict[str, Any] = {"q": text, "words": query, "longest": words.longest}
    if words.patterns is None:
        return _WORDS_ONE_BY_ONE, _WORDS_BY_INDEX, parameters
    return _WORDS_BY_PATTERNS, _WORDS_BY_INDEX, parameters | {"patterns": words.patterns}
