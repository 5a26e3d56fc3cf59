"""Why a questionnaire cannot be answered or signed as asked."""

from vigie.core.errors import AppError


class QuestionnaireExistsError(AppError):
    """The practice has this questionnaire of this supplier already; `id` names it. It is renewed, not made twice."""

    status, code = 409, "questionnaire.exists"
    title = "This questionnaire exists already for this supplier and this practice"
    title_fr = "Ce questionnaire existe déjà pour ce fournisseur et ce cabinet"


class SupplierNotConcernedError(AppError):
    """The practice does not use this supplier, or not for what this questionnaire is about."""

    status, code = 409, "questionnaire.supplier_not_concerned"
    title = "This questionnaire does not concern this supplier at this practice"
    title_fr = "Ce questionnaire ne concerne pas ce fournisseur dans ce cabinet"


class UnknownQuestionError(AppError):
    """An answer names a question that the questionnaire does not have; `questions` lists them."""

    status, code = 422, "questionnaire.unknown_question"
    title, title_fr = "The questionnaire has no such question", "Le questionnaire n'a pas cette question"


class WrongAnswerTypeError(AppError):
    """An answer gives what its question does not ask for (a text where yes or no is asked…); `questions` says which."""

    status, code = 422, "questionnaire.wrong_type"
    title = "An answer is not of the kind its question asks for"
    title_fr = "Une réponse n'est pas du type que sa question demande"


class OpenDeviationsError(AppError):
    """Before signing, a question is unanswered, a "no" has no plan, or a comment is missing; `questions` says which lacks what."""

    status, code = 409, "questionnaire.open_deviations"
    title = "Some answers are missing, or a deviation is neither resolved nor planned"
    title_fr = "Des réponses manquent, ou une anomalie n'est ni corrigée ni planifiée"


class QuestionnaireChangedError(AppError):
    """The content is no longer the one the signer saw; `content_hash` is that of today's."""

    status, code = 409, "questionnaire.changed"
    title = "The questionnaire changed since you read it"
    title_fr = "Le questionnaire a changé depuis que vous l'avez lu"


class AlreadySignedError(AppError):
    """This party has signed this revision."""

    status, code = 409, "questionnaire.already_signed"
    title, title_fr = "This party has signed already", "Cette partie a déjà signé"


class SupplierFirstError(AppError):
    """The supplier signs first, the practitioner countersigns."""

    status, code = 409, "questionnaire.supplier_first"
    title = "The supplier signs first, then the practitioner"
    title_fr = "Le fournisseur signe d'abord, puis le praticien"


class WrongPartyError(AppError):
    """The caller's role signs for the other party: the provider's owner for the supplier, a practitioner for the practice."""

    status, code = 403, "questionnaire.wrong_party"
    title = "Your role does not sign for this party"
    title_fr = "Votre rôle ne signe pas pour cette partie"
