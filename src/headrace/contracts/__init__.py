"""Everything that crosses a process boundary, as msgspec Structs.

Imports msgspec and the standard library only, so that a client, a worker or a test can use the contracts alone.
"""
