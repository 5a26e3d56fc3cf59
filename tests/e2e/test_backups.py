"""A real restic and a real borg backup, seen by the real agent, turn the practice's verdict; a failed one turns it back."""

import asyncio
import os
import shutil
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.conftest import missing_tool
from tests.support.cast import Caller, sign_in
from tests.support.service import Service
from vigie.core.clock import SystemClock

pytestmark = [
    pytest.mark.slow(reason="real processes, real backups"),
    pytest.mark.xdist_group("real service"),
    pytest.mark.timeout(180),
    pytest.mark.asyncio(loop_scope="session"),
]

CLOCK = SystemClock()


class Site:
    """A practice with this machine in it, its agent's state, and the backup repository it declares."""

    def __init__(self, folder: Path, tool: str, service: Service, caller: Caller, practice: str) -> None:
        self.folder, self.tool, self.service, self.caller, self.practice = folder, tool, service, caller, practice
        self.repository, self.password, self.data = folder / "repository", folder / "password", folder / "data"
        self.data.mkdir()
        (self.data / "agenda.txt").write_text("Monday")
        self.password.write_text("open sesame")
        self.password.chmod(0o600)
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")},
            "RESTIC_REPOSITORY": str(self.repository),
            "RESTIC_PASSWORD_FILE": str(self.password),
            "RESTIC_CACHE_DIR": str(folder / "cache"),
            "BORG_REPO": str(self.repository),
            "BORG_PASSCOMMAND": f"cat {self.password}",
            "BORG_BASE_DIR": str(folder / "borg"),
            "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes",
        }

    async def run(self, *command: str, check: bool = True) -> int:
        """Run a command in the environment of the backup job."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        printed, _ = await process.communicate()
        assert not check or process.returncode == 0, printed.decode()
        return process.returncode or 0

    async def agent(self, *arguments: str, check: bool = True) -> int:
        """Run the agent of this machine."""
        head, tail = (arguments, ()) if "--" not in arguments else _cut(arguments)
        places = ("--state-dir", str(self.folder / "agent"), "--config", str(self.folder / "agent"))
        return await self.run(sys.executable, "-m", "vigie_agent", *head, *places, *tail, check=check)

    async def enrol(self) -> None:
        """Declare the repository and enrol the agent; it leaves out what takes it seconds, simulating an upgrade."""
        folder = self.folder / "agent"
        folder.mkdir(mode=0o700)
        (folder / "agent.toml").write_text(
            f'url = "{self.service.url}"\nalias = "serveur"\nrole = "server"\ndisabled = ["patch"]\n\n'
            '[[backup]]\njob = "nightly"\n'
            f'tool = "{self.tool}"\nrepository = "{self.repository}"\npassword_file = "{self.password}"\n'
            'target = "offsite"\noffsite = "yes"\nimmutable = "yes"\n'
        )
        token = await self.caller.enrolment_token(self.practice)
        await self.agent("enrol", "--token", token)

    async def init(self) -> None:
        """Make the repository."""
        await self.run(*(["restic", "init"] if self.tool == "restic" else ["borg", "init", "-e", "repokey"]))

    def job(self, repository: Path | None = None) -> list[str]:
        """Return the command of the backup job, into the declared repository or another."""
        target = repository or self.repository
        if self.tool == "restic":
            return ["restic", "-r", str(target), "backup", "--json", str(self.data)]
        return ["borg", "create", "--json", f"{target}::{{now:%Y-%m-%dT%H:%M:%S.%f}}", str(self.data)]

    async def verdict(self) -> tuple[str, dict[str, tuple[str, str]]]:
        """Let the agent report, and return the backup light with state and reason of each backup finding of the device."""
        await self.agent("run")
        posture = await self.caller.get(f"/v1/practices/{self.practice}/posture")
        findings = {
            control["control"]: (control["findings"][0]["state"], control["findings"][0]["reason"])
            for control in posture["controls"]
            if control["control"] in {"ANS-5.1", "ANS-5.2", "ANS-5.3", "ANS-5.4", "ANS-5.5", "ANS-5.6"}
        }
        return posture["backup"]["state"], findings


def _cut(arguments: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    place = arguments.index("--")
    return arguments[:place], arguments[place:]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def caller(service: Service) -> AsyncIterator[Caller]:
    """The partner client of the provider whose practices the tests are."""
    async with httpx.AsyncClient(base_url=service.url, timeout=30) as http:
        yield await sign_in(http, await service.add_provider())


@pytest_asyncio.fixture(params=["restic", "borg"], loop_scope="session")
async def site(request: pytest.FixtureRequest, service: Service, caller: Caller, tmp_path: Path) -> Site:
    """A practice whose machine backs up with restic, or with borg."""
    if shutil.which(request.param) is None:
        missing_tool(request.param)
    await caller.renew()
    found = Site(tmp_path, request.param, service, caller, await caller.practice("Cedar"))
    await found.enrol()
    return found


async def test_real_backups_turn_the_verdict_and_back(site: Site) -> None:
    lights, findings = [], []

    async def look() -> None:
        light, found = await site.verdict()
        lights.append(light)
        findings.append(found)

    await look()  # the declared repository does not exist: nobody could look
    await site.init()
    await look()  # it exists and holds nothing
    await site.agent("backup", "wrap", "--job", "nightly", "--target", "offsite", "--", *site.job())
    await look()  # a backup, which nobody has tried to restore
    await asyncio.sleep(1.1)  # times are whole seconds, and two runs never end in the same one
    tried = f"{CLOCK.now():%Y-%m-%dT%H:%M:%SZ}"
    await site.agent("backup", "report", "--job", "nightly", "--status", "ok", "--restore-tested", tried)
    await look()  # somebody did
    for _ in range(2):  # two failures in a row: the disk is not there
        failing = site.job(site.folder / "unplugged")
        assert await site.agent("backup", "wrap", "--job", "nightly", "--", *failing, check=False) != 0
        await asyncio.sleep(1.1)
    await look()
    await site.agent("backup", "wrap", "--job", "nightly", "--target", "offsite", "--", *site.job())
    await look()  # good again

    assert findings[0]["ANS-5.1"][0] == "unknown"
    assert findings[1]["ANS-5.1"][0] == "fail"
    for good in (2, 3):
        assert {control: state for control, (state, _) in findings[good].items()} == dict.fromkeys(
            findings[good], "pass"
        )
    assert findings[4]["ANS-5.2"][0] == "fail", findings[4]
    assert lights == ["unknown", "critical", "unknown", "ok", "critical", "ok"]


async def test_a_repository_that_cannot_be_read_any_more_is_unknown_and_never_pass(site: Site) -> None:
    await site.init()
    await site.run(*site.job())  # the job does not report: only the agent looks
    _, before = await site.verdict()
    site.password.write_text("not the password")
    light, after = await site.verdict()
    assert {state for state, _ in before.values()} == {"pass"}
    assert light == "unknown"
    assert {state for state, _ in after.values()} == {"unknown"}
