"""Set-based statements over rows of many providers, in two forms behind one call.

On plain PostgreSQL one statement serves the whole batch (`unnest` of arrays). On Citus a statement without a constant
`provider_id` visits every shard, and `INSERT … SELECT` is refused under row-level security, so there the rows are grouped and each
provider gets its statement (`provider_id = $n`, multi-row `VALUES`). Both forms mean the same; the tests run both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Any, Literal

import asyncpg

Form = Literal["postgresql", "citus"]
Row = tuple[Any, ...]


@dataclass(frozen=True)
class Statement:
    """A statement over rows whose first column is the provider.

    `text` holds `{rows}` where the rows stand as a table (FROM) or `{source}` where they are what is inserted, and `{tenant}` where
    a condition on the provider of table `t` belongs (it becomes true on plain PostgreSQL). `types` are the columns' SQL types.
    """

    text: str
    types: tuple[str, ...]

    @property
    def _unnest(self) -> str:
        return "unnest(" + ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(self.types, 1)) + ")"

    @lru_cache  # noqa: B019 - statements are module constants, they live as long as the process
    def fast(self) -> str:
        """Return the text for one call with an array per column."""
        return self.text.format(rows=self._unnest, source=f"SELECT * FROM {self._unnest}", tenant="true")  # noqa: S608 - types of constants

    @lru_cache(maxsize=512)  # noqa: B019 - as above
    def portable(self, count: int) -> str:
        """Return the text for `count` rows of one provider."""
        width = len(self.types)
        if "{source}" in self.text:
            values = ", ".join(
                "(" + ", ".join(f"${row * width + n}::{kind}" for n, kind in enumerate(self.types, 1)) + ")"
                for row in range(count)
            )
            return self.text.format(source=f"VALUES {values}", rows="", tenant="true")
        return self.text.format(rows=self._unnest, source="", tenant=f"t.provider_id = ${width + 1}")


_MOST_PARAMETERS = 30_000  # PostgreSQL allows 32,767


async def fetch(
    connection: asyncpg.Connection, form: Form, statement: Statement, rows: Sequence[Row]
) -> list[asyncpg.Record]:
    """Run a statement over rows in the form of this database; return what it returns. Empty rows: nothing is sent."""
    if not rows:
        return []
    if form == "postgresql":
        together: list[asyncpg.Record] = await connection.fetch(statement.fast(), *zip(*rows, strict=True))
        return together
    found: list[asyncpg.Record] = []
    inserts = "{source}" in statement.text
    most = _MOST_PARAMETERS // len(statement.types)
    for provider_id, group in groupby(sorted(rows, key=lambda row: row[0]), key=lambda row: row[0]):
        own = list(group)
        for start in range(0, len(own), most):
            part = own[start : start + most]
            arguments: Sequence[Any] = (
                [value for row in part for value in row] if inserts else [*zip(*part, strict=True), provider_id]
            )
            found += await connection.fetch(statement.portable(len(part)), *arguments)
    return found
