"""The property of an input that is the title of its task. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from headrace.contracts.titles import TITLE_KEYWORD

Title = Annotated[str, Meta(extra_json_schema={TITLE_KEYWORD: True})]
"""A text by which people know a task, in lists instead of its id. Without such a field the first text of the input is."""
