"""The small values that heartbeats are made of: times, counts, slugs, versions.

Every pattern is written for two readers at once, pydantic's regular expressions (Rust) and JSON Schema (ECMA 262), so
that the published schema and the models give the same verdict. That is why digits are ``[0-9]`` (the short form means
every digit of Unicode to some engines) and why the calendar itself stands in the pattern of a time: 30 February has no
place in it.

Source: docs/protocol.md §3 ("Sections", "Backup jobs and events").
"""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

MAX_INTEGER = 2**53 - 1
"""Largest integer every JSON reader keeps exactly (RFC 8259 §6)."""

_COMMON_DAYS = (
    "(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8])"
)
_YEARS = "(?:201[5-9]|20[2-9][0-9]|2100)"
_LEAP_YEARS = "20(?:16|[2468][048]|[3579][26])"  # 2100 is not one
_DATE = f"(?:{_YEARS}-(?:{_COMMON_DAYS})|{_LEAP_YEARS}-02-29)"

DATE_PATTERN = f"^{_DATE}$"
MONTH_PATTERN = f"^{_YEARS}-(?:0[1-9]|1[0-2])$"
TIMESTAMP_PATTERN = f"^{_DATE}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]Z$"
SLUG_PATTERN = "^[a-z0-9_]{1,32}$"

Timestamp = Annotated[
    str, StringConstraints(pattern=TIMESTAMP_PATTERN), Field(json_schema_extra={"x-def": "timestamp"})
]
"""UTC, whole seconds, ``Z``; a real date of 2015 to 2100 (a PC that lost its clock says 1970 or 2003)."""

Date = Annotated[str, StringConstraints(pattern=DATE_PATTERN), Field(json_schema_extra={"x-def": "date"})]
"""``YYYY-MM-DD``, a real date of 2015 to 2100."""

Month = Annotated[str, StringConstraints(pattern=MONTH_PATTERN), Field(json_schema_extra={"x-def": "month"})]
"""``YYYY-MM``, 2015 to 2100."""

Tri = Literal["yes", "no", "unknown"]
"""A fact that may be unreadable. Never a JSON boolean, which has no third value."""

Slug = Annotated[str, StringConstraints(pattern=SLUG_PATTERN)]
"""Value of an open enumeration; a server takes one that it does not know for ``unknown``."""

JobSlug = Annotated[str, StringConstraints(pattern="^[a-z0-9][a-z0-9-]{0,31}$")]
"""Name of a backup job: too narrow for a path, a person or a sentence."""

Version = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9.+~:_-]{0,63}$")]
"""Version or build as the software writes it (``10.0.26100``, ``1:9.2p1-2+deb12u7``)."""

PackageName = Annotated[str, StringConstraints(pattern="^[A-Za-z0-9][A-Za-z0-9.+~:_-]{0,95}$")]
"""Name of a package of the operating system (``libstdc++6``)."""

DottedSlug = Annotated[str, StringConstraints(pattern="^[a-z0-9_.+-]{1,64}$")]
"""Name of a source of facts (``wua+registry``, ``apt``) or of a distribution (``opensuse-leap``)."""

Count = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
"""A number of things, bytes, seconds or days; never negative."""

SignedInt = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
"""An integer that may be negative: clock offsets, exit codes."""

Percent = Annotated[int, Field(ge=0, le=100)]

Port = Annotated[int, Field(ge=1, le=65535)]
