"""Refusals that concern a practice whatever is asked of it."""

from vigie.core.errors import AppError


class ResponsibleError(AppError):
    """Practices are looked after by owners and technicians who see them."""

    status, code = 422, "practice.responsible"
    title, title_fr = "This member cannot look after the practice", "Ce membre ne peut pas être responsable du cabinet"


class PracticeArchivedError(AppError):
    """The practice is archived: what is recorded of it stays readable, and nothing is added or changed."""

    status, code = 409, "practice.archived"
    title, title_fr = "The practice is archived", "Le cabinet est archivé"


class ImportRefusedError(AppError):
    """A list of practices has rows that are not right: nothing was created. `errors` tells each row, column and reason."""

    status, code = 422, "practices.import_refused"
    title = "No practice was created: some rows are not right"
    title_fr = "Aucun cabinet créé : des lignes sont à corriger"
