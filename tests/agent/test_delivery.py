"""A run is delivered, retried, repaired or spooled as docs/protocol.md says, against a real local HTTP server."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.agent.bench import DEVICE, PROVIDER, Received, Reply, Server, accepted, refused
from vigie_agent import backup_events, clock, delivery, digest, identity, progress, report
from vigie_agent.backup_events import EventQueue
from vigie_agent.log import Log
from vigie_agent.paths import Paths
from vigie_agent.spool import Spool
from vigie_agent.transport import Transport

STARTED = datetime(2026, 11, 21, 8, 17, 40, tzinfo=UTC)


def section(**data: Any) -> dict[str, Any]:
    return {
        "v": 1,
        "status": "ok",
        "collected_at": "2026-11-21T08:17:40Z",
        "source": "test",
        "ttl_s": 3600,
        "errors": [],
        "data": data,
    }


def a_run(**sections: dict[str, Any]) -> delivery.Run:
    found = sections or {"os": section(family="linux"), "patch": section(manager="apt")}
    return delivery.Run(STARTED, "deb", "b1f4c09d", report.Vitals(10, 20, None), found)


class Bench:
    """A courier whose sleeps are written down instead of slept."""

    def __init__(self, paths: Paths, server: Server) -> None:
        self.paths, self.server, self.slept = paths, server, list[float]()
        self.key = identity.create_key(paths.key) if not paths.key.exists() else identity.load_key(paths.key)

    def courier(self, url: str | None = None) -> delivery.Courier:
        return delivery.Courier(
            Transport(url or self.server.url, timeout_s=5),
            self.key,
            f"{PROVIDER}.{DEVICE}",
            state_file=self.paths.progress,
            spool=Spool(self.paths.spool),
            events=EventQueue(self.paths.events, self.paths.inbox),
            log=Log("error"),
            sleep=self.slept.append,
            chance=lambda: 0.5,
        )

    def deliver(self, run: delivery.Run | None = None, url: str | None = None) -> delivery.Result:
        return self.courier(url).deliver(run or a_run())

    def sent(self) -> list[dict[str, Any]]:
        return [request.body for request in self.server.received]


@pytest.fixture
def bench(paths: Paths, server: Server) -> Bench:
    return Bench(paths, server)


def test_first_report_is_full_and_the_next_names_only_what_changed(bench: Bench) -> None:
    assert bench.deliver().outcome == "delivered"
    changed = a_run(os=section(family="linux"), patch=section(manager="dnf"))
    bench.deliver(changed)
    bench.deliver(changed)
    assert [sorted(body["sections"]) for body in bench.sent()] == [["os", "patch"], ["patch"], []]
    assert [body["sequence"] for body in bench.sent()] == [1, 2, 3]


def test_state_digest_of_a_full_report_is_that_of_its_sections(bench: Bench) -> None:
    bench.deliver()
    body = bench.sent()[0]
    digests = {name: digest.section_digest(item) for name, item in body["sections"].items()}
    assert body["state_digest"] == digest.state_digest(digests)


def test_every_24th_report_is_full(bench: Bench) -> None:
    for _ in range(49):
        bench.deliver()
    full = [number for number, body in enumerate(bench.sent()) if body["sections"]]
    assert full == [0, 24, 48]


def test_sequence_is_stored_before_the_request_leaves(bench: Bench, paths: Paths) -> None:
    seen: list[int] = []

    def look(request: Received) -> Reply:
        seen.append(progress.load(paths.progress).sequence)
        return 200, accepted(request.body["sequence"]), {}

    bench.server.replies = [look]
    bench.deliver()
    assert seen == [1]


def test_resync_sends_everything_at_once_in_the_same_run(bench: Bench) -> None:
    bench.deliver()
    bench.server.replies = [lambda request: (200, accepted(request.body["sequence"], resync=True), {})]
    assert bench.deliver().outcome == "delivered"
    assert [sorted(body["sections"]) for body in bench.sent()] == [["os", "patch"], [], ["os", "patch"]]
    assert bench.sent()[2]["sequence"] == 3


def test_a_server_that_always_asks_for_resync_is_not_obeyed_for_ever(bench: Bench) -> None:
    bench.server.usual = lambda request: (200, accepted(request.body["sequence"], resync=True), {})
    assert bench.deliver().outcome == "delivered"
    assert len(bench.sent()) == 1 + delivery.MAX_REPAIRS


def test_sequence_behind_continues_from_the_number_given(bench: Bench, paths: Paths) -> None:
    bench.server.replies = [refused(409, "agent.sequence_behind", continue_from=501)]
    assert bench.deliver().outcome == "delivered"
    assert [body["sequence"] for body in bench.sent()] == [1, 501]
    assert progress.load(paths.progress).sequence == 501


def test_sequence_behind_without_a_number_is_not_followed(bench: Bench) -> None:
    bench.server.replies = [refused(409, "agent.sequence_behind")] * 5
    assert bench.deliver().outcome == "undelivered"
    assert {body["sequence"] for body in bench.sent()} == {1}


def test_clock_skew_signs_the_same_body_again_once_with_the_server_time(bench: Bench) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    skew = refused(401, "agent.clock_skew", server_time=clock.to_wire(ahead))
    bench.server.replies = [skew]
    assert bench.deliver().outcome == "delivered"
    first, second = bench.server.received
    assert first.raw == second.raw
    created = int(second.headers["signature-input"].split("created=")[1].split(";")[0])
    assert abs(created - ahead.timestamp()) <= 5
    assert first.headers["signature"] != second.headers["signature"]


def test_a_second_clock_skew_ends_the_run(bench: Bench) -> None:
    skew = refused(401, "agent.clock_skew", server_time="2030-01-01T00:00:00Z")
    bench.server.replies = [skew, skew, skew]
    assert bench.deliver().outcome == "undelivered"
    assert len(bench.sent()) == 2


def test_busy_server_is_obeyed_with_jitter_then_answered(bench: Bench) -> None:
    status, body, _headers = refused(503, "agent.busy")
    bench.server.replies = [(status, body, {"Retry-After": "8"})]
    assert bench.deliver().outcome == "delivered"
    assert bench.slept == [9.0]  # 8 s and half of a quarter of it
    assert bench.server.received[0].raw == bench.server.received[1].raw


def test_a_retry_after_beyond_the_minute_ends_the_run_and_moves_the_next(bench: Bench, paths: Paths) -> None:
    status, body, _headers = refused(503, "agent.busy")
    bench.server.replies = [(status, body, {"Retry-After": "7200"})]
    assert bench.deliver().outcome == "undelivered"
    assert bench.slept == []
    next_run = clock.from_wire(progress.load(paths.progress).next_run_at or "")
    assert 7100 < (next_run - datetime.now(UTC)).total_seconds() <= 7200


def test_at_most_three_tries(bench: Bench) -> None:
    bench.server.usual = lambda _request: (500, {}, {})
    assert bench.deliver().outcome == "undelivered"
    assert len(bench.server.received) == 3
    assert len({request.raw for request in bench.server.received}) == 1


def test_undelivered_runs_survive_as_times_only_and_are_cleared_by_the_acknowledgement(
    bench: Bench, paths: Paths
) -> None:
    assert bench.deliver(url="http://127.0.0.1:9").outcome == "undelivered"
    assert Spool(paths.spool).runs() == ["2026-11-21T08:17:40Z"]
    bench.deliver()
    assert bench.sent()[0]["ran_at"] == ["2026-11-21T08:17:40Z"]
    bench.deliver()
    assert bench.sent()[1]["ran_at"] == []


@pytest.mark.parametrize(
    "code",
    [
        "agent.signature_missing",
        "agent.signature_invalid",
        "agent.digest_mismatch",
        "agent.unknown_device",
        "agent.device_revoked",
    ],
)
def test_a_refused_identity_stops_the_agent_after_one_request(bench: Bench, paths: Paths, code: str) -> None:
    bench.server.replies = [refused(403 if code.endswith("revoked") else 401, code)]
    assert bench.deliver().outcome == "stopped"
    assert len(bench.sent()) == 1
    assert progress.load(paths.progress).stopped == code


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "agent.body_unreadable"),
        (422, "agent.schema_invalid"),
        (422, "agent.personal_data_refused"),
        (422, "agent.time_invalid"),
    ],
)
def test_a_refused_report_is_dropped_counted_and_followed_by_a_full_one(
    bench: Bench, paths: Paths, status: int, code: str
) -> None:
    bench.deliver()
    bench.server.replies = [refused(status, code)]
    assert bench.deliver().outcome == "dropped"
    assert progress.load(paths.progress).dropped == 1
    assert Spool(paths.spool).runs() == []
    bench.deliver()
    assert sorted(bench.sent()[-1]["sections"]) == ["os", "patch"]


def test_too_large_is_sent_again_without_the_longest_list_and_says_so(bench: Bench) -> None:
    items = [{"name": f"package{number}", "class": "security"} for number in range(30)]
    run = a_run(patch=section(manager="apt", pending={"security": 30, "items": items}))
    bench.server.replies = [refused(413, "agent.body_too_large")]
    assert bench.deliver(run).outcome == "delivered"
    patch = bench.sent()[1]["sections"]["patch"]
    assert patch["data"]["pending"] == {"security": 30, "items": None}
    assert (patch["status"], patch["errors"]) == ("partial", [{"code": "budget_exceeded", "source": "report"}])


def event(**more: Any) -> dict[str, Any]:
    return {"job": "nas", "status": "ok", "ended_at": "2026-11-21T02:00:00Z", **more}


def queue_with(paths: Paths, *events: dict[str, Any]) -> EventQueue:
    for item in events:
        backup_events.drop(paths.inbox, item)
    queue = EventQueue(paths.events, paths.inbox)
    queue.take_in(STARTED)
    return queue


def test_events_wait_through_a_failure_and_are_sent_once(bench: Bench, paths: Paths) -> None:
    queue = queue_with(paths, event())
    bench.deliver(url="http://127.0.0.1:9")
    assert len(queue.waiting()) == 1
    bench.deliver()
    bench.deliver()
    assert [len(body["backup_events"]) for body in bench.sent()] == [1, 0]
    assert len(queue.events()) == 1


def test_at_most_fifty_events_travel_at_once_oldest_first(bench: Bench, paths: Paths) -> None:
    many = [event(ended_at=f"2026-11-20T{n // 60:02d}:{n % 60:02d}:00Z") for n in range(60)]
    queue_with(paths, *many)
    bench.deliver()
    assert [item["ended_at"] for item in bench.sent()[0]["backup_events"]] == [item["ended_at"] for item in many[:50]]


def test_an_event_the_server_refuses_does_not_block_the_machine(bench: Bench, paths: Paths) -> None:
    queue = queue_with(paths, event())
    bench.server.replies = [refused(422, "agent.time_invalid")]
    assert bench.deliver().outcome == "delivered"
    assert [len(body["backup_events"]) for body in bench.sent()] == [1, 0]
    assert queue.waiting() == []


def test_the_server_owns_the_cadence(bench: Bench, paths: Paths) -> None:
    bench.server.replies = [
        lambda request: (200, accepted(request.body["sequence"], next_in_s=90, interval_s=1800), {})
    ]
    bench.deliver()
    state = progress.load(paths.progress)
    wait = (clock.from_wire(state.next_run_at or "") - datetime.now(UTC)).total_seconds()
    assert 80 < wait <= 90
    assert state.interval_s == 1800


@pytest.mark.parametrize(
    "reply",
    [
        (302, {}, {"Location": "/elsewhere"}),
        (200, {}, {}),
        (404, {"code": "not_found"}, {}),
        (407, {}, {}),
    ],
    ids=["redirect", "portal", "not found", "proxy login"],
)
def test_an_answer_of_something_else_than_the_server_loses_nothing(bench: Bench, paths: Paths, reply: Reply) -> None:
    bench.server.usual = lambda _request: reply
    assert bench.deliver().outcome == "undelivered"
    assert all(request.path == delivery.ROUTE for request in bench.server.received)
    assert progress.load(paths.progress).acknowledged == {}


def test_a_damaged_progress_file_starts_again_from_nothing(bench: Bench, paths: Paths) -> None:
    bench.deliver()
    for content in (b"", b"[]", b'{"sequence": "many"}', b'{"sequence": 3, "acknowledged": 5}'):
        paths.progress.write_bytes(content)
        assert progress.load(paths.progress) == progress.Progress()


def test_a_quiet_report_takes_at_most_900_bytes_with_its_headers(bench: Bench) -> None:
    bench.deliver()
    bench.deliver()
    quiet = bench.server.received[1]
    line = len("POST /v1/agent/heartbeats HTTP/1.1\r\n")
    size = line + sum(len(name) + len(value) + 4 for name, value in quiet.headers.items()) + 2 + len(quiet.raw)
    assert quiet.body["sections"] == {}
    assert size <= 900
