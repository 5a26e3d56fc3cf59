"""Calls to an identity provider: where it is out of reach or out of order, that is never a refusal of the person."""

import logging
from collections.abc import Mapping
from typing import Final

from vigie.auth.oidc.errors import ProviderAwayError, ProviderMetadataError
from vigie.auth.oidc.profiles import IdentityProvider
from vigie.core.outbound import Outbound, OutboundFailedError, OutboundRefusedError, Reply

OK: Final = 200
UNAUTHORIZED: Final = 401
FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_log = logging.getLogger(__name__)


async def call(
    outbound: Outbound, idp: IdentityProvider, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
) -> Reply:
    """Send one request, with our certificate where we have one, and return the answer whatever it says.

    Raises `ProviderAwayError` when there is none, or one of 429 and 5xx; `ProviderMetadataError` when the address is not one
    that may be called. The log gets the kind of failure, never an address, a token or a body.
    """
    try:
        reply = await outbound.request(
            method, url, headers=headers, body=body, reach=idp.reach, certificate=idp.certificate
        )
    except OutboundRefusedError as error:
        _log.warning("address of an identity provider not called", extra={"idp": idp.id, "reason": str(error)})
        raise ProviderMetadataError from error
    except OutboundFailedError as error:
        _log.warning("identity provider away", extra={"idp": idp.id, "reason": str(error)})
        raise ProviderAwayError from error
    if reply.status >= _SERVER_ERROR or reply.status == _TOO_MANY:
        _log.warning("identity provider out of order", extra={"idp": idp.id, "status": reply.status})
        raise ProviderAwayError
    return reply
