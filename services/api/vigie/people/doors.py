"""Which identity provider opens which role. Pure: the table of docs/people.md as code.

| identity provider | provider's roles | practitioner | practice staff | where |
|---|---|---|---|---|
| Pro Santé Connect (operator's) | no | yes | yes | everywhere |
| another of the operator's | yes | no | yes | everywhere |
| a provider's own | yes | no | yes | at that provider only |

A practitioner signs what an insurer reads: only Pro Santé Connect vouches for who they are. Whoever runs an issuer can
sign anybody in under any name, so a provider's own issuer opens nothing beyond that provider.
"""

from uuid import UUID

from vigie.auth.oidc.profiles import IdentityProvider
from vigie.auth.principal import PROVIDER_ROLES


def opens(idp: IdentityProvider, role: str, provider_id: UUID) -> bool:
    """Whether a sign-in at this identity provider opens a role at a provider."""
    professional = idp.profile == "pro_sante_connect"
    if idp.provider_id is not None and (professional or idp.provider_id != provider_id):
        return False
    if role == "practitioner":
        return professional
    return not (professional and role in PROVIDER_ROLES)
