"""The world of P16: a provider of ten thousand practices, one of them with all that a page can show, and two people signed in."""

import asyncio
import http.client
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from bench.fleet import BenchDevice, add_practices
from bench.reassess import tell
from bench.service import Bed, Process
from vigie.auth.oidc.identity import Identity
from vigie.auth.sessions import NewSession, open_session
from vigie.core.db import Database, connect, role_url
from vigie.demo.history import make_history
from vigie.people.doorstep import Doorstep
from vigie.people.members import Standing, add_member
from vigie.settings import Settings
from vigie.simulator.fleet import plan_practice

PRACTICES, DEVICES, OWN_DEVICES, DAYS = 10_000, 2, 15, 10
_STORIED, _HEALTHY = 40, 60  # patterns of the other practices: half of the former have a story
_STORY = 1
_LIFETIME = timedelta(hours=8)
_ALERTS = """\
INSERT INTO alert (provider_id, id, practice_id, cause, severity, status, rank, opened_at, condition_since, flapping, reopenings,
                   members, changed_at)
SELECT provider_id, gen_random_uuid(), practice_id, '{cause}', '{severity}', 'open', {rank}, $1, $1, false, 0,
       jsonb_build_object('{control}', jsonb_build_object('since', '2026-11-01T08:00:00Z', 'number', 1)), $1
FROM posture WHERE {light} = 'critical'"""
_CAUSES = (("backup", "critical", 0, "ANS-5.3"), ("patch", "warning", 10, "ANS-2.2"))
_ANSWERS: dict[str, dict[str, Any]] = {
    "ANS-3.3": {"answer": "yes", "comment": "Coffre-fort du prestataire."},
    "ANS-3.4": {"answer": "yes", "effective_on": "2026-10-01"},
    "ANS-1.6": {"answer": "no", "comment": "Pas d'onduleur sur le serveur."},
    "ANS-4.2": {"answer": "yes"},
    "ANS-8.5": {"answer": "not_applicable", "reason": "Aucune donnée n'est hébergée hors du cabinet."},
}
_CONTACTS = [
    {"kind": "it_provider", "name": "Atlas, urgences", "phone": "01 23 45 67 89"},
    {"kind": "insurer", "name": "Assurance", "phone": "0800 12 34 56", "policy_number": "CY-77"},
]
_WEEK = {day: [{"from": "08:30", "to": "18:30"}] for day in ("monday", "tuesday", "thursday", "friday")}


@dataclass
class World:
    """Who looks (name → session secret), and what stands for the parameters of addresses."""

    cookies: dict[str, str]
    values: dict[str, str]


def make_world(bed: Bed) -> tuple[UUID, list[str]]:
    """Make the provider and its practices; return its id, and the practice and a device to look at."""
    anchor = datetime.now(UTC).replace(second=0, microsecond=0)
    plan = plan_practice(_STORY, OWN_DEVICES, now=anchor, seed="pages")
    planned = [(str(place), plan, device) for place, device in enumerate(plan.devices())]
    made = asyncio.run(make_history(bed.settings(0), anchor, print, days=DAYS, planned=planned))
    provider_id = UUID(made.provider_id)
    shown = bed.query("SELECT practice_id, id FROM device ORDER BY (role = 'server') DESC, id LIMIT 1")[0]
    asyncio.run(_fill(bed, provider_id, anchor))
    return provider_id, [str(shown["practice_id"]), str(shown["id"])]


async def _fill(bed: Bed, provider_id: UUID, now: datetime) -> None:
    devices: list[BenchDevice] = []
    connection = await connect(bed.url, {"application_name": "bench"})
    try:
        await add_practices(connection, provider_id, PRACTICES - 1, DEVICES, now, devices)
        numbers = [*range(_STORIED), *range(_STORIED, _STORIED + 2 * _HEALTHY, 2)]
        await tell(bed, devices, [plan_practice(number, DEVICES, now=now) for number in numbers])
        for light, severity, rank, control in _CAUSES:
            asked = {"cause": light, "light": light, "severity": severity, "rank": rank, "control": control}
            await connection.execute(_ALERTS.format(**asked), now - timedelta(hours=3))
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


def furnish(service: Process, provider_id: UUID, shown: list[str]) -> World:
    """Let an owner and a practitioner sign in and do, through the REST API, what there is to show."""
    practice, device = shown
    cookies = asyncio.run(_people(service.settings, provider_id, UUID(practice)))
    owner, dentist = (_Person(service, cookies[name]) for name in ("owner", "practitioner"))
    here = f"/v1/practices/{practice}"
    owner.put(f"{here}/opening-hours", {"weekly": _WEEK})
    owner.put(f"{here}/contacts", {"contacts": _CONTACTS})
    for control, said in _ANSWERS.items():
        owner.put(f"{here}/checklist/{control}", said)
    later = (datetime.now(UTC) + timedelta(days=60)).strftime("%Y-%m-%dT%H:%M:%SZ")
    excuse = {"practice_id": practice, "control": "ANS-2.2", "reason": "Automate d'imagerie", "ends_at": later}
    owner.post("/v1/exceptions", {**excuse, "device_id": device})
    supplier = owner.post(
        f"{here}/suppliers",
        {"name": "Hébergement Nord", "kind": "host", "services": ["hosting"], "hosts_health_data": True},
    )
    supplier_id = supplier["supplier_id"] if "supplier_id" in supplier else supplier["id"]
    owner.post(f"{here}/contracts", {"supplier_id": supplier_id, "subject": "hosting"})
    tested = {
        "tested_on": (datetime.now(UTC).date() - timedelta(days=30)).isoformat(),
        "scope": "base",
        "result": "success",
    }
    owner.post(f"{here}/restore-tests", {**tested, "tested_by": "Ana"})
    asked = owner.post(f"{here}/questionnaires", {"supplier_id": supplier_id, "kind": 1})
    owner.post(f"{here}/reports", {})
    owner.post(f"{here}/enrolment-tokens", {"label": "accueil"})
    owner.post("/v1/me/views", {"name": "Critiques", "query": "overall=critical"})
    owner.post("/v1/invitations", {"role": "technician", "label": "Tom"})
    incident = dentist.post(
        "/v1/incidents", {"practice_id": practice, "kind": "ransomware", "description": "Écran rouge"}
    )
    alert = owner.get(f"/v1/alerts?practice_id={practice}")["items"][0]["id"]
    values = {"practice_id": practice, "device_id": device, "section": "patch", "alert_id": alert}
    return World(cookies, values | {"incident_id": incident["id"], "questionnaire_id": asked["id"]})


async def _people(settings: Settings, provider_id: UUID, practice_id: UUID) -> dict[str, str]:
    """Make members, and sessions of theirs; return the secrets of the sessions."""
    now, found = datetime.now(UTC), {}
    door = Database(*role_url(settings, "vigie_signin"), pool_size=1)
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    standings = {"owner": Standing("owner"), "practitioner": Standing("practitioner", practice_id)}
    try:
        for name, standing in standings.items():
            identity = Identity(idp="bench", issuer="urn:bench", subject=name, id_token="", name=name.title())
            account = await Doorstep(door).account_of(identity, now)
            async with database.session(provider_id, write=True) as session:
                member = await add_member(session, provider_id, account.id, standing, name=name.title(), now=now)
                new = NewSession(member, "bench", "urn:bench", _LIFETIME, _LIFETIME)
                _, found[name] = await open_session(session, new, now=now)
    finally:
        await door.close()
        await database.close()
    return found


@dataclass
class _Person:
    """Somebody who calls the API as the pages' scripts do."""

    service: Process
    cookie: str

    def get(self, path: str) -> Any:
        return self._call("GET", path)

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body)

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, body)

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.service.port)
        headers = {"Cookie": f"vigie={self.cookie}", "Origin": self.service.settings.public_url, "X-Vigie-Request": "1"}
        headers |= {"Content-Type": "application/json", "Accept-Language": "fr"}
        connection.request(method, path, None if body is None else orjson.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
        return orjson.loads(content) if content else None
