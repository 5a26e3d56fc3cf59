"""`make bench [ONLY=P1,P4]`: measure on this machine and write bench/results/."""

import argparse
import os
import platform
import sys
from dataclasses import replace
from pathlib import Path

from bench import (
    agent,
    demo,
    intake,
    live,
    pages,
    reading,
    reassess,
    reports,
    rules,
    silence,
    storage,
    tokens,
    webhooks,
)
from bench.fleet import load_fleet
from bench.report import Figure, pace, table, write
from bench.service import bed

KNOWN = (
    "P1",
    "P2",
    "P3",
    "P4",
    "P5",
    "P6",
    "P7",
    "P8",
    "P10",
    "P11",
    "P12",
    "P13",
    "P14",
    "P15",
    "P16",
    "P17",
    "T1",
    "T2",
)


def main() -> int:
    """Run what was asked for; exit status 1 when a goal is missed."""
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--only", default=",".join(KNOWN), help="P1,P4 for a part")
    asked = {name.strip().upper() for name in parser.parse_args().only.split(",")}
    if unknown := asked - set(KNOWN):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(KNOWN)}")
    figures: list[Figure] = []
    for part in (
        _intake,
        _storm,
        _lists,
        _silence,
        _storage,
        _agent,
        _demo,
        _reports,
        _reassess,
        _rules,
        _webhooks,
        _pages,
        _live,
        _tokens,
    ):
        before = pace()
        found = part(asked)
        if found:
            found = [replace(figure, pace=[before, pace()]) for figure in found]
        figures += found
        if found:
            print(table(found), end="\n\n", flush=True)
    machine = _machine()
    write(figures, machine)
    print(machine, table(figures), sep="\n\n")
    return 0 if all(figure.met for figure in figures) else 1


def _intake(asked: set[str]) -> list[Figure]:
    if not asked & {"P1", "P2", "P11"}:
        return []
    figures: list[Figure] = []
    with bed() as base:
        devices = intake.prepare(base)
        service = base.serve(workers=2)
        worker = base.work()
        if "P1" in asked:
            ceiling = base.serve("bench.nodb", workers=2)
            figures += intake.quiet(base, devices, service, ceiling)
            ceiling.stop()
        if "P11" in asked:
            figures += intake.day_of_load(devices, service, worker)
        if "P2" in asked:
            figures += intake.full(base, devices[:4000], service)
    return figures


def _storm(asked: set[str]) -> list[Figure]:
    if "P3" not in asked:
        return []
    with bed() as base:
        devices = load_fleet(base, providers=20, practices=100, devices=5)
        return intake.storm(base, devices, base.serve(workers=2))


def _lists(asked: set[str]) -> list[Figure]:
    if "P4" not in asked:
        return []
    with bed() as base:
        return reading.lists(base, base.serve(workers=1))


def _silence(asked: set[str]) -> list[Figure]:
    if "P5" not in asked:
        return []
    with bed() as base:
        return silence.together(base)


def _storage(asked: set[str]) -> list[Figure]:
    if "P7" not in asked:
        return []
    with bed() as base:
        return storage.year_of_a_device(base)


def _agent(asked: set[str]) -> list[Figure]:
    if not asked & {"P6", "P8"}:
        return []
    with bed() as base:
        return [figure for figure in agent.quiet_run(base) if figure.key[:2] in asked]


def _demo(asked: set[str]) -> list[Figure]:
    return demo.ready() if "P12" in asked else []


def _reassess(asked: set[str]) -> list[Figure]:
    if "P13" not in asked:
        return []
    with bed() as base:
        return reassess.policy(base)


def _rules(asked: set[str]) -> list[Figure]:
    return rules.one_device() if "P14" in asked else []


def _webhooks(asked: set[str]) -> list[Figure]:
    if "P15" not in asked:
        return []
    with bed() as base:
        return webhooks.fan_out(base)


def _pages(asked: set[str]) -> list[Figure]:
    if "P16" not in asked:
        return []
    with bed() as base:
        return pages.pages(base)


def _live(asked: set[str]) -> list[Figure]:
    if "P17" not in asked:
        return []
    with bed() as base:
        return live.shown_after_heartbeats(base)


def _reports(asked: set[str]) -> list[Figure]:
    if "P10" not in asked:
        return []
    with bed() as base:
        return reports.one_report(base)


def _tokens(asked: set[str]) -> list[Figure]:
    if not asked & {"T1", "T2"}:
        return []
    with bed() as base:
        found = tokens.tokens(base, base.serve(workers=2, **tokens.OPEN))
    return [figure for figure in found if figure.key[:2] in asked]


def _machine() -> str:
    processor = (
        next(
            (
                line.partition(":")[2].strip()
                for line in Path("/proc/cpuinfo").read_text().splitlines()
                if line.startswith("model name")
            ),
            platform.processor(),
        )
        if Path("/proc/cpuinfo").exists()
        else platform.processor()
    )
    return (
        f"{os.cpu_count()} × {processor}, Python {platform.python_version()}, PostgreSQL 18 on the same machine with "
        "`synchronous_commit` and `fsync` on; load generator on the same machine; median of the runs shown. "
        "Pace: milliseconds that a million steps of Python took on it before and after."
    )


if __name__ == "__main__":
    sys.exit(main())
