"""Refusals about alerts, the policy of alerting and maintenance windows."""

from vigie.core.errors import AppError


class AlertClosedError(AppError):
    """The alert is closed: nothing can be done with it any more but comment on it."""

    status, code = 409, "alert.closed"
    title, title_fr = "The alert is closed", "L'alerte est close"


class AlertAssigneeError(AppError):
    """Alerts are given to members of the provider who may work on the practice."""

    status, code = 422, "alert.assignee"
    title, title_fr = "This member cannot take the alert", "Ce membre ne peut pas prendre l'alerte"


class SnoozePeriodError(AppError):
    """An alert is snoozed until an instant in the future, at most ninety days ahead."""

    status, code = 422, "alert.snooze_period"
    title, title_fr = "An alert is snoozed for up to ninety days", "Une alerte se met en sommeil pour 90 jours au plus"


class NoDraftError(AppError):
    """There is no draft of the policy of alerting."""

    status, code = 409, "alerting_policy.no_draft"
    title, title_fr = "There is no draft of the alerting policy", "Il n'y a pas de brouillon de la politique d'alerte"


class UnknownTargetError(AppError):
    """The policy names channels or members that are not there; `missing` says how many."""

    status, code = 422, "alerting_policy.unknown_target"
    title, title_fr = "The policy names somebody who is not there", "La politique nomme un destinataire absent"


class WindowPeriodError(AppError):
    """A maintenance window ends after it begins, in the future, and lasts at most ninety days."""

    status, code = 422, "maintenance_window.period"
    title, title_fr = "The period of the maintenance window is not possible", "La période de maintenance est impossible"
