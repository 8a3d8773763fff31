"""The filter of tasks as SQL, in one place for lists, counts and bulk actions: what is listed is what is changed.

Whose tasks these are is given beside the filter: the API has decided it. `EVERYBODY` stands for all owners.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, NamedTuple, cast

from headrace.contracts.filters import Filter
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import State
from headrace.store.tables import EVERYBODY, FINAL
from headrace.store.title_words import TITLE_WORDS, searched_words

_CONDITIONS: Final = {
    "kind": "kind = ANY(CAST(:kind AS text[]))",
    "code": "code = ANY(CAST(:code AS text[]))",
    "batch": "batch = :batch",
    "schedule": "schedule = :schedule",
    "fingerprint": "fingerprint = :fingerprint",
    "labels": "labels <> '{}' AND labels @> CAST(:labels AS text[])",
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
_BY_ID: Final = "id = :q"
_BY_WORDS: Final = f"{TITLE_WORDS} @@ CAST(lower(:words) AS tsquery)"
# No index has the words of a task that may change: rows are written again until the task ends. To look for one word in the
# title takes a fiftieth of the time of taking the title apart.
_BY_LONGEST: Final = "strpos(lower(title || ' ' || id), lower(:longest)) > 0"


class Conditions(NamedTuple):
    """A filter as SQL.

    Attributes:
        states: The states that a task may be in, all six when any will do.
        fields: The names of the other fields of the filter that restrict the tasks.
        common: The conditions for a task in any state.
        of_final: What is searched for in tasks that have ended; None without a text to search for.
        of_open: The same in other tasks.
        parameters: The values of all parameters.
    """

    states: tuple[State, ...]
    fields: frozenset[str]
    common: tuple[str, ...]
    of_final: str | None
    of_open: str | None
    parameters: dict[str, Any]

    @property
    def is_of_one_owner(self) -> bool:
        """Whether all of the tasks have the same owner."""
        return "owner" in self.parameters or "batch" in self.fields

    def within(self, states: Iterable[State]) -> Conditions:
        """Return the conditions for those tasks that are in one of some states, too."""
        allowed = frozenset(states)
        return self._replace(states=tuple(state for state in self.states if state in allowed))

    def without(self, *fields: str) -> tuple[str, ...]:
        """Return the conditions for a task in any state, without those of some fields."""
        left_out = {_CONDITIONS[field] for field in fields}
        return tuple(each for each in self.common if each not in left_out)

    def groups(self) -> list[str]:
        """Return the conditions for the tasks of all states, as one or two alternatives that exclude each other; none when no task can fulfil them."""
        if self.of_final is None or self.of_open is None:
            return [" AND ".join((in_states(self.states), *self.common))] if self.states else []
        final = tuple(state for state in self.states if state.final)
        others = tuple(state for state in self.states if not state.final)
        of_both = ((final, (FINAL, self.of_final)), (others, (self.of_open,)))
        return [" AND ".join((in_states(states), *self.common, *more)) for states, more in of_both if states]

    def searching(self, state: State) -> tuple[str, ...]:
        """Return what is searched for in the tasks of a state, if anything is."""
        if self.of_final is None or self.of_open is None:
            return ()
        return (FINAL, self.of_final) if state.final else (self.of_open,)


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
    of_final, of_open = None, None
    fields = frozenset(values)
    if wanted.q is not None and (text := wanted.q.strip()):
        of_final, of_open, searched = _search(text)
        parameters |= searched
        fields |= {"q"}
    return Conditions(_states(wanted), fields, tuple(common), of_final, of_open, parameters)


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


def _search(text: str) -> tuple[str, str, dict[str, str]]:
    """Return the conditions for a text in tasks that have ended and in others, and their parameters."""
    words = searched_words(text)
    if words is None:
        return _BY_ID, _BY_ID, {"q": text}
    parameters = {"q": text, "words": words.query, "longest": words.longest}
    return f"({_BY_ID} OR {_BY_WORDS})", f"({_BY_ID} OR ({_BY_LONGEST} AND {_BY_WORDS}))", parameters
