"""Joining a practice, and what is left on the disk when it works or does not."""

import stat
from datetime import UTC, datetime, timedelta

import pytest

from tests.agent.bench import DEVICE, PROVIDER, Server, enrolled, refused
from vigie_agent import cli, clock, config, enrolment, identity, progress
from vigie_agent.paths import Paths


def arguments(paths: Paths, url: str, *more: str) -> list[str]:
    where = ["--state-dir", str(paths.state), "--config", str(paths.config_dir)]
    return ["enrol", "--url", url, "--token", "vet_x", "--alias", "accueil-1", *where, *more]


def test_enrolment_proves_the_key_and_leaves_private_files(paths: Paths, server: Server) -> None:
    assert cli.main(arguments(paths, server.url, "--role", "server")) == 0
    request = server.received[0]
    key = identity.load_key(paths.key)
    assert request.path == "/v1/agent/enrolments"
    assert f'keyid="new.{identity.thumbprint(key)}"' in request.headers["signature-input"]
    assert request.body == {
        "token": "vet_x",
        "public_key": identity.base64url(identity.public_bytes(key)),
        "machine_hint": identity.machine_hint(identity.machine_id()),
        "family": "linux",
        "role": "server",
        "alias": "accueil-1",
        "boot_ref": identity.current_boot_reference(),
        "agent": {"version": "0.1.0", "build": "pyz"},
    }
    joined = enrolment.load(paths.enrolment)
    assert joined is not None
    assert joined.keyid == f"{PROVIDER}.{DEVICE}"
    for path in (paths.key, paths.enrolment, paths.progress, paths.config):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "vet_x" not in paths.config.read_text() + paths.enrolment.read_text()


@pytest.mark.parametrize(
    "code",
    [
        "enrolment.token_unknown",
        "enrolment.token_expired",
        "enrolment.token_exhausted",
        "enrolment.token_revoked",
        "enrolment.key_in_use",
    ],
)
def test_a_refused_code_says_why_and_changes_nothing(
    paths: Paths, server: Server, capsys: pytest.CaptureFixture[str], code: str
) -> None:
    assert cli.main(arguments(paths, server.url)) == 0
    before = paths.key.read_bytes(), paths.enrolment.read_bytes()
    server.replies = [refused(403, code)]
    assert cli.main(arguments(paths, server.url)) == 1
    assert (paths.key.read_bytes(), paths.enrolment.read_bytes()) == before
    message = capsys.readouterr().err
    assert "key" in message if code.endswith("key_in_use") else "enrolment code" in message


def test_enrolling_again_replaces_the_key_and_goes_on_counting_for_the_same_device(
    paths: Paths, server: Server
) -> None:
    cli.main(arguments(paths, server.url))
    first = paths.key.read_bytes()
    state = progress.load(paths.progress)
    state.sequence, state.stopped = 41, "agent.unknown_device"
    progress.save(paths.progress, state)
    cli.main(arguments(paths, server.url))
    state = progress.load(paths.progress)
    assert (state.sequence, state.stopped, state.wants_full()) == (41, None, True)
    assert paths.key.read_bytes() != first
    server.replies = [(201, enrolled(device_id="01935179-0000-7000-8000-000000000099"), {})]
    cli.main(arguments(paths, server.url))
    assert progress.load(paths.progress).sequence == 0


def test_a_wrong_clock_does_not_prevent_joining(paths: Paths, server: Server) -> None:
    ahead = datetime.now(UTC) + timedelta(days=1)
    server.replies = [refused(401, "agent.clock_skew", server_time=clock.to_wire(ahead))]
    assert cli.main(arguments(paths, server.url)) == 0
    assert abs(progress.load(paths.progress).clock_offset_s - 86400) <= 5


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://vigie.example", True),
        ("https://vigie.example/base/", True),
        ("http://127.0.0.1:8000", True),
        ("http://vigie.example", False),
        ("https://user:pw@vigie.example", False),
        ("vigie.example", False),
        ("ftp://vigie.example", False),
        ("", False),
    ],
)
def test_which_addresses_are_accepted(url: str, *, accepted: bool) -> None:
    if accepted:
        assert not config.check_url(url).endswith("/")
    else:
        with pytest.raises(ValueError, match="must"):
            config.check_url(url)


def test_a_wrong_alias_is_refused_before_anything_is_sent(paths: Paths, server: Server) -> None:
    given = arguments(paths, server.url)
    given[given.index("accueil-1")] = "PC-DR-DUPONT"
    assert cli.main(given) == 2
    assert server.received == []


def test_run_before_enrolment_says_so(paths: Paths, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", "--state-dir", str(paths.state)]) == 2
    assert "not enrolled" in capsys.readouterr().err
