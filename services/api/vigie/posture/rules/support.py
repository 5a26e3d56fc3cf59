"""ANS-2.1 and ANS-2.5: systems and software that their editor still maintains."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from vigie.posture.rules.lifecycle import EditionUnknownError, Lifecycle, Product, Servicing, older
from vigie.posture.rules.model import Calendar, DeviceFacts, Finding, PatchPolicy, Policy, Section
from vigie.posture.rules.reading import Reading, after_day, past, read, verdict, whole_days
from vigie.posture.rules.timeline import WORST_FIRST, Timeline, combine, step_at

_LISTED = 8
"""Products named in the evidence for each reason, at most."""


def assess_system_support(  # noqa: PLR0911 - one return per line of the rule
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.1: the operating system is still serviced by its editor.

    Pass: the last serviced day is more than ``support_notice_days`` away. Warn: nearer, or past with extended updates that
    are proven to arrive. Fail: past without proof. A licence alone proves nothing: the proof is an update installed
    after the end (domain controls §1, agent facts §1).
    """
    control = "ANS-2.1"
    threshold = {"notice_days": policy.patch.support_notice_days, "catalogue_as_of": lifecycle.as_of.isoformat()}
    reading = read(facts, control, "os", threshold)
    if isinstance(reading, Finding):
        return reading
    os = reading.data
    evidence = reading.evidence
    for key in ("family", "product", "distro", "version", "build", "edition", "ubr"):
        if os.get(key) is not None:
            evidence[key] = os[key]
    try:
        servicing = lifecycle.system(os)
    except EditionUnknownError:
        return verdict(control, "unknown", "system_unidentified", evidence, threshold)
    if servicing is None:
        return verdict(control, "unknown", "system_not_in_catalogue", evidence, threshold)
    evidence["system"] = servicing.name
    if servicing.ends_on is None:
        if servicing.presumed_ended:
            return verdict(control, "warn", "support_presumed_ended", evidence, threshold)
        return verdict(control, "pass", "system_supported_undated", evidence, threshold)
    evidence["ends_on"] = servicing.ends_on.isoformat()
    days_left = (servicing.ends_on - now.astimezone(UTC).date()).days
    if days_left < 0:
        return _after_end(servicing, facts.sections.get("patch"), reading, threshold, policy.patch, now)
    evidence["days_left"] = days_left
    if days_left > policy.patch.support_notice_days:
        notice_on = servicing.ends_on - timedelta(days=policy.patch.support_notice_days)
        return verdict(control, "pass", "system_supported", evidence, threshold, _start_of(notice_on))
    end = _start_of(servicing.ends_on + timedelta(days=1))
    return verdict(control, "warn", "support_ends_soon", evidence, threshold, end)


def _after_end(
    servicing: Servicing,
    patch: Section | None,
    reading: Reading,
    threshold: dict[str, Any],
    policy: PatchPolicy,
    now: datetime,
) -> Finding:
    """Judge a system past its ordinary end: only extended updates that demonstrably arrive soften the failure."""
    control, evidence = "ANS-2.1", reading.evidence
    if servicing.at_latest:
        evidence["ended_at_latest"] = True
    extension = servicing.extension_on(now.astimezone(UTC).date())
    if extension is None:
        return verdict(control, "fail", "support_ended", evidence, threshold)
    evidence["extension"] = {"kind": extension.kind, "ends_on": extension.ends_on.isoformat()}
    until = _start_of(extension.ends_on + timedelta(days=1))
    if extension.automatic:
        return verdict(control, "warn", "support_extended", evidence, threshold, until)
    threshold["evidence_days"] = policy.support_evidence_days
    proof = _extension_proof(servicing, patch, reading.data.get("ubr"))
    if proof is None:
        return verdict(control, "fail", "support_ended_extension_unproven", evidence, threshold)
    evidence["extension_proof"] = proof
    installed_at = past(_data(patch).get("last_os_install_at"), now)
    if installed_at is not None:
        # Extended updates come every month: a proof that is older shows a subscription that ran out.
        evidence["days_since_install"] = whole_days(installed_at, now)
        proven_until = after_day(installed_at, policy.support_evidence_days)
        if now >= proven_until:
            return verdict(control, "fail", "support_ended_extension_unproven", evidence, threshold)
        until = min(until, proven_until)
    return verdict(control, "warn", "support_extended", evidence, threshold, until)


def _extension_proof(servicing: Servicing, patch: Section | None, ubr: object) -> str | None:
    """Say what proves that extended updates arrive: the revision itself, or the agent's reading of it."""
    if servicing.last_free_ubr is not None and isinstance(ubr, int):
        return "ubr" if ubr > servicing.last_free_ubr else None
    esu = _data(patch).get("esu")
    if isinstance(esu, Mapping) and esu.get("state") == "receiving":
        return str(esu.get("evidence") or "reported")
    return None


def _data(section: Section | None) -> Mapping[str, Any]:
    data = section.get("data") if section is not None else None
    return data if isinstance(data, Mapping) else {}


def _start_of(day: date) -> datetime:
    return datetime.combine(day, time(0), UTC)


def assess_software(
    facts: DeviceFacts, policy: Policy, _calendar: Calendar, lifecycle: Lifecycle, now: datetime
) -> Finding:
    """ANS-2.5: no listed software is past its end or far behind a security release.

    The agent names only the products of its allow-list. A product that the catalogue does not list, or whose newest
    security release the catalogue no longer knows, is not judged: unknown, and named in the evidence. Packages of a Linux
    distribution are updated with the system and judged by ANS-2.2.
    """
    control = "ANS-2.5"
    threshold = {
        "pass_days": policy.patch.software_pass_days,
        "warn_days": policy.patch.software_warn_days,
        "catalogue_as_of": lifecycle.as_of.isoformat(),
    }
    reading = read(facts, control, "patch", threshold)
    if isinstance(reading, Finding):
        return reading
    apps = reading.data.get("apps")
    evidence = reading.evidence
    if apps is None:
        if facts.family == "linux":
            return verdict(control, "not_applicable", "software_from_distribution", evidence, threshold)
        return verdict(control, "unknown", "software_unreadable", evidence, threshold)
    if not apps:
        return verdict(control, "not_applicable", "software_none_listed", evidence, threshold)
    return _judge_apps(apps, reading, threshold, policy.patch, lifecycle, now)


def _judge_apps(
    apps: Sequence[Mapping[str, Any]],
    reading: Reading,
    threshold: dict[str, Any],
    policy: PatchPolicy,
    lifecycle: Lifecycle,
    now: datetime,
) -> Finding:
    """Judge each product along time, name those that are not in order, and let the worst decide."""
    timelines: list[Timeline] = []
    named: dict[str, list[str]] = {}
    for app in apps:
        slug, version = str(app.get("slug")), app.get("version")
        text = version if isinstance(version, str) else None
        timeline = _product_timeline(lifecycle.product(slug, text), text, policy)
        timelines.append(timeline)
        _, reason, _ = step_at(timeline, now)
        if reason != "software_current":
            named.setdefault(reason, []).append(f"{slug} {text}" if text else slug)
    evidence = reading.evidence
    evidence["products"] = len(apps)
    for code, names in named.items():
        evidence[code.removeprefix("software_")] = sorted(names)[:_LISTED]
    state, reason, until = combine(timelines, now, WORST_FIRST)
    return verdict("ANS-2.5", state, reason, evidence, threshold, until)


def _product_timeline(product: Product | None, version: str | None, policy: PatchPolicy) -> Timeline:
    """Return what becomes of one installed product as time passes and nothing is updated."""
    if product is None:
        return (("unknown", "software_not_judged", None),)
    steps = list(_currency(product, version, policy))
    if product.ends_on is None:
        return steps
    ends_at = _start_of(product.ends_on + timedelta(days=1))
    alive = [step for step in steps if step[2] is not None and step[2] < ends_at]
    state, reason, _ = steps[len(alive)]
    return [*alive, (state, reason, ends_at), ("fail", "software_ended", None)]


def _currency(product: Product, version: str | None, policy: PatchPolicy) -> Timeline:
    """Return how far an installed version falls behind the newest security release the catalogue knows.

    With the newest known release installed, nothing is wrong until the catalogue itself is too old to say so.
    """
    if product.release is None or product.released_on is None:
        return (("pass", "software_current", None),)
    behind = older(version, product.release) if version is not None else None
    if behind is None:
        return (("unknown", "software_not_judged", None),)
    released_at = _start_of(product.released_on)
    late_at = after_day(released_at, policy.software_warn_days)
    if not behind:
        return (("pass", "software_current", late_at), ("unknown", "software_not_judged", None))
    return (
        ("pass", "software_current", after_day(released_at, policy.software_pass_days)),
        ("warn", "software_behind", late_at),
        ("fail", "software_far_behind", None),
    )
