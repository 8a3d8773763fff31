"""Tracing: from a request to the task that it submits and to every attempt of that task, exported over OTLP.

    w3c        trace context in headers, without OpenTelemetry: what records carry and log lines show
    sampling   whether to make a span at all, decided before one is made
    active     whether this process traces; starting and stopping that
    exporting  OpenTelemetry's part in it: providers, and an exporter whose failures are counted
    tracer     the spans

Only the last two import OpenTelemetry, and only a process that is told where to send spans imports them. The names of attributes are
those of the semantic conventions 1.41 for HTTP, and for messaging, which are still in development.
"""
