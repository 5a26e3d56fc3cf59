"""Free space of a volume, by role and steady while it moves by less than noise; the same on every system."""

from typing import Any

from vigie_agent.collectors.base import Context

GIB = 2**30
LOW_PCT, CRITICAL_PCT = 15, 5
NOISE_PCT = 2


def volume_row(context: Context, key: str, role: str, total: int, free: int) -> dict[str, Any]:
    """One row; what is sent stays the same until it moved by 2 % of the volume (at least 1 GiB)."""
    total_gib = round(total / GIB)
    percent = context.memory.steady("free_pct", key, free * 100 // total if total else 0, 1)
    level = "critical" if percent < CRITICAL_PCT else "low" if percent < LOW_PCT else "ok"
    free_gib = context.memory.steady("free_gib", key, round(free / GIB), max(1, total_gib * NOISE_PCT // 100))
    return {"role": role, "total_gib": total_gib, "free_gib": min(free_gib, total_gib), "free_level": level}
