"""Partner clients."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, ForeignKey, LargeBinary, String, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from vigie.core.db import REFERENCE, Base


class PartnerClient(Base):
    """An OAuth2 client of a provider. Its id carries the provider, so that it is found before the tenant is known."""

    __tablename__ = "partner_client"
    __table_args__ = (REFERENCE,)

    client_id: Mapped[str] = mapped_column(String(80), primary_key=True)
    provider_id: Mapped[UUID] = mapped_column(ForeignKey("provider.id"))
    name: Mapped[str] = mapped_column(String(120))
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
