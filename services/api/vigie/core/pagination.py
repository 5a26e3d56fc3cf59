"""Keyset cursors: the only pagination of this API.

`{"items": […], "next_cursor": …}`; the cursor is opaque, carries the sort key of the last row, and stays valid when rows come and
go. The order is a row-value comparison on an index, so a page costs the same at the start and at the end of a long list.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Generic, NamedTuple, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, Integer, Select, SQLColumnExpression, Tuple, bindparam, tuple_
from sqlalchemy.orm import InstrumentedAttribute

from vigie.core.crypto import b64url, b64url_decode
from vigie.core.errors import AppError

T = TypeVar("T")
Key = tuple[Any, ...]
_BIGGEST = 2**63  # PostgreSQL's bigint ends here


class InvalidCursorError(AppError):
    """The cursor is not one this list gave."""

    status, code = 422, "request.invalid_cursor"
    title, title_fr = "The cursor is not one this list gave", "Le curseur ne vient pas de cette liste"


class PageQuery(BaseModel):
    """The query parameters of every list; a list adds its filters by subclassing. Unknown parameters are refused."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(50, ge=1, le=200, description="How many items at most.")
    cursor: str | None = Field(None, max_length=200, description="`next_cursor` of the page before.")


class Page(BaseModel, Generic[T]):
    """One page; `next_cursor` is null on the last."""

    items: list[T]
    next_cursor: str | None


def encode_cursor(key: Sequence[Any]) -> str:
    """Return the cursor that continues after a row with this sort key."""
    return b64url(orjson.dumps(list(key), default=str))


def decode_cursor(cursor: str, kinds: Sequence[Callable[[Any], Any]]) -> Key:
    """Return the sort key of a cursor, each part through its type; raises `InvalidCursorError`."""
    try:
        parts = orjson.loads(b64url_decode(cursor))
        key = tuple(kind(part) for kind, part in zip(kinds, parts, strict=True))
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise InvalidCursorError from error
    if any(isinstance(part, int) and not -_BIGGEST <= part < _BIGGEST for part in key):
        raise InvalidCursorError
    return key


def keyset(
    statement: Select[*tuple[Any, ...]],
    query: PageQuery,
    columns: Sequence[SQLColumnExpression[Any]],
    kinds: Sequence[Callable[[Any], Any]],
    *,
    descending: bool = False,
) -> Select[*tuple[Any, ...]]:
    """Order a statement by `columns`, continue after the cursor, and fetch one row more than the page holds."""
    after = tuple_(*decode_cursor(query.cursor, kinds)) if query.cursor is not None else None
    return _ordered(statement, columns, after, descending=descending).limit(query.limit + 1)


def _ordered(
    statement: Select[*tuple[Any, ...]],
    columns: Sequence[SQLColumnExpression[Any]],
    after: Tuple | None,
    *,
    descending: bool,
) -> Select[*tuple[Any, ...]]:
    if after is not None:
        statement = statement.where(tuple_(*columns) < after if descending else tuple_(*columns) > after)
    return statement.order_by(*(column.desc() if descending else column.asc() for column in columns))


class Shape(NamedTuple):
    """What of a question decides how the statement of a list is written; all else are its parameters.

    A list that pages ask for makes its statement once for each shape: making one costs as much as executing it.
    """

    limited: bool
    continued: bool
    filters: frozenset[str]

    def where(self, model: Any, *names: str) -> Iterable[ColumnElement[bool]]:
        """Return the conditions of those filters that are set, each for the column of its name."""
        columns = (getattr(model, name) for name in names if name in self.filters)
        return [column == bindparam(column.key, type_=column.type) for column in columns]

    def ordered(
        self,
        statement: Select[*tuple[Any, ...]],
        columns: Sequence[InstrumentedAttribute[Any]],
        *,
        descending: bool = False,
    ) -> Select[*tuple[Any, ...]]:
        """Do what `keyset` does; the parameters are those of `place_of`."""
        places = [bindparam(f"after_{place}", type_=column.type) for place, column in enumerate(columns)]
        after = tuple_(*places) if self.continued else None
        return _ordered(statement, columns, after, descending=descending).limit(bindparam("rows", type_=Integer))


by_shape = lru_cache(maxsize=128)
"""Keeps the statements of the shapes asked for last: filters combine to more of them than a process should hold."""


def place_of(query: PageQuery, kinds: Sequence[Callable[[Any], Any]]) -> dict[str, Any]:
    """Return which rows of the list a query asks for, for `Shape.ordered`; raises `InvalidCursorError`."""
    after = decode_cursor(query.cursor, kinds) if query.cursor is not None else ()
    return {"rows": query.limit + 1, **{f"after_{place}": part for place, part in enumerate(after)}}


def page_of(
    rows: Sequence[Any], query: PageQuery, key: Callable[[Any], Sequence[Any]]
) -> tuple[Sequence[Any], str | None]:
    """Cut the extra row off and return the page's rows with the cursor of the next page."""
    if len(rows) <= query.limit:
        return rows, None
    kept = rows[: query.limit]
    return kept, encode_cursor(key(kept[-1]))
