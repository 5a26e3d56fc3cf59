"""${message}.

Forward only: code of the previous release must keep working on the schema this leaves behind. Add nullable, fill in
batches, enforce later: three migrations. One statement per call, every constraint named, indexes CONCURRENTLY in an
autocommit block; a new tenant table ends with `protect("…")` (row-level security and grants).
"""

from alembic import op
import sqlalchemy as sa
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}
