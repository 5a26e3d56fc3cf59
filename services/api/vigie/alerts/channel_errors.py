"""What cannot be done with channels."""

from vigie.core.errors import AppError


class ChannelAddressRefusedError(AppError):
    """The address is not one that notifications are sent to; the detail says why, without the address."""

    status, code = 422, "channel.address_refused"
    title = "Notifications are not sent to this address"
    title_fr = "Aucune notification n'est envoyée à cette adresse"


class ChannelOffError(AppError):
    """The channel is switched off; the same request succeeds once it is switched on."""

    status, code = 409, "channel.off"
    title, title_fr = "The channel is switched off", "Le canal est désactivé"


class TooManyChannelsError(AppError):
    """The provider has as many channels as it may have."""

    status, code = 409, "channel.too_many"
    title, title_fr = "There are too many channels", "Il y a trop de canaux"


class SecretsOffError(AppError):
    """The operator has set up no key to seal secrets with, so that none are kept."""

    status, code = 503, "channel.secrets_off"
    title = "Secrets of channels cannot be kept on this service"
    title_fr = "Ce service ne peut pas garder les secrets des canaux"
