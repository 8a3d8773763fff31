"""The metrics of a process: numbers that cost next to nothing to keep, and the page on which Prometheus reads them.

Counting is an addition to a plain number, or a lookup in a dictionary by the labels. `prometheus_client` sees the numbers only
when somebody asks for the page.
"""
