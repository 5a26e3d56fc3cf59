"""Starting, showing and ending the demo."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from subprocess import Popen
from uuid import UUID

import httpx
import uvloop

from vigie.core.logging import configure_logging
from vigie.core.outbound import Transport
from vigie.demo.checklist import answer_checklists
from vigie.demo.history import make_history
from vigie.demo.identity import DemoIdentity, make_people, practices_to_show, start_identity
from vigie.demo.live import live
from vigie.demo.machine import enrol_this_machine, report_on
from vigie.demo.state import DemoState, write_demo_file
from vigie.multiprocess import environment_of, spawn, stop_all
from vigie.runtime import generated_key, with_database
from vigie.settings import Settings

_READY_S = 30


def run_demo(settings: Settings, port: int) -> int:
    """Run the demo until Ctrl-C or SIGTERM; returns the exit status."""
    started = time.monotonic()
    if _is_taken(port):
        sys.stderr.write(f"vigie: port {port} is taken; choose another: PORT=8099 make demo\n")
        return 1
    configure_logging("WARNING")
    # A plain kill ends the demo as Ctrl-C does, at any moment: nothing it started is left behind.
    signal.signal(signal.SIGTERM, _interrupt)
    base_url = f"http://127.0.0.1:{port}"
    data_dir = settings.data_dir.absolute()
    settings = settings.model_copy(
        update={
            "data_dir": data_dir,
            "public_url": base_url,
            "token_key_file": settings.token_key_file or generated_key(data_dir),
            "log_level": "WARNING",
        }
    )
    children: list[Popen[bytes]] = []
    try:
        with with_database(settings) as ready, _identity_beside(ready, port + 1) as identity_started:
            _tell("base de données prête")
            api = partial(_start_api, children, ready, identity_started, port)
            try:
                state = DemoState.load(data_dir)
                if state is None:
                    _tell("un mois d'histoire est rejoué par le code réel…")
                    anchor = datetime.now(UTC).replace(microsecond=0)
                    state = uvloop.run(make_history(ready, anchor, _tell, half_way=api))
                    state.save(data_dir)
                else:
                    api()
                identity = identity_started()
                # Not before the end of the history: its clock is the real one, by which the past is long silent.
                children.append(spawn(["worker"], _environment(ready, identity)))
                uvloop.run(_show(ready, state, base_url, children, identity, started))
            finally:
                stop_all(children)
    except KeyboardInterrupt:
        pass
    finally:
        (data_dir / "demo.json").unlink(missing_ok=True)
    return 0


def _start_api(
    children: list[Popen[bytes]], settings: Settings, identity: Callable[[], DemoIdentity | None], port: int
) -> None:
    children.append(spawn(["serve", "--port", str(port)], _environment(settings, identity())))


def _environment(settings: Settings, identity: DemoIdentity | None) -> dict[str, str]:
    return environment_of(identity.settings if identity else settings)


@contextmanager
def _identity_beside(settings: Settings, port: int) -> Iterator[Callable[[], DemoIdentity | None]]:
    """Start the simulated identity providers while the history is being made; they end with the block.

    What it gives waits for them, and for the end of the thread that starts them: processes are spawned without threads.
    """
    beside = ThreadPoolExecutor(1)
    starting = beside.submit(start_identity, settings, port, _tell)

    def started() -> DemoIdentity | None:
        beside.shutdown()
        return starting.result()

    try:
        yield started
    finally:
        if (identity := started()) is not None:
            identity.stop()


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def _is_taken(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def _show(
    settings: Settings,
    state: DemoState,
    base_url: str,
    children: Sequence[Popen[bytes]],
    identity: DemoIdentity | None,
    started: float,
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with httpx.AsyncClient(transport=Transport(trust_env=False), base_url=base_url, timeout=30) as http:
        await _until_ready(http, children, stop)
        if stop.is_set():
            return
        await _sign_in(http, state)
        folder = Path(settings.data_dir) / "agent"
        practices = await practices_to_show(http)
        async with asyncio.TaskGroup() as group:
            enrolling = group.create_task(enrol_this_machine(http, folder, _tell))
            if identity is not None:
                group.create_task(_furnish(settings, identity, UUID(state.provider_id), practices))
        write_demo_file(settings.data_dir, state, base_url, os.getpid())
        _print_welcome(base_url, state, identity, time.monotonic() - started)
    async with asyncio.TaskGroup() as group:
        group.create_task(live(base_url, state.fleet(), stop, _tell))
        if enrolling.result():
            group.create_task(report_on(folder, stop))
        group.create_task(_watch(children, stop))


async def _furnish(settings: Settings, identity: DemoIdentity, provider_id: UUID, practices: Sequence[UUID]) -> None:
    await make_people(identity, provider_id, practices)
    await answer_checklists(settings, provider_id, practices)


async def _until_ready(http: httpx.AsyncClient, children: Sequence[Popen[bytes]], stop: asyncio.Event) -> None:
    deadline = time.monotonic() + _READY_S
    while time.monotonic() < deadline and not stop.is_set():
        if any(child.poll() is not None for child in children):
            raise LookupError("the API or the worker ended at once; what it printed says why")
        try:
            if (await http.get("/readyz")).status_code == httpx.codes.OK:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.1)
    if not stop.is_set():
        raise LookupError(f"the API did not become ready within {_READY_S} s")


async def _sign_in(http: httpx.AsyncClient, state: DemoState) -> None:
    form = {"grant_type": "client_credentials"}
    answer = await http.post("/oauth/token", data=form, auth=(state.client_id, state.client_secret))
    answer.raise_for_status()
    http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


async def _watch(children: Sequence[Popen[bytes]], stop: asyncio.Event) -> None:
    """End the demo when the API or the worker ends by itself: half a demo would mislead."""
    while not stop.is_set():
        if any(child.poll() is not None for child in children):
            _tell("the API or the worker ended: the demo ends too")
            stop.set()
        await asyncio.sleep(0.5)


def _tell(line: str) -> None:
    sys.stdout.write(f"{datetime.now(UTC).astimezone():%H:%M:%S}  {line}\n")
    sys.stdout.flush()


def _print_welcome(base_url: str, state: DemoState, identity: DemoIdentity | None, seconds: float) -> None:
    people = "" if identity is None else f"{identity.welcome()}\n\n"
    sys.stdout.write(
        f"""
Vigie is ready after {seconds:.0f} s: {base_url}   (API: {base_url}/docs)

  client id      {state.client_id}
  client secret  {state.client_secret}

Paste this:

  TOKEN=$(curl -s -u '{state.client_id}:{state.client_secret}' -d grant_type=client_credentials \\
    {base_url}/oauth/token | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -s -H "Authorization: Bearer $TOKEN" '{base_url}/v1/summary'
  curl -s -H "Authorization: Bearer $TOKEN" '{base_url}/v1/practices?limit=5'
  curl -s -H "Authorization: Bearer $TOKEN" '{base_url}/v1/practices?backup=critical'
  curl -s -H "Authorization: Bearer $TOKEN" '{base_url}/v1/practices?q=cette+machine'

{people}Ctrl-C ends it and leaves no process; the next `make demo` goes on with the same data.
What happens in the fleet is told below.

"""
    )
    sys.stdout.flush()
