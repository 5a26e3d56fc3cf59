"""What cannot be done with webhooks."""

from vigie.core.errors import AppError


class WebhooksOffError(AppError):
    """The operator has set up no sealing key: the secrets of endpoints could not be kept."""

    status, code = 503, "webhook.off"
    title = "Webhooks are not set up on this service"
    title_fr = "Les webhooks ne sont pas configurés sur ce service"


class UrlRefusedError(AppError):
    """The address is not one this service calls: https on the public internet, without credentials."""

    status, code = 422, "webhook.url_refused"
    title, title_fr = "This address is not one we call", "Cette adresse n'est pas de celles que nous appelons"


class TooManyEndpointsError(AppError):
    """The provider has as many endpoints as there may be."""

    status, code = 409, "webhook.too_many"
    title, title_fr = "There are too many endpoints", "Il y a trop de points de réception"


class SecretRotatingError(AppError):
    """Two secrets sign already: a third would leave nobody sure which one to expect."""

    status, code = 409, "webhook.rotation_running"
    title = "Two secrets of this endpoint hold already"
    title_fr = "Deux secrets de ce point de réception sont déjà valables"


class EndpointDisabledError(AppError):
    """Nothing is sent to a disabled endpoint; enable it first."""

    status, code = 409, "webhook.disabled"
    title, title_fr = "The endpoint is disabled", "Le point de réception est désactivé"


class MessageGoneError(AppError):
    """What was sent is no longer kept; the feed of events may still have it."""

    status, code = 410, "webhook.message_gone"
    title, title_fr = "The message is no longer kept", "Le message n'est plus conservé"


class DeliveryWaitingError(AppError):
    """The delivery is still being tried."""

    status, code = 409, "webhook.delivery_waiting"
    title = "The delivery is being tried already"
    title_fr = "La livraison est déjà en cours d'essai"
