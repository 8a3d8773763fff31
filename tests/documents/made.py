"""What the test has made, as the process of schemathesis is told it."""

from __future__ import annotations

from msgspec import Struct

VARIABLE = "HEADRACE_TEST_WORLD"  # of the environment, with a World as JSON


class World(Struct, frozen=True, kw_only=True):
    """Who asks, and what there is to be asked for.

    Attributes:
        url: The API process that is asked.
        database_url: Where more accounts are made.
        role: The role of the account that asks.
        id: Its id.
        key: A key of it.
        email: Its address.
        password: Its password.
        few: The id of another account of this role and with this password, which has one task.
        key_of_few: A key of it.
        other: The id of another account, for administrators.
        ids: What the account has, by the name of the parameter that is its id.
        position: A position of the log that the read model has reached.
        beginning: A position before everything that the account has.
        cursor: The cursor of a second page of tasks.
    """

    url: str
    database_url: str
    role: str
    id: str
    key: str
    email: str
    password: str
    few: str
    key_of_few: str
    other: str
    ids: dict[str, str]
    position: str
    beginning: str
    cursor: str
