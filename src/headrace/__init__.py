"""Headrace: background work for web applications, accepted in milliseconds and followed live."""
