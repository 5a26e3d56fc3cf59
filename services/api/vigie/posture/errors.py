"""Refusals about policies and exceptions."""

from vigie.core.errors import AppError


class PolicyOutOfBoundsError(AppError):
    """A threshold lies outside its bounds: `errors` names each with its family, key, minimum and maximum."""

    status, code = 422, "policy.out_of_bounds"
    title, title_fr = "A threshold lies outside its bounds", "Un seuil sort de ses bornes"


class PolicyContradictoryError(AppError):
    """Thresholds contradict each other, on their own or laid over those of the provider; `practices` names whose would."""

    status, code = 422, "policy.contradictory"
    title, title_fr = "The thresholds contradict each other", "Les seuils se contredisent"


class ExceptionPeriodError(AppError):
    """An exception ends after it starts, in the future, and at most 24 months ahead."""

    status, code = 422, "exception.period"
    title, title_fr = "The period of the exception is not possible", "La période de la dérogation n'est pas possible"


class ExceptionControlError(AppError):
    """No control has this id, or it is not judged device by device and a device was named."""

    status, code = 422, "exception.control"
    title, title_fr = "This control cannot be excepted so", "Ce point de contrôle n'admet pas cette dérogation"
