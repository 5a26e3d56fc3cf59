"""Who is on call at an instant. Pure."""

from datetime import datetime, timedelta

from vigie.alerts.rules.local_time import instant_of, local_day
from vigie.alerts.rules.policy import OnCall, Turn


def on_call_at(rota: OnCall | None, at: datetime) -> Turn | None:
    """Return whose turn it is: who stands in, or else the turn of the week; None without a rota."""
    if rota is None:
        return None
    for override in rota.overrides:
        if override.starts_at <= at < override.ends_at:
            return override.turn
    if not rota.turns:
        return None
    today = local_day(at, rota.zone)
    handover = today - timedelta(days=(today.weekday() - rota.weekday) % 7)
    if at < instant_of(handover, rota.minute, rota.zone):
        handover -= timedelta(days=7)
    monday = handover.toordinal() - handover.weekday()
    return rota.turns[(monday - rota.first) // 7 % len(rota.turns)]
