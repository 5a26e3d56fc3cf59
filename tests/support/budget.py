"""How many statements a request costs: a list must not ask once per row."""

from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI
from sqlalchemy import event


@contextmanager
def statements_of(app: FastAPI) -> Iterator[list[str]]:
    """Collect the statements that ordinary requests run while the block lasts (BEGIN and COMMIT are not among them).

    Whether a client still lives is asked when the last answer is 0.7 s old, in a transaction of its own: left out at the end of
    the block, for it may or may not fall into it.
    """
    found: list[str] = []
    engine = app.state.parts.database.engine.sync_engine

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        found.append(" ".join(statement.split()))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", note)
        for place in [place for place, statement in enumerate(found) if "FROM partner_client " in statement][::-1]:
            del found[place - 1 : place + 1]  # with the binding before it
