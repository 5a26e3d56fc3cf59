"""Who this machine is: a key made here, a hint that cannot be reversed, a reference to the current boot."""

import base64
import hashlib
import hmac
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from vigie_agent import files

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

HINT_KEY = b"vigie-machine-hint-v1"
BOOT_KEY = b"vigie-boot-ref-v1"
HINT_BYTES = 16
MACHINE_ID_FILES = (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id"))
BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")


class IdentityError(Exception):
    """The machine has no usable identity; the message says what is missing."""


def base64url(raw: bytes) -> str:
    """base64url without padding, the protocol's form of binary values."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def create_key(path: Path) -> "Ed25519PrivateKey":
    """Make a new private key and store its 32 bytes, readable by the account of the agent only."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - heavy

    key = Ed25519PrivateKey.generate()
    files.write_atomic(path, key.private_bytes_raw())
    return key


def load_key(path: Path) -> "Ed25519PrivateKey":
    """The stored private key; ``IdentityError`` when it is missing or damaged."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415 - heavy

    try:
        return Ed25519PrivateKey.from_private_bytes(path.read_bytes())
    except FileNotFoundError as error:
        raise IdentityError("this machine has no key: run `vigie-agent enrol` first") from error
    except ValueError as error:
        raise IdentityError("the key file is damaged: enrol this machine again") from error


def public_bytes(key: "Ed25519PrivateKey") -> bytes:
    """The raw 32 bytes of the public key."""
    return key.public_key().public_bytes_raw()


def thumbprint(key: "Ed25519PrivateKey") -> str:
    """base64url(SHA-256(raw public key)): the name of a key that has no device yet."""
    return base64url(hashlib.sha256(public_bytes(key)).digest())


def machine_hint(machine_id: bytes) -> str:
    """The hint by which the server knows the same machine again (docs/protocol.md section 2); not reversible."""
    return base64url(hmac.new(HINT_KEY, machine_id, hashlib.sha256).digest()[:HINT_BYTES])


def boot_reference(boot_id: bytes, machine_id: bytes) -> str:
    """Eight hex digits that change with every boot and differ between machines."""
    return hmac.new(BOOT_KEY, boot_id + b"|" + machine_id, hashlib.sha256).hexdigest()[:8]


def machine_id() -> bytes:
    """The identifier the operating system gives to this installation; never leaves the machine in clear."""
    if sys.platform == "win32":
        from vigie_agent.collectors.windows import machine  # noqa: PLC0415 - exists on Windows only

        return machine.machine_id()
    if sys.platform == "darwin":
        from vigie_agent.collectors.macos import machine as mac_machine  # noqa: PLC0415

        return mac_machine.machine_id()
    for path in MACHINE_ID_FILES:
        try:
            value = path.read_bytes().strip()
        except OSError:
            continue
        if value and value != b"uninitialized":
            return value
    raise IdentityError("this system has no machine id (/etc/machine-id): run systemd-machine-id-setup")


def boot_id() -> bytes:
    """What the operating system calls the current boot."""
    if sys.platform == "win32":
        from vigie_agent.collectors.windows import machine  # noqa: PLC0415

        return machine.boot_id()
    if sys.platform == "darwin":
        from vigie_agent.collectors.macos import machine as mac_machine  # noqa: PLC0415

        return mac_machine.boot_id()
    return BOOT_ID_FILE.read_bytes().strip()


def current_boot_reference() -> str:
    """``boot_reference`` of this machine and boot."""
    return boot_reference(boot_id(), machine_id())
