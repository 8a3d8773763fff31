"""What three servers promise: a log of three copies on three NATS servers with addresses of their own, cut apart under load.

``just cluster`` runs each fault of `tests.quorum.faults` under the load, and with the checker, of `tests.faults`, and then measures
what three copies cost beside one. The servers are in network namespaces, for which Linux wants root and `ip`.
"""
