"""What Headrace does per second and per millisecond on this machine, measured end to end.

    python -m tests.bench                     the spine, about two minutes: burst, paced, always, idle
    python -m tests.bench life                a task's life, about nine minutes: keyed, retrying, batch, due, fair, drain
    python -m tests.bench live                live events, about six minutes: idle, fan, forms, resume, own, peers
    python -m tests.bench keys                credentials, about four minutes: many, token
    python -m tests.bench scale               a million finished tasks, half an hour and 5 GB of disk: load, read, remove
    python -m tests.bench scale --tasks 50000 the same of fewer
    python -m tests.bench screens             the screens of the web application, with a million tasks of 200 accounts
    python -m tests.bench web                 the web application in a browser, about four minutes: paint, idle, pixel, scroll
    python -m tests.bench cores               one core beside two, with one or two APIs and workers, a quarter of an hour
    python -m tests.bench before --checkout ../before
                                              beside another checkout, about ten minutes: noop, task, many, token
    python -m tests.bench --quick             small numbers: does the bench itself work?
    python -m tests.bench --only burst        one part; may be repeated

It starts the whole of `headrace up` on a temporary home and measures it from outside, over HTTP, as its users see it. The
handlers do nothing, so what is measured is what Headrace adds to a task. Nothing is left running, and the home is removed.

How to read the table. A figure alone says as much about the machine as about Headrace, so each stands beside a yardstick from
the same run, and its target is a share of that where it can be:

- *accepted*: 202 answers per second to one client with 32 connections, while the worker and the projector keep up with it on
  the same machine. The yardstick is a POST route of the same process that decodes the same body and does nothing
  (`tests/bench/process.py`), measured by the same client. Rounds alternate, no-op and submit; the share is taken within each
  pair, so that a machine that becomes slower on the way slows both, and the median share is judged.
- *finished*: the same tasks, per second from just before the first request is sent to the last `finished` in the log. Below
  accepted, by how much the worker fell behind.
- *submit to handler start*, *handler end to the client*: one task every 10 ms whether or not earlier ones are done (an open
  loop: a stall counts against every task that was due in it), followed on `/api/v1/events`. All are times of this machine's
  one clock; the first begins when the request was due. "sent late" is the client's own share in that.
- *always*: accepted and finished once more with the log flushed to the disk before each acknowledgement. No target: it is
  the disk that is measured.
- *ready*: from the start of the command to the line that says it is ready, on a home that was used before.
- *memory*: proportional set size of the Python processes with the shipped kinds and no work; NATS and Postgres are beside it.
  Pages that other Python processes of this machine share are counted in part.

Of the suite `life`, in which every figure stands beside the same thing without what it is about:

- *accepted with an Idempotency-Key*: the burst, every submission with a key of its own, beside the burst without; rounds
  alternate and the median share of the pairs is judged.
- *finished, waiting for a retry*: the burst beside many tasks that have failed once and wait an hour for the other attempt.
  In every pair the round alone comes first; those that wait are made between the two (as a batch), and cancelled after them.
- *batch, to 202*: from the first byte of one request to its answer, JSON and NDJSON, while the worker already runs what is
  appended. The API's resident set size is sampled during the NDJSON one.
- *due to handler start*: tasks with a `run_at` that were accepted seconds before, one every 50 ms, and a hundred within 20 ms. The
  broker delivers them to the worker when they are due, and the worker reads in the log what happened to each before it starts it.
- *submit to handler start, beside a batch*: one task every 10 ms, first with nothing else and then while a batch with low
  priority is run. The batch is queued while its kind is paused, so that all of its run is there to measure in, but nothing
  waits for the projector. The handlers' own times are read from the log afterwards: to follow everything would be a load in
  itself. Only tasks that were due and started between the batch's first and last finish count; when they are fewer than
  half, the part fails. The ratio of the p99s is judged for a batch of another kind, which shares the worker; the one of the
  same kind, which also shares the slots, is for orientation.
- *finished, last tenth*: the rate of the last tenth of a long queue by the times of its finishes in the log, beside that of
  the first. The queue is made while the kind is paused, and is in the read model before the kind is resumed.

Of the suite `keys`, in which every submission of a burst has a credential:

- *accepted with 10,000 keys in turn*: beside the burst with one key; rounds alternate, and the median share of the CPU time that the
  API takes for one is judged. What one key costs shows beside the suite `spine` of a version from before there were keys.
- *accepted with an access token*: likewise, the access token of one session beside a key.
- *keys seen for the first time*: the first round of all, in which each key is looked up in Postgres once.

Of the suite `cores`, in which the burst of the spine runs on one core and on two, with one or two APIs and workers:

- *finished*: as above. The load client has the second core to itself where Headrace has one, and shares it where Headrace has two; so
  two cores are less than twice as much. Rounds of all setups alternate, and each is a start of its own, pinned before its first
  instruction, as servers count the cores when they start. The median of the shares within a round is what stands beside it.
- *CPU*: of a task, all processes without the client. *start*: submit to handler start, one task every 10 ms.

Of the suite `before`, in which this version stands beside another checkout of it, whose environment is made (`uv sync`):

- *CPU of a task*: what all processes together take, without the client; both stacks stand ready, rounds alternate, which of the
  two is first alternates as well, and the median of the ratios of the pairs is judged. With many keys and with an access token,
  the other side submits with what it has. There is no target: a change says what it may cost.

Of the suite `live`, in which one API process has all the clients. They are one process on the same machine, which reads the
sockets one after the other, so the last of a thousand is told some milliseconds later than it could be; that is in every
figure. Events are numbered lines that the bench appends to the log itself, as `logged` events of one task that does not
exist, and no worker has a part in them. A line carries its number and when it was written, and every client checks that it is
given each line once and in order, under ids that grow. A missing one fails the part:

- *clients x events/s, p99*: all of them follow `/api/v1/events`. From just before a line is appended to when a client has read
  it, over all deliveries. Lines are due at even intervals, whether or not the ones before were taken.
- *CPU of the API for a delivery*: of brief streams, and of as many brief as full ones together, beside full streams alone. The lines
  are `progressed` events, since no brief stream has `logged`; rounds alternate, and the median ratio is judged.
- *idle clients, memory of each*: what the resident set of the API process grows by, with 20 seconds of signs of life. It is
  the first part, as memory that was used before would be used again.
- *clients resuming*: they connect at the same moment with `after=` a position that has so many events after it, while a
  hundred others are given ten events a second. The time is from just before the first connects until the last has what it
  was behind. *p99 of live clients meanwhile* is judged by its ratio to theirs in the ten seconds before.
- *own task*: a task every 10 ms, each followed by a client of its own, on `/api/v1/tasks/{id}/events`, on a connection that is
  opened when the 202 is there. From the handler's last instruction to when `finished` was read. Tasks that run at once are
  over when their client has just connected, so that few streams are open at a time; tasks with a delay have as many streams
  open as there are clients, and only those that end meanwhile count.
- *peer*: what a user would pick instead, see `tests/bench/peers/`, measured by the same client with the same lines at the same
  rates, after Headrace has been stopped. Better and worse are Headrace's beside it. It is installed where Headrace does not
  find it, and left out, which the table says, where it cannot be had. What it does not deliver is said and fails nothing.

Of the suite `scale`, whose docstring says how its log is made:

- *projected*: events a second that the projector takes from a backlog while nothing is written, of the last twentieth of the tasks
  beside the first, into an empty read model.
- *list …, one task, …*: one client, one request after the other, 400 of each, on a machine at rest after VACUUM (ANALYZE). A
  parameter that the API does not have is left out and noted.
- *join the stream of an old task*: from the request to the end of the answer, which is the events of a task that has finished.
- *submit to handler start, while … tasks are removed*: a task every 10 ms beside the retention at work, beside the same without.

Of the suite `screens`, whose docstring says how its rows are made:

- *…V1*: one client, one request after the other, 400 of each, on a machine at rest after VACUUM (ANALYZE), none of them answered from
  memory. *304*: the same account asks again with the ETag that it has.

Of the suite `web`, in which Chromium without a window shows the built app, each time with nothing in its cache:

- *largest paint*: when the browser has painted the largest part of a screen, after its address was asked for; the median of seven.
- *idle page*: CPU time of all threads of the renderer while nothing happens, as a share of one core.
- *event in the log to its pixels*: at 100 tasks a second, from the time of a `queued` or `finished` event in the log until the frame in
  which the list of tasks shows it is drawn. A list is drawn anew ten times a second at most. Rows that others have pushed out of
  the window before they were drawn do not count; when that is half of them, the part fails.
- *scrolling*: CPU time of the page's main thread, over the frames that were drawn, while it scrolls by 60 pixels a frame.

Below the table of the spine: the CPU time that each process took for one request and one task (medians; `client` is the
bench's own). When their sum times the rate is near the number of cores, the machine is full, and the largest is where to look.
Below that of `live` it is for one delivery.

Numbers are medians, with the least and the most in brackets. A part fails, loudly, when a response is not the expected one
or an accepted task has not finished exactly once. A missed target is said in the table and is not a failure. On a
machine that does something else at the time, the shares mean little and the rest nothing; the load average at the start is in
the output.

The same is written to `tests/bench/out/` as JSON, with every round, the CPU time that each process spent, and what machine it was.
"""
