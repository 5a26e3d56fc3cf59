"""The identifiers macOS gives to a machine and to a boot; neither leaves the machine in clear."""

import plistlib
import re

from vigie_agent import process

IOREG = ["/usr/sbin/ioreg", "-rd1", "-c", "IOPlatformExpertDevice", "-a"]
BOOT_SESSION = ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"]


def machine_id() -> bytes:
    """The IOPlatformUUID; ``OSError`` when it cannot be read."""
    return parse_platform(process.run(IOREG, 10).stdout)


def parse_platform(output: bytes) -> bytes:
    """The UUID in the property list of ``ioreg -a``."""
    try:
        devices = plistlib.loads(output)
        return str(devices[0]["IOPlatformUUID"]).encode()
    except (plistlib.InvalidFileException, ValueError, LookupError, TypeError) as error:
        raise OSError("no IOPlatformUUID") from error


def boot_id() -> bytes:
    """The identifier of the boot session."""
    text = process.run(BOOT_SESSION, 10).text.strip()
    return text.encode() if re.fullmatch(r"[0-9A-Fa-f-]{36}", text) else b"unknown"
