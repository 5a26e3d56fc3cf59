"""The limits the documentation promises (docs/silence.md, docs/alerts.md, docs/catalogue.md), as plain numbers.

Written down here once more on purpose: were they read from the product, a product that changed its mind would still be right.
Seconds, if not said otherwise.
"""

from typing import Final

from vigie.truth.openings import DAY_S, HOUR_S, MINUTE_S

SETTLE_S: Final = 30 * MINUTE_S  # after opening, no report is expected yet
GRACE_S: Final = 5 * MINUTE_S  # a report may be so late
SERVER_OPEN_AFTER_S: Final = 30 * MINUTE_S  # how long a silence lasts before an alert opens
OPEN_SETTLE_S: Final = 90 * MINUTE_S  # after opening, no alert about a device opens yet
WORKSTATION_OFF_S: Final = 10 * DAY_S  # a machine that was switched off in good order is told of so late
LAPTOP_DAYS: Final = 5  # opening days a laptop may travel before it counts as silent
BACKUP_OPEN_AFTER_S: Final = 15 * MINUTE_S
FAILED_RUNS: Final = 2  # so many failed backups in a row are too many
BACKUP_DAYS: Final = 8  # whole opening days since the last good backup that are too many
COPY_DAYS: Final = 15  # days since the last good copy left the practice that are too many, half of them opening days
PROTECTION_OPEN_AFTER_S: Final = 30 * MINUTE_S
PATCH_DAYS: Final = 31  # days since its publication from which on a missing update is overdue
PATCH_OPEN_AFTER_S: Final = 60 * MINUTE_S
SLACK_S: Final = 20 * MINUTE_S  # what a step of the simulation, a slow network and the rounding of days may add
SERVER_ROLES: Final = frozenset({"server", "nas"})
INTERVAL_S: Final = HOUR_S
