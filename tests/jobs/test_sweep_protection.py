"""What a device told of its protection is judged on, with the memory of since when, though nobody reports it again."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.conftest import NOW, settings_for
from tests.jobs.test_sweep import HOUR, SECOND, at, finding
from tests.support.agent import healthy, os_section, section
from tests.support.cast import Cast
from tests.support.time_travel import Worker, assert_invariants, control_changes, events_of
from vigie.settings import Settings


@pytest.fixture
def settings(fresh_database_url: str, key_file: Path) -> Settings:
    return settings_for(fresh_database_url, key_file)


def encrypted(after: timedelta, state: str) -> dict[str, Any]:
    volume = {"role": "os", "state": state, "method": "xts_aes_128", "protectors": ["tpm"]}
    return section(NOW + after, "cim", {"volumes": [volume], "tpm": None, "secure_boot": "yes"})


async def test_a_suspended_protection_is_counted_from_when_it_was_first_told(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    laptop = await cast.device(role="laptop")
    await laptop.report(healthy(NOW) | {"encryption": encrypted(timedelta(0), "suspended")})
    for hours in (20, 40, 60):  # told again and judged again, by what it says of itself and by what lies beside
        cast.clock.move_to(NOW + hours * HOUR)
        await laptop.report(
            {"encryption": encrypted(hours * HOUR, "suspended"), "os": os_section(NOW + hours * HOUR, ubr=hours)}
        )
    assert (await finding(cast, laptop, "ANS-1.5"))["evidence"]["suspended_since"] == at(timedelta(0))
    await worker.run(NOW + 80 * HOUR)
    changes = control_changes(await events_of(rows, cast.cedar), "ANS-1.5")
    assert changes == [(at(72 * HOUR + SECOND), "warn", "fail", "encryption_suspended_long")]
    cast.clock.move_to(NOW + 81 * HOUR)
    await laptop.report({"encryption": encrypted(81 * HOUR, "on")})
    cast.clock.move_to(NOW + 82 * HOUR)
    await laptop.report({"encryption": encrypted(82 * HOUR, "suspended")})
    again = await finding(cast, laptop, "ANS-1.5")
    assert (again["state"], again["evidence"]["suspended_since"]) == ("warn", at(82 * HOUR))
    await assert_invariants(rows)


async def test_the_sweep_judges_by_every_section_that_a_rule_reads(
    cast: Cast, worker: Worker, rows: asyncpg.Connection
) -> None:
    device = await cast.device()
    product = {"name": "windows_defender", "vendor_owned": "yes", "state": "on", "signatures": "up_to_date"}
    antivirus = {"products": [product], "realtime": "yes", "tamper_protected": "yes", "signature_age_days": 0}
    await device.report(healthy(NOW) | {"antivirus": section(NOW, "defender", antivirus)})
    await worker.run(NOW + 100 * HOUR)  # the end of the day its report speaks for, then that of its signatures
    changes = control_changes(await events_of(rows, cast.cedar), "ANS-2.7")
    assert changes == [(at(24 * HOUR + SECOND), "pass", "warn", "stale")]
    assert (await finding(cast, device, "ANS-2.7"))["reason"] == "signatures_late"
    await assert_invariants(rows)
