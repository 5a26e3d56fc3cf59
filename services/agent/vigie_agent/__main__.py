"""Lets the agent start as ``python -m vigie_agent`` and from a zipapp."""

import sys

from vigie_agent.cli import main

if __name__ == "__main__":
    sys.exit(main())
