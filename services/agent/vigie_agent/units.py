"""The files by which each operating system starts the agent once an hour. Pure: paths and a slot in, texts out."""

import plistlib
from xml.sax.saxutils import escape

from vigie_agent.build import program
from vigie_agent.paths import CONFIG_VARIABLE, STATE_VARIABLE, Paths

SERVICE, TIMER = "vigie-agent.service", "vigie-agent.timer"
TASK_NAME, DAEMON_NAME = "vigie-agent-task.xml", "eu.vigie.agent.plist"
LOCAL_SYSTEM = "S-1-5-18"  # by SID: the name of the account is translated


def render(system: str, paths: Paths, slot_s: int, argv: list[str] | None = None) -> dict[str, str]:
    """File name to content for ``linux``, ``windows`` or ``macos``; ``slot_s`` is the second within the hour."""
    command = argv or program()
    if system == "linux":
        return {SERVICE: systemd_service(command, paths), TIMER: systemd_timer(slot_s)}
    if system == "windows":
        return {TASK_NAME: windows_task(command, slot_s)}
    return {DAEMON_NAME: launchd_daemon(command, paths, slot_s)}


def systemd_service(command: list[str], paths: Paths) -> str:
    """A oneshot service that may read the machine and write its own state only."""
    line = " ".join(_quoted(part) for part in [*command, "run"])
    return f"""\
[Unit]
Description=Vigie agent: one report
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
ExecStart={line}
Environment={STATE_VARIABLE}={paths.state}
Environment={CONFIG_VARIABLE}={paths.config_dir}
SuccessExitStatus=4
UMask=0077
ReadWritePaths={paths.state}
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
RestrictSUIDSGID=yes
LockPersonality=yes
MemoryMax=512M
CPUQuota=50%
Nice=10
IOSchedulingClass=idle
TimeoutStartSec=10min
"""


def _quoted(part: str) -> str:
    return f'"{part}"' if " " in part else part


def systemd_timer(slot_s: int) -> str:
    """Once an hour at the server's second; a machine that was off catches up after its start."""
    return f"""\
[Unit]
Description=Vigie agent: every hour, at the second the server gave

[Timer]
OnCalendar=*-*-* *:{slot_s // 60 % 60:02d}:{slot_s % 60:02d}
AccuracySec=1s
Persistent=true
Unit={SERVICE}

[Install]
WantedBy=timers.target
"""


def windows_task(command: list[str], slot_s: int) -> str:
    """A scheduled task of the local system account, to be registered from this XML (stored as UTF-16)."""
    minute, second = slot_s // 60 % 60, slot_s % 60
    arguments = " ".join(_quoted(part) for part in [*command[1:], "run"])
    return f"""\
<?xml version="1.0" encoding="UTF-16"?>
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <RegistrationInfo><Description>Vigie agent: one report every hour</Description></RegistrationInfo>
  <Triggers>
    <TimeTrigger>
      <Repetition><Interval>PT1H</Interval></Repetition>
      <StartBoundary>2026-01-01T00:{minute:02d}:{second:02d}Z</StartBoundary>
      <Enabled>true</Enabled>
    </TimeTrigger>
  </Triggers>
  <Principals>
    <Principal id="system"><UserId>{LOCAL_SYSTEM}</UserId><RunLevel>HighestAvailable</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <StartWhenAvailable>true</StartWhenAvailable>
    <RunOnlyIfNetworkAvailable>false</RunOnlyIfNetworkAvailable>
    <ExecutionTimeLimit>PT10M</ExecutionTimeLimit>
    <Priority>8</Priority>
  </Settings>
  <Actions Context="system">
    <Exec><Command>{escape(command[0])}</Command><Arguments>{escape(arguments)}</Arguments></Exec>
  </Actions>
</Task>
"""


def launchd_daemon(command: list[str], paths: Paths, slot_s: int) -> str:
    """A LaunchDaemon that starts at the server's minute of each hour (launchd knows no seconds)."""
    content = {
        "Label": DAEMON_NAME.removesuffix(".plist"),
        "ProgramArguments": [*command, "run"],
        "StartCalendarInterval": {"Minute": slot_s // 60 % 60},
        "EnvironmentVariables": {STATE_VARIABLE: str(paths.state), CONFIG_VARIABLE: str(paths.config_dir)},
        "Umask": 0o077,
        "LowPriorityIO": True,
        "ProcessType": "Background",
        "StandardOutPath": "/dev/null",
    }
    return plistlib.dumps(content).decode()
