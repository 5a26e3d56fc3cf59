"""Signatures: the vector of RFC 9421, and an independent implementation that checks ours."""

import base64
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from http_message_signatures import HTTPMessageVerifier, HTTPSignatureKeyResolver, algorithms
from http_message_signatures.exceptions import InvalidSignature as RefusedSignature
from requests import Request

from vigie_agent import identity, signing

# RFC 9421, B.1.4 (key) and B.2.6 (signature)
RFC_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_COMPONENTS = [
    ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
    ("@method", "POST"),
    ("@path", "/foo"),
    ("@authority", "example.com"),
    ("content-type", "application/json"),
    ("content-length", "18"),
]
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
URL, BODY = "https://vigie.example/v1/agent/heartbeats", b'{"schema":"hb/1"}'


def test_vector_b_2_6_of_rfc_9421() -> None:
    names = [name for name, _value in RFC_COMPONENTS]
    parameters = signing.signature_parameters(names, [("created", 1618884473), ("keyid", "test-key-ed25519")])
    assert parameters == (
        '("date" "@method" "@path" "@authority" "content-type" "content-length")'
        ';created=1618884473;keyid="test-key-ed25519"'
    )
    key = load_pem_private_key(RFC_KEY, None)
    assert isinstance(key, Ed25519PrivateKey)
    signature = key.sign(signing.signature_base(RFC_COMPONENTS, parameters))
    assert base64.b64encode(signature).decode() == RFC_SIGNATURE


def test_content_digest_of_rfc_9530() -> None:
    # RFC 9530, appendix B.1
    expected = "sha-256=:RK/0qy18MlBSVnWgjwz6lZEWjP/lF5HF9bvEF8FabDg=:"
    assert signing.content_digest(b'{"hello": "world"}\n') == expected


class Keys(HTTPSignatureKeyResolver):
    """The public key of the test's device."""

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self.key = key.public_key()

    def resolve_public_key(self, key_id: str) -> object:
        assert key_id == "p.d"
        return self.key


def signed_request(key: Ed25519PrivateKey, url: str = URL) -> object:
    headers = signing.sign(key, keyid="p.d", method="POST", target_uri=URL, body=BODY, created=int(time.time()))
    return Request("POST", url, headers=headers, data=BODY).prepare()


@pytest.mark.parametrize(("url", "accepted"), [(URL, True), ("https://vigie.example/v1/agent/enrolments", False)])
def test_an_independent_implementation_accepts_it_for_this_address_only(url: str, *, accepted: bool) -> None:
    key = Ed25519PrivateKey.generate()
    verifier = HTTPMessageVerifier(signature_algorithm=algorithms.ED25519, key_resolver=Keys(key))
    if accepted:
        results = verifier.verify(signed_request(key, url))
        assert set(results[0].covered_components) >= {'"@method"', '"@target-uri"', '"content-digest"'}
    else:
        with pytest.raises(RefusedSignature):
            verifier.verify(signed_request(key, url))


def test_another_key_does_not_verify() -> None:
    key, other = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    base = signing.signature_base([("@method", "POST")], "()")
    key.public_key().verify(key.sign(base), base)
    with pytest.raises(InvalidSignature):
        other.public_key().verify(key.sign(base), base)


def test_hint_and_boot_reference_do_not_show_what_they_come_from() -> None:
    hint, boot = identity.machine_hint(b"machine-one"), identity.boot_reference(b"boot-one", b"machine-one")
    assert len(base64.urlsafe_b64decode(hint + "==")) == 16
    assert hint == identity.machine_hint(b"machine-one") != identity.machine_hint(b"machine-two")
    assert len(boot) == 8
    assert boot != identity.boot_reference(b"boot-two", b"machine-one")
    assert boot != identity.boot_reference(b"boot-one", b"machine-two")
