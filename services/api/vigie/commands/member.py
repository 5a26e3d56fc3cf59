"""`vigie member invite`: how the first owner of a provider gets in, and whoever else the operator lets in."""

import argparse
import asyncio
import sys
from datetime import timedelta
from uuid import UUID

from vigie.auth.principal import ROLES
from vigie.cli_people import invite_member
from vigie.core.errors import AppError
from vigie.people.invitations import NewInvitation
from vigie.people.members import Standing
from vigie.practices.identifiers import is_rpps
from vigie.runtime import with_database
from vigie.settings import Settings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take `invite PROVIDER`."""
    member = parser.add_subparsers(required=True, metavar="ACTION")
    new = member.add_parser("invite", help="print a link by which somebody becomes a member of a provider")
    new.add_argument("provider", type=UUID)
    new.add_argument("--role", choices=ROLES, default="owner")
    new.add_argument("--label", required=True, help="whom it is for")
    new.add_argument("--practice", type=UUID, help="the practice of a practitioner or of practice staff")
    new.add_argument("--rpps", help="invite a practitioner by this number instead of a link")
    new.add_argument("--days", type=int, default=14, help="how long the invitation stays open (default 14)")


def run(settings: Settings, arguments: argparse.Namespace) -> int:
    """Invite somebody and print the link; `LookupError` says why nobody is invited."""
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
