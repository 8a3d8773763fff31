"""The nats-server configurations with a user for each process: `docs/nats-accounts.conf`, and the one for the chart of NATS."""

from __future__ import annotations

from collections.abc import Iterator

from headrace.log.permissions import USERS, WORKER, Permissions, permissions

_HEAD = """\
# Users of NATS for Headrace, one for each process: for `include` in the configuration of your nats-server.
# Made from `src/headrace/log/permissions.py` by `just openapi`.
#
# Each process is started with HEADRACE_NATS_USER and HEADRACE_NATS_PASSWORD (or HEADRACE_NATS_PASSWORD_FILE). The names of users
# are also those of their inboxes. The passwords here are variables of the server's environment; `nats server passwd` makes bcrypt
# hashes, which may stand in their places. Without a user's name, as with a .creds file, inboxes begin with `_INBOX`.
#
# Streams are created and changed by the provisioner alone: before the others, and after every upgrade, run
# HEADRACE_NATS_USER=provisioner headrace provision
#
# Production wants three servers, so that the log has three copies, and each message on their disks before it is acknowledged. The
# configuration of each begins like this, with a name of its own:
#
#     server_name: nats-0
#     listen: "0.0.0.0:4222"
#     http: "127.0.0.1:8222"            # HEADRACE_NATS_MONITOR; it tells everybody who reaches it what the server does
#     max_payload: 8MB
#     jetstream { store_dir: /data, sync_interval: always }
#     cluster {
#       name: headrace
#       listen: "0.0.0.0:6222"
#       routes: ["nats://nats-0:6222", "nats://nats-1:6222", "nats://nats-2:6222"]
#     }
#     include ./nats-accounts.conf
#
# Nobody but these servers may reach the port of the cluster: close it to others, or give the cluster a `tls` block with `verify`.
# With one server, as to try it, say HEADRACE_STREAM_REPLICAS=1, which production refuses.

"""

_CHART_HEAD = """\
# Users of NATS for Headrace, one for each process, for nats-values.yaml beside this file, which says how to bring it into a cluster.
# Made from `src/headrace/log/permissions.py` by `just openapi`. docs/nats-accounts.conf has more about it.
# The passwords are variables of the server's environment, which nats-values.yaml takes from the Secret headrace-nats.

"""

_BEGIN = """\
accounts {
  HEADRACE {
    jetstream: enabled
    users: [
"""

_TAIL = """\
    ]
  }
  SYS {
    users: [
      { user: sys, password: $NATS_SYS_PASSWORD }
    ]
  }
}
system_account: SYS
"""


def accounts_file() -> str:
    """Return the example: the users of `USERS`, and a worker that may run one kind only."""
    users = [*(_user(user, about, permissions(user)) for user, about in USERS.items())]
    one_kind = permissions("worker-text-feedback", WORKER, ["text_feedback"])
    users.append(_user("worker-text-feedback", "a worker that may run the kind text_feedback and no other", one_kind))
    return _HEAD + _BEGIN + "".join(users) + _TAIL


def chart_accounts_file() -> str:
    """Return what the chart of NATS includes: the users of `USERS` alone, so that no password is asked for that nobody needs."""
    return (
        _CHART_HEAD + _BEGIN + "".join(_user(user, about, permissions(user)) for user, about in USERS.items()) + _TAIL
    )


def _user(user: str, about: str, may: Permissions) -> str:
    variable = f"NATS_{user.upper().replace('-', '_')}_PASSWORD"
    lines = [
        f"      # {about}",
        f"      {{ user: {user}, password: ${variable}, permissions: {{",
        *_rule("publish", may.publish, may.deny_publish),
        *_rule("subscribe", may.subscribe, []),
        "      } }",
    ]
    return "\n".join(lines) + "\n"


def _rule(action: str, allow: list[str], deny: list[str]) -> Iterator[str]:
    yield f"        {action}: {{"
    for verb, listed in (("allow", allow), ("deny", deny)):
        if listed:
            yield f"          {verb}: ["
            yield from (f'            "{subject}"' for subject in listed)
            yield "          ]"
    yield "        }"
