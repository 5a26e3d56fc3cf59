"""P12: the demo from its start until the API answers with live data."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import orjson

from bench.report import Figure
from bench.service import free_port


def ready() -> list[Figure]:
    """Start the demo in an empty data directory, ask it for its practices, end it."""
    folder = Path(tempfile.mkdtemp(prefix="vigie-bench-demo-"))
    folder.chmod(0o755)
    environment = {**os.environ, "PORT": str(free_port()), "VIGIE_DATA_DIR": str(folder)}
    started = time.monotonic()
    demo = subprocess.Popen([sys.executable, "-m", "vigie", "demo"], env=environment, stdout=subprocess.DEVNULL)
    try:
        while not (folder / "demo.json").exists():
            if demo.poll() is not None or time.monotonic() - started > 300:
                raise AssertionError("the demo did not come up")
            time.sleep(0.1)
        found = orjson.loads((folder / "demo.json").read_bytes())
        with httpx.Client(base_url=found["base_url"]) as http:
            form = {"grant_type": "client_credentials"}
            token = http.post("/oauth/token", data=form, auth=(found["client_id"], found["client_secret"])).json()
            http.headers["Authorization"] = f"Bearer {token['access_token']}"
            practices = http.get("/v1/summary").json()["practices"]
        seconds = time.monotonic() - started
    finally:
        demo.terminate()
        demo.wait(60)
        shutil.rmtree(folder, ignore_errors=True)
    return [Figure("P12", "the demo, until it answers", seconds, 60, "s", "less", [seconds], {"practices": practices})]
