"""This very machine, enrolled by the real agent as a practice of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

_AGAIN_S = 60
_NAME = "Cette machine"


def _agent() -> Path | None:
    """Return the agent's command, if it is installed beside ours."""
    found = Path(sys.executable).with_name("vigie-agent")
    return found if found.exists() else None


async def run_agent(agent: Path, arguments: list[str], folder: Path, stdin: bytes = b"") -> tuple[int, str]:
    """Run the agent once with its state in `folder`; return exit status and what it printed on standard error."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    environment |= {"VIGIE_AGENT_STATE_DIR": str(folder), "VIGIE_AGENT_CONFIG_DIR": str(folder)}
    process = await asyncio.create_subprocess_exec(
        *(str(agent), *arguments, "--state-dir", str(folder), "--config", str(folder)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    try:
        _, errors = await process.communicate(stdin)
    except asyncio.CancelledError:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        raise
    return process.returncode or 0, errors.decode(errors="replace").strip()


async def enrol_this_machine(http: httpx.AsyncClient, folder: Path, tell: Callable[[str], None]) -> bool:
    """Create a practice for this machine, enrol the agent in it and let it report; False when there is no agent."""
    agent = _agent()
    if agent is None:
        tell("vigie-agent is not installed beside vigie: this machine does not take part")
        return False
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - once, before anything runs
    if not (folder / "enrolled").exists():
        practice = await _post(http, "/v1/practices", {"name": _NAME, "profession": "other", "city": "Ici"})
        token = await _post(http, f"/v1/practices/{practice['id']}/enrolment-tokens", {"label": "demo"})
        arguments = ["enrol", "--url", str(http.base_url).rstrip("/"), "--token", "-", "--alias", "cette-machine"]
        status, errors = await run_agent(agent, arguments, folder, str(token["token"]).encode())
        if status != 0:
            tell(f"the agent could not enrol this machine: {errors}")
            return False
        (folder / "enrolled").touch()
    status, errors = await run_agent(agent, ["run"], folder)
    if status != 0:
        tell(f"the agent of this machine could not report: {errors}")
    return True


async def report_on(folder: Path, stop: asyncio.Event) -> None:
    """Let the agent report every minute until `stop` is set."""
    agent = _agent()
    while agent is not None and not stop.is_set():
        try:
            await asyncio.wait_for(stop.wait(), _AGAIN_S)
        except TimeoutError:
            await run_agent(agent, ["run"], folder)


async def _post(http: httpx.AsyncClient, path: str, document: dict[str, str]) -> dict[str, str]:
    answer = await http.post(path, json=document)
    answer.raise_for_status()
    found: dict[str, str] = answer.json()
    return found
