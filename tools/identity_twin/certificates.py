#!/usr/bin/env python3
"""Make a certification authority for an afternoon: `python certificates.py FOLDER CLIENT-NAME…`.

Writes `ca.pem`, `server.pem` and `server.key` for 127.0.0.1 and localhost, and `<name>.pem`, `<name>.key` for each client.
A client's subject is shaped like those of IGC-Santé's organisation certificates: OU names the structure, CN the service.
The authority's own key is not kept: nothing can be issued later.
"""

import ipaddress
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

STRUCTURE = "1990000011"  # type 1, FINESS; invented
_LIFE = timedelta(days=2)


def subject_dn(client: str) -> str:
    """Return the subject of a client's certificate, as it is registered at the identity provider (RFC 4514 order)."""
    return f"CN={client},OU={STRUCTURE},O=Vigie essais"


def make_certificates(folder: Path, clients: list[str]) -> None:
    """Write an authority and what it issues: one certificate for the server, one per client."""
    folder.mkdir(parents=True, exist_ok=True)
    authority_key = ec.generate_private_key(ec.SECP256R1())
    authority = _name("Vigie essais, autorité d'un jour")
    usage = x509.KeyUsage(*(False, False, False, False, False, True, True, False, False))
    signed = (
        _builder(authority, authority, authority_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(authority_key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    _issue(folder, "server", _name("localhost"), authority, authority_key, names)
    for client in clients:
        _issue(folder, client, _name(client, STRUCTURE), authority, authority_key, None)


def _name(common: str, unit: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Vigie essais")]
    if unit is not None:
        parts.append(x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit))
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + _LIFE)
    )


def _issue(
    folder: Path,
    stem: str,
    subject: x509.Name,
    issuer: x509.Name,
    authority_key: ec.EllipticCurvePrivateKey,
    names: x509.SubjectAlternativeName | None,
) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    purpose = ExtendedKeyUsageOID.CLIENT_AUTH if names is None else ExtendedKeyUsageOID.SERVER_AUTH
    builder = (
        _builder(subject, issuer, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()), critical=False)
    )
    if names is not None:
        builder = builder.add_extension(names, critical=False)
    certificate = builder.sign(authority_key, hashes.SHA256())
    (folder / f"{stem}.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / f"{stem}.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / f"{stem}.key").chmod(0o600)


if __name__ == "__main__":
    make_certificates(Path(sys.argv[1]), sys.argv[2:])
