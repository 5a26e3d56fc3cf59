"""An identity provider that behaves, until one thing about it is bent: discovery, keys, tokens, user info, answers.

It lives in this process behind the real outbound client: only name resolution and the connection are replaced. What it is sent it
checks as a strict provider does (redirect address, PKCE, client authentication, codes used once), so a sign-in that succeeds
here sent what it must. Everything is an attribute: a test changes one, and the rest stays right.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlsplit

import httpx
import jwt
import orjson
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from vigie.auth.oidc.profiles import IdentityProvider, generic, pro_sante_connect
from vigie.core.outbound import ClientCertificate, Outbound

CLIENT_ID, CLIENT_SECRET = "vigie-tests", "a secret: with % and é"
STAFF_ISSUER = "https://login.staff.test"
PUBLIC_ADDRESS = "9.9.9.9"  # any address that the internet routes to; nothing connects
SUBJECT = "f:550dc1c8-d97b-4b1e-ac8c-8eb4471cf9dd:899700218896"
Changes = Mapping[str, Any]

# An invented practitioner: two professions' worth of exercises, several places. The Luhn key of the number holds.
PAZ: Final[Mapping[str, Any]] = {
    "given_name": "CAMILLE",
    "family_name": "PAZ",
    "preferred_username": "899700218896",
    "SubjectNameID": "899700218896",
    "SubjectRole": ["40^1.2.250.1.213.1.1.5.5"],
    "SubjectOrganization": "CABINET CEDAR",
    "SubjectOrganizationID": "",
    "Secteur_Activite": "SA07^1.2.250.1.71.4.2.4",
    "Mode_Acces_Raison": "",
    "Palier_Authentification": "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
    "PSI_Locale": "1.2.250.1.213.1.3.1.1",
    "UITVersion": "1.0",
    "authMode": "MOBILE",
    "otherIds": [{"identifiant": "899700218896", "origine": "RPPS", "qualite": 1}],
    "email_verified": False,
    "SubjectRefPro": {
        "codeCivilite": "MME",
        "exercices": [
            {
                "codeProfession": "40",
                "codeCategorieProfessionnelle": "C",
                "codeTypeSavoirFaire": "",
                "activities": [
                    {
                        "codeModeExercice": "L",
                        "codeSecteurDactivite": "SA07",
                        "numeroSiretSite": "00000000000018",
                        "raisonSocialeSite": "CABINET CEDAR",
                    },
                    {"codeModeExercice": "S", "numeroFinessSite": "990000001", "enseigneCommercialeSite": "CENTRE ELM"},
                ],
            }
        ],
    },
}
STAFF: Final[Mapping[str, Any]] = {
    "name": "Ana Atlas",
    "given_name": "Ana",
    "family_name": "Atlas",
    "email": "ana@atlas.test",
    "email_verified": True,
}


@lru_cache
def private_key(name: str) -> Any:
    """Return a key by its name, made once per process: `rsa…`, `ec…`, or `weak` for one that is too short."""
    if name.startswith("ec"):
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=1024 if name == "weak" else 2048)


def published_key(name: str, **changed: Any) -> dict[str, Any]:
    """Return the JWK that is published for a key; None as a value leaves a member out."""
    kind = jwt.algorithms.ECAlgorithm if name.startswith("ec") else jwt.algorithms.RSAAlgorithm
    document = kind.to_jwk(private_key(name).public_key(), as_dict=True)
    return changed_by({**document, "kid": name, "use": "sig"}, changed)


def changed_by(right: Changes, changes: Changes) -> dict[str, Any]:
    """Return a document with some members changed; None as a value leaves a member out."""
    return {name: value for name, value in {**right, **changes}.items() if value is not None}


def b64(raw: bytes) -> str:
    """Encode as base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(claims: Changes, header: Changes, key: Any) -> str:
    """Return a token with any header and any claims; put together by hand, because libraries rightly refuse some of them."""
    text = f"{b64(json.dumps(header).encode())}.{b64(json.dumps(dict(claims)).encode())}"
    algorithm = header["alg"]
    if algorithm == "none":
        return text + "."
    if algorithm == "HS256":
        return f"{text}.{b64(hmac.digest(key, text.encode(), hashlib.sha256))}"
    return f"{text}.{b64(jwt.algorithms.get_default_algorithms()[algorithm].sign(text.encode(), key))}"


@dataclass
class Grant:
    """What an authorization request asked for, until its code is exchanged."""

    asked: dict[str, str]
    signed_in_at: datetime


@dataclass
class BadIdp:
    """One issuer. Attributes named after what they bend; as made, everything is right."""

    idp: IdentityProvider
    now: datetime
    person: Changes = field(default_factory=lambda: dict(PAZ))
    subject: str = SUBJECT

    discovery: dict[str, Any] = field(default_factory=dict)
    keys: list[dict[str, Any]] = field(default_factory=lambda: [published_key("rsa-1")])
    signs_with: str = "rsa-1"
    algorithm: str = "RS256"
    header: dict[str, Any] = field(default_factory=dict)
    id_claims: dict[str, Any] = field(default_factory=dict)
    id_token: str | None = None
    token_response: dict[str, Any] = field(default_factory=dict)
    user_info: dict[str, Any] = field(default_factory=dict)
    user_info_type: str = "application/json"
    user_info_signing: dict[str, str] = field(default_factory=dict)
    response: dict[str, Any] = field(default_factory=dict)
    error: str | None = None
    statuses: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)
    headers: dict[str, dict[str, str]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    addresses: list[str] = field(default_factory=lambda: [PUBLIC_ADDRESS])

    asked: list[str] = field(default_factory=list)
    certificate: ClientCertificate | None = None
    last_token_request: dict[str, str] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)

    def outbound(self) -> Outbound:
        """Return the real outbound client, whose every connection ends here."""
        return Outbound(resolve=self.resolve, connect=self.connect)

    async def connect(self, certificate: ClientCertificate | None) -> httpx.AsyncBaseTransport:
        """Connect to this provider, remembering with which certificate."""
        self.certificate = certificate
        return httpx.MockTransport(self.answer)

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        """Resolve any name to the addresses of this provider."""
        assert host
        assert port
        return self.addresses

    def endpoints(self) -> dict[str, str]:
        """Return the addresses of the endpoints: the authorization on a host of its own, as Pro Santé Connect has it."""
        paths = f"{self.idp.issuer}/protocol/openid-connect"
        wallet = next(iter(sorted(host for host in self.idp.hosts if host.startswith("wallet"))), None)
        return {
            "authorization_endpoint": f"https://{wallet}/auth" if wallet else f"{paths}/auth",
            "token_endpoint": f"{paths}/token",
            "userinfo_endpoint": f"{paths}/userinfo",
            "jwks_uri": f"{paths}/certs",
            "end_session_endpoint": f"{paths}/logout",
        }

    def document(self) -> dict[str, Any]:
        """Return the discovery document, with the invitations that Pro Santé Connect's has and nobody must accept."""
        right = {
            "issuer": self.idp.issuer,
            **self.endpoints(),
            "authorization_response_iss_parameter_supported": True,
            "id_token_signing_alg_values_supported": ["HS256", "none", "RS256"],
            "grant_types_supported": ["authorization_code", "password", "implicit"],
            "code_challenge_methods_supported": ["plain", "S256"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "acr_values_supported": ["0", "0"],
        }
        return changed_by(right, self.discovery)

    def authorize(self, address: str) -> list[tuple[str, str]]:
        """Let the person sign in at the address a browser was sent to; return the query it comes back with."""
        assert address.startswith(self.endpoints()["authorization_endpoint"] + "?")
        pairs = parse_qsl(urlsplit(address).query, keep_blank_values=True, strict_parsing=True)
        asked = dict(pairs)
        assert len(asked) == len(pairs), "a parameter is there twice"
        assert (asked["response_type"], asked["client_id"]) == ("code", self.idp.client_id)
        assert asked["code_challenge_method"] == "S256"
        assert len(asked["code_challenge"]) == 43
        assert min(len(asked["state"]), len(asked["nonce"])) >= 43
        code = f"code-{len(self.grants)}"
        self.grants[code] = Grant(asked, self.now)
        right = {"error": self.error, "code": None if self.error else code, "state": asked["state"]}
        return list(changed_by({**right, "iss": self.idp.issuer}, self.response).items())

    async def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer a request of the service's."""
        host, path = request.headers["host"], request.url.path
        address = f"https://{host}{path}"
        names = {url: name for name, url in self.endpoints().items()} | {self.idp.discovery_url: "discovery"}
        name = names.get(address, "nothing")
        self.asked.append(name)
        if name in self.away:
            raise httpx.ConnectError("nobody is there", request=request)
        reply = self._reply(name, request)
        status = self.statuses.get(name, reply[0])
        content = self.bodies.get(name, reply[2])
        return httpx.Response(status, headers={"Content-Type": reply[1], **self.headers.get(name, {})}, content=content)

    def _reply(self, name: str, request: httpx.Request) -> tuple[int, str, bytes]:
        """Return status, content type and body as a right provider answers."""
        if name == "discovery":
            return 200, "application/json", orjson.dumps(self.document())
        if name == "jwks_uri":
            return 200, "application/jwk-set+json", orjson.dumps({"keys": self.keys})
        if name == "token_endpoint":
            return self._token(request)
        if name == "userinfo_endpoint":
            return self._user_info(request)
        return 404, "text/plain", b"no such thing"

    def _token(self, request: httpx.Request) -> tuple[int, str, bytes]:
        form = dict(parse_qsl(request.content.decode(), keep_blank_values=True, strict_parsing=True))
        self.last_token_request = form
        if not self._knows_client(request, form):
            return 401, "application/json", b'{"error": "invalid_client"}'
        grant = self.grants.pop(form.get("code", ""), None)
        challenge = b64(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if grant is None or form.get("redirect_uri") != grant.asked["redirect_uri"]:
            return 400, "application/json", b'{"error": "invalid_grant", "error_description": "<script>"}'
        if challenge != grant.asked["code_challenge"] or form["grant_type"] != "authorization_code":
            return 400, "application/json", b'{"error": "invalid_grant"}'
        access_token = f"access-{form['code']}"
        right = {
            "access_token": access_token,
            "token_type": "Bearer",
            "expires_in": 120,
            "refresh_token": "refresh",
            "refresh_expires_in": 1800,
            "id_token": self.id_token or self.sign(self.right_claims(grant, access_token)),
            "session_state": "session-1",
            "scope": "openid scope_all",
        }
        return 200, "application/json", orjson.dumps(changed_by(right, self.token_response))

    def _knows_client(self, request: httpx.Request, form: Mapping[str, str]) -> bool:
        if self.idp.token_auth == "tls_client_auth":
            return form.get("client_id") == CLIENT_ID and "client_secret" not in form
        if self.idp.token_auth == "client_secret_post":
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        sent = base64.b64decode(pair).decode().split(":")
        return scheme == "Basic" and list(map(unquote_plus, sent)) == [CLIENT_ID, CLIENT_SECRET]

    def right_claims(self, grant: Grant, access_token: str) -> dict[str, Any]:
        """Return what the ID token of a grant must say, but for what is bent."""
        at = int(self.now.timestamp())
        bits = self.algorithm[-3:] if self.algorithm[-3:].isdecimal() else "256"
        half = hashlib.new(f"sha{bits}", access_token.encode()).digest()
        right = {
            "iss": self.idp.issuer,
            "sub": self.subject,
            "aud": self.idp.client_id,
            "azp": self.idp.client_id,
            "iat": at,
            "exp": at + 120,
            "auth_time": at,
            "nonce": grant.asked["nonce"],
            "acr": "eidas1",
            "amr": ["otp"],
            "sid": "session-1",
            "at_hash": b64(half[: len(half) // 2]),
            "preferred_username": self.person.get("preferred_username", "ana"),
        }
        return changed_by(right, self.id_claims)

    def sign(self, claims: Changes, algorithm: str | None = None, signs_with: str | None = None) -> str:
        """Sign claims as this provider does, or otherwise; HS256 takes what everybody can read, the published key, as secret."""
        algorithm, name = algorithm or self.algorithm, signs_with or self.signs_with
        head = changed_by({"alg": algorithm, "typ": "JWT", "kid": self.signs_with}, self.header)
        return signed(claims, head, orjson.dumps(self.keys[0]) if algorithm == "HS256" else private_key(name))

    def _user_info(self, request: httpx.Request) -> tuple[int, str, bytes]:
        if not request.headers.get("authorization", "").startswith("Bearer access-"):
            return 401, "application/json", b"{}"
        claims = changed_by({"sub": self.subject, **self.person}, self.user_info)
        if self.user_info_type == "application/jwt":
            claims = {"iss": self.idp.issuer, "aud": self.idp.client_id, **claims}
            return 200, "application/jwt; charset=utf-8", self.sign(claims, **self.user_info_signing).encode()
        return 200, self.user_info_type, orjson.dumps(claims)


def psc(**changed: Any) -> IdentityProvider:
    """Return Pro Santé Connect's sandbox as an operator configures it."""
    credentials = {} if "certificate" in changed else {"client_secret": CLIENT_SECRET}
    return pro_sante_connect(environment="sandbox", **{"client_id": CLIENT_ID, **credentials, **changed})


def staff(**changed: Any) -> IdentityProvider:
    """Return the issuer of a provider's staff."""
    chosen = {"id": "staff", "label": "Atlas", "issuer": STAFF_ISSUER, "client_secret": CLIENT_SECRET, **changed}
    return generic(client_id=CLIENT_ID, **chosen)
