"""Records of a practice as tests make them: suppliers, their use, contacts."""

from typing import Any, Protocol
from uuid import UUID

import httpx

from tests.support.refusals import refusal
from tests.support.rows import fetch
from vigie.core.db import Database


class Calling(Protocol):
    """Somebody who can call: a person or a partner client."""

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request."""
        ...


HOSTING = {"services": ["hosting"], "hosts_health_data": True, "hds_activities": [6]}
CERTIFICATE = {"number": "HDS-2026-041", "activities": [5, 6], "referential": "v2", "expires_on": "2028-03-31"}
CARD: list[dict[str, Any]] = [
    {"kind": "it_provider", "name": "Atlas, urgences", "phone": "01 23 45 67 89"},
    {"kind": "insurer", "name": "Mutuelle du Rhône", "phone": "0800 12 34 56", "policy_number": "CY-77"},
    {"kind": "referent", "name": "Accueil", "phone": "+33 4 78 00 00 00", "email": "accueil@cedar.example"},
    {"kind": "backup_custodian", "name": "Dr Paz", "phone": "06 12 34 56 78"},
]
RESTORE = {"tested_on": "2026-11-16", "scope": "base du logiciel métier", "result": "success", "tested_by": "Lea"}


async def done(who: Calling, method: str, path: str, json: Any = None, **more: Any) -> Any:
    """Call, expect success, return the answer's JSON."""
    answer = await who.call(method, path, json=json, **more)
    assert answer.is_success, (path, answer.status_code, answer.text)
    return answer.json() if answer.content else None


async def refused(who: Calling, method: str, path: str, json: Any = None, **more: Any) -> tuple[int, str]:
    """Call, and return the refusal."""
    return refusal(await who.call(method, path, json=json, **more))


async def supplier(who: Calling, name: str = "Hébergement Nord", kind: str = "host", **more: Any) -> str:
    """Add a supplier of the provider and return its id."""
    return str((await done(who, "POST", "/v1/suppliers", {"name": name, "kind": kind, **more}))["id"])


async def finding(database: Database, practice: str, control: str) -> dict[str, Any]:
    """Return what is stored of a control of the practice itself; empty when nothing is."""
    rows = await fetch(
        database,
        "SELECT state, reason, evidence, valid_until FROM finding WHERE subject_id = :practice AND control = :control",
        practice=UUID(practice),
        control=control,
    )
    return rows[0] if rows else {}


async def said(database: Database, practice: str, control: str) -> tuple[str, str] | None:
    """Return state and reason by the records alone, of a control that people answer, too; None when they say nothing."""
    records = (await finding(database, practice, control)).get("evidence", {}).get("records")
    return None if records is None else (records["state"], records["reason"])
