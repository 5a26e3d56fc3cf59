"""`vigie member invite`: how the first owner of a provider gets in, and whoever else the operator lets in."""

import argparse
import asyncio
import sys
from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from vigie.audit.actions import Action
from vigie.audit.log import OPERATOR, NewEntry, append
from vigie.auth.principal import ROLES
from vigie.core.clock import SystemClock
from vigie.core.db import Database, role_url
from vigie.core.errors import AppError
from vigie.people.invitations import NewInvitation, invite, link_of
from vigie.people.members import Standing
from vigie.practices.identifiers import is_rpps
from vigie.practices.models import Practice
from vigie.practices.service import known_provider
from vigie.runtime import with_database
from vigie.settings import Settings


def add_commands(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `member` and its actions to the command line."""
    member = commands.add_parser("member", help="let people in").add_subparsers(required=True, metavar="ACTION")
    new = member.add_parser("invite", help="print a link by which somebody becomes a member of a provider")
    new.add_argument("provider", type=UUID)
    new.add_argument("--role", choices=ROLES, default="owner")
    new.add_argument("--label", required=True, help="whom it is for")
    new.add_argument("--practice", type=UUID, help="the practice of a practitioner or of practice staff")
    new.add_argument("--rpps", help="invite a practitioner by this number instead of a link")
    new.add_argument("--days", type=int, default=14, help="how long the invitation stays open (default 14)")
    new.set_defaults(run=_invite)


def _invite(settings: Settings, arguments: argparse.Namespace) -> int:
    if arguments.rpps is not None and not is_rpps(arguments.rpps):
        raise LookupError("--rpps is not an RPPS number: eleven digits, the last of which is a key")
    new = NewInvitation(
        standing=Standing(arguments.role, arguments.practice),
        label=arguments.label,
        lifetime=timedelta(days=arguments.days),
        rpps=arguments.rpps,
    )
    with with_database(settings) as ready:
        try:
            link = asyncio.run(invite_member(ready, arguments.provider, new))
        except AppError as error:
            raise LookupError(error.detail or error.title) from error
    sys.stdout.write(f"{link or 'Signing in with Pro Santé Connect is enough.'}\n")
    return 0


async def invite_member(settings: Settings, provider_id: UUID, new: NewInvitation) -> str | None:
    """Invite somebody as the operator; return the link, None for an invitation by number. Raises `LookupError`."""
    now = SystemClock().now()
    database = Database(*role_url(settings, "vigie_app"), pool_size=1)
    try:
        async with database.session(provider_id, write=True) as session:
            if not await known_provider(session, provider_id):
                raise LookupError(f"there is no provider {provider_id}")
            practice = new.standing.practice_id
            found = select(Practice.id).where(Practice.provider_id == provider_id, Practice.id == practice)
            if practice is not None and (await session.scalars(found)).first() is None:
                raise LookupError(f"there is no practice {practice}")
            invitation, token = await invite(session, provider_id, new, by="operator", now=now)
            entry = NewEntry(
                provider_id,
                OPERATOR,
                Action.INVITATION_CREATE,
                object_id=str(invitation.id),
                practice_id=practice,
                details={"role": new.standing.role, "link": token is not None},
            )
            await append(session, entry, now)
    finally:
        await database.close()
    return None if token is None else link_of(settings.public_url, token)
