"""What keeps an answer, a file or an action of the checklist from being taken."""

from vigie.core.errors import AppError, BodyTooLargeError


class AutomaticControlError(AppError):
    """The control is decided by telemetry or dated records: nobody answers it."""

    status, code = 409, "checklist.automatic"
    title = "This point is decided by what devices report or by dated records, not by an answer"
    title_fr = "Ce point est décidé par les remontées des postes ou par des pièces datées, pas par une réponse"


class WrongSideError(AppError):
    """The control is answered by the other side: the provider or the practice."""

    status, code = 403, "checklist.wrong_side"
    title = "The other side answers for this"
    title_fr = "C'est à l'autre partie d'en répondre"


class ReasonRequiredError(AppError):
    """`not_applicable` without a written reason, or dropping an action without saying why."""

    status, code = 422, "checklist.reason_required"
    title = "A written reason of at least ten characters is needed"
    title_fr = "Un motif écrit d'au moins dix caractères est nécessaire"


class EffectiveDateError(AppError):
    """The date of effect lies in the future, or too far back to say anything about today."""

    status, code = 422, "checklist.effective_date"
    title = "The date of effect must be today or within the last 24 months"
    title_fr = "La date d'effet doit être aujourd'hui ou dans les 24 derniers mois"


class UnknownEvidenceError(AppError):
    """A file named as evidence does not belong to this practice."""

    status, code = 422, "checklist.unknown_evidence"
    title = "The practice has no such file"
    title_fr = "Le cabinet n'a pas ce fichier"


class NotInBulkError(AppError):
    """The control has to be looked at practice by practice."""

    status, code = 409, "checklist.not_in_bulk"
    title = "This point is answered practice by practice"
    title_fr = "Ce point se vérifie cabinet par cabinet"


class TooManyPracticesError(AppError):
    """More practices than one request answers for."""

    status, code = 422, "checklist.too_many"
    title = "Too many practices for one request"
    title_fr = "Trop de cabinets pour une seule requête"


class ActionOpenError(AppError):
    """Another action of the same control is open."""

    status, code = 409, "action.already_open"
    title = "Another action for this point is open"
    title_fr = "Une autre action est ouverte pour ce point"


class ActionOwnerError(AppError):
    """The person is not a member of the party the action belongs to."""

    status, code = 422, "action.owner"
    title = "This person cannot own the action"
    title_fr = "Cette personne ne peut pas porter l'action"


class EvidenceTypeError(AppError):
    """The file is not what may be kept as evidence, or not what it says it is."""

    status, code = 415, "evidence.type"
    title = "Evidence is a PDF, a PNG or a JPEG, and really is what it says"
    title_fr = "Une preuve est un PDF, un PNG ou un JPEG, et l'est vraiment"


class EvidenceTooLargeError(BodyTooLargeError):
    """The file is larger than evidence may be."""

    status, code = 413, "evidence.too_large"
    title, title_fr = "The file is too large", "Le fichier est trop volumineux"


class EvidenceQuotaError(AppError):
    """The practice keeps as many files, or bytes, as it may."""

    status, code = 409, "evidence.quota"
    title = "The practice keeps as much evidence as it may"
    title_fr = "Le cabinet conserve déjà autant de preuves que permis"
