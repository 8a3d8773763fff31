"""The processes of a run with three servers, one API of which is on a host of its own."""

from __future__ import annotations

from collections.abc import Mapping

from headrace.embedded.postgres import EmbeddedPostgres
from tests.cluster import Cluster
from tests.faults.fleet import Fleet, Post
from tests.faults.journal import Journal
from tests.quorum.servers import Quorum


class HostedFleet(Fleet):
    """A fleet whose first API is on the spare host, where it can be cut off from the servers, and not from its clients.

    It has Postgres by a socket of the file system, which hosts that are network namespaces share.
    """

    def __init__(
        self, cluster: Cluster, journal: Journal, postgres: EmbeddedPostgres, counts: Mapping[str, int]
    ) -> None:
        super().__init__(cluster, journal, postgres, counts)
        assert isinstance(cluster.nats, Quorum)
        (host,) = cluster.nats.spare
        self.hosted.address, self.hosted.within = host.address, host.within

    @property
    def hosted(self) -> Post:
        """The API on the spare host."""
        return self.of("api")[0]
