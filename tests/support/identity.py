"""Real identity providers for tests, and what their clients need."""

import base64
import hashlib
import json
import secrets
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt

from tests.conftest import missing_tool
from vigie.demo.twin import Twin, TwinUnavailableError, start_twin, twin_folder

SECRET = "a-secret-of-the-tests"
ADMIN_TOKEN = "the-token-of-the-tests"
LABEL = "Fournisseur d’identité simulé – ni l’ANS, ni Pro Santé Connect"  # noqa: RUF001 - as it stands on the page


@contextmanager
def running_twin(folder: Path, config: Mapping[str, Any]) -> Iterator[Twin]:
    """Run the simulated identity providers; skip the test (in CI: fail it) where they cannot run."""
    try:
        twin = start_twin({"admin_token": ADMIN_TOKEN, **config}, folder)
    except TwinUnavailableError as error:
        missing_tool(str(error))
        raise
    try:
        yield twin
    finally:
        twin.stop()


@dataclass
class Listener:
    """What a client listens on besides its pages: its back-channel logout address, and what arrived there."""

    url: str
    heard: list[str] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Listener]:
    """Listen for logout tokens on a free port."""
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
            heard.append(form["logout_token"][0])
            self.send_response(200)
            self.send_header("Cache-Control", "no-store")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
            """Stay silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield Listener(f"http://127.0.0.1:{server.server_address[1]}", heard)
        server.shutdown()
        thread.join()


def client_at(address: str, client_id: str, **more: Any) -> dict[str, Any]:
    """Return the registration of a client at the twin, whose addresses all begin with `address`."""
    return {
        "client_id": client_id,
        "client_name": "Vigie",
        "client_secret": SECRET,
        "redirect_uris": [f"{address}/callback"],
        "post_logout_redirect_uris": [f"{address}/bye"],
        "backchannel_logout_uri": f"{address}/logout",
        "backchannel_logout_session_required": True,
        "grant_types": ["authorization_code", "refresh_token"],
        "token_endpoint_auth_method": "client_secret_post",
        **more,
    }


def by_certificate(address: str, client_id: str) -> dict[str, Any]:
    """Return the registration of a client that shows the certificate `make_certificates` made for its id."""
    registered = client_at(
        address,
        client_id,
        token_endpoint_auth_method="tls_client_auth",
        tls_client_auth_subject_dn=f"CN={client_id},OU=1990000011,O=Vigie essais",
        tls_client_certificate_bound_access_tokens=True,
    )
    del registered["client_secret"]
    return registered


def over_tls(certificates: Path) -> dict[str, str]:
    """Return the `tls` of a twin's configuration."""
    files = {"key_file": "server.key", "certificate_file": "server.pem", "client_ca_file": "ca.pem"}
    return {name: str(certificates / file) for name, file in files.items()}


def make_certificates(folder: Path, *clients: str) -> Path:
    """Make a certification authority with a server's certificate and one per client; return the folder."""
    script = twin_folder() / "certificates.py"
    subprocess.run([sys.executable, str(script), str(folder), *clients], check=True, capture_output=True)
    return folder


def trusting(certificates: Path, client: str | None = None) -> ssl.SSLContext:
    """Return what a client needs to trust the authority of `make_certificates`, and to show a certificate of it."""
    context = ssl.create_default_context(cafile=str(certificates / "ca.pem"))
    if client is not None:
        context.load_cert_chain(certificates / f"{client}.pem", certificates / f"{client}.key")
    return context


def administer(twin: Twin, action: str, issuer: str, tls: ssl.SSLContext | None = None, **form: str) -> dict[str, Any]:
    """Ask the twin to change: `rotate-keys`, `end-sessions` or `change` (see its README)."""
    answer = httpx.post(
        f"{twin.origin}/_twin/{action}",
        data={"issuer": issuer, **form},
        headers={"Authorization": f"Bearer {ADMIN_TOKEN}"},
        verify=tls or False,
        trust_env=False,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@dataclass
class BareClient:
    """A relying party with no checks at all, to look at what an identity provider really answers."""

    discovery_url: str
    client_id: str
    redirect_uri: str
    secret: str | None = None
    auth: str = "client_secret_post"
    scope: str = "openid scope_all"
    tls: ssl.SSLContext | None = None
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    state: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    _metadata: dict[str, Any] = field(default_factory=dict)

    def http(self) -> httpx.Client:
        """Return a client for the calls from server to server; without `tls` everything is plain http on loopback."""
        return httpx.Client(verify=self.tls or False, trust_env=False, timeout=20)

    def metadata(self) -> dict[str, Any]:
        """Return the discovery document, fetched once."""
        if not self._metadata:
            with self.http() as http:
                answer = http.get(self.discovery_url)
            assert answer.status_code == 200, answer.text
            self._metadata = answer.json()
        return self._metadata

    def authorization_url(self, **more: str) -> str:
        """Return the address a browser is sent to."""
        challenge = base64.urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()
        parameters = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
            **more,
        }
        return str(httpx.URL(self.metadata()["authorization_endpoint"], params=parameters))

    def token(self, **form: str) -> httpx.Response:
        """Ask the token endpoint, authenticated as configured."""
        basic = None
        if self.auth == "client_secret_basic" and self.secret is not None:
            basic = httpx.BasicAuth(self.client_id, self.secret)
        else:
            form["client_id"] = self.client_id
            if self.auth == "client_secret_post" and self.secret is not None:
                form["client_secret"] = self.secret
        with self.http() as http:
            return http.post(self.metadata()["token_endpoint"], data=form, auth=basic or httpx.USE_CLIENT_DEFAULT)

    def exchange(self, given: str, /, **changed: str) -> httpx.Response:
        """Exchange a code."""
        form = {
            "grant_type": "authorization_code",
            "code": given,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return self.token(**{**form, **changed})

    def userinfo(self, access_token: str) -> httpx.Response:
        """Ask who the token is about."""
        with self.http() as http:
            return http.get(self.metadata()["userinfo_endpoint"], headers={"Authorization": f"Bearer {access_token}"})

    def verified(self, token: str, **options: Any) -> dict[str, Any]:
        """Verify a signature of the provider with its published keys; return the claims."""
        with self.http() as http:
            keys = jwt.PyJWKSet.from_dict(http.get(self.metadata()["jwks_uri"]).json())
        key = keys[jwt.get_unverified_header(token)["kid"]]
        found: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"], audience=self.client_id, **options)
        return found


def query_of(answer: httpx.Response) -> dict[str, str]:
    """Return the parameters of the address an answer redirects to."""
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


def as_json(value: Any) -> str:
    """Return a value as text for a form field."""
    return json.dumps(value)
