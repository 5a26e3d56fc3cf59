"""People: invitations, sign-in, members and their sessions, the provider's own identity providers."""
