"""How many statements a request costs: a list must not ask once per row."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from sqlalchemy import event


@contextmanager
def statements_of(app: FastAPI) -> Iterator[list[str]]:
    """Collect the statements that ordinary requests run while the block lasts (BEGIN and COMMIT are not among them)."""
    found: list[str] = []
    engine = app.state.parts.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
