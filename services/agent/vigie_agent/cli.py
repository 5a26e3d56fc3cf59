"""The command line: ``vigie-agent enrol · run · show · check · status · backup · install``.

Heavy modules are imported by the command that needs them, so that a backup hook stays fast.
"""

import argparse
import sys
from collections.abc import Callable, Sequence

from vigie_agent import __version__, paths
from vigie_agent.log import LEVELS, Log

ROLES = ("workstation", "laptop", "server", "nas")
STATUSES = ("ok", "warning", "failed", "cancelled", "started")
TARGETS = ("local", "usb", "nas", "server", "offsite", "cloud")
EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_STOPPED, EXIT_UNDELIVERED = 0, 1, 2, 3, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    0 done · 1 failed · 2 wrong call or settings · 3 stopped, a person must look · 4 not delivered, will be tried again.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    given, command = _split(given)
    try:
        options = build_parser().parse_args(given)
    except SystemExit as end:
        # A hook must never break a backup, not even one that is called wrongly: the reason is on standard error.
        if given[:2] == ["backup", "report"]:
            return EXIT_OK
        return end.code if isinstance(end.code, int) else EXIT_USAGE
    if options.name == "backup" and options.verb == "wrap":
        if not command:
            sys.stderr.write("vigie-agent: backup wrap needs a command after --\n")
            return EXIT_USAGE
        options.command = command
    log = Log("debug" if options.verbose else options.log_level)
    handler: Callable[[argparse.Namespace, paths.Paths, Log], int] = options.handler
    try:
        return handler(options, paths.resolve(options.state_dir, options.config), log)
    except PermissionError as error:
        sys.stderr.write(f"vigie-agent: {error.filename}: not permitted; run it as the account of the agent\n")
        return EXIT_FAILED


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """What stands after the first ``--`` belongs to the wrapped command."""
    if "--" not in arguments:
        return arguments, []
    place = arguments.index("--")
    return arguments[:place], arguments[place + 1 :]


def build_parser() -> argparse.ArgumentParser:
    """The parser of all commands."""
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--state-dir",
        metavar="DIR",
        help=f"where the agent keeps its state (or {paths.STATE_VARIABLE})",
    )
    shared.add_argument("--config", metavar="DIR", help=f"where agent.toml is (or {paths.CONFIG_VARIABLE})")
    shared.add_argument("--log-level", choices=LEVELS, default="warning", help="least level on standard error")
    shared.add_argument("-v", "--verbose", action="store_true", help="same as --log-level debug")
    parser = argparse.ArgumentParser(prog="vigie-agent", description="Reports the state of this computer to Vigie.")
    parser.add_argument("--version", action="version", version=f"vigie-agent {__version__}")
    commands = parser.add_subparsers(dest="name", required=True, metavar="COMMAND")
    _enrol(commands, shared)
    _run(commands, shared)
    for name, handler, text in (
        ("show", _do_show, "print exactly the last report that was sent"),
        ("check", _do_check, "what can be read on this machine, and what to do about the rest"),
        ("status", _do_status, "enrolled? last acknowledgement, what waits, next run"),
    ):
        commands.add_parser(name, parents=[shared], help=text, description=text).set_defaults(handler=handler)
    _backup(commands, shared)
    _install(commands, shared)
    return parser


def _enrol(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("enrol", parents=[shared], help="join a practice with an enrolment code")
    parser.add_argument("--url", help="address of the server, https://…")
    parser.add_argument("--token", required=True, help="enrolment code (vet_…), or - to read it from standard input")
    parser.add_argument("--alias", help="name of this machine, typed by you: a-z, 0-9, -; never the host name")
    parser.add_argument("--role", choices=ROLES, help="what the machine is used as (default: workstation)")
    parser.set_defaults(handler=_do_enrol)


def _run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("run", parents=[shared], help="collect and report once")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--loop", action="store_true", help="stay and run again when the server asks for it")
    mode.add_argument("--dry-run", action="store_true", help="print the full report instead of sending it")
    parser.set_defaults(handler=_do_run)


def _backup(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("backup", help="called by backup jobs")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    facts = argparse.ArgumentParser(add_help=False)
    facts.add_argument("--job", required=True, help="name of the job: a-z, 0-9, -")
    facts.add_argument("--target", choices=TARGETS)
    facts.add_argument("--tool", metavar="TOOL", help="restic, borg, veeam_agent, …")
    facts.add_argument("--encrypted", choices=("yes", "no"))
    facts.add_argument("--immutable", choices=("yes", "no"))
    report = verbs.add_parser("report", parents=[shared, facts], help="report a result; always exits 0")
    report.add_argument("--status", choices=STATUSES)
    for name in ("--ended", "--started", "--restore-tested"):
        report.add_argument(name, metavar="TIME", help="ISO 8601; without an offset it is UTC")
    for name in ("--bytes", "--files", "--exit-code"):
        report.add_argument(name, type=int, metavar="N")
    report.add_argument("--from", dest="source", choices=("restic-json", "borg-json", "duplicati"))
    report.add_argument("input", nargs="?", choices=("-",), help="- : the tool's output on standard input")
    report.set_defaults(handler=_do_report)
    wrap = verbs.add_parser("wrap", parents=[shared, facts], help="run a job (after --) and report how it ended")
    wrap.set_defaults(handler=_do_wrap)


def _install(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", shared: argparse.ArgumentParser) -> None:
    parser = commands.add_parser("install", parents=[shared], help="start the agent every hour by the system's timer")
    parser.add_argument("--system", choices=("linux", "windows", "macos"), help="default: this system")
    parser.add_argument("--print", dest="only_print", action="store_true", help="print the files, change nothing")
    parser.set_defaults(handler=_do_install)


def _do_enrol(options: argparse.Namespace, where: paths.Paths, log: Log) -> int:
    from vigie_agent.commands import enrol  # noqa: PLC0415 - loads cryptography

    return enrol.run(options, where, log)


def _do_run(options: argparse.Namespace, where: paths.Paths, log: Log) -> int:
    if options.loop:
        from vigie_agent import schedule  # noqa: PLC0415 - the parent stays small

        child = ["run", "--state-dir", str(where.state), "--config", str(where.config_dir), "--log-level"]
        return schedule.loop(where, [*child, "debug" if options.verbose else options.log_level])
    from vigie_agent.commands import run  # noqa: PLC0415 - loads everything

    return run.run(options, where, log)


def _do_show(_options: argparse.Namespace, where: paths.Paths, _log: Log) -> int:
    from vigie_agent.commands import look  # noqa: PLC0415

    return look.show(where)


def _do_check(_options: argparse.Namespace, where: paths.Paths, _log: Log) -> int:
    from vigie_agent.commands import look  # noqa: PLC0415

    return look.check(where)


def _do_status(_options: argparse.Namespace, where: paths.Paths, _log: Log) -> int:
    from vigie_agent.commands import look  # noqa: PLC0415

    return look.status(where)


def _do_report(options: argparse.Namespace, where: paths.Paths, log: Log) -> int:
    from vigie_agent import backup_hook  # noqa: PLC0415

    return backup_hook.report(where, options, log)


def _do_wrap(options: argparse.Namespace, where: paths.Paths, log: Log) -> int:
    from vigie_agent import backup_hook  # noqa: PLC0415

    return backup_hook.wrap(where, options, log)


def _do_install(options: argparse.Namespace, where: paths.Paths, log: Log) -> int:
    from vigie_agent.commands import install  # noqa: PLC0415

    return install.run(options, where, log)
