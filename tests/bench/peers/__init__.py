"""What a user would pick instead to tell browsers: FastAPI, sse-starlette and Redis pub/sub.

It is written as the documentation of each would have it: one stream is one `EventSourceResponse` over one subscription of its
own, on a connection to Redis of its own. One uvicorn worker, as Headrace has one API process, with uvloop, httptools and
hiredis, the fast one of each choice. A variant that is tuned could do better: one subscription a process, every event encoded
once and put into a queue for each client. It would then be what `headrace.api.streaming.hub` is, without its history; nothing can
resume here, and what is published while a client is away is lost to it, so there is no counterpart to that part.
"""
