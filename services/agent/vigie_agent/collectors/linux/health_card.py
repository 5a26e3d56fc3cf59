"""Section ``health_card`` on Linux: is the card library (Cryptolib CPS) here; the card itself is never opened."""

from vigie_agent.collectors.base import DAY_S, Context, Gaps, Section, absent, found, tri
from vigie_agent.collectors.linux import services

LIBRARIES = (
    "/usr/lib/libcps3_pkcs11.so",
    "/usr/lib/x86_64-linux-gnu/libcps3_pkcs11.so",
    "/usr/lib64/libcps3_pkcs11.so",
    "/usr/local/lib/libcps3_pkcs11.so",
    "/usr/local/galss/libcps3_pkcs11_lux.so",
)
# USB class 0b is "smart card" (USB-IF class codes)
SMART_CARD_CLASS = "0b"


def collect(context: Context) -> Section:
    """Library, readers and service; ``absent`` when there is neither library nor reader."""
    host, gaps = context.host, Gaps()
    library = any(host.exists(path) for path in LIBRARIES)
    readers = sum(
        (host.read_optional(f"{path}/bInterfaceClass") or "").strip() == SMART_CARD_CLASS
        for path in host.listed("/sys/bus/usb/devices")
    )
    if not library and not readers:
        return absent("files")
    state = services.active(host, ["pcscd.service", "pcscd.socket"])
    running, triggered = state["pcscd.service"], state["pcscd.socket"]
    installed = host.which("pcscd") is not None
    service = "running" if running else "triggered" if triggered else "absent" if not installed else "unknown"
    data = {"cryptolib": {"present": tri(library)}, "readers": readers, "service": service}
    section = found("files+sys", data, gaps.problems)
    section.ttl_s = DAY_S
    return section
