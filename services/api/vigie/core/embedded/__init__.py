"""Embedded PostgreSQL: the real server, started from the binaries of a wheel, for trying out, tests and a small single site.

`EmbeddedPostgres.start()` owns a server or joins the one that already runs in the same data directory; a guardian process
stops the server when its owner ends, however it ends, and starts it again when the server itself is killed.
"""

from vigie.core.embedded.launcher import EmbeddedPostgres, EmbeddedPostgresError

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]
