"""Where the agent keeps its things on each system."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

STATE_VARIABLE = "VIGIE_AGENT_STATE_DIR"
CONFIG_VARIABLE = "VIGIE_AGENT_CONFIG_DIR"
CONFIG_NAME = "agent.toml"


@dataclass(frozen=True)
class Paths:
    """The files of one installed agent."""

    state: Path
    config_dir: Path

    @property
    def config(self) -> Path:
        """Settings written by people."""
        return self.config_dir / CONFIG_NAME

    @property
    def key(self) -> Path:
        """The private key; leaves the machine never."""
        return self.state / "device.key"

    @property
    def enrolment(self) -> Path:
        """What the server answered to the enrolment."""
        return self.state / "enrolment.json"

    @property
    def progress(self) -> Path:
        """Sequence, acknowledged digests, next run."""
        return self.state / "progress.json"

    @property
    def memory(self) -> Path:
        """What collectors remember between runs."""
        return self.state / "memory.json"

    @property
    def spool(self) -> Path:
        """Runs that could not be delivered."""
        return self.state / "spool"

    @property
    def payloads(self) -> Path:
        """Copies of what was sent, kept seven days for the owner of the machine to read."""
        return self.state / "payloads"

    @property
    def inbox(self) -> Path:
        """Where backup hooks drop their results."""
        return self.state / "backup-inbox"

    @property
    def events(self) -> Path:
        """Backup events that were checked, sent or waiting."""
        return self.state / "backup-events"

    @property
    def cache(self) -> Path:
        """Cache of the backup tools that the agent calls."""
        return self.state / "cache"

    @property
    def lock(self) -> Path:
        """Held while a run is going on."""
        return self.state / "run.lock"


def resolve(state_dir: str | None = None, config_dir: str | None = None) -> Paths:
    """The paths to use: the argument, else the environment, else the place the system has for it."""
    state = state_dir or os.environ.get(STATE_VARIABLE)
    config = config_dir or os.environ.get(CONFIG_VARIABLE)
    default_state, default_config = _defaults()
    if state and not config and not _is_default(state, default_state):
        config = state  # a private state directory (a test, a trial) keeps its settings with it
    return Paths(Path(state or default_state).absolute(), Path(config or default_config).absolute())


def _is_default(state: str, default_state: Path) -> bool:
    return Path(state).absolute() == default_state


def _defaults() -> tuple[Path, Path]:
    if sys.platform == "win32":
        base = Path(os.environ.get("PROGRAMDATA", r"C:\ProgramData")) / "Vigie Agent"
        return base / "state", base
    if sys.platform == "darwin":
        base = Path("/Library/Application Support/Vigie Agent")
        return base / "state", base
    if os.geteuid() == 0:
        return Path("/var/lib/vigie-agent"), Path("/etc/vigie-agent")
    home = Path.home()
    state = Path(os.environ.get("XDG_STATE_HOME") or home / ".local" / "state")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
    return state / "vigie-agent", config / "vigie-agent"
