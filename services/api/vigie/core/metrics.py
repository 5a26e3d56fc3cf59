"""Every metric of the API and the worker: the catalogue `docs/operators/metrics.md` is compared with.

Labels are route templates, outcomes and job names: never a tenant, a device or an address.
"""

import os
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

HTTP_REQUESTS = Counter("vigie_http_requests_total", "Answered requests.", ["method", "route", "status"])
HTTP_SECONDS = Histogram(
    "vigie_http_request_seconds",
    "Time from the first byte in to the last byte out.",
    ["method", "route"],
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
HEARTBEATS = Counter(
    "vigie_heartbeats_total", "Heartbeats by outcome: accepted, duplicate, or the code of the refusal.", ["outcome"]
)
INTAKE_QUEUE = Gauge("vigie_intake_queue_depth", "Heartbeats waiting for the next commit.", multiprocess_mode="livesum")
INTAKE_BATCH = Histogram(
    "vigie_intake_batch_size", "Heartbeats written per transaction.", buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
)
INTAKE_SECONDS = Histogram(
    "vigie_intake_commit_seconds",
    "Time one intake transaction took.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5),
)
INTAKE_POISONED = Counter(
    "vigie_intake_poisoned_total", "Heartbeats isolated because their batch could not be written."
)
AUDIT_ENTRIES = Counter("vigie_audit_entries_total", "Entries written to the audit: done, or refused.", ["outcome"])
AUDIT_DROPPED = Counter(
    "vigie_audit_dropped_total", "Details left out of the audit because they looked like a secret or a person's number."
)
RATE_LIMITED = Counter("vigie_rate_limited_total", "Requests refused because a quota was used up.", ["quota"])
SIGN_INS = Counter("vigie_sign_ins_total", "Sign-ins of people: opened, or the code of the refusal.", ["outcome"])
JOB_RUNS = Counter("vigie_job_runs_total", "Runs of a background job.", ["job"])
JOB_FAILURES = Counter("vigie_job_failures_total", "Runs of a background job that ended with an error.", ["job"])
JOB_ROWS = Counter("vigie_job_rows_total", "Rows a background job worked on.", ["job"])
JOB_ROW_FAILURES = Counter("vigie_job_row_failures_total", "Rows pushed aside because they raised.", ["job"])
JOB_OLDEST_DUE = Gauge(
    "vigie_job_oldest_due_seconds",
    "Age of the oldest row a job has yet to work on.",
    ["job"],
    multiprocess_mode="livemax",
)
WEBHOOK_DELIVERIES = Counter(
    "vigie_webhook_deliveries_total",
    "Attempts to deliver a webhook: delivered, failed (it is tried again), dead (it is not).",
    ["outcome"],
)
NOTIFICATIONS = Counter(
    "vigie_notifications_total",
    "Attempts to send a notification, by kind of channel and outcome: sent, temporary, permanent.",
    ["channel", "outcome"],
)
RETENTION_ROWS = Counter("vigie_retention_rows_total", "Rows deleted because they were kept long enough.", ["kind"])
RETENTION_LAST = Gauge(
    "vigie_retention_last_run_timestamp_seconds",
    "When old rows of every provider were last looked for, in seconds since 1970.",
    multiprocess_mode="max",
)
SWEEP_HELD = Gauge(
    "vigie_sweep_held",
    "1 while the silence sweep holds because the whole fleet went quiet.",
    multiprocess_mode="livemax",
)


def exposition() -> tuple[bytes, str]:
    """Return the metrics of this service in the Prometheus text format, and its media type.

    With several server processes on one port, each writes to PROMETHEUS_MULTIPROC_DIR and any of them can answer for all.
    """
    directory = os.environ.get("PROMETHEUS_MULTIPROC_DIR")
    if directory and Path(directory).is_dir():
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry), CONTENT_TYPE_LATEST
    return generate_latest(), CONTENT_TYPE_LATEST
