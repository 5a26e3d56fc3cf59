"""One PowerShell process per run: asks ``collect.ps1`` once and shares its answer between the collectors.

The answer is one JSON object; each part is ``{"ok": true, "value": …}`` or ``{"ok": false, "hresult": "0x…"}``.
"""

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

from vigie_agent import clock
from vigie_agent.collectors.base import CollectError, Context, mapping

SCRIPT = Path(__file__).with_name("collect.ps1")
TIMEOUT_S, SEARCH_TIMEOUT_S = 60.0, 170.0
SEARCH_EVERY = timedelta(hours=24)
REMEMBERED = "wua"
DENIED = frozenset({"0x80070005", "0x80041003"})  # access denied: Win32, WMI
MISSING = frozenset({"0x8004100E", "0x80041010"})  # invalid namespace, invalid class


class Bridge:
    """The script's answer, asked for when the first collector needs it."""

    def __init__(self, script: Path = SCRIPT) -> None:
        self.script = script
        self._answer: dict[str, Any] | None = None
        self._failure: CollectError | None = None

    def part(self, context: Context, name: str) -> Any:
        """The value of one part; ``CollectError`` with the part's code when Windows refused it."""
        part = mapping(self.answer(context).get(name, {}))
        if part.get("ok") is True:
            return part.get("value")
        code = str(part.get("hresult", "no_answer"))
        kind = "permission" if code in DENIED else "not_installed" if code in MISSING else "provider_error"
        raise CollectError(kind, f"ps.{name}", code)

    def answer(self, context: Context) -> dict[str, Any]:
        """The whole answer; asks once, and fails once."""
        if self._failure is not None:
            raise self._failure
        if self._answer is None:
            try:
                self._answer = self._ask(context)
            except CollectError as error:
                self._failure = error
                raise
        return self._answer

    def _ask(self, context: Context) -> dict[str, Any]:
        search = search_is_due(context)
        argv = command(self.script, "online" if search else "none")
        output = context.host.run(argv, SEARCH_TIMEOUT_S if search else TIMEOUT_S)
        if output.rc != 0:
            raise CollectError("provider_error", "powershell", f"rc_{output.rc}")
        return parse_answer(output.stdout)


def command(script: Path, search: str) -> list[str]:
    """The one way PowerShell is started: by its full path, without a profile, from a file (never encoded)."""
    root = os.environ.get("SYSTEMROOT", r"C:\Windows")
    return [
        rf"{root}\System32\WindowsPowerShell\v1.0\powershell.exe",
        "-NoLogo",
        "-NoProfile",
        "-NonInteractive",
        "-ExecutionPolicy",
        "Bypass",
        "-File",
        str(script),
        "-Search",
        search,
    ]


def search_is_due(context: Context) -> bool:
    """Windows Update is asked online at most once a day: it takes minutes and the practice's line."""
    at = context.memory.subject(REMEMBERED).get("at")
    if not isinstance(at, str):
        return True
    return context.now - clock.from_wire(at) >= SEARCH_EVERY


def parse_answer(output: bytes) -> dict[str, Any]:
    """The JSON object of the script, with or without a byte order mark; ``CollectError`` for anything else."""
    try:
        return dict(mapping(json.loads(output.decode("utf-8-sig"))))
    except ValueError as error:
        raise CollectError("parse", "powershell", type(error).__name__) from error


def rows(value: Any) -> list[dict[str, Any]]:
    """A list of objects, even where PowerShell unwrapped a list of one."""
    if value is None:
        return []
    return [mapping(item) for item in (value if isinstance(value, list) else [value])]  # type: ignore[misc]
