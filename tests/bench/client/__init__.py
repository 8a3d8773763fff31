"""The load client: a process of its own, one client for whatever is measured.

    python -m tests.bench.client PLAN RESULT        a plan as JSON, and the file to write the result to

A submission and its yardstick differ in path and status only.
"""
