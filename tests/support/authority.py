"""A certificate authority for tests: what it issues is trusted by whoever is given its file."""

import datetime as dt
import ipaddress
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from vigie.core.outbound import ClientCertificate


class Authority:
    """A certificate authority for one run, and what it issued."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vigie tests")])
        self.file = folder / "ca.pem"
        self.file.write_bytes(self._certificate(self.name, self.key, ca=True, names=[]))

    def issue(self, common_name: str, *names: str) -> ClientCertificate:
        """Issue a certificate for names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        files = ClientCertificate(self.folder / f"{common_name}.pem", self.folder / f"{common_name}.key")
        files.certificate_file.write_bytes(self._certificate(subject, key, ca=False, names=list(names)))
        pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        files.key_file.write_bytes(key.private_bytes(pem, pkcs8, serialization.NoEncryption()))
        return files

    def _certificate(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool, names: list[str]) -> bytes:
        day = dt.timedelta(days=1)
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - day)
            .not_valid_after(now + day)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName([_general(name) for name in names]), critical=False)
        return made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
