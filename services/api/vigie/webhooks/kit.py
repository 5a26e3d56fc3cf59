"""What webhooks need of the operator, built once per process."""

from dataclasses import dataclass
from typing import Protocol, cast

from starlette.requests import Request

from vigie.core.outbound import Reach
from vigie.core.sealing import Sealer
from vigie.webhooks.errors import WebhooksOffError


@dataclass(frozen=True, slots=True)
class Webhooks:
    """What secrets are sealed with (None: webhooks are off), and how far calls may go."""

    sealer: Sealer | None
    reach: Reach

    def sealing(self) -> Sealer:
        """Return what secrets are sealed with; raises `WebhooksOffError` where there is nothing."""
        if self.sealer is None:
            raise WebhooksOffError
        return self.sealer


class _Parts(Protocol):
    webhooks: Webhooks


def webhooks_of(request: Request) -> Webhooks:
    """Return what the application keeps on `app.state.parts` for webhooks."""
    return cast("_Parts", request.app.state.parts).webhooks
