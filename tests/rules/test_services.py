"""Which addresses are of a service, and that what a plugin sends goes through our own guard and nowhere else."""

import asyncio
import socket
from collections.abc import Sequence

import httpx
import pytest

from vigie.alerts import services
from vigie.core.outbound import Outbound

PHONE = "+33612345678"
ADDRESSES = {  # as docs/channels.md writes them
    "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ": "slack",
    "https://prod-1.westeurope.logic.azure.com:443/workflows/643e69f8/triggers/manual/paths/invoke"
    "?api-version=2016-06-01&sp=%2Ftriggers%2Fmanual%2Frun&sv=1.0&sig=KODuebWbDGYFr0z0eu": "teams",
    "https://chat.googleapis.com/v1/spaces/AAAA/messages?key=K&token=T": "google_chat",
    "https://discord.com/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js": "discord",
    "mmosts://chat.example/3ccdd113474722377935511fc85d3dd4": "mattermost",
    f"rockets://{'a' * 24}/{'b' * 24}@chat.example/#room": "rocket_chat",
    "tgram://123456789:abcdefg_hijklmnop/12315544": "telegram",
    f"signals://gateway.example/{PHONE}/{PHONE}": "signal",
    f"wxteams://{'a' * 80}": "webex",
    f"zulip://bot@organisation/{'a' * 32}": "zulip",
    "freemobile://12345678@abcdefgh": "free_mobile",
    f"octopush://me@atlas.example/apikey/{PHONE}": "octopush",
    f"twilio://AC{'b' * 32}:{'b' * 32}@{PHONE}/{PHONE}": "twilio",
    f"vonage://{'a' * 8}:{'b' * 16}@{PHONE}/{PHONE}": "vonage",
    f"sinch://{'a' * 32}:{'b' * 32}@{PHONE}/{PHONE}": "sinch",
    f"seven://{'a' * 25}/{PHONE}": "seven",
    f"clicksend://user:key@{PHONE}": "clicksend",
    "ntfys://topic": "ntfy",
    "ntfys://ntfy.example/topic": "ntfy",
    f"pagerduty://{'a' * 32}@{'b' * 32}": "pagerduty",
    "opsgenie://aaaaaaaa-1111-1111-1111-111111111111?region=eu": "opsgenie",
    "jira://aaaaaaaa-1111": "jira",
    f"ilert://{'a' * 20}": "ilert",
}


def test_every_documented_address_is_recognised() -> None:
    assert {address: services.recognise(address) for address in ADDRESSES} == ADDRESSES
    assert set(ADDRESSES.values()) == set(services.SERVICES)


class Line(httpx.AsyncBaseTransport):
    """A line to the outside that notes what is said and answers what it is told to."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.said: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note and answer."""
        self.said.append(request)
        return httpx.Response(self.status, content=b"ok", headers={"Location": "https://elsewhere.test/"})


async def send(address: str, status: int, leads_to: str = "93.184.216.34") -> tuple[services.Answered, Line]:
    line = Line(status)

    async def resolve(_host: str, _port: int) -> Sequence[str]:
        return [leads_to]

    async def connect(_certificate: object) -> Line:
        return line

    outbound = Outbound(resolve=resolve, connect=connect)
    return await services.send(outbound, address, "Cabinet : srv-1 ne répond plus", "À faire", "critical"), line


async def test_no_service_opens_a_connection_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every plugin is tried; whatever it sends arrives at our line, to the address that was checked."""

    def refuse(*_: object) -> None:
        raise AssertionError("a plugin went around the guard")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    for address, name in ADDRESSES.items():
        answered, line = await send(address, 200)
        assert line.said, name
        assert {request.url.host for request in line.said} == {"93.184.216.34"}, name
        assert {request.url.scheme for request in line.said} == {"https"}, name
        assert answered.statuses == [200] * len(line.said), name
        assert b"github.com" not in b"".join(request.content for request in line.said), name
        private, silent = await send(address, 200, leads_to="10.0.0.1")
        assert (private.sent, private.refused, silent.said) == (False, True, []), name


@pytest.mark.parametrize(("status", "sent"), [(200, True), (302, False), (404, False), (500, False)])
async def test_what_a_service_answered_is_known(status: int, sent: bool) -> None:  # noqa: FBT001 - a case
    slack = next(iter(ADDRESSES))
    answered, line = await send(slack, status)
    assert (answered.sent, answered.statuses, len(line.said)) == (sent, [status], 1)
    text = line.said[0].content.decode()
    assert "srv-1" in text
    assert line.said[0].headers["Host"] == "hooks.slack.com"


async def test_two_messages_at_once_do_not_mix() -> None:
    slack, *_, discord = list(ADDRESSES)[:4]
    (one, first), (two, second) = await asyncio.gather(send(slack, 200), send(discord, 404))
    assert (one.statuses, two.statuses) == ([200], [404])
    assert first.said[0].headers["Host"] == "hooks.slack.com"
    assert second.said[0].headers["Host"] == "discord.com"
