"""The pure part of webhooks: when a delivery is tried again, what is signed, the ids of deliveries."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from vigie.core.ids import uuid7
from vigie.webhooks.messages import delivery_id
from vigie.webhooks.schedule import GIVEN_UP_AFTER, RETRIES, Next, after_failure, jittered
from vigie.webhooks.signing import message_id, new_secret, shown, signed_headers

S, M, H = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)


@pytest.mark.parametrize(
    ("attempts", "failures", "holds", "following"),
    [
        (1, 1, True, Next(5 * S, holds=True)),
        (2, 2, True, Next(5 * M, holds=True)),
        (3, 3, True, Next(30 * M, holds=False)),  # perhaps only this one cannot be digested: the others go past it
        (1, 4, True, Next(2 * H, holds=True)),  # but the next one failed as well: the endpoint is left alone
        (2, 5, True, Next(5 * H, holds=True)),
        (1, 40, True, Next(24 * H, holds=True)),
        (4, 3, False, Next(2 * H, holds=False)),
        (9, 3, False, Next(24 * H, holds=False)),
        (10, 3, False, Next(None, holds=False)),
        (1, 0, False, Next(5 * S, holds=False)),  # sent again by hand
    ],
)
def test_what_follows_a_failure(attempts: int, failures: int, holds: bool, following: Next) -> None:  # noqa: FBT001
    assert after_failure(attempts, failures, holds=holds) == following


def test_the_retries_go_over_three_days_and_an_endpoint_is_given_up_after_them() -> None:
    assert timedelta(days=3) < sum(RETRIES, timedelta()) < GIVEN_UP_AFTER
    assert [jittered(100 * S, chance) for chance in (0, 0.5, 1)] == [90 * S, 100 * S, 110 * S]


def test_the_official_library_verifies_what_is_signed_with_either_secret_and_nothing_that_was_altered() -> None:
    old, new, other = new_secret(), new_secret(), new_secret()
    body, now = b'{"type":"practice.created"}', datetime.now(UTC)
    headers = dict(signed_headers(uuid7(), now, body, [new, old]))
    assert len(headers["webhook-signature"].split()) == 2
    for secret in (old, new):
        assert Webhook(shown(secret)).verify(body, headers) == {"type": "practice.created"}
    altered: list[tuple[bytes, dict[str, str], bytes]] = [
        (other, headers, body),
        (new, headers, body + b" "),
        (new, {**headers, "webhook-id": "msg_0"}, body),
        (new, {**headers, "webhook-timestamp": str(int(now.timestamp()) + 1)}, body),
    ]
    for secret, sent, said in altered:
        with pytest.raises(WebhookVerificationError):
            Webhook(shown(secret)).verify(said, sent)


def test_a_delivery_has_an_id_that_can_be_made_again_and_rises_with_time() -> None:
    endpoint, at = UUID(int=7), datetime(2026, 11, 17, 9, 30, tzinfo=UTC)
    first = delivery_id(endpoint, 1, at)
    assert first == delivery_id(endpoint, 1, at)
    assert (first.version, first.variant) == (8, uuid7().variant)
    others = {delivery_id(endpoint, 2, at), delivery_id(UUID(int=8), 1, at)}
    assert len(others - {first}) == 2
    assert delivery_id(endpoint, 2, at) > first
    assert delivery_id(endpoint, 1, at + timedelta(milliseconds=1)) > max(first, *others)
    in_order = [delivery_id(UUID(int=number % 7), number, at) for number in (1, 2, 0xFFFFF, 0x100000, 0x7FFFFFFF)]
    assert in_order == sorted(in_order)
    assert message_id(first) == f"msg_{first.hex}"
