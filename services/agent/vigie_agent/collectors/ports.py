"""Which listening ports are worth naming; the others are counted in steps, because they come and go."""

from collections.abc import Iterable
from typing import Any

# file transfer, shells, name and file services, databases, remote screens, backup consoles
WATCHED = frozenset(
    {21, 22, 23, 25, 80, 111, 135, 139, 443, 445, 548, 1433, 1521, 2049, 2375, 3050, 3306, 3389, 5432, 5900, 5901, 5938,
     5985, 5986, 6379, 7070, 8080, 8200, 8443, 9200, 11211, 27017},
)  # fmt: skip
STEP = 10
DYNAMIC_FROM = 32768


def port_facts(listening: Iterable[int]) -> dict[str, Any]:
    """Watched ports sorted, and how many others below the dynamic range, counted in steps of ten."""
    ports = set(listening)
    others = sum(port not in WATCHED and port < DYNAMIC_FROM for port in ports)
    return {"watched": sorted(ports & WATCHED), "other_count": (others + STEP - 1) // STEP * STEP}
