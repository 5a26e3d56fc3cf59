"""Why a person does not come in, and what cannot be done with members and invitations."""

from vigie.core.errors import AppError


class TooManyViewsError(AppError):
    """A member keeps thirty lists at most."""

    status, code = 409, "saved_view.too_many"
    title, title_fr = "Too many saved lists", "Trop de listes enregistrées"


class NoAccessError(AppError):
    """Nobody has invited this person, or their membership ended. Says nothing about anybody else."""

    status, code = 403, "sign_in.no_access"
    title, title_fr = "You have no access yet", "Vous n'avez pas encore d'accès"


class ProfessionRefusedError(AppError):
    """Pro Santé Connect knows the person, and no profession of theirs carries full rights (students, administrative staff)."""

    status, code = 403, "sign_in.profession_refused"
    title = "Your professional identity does not carry the rights of a practitioner"
    title_fr = "Votre identité professionnelle ne porte pas les droits d'un praticien"


class WrongDoorError(AppError):
    """The identity provider does not open this: staff and practitioners have doors of their own."""

    status, code = 403, "sign_in.wrong_door"
    title = "This access is opened by another way of signing in"
    title_fr = "Cet accès s'ouvre par un autre moyen de connexion"


class IdentityConflictError(AppError):
    """The identity provider says of a known account that it is another person: nobody is let in until it is cleared up."""

    status, code = 409, "sign_in.identity_conflict"
    title = "The identity provider gave two different identities for this account"
    title_fr = "Le fournisseur d'identité a donné deux identités différentes pour ce compte"


class ChoiceExpiredError(AppError):
    """The page of choices is too old, was used, or belongs to another browser."""

    status, code = 409, "sign_in.choice_expired"
    title, title_fr = "This choice is no longer valid", "Ce choix n'est plus valable"


class UnknownIdentityProviderError(AppError):
    """No identity provider has this name, or it was removed."""

    status, code = 404, "sign_in.unknown_provider"
    title, title_fr = "No such way of signing in", "Ce moyen de connexion n'existe pas"


class SignInOffError(AppError):
    """The operator has not set up people's sign-in."""

    status, code = 503, "sign_in.off"
    title, title_fr = "Signing in is not set up on this service", "La connexion n'est pas configurée sur ce service"


class InvitationUnknownError(AppError):
    """The link is incomplete, mistyped, or no invitation ever had it."""

    status, code = 404, "invitation.unknown"
    title, title_fr = "This invitation link is not known", "Ce lien d'invitation n'est pas connu"


class InvitationUsedError(AppError):
    """Somebody came in with it, which it allows once."""

    status, code = 409, "invitation.used"
    title, title_fr = "This invitation has been used", "Cette invitation a déjà servi"


class InvitationExpiredError(AppError):
    """Its time ran out."""

    status, code = 410, "invitation.expired"
    title, title_fr = "This invitation has expired", "Cette invitation a expiré"


class InvitationRevokedError(AppError):
    """The provider took it back."""

    status, code = 410, "invitation.revoked"
    title, title_fr = "This invitation was withdrawn", "Cette invitation a été retirée"


class AlreadyMemberError(AppError):
    """The person is a member there already; the invitation stays open for whom it was meant."""

    status, code = 409, "invitation.already_member"
    title, title_fr = "You are already a member there", "Vous en êtes déjà membre"


class LastOwnerError(AppError):
    """The provider would be left without anybody who can manage it."""

    status, code = 409, "member.last_owner"
    title, title_fr = "The last owner has to stay", "Le dernier propriétaire doit rester"


class RoleMismatchError(AppError):
    """The role and the rest of the request contradict each other: practice roles need a practice, only technicians are limited."""

    status, code = 422, "member.role_mismatch"
    title = "The role does not go with the practices given"
    title_fr = "Le rôle ne va pas avec les cabinets indiqués"


class IssuerRefusedError(AppError):
    """The issuer's own description could not be fetched, or is not what a relying party can use."""

    status, code = 422, "identity_provider.refused"
    title = "This identity provider cannot be used"
    title_fr = "Ce fournisseur d'identité n'est pas utilisable"


class TooManyIssuersError(AppError):
    """The provider has as many issuers of its own as it may."""

    status, code = 409, "identity_provider.too_many"
    title, title_fr = (
        "There are as many identity providers as there may be",
        "Le nombre de fournisseurs d'identité est atteint",
    )


class InvitationOpenError(AppError):
    """An open invitation for this RPPS number to this practice is there already."""

    status, code = 409, "invitation.open"
    title = "This practitioner is invited to this practice already"
    title_fr = "Ce praticien est déjà invité dans ce cabinet"


class PeopleOnlyError(AppError):
    """A partner client asked for what only a signed-in person has."""

    status, code = 403, "auth.people_only"
    title, title_fr = "Only a signed-in person can do this", "Seule une personne connectée peut le faire"
