"""A scene for refusals: a device that has reported well, and the report it would be right to send next."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import orjson

from tests.support.agent import Agent, healthy, patch_section
from tests.support.cast import Cast
from vigie.auth.http_signatures import sign_request
from vigie.core.clock import wire_time

PATH = "/v1/agent/heartbeats"
NUMBER = 1841276451089  # of nobody: the first thirteen digits of a French social security number
NIR = f"{NUMBER}{97 - NUMBER % 97:02}"


@dataclass
class Scene:
    """A device that has reported once, and the report it would be right to send next."""

    cast: Cast
    device: Agent
    report: dict[str, Any]

    @property
    def body(self) -> bytes:
        """Return the report as bytes."""
        return orjson.dumps(self.report)

    @property
    def seconds(self) -> int:
        """Return the server's clock."""
        return int(self.cast.clock.now().timestamp())

    async def send(self, body: bytes | None = None, **bent: Any) -> httpx.Response:
        """Send the report, or what is given instead."""
        keyid = bent.pop("keyid", self.device.keyid)
        return await self.device.post(PATH, self.body if body is None else body, keyid=keyid, **bent)

    def signed(self, body: bytes | None = None, **bent: Any) -> dict[str, str]:
        """Return the right headers, except for what is given."""
        right = {
            "keyid": self.device.keyid,
            "method": "POST",
            "target_uri": self.device.base_url + PATH,
            "body": self.body if body is None else body,
            "created": self.seconds,
        }
        headers = sign_request(self.device.key, **{**right, **bent})
        return {**headers, "Content-Type": "application/json"}

    async def post(self, headers: dict[str, str], body: bytes | None = None) -> httpx.Response:
        """Post with exactly these headers."""
        return await self.cast.http.post(PATH, content=self.body if body is None else body, headers=headers)

    def later(self, **amount: float) -> str:
        """Return an instant from the server's clock on, as on the wire."""
        return wire_time(self.cast.clock.now() + timedelta(**amount))


async def set_scene(cast: Cast) -> Scene:
    """Return a device of Cedar that reported well an hour ago and now has old updates to tell."""
    device = await cast.device()
    await device.report(healthy(cast.clock.now()))
    cast.clock.advance(timedelta(hours=1))
    return Scene(cast, device, device.heartbeat({"patch": patch_section(cast.clock.now(), security=2, age_days=40)}))
