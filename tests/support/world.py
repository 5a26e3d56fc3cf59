"""A small world to be attacked: two providers, three practices that hold the same things, and everybody who may call.

Atlas has Cedar and Elm, Borea has Fir. Whoever is limited to some practices sees Cedar only. Each home has one of everything that
a path can name, so that an operation aimed at another home is the same request with one thing changed. Names tell where
things belong: an answer that holds `Elm-Brest` told of Elm.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final
from uuid import UUID

import httpx
from fastapi import FastAPI
from sqlalchemy import insert, update

from tests.support.agent import Agent, backup_section, healthy, job, patch_section
from tests.support.alerts import follow_as_owner, line_down, log_events
from tests.support.bad_idp import STAFF_ISSUER
from tests.support.people import STAFF
from tests.support.pictures import PNG
from tests.support.records import CARD, CERTIFICATE
from tests.support.rows import Holdings, fetch, holdings, tenant_tables
from tests.support.suppliers import EVERYTHING, supply
from vigie.alerts.outbox import Message, want
from vigie.app import Parts
from vigie.auth.clients import create_client
from vigie.auth.dependencies import session_cookie
from vigie.auth.http_signatures import sign_request
from vigie.auth.models import Member, PartnerClient, PartnerPractice
from vigie.auth.oidc.identity import Identity
from vigie.auth.principal import SCOPES, Permission
from vigie.auth.sessions import NewSession, open_session
from vigie.cli_actions import found_provider
from vigie.core.clock import Clock, wire_time
from vigie.core.crypto import b64url
from vigie.core.db import Database
from vigie.core.ids import uuid7
from vigie.events.session import driver_connection
from vigie.people.identity_providers import NewIssuer, configured, save_issuer
from vigie.people.members import Standing, add_member
from vigie.webhooks.models import WebhookDelivery

NAMES: Final = {"cedar": "Cedar-Lyon", "elm": "Elm-Brest", "fir": "Fir-Annecy"}
ATLAS, BOREA = frozenset({"atlas", "cedar", "elm"}), frozenset({"borea", "fir"})
CEDAR_ONLY = frozenset({"atlas", "cedar"})
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Voice:
    """Somebody who calls: a credential, and what it should let them see."""

    name: str
    provider_id: str
    homes: frozenset[str]
    headers: Mapping[str, str] = field(default_factory=dict)
    unsafe: Mapping[str, str] = field(default_factory=dict)  # what our own pages add to requests that change something
    member: Member | None = None
    device: Agent | None = None

    @property
    def limited(self) -> bool:
        """Whether they see only some practices of their provider."""
        return self.homes == CEDAR_ONLY

    def headers_of(self, method: str, url: str, body: bytes) -> dict[str, str]:
        """Return the headers of a request of theirs."""
        more = {} if method == "GET" else self.unsafe
        if self.device is None:
            return {**self.headers, **more}
        at = int(self.device.clock.now().timestamp())
        return sign_request(
            self.device.key, keyid=self.device.keyid, method=method, target_uri=url, body=body, created=at
        )


@dataclass
class World:
    """Everybody and everything, in one database; any application over it can be talked to."""

    app: FastAPI
    http: httpx.AsyncClient
    rows: Database  # as the login that owns the database: for looking, and for what has no door
    clock: Clock
    voices: dict[str, Voice] = field(default_factory=dict)
    homes: dict[str, dict[str, str]] = field(default_factory=dict)
    providers: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, frozenset[str]] = field(default_factory=dict)
    enrolling: dict[tuple[str, bool], str] = field(default_factory=dict)

    @property
    def kit(self) -> Parts:
        """Return the parts of the application that the world was made with."""
        found: Parts = self.app.state.parts
        return found

    def owner_of(self, home: str) -> Voice:
        """Return the owner of the provider a home belongs to."""
        return self.voices["bea" if home == "fir" else "ana"]

    async def call(
        self, voice: Voice, method: str, path: str, *, json: Any = None, headers: Texts | None = None, **more: Any
    ) -> httpx.Response:
        """Send a request as somebody, and keep no cookie of the answer."""
        request = self.http.build_request(method, path, json=json, **more)
        own = voice.headers_of(method, str(request.url), request.content)
        request.headers.update({**own, **(headers or {})})
        answer = await self.http.send(request)
        self.http.cookies.clear()
        return answer

    async def post(self, voice: Voice, path: str, json: Any) -> dict[str, Any]:
        """Create something that must succeed."""
        answer = await self.call(voice, "POST", path, json=json)
        assert answer.is_success, (path, answer.text)
        found: dict[str, Any] = answer.json()
        return found

    def hidden_from(self, voice: Voice) -> frozenset[str]:
        """Return every text that no answer to somebody may hold."""
        return frozenset().union(*(texts for home, texts in self.secrets.items() if home not in voice.homes))


async def member(
    world: World, provider_id: str, standing: Standing, name: str, *, account: UUID | None = None
) -> Member:
    """Make somebody a member, through the product's own functions."""
    now, tenant = world.clock.now(), UUID(provider_id)
    if account is None:
        identity = Identity(idp=STAFF, issuer=STAFF_ISSUER, subject=str(uuid7()), id_token="none", name=name)
        account = (await world.kit.people.doorstep.account_of(identity, now)).id
    async with world.kit.database.session(tenant, write=True) as session:
        return await add_member(session, tenant, account, standing, name=name, now=now)


async def session_of(world: World, who: Member, idp: str = STAFF) -> tuple[str, str]:
    """Open a session; return its id and the value of the cookie."""
    wanted = NewSession(who, idp, STAFF_ISSUER, idle=timedelta(hours=1), lifetime=timedelta(hours=4))
    async with world.kit.database.session(who.provider_id, write=True) as session:
        row, secret = await open_session(session, wanted, now=world.clock.now())
    return str(row.id), secret


async def person(world: World, who: Member, homes: frozenset[str], idp: str = STAFF) -> Voice:
    """Return a member in front of a browser."""
    _, secret = await session_of(world, who, idp)
    public_url = world.kit.public_url
    return Voice(
        who.name,
        str(who.provider_id),
        homes,
        {"Cookie": f"{session_cookie(public_url)}={secret}"},
        {"Origin": public_url, "X-Vigie-Request": "1"},
        member=who,
    )


async def client(
    world: World, name: str, provider_id: str, homes: frozenset[str], scopes: frozenset[Permission] = SCOPES, *only: str
) -> Voice:
    """Return a partner client with its token, perhaps limited to some practices."""
    tenant, now = UUID(provider_id), world.clock.now()
    async with world.kit.database.session(tenant, write=True) as session:
        client_id, secret = await create_client(session, tenant, name, scopes, by="operator", now=now)
    if only:
        async with world.rows.engine.begin() as connection:
            await connection.execute(
                update(PartnerClient).where(PartnerClient.client_id == client_id).values(limited=True)
            )
            seen = [{"provider_id": tenant, "client_id": client_id, "practice_id": UUID(each)} for each in only]
            await connection.execute(insert(PartnerPractice), seen)
    form = {"grant_type": "client_credentials"}
    answer = await world.http.post("/oauth/token", data=form, auth=(client_id, secret))
    assert answer.status_code == 200, answer.text
    return Voice(name, provider_id, homes, {"Authorization": f"Bearer {answer.json()['access_token']}"})


async def twin(world: World, voice: Voice, practice_id: str) -> Voice:
    """Return somebody like a limited voice, limited to another practice."""
    if voice.member is None:
        return await client(world, voice.name, voice.provider_id, voice.homes, SCOPES, practice_id)
    seen = frozenset({UUID(practice_id)})
    return await person(
        world, await member(world, voice.provider_id, Standing("technician", None, seen), "twin"), voice.homes
    )


async def device(world: World, home: str, *, pending: bool = False) -> Agent:
    """Return a device that joined a home."""
    if (home, pending) not in world.enrolling:
        path = f"/v1/practices/{world.homes[home]['practice_id']}/enrolment-tokens"
        wanted = {"label": NAMES[home], "use_limit": 500, "needs_approval": pending}
        world.enrolling[home, pending] = (await world.post(world.owner_of(home), path, wanted))["token"]
    agent = Agent(world.http, world.clock, world.kit.public_url)
    answer = await agent.enrol(world.enrolling[home, pending], alias=f"poste-{NAMES[home].lower()}")
    assert answer.status_code == 201, answer.text
    return agent


async def issuer(world: World, provider_id: str) -> str:
    """Return the id of an identity provider of a provider's own; nobody asked it for its description."""
    tenant = UUID(provider_id)
    new = NewIssuer(label="Staff", issuer=STAFF_ISSUER, client_id="vigie", client_secret="a secret", options={})
    idp_id = f"vip_{b64url(tenant.bytes)}_{uuid7().hex[-12:]}"
    idp = configured(tenant, idp_id, new.label, new.issuer, new.client_id, new.client_secret, {})
    async with world.kit.database.session(tenant, write=True) as session:
        sealer = world.kit.people.relying_party().sealer
        return (await save_issuer(session, sealer, idp, new, now=world.clock.now())).id


async def questionnaire(world: World, owner: Voice, practice_id: str, supplier_id: str | None = None) -> dict[str, str]:
    """Return a questionnaire of a supplier (the provider itself) at a practice, filled in and ready to be signed."""
    path = f"/v1/practices/{practice_id}/questionnaires"
    made = await world.post(owner, path, {"supplier_id": supplier_id or owner.provider_id, "kind": 2})
    answers = [
        {"question": each["id"], "answer": "not_applicable", "comment": "Nothing of the kind here"}
        for each in made["questions"]
    ]
    answer = await world.call(owner, "PUT", f"{path}/{made['id']}/answers", json={"answers": answers})
    assert answer.is_success, answer.text
    return {"questionnaire_id": made["id"], "content_hash": answer.json()["content_hash"]}


async def make_record(world: World, kind: str, home: str) -> dict[str, str]:
    """Make a supplier of a home, or a contract with the one it has, or a certificate of that one."""
    owner, path = world.owner_of(home), f"/v1/practices/{world.homes[home]['practice_id']}"
    if kind == "supplier":
        wanted = {"name": NAMES[home], "kind": "other", "services": EVERYTHING}
        return {"supplier_id": (await world.post(owner, f"{path}/suppliers", wanted))["id"]}
    supplier_id = world.homes[home]["supplier_id"]
    if kind == "contract":
        wanted = {"supplier_id": supplier_id, "subject": NAMES[home]}
        return {"contract_id": (await world.post(owner, f"{path}/contracts", wanted))["id"]}
    made = await world.post(owner, f"/v1/suppliers/{supplier_id}/certificates", CERTIFICATE)
    return {"certificate_id": made["id"]}


async def make_endpoint(world: World, home: str) -> dict[str, str]:
    """Make a webhook endpoint that is told of a home alone."""
    wanted = {
        "url": f"https://{NAMES[home].lower()}.test/",
        "description": NAMES[home],
        "practices": [world.homes[home]["practice_id"]],
    }
    return {"endpoint_id": (await world.post(world.owner_of(home), "/v1/webhook-endpoints", wanted))["id"]}


async def make_delivery(world: World, home: str) -> dict[str, str]:
    """Make a test message that did not reach the webhook endpoint of a home."""
    path = f"/v1/webhook-endpoints/{world.homes[home]['endpoint_id']}/test"
    delivery = (await world.post(world.owner_of(home), path, {}))["id"]
    async with world.rows.engine.begin() as connection:
        dead = update(WebhookDelivery).where(WebhookDelivery.id == UUID(delivery))
        await connection.execute(dead.values(status="dead", due_at=None))
    return {"delivery_id": delivery}


async def channel(world: World, home: str) -> str:
    """Return a channel that wants to hear of a home, with a notification about it on its way."""
    owner, practice = world.owner_of(home), world.homes[home]["practice_id"]
    wanted = {"kind": "mail", "name": NAMES[home], "recipients": ["alerts@it.example"], "practices": [practice]}
    made = await world.post(owner, "/v1/channels", wanted)
    message = Message(
        provider_id=UUID(owner.provider_id),
        dedup_key=f"world|{made['id']}",
        channel_id=UUID(made["id"]),
        practice_id=UUID(practice),
        alert_id=UUID(world.homes[home]["alert_id"]),
        kind="test",
        data={"channel": NAMES[home]},
        wanted_at=world.clock.now(),
    )
    async with world.kit.database.session(message.provider_id, write=True) as session:
        await want(await driver_connection(session), [message])
    return str(made["id"])


async def give_practice(world: World, home: str) -> None:
    """Give a home to whoever looks after its alert."""
    named = world.homes[home]
    path = f"/v1/practices/{named['practice_id']}/responsible"
    answer = await world.call(world.owner_of(home), "PUT", path, json={"member_id": named["assignee_id"]})
    assert answer.is_success, answer.text


async def make(world: World, kind: str, home: str) -> dict[str, str]:  # noqa: C901, PLR0911, PLR0912 - one way per kind of thing
    """Make one more thing of a kind in a home; return the parameters of paths that name it."""
    owner, name = world.owner_of(home), NAMES[home]
    practice = world.homes[home]["practice_id"] if home in world.homes else ""
    match kind:
        case "practice":
            wanted = {"name": name, "city": name, "profession": "dentist"}
            made = await world.post(owner, "/v1/practices", wanted)
            return {"practice_id": made["id"], "control_id": "ANS-2.6", "control": "ANS-4.2"}
        case "served practice":
            ids = await make(world, "practice", home)
            return {**ids, "supplier_id": await supply(world.rows, world.clock, owner.provider_id, ids["practice_id"])}
        case "alerted practice":
            ids = await make(world, "practice", home)
            return ids | await alert(world, home, ids["practice_id"])
        case "questionnaire":
            ids = await make(world, "served practice", home)
            return ids | await questionnaire(world, owner, ids["practice_id"])
        case "device" | "pending":
            return {"device_id": (await device(world, home, pending=kind == "pending")).device_id}
        case "token":
            made = await world.post(owner, f"/v1/practices/{practice}/enrolment-tokens", {"label": name})
            return {"token_id": made["id"]}
        case "exception":
            wanted = {
                "practice_id": practice,
                "device_id": world.homes[home]["device_id"],
                "control": "ANS-2.2",
                "reason": f"{name} may wait",
                "ends_at": wire_time(world.clock.now() + timedelta(days=60)),
            }
            return {"exception_id": (await world.post(owner, "/v1/exceptions", wanted))["id"]}
        case "supplier" | "contract" | "certificate":
            return await make_record(world, kind, home)
        case "invitation":
            wanted = {"role": "practice_staff", "practice_id": practice, "label": name}
            return {"invitation_id": (await world.post(owner, "/v1/invitations", wanted))["id"]}
        case "member":
            who = await member(world, owner.provider_id, Standing("practice_staff", UUID(practice)), f"Max {name}")
            return {"member_id": str(who.id)}
        case "session":
            who = await member(world, owner.provider_id, Standing("practice_staff", UUID(practice)), f"Sam {name}")
            return {"session_id": (await session_of(world, who))[0]}
        case "view":
            who = await member(world, owner.provider_id, Standing("practice_staff", UUID(practice)), f"Val {name}")
            voice = await person(world, who, frozenset({home}))
            return {"view_id": (await world.post(voice, "/v1/me/views", {"name": name, "query": f"q={name}"}))["id"]}
        case "channel":
            return {"channel_id": await channel(world, home)}
        case "client":
            made = await world.post(owner, "/v1/clients", {"name": name, "scopes": ["practices:read"]})
            return {"client_id": made["client_id"], "secret_id": made["secrets"][0]["id"]}
        case "identity_provider":
            return {"identity_provider_id": await issuer(world, owner.provider_id)}
        case "endpoint":
            return await make_endpoint(world, home)
        case "delivery":
            return await make_delivery(world, home)
        case "evidence" | "action":
            return await make_answered(world, kind, home)
    return await make_alerted(world, kind, home)


async def alert(world: World, home: str, practice: str) -> dict[str, str]:
    """Make an alert of a practice of a home's provider, that somebody of the home looks after."""
    owner, now = world.owner_of(home), world.clock.now()
    await log_events(world.kit, owner.provider_id, line_down(owner.provider_id, practice, now), now=now)
    await follow_as_owner(world.rows, now)
    found = await world.call(owner, "GET", f"/v1/alerts?practice_id={practice}&cause=line")
    made = found.json()["items"][0]["id"]
    who = await member(
        world, owner.provider_id, Standing("technician", None, frozenset({UUID(practice)})), f"Ada {NAMES[home]}"
    )
    await world.post(owner, f"/v1/alerts/{made}/assign", {"member_id": str(who.id)})
    return {"alert_id": made, "assignee_id": str(who.id)}


async def make_answered(world: World, kind: str, home: str) -> dict[str, str]:
    """Make what goes with answers to the checklist of a home."""
    owner, name, practice = world.owner_of(home), NAMES[home], world.homes[home]["practice_id"]
    who = await member(world, owner.provider_id, Standing("practice_staff", UUID(practice)), f"Noa {name}")
    answering = await person(world, who, owner.homes)
    if kind == "evidence":
        path, file = f"/v1/practices/{practice}/evidence", {"Content-Type": "application/pdf", "X-File-Name": name}
        added = await world.call(answering, "POST", path, headers=file, content=b"%PDF-1.7 " + name.encode())
        return {"evidence_id": added.json()["id"]}
    path = f"/v1/practices/{practice}/checklist/ANS-1.1"
    answer = await world.call(answering, "PUT", path, json={"answer": "no", "comment": f"{name} has no lock."})
    assert answer.is_success, answer.text
    found = await world.call(answering, "GET", "/v1/actions")
    return {"action_id": found.json()["items"][0]["id"]}


async def make_alerted(world: World, kind: str, home: str) -> dict[str, str]:
    """Make what goes with alerts of a home."""
    owner, name, practice = world.owner_of(home), NAMES[home], world.homes[home]["practice_id"]
    match kind:
        case "alert":
            return await alert(world, home, practice)
        case "window":
            ends_at = wire_time(world.clock.now() + timedelta(days=1))
            wanted = {"starts_at": wire_time(world.clock.now()), "ends_at": ends_at, "reason": f"Cables at {name}"}
            made = await world.post(owner, "/v1/maintenance-windows", {"practice_id": practice, **wanted})
            return {"window_id": made["id"]}
        case "incident" | "settled incident":
            wanted = {"practice_id": practice, "kind": "ransomware", "description": f"Files of {name}"}
            path = f"/v1/incidents/{(made := await world.post(owner, '/v1/incidents', wanted))['id']}"
            await world.post(owner, f"{path}/freeze", None)
            for clock in ("complaint", "cnil") if kind == "settled incident" else ():
                await world.post(owner, f"{path}/notified", {"clock": clock})
            return {"incident_id": made["id"], "step": "disconnect"}
        case "report":
            made = await world.post(owner, f"/v1/practices/{practice}/reports", {})
            return {"report_id": made["id"]}
        case "logo":
            png = {"Content-Type": "image/png"}
            answer = await world.call(owner, "PUT", "/v1/provider/logo.png", content=PNG, headers=png)
            assert answer.is_success, answer.text
            return {}
        case "draft":
            answer = await world.call(owner, "PUT", "/v1/alerting-policy/draft", json=await on_call(world, owner))
            assert answer.is_success, answer.text
            return {}
    raise LookupError(kind)


async def fill_card(world: World, home: str) -> None:
    """Write the contacts of a home's incident card; their names tell where they belong."""
    card = [{**contact, "name": NAMES[home]} for contact in CARD]
    path = f"/v1/practices/{world.homes[home]['practice_id']}/contacts"
    answer = await world.call(world.owner_of(home), "PUT", path, json={"contacts": card})
    assert answer.is_success, answer.text


async def set_policy(world: World, home: str) -> None:
    """Give a home thresholds of its own."""
    wanted = {"practice_id": world.homes[home]["practice_id"], "thresholds": {"patch": {"security_pass_days": 10}}}
    answer = await world.call(world.owner_of(home), "PUT", "/v1/policies", json=wanted)
    assert answer.is_success, answer.text


async def set_alerting_policy(world: World, home: str) -> None:
    """Put a policy of alerting into force at the provider of a home, by which its owner is on call."""
    owner = world.owner_of(home)
    answer = await world.call(owner, "PUT", "/v1/alerting-policy", json=await on_call(world, owner))
    assert answer.is_success, answer.text


async def on_call(world: World, owner: Voice) -> dict[str, Any]:
    """Return a policy of alerting by which an owner is on call: it tells whose it is."""
    me = (await world.call(owner, "GET", "/v1/me")).json()["subject"]
    return {"on_call": {"first": "2026-11-16", "turns": [{"label": "On call", "member_id": me}]}}


def lacking(home: str, at: datetime) -> dict[str, Any]:
    """Return what a device of a home reports that is not quite well: an update named after it waits, a backup had warnings."""
    patch = patch_section(at, security=1, age_days=20)
    waiting = {"name": NAMES[home], "class": "security", "released_on": f"{at - timedelta(days=20):%Y-%m-%d}"}
    patch["data"]["pending"]["items"] = [waiting]
    return {"patch": patch, "backup": backup_section(at, job(at, last_status="warning"))}


async def build_world(app: FastAPI, http: httpx.AsyncClient, rows: Database, clock: Clock) -> World:
    """Make the world through the product's own doors."""
    world = World(app, http, rows, clock)
    for name, head in (("Atlas", "ana"), ("Borea", "bea")):
        world.providers[name] = (await found_provider(world.kit.database, name))["provider_id"]
        homes = ATLAS if name == "Atlas" else BOREA
        who = await member(world, world.providers[name], Standing("owner"), head.title())
        world.voices[head] = replace(await person(world, who, homes), name=head)
    for home in NAMES:
        world.homes[home] = await make(world, "practice", home)
        for kind in ("supplier", "contract", "certificate"):
            world.homes[home] |= await make(world, kind, home)
        owner, named = world.owner_of(home), world.homes[home]
        world.homes[home] |= await questionnaire(world, owner, named["practice_id"], named["supplier_id"])
        for kind in (
            *("alert", "device", "token", "invitation", "member", "session", "client", "identity_provider"),
            *("evidence", "action", "endpoint", "delivery", "channel", "incident", "view", "report", "logo"),
        ):
            world.homes[home] |= await make(world, kind, home)
        reporting = await device(world, home)
        await reporting.report({**healthy(clock.now()), **lacking(home, clock.now())})
        world.homes[home]["device_id"] = reporting.device_id
        for kind in ("exception", "window", "draft"):
            world.homes[home] |= await make(world, kind, home)
        await fill_card(world, home)
        await give_practice(world, home)
        await set_policy(world, home)
        await set_alerting_policy(world, home)
        world.homes[home]["pending_id"] = (await make(world, "pending", home))["device_id"]
        world.voices[f"device of {home}"] = Voice(
            f"device of {home}", world.owner_of(home).provider_id, frozenset(), device=reporting
        )
    await _invite_voices(world)
    await _keep_secrets(world)
    for voice in world.voices.values():  # so that first uses are noted before anybody looks for changes
        await world.call(voice, "GET", "/v1/me")
    return world


async def _invite_voices(world: World) -> None:
    atlas, borea = world.providers["Atlas"], world.providers["Borea"]
    cedar = UUID(world.homes["cedar"]["practice_id"])
    world.voices["nobody"] = Voice("nobody", "", frozenset())
    for name, standing, homes in (
        ("lea", Standing("technician"), ATLAS),
        ("tom", Standing("technician", None, frozenset({cedar})), CEDAR_ONLY),
        ("ivo", Standing("auditor"), ATLAS),
        ("paz", Standing("practitioner", cedar), CEDAR_ONLY),
        ("zoe", Standing("practice_staff", cedar), CEDAR_ONLY),
    ):
        voice = await person(world, await member(world, atlas, standing, name.title()), homes)
        world.voices[name] = replace(voice, name=name)
    world.voices["pia"] = await client(world, "pia", atlas, ATLAS)
    world.voices["pip"] = await client(world, "pip", atlas, CEDAR_ONLY, SCOPES, str(cedar))
    world.voices["bela"] = await client(world, "bela", borea, BOREA)
    for scope in SCOPES:
        name = f"without {scope}"
        world.voices[name] = await client(world, name, atlas, ATLAS, SCOPES - {scope})


async def _keep_secrets(world: World) -> None:
    """Note what tells of each home (its name, the ids of what belongs to it), and of each provider as a whole (all other ids)."""
    for provider, homes in (("atlas", ("cedar", "elm")), ("borea", ("fir",))):
        held = await holdings(world.rows, world.owner_of(homes[0]).provider_id)
        tenant = UUID(world.owner_of(homes[0]).provider_id)
        rest = {value for rows in held.values() for row in rows for value in row.values() if isinstance(value, UUID)}
        for home in homes:
            ids = _ids_of_practice(held, UUID(world.homes[home]["practice_id"])) - {tenant}
            rest -= ids
            world.secrets[home] = frozenset({NAMES[home], NAMES[home].lower(), *map(str, ids)})
        world.secrets[provider] = frozenset({b64url(tenant.bytes), *map(str, rest)})


def _ids_of_practice(held: Holdings, practice_id: UUID) -> set[UUID]:
    devices = {row["id"] for row in held["device"] if row["practice_id"] == practice_id}
    about = {practice_id, *devices}
    shared = {row["id"] for row in held["channel"]}  # the provider's: what is about any practice may name any of them
    return {
        value
        for table, rows in held.items()
        if table not in {"member_practice", "partner_practice"}
        for row in rows
        if about & set(filter(lambda value: isinstance(value, UUID), row.values()))
        for value in row.values()
        if isinstance(value, UUID)
    } - shared


async def fingerprint(world: World, *providers: str) -> dict[str, str]:
    """Return a digest per table of all rows of both providers, or of one, the audit apart: what a refused call leaves as it was."""
    tenants = [UUID(world.providers[name]) for name in providers or ("Atlas", "Borea")]
    return {row["name"]: row["digest"] for row in await fetch(world.rows, _digests(), providers=tenants)}


@cache
def _digests() -> str:
    """One statement for all tables: it is asked hundreds of times."""
    each = [
        f"SELECT '{table.name}' AS name, md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest"  # noqa: S608 - ours
        f" FROM {table.name} t WHERE t.provider_id = ANY (:providers)"
        for table in tenant_tables()
        if "provider_id" in table.columns and not table.name.startswith("audit_")
    ]
    return " UNION ALL ".join(each)
