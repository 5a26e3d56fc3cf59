"""What the command line needs to start processes: the database that is configured or the embedded one, and its key."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from vigie.auth.signing_keys import new_signing_key
from vigie.core.embedded import EmbeddedPostgres
from vigie.core.migrate import migrate
from vigie.core.sealing import new_sealing_key
from vigie.settings import Settings


def write_private(path: Path, content: bytes) -> None:
    """Write a file only its owner may read, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def generated_key(data_dir: Path) -> Path:
    """Return the signing key of a data directory, made at the first time (for trying out and single sites)."""
    path = data_dir / "token-key.pem"
    if not path.exists():
        write_private(path, new_signing_key())
    return path


def generated_sealing_key(data_dir: Path) -> Path:
    """Return the sealing key of a data directory, made at the first time (for trying out and single sites)."""
    path = data_dir / "sealing-key"
    if not path.exists():
        write_private(path, new_sealing_key())
    return path


def with_sealing_key(settings: Settings) -> Settings:
    """Return settings that have a sealing key: the one that is configured, or that of the data directory."""
    return settings.model_copy(
        update={"sealing_key_file": settings.sealing_key_file or generated_sealing_key(settings.data_dir)}
    )


@contextmanager
def with_database(settings: Settings) -> Iterator[Settings]:
    """Give settings that have a database: those configured, or the embedded PostgreSQL for as long as the block lasts.

    The embedded server is migrated when it starts; a configured database only by `vigie migrate`.
    """
    if settings.database_url or settings.app_database_url or settings.worker_database_url:
        yield settings
        return
    embedded = EmbeddedPostgres(settings.data_dir)
    url = embedded.start()
    try:
        migrate(url)
        yield settings.model_copy(update={"database_url": SecretStr(url)})
    finally:
        embedded.stop()
