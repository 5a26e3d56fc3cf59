"""Which systemd units run, asked once for many."""

from collections.abc import Mapping, Sequence

from vigie_agent.collectors.host import Host

RUNNING_MARK = "/run/systemd/system"


def active(host: Host, units: Sequence[str]) -> Mapping[str, bool | None]:
    """Whether each unit runs; None for all when systemd does not manage this machine (a container)."""
    if not host.exists(RUNNING_MARK) or host.which("systemctl") is None:
        return dict.fromkeys(units)
    answer = host.run(["systemctl", "is-active", *units], 10.0)
    states = answer.text.split()
    if len(states) != len(units):
        return dict.fromkeys(units)
    return {unit: state == "active" for unit, state in zip(units, states, strict=True)}
