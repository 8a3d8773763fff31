"""Headrace: background work for web applications, accepted in milliseconds and followed live."""

from importlib.metadata import version

__version__ = version("headrace")
