"""``vigie-agent enrol``: join a practice, leave a settings file behind."""

import argparse
import sys

from vigie_agent import config, enrolment, files, identity
from vigie_agent.log import Log
from vigie_agent.paths import Paths
from vigie_agent.transport import Transport

TEMPLATE = """\
# Settings of the Vigie agent. What may stand here: docs/agent.md.
url = "{url}"
alias = "{alias}"
role = "{role}"
# proxy = "http://proxy:3128"
# disabled = ["health_card"]

# [[backup]]
# job = "nas-nightly"
# tool = "restic"
# repository = "/srv/backup/restic"
# password_file = "/etc/vigie-agent/restic.password"
# target = "nas"
"""


def run(options: argparse.Namespace, paths: Paths, log: Log) -> int:
    """Enrol and say in one line what happened; 0 enrolled, 1 refused, 2 wrong settings."""
    try:
        settings = config.load(paths.config)
        url = _url(options.url, settings, paths)
        alias = config.check_alias(options.alias or settings.alias)
    except (config.ConfigError, ValueError) as error:
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 2
    role = options.role or settings.role or "workstation"
    token = sys.stdin.readline().strip() if options.token == "-" else options.token  # noqa: S105 - "read it there"
    try:
        joined = enrolment.enrol(paths, Transport(url, proxy=settings.proxy), token=token, alias=alias, role=role)
    except (enrolment.EnrolmentError, identity.IdentityError, OSError) as error:
        log.write("error", "enrolment_failed", code=getattr(error, "code", type(error).__name__))
        sys.stderr.write(f"vigie-agent: {error}\n")
        return 1
    if not paths.config.exists():
        files.private_dir(paths.config_dir)
        files.write_atomic(paths.config, TEMPLATE.format(url=url, alias=alias, role=role).encode())
    waiting = " It waits for approval in the console." if joined.status == "pending" else ""
    sys.stdout.write(f"Enrolled as {alias} (device {joined.device_id}).{waiting}\n")
    return 0


def _url(given: str | None, settings: config.Config, paths: Paths) -> str:
    url = config.check_url(given or settings.url or "")
    if settings.url and config.check_url(settings.url) != url:
        raise ValueError(f"--url differs from the url in {paths.config}: change it there first")
    return url
