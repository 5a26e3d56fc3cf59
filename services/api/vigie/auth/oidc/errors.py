"""Every way in which a sign-in or a logout fails, each with a code of its own.

None carries a word of the provider's: its `error_description` may hold anything. What the operator needs to know beside the
code is logged by `callback`, and what a person needs to know is the title.
"""

from typing import ClassVar

from vigie.core.errors import AppError


class SignInError(AppError):
    """A sign-in or a logout that did not succeed; the subclass says why."""

    status: ClassVar[int] = 502
    title: ClassVar[str] = "The identity provider's answer cannot be trusted"
    title_fr: ClassVar[str] = "La réponse du fournisseur d'identité n'est pas digne de confiance"


class ReturnToRefusedError(SignInError):
    """The address to come back to is not a path of this service."""

    status, code = 422, "sign_in.return_to_refused"
    title, title_fr = "The address to return to is not one of ours", "L'adresse de retour n'est pas l'une des nôtres"


class AttemptUnknownError(SignInError):
    """This browser holds no such attempt: another browser began it, it was removed, or nobody did (login CSRF)."""

    status, code = 400, "sign_in.attempt_unknown"
    title = "This sign-in was not begun in this browser, or too long ago"
    title_fr = "Cette connexion n'a pas été commencée dans ce navigateur, ou il y a trop longtemps"


class AttemptExpiredError(SignInError):
    """The attempt began more than ten minutes ago."""

    status, code = 400, "sign_in.attempt_expired"
    title, title_fr = "This sign-in took more than ten minutes", "Cette connexion a duré plus de dix minutes"


class AttemptUsedError(SignInError):
    """The answer to this attempt came before: a page loaded again, a double click, or a replay."""

    status, code = 409, "sign_in.attempt_used"
    title, title_fr = "This sign-in was already completed once", "Cette connexion a déjà servi une fois"


class ProviderMismatchError(SignInError):
    """The attempt was begun at another identity provider than the one whose address was called."""

    status, code = 400, "sign_in.provider_mismatch"
    title = "The answer came from another identity provider than was asked"
    title_fr = "La réponse vient d'un autre fournisseur d'identité que celui qui a été sollicité"


class ResponseMalformedError(SignInError):
    """A parameter of the answer is missing, too long or given twice."""

    status, code = 400, "sign_in.response_malformed"
    title, title_fr = "The answer is incomplete", "La réponse du fournisseur d'identité est incomplète"


class ResponseIssuerError(SignInError):
    """The issuer named in the answer is missing or another (RFC 9207: mix-up)."""

    status, code = 400, "sign_in.response_issuer"
    title, title_fr = "The answer names another issuer", "La réponse est signée d'un autre émetteur"


class CancelledError(SignInError):
    """The person declined, or the provider did not let them through (`access_denied`)."""

    status, code = 403, "sign_in.cancelled"
    title, title_fr = "The sign-in was cancelled", "La connexion a été annulée"


class ProviderRefusedError(SignInError):
    """The provider answered the authorization request with an error."""

    status, code = 403, "sign_in.provider_refused"
    title, title_fr = "The identity provider refused", "Le fournisseur d'identité a refusé"


class ProviderAwayError(SignInError):
    """The provider cannot be reached, is too slow or says that it is out of order. Not a refusal: try again."""

    status, code = 503, "sign_in.provider_away"
    title = "The identity provider does not answer; try again in a moment"
    title_fr = "Le fournisseur d'identité ne répond pas ; réessayez dans un instant"


class ProviderMetadataError(SignInError):
    """The discovery document is not the configured issuer's, or names an endpoint that is not allowed."""

    code = "sign_in.provider_metadata"
    title = "The identity provider describes itself otherwise than configured"
    title_fr = "Le fournisseur d'identité se décrit autrement qu'il n'est configuré"


class ProviderKeysError(SignInError):
    """The provider's key set cannot be read."""

    code = "sign_in.provider_keys"
    title, title_fr = (
        "The identity provider's keys cannot be read",
        "Les clés du fournisseur d'identité sont illisibles",
    )


class ClientRefusedError(SignInError):
    """The provider does not accept our own credentials: secret, certificate or redirect address. For the operator."""

    code = "sign_in.client_refused"
    title = "The identity provider does not know this service"
    title_fr = "Le fournisseur d'identité ne reconnaît pas ce service"


class CodeRefusedError(SignInError):
    """The code was used before, expired or was never issued (`invalid_grant`)."""

    status, code = 403, "sign_in.code_refused"
    title, title_fr = "The sign-in is no longer valid; begin again", "La connexion n'est plus valable ; recommencez"


class TokenResponseError(SignInError):
    """The token endpoint answered something that is no token response."""

    code = "sign_in.token_response"


class TokenUnreadableError(SignInError):
    """A token is not a signed JWT, or a claim that must be there is missing or of another type."""

    code = "sign_in.token_unreadable"


class TokenTypeError(SignInError):
    """The token's `typ` says that it is for something else."""

    code = "sign_in.token_type"


class TokenAlgorithmError(SignInError):
    """The token is signed with an algorithm that is not configured; `none` is none."""

    code = "sign_in.token_algorithm"


class TokenKeyUnknownError(SignInError):
    """The provider publishes no key that could have signed the token."""

    code = "sign_in.token_key_unknown"


class TokenKeyAmbiguousError(SignInError):
    """Several keys could have signed the token and it does not say which."""

    code = "sign_in.token_key_ambiguous"


class TokenSignatureError(SignInError):
    """The signature does not hold."""

    code = "sign_in.token_signature"


class TokenIssuerError(SignInError):
    """The token is another issuer's."""

    code = "sign_in.token_issuer"


class TokenAudienceError(SignInError):
    """The token is not for us alone."""

    code = "sign_in.token_audience"


class TokenPartyError(SignInError):
    """The token was issued to another party (`azp`)."""

    code = "sign_in.token_party"


class TokenExpiredError(SignInError):
    """The token has expired, allowing for clocks that differ a little."""

    code = "sign_in.token_expired"
    title = "The identity provider's answer has expired; do the clocks differ?"
    title_fr = "La réponse du fournisseur d'identité a expiré ; les horloges diffèrent-elles ?"


class TokenTooOldError(SignInError):
    """The token was issued before it was asked for."""

    code = "sign_in.token_too_old"
    title = "The identity provider's answer is older than the question; do the clocks differ?"
    title_fr = "La réponse du fournisseur d'identité est antérieure à la demande ; les horloges diffèrent-elles ?"


class TokenTooNewError(SignInError):
    """The token was issued in the future: a clock is wrong, here or there."""

    code = "sign_in.token_too_new"
    title = "The identity provider's answer comes from the future: a clock is wrong"
    title_fr = "La réponse du fournisseur d'identité vient du futur : une horloge est fausse"


class TokenNonceError(SignInError):
    """The token answers another question than ours."""

    code = "sign_in.token_nonce"


class TokenAccessHashError(SignInError):
    """The token was not issued together with the access token (`at_hash`)."""

    code = "sign_in.token_access_hash"


class TokenSubjectError(SignInError):
    """The token names nobody, or nobody that could be remembered (OpenID Connect Core §2: at most 255 characters)."""

    code = "sign_in.token_subject"


class AssuranceRefusedError(SignInError):
    """The person was not authenticated strongly enough, or the provider does not say how (`acr`)."""

    status, code = 403, "sign_in.assurance_refused"
    title = "This way of signing in is not strong enough"
    title_fr = "Ce moyen de connexion n'offre pas une garantie suffisante"


class AuthenticationTooOldError(SignInError):
    """A fresh authentication was asked for and the person was last authenticated earlier, or it is not said when."""

    status, code = 403, "sign_in.authentication_too_old"
    title = "You must identify yourself anew at the identity provider"
    title_fr = "Vous devez vous identifier à nouveau auprès du fournisseur d'identité"


class DirectoryRefusedError(SignInError):
    """The person belongs to another directory than the one configured (`tid`, `hd`)."""

    status, code = 403, "sign_in.directory_refused"
    title = "This account does not belong to the organisation that is let in here"
    title_fr = "Ce compte n'appartient pas à l'organisation admise ici"


class UserInfoRefusedError(SignInError):
    """The provider does not accept the access token that it has just issued."""

    code = "sign_in.user_info_refused"


class UserInfoUnreadableError(SignInError):
    """The user info answer is neither a JSON object nor a signed JWT."""

    code = "sign_in.user_info_unreadable"


class UserInfoSubjectError(SignInError):
    """The user info speaks of somebody else than the token (OpenID Connect Core §5.3.2)."""

    code = "sign_in.user_info_subject"


class LogoutReturnError(SignInError):
    """The browser came back from a logout that it did not begin."""

    status, code = 400, "sign_in.logout_return"
    title, title_fr = "This sign-out was not begun here", "Cette déconnexion n'a pas été commencée ici"


class LogoutEventError(SignInError):
    """The token does not say that it is about a logout."""

    status, code = 400, "sign_in.logout_event"


class LogoutNonceError(SignInError):
    """A logout token with a nonce: it is an ID token in disguise (Back-Channel Logout §2.4)."""

    status, code = 400, "sign_in.logout_nonce"


class LogoutTargetError(SignInError):
    """The token says neither who nor which session."""

    status, code = 400, "sign_in.logout_target"


class LogoutReplayedError(SignInError):
    """The token came before, or cannot be told from others (`jti`)."""

    status, code = 400, "sign_in.logout_replayed"
