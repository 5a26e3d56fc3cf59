"""The service with its front door open: identity providers in this process, and browsers that walk the whole way through them."""

import html
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx

from tests.support.bad_idp import CLIENT_ID, CLIENT_SECRET, PAZ, STAFF, STAFF_ISSUER, BadIdp, psc, staff
from vigie.auth.oidc.profiles import IdentityProvider, generic
from vigie.core.clock import Clock
from vigie.core.outbound import ClientCertificate, Outbound
from vigie.core.sealing import new_sealing_key
from vigie.practices.identifiers import luhn_valid

HTML = {"Accept": "text/html", "Accept-Language": "fr"}


def files(folder: Path) -> dict[str, Path]:
    """Write the operator's files: Pro Santé Connect, an issuer for staff, the sealing key; return the settings that name them."""
    (folder / "secret").write_text(CLIENT_SECRET)
    (folder / "idps.toml").write_text(
        f'[psc]\nprofile = "pro_sante_connect"\nenvironment = "sandbox"\nclient_id = "{CLIENT_ID}"\n'
        'client_secret_file = "secret"\n'
        f'[staff]\nprofile = "generic"\nlabel = "Annuaire"\nissuer = "{STAFF_ISSUER}"\nclient_id = "{CLIENT_ID}"\n'
        'client_secret_file = "secret"\n'
    )
    (folder / "sealing").write_bytes(new_sealing_key())
    return {"identity_providers_file": folder / "idps.toml", "sealing_key_file": folder / "sealing"}


def generic_at(issuer: str, **changed: Any) -> IdentityProvider:
    """Return any issuer as a provider configures it: what a `BadIdp` behaves as."""
    chosen = {"id": "far", "label": "far", "issuer": issuer, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return generic(**{**chosen, **changed})


def new_rpps() -> str:
    """Return an RPPS number nobody in this run has: ten digits and their key."""
    digits = f"{secrets.randbelow(10**10):010}"
    return next(digits + key for key in "0123456789" if luhn_valid(digits + key))


class World:
    """Every identity provider there is, behind the service's real outbound client."""

    def __init__(self) -> None:
        self.providers: dict[str, BadIdp] = {}
        self.clock: Clock

    def outbound(self) -> Outbound:
        """Return the outbound client whose connections end at these providers."""
        return Outbound(resolve=self._resolve, connect=self._connect)

    async def _resolve(self, host: str, port: int) -> list[str]:
        assert port
        return ["9.9.9.9"] if host != "intranet.test" else ["10.0.0.7"]

    async def _connect(self, _certificate: ClientCertificate | None) -> httpx.AsyncBaseTransport:
        return httpx.MockTransport(self._answer)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        host = request.headers["host"]
        found = next((far for far in self.providers.values() if host in far.idp.hosts), None)
        if found is None:
            raise httpx.ConnectError("nobody is there", request=request)
        found.now = self.clock.now()
        return await found.answer(request)

    def begin(self, clock: Clock) -> None:
        """Put the operator's two providers back as they were made; each test meets people nobody has met before."""
        self.clock = clock
        self.providers = {"psc": BadIdp(psc(), clock.now()), "staff": BadIdp(staff(), clock.now(), dict(STAFF))}
        self.be_dentist(new_rpps())
        self.be_staff("Ana Atlas")

    def be_staff(self, name: str, subject: str | None = None, idp: str = "staff") -> str:
        """Let somebody of the staff sit before the browser from now on; return their subject."""
        subject = subject or secrets.token_hex(8)
        self.bend(idp, subject=subject, person={**STAFF, "name": name, "email": f"{subject}@atlas.test"})
        return subject

    def be_dentist(self, rpps: str, subject: str | None = None, **changed: Any) -> str:
        """Let a dentist with this RPPS number sit before the browser from now on; return their subject."""
        subject = subject or secrets.token_hex(8)
        self.bend("psc", subject=subject, person=practitioner(rpps, **changed))
        return subject

    def authorize(self, idp: str, address: str) -> list[tuple[str, str]]:
        """Sign in at a provider; return what it sends the browser back with."""
        self.providers[idp].now = self.clock.now()
        return self.providers[idp].authorize(address)

    def bend(self, idp: str, **bent: Any) -> None:
        """Change what is named about a provider."""
        for name, value in bent.items():
            assert hasattr(self.providers[idp], name), name
            setattr(self.providers[idp], name, value)


def practitioner(rpps: str, **changed: Any) -> dict[str, Any]:
    """Return the user info of a dentist with this RPPS number."""
    ids = [{"identifiant": f"8{rpps}", "origine": "RPPS", "qualite": 1}]
    return {**PAZ, "SubjectNameID": f"8{rpps}", "preferred_username": f"8{rpps}", "otherIds": ids, **changed}


def in_training() -> dict[str, Any]:
    """Return what Pro Santé Connect says of a student's profession: the same code in another category."""
    exercise = {**PAZ["SubjectRefPro"]["exercices"][0], "codeCategorieProfessionnelle": "E"}
    return {"SubjectRefPro": {**PAZ["SubjectRefPro"], "exercices": [exercise]}}


@dataclass
class Visitor:
    """A browser with cookies of its own that does what links, forms and redirects say."""

    http: httpx.AsyncClient
    world: World
    invited: bool = False
    last: httpx.Response = field(init=False)
    waiting: list[tuple[str, str]] = field(init=False)  # what an identity provider answered, not yet brought back

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Go to an address of the service."""
        self.last = await self.http.get(path, headers={**HTML, **headers})
        return self.last

    async def post(self, path: str, form: Mapping[str, str], **headers: str) -> httpx.Response:
        """Send a form of one of the service's pages."""
        sent = {**HTML, "Origin": str(self.http.base_url), **headers}
        self.last = await self.http.post(path, data=dict(form), headers=sent)
        return self.last

    async def depart(self, idp: str, query: str = "") -> list[tuple[str, str]]:
        """Begin a sign-in, by the link of an invitation's page if one was opened; return what the identity provider sends back."""
        if self.invited:
            query = f"{query}&invited=1" if query else "?invited=1"
        self.invited = False
        answer = await self.get(f"/auth/login/{idp}{query}")
        assert answer.status_code == 302, answer.text
        return self.world.authorize(idp, answer.headers["location"])

    async def arrive(self, idp: str, query: list[tuple[str, str]], **headers: str) -> httpx.Response:
        """Come back from the identity provider."""
        return await self.get(f"/auth/callback/{idp}?{urlencode(query)}", **headers)

    async def sign_in(self, idp: str, query: str = "", **headers: str) -> httpx.Response:
        """Go there and back; return what the callback answers."""
        return await self.arrive(idp, await self.depart(idp, query), **headers)

    async def follow(self, link: str) -> httpx.Response:
        """Follow an invitation link as its page's script does: the fragment is posted by our own page."""
        parts = urlsplit(link)
        assert (await self.get(parts.path)).status_code == 200
        self.invited = (await self.post(parts.path, {"token": parts.fragment})).status_code == 200
        return self.last

    async def me(self) -> Any:
        """Return who the service says this browser is; fails when it is nobody."""
        answer = await self.http.get("/v1/me")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def shown(self) -> str:
        """Return the words of the page, as somebody reads them."""
        text = re.sub(r"<(head|script)\b.*?</\1>|<[^>]+>", " ", self.last.text, flags=re.DOTALL)
        return " ".join(html.unescape(text).split())

    def field(self, name: str) -> str:
        """Return the value of a hidden field of the page."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.last.text)
        assert found is not None, f"no field {name} on {self.last.url}"
        return html.unescape(found[1])
