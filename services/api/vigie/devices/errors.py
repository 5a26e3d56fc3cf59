"""Refusals of the agent routes and of enrolment (docs/protocol.md)."""

from vigie.core.errors import AppError, BodyTooLargeError


class BodyUnreadableError(AppError):
    """The body is not JSON, or its compression is broken."""

    status, code = 400, "agent.body_unreadable"
    title, title_fr = "The body cannot be read", "Le corps est illisible"


class SignatureAbsentError(AppError):
    """The request is not signed in the way of the protocol."""

    status, code = 401, "agent.signature_missing"
    title, title_fr = "The request is not signed", "La requête n'est pas signée"


class SignatureError(AppError):
    """The signature does not hold for the device's key."""

    status, code = 401, "agent.signature_invalid"
    title, title_fr = "The signature does not hold", "La signature n'est pas valable"


class DigestError(AppError):
    """The body is not the one that was signed."""

    status, code = 401, "agent.digest_mismatch"
    title, title_fr = "The body was altered", "Le corps a été altéré"


class ClockSkewError(AppError):
    """Only the time of the signature is wrong: correct the clock by `server_time` and sign again."""

    status, code = 401, "agent.clock_skew"
    title, title_fr = "The clock of the device is wrong", "L'horloge du poste est fausse"


class UnknownDeviceError(AppError):
    """No such device."""

    status, code = 401, "agent.unknown_device"
    title, title_fr = "Unknown device", "Poste inconnu"


class DeviceRevokedError(AppError):
    """The device was revoked."""

    status, code = 403, "agent.device_revoked"
    title, title_fr = "The device was revoked", "Le poste a été révoqué"


class SequenceBehindError(AppError):
    """The sequence goes back with another body: continue from `continue_from`."""

    status, code = 409, "agent.sequence_behind"
    title, title_fr = "The sequence goes back", "La séquence recule"


class AgentBodyTooLargeError(BodyTooLargeError):
    """The body is too large, before or after decompression."""

    status, code = 413, "agent.body_too_large"
    title, title_fr = "The body is too large", "Le corps est trop volumineux"


class SchemaInvalidError(AppError):
    """The body is not a heartbeat of this version; `errors` says where."""

    status, code = 422, "agent.schema_invalid"
    title, title_fr = "The body is not a heartbeat of this version", "Le corps n'est pas une remontée de cette version"


class TimeInvalidError(AppError):
    """A date of the body is impossible."""

    status, code = 422, "agent.time_invalid"
    title, title_fr = "A date of the body is impossible", "Une date du corps est impossible"


class PersonalDataRefusedError(AppError):
    """The body carries what looks like a patient; it was neither stored nor logged."""

    status, code = 422, "agent.personal_data_refused"
    title, title_fr = "Personal data are refused", "Les données personnelles sont refusées"


class TokenUnknownError(AppError):
    """No such enrolment token."""

    status, code = 403, "enrolment.token_unknown"
    title, title_fr = "Unknown enrolment token", "Code d'installation inconnu"


class TokenExpiredError(AppError):
    """The enrolment token has expired."""

    status, code = 403, "enrolment.token_expired"
    title, title_fr = "The enrolment token has expired", "Le code d'installation a expiré"


class TokenExhaustedError(AppError):
    """The enrolment token has been used as often as it may."""

    status, code = 403, "enrolment.token_exhausted"
    title, title_fr = "The enrolment token is used up", "Le code d'installation est épuisé"


class TokenRevokedError(AppError):
    """The enrolment token was revoked."""

    status, code = 403, "enrolment.token_revoked"
    title, title_fr = "The enrolment token was revoked", "Le code d'installation a été révoqué"


class KeyInUseError(AppError):
    """Another device of the provider holds this key."""

    status, code = 409, "enrolment.key_in_use"
    title, title_fr = "Another device holds this key", "Un autre poste détient cette clé"


class WrongStatusError(AppError):
    """The device is not in a status in which this can be done."""

    status, code = 409, "device.wrong_status"
    title, title_fr = "The device's status does not allow this", "L'état du poste ne le permet pas"
