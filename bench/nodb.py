"""The same application with the database call of the intake removed: the ceiling P1 is compared with."""

import sys

import vigie.app
from vigie.cli import main
from vigie.devices.intake import Intake
from vigie.devices.report import Accepted, Outcome, Report


class NoDatabase(Intake):
    """Acknowledges at once what would have been written."""

    async def submit(self, report: Report) -> Outcome:
        """Return what a commit would have answered."""
        return Accepted(report.sequence, duplicate=False, resync=False)


if __name__ == "__main__":
    import os

    import uvicorn

    from vigie.cli import server_options
    from vigie.settings import Settings

    vigie.app.Intake = NoDatabase  # type: ignore[misc]
    if "--fd" in sys.argv:
        where = {"fd": int(sys.argv[sys.argv.index("--fd") + 1])}
        uvicorn.run(vigie.app.create_app(Settings()), **where, **server_options())
    else:
        import vigie.multiprocess as several

        several_spawn = several.spawn

        def spawn(arguments, environment, pass_fds=()):  # type: ignore[no-untyped-def]
            """Start children of this module instead of `vigie`."""
            import subprocess

            return subprocess.Popen(
                [sys.executable, "-m", "bench.nodb", *arguments], env=dict(environment), pass_fds=pass_fds
            )

        several.spawn = spawn
        main(sys.argv[1:])
        os._exit(0)
