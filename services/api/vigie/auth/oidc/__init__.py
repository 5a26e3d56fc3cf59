"""The OpenID Connect relying party: protocol only, without database and without web framework.

`authorization.begin` sends a browser to an identity provider, `callback.finish` turns what comes back into an `Identity` or
raises one of `errors`, `logout` ends it on both sides. `profiles.IdentityProvider` is the configuration of one issuer,
`party.RelyingParty` holds what all of them need. What is checked, and which test would miss each check:
docs/security/sign-in.md.
"""
