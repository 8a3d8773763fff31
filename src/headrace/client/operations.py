"""Everything that can be asked of the API, whichever driver waits for the answers."""

from __future__ import annotations

from headrace.client.accounts import Accounts
from headrace.client.files import WithFiles
from headrace.client.kinds import Kinds
from headrace.client.lists import Lists
from headrace.client.schedules import Schedules
from headrace.client.selections import Selections
from headrace.client.task_details import TaskDetails
from headrace.client.typed import Typed


class Operations(Typed, TaskDetails, Lists, Selections, Schedules, Kinds, Accounts, WithFiles):
    """The operations of `headrace.client.Client` and `headrace.client.SyncClient`, as coroutines over a driver."""
