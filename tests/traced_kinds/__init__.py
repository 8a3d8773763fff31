"""Kinds that are traced: a package of their own, because they import OpenTelemetry, and one has a process."""
