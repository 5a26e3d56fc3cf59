"""Who signs in to the demo: simulated identity providers beside it, and four people who are expected there."""

import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import httpx

from vigie.app import door_of
from vigie.auth.oidc.identity import Identity
from vigie.auth.oidc.professional import parse_professional
from vigie.auth.sessions import end_session_of
from vigie.cli_people import invite_member
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.demo.twin import Twin, TwinUnavailableError, issuer_config, start_twin, twin_folder
from vigie.people.invitations import NewInvitation
from vigie.people.kit import People, build_people
from vigie.people.members import Standing
from vigie.people.sign_in import Browser, Visit, enter_by_link, recognise
from vigie.people.sign_out import LOGGED_OUT_PATH, SIGNED_OUT
from vigie.runtime import generated_sealing_key, write_private
from vigie.settings import Settings

PSC_LABEL: Final = "Pro Santé Connect (simulé)"
STAFF_LABEL: Final = "Annuaire du prestataire (simulé)"
_LIMITED_TO: Final = 5  # practices that the technician sees
_OPEN_FOR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of `tools/identity_twin/personas.json` who has a place in the demo."""

    id: str
    idp: str
    name: str
    role: str
    may: str


PERSONAS: Final = (
    Persona("ana", "staff", "Ana Lopes", "owner", "everything at the provider"),
    Persona("tom", "staff", "Tom Girard", "technician", f"{_LIMITED_TO} practices only"),
    Persona("ines", "staff", "Inès Duval", "auditor", "reads, changes nothing"),
    Persona("paz", "psc", "Dr Camille Paz", "practitioner", "one practice, by e-CPS; invited by RPPS number"),
)


@dataclass(frozen=True, slots=True)
class DemoIdentity:
    """The running identity providers. `settings` are the demo's with everything that signing in needs."""

    settings: Settings
    twin: Twin = field(repr=False)

    def stop(self) -> None:
        """End the identity providers."""
        self.twin.stop()

    def welcome(self) -> str:
        """Return the lines that say where and as whom one signs in."""
        buttons = {"staff": STAFF_LABEL, "psc": PSC_LABEL}
        rows = [f"  {buttons[one.idp]:33} {one.name:15} {one.role:13} {one.may}" for one in PERSONAS]
        return "\n".join(
            [
                f"Sign in: {self.settings.public_url}/auth/login   (choose the button, then the person; no password)",
                "",
                *rows,
                "",
                "The identity providers are simulated: neither ANS nor Pro Santé Connect. Their pages say so too.",
            ]
        )


def start_identity(settings: Settings, port: int, tell: Callable[[str], None]) -> DemoIdentity | None:
    """Start the identity providers on `port`; None, after telling why, when they cannot run here.

    The port is part of the issuers' names, by which accounts are known: keep it from one start to the next.
    """
    folder = settings.data_dir / "identity"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = secrets.token_urlsafe(32)
    try:
        twin = start_twin({"port": port, "issuers": _issuers(settings.public_url, secret)}, folder)
    except TwinUnavailableError as error:
        tell(f"la connexion des personnes n'est pas disponible : {error}")
        return None
    write_private(folder / "client-secret", secret.encode())
    file = folder / "identity-providers.toml"
    write_private(file, _providers_file(twin).encode())
    more = {
        "identity_providers_file": file,
        "sealing_key_file": settings.sealing_key_file or generated_sealing_key(settings.data_dir),
    }
    return DemoIdentity(settings.model_copy(update=more), twin)


def _issuers(public_url: str, secret: str) -> list[dict[str, Any]]:
    """Return the issuers with Vigie as their client. They ask each time: in a demo one changes from person to person."""

    def client(idp: str) -> dict[str, Any]:
        return {
            "client_id": "vigie-demo",
            "client_name": "Vigie",
            "client_secret": secret,
            "redirect_uris": [f"{public_url}/auth/callback/{idp}"],
            "post_logout_redirect_uris": [f"{public_url}{LOGGED_OUT_PATH}"],
            "backchannel_logout_uri": f"{public_url}/auth/backchannel-logout/{idp}",
            "backchannel_logout_session_required": True,
            "token_endpoint_auth_method": "client_secret_post",
        }

    return [
        issuer_config("pro_sante_connect", PSC_LABEL, [client("psc")], ask_every_time=True),
        issuer_config("generic", STAFF_LABEL, [client("staff")], ask_every_time=True),
    ]


def _providers_file(twin: Twin) -> str:
    """Return the operator's file of identity providers (docs/operators/sign-in.md); what stands in it needs no escapes."""
    shared = (
        'client_id = "vigie-demo"\nclient_secret_file = "client-secret"\n'
        'token_auth = "client_secret_post"\nallow_loopback_http = true\n'
    )
    return (
        f'[psc]\nprofile = "pro_sante_connect"\nenvironment = "simulated"\nlabel = "{PSC_LABEL}"\n'
        f'issuer = "{twin.issuers["psc"]}"\nhosts = ["localhost:{twin.origin.rpartition(":")[2]}"]\n{shared}\n'
        f'[staff]\nprofile = "generic"\nlabel = "{STAFF_LABEL}"\nissuer = "{twin.issuers["staff"]}"\n{shared}'
    )


async def practices_to_show(http: httpx.AsyncClient) -> list[UUID]:
    """Return practices that are worth looking at, worst first, a dentist's before all: `http` may list practices."""
    answer = await http.get("/v1/practices", params={"limit": 50})
    answer.raise_for_status()
    rows = sorted(answer.json()["items"], key=lambda row: row["profession"] != "dentist")
    return [UUID(row["id"]) for row in rows]


async def make_people(identity: DemoIdentity, provider_id: UUID, practices: Sequence[UUID]) -> None:
    """Let the personas in: staff as members, the dentist by an invitation for her number at the first of `practices`.

    Done once; later starts find them there. By the use cases a real sign-in goes through, so that the audit tells it alike.
    """
    settings = identity.settings
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    signin = Database(*role_url(settings, "vigie_signin"), pool_size=1)
    people = build_people(door_of(settings), database, signin, SystemClock())
    try:
        for persona in PERSONAS:
            await _expect(people, settings, provider_id, practices, persona)
    finally:
        await people.doorstep.close()
        await database.close()


async def _expect(
    people: People, settings: Settings, provider_id: UUID, practices: Sequence[UUID], persona: Persona
) -> None:
    """Make sure that a persona has a place at the provider when they come."""
    now = SystemClock().now()
    idp = await people.identity_provider(persona.idp)
    visitor = await recognise(people, _identity(idp.issuer, persona), now)
    invited = await people.doorstep.invitations_for(visitor.rpps, now) if visitor.rpps else ()
    if invited or await people.doorstep.memberships_of(visitor.account_id):
        return
    new = NewInvitation(
        standing=_standing(persona, practices), label=persona.name, lifetime=_OPEN_FOR, rpps=visitor.rpps
    )
    link = await invite_member(settings, provider_id, new)
    if link is not None:
        await _come_in(people, Visit(idp, visitor, Browser(None, "vigie demo", None), now), link.partition("#")[2])


def _standing(persona: Persona, practices: Sequence[UUID]) -> Standing:
    if persona.role == "practitioner":
        return Standing(persona.role, practices[0])
    return Standing(
        persona.role, practices=frozenset(practices[:_LIMITED_TO]) if persona.role == "technician" else None
    )


async def _come_in(people: People, visit: Visit, token: str) -> None:
    """Accept an invitation by its link, and sign out again: the person comes when somebody chooses them."""
    entered = await enter_by_link(people, visit, token)
    async with people.database.session(entered.provider_id, write=True) as session:
        await end_session_of(session, entered.provider_id, entered.secret, SIGNED_OUT, now=visit.now)


def _identity(issuer: str, persona: Persona) -> Identity:
    """Return what the simulated issuer asserts of a persona."""
    kind = {"psc": "pro_sante_connect", "staff": "generic"}[persona.idp]
    people = json.loads((twin_folder() / "personas.json").read_text())
    found = next(one for one in people[kind] if one["id"] == persona.id)
    return Identity(
        idp=persona.idp,
        issuer=issuer,
        subject=found["sub"],
        id_token="",
        name=persona.name,
        email=found["claims"].get("email"),
        professional=parse_professional(found["claims"]) if persona.idp == "psc" else None,
    )
