"""P6 and P8: the real agent on this machine: bytes of a quiet heartbeat, processor time, memory."""

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import httpx
import orjson

from bench.report import Figure, median
from bench.service import Bed, Process, free_port
from vigie.cli_actions import add_provider

_MEASURE = """
import json, resource, sys
from vigie_agent.cli import main
status = main(sys.argv[1:])
# VmHWM, not ru_maxrss: the latter starts with the size of the process that forked us
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps({"status": status, "cpu": own.ru_utime + own.ru_stime, "children": others.ru_utime + others.ru_stime,
                  "peak": peak}), file=sys.stderr)
"""


class Tap:
    """Passes bytes between the agent and the service, and counts what the agent sends."""

    def __init__(self) -> None:
        self.port = free_port()
        self.to_port = 0
        self.sent: list[int] = []
        self._listener = socket.create_server(("127.0.0.1", self.port))
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.to_port))
            self.sent.append(0)
            place = len(self.sent) - 1
            threading.Thread(target=self._pass, args=(client, server, place), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, client, None), daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, place: int | None) -> None:
        try:
            while data := source.recv(65536):
                if place is not None:
                    self.sent[place] += len(data)
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()


def quiet_run(bed: Bed) -> list[Figure]:
    """Enrol the agent of this machine, let it report until it has nothing new to say, and measure those runs."""
    tap = Tap()
    service = bed.serve(workers=1, agent_urls=(f"http://127.0.0.1:{tap.port}",))
    tap.to_port = service.port
    token = asyncio.run(_enrolment_token(service))
    bytes_sent: list[float] = []
    cpu: list[float] = []
    children: list[float] = []
    peak: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "VIGIE_AGENT_STATE_DIR": folder, "VIGIE_AGENT_CONFIG_DIR": folder}
        places = ["--state-dir", folder, "--config", folder]
        url = f"http://127.0.0.1:{tap.port}"
        _agent(["enrol", "--url", url, "--token", token, "--alias", "bench", *places], environment)
        for run in range(6):
            tap.sent.clear()
            found = _agent(["run", *places], environment)
            if run >= 2:  # the first report is full, the second may still tell of the first
                bytes_sent.append(float(sum(tap.sent)))
                cpu.append(found["cpu"])
                children.append(found["children"])
                peak.append(found["peak"] / 1024)
        Path(folder, "done").touch()
    tap.close()
    service.stop()
    return [
        Figure(
            "P6",
            "bytes of a quiet heartbeat of the real agent, headers included",
            median(bytes_sent),
            900,
            "bytes",
            "less",
            bytes_sent,
        ),
        Figure(
            "P8",
            "agent, quiet run: processor time beyond the system's own queries",
            median(cpu),
            0.5,
            "s",
            "less",
            cpu,
            {"the system's own queries (s)": median(children), "resident between runs": 0},
        ),
        Figure("P8b", "agent: peak memory", median(peak), 40, "MiB", "less", peak),
    ]


def _agent(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, *arguments], env=environment, capture_output=True, check=False
    )
    line = done.stderr.decode().strip().splitlines()[-1]
    found: dict[str, float] = orjson.loads(line)
    if found["status"] != 0:
        raise AssertionError(done.stderr.decode()[-800:])
    return found


async def _enrolment_token(service: Process) -> str:
    made = await add_provider(service.settings, "Agents")
    async with httpx.AsyncClient(base_url=f"http://{service.host}") as http:
        form = {"grant_type": "client_credentials"}
        answer = await http.post("/oauth/token", data=form, auth=(made["client_id"], made["client_secret"]))
        http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        practice = (await http.post("/v1/practices", json={"name": "Here", "profession": "other"})).json()["id"]
        token = (await http.post(f"/v1/practices/{practice}/enrolment-tokens", json={"label": "bench"})).json()
        return str(token["token"])
