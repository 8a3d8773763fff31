"""Headrace from Python: submit tasks and batches, list and follow them, wait for their results, cancel them and run them again.

    async with Client("http://127.0.0.1:8080", key=os.environ["HEADRACE_API_KEY"]) as client:
        task = await client.submit("word_count", {"text": "one two"})
        async for event in client.follow(task.id):
            print(event.event, event.data)
        print(await client.result(task.id))

A refusal of the API is raised as `ProblemError`, an API that cannot be reached as `httpx.TransportError`, and what cannot be sent
at all, as a key with a line break, as `UnusableRequest`. The client retries by itself what may be sent twice without harm:
listing, following, waiting for a result, cancelling, running a selection again, and submitting with a ``key``. A request over a limit of
the API does nothing, so the client waits until the limit permits more, for a minute and a half at most, and sends it again; but a
batch without a ``key``, whose inputs are gone. What fails each time, as a refusal or a certificate that is not trusted, it does not
retry.
"""

from __future__ import annotations

from headrace.client.accounts import Accounts
from headrace.client.answers import NOT_HEADRACE, ProblemError, TaskFailed, UnusableRequest
from headrace.client.batches import Batches
from headrace.client.files import WithFiles
from headrace.client.kinds import Kinds
from headrace.client.lists import Lists
from headrace.client.retries import ATTEMPTS_MAX
from headrace.client.schedules import Schedules
from headrace.client.selections import Selections
from headrace.client.streams import RESET, StreamEvent
from headrace.client.task_details import TaskDetails
from headrace.client.tasks import Tasks

__all__ = [
    "ATTEMPTS_MAX",
    "NOT_HEADRACE",
    "RESET",
    "Client",
    "ProblemError",
    "StreamEvent",
    "TaskFailed",
    "UnusableRequest",
]


class Client(Tasks, TaskDetails, Lists, Selections, Batches, Schedules, Kinds, Accounts, WithFiles):
    """The API of one Headrace.

    Args:
        url: Where the API is, as ``http://host:port``.
        key: The API key that each request is sent with. It is sent to this address only, and shown in no error.
        transport: Sends the requests; the network by default.
    """
