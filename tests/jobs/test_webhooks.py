"""Webhooks from the event to a receiver that verifies them with the official library."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import orjson
import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from tests.conftest import missing_tool, settings_for
from tests.support.cast import Cast
from tests.support.receiver import Delivered, Receiver, receiving
from tests.support.refusals import refusal
from tests.support.webhooks import Post, deliveries, endpoint, posting, standing
from vigie.core import outbound_line
from vigie.core.clock import MovableClock
from vigie.core.db import bind_provider, connect, role_url
from vigie.core.outbound_line import Line
from vigie.core.sealing import new_sealing_key
from vigie.demo.twin import TwinUnavailableError, install_packages, node, twin_folder
from vigie.events.log import NewEvent, append
from vigie.multiprocess import environment_of
from vigie.settings import Settings
from vigie.webhooks.book import BATCH, Book, Item, Outcome, Stand
from vigie.webhooks.collecting import KEPT, forget
from vigie.webhooks.delivery import Deliverer

S, M, H, DAY = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE = 1.1  # longer than the longest jitter


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path, tmp_path: Path) -> Settings:
    sealing_key = tmp_path / "sealing-key"
    sealing_key.write_bytes(new_sealing_key())
    return settings_for(fresh_database_url, key_file, sealing_key_file=sealing_key, webhook_reach="loopback")


@pytest.fixture
async def post(settings: Settings, clock: MovableClock) -> AsyncIterator[Post]:
    async with posting(settings, clock) as found:
        yield found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as found:
        yield found


def told(delivered: Sequence[Delivered]) -> list[tuple[int | None, str]]:
    """Number and type of what came in."""
    bodies = [orjson.loads(each.body) for each in delivered]
    return [(body["data"].get("number"), body["type"]) for body in bodies]


def verify(delivered: Delivered, *secrets: str) -> list[bool]:
    """Whether the official library verifies a delivery with each secret. It judges the timestamp by this machine's clock."""
    found = []
    for secret in secrets:
        try:
            Webhook(secret).verify(delivered.body, dict(delivered.headers))
        except WebhookVerificationError:
            found.append(False)
        else:
            found.append(True)
    return found


async def happen(settings: Settings, cast: Cast, count: int) -> None:
    """Let something happen to Cedar so many times."""
    provider, now = UUID(cast.pia.provider_id), cast.clock.now()
    events = [
        NewEvent(provider, "practice.changed", UUID(cast.cedar), None, now, {"by": "x", "fields": [str(nth)]})
        for nth in range(count)
    ]
    connection = await connect(*role_url(settings, "vigie_app"))
    async with connection.transaction():
        await bind_provider(connection, provider)
        await append(connection, "citus", events, now)
    await connection.close()


def numbers(receiver: Receiver, name: str = "all") -> list[int]:
    """Numbers of what came in at a path."""
    return [number or 0 for number, _ in told(receiver.received[name])]


async def latest(cast: Cast) -> int:
    """The number of the last event of Atlas."""
    return int((await cast.pia.get("/v1/events?limit=500"))["next_after"])


async def test_each_endpoint_is_told_of_what_it_asked_for_in_order_and_over_one_line(
    cast: Cast, post: Post, receiver: Receiver
) -> None:
    ash = await cast.pia.practice("Ash")
    begin = await latest(cast)
    everything = await endpoint(cast, receiver.at("all"))
    await endpoint(cast, receiver.at("cedar"), practices=[str(cast.cedar)])
    await endpoint(cast, receiver.at("archived"), kinds=["practice.archived"])
    assert (await cast.pia.call("PATCH", f"/v1/practices/{cast.cedar}", json={"name": "Cedar II"})).status_code == 200
    assert (await cast.pia.call("DELETE", f"/v1/practices/{ash}")).status_code == 204
    await post.run()
    # What is sent is what the feed says.
    feed = (await cast.pia.get(f"/v1/events?after={begin}"))["items"]
    assert {"practice.changed", "practice.archived"} <= {each["kind"] for each in feed}
    for name, wanted in (
        ("all", feed),
        ("cedar", [each for each in feed if each["practice_id"] == cast.cedar]),
        ("archived", [each for each in feed if each["kind"] == "practice.archived"]),
    ):
        assert [orjson.loads(each.body)["data"] for each in receiver.received[name]] == wanted
    assert receiver.connections == 3
    first = receiver.received["all"][0]
    assert first.headers["content-type"] == "application/json"
    assert orjson.loads(first.body)["timestamp"] == feed[0]["happened_at"]
    kept = (await deliveries(cast, everything))[0]
    assert (kept["webhook_id"], kept["status"], kept["attempts"]) == (receiver.ids("all")[-1], "delivered", 1)
    assert (kept["response_status"], kept["excerpt"], kept["error"]) == (200, "so be it", None)
    assert (await standing(cast, everything))["handed_over"] == feed[-1]["number"]
    await post.run()
    assert len(receiver.received["all"]) == len(feed)
    assert (await cast.pia.call("DELETE", f"/v1/webhook-endpoints/{everything['id']}")).status_code == 204
    await cast.pia.practice("Birch")
    await post.run()
    assert len(receiver.received["all"]) == len(feed)


async def test_two_secrets_sign_while_one_replaces_the_other(
    cast: Cast, post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _At(cast.clock))
    made = await endpoint(cast, receiver.at("all"))
    path, secrets = f"/v1/webhook-endpoints/{made['id']}", [made["secret"]]

    async def signed() -> list[bool]:
        await cast.pia.practice("Ash")
        await post.run()
        return verify(receiver.received["all"][-1], *secrets)

    assert await signed() == [True]
    secrets.append((await cast.pia.post(f"{path}/rotate-secret", {"overlap_s": 3600}))["secret"])
    assert await signed() == [True, True]
    again = await cast.pia.call("POST", f"{path}/rotate-secret", json={})
    assert refusal(again) == (409, "webhook.rotation_running")
    cast.clock.move_to(cast.clock.now() + H)
    assert await signed() == [False, True]
    secrets.append((await cast.pia.post(f"{path}/rotate-secret", {"overlap_s": 0}))["secret"])
    assert await signed() == [False, False, True]


class _At:
    """Stands for `datetime` where the library asks for the time."""

    def __init__(self, clock: MovableClock) -> None:
        self._clock = clock

    def now(self, tz: Any = None) -> datetime:
        return self._clock.now().astimezone(tz)

    def __getattr__(self, name: str) -> Any:
        return getattr(datetime, name)


async def test_a_test_is_sent_once_and_a_message_again_with_its_id(cast: Cast, post: Post, receiver: Receiver) -> None:
    made = await endpoint(cast, receiver.at("all"), kinds=["practice.created"])
    path = f"/v1/webhook-endpoints/{made['id']}"
    receiver.answers["all"] = 500
    tried = await cast.pia.post(f"{path}/test")
    await post.run()
    await post.run(after=DAY)
    assert told(receiver.received["all"]) == [(None, "webhook.test")]
    (kept,) = await deliveries(cast, made)
    assert (kept["id"], kept["status"], kept["response_status"], kept["due_at"]) == (tried["id"], "dead", 500, None)
    assert (await standing(cast, made))["failing_since"] is None
    receiver.answers["all"] = 200
    for again in (kept["id"], kept["id"]):
        assert (await cast.pia.post(f"/v1/webhook-deliveries/{again}/redeliver"))["status"] == "pending"
        waiting = await cast.pia.call("POST", f"/v1/webhook-deliveries/{again}/redeliver")
        assert refusal(waiting) == (409, "webhook.delivery_waiting")
        await post.run()
    assert len(set(receiver.ids("all"))) == 1
    assert len(receiver.ids("all")) == 3
    await cast.pia.practice("Ash")
    await post.run()
    event = (await deliveries(cast, made, status="delivered"))[0]
    # Disabled, it is sent nothing; a month later, there is nothing left to send.
    assert (await cast.pia.call("PATCH", path, json={"enabled": False})).json()["disabled_reason"] == "by_caller"
    for refused in (f"{path}/test", f"/v1/webhook-deliveries/{event['id']}/redeliver"):
        assert refusal(await cast.pia.call("POST", refused)) == (409, "webhook.disabled")


class CrashError(BaseException):
    """The process is no more."""


class Crashing(Deliverer):
    """A worker that dies at a seam of `CRASHES`."""

    seam = ""
    sent = 0

    async def claim(self, places: int) -> list[tuple[UUID, UUID, UUID]]:
        found = await super().claim(places)
        if self.seam == "claim":
            raise CrashError
        return found

    async def send(self, line: Line, item: Item, keys: Sequence[bytes]) -> Outcome:
        found = await super().send(line, item, keys)
        self.sent += 1
        if (self.seam, self.sent) in {("send", 1), ("second send", 2)}:
            raise CrashError
        return found


class CrashingBook(Book):
    """What dies while it reads or writes."""

    seam = ""

    async def read(self, stand: Stand, now: datetime) -> list[Item]:
        found = await super().read(stand, now)
        if self.seam == "read":
            raise CrashError
        return found

    async def record(self, stand: Stand, outcomes: Sequence[Outcome], now: datetime, **more: Any) -> None:
        await super().record(stand, outcomes, now, **more)
        if self.seam == "record":
            raise CrashError

    async def _write(self, connection: asyncpg.Connection, stand: Stand, outcomes: Sequence[Outcome]) -> None:
        await super()._write(connection, stand, outcomes)
        if self.seam == "write":
            raise CrashError


REPEATED = {"claim": 0, "read": 0, "send": 1, "second send": 2, "write": 3, "record": 0}


async def test_a_worker_that_dies_at_any_seam_loses_nothing_and_repeats_under_the_same_ids(
    cast: Cast, post: Post, receiver: Receiver, settings: Settings
) -> None:
    made, begin = await endpoint(cast, receiver.at("all")), await latest(cast)
    for seam, repeated in REPEATED.items():
        receiver.received.clear()
        await happen(settings, cast, 3)
        await post.collector.run(cast.clock.now())
        doomed = post.another(
            type("Doomed", (Crashing,), {"seam": seam}), type("Torn", (CrashingBook,), {"seam": seam})
        )
        with contextlib.suppress(CrashError):  # in the claim; elsewhere a task of its own dies
            await doomed.drain()
        before = receiver.ids("all")
        await post.run()
        assert receiver.ids("all") == before, f"{seam}: somebody else's lease was not respected"
        await post.take_over()
        kept = await deliveries(cast, made, status="delivered", limit="3")
        ids = [each["webhook_id"] for each in reversed(kept)]
        assert list(dict.fromkeys(receiver.ids("all"))) == ids, seam
        assert receiver.ids("all")[-3:] == ids or seam == "record"
        assert len(receiver.ids("all")) - len(ids) == repeated, seam
        assert len({(each.id, each.body) for each in receiver.received["all"]}) == len(ids), seam
    numbers = [each["number"] for each in await deliveries(cast, made, status="delivered")]
    assert numbers == list(range(begin + 18, begin, -1))


async def test_a_worker_whose_lease_was_taken_writes_nothing(
    cast: Cast, post: Post, receiver: Receiver, settings: Settings
) -> None:
    made = await endpoint(cast, receiver.at("all"))
    await happen(settings, cast, 1)
    await post.collector.run(cast.clock.now())
    (claimed,) = await post.deliverer.claim(10)
    assert await post.another().claim(10) == []
    cast.clock.move_to(cast.clock.now() + 30 * S)
    (taken,) = await post.another().claim(10)
    assert taken[:2] == claimed[:2]
    await post.deliverer._serve(*claimed)
    assert receiver.ids("all") == []
    assert await deliveries(cast, made) == []
    await post.deliverer._serve(*taken)
    assert len(receiver.ids("all")) == 1


async def test_what_fails_holds_the_rest_for_five_minutes_then_steps_aside(
    cast: Cast, post: Post, receiver: Receiver, settings: Settings
) -> None:
    made, begin = await endpoint(cast, receiver.at("all")), await latest(cast)
    receiver.answers["all"] = 500
    await happen(settings, cast, 1)
    await post.run()
    await happen(settings, cast, 1)
    await post.run(after=4 * S)
    assert numbers(receiver) == [begin + 1]
    stand = await standing(cast, made)
    assert stand["failing_since"] == "2026-11-17T09:30:00Z"
    assert stand["paused_until"] is not None
    await post.run(after=2 * S)
    await post.run(after=4 * M)
    assert len(receiver.ids("all")) == 2
    receiver.answers["all"] = 200  # it was away for some minutes
    await post.run(after=2 * M)
    assert numbers(receiver)[2:] == [begin + 1, begin + 2]
    assert (await standing(cast, made))["failing_since"] is None
    kept = await deliveries(cast, made)
    assert [(each["number"], each["status"], each["attempts"]) for each in kept] == [
        (begin + 2, "delivered", 1),
        (begin + 1, "delivered", 3),
    ]
    assert len(set(receiver.ids("all"))) == 2

    # One that cannot be digested: the others go past it after its third attempt, and it is tried for three days.
    await happen(settings, cast, 2)
    receiver.refused = b'"number":%d,' % (begin + 3)
    for wait in (0 * S, 6 * S, 6 * M):
        await post.run(after=wait)
    assert numbers(receiver)[4:] == [begin + 3] * 3 + [begin + 4]
    for hours in (0.5, 2, 5, 10, 14, 20, 24):
        await post.run(after=hours * H * LATE)
    (dead,) = await deliveries(cast, made, status="dead")
    assert (dead["number"], dead["attempts"], dead["response_status"]) == (begin + 3, 10, 500)
    assert (await standing(cast, made))["enabled"]


async def test_endpoints_that_hang_fail_or_lead_astray_delay_nobody_and_are_given_up(
    cast: Cast,
    post: Post,
    receiver: Receiver,
    settings: Settings,
    rows: asyncpg.Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(outbound_line, "TOTAL_S", 0.15)
    well = [await endpoint(cast, receiver.at(f"well{n}")) for n in range(5)]
    bad: dict[int | str, dict[str, Any]] = {}
    answers: tuple[int | str, ...] = ("hang", 500, "redirect", "close", 410)
    for answer in answers:
        bad[answer] = await endpoint(cast, receiver.at(f"bad{answer}"))
        receiver.answers[f"bad{answer}"] = answer
    bad["inward"] = await endpoint(cast, receiver.at("inward"))
    # Its name leads inwards by now; when it was typed, it was an address like others.
    await rows.execute("UPDATE webhook_endpoint SET url = 'https://10.0.0.1/' WHERE id = $1", UUID(bad["inward"]["id"]))
    begin = await latest(cast)
    await happen(settings, cast, 300)
    await post.run()
    wanted = list(range(begin + 1, begin + 301))
    for n in range(len(well)):
        assert numbers(receiver, f"well{n}") == wanted
    assert receiver.connections < len(well) * 4 + 10
    errors: dict[int | str, tuple[int | None, str | None]] = {
        "hang": (None, "time"),
        500: (500, None),
        "redirect": (302, None),
        "close": (None, "connection closed"),
    }
    errors["inward"] = (None, "refused: the name leads to an address that is not called")
    for answer, outcome in errors.items():
        (tried,) = await deliveries(cast, bad[answer])
        assert (tried["response_status"], tried["error"]) == outcome
        assert (tried["status"], tried["attempts"]) == ("pending", 1)
    gone = await standing(cast, bad.pop(410))
    assert (gone["enabled"], gone["disabled_reason"]) == (False, "gone")
    for hours in (0.01, 0.1, 0.5, 2, 5, 10, 14, 20, 24, 24, 24):
        await post.run(after=hours * H * LATE)
    for made in bad.values():
        given_up = await standing(cast, made)
        assert (given_up["enabled"], given_up["disabled_reason"]) == (False, "failing")
    events = (await cast.pia.get(f"/v1/events?after={begin + 300}"))["items"]
    disabled = [each["payload"]["endpoint"] for each in events if each["kind"] == "webhook_endpoint.disabled"]
    assert sorted(disabled) == sorted([gone["id"], *(made["id"] for made in bad.values())])
    assert told(receiver.received["well0"])[300:] == [(each["number"], each["kind"]) for each in events]
    audited = await rows.fetch(
        "SELECT object_id, actor_kind FROM audit_entry WHERE action = 'webhook_endpoint.disable'"
    )
    assert sorted(map(tuple, audited)) == sorted((endpoint_id, "system") for endpoint_id in disabled)
    assert receiver.received["hang"] == []

    # Repaired and enabled, one goes on where it stopped.
    receiver.answers.clear()
    back = bad[500]
    assert (
        await cast.pia.call("PATCH", f"/v1/webhook-endpoints/{back['id']}", json={"enabled": True})
    ).status_code == 200
    had = len(receiver.received["bad500"])
    await post.run()
    caught_up = numbers(receiver, "bad500")[had:]
    assert caught_up == sorted(caught_up)
    (dead,) = await deliveries(cast, back, status="dead")
    assert dead["number"] == begin + 1
    assert set(caught_up) == {*wanted[1:], *(each["number"] for each in events)}


async def test_messages_are_forgotten_after_thirty_days(cast: Cast, post: Post, receiver: Receiver) -> None:
    made = await endpoint(cast, receiver.at("all"), kinds=["practice.created"])
    await cast.pia.practice("Ash")
    await post.run()
    (kept,) = await deliveries(cast, made)
    cast.clock.move_to(cast.clock.now() + KEPT - S)
    async with post.open() as connection:
        assert await forget(connection, cast.clock.now()) == 0
        await cast.pia.renew()
        cast.clock.move_to(cast.clock.now() + 2 * S)
        assert await forget(connection, cast.clock.now()) == 2
    gone = await cast.pia.call("POST", f"/v1/webhook-deliveries/{kept['id']}/redeliver")
    assert refusal(gone) == (404, "not_found")


async def test_a_backlog_is_sent_batch_by_batch(cast: Cast, post: Post, receiver: Receiver, settings: Settings) -> None:
    made, begin = await endpoint(cast, receiver.at("all")), await latest(cast)
    await happen(settings, cast, 2 * BATCH + 7)
    await post.run()
    assert numbers(receiver) == list(range(begin + 1, begin + 2 * BATCH + 8))
    assert (await standing(cast, made))["handed_over"] == begin + 2 * BATCH + 7


def verified_by_npm(deliveries: Sequence[Delivered], secrets: Sequence[str]) -> list[bool]:
    """Whether the official library for Node verifies each delivery with each secret."""
    try:
        folder = twin_folder().with_name("webhook_receiver")
        install_packages(folder)
        program = node()
    except TwinUnavailableError as error:
        missing_tool(str(error))
    asked = [
        orjson.dumps({"secret": secret, "headers": each.headers, "body": each.body.decode()}).decode()
        for each in deliveries
        for secret in secrets
    ]
    done = subprocess.run(
        [str(program), "verify.mjs"],
        cwd=folder,
        input="\n".join(asked),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return [line == "true" for line in done.stdout.split()]


@pytest.mark.slow(reason="starts Node, and two workers of which one is killed")
async def test_a_worker_process_that_is_killed_loses_nothing_and_both_official_libraries_verify_what_another_sends_again(
    cast: Cast, receiver: Receiver, rows: asyncpg.Connection, settings: Settings, tmp_path: Path
) -> None:
    cast.clock.move_to(datetime.now(UTC))  # the workers go by the real time, and so do the libraries
    await cast.pia.renew()
    made = await endpoint(cast, receiver.at("all"), kinds=["practice.created"])
    for name in ("Ash", "Birch", "Elder"):
        await cast.pia.practice(name)
    receiver.answers["all"] = "hang"
    environment = environment_of(settings)

    async def worker_that_sends(count: int) -> asyncio.subprocess.Process:
        with (tmp_path / "worker.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "vigie", "worker"), env=environment, stdout=log, stderr=log
            )
        try:
            async with asyncio.timeout(60):
                await receiver.has("all", count)
        except TimeoutError:
            process.kill()
            await process.wait()
            pytest.fail((tmp_path / "worker.log").read_text())
        return process

    doomed = await worker_that_sends(1)
    doomed.kill()
    await doomed.wait()
    rotated = await cast.pia.post(f"/v1/webhook-endpoints/{made['id']}/rotate-secret", {})
    receiver.answers.clear()
    await rows.execute("UPDATE webhook_endpoint SET leased_until = now()")  # half a minute later
    another = await worker_that_sends(4)
    another.terminate()
    assert await another.wait() == 0
    first, *others = receiver.received["all"]
    created = [
        each["number"] for each in (await cast.pia.get("/v1/events"))["items"] if each["kind"] == "practice.created"
    ]
    assert [number for number, _ in told(others)] == created[-3:]
    assert (others[0].id, others[0].body) == (first.id, first.body)
    assert [each["webhook_id"] for each in await deliveries(cast, made, status="delivered")] == [
        each.id for each in reversed(others)
    ]
    secrets = (made["secret"], rotated["secret"], "whsec_" + "A" * 43 + "=")
    expected = [True, False, False] + [True, True, False] * 3
    assert [known for each in receiver.received["all"] for known in verify(each, *secrets)] == expected
    assert verified_by_npm(receiver.received["all"], secrets) == expected
