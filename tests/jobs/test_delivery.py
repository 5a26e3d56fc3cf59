"""Sending notifications: real mail to a real mail server, what happens to whoever is killed, and who waits for whom."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from tests.conftest import settings_for
from tests.support.audit import entries
from tests.support.authority import Authority
from tests.support.cast import Cast
from tests.support.mailbox import mail_server
from vigie.alerts.delivery import LEASE, RETRIES, Delivery
from vigie.alerts.delivery_queries import Claimed
from vigie.alerts.mail import MailServer
from vigie.alerts.outbox import Message, message_id, want
from vigie.alerts.sending import Post, Result, Target, send
from vigie.core.db import Database, connect, role_url
from vigie.core.outbound import Outbound, Reach
from vigie.events.session import driver_connection
from vigie.overview.describing import describe
from vigie.settings import Settings

SERVER = MailServer("127.0.0.1", 0, "none", None, None, "Vigie <alertes@vigie.example>")
POST = Post(Outbound(), Reach.PUBLIC, SERVER, None, "https://vigie.example", describe)
Sending = Callable[..., Awaitable[Result]]


@pytest.fixture
def settings(fresh_database_url: str, key_file: Any) -> Settings:
    """Settings of a database in which the test is alone: the job looks at all providers."""
    return settings_for(fresh_database_url, key_file)


class Office:
    """A worker that sends when it is told to, and the rows it leaves."""

    def __init__(self, cast: Cast, database: Database, connection: asyncpg.Connection) -> None:
        self.cast, self.database, self.connection = cast, database, connection
        self.provider_id = UUID(cast.pia.provider_id)

    def delivery(self, post: Post = POST, sending: Sending = send) -> Delivery:
        """Return what a freshly started worker sends with."""
        return Delivery(self.database, post, self.cast.clock, sending)

    async def run(self, delivery: Delivery) -> int:
        """Send what is due, and wait until that has ended."""
        begun = await delivery.run(self.connection)
        await delivery.finish()
        return begun

    async def want(self, channel: str, key: str, **more: Any) -> str:
        """Have a message sent to a channel; return its id."""
        now = self.cast.clock.now()
        given: dict[str, Any] = {"kind": "test", "data": {}, "channel_id": UUID(channel), **more}
        message = Message(provider_id=self.provider_id, dedup_key=key, wanted_at=now, **given)
        async with self.database.session(self.provider_id, write=True) as session:
            await want(await driver_connection(session), [message, message])
        return str(message_id(self.provider_id, key))

    async def log(self) -> dict[str, dict[str, Any]]:
        """Return the log of notifications by id, as the owner reads it."""
        ana = await self.cast.ana()
        return {each["id"]: each for each in (await ana.get("/v1/notifications", params={"limit": 200}))["items"]}

    async def mail_channel(self, name: str, *recipients: str) -> str:
        """Return a channel of mail."""
        ana = await self.cast.ana()
        made = await ana.post("/v1/channels", {"kind": "mail", "name": name, "recipients": list(recipients)})
        return str(made["id"])


@pytest.fixture
async def office(cast: Cast, settings: Settings) -> AsyncIterator[Office]:
    """A worker on the database of the test."""
    database = Database(*role_url(settings, "vigie_worker"), pool_size=2)
    connection = await connect(*role_url(settings, "vigie_worker"))
    yield Office(cast, database, connection)
    await connection.close()
    await database.close()


def alert(**more: Any) -> dict[str, Any]:
    """Return what the engine says of an alert."""
    return {
        "cause": "backup",
        "severity": "critical",
        "since": "2026-11-17T06:12:00+00:00",
        "opened_at": "2026-11-17T07:00:00+00:00",
        "closed_at": None,
        "devices": [{"id": "1", "alias": "srv-1"}],
        "controls": [{"control": "ANS-5.1", "reason": "backup_old"}],
        "count": 1,
        "step": 0,
        **more,
    }


async def test_a_french_mail_goes_out_encrypted_and_reads_well(office: Office, tmp_path: Any) -> None:
    files = Authority(tmp_path).issue("mail", "127.0.0.1")
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(files.certificate_file, files.key_file)
    channel = await office.mail_channel(
        "Astreinte d'été", "astreinte@atlas.example", "léa".replace("é", "e") + "@atlas.example"
    )
    practice = UUID(office.cast.cedar)
    alert_id = UUID(int=7)
    sent = await office.want(channel, "a", kind="alert.opened", data=alert(), practice_id=practice, alert_id=alert_id)
    async with mail_server(tls, password="s3cret") as mailbox:
        server = replace(
            SERVER, port=mailbox.port, tls="starttls", user="vigie", password="s3cret", ca_file=tmp_path / "ca.pem"
        )
        assert await office.run(office.delivery(replace(POST, mail_server=server))) == 1
    [(recipients, message)] = mailbox.taken
    assert mailbox.encrypted == [True]
    assert recipients == ["astreinte@atlas.example", "lea@atlas.example"]
    assert message["Message-ID"] == f"<{sent}@vigie.example>"
    assert message["References"] == f"<alert-{alert_id}@vigie.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"] == f"<alerts.{office.provider_id}.vigie.example>"
    assert message["From"] == "Atlas · Vigie <alertes@vigie.example>"
    assert message["Subject"] == "Critique · Cedar\N{NO-BREAK SPACE}: Sauvegarde en défaut"
    assert message.get_content_type() == "multipart/alternative"
    text, html = (part.get_content() for part in message.iter_parts())
    for part in (text, html):
        assert (
            "mardi 17 nov. 2026 à 7\N{NO-BREAK SPACE}h\N{NO-BREAK SPACE}12" in part
        )  # 06:12 UTC, as the practice's clocks show it
        assert "5.1 Sauvegarde récente des données essentielles" in part
        assert f"https://vigie.example/alerts/{alert_id}" in part
        assert "srv-1" in part
    assert "À faire" in text
    assert max(map(len, text.splitlines())) <= 90
    assert "<img" not in html
    assert "prefers-color-scheme: dark" in html
    entry = (await office.log())[sent]
    assert (entry["status"], entry["attempts"][0]["outcome"], len(entry["attempts"])) == ("sent", "sent", 1)
    async with mail_server() as plain:
        server = replace(server, port=plain.port)
        again = await office.want(channel, "b")
        await office.run(office.delivery(replace(POST, mail_server=server)))
        assert plain.taken == []  # no TLS there: nothing is sent in the clear, and the channel is not at fault
    entry = (await office.log())[again]
    assert (entry["status"], entry["last_error"]) == ("pending", "mail.no_tls")


async def test_what_a_mail_server_refuses(office: Office, database: Database) -> None:
    good = await office.mail_channel("Équipe", "ana@atlas.example", "old@atlas.example")
    gone = await office.mail_channel("Parti", "old@atlas.example")
    full = await office.mail_channel("Plein", "full@atlas.example")
    async with mail_server() as mailbox:
        mailbox.answers = {"old@atlas.example": "550 5.1.1 no such user", "full@atlas.example": "452 4.2.2 full"}
        delivery = office.delivery(replace(POST, mail_server=replace(SERVER, port=mailbox.port)))
        ids = {
            name: await office.want(channel, name) for name, channel in (("good", good), ("gone", gone), ("full", full))
        }
        office.cast.clock.advance(timedelta(seconds=1))
        behind = await office.want(gone, "behind")
        assert await office.run(delivery) == 4
        log = await office.log()
        assert {name: (log[each]["status"], log[each]["last_error"]) for name, each in ids.items()} == {
            "good": ("sent", "mail.some_recipients_refused"),
            "gone": ("failed", "mail.recipients_refused"),
            "full": ("pending", "mail.later"),
        }
        assert log[ids["good"]]["attempts"][0]["excerpt"] == "old@atlas.example"
        assert "452 4.2.2 full" in log[ids["full"]]["attempts"][0]["excerpt"]
        assert [recipients for recipients, _ in mailbox.taken] == [["ana@atlas.example"]]
        assert log[behind]["status"] == "dropped"
        ana = await office.cast.ana()
        off = await ana.get(f"/v1/channels/{gone}")
        assert (off["enabled"], off["disabled_why"]) == (False, "mail.recipients_refused")
        waits = await ana.get(f"/v1/channels/{full}")
        assert (waits["enabled"], waits["failing_since"] is None) == (True, False)
        told = [
            each
            for each in (await ana.get("/v1/events", params={"limit": 200}))["items"]
            if each["kind"] == "channel.disabled"
        ]
        assert [(each["payload"]["channel"], each["payload"]["why"], each["payload"]["by"]) for each in told] == [
            (gone, "mail.recipients_refused", None)
        ]
        [entry] = [
            each for each in await entries(database, office.cast.pia.provider_id) if each["action"] == "channel.disable"
        ]
        assert (entry["actor_kind"], entry["object_id"]) == ("system", gone)
        mailbox.answers = {}
        office.cast.clock.advance(RETRIES[0] * 1.2)
        assert await office.run(delivery) == 1
        assert (await office.log())[ids["full"]]["status"] == "sent"
        assert (await ana.get(f"/v1/channels/{full}"))["failing_since"] is None


class KilledError(BaseException):
    """The process is gone: no handler of ours runs any more."""


async def test_whoever_is_killed_loses_nothing_and_says_nothing_else(office: Office) -> None:
    channel = await office.mail_channel("Astreinte", "ana@atlas.example")
    heard: list[str] = []

    async def sending(_post: Post, _provider: UUID, _target: Target, claimed: Claimed, *_: Any) -> Result:
        heard.append(str(claimed.id))
        return Result("sent")

    async def killed_before(*_: Any) -> Result:
        raise KilledError

    async def killed_after(*given: Any) -> Result:
        await sending(*given)
        raise KilledError

    sent = await office.want(channel, "one")
    for dies in (killed_before, killed_after):
        await office.run(office.delivery(sending=dies))
        assert (await office.log())[sent]["status"] == "pending"
        assert (
            await office.run(office.delivery(sending=sending)) == 0
        )  # another worker leaves it alone while the lease lasts
        office.cast.clock.advance(LEASE)
    assert heard == [sent]
    first, second = office.delivery(sending=sending), office.delivery(sending=sending)
    begun = await asyncio.gather(first.run(office.connection), _other(office, second))
    await asyncio.gather(first.finish(), second.finish())
    assert sum(begun) == 1  # of two workers, one has it
    assert heard == [sent, sent]  # twice, and both times the same message
    entry = (await office.log())[sent]
    assert (entry["status"], [each["number"] for each in entry["attempts"]]) == ("sent", [3])
    await office.want(channel, "one")  # the decision taken again is no other message
    assert await office.run(first) == 0


async def _other(office: Office, delivery: Delivery) -> int:
    connection = await connect(*role_url(office.cast.settings, "vigie_worker"))
    try:
        return await delivery.run(connection)
    finally:
        await connection.close()


async def test_a_slow_channel_is_in_nobody_s_way_and_messages_keep_their_order(office: Office) -> None:
    slow, quick = (
        await office.mail_channel("Lent", "a@atlas.example"),
        await office.mail_channel("Vif", "b@atlas.example"),
    )
    release, heard = asyncio.Event(), []
    names: dict[str, str] = {}

    async def sending(_post: Post, _provider: UUID, target: Target, claimed: Claimed, *_: Any) -> Result:
        if target.name == "Lent":
            await release.wait()
            return Result("temporary", "time")
        heard.append(names[str(claimed.id)])
        return Result("sent")

    for number in range(9):
        names[await office.want(slow, f"slow {number}")] = f"slow {number}"
        names[await office.want(quick, f"quick {number}")] = f"quick {number}"
        office.cast.clock.advance(timedelta(seconds=1))
    delivery = office.delivery(sending=sending)
    while len(heard) < 9:
        await delivery.run(office.connection)
        await asyncio.sleep(0)
    assert heard == [f"quick {number}" for number in range(9)]
    release.set()
    await delivery.finish()
    log = {names[key]: each for key, each in (await office.log()).items()}
    assert [len(log[f"slow {number}"]["attempts"]) for number in range(9)] == [1, *[0] * 8]
    waits = {each["due_at"] for name, each in log.items() if name.startswith("slow")}
    assert min(waits) > office.cast.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")  # nobody knocks again at once
    assert await office.run(delivery) == 0
    tries = 1
    while log["slow 0"]["status"] == "pending":
        office.cast.clock.move_to(datetime.fromisoformat(log["slow 0"]["due_at"]) + timedelta(seconds=1))
        await office.run(delivery)
        log = {names[key]: each for key, each in (await office.log()).items()}
        tries += 1
    assert (log["slow 0"]["status"], len(log["slow 0"]["attempts"]), tries) == (
        "failed",
        len(RETRIES) + 1,
        len(RETRIES) + 1,
    )
    assert office.cast.clock.now() > datetime.fromisoformat(log["slow 0"]["wanted_at"]) + timedelta(days=2)


async def test_a_member_is_written_to_at_their_own_address(office: Office, database: Database) -> None:
    lea = await office.cast.lea()
    asked = {"channel_id": None, "member_id": UUID(lea.member_id), "kind": "alert.escalated", "data": alert(step=1)}
    practice = {"practice_id": UUID(office.cast.cedar), "alert_id": UUID(int=7)}
    async with mail_server() as mailbox:
        delivery = office.delivery(replace(POST, mail_server=replace(SERVER, port=mailbox.port)))
        without = await office.want(str(UUID(int=0)), "without", **asked, **practice)
        await office.run(delivery)
        entry = (await office.log())[without]
        assert (entry["status"], entry["last_error"]) == ("dropped", "member.no_address")
        async with database.engine.begin() as connection:
            await connection.exec_driver_sql("UPDATE member SET email = 'lea@atlas.example' WHERE name = 'Lea'")
        await office.want(str(UUID(int=0)), "with", **asked, **practice)
        await office.run(delivery)
    [(recipients, message)] = mailbox.taken
    assert recipients == ["lea@atlas.example"]
    assert message["Subject"] == "Critique · sans réponse à ce jour · Cedar\N{NO-BREAK SPACE}: Sauvegarde en défaut"
