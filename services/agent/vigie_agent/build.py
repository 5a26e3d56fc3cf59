"""Which build of the agent this is, as the protocol names builds."""

import os
import platform
import sys

VARIABLE = "VIGIE_AGENT_BUILD"
BUILDS = frozenset({"win-x64", "win-arm64", "mac-pkg", "deb", "rpm", "pyz"})


def program() -> list[str]:
    """How to start this agent again: the archive it runs from, or the installed package."""
    if sys.argv and sys.argv[0].endswith(".pyz"):
        return [sys.executable, os.path.abspath(sys.argv[0])]  # noqa: PTH100 - links stay: an update switches them
    return [sys.executable, "-m", "vigie_agent"]


def build_name() -> str:
    """The package's own word (set by the packaging in ``VIGIE_AGENT_BUILD``), else what the system suggests."""
    named = os.environ.get(VARIABLE, "")
    if named in BUILDS:
        return named
    if sys.platform == "win32":
        return "win-arm64" if platform.machine().lower() == "arm64" else "win-x64"
    if sys.platform == "darwin":
        return "mac-pkg"
    return "pyz"
