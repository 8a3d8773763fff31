"""The log: the only code that speaks JetStream.

What a record is and how it is addressed:

    subjects      every subject, header, stream and consumer name
    bucket_names  the key-value buckets of identity and settings, and their entries
    records       one message of the log
    conditions    headers that make an append conditional
    timers        headers of messages that the broker holds until they are due

Writing and reading, on the parts of a `connection.Log`, which each process has one of:

    connection    `Log`: the state of the log, and the parts below
    append        `log.appender`: writes
    replay        `log.replayer`: reads history
    live          `log.live`: publishes and subscribes without keeping anything
    pull          `log.puller(…)`: reads a durable consumer
    deliveries    what a puller delivers, and how it is acknowledged

What is known of the work; each takes the `Log`:

    lane_states   what waits and runs, by the consumers
    deferred      what is due later
    announcements when workers last announced their kinds
    extent        how large the log is, and how well its copies keep up

Setting up JetStream; each takes the `Log`:

    consumers     the projector's consumers; describing and resetting any
    lanes         the consumers that workers share
    pauses        pausing the consumers of a kind
    rates         the counters of starts
    buckets       following a key-value bucket
    prune         taking records out of the log

Who may do what on NATS:

    permissions   the subjects that each process uses
    needs         what each has to be permitted at least, for a check
    accounts_file an example for the configuration of a server
    denials       what NATS refuses to permit

What keeps the log usable:

    opening       connect, provision and verify, at first and after every reconnect
    client        one connection to NATS
    streams       the streams of the log and of the buckets
    metadata      what other tools read of streams and consumers
    continuity    whether the log is still the one that was read before
    jetstream     the JetStream API and its errors
    nats_errors   errors of nats-py as `LogUnavailable`
"""
