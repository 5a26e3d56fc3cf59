"""Signatures agree with the RFCs' own vectors and with an independent implementation, and nothing wider is accepted."""

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import (
    HTTPMessageSigner,
    HTTPMessageVerifier,
    HTTPSignatureKeyResolver,
    InvalidSignature,
    algorithms,
)

from vigie.auth.http_signatures import (
    DigestMismatchError,
    SignatureInvalidError,
    SignatureMissingError,
    content_digest,
    parse_signature,
    sign_request,
    verify,
    verify_base,
)

# RFC 9421 appendix B.1.4 (the key) and B.2.6 (base and signature).
RFC_KEY = load_pem_private_key(
    b"-----BEGIN PRIVATE KEY-----\n"
    b"MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n"
    b"-----END PRIVATE KEY-----\n",
    None,
)
RFC_BASE = (
    b'"date": Tue, 20 Apr 2021 02:07:55 GMT\n'
    b'"@method": POST\n'
    b'"@path": /foo\n'
    b'"@authority": example.com\n'
    b'"content-type": application/json\n'
    b'"content-length": 18\n'
    b'"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length")'
    b';created=1618884473;keyid="test-key-ed25519"'
)
RFC_SIGNATURE = base64.b64decode(
    "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
)
RFC_PUBLIC_KEY = base64.b64decode("JrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = KEY.public_key().public_bytes_raw()
KEYID = "0191d2a0-0000-7000-8000-000000000001.0191d2a0-0000-7000-8000-000000000002"
URL, BODY, CREATED = "https://vigie.test/v1/agent/heartbeats", b'{"hello": "world"}', 1_795_000_000


@dataclass
class Message:
    """A request as the independent implementation reads it."""

    headers: dict[str, str] = field(default_factory=dict)
    method: str = "POST"
    url: str = URL


class OneKey(HTTPSignatureKeyResolver):  # type: ignore[misc, unused-ignore]
    """Knows one device."""

    def resolve_private_key(self, key_id: str) -> Any:
        """Return its private key."""
        assert key_id == KEYID
        return KEY

    def resolve_public_key(self, key_id: str) -> Any:
        """Return its public key."""
        assert key_id == KEYID
        return KEY.public_key()


def ours(**bent: Any) -> dict[str, str]:
    """Headers of our signer."""
    return sign_request(
        KEY, **{"keyid": KEYID, "method": "POST", "target_uri": URL, "body": BODY, "created": CREATED, **bent}
    )


def lowered(headers: dict[str, str]) -> dict[str, str]:
    """Header names as a server sees them."""
    return {name.lower(): value for name, value in headers.items()}


def checked(headers: dict[str, str], **bent: Any) -> None:
    """Parse and verify as the intake does."""
    request = parse_signature(lowered(headers))
    verify(request, **{"public_key": PUBLIC_KEY, "method": "POST", "target_uri": URL, "body": BODY, **bent})


def test_the_published_vector_of_rfc_9421_verifies() -> None:
    verify_base(RFC_SIGNATURE, RFC_BASE, RFC_PUBLIC_KEY)
    assert isinstance(RFC_KEY, Ed25519PrivateKey)
    assert RFC_KEY.sign(RFC_BASE) == RFC_SIGNATURE  # the vector was copied right: Ed25519 is deterministic


@pytest.mark.parametrize(
    ("signature", "base", "key"),
    [
        (bytes([RFC_SIGNATURE[0] ^ 1]) + RFC_SIGNATURE[1:], RFC_BASE, RFC_PUBLIC_KEY),
        (RFC_SIGNATURE, RFC_BASE.replace(b"POST", b"GET"), RFC_PUBLIC_KEY),
        (RFC_SIGNATURE, RFC_BASE + b"\n", RFC_PUBLIC_KEY),
        (RFC_SIGNATURE, RFC_BASE, PUBLIC_KEY),
        (RFC_SIGNATURE, RFC_BASE, RFC_PUBLIC_KEY[:31]),
        (RFC_SIGNATURE[:-1], RFC_BASE, RFC_PUBLIC_KEY),
    ],
    ids=["signature", "base", "newline", "other key", "short key", "short signature"],
)
def test_the_vector_with_one_thing_changed_does_not(signature: bytes, base: bytes, key: bytes) -> None:
    with pytest.raises(SignatureInvalidError):
        verify_base(signature, base, key)


def test_a_small_order_key_signs_for_nobody() -> None:
    """Under the neutral element R = B, s = 1 verifies for any message where a library does not look at the key."""
    neutral = bytes([1]) + bytes(31)
    basepoint = bytes.fromhex("5866666666666666666666666666666666666666666666666666666666666666")
    with pytest.raises(SignatureInvalidError):
        verify_base(basepoint + bytes([1]) + bytes(31), b"anything", neutral)


def test_a_signature_that_is_not_canonical_is_refused() -> None:
    order = 2**252 + 27742317777372353535851937790883648493
    signature = KEY.sign(b"base")
    verify_base(signature, b"base", PUBLIC_KEY)
    twin = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(SignatureInvalidError):
        verify_base(twin, b"base", PUBLIC_KEY)


@pytest.mark.parametrize(
    ("body", "digest"),
    [
        (b'{"hello": "world"}', "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"),
        (b'{"hello": "world"}\n', "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"),
    ],
)
def test_content_digests_are_those_of_rfc_9530(body: bytes, digest: str) -> None:
    assert content_digest(body) == digest


def test_an_independent_implementation_verifies_what_we_sign() -> None:
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=OneKey())
    (result,) = verifier.verify(Message(ours()), max_age=None, body=BODY)
    assert set(result.covered_components) == {'"@method"', '"@target-uri"', '"content-digest"', '"@signature-params"'}
    assert result.parameters == {"created": CREATED, "keyid": KEYID, "alg": "ed25519"}
    assert result.body == BODY


@pytest.mark.parametrize(
    "bent", [{"method": "PUT"}, {"target_uri": URL + "?x=1"}, {"body": b"{}"}], ids=lambda bent: next(iter(bent))
)
def test_an_independent_implementation_refuses_what_was_signed_for_another_request(bent: dict[str, Any]) -> None:
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=OneKey())
    with pytest.raises(InvalidSignature):
        verifier.verify(Message(ours(**bent)), max_age=None, body=BODY)


def theirs(components: tuple[str, ...] = ("@method", "@target-uri", "content-digest"), **bent: Any) -> dict[str, str]:
    """Headers of the independent signer, told what our protocol covers."""
    message = Message({"Content-Digest": content_digest(BODY)})
    signer = HTTPMessageSigner(signature_algorithm=algorithms.ED25519, key_resolver=OneKey())
    options = {
        "use_existing_digest": True,
        "key_id": KEYID,
        "created": datetime.fromtimestamp(CREATED, UTC),
        "label": "sig1",
        **bent,
    }
    signer.sign(message, covered_component_ids=components, **options)
    return message.headers


def test_we_verify_what_an_independent_implementation_signs_and_both_sign_alike() -> None:
    checked(theirs())
    assert lowered(theirs()) == lowered(ours())


@pytest.mark.parametrize(
    "bent",
    [
        {"components": ("@target-uri", "@method", "content-digest")},
        {"components": ("@method", "@target-uri")},
        {"components": ("@method", "@target-uri", "content-digest", "@authority")},
        {"components": ("@method", "@path", "content-digest")},
        {"components": ()},
        {"label": "sig2"},
        {"include_alg": False},
        {"nonce": "n"},
        {"tag": "vigie"},
        {"expires": datetime.fromtimestamp(CREATED + 60, UTC)},
    ],
    ids=lambda bent: f"{next(iter(bent))} {next(iter(bent.values()))}",
)
def test_a_valid_signature_of_another_shape_is_refused_rather_than_interpreted(bent: dict[str, Any]) -> None:
    checked(theirs())
    with pytest.raises(SignatureMissingError):
        checked(theirs(**bent))


def test_a_second_signature_beside_the_right_one_is_refused() -> None:
    both = theirs()
    for name in ("Signature", "Signature-Input"):
        both[name] = f"{both[name]}, {theirs(label='sig2')[name]}"
    with pytest.raises(SignatureMissingError):
        checked(both)


@pytest.mark.parametrize("name", ["Content-Digest", "Signature-Input", "Signature"])
def test_each_header_is_needed(name: str) -> None:
    headers = ours()
    checked(headers)
    del headers[name]
    with pytest.raises(SignatureMissingError):
        checked(headers)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("Signature-Input", 'alg="ed25519"', 'alg="rsa-v1_5-sha256"'),
        ("Signature-Input", f"created={CREATED}", f"created={CREATED}.0"),
        ("Signature-Input", f"created={CREATED}", f"created=-{CREATED}"),
        ("Signature-Input", f'keyid="{KEYID}"', 'keyid=""'),
        ("Signature-Input", f'keyid="{KEYID}"', 'keyid="a\\"b"'),
        ("Signature-Input", f'keyid="{KEYID}"', f'keyid="{"k" * 129}"'),
        ("Signature", "sig1=:", "sig1=: "),
        ("Signature", "==:", "=:"),
        ("Signature", "sig1=", "sig1 ="),
    ],
)
def test_a_header_of_another_form_is_refused(name: str, old: str, new: str) -> None:
    headers = ours()
    checked(headers)
    assert old in headers[name]
    headers[name] = headers[name].replace(old, new)
    with pytest.raises(SignatureMissingError):
        checked(headers)


@pytest.mark.parametrize(
    ("bent", "refusal"),
    [
        ({"method": "PUT"}, SignatureInvalidError),
        ({"target_uri": "https://elsewhere.test/v1/agent/heartbeats"}, SignatureInvalidError),
        ({"public_key": RFC_PUBLIC_KEY}, SignatureInvalidError),
        ({"body": BODY + b" "}, DigestMismatchError),
    ],
    ids=["method", "address", "key", "body"],
)
def test_a_signature_holds_for_one_request_only(bent: dict[str, Any], refusal: type[Exception]) -> None:
    checked(ours())
    with pytest.raises(refusal):
        checked(ours(), **bent)


def test_a_digest_of_the_new_body_does_not_save_an_altered_one() -> None:
    headers = ours() | {"Content-Digest": content_digest(b"{}")}
    with pytest.raises(SignatureInvalidError):
        checked(headers, body=b"{}")


@pytest.mark.parametrize("name", ["created", "keyid"])
def test_parameters_are_signed_too(name: str) -> None:
    headers = ours()
    old = {"created": str(CREATED), "keyid": KEYID}[name]
    headers["Signature-Input"] = headers["Signature-Input"].replace(old, old[:-1] + "7")
    with pytest.raises(SignatureInvalidError):
        checked(headers)
