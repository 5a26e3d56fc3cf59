"""A partner as its own programs are: secrets, key pairs, signed assertions."""

import uuid
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.support.cast import Cast

ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GRANT = {"grant_type": "client_credentials"}
Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@lru_cache
def private_key(kind: str) -> Private:
    """Return a key of a kind (`rsa`, `rsa-1024`, `p256`, `p384`, `p521`, `k1`); another one for another suffix (`rsa b`)."""
    name = kind.partition(" ")[0]
    curves = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1(), "k1": ec.SECP256K1()}
    if name in curves:
        return ec.generate_private_key(curves[name])
    return rsa.generate_private_key(65537, int(name.partition("-")[2] or 2048))


def jwk(kind: str, kid: str, *, private: bool = False, **more: Any) -> dict[str, Any]:
    """Return a key as a JWK."""
    key = private_key(kind)
    found: dict[str, Any]
    if isinstance(key, rsa.RSAPrivateKey):
        found = RSAAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(key if private else key.public_key(), as_dict=True)
    found.pop("key_ops", None)
    return {**found, "kid": kid, **more}


@dataclass
class Signer:
    """A client that signs its assertions; what is given bends them."""

    cast: Cast
    client_id: str
    kind: str = "rsa"
    algorithm: str = "RS256"
    headers: dict[str, Any] = field(default_factory=lambda: {"kid": "k1"})

    def assertion(self, **bent: Any) -> str:
        """Return an assertion; a claim given as None is left out."""
        now = int(self.cast.clock.now().timestamp())
        claims = {
            "iss": self.client_id,
            "sub": self.client_id,
            "aud": self.cast.settings.public_url,
            "iat": now,
            "exp": now + 60,
            "jti": uuid.uuid4().hex,
            **bent,
        }
        said = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(said, private_key(self.kind), algorithm=self.algorithm, headers=self.headers)

    async def ask(self, assertion: str | None = None, **form: str) -> httpx.Response:
        """Ask for a token with an assertion."""
        sent = {"client_assertion_type": ASSERTION, "client_assertion": assertion or self.assertion(), **form}
        return await self.cast.http.post("/oauth/token", data={**GRANT, **sent})


async def token_of(http: httpx.AsyncClient, client_id: str, secret: str, **form: str) -> httpx.Response:
    """Ask for a token with a secret."""
    return await http.post("/oauth/token", data={**GRANT, **form}, auth=(client_id, secret))


async def use(http: httpx.AsyncClient, token: str, path: str = "/v1/practices") -> httpx.Response:
    """Call a route with a token as it is."""
    return await http.get(path, headers={"Authorization": f"Bearer {token}"})
