"""A group of commands that are imported when they are run: its help lists them without importing any."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, NamedTuple, NoReturn

import click


class Place(NamedTuple):
    """Where a command is defined, and the sentence that the help of its group shows.

    Attributes:
        module: The full name of the module.
        function: The name of the command in it.
        summary: The first sentence of the command's help.
    """

    module: str
    function: str
    summary: str


class DeferredGroup(click.Group):
    """A group whose help imports none of its commands.

    Args:
        places: The place of each command, by its name.
        given: The other arguments of `click.Group`.
    """

    def __init__(self, *, places: Mapping[str, Place], **given: Any) -> None:
        super().__init__(**given, commands=_DeferredCommands(places))
        self.places = places

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands, each with its summary."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name].summary) for name in self.list_commands(ctx)])


class _DeferredCommands(MutableMapping[str, click.Command]):
    """The commands by name; one is imported when it is read."""

    def __init__(self, places: Mapping[str, Place]) -> None:
        self._places = places

    def __getitem__(self, name: str) -> click.Command:
        place = self._places[name]
        return getattr(importlib.import_module(place.module), place.function)

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __setitem__(self, name: str, command: click.Command) -> NoReturn:
        raise TypeError(f"the command {name!r} has to be among the places of its group, which lists it by them")

    def __delitem__(self, name: str) -> NoReturn:
        raise TypeError(f"the command {name!r} stays among the places of its group")
