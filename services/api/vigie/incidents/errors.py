"""What keeps something from being done with an incident."""

from vigie.core.errors import AppError


class IncidentClosedError(AppError):
    """The incident is closed, and stays as it was."""

    status, code = 409, "incident.closed"
    title, title_fr = "The incident is closed", "L'incident est clos"


class IncidentUndecidedError(AppError):
    """An incident is closed once each of its clocks has its word: done, or why nothing is due. `missing` names the clocks."""

    status, code = 409, "incident.undecided"
    title = "Complaint and CNIL: each has to be done, or said why not"
    title_fr = "Plainte et CNIL : chacune doit être faite, ou écartée par écrit"


class IncidentInstantError(AppError):
    """An instant in the future, too long ago, or before the incident became known; `earliest` and `latest` say what is possible."""

    status, code = 422, "incident.instant"
    title = "This instant is not possible"
    title_fr = "Cet instant n'est pas possible"


class StepOfClockError(AppError):
    """The step is done when the notice of its clock is on record."""

    status, code = 409, "incident.step_of_clock"
    title = "This step is done by noting when it was done"
    title_fr = "Cette étape se coche en notant la date de la démarche"


class PersonalDataError(AppError):
    """A text holds what looks like a patient; nothing of it was stored or logged."""

    status, code = 422, "incident.personal_data_refused"
    title = "This looks like the data of a patient, which has no place here"
    title_fr = "Ceci ressemble à des données de patient, qui n'ont pas leur place ici"


class LogFullError(AppError):
    """The log has as many notes as it may have."""

    status, code = 409, "incident.log_full"
    title, title_fr = "The log is full", "La main courante est pleine"


class NothingFrozenError(AppError):
    """Nobody has frozen the evidence of this incident."""

    status, code = 404, "incident.nothing_frozen"
    title, title_fr = "The evidence was not frozen", "Les preuves n'ont pas été gelées"
