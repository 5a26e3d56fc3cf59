"""HTTP Message Signatures (RFC 9421, ed25519) over a Content-Digest (RFC 9530), as docs/protocol.md section 1 asks.

Usage: ``headers = sign(key, keyid=…, method="POST", target_uri=…, body=…, created=…)``.
"""

import base64
import hashlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

COVERED = ("@method", "@target-uri", "content-digest")


def content_digest(body: bytes) -> str:
    """The ``Content-Digest`` header value of the bytes that go on the wire (after compression)."""
    return f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"


def signature_base(components: Sequence[tuple[str, str]], parameters: str) -> bytes:
    """The bytes that are signed (RFC 9421 section 2.5): one line per component, then the parameters, no final newline."""
    lines = [f'"{name}": {value}' for name, value in components]
    lines.append(f'"@signature-params": {parameters}')
    return "\n".join(lines).encode()


def signature_parameters(names: Sequence[str], parameters: Sequence[tuple[str, str | int]]) -> str:
    """The value of ``Signature-Input`` for one label: covered names, then parameters in the order given."""
    covered = " ".join(f'"{name}"' for name in names)
    tail = "".join(f";{key}={value}" if isinstance(value, int) else f';{key}="{value}"' for key, value in parameters)
    return f"({covered}){tail}"


def sign(
    key: "Ed25519PrivateKey",
    *,
    keyid: str,
    method: str,
    target_uri: str,
    body: bytes,
    created: int,
) -> dict[str, str]:
    """The three headers that prove who sent ``body`` where; ``created`` is Unix time in seconds."""
    digest = content_digest(body)
    values = {"@method": method, "@target-uri": target_uri, "content-digest": digest}
    parameters = signature_parameters(COVERED, [("created", created), ("keyid", keyid), ("alg", "ed25519")])
    base = signature_base([(name, values[name]) for name in COVERED], parameters)
    signature = base64.b64encode(key.sign(base)).decode()
    return {"Content-Digest": digest, "Signature-Input": f"sig1={parameters}", "Signature": f"sig1=:{signature}:"}
