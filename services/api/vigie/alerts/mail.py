"""Mail: a letter as a message that mail programs show well, and its way to the operator's mail server.

Text and HTML side by side (RFC 2046 §5.1.4), no pictures, nothing that tells us who read it. The Message-ID is that of the
notification, so that a message which is sent again after a crash is the same one for whoever compares; messages about one alert
refer to it and are shown together.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import Final
from uuid import UUID

import aiosmtplib

from vigie.alerts.layout import as_html, as_text
from vigie.alerts.letters import Letter

TOTAL_S: Final = 20.0
_PERMANENT: Final = 500
_SEVERE: Final[Mapping[str, str]] = {"critical": "1"}


@dataclass(frozen=True, slots=True)
class MailServer:
    """The operator's mail server. `tls`: starttls, implicit or none."""

    host: str
    port: int
    tls: str
    user: str | None
    password: str | None
    sender: str
    ca_file: Path | None = None

    @property
    def domain(self) -> str:
        """Return the domain messages come from."""
        return parseaddr(self.sender)[1].rpartition("@")[2] or "localhost"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What a message is beside its words: its id, its thread, whose it is, to whom and when."""

    message_id: UUID
    provider_id: UUID
    provider: str
    recipients: Sequence[str]
    at: datetime
    thread: UUID | None = None


class MailRefusedError(Exception):
    """The mail did not go out. `permanent`: it never will to these recipients; else it may later. `code` is ours and stable."""

    def __init__(self, code: str, *, permanent: bool, excerpt: str | None = None) -> None:
        super().__init__(code)
        self.code, self.permanent, self.excerpt = code, permanent, excerpt


def compose(server: MailServer, letter: Letter, envelope: Envelope) -> EmailMessage:
    """Return the message of a letter, ready to be sent."""
    name, address = parseaddr(server.sender)
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(f"{envelope.provider} · {name or 'Vigie'}", addr_spec=address)
    message["To"] = [Address(addr_spec=each) for each in envelope.recipients]
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = f"<{envelope.message_id}@{server.domain}>"
    if envelope.thread is not None:
        message["References"] = f"<alert-{envelope.thread}@{server.domain}>"
    message["List-Id"] = f"<alerts.{envelope.provider_id}.{server.domain}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday notices in answer
    message["X-Auto-Response-Suppress"] = "All"
    message["Content-Language"] = letter.language
    if letter.tone in _SEVERE:
        message["X-Priority"] = _SEVERE[letter.tone]
    message.set_content(as_text(letter), cte="quoted-printable")
    message.add_alternative(as_html(letter), subtype="html", cte="quoted-printable")
    return message


async def post(server: MailServer, message: EmailMessage, recipients: Sequence[str]) -> list[str]:
    """Hand a message to the mail server; return the recipients it refused for good while it took others.

    Raises `MailRefusedError` when nobody will get it. What is the operator's to put right (no TLS, a login or a sender that is
    refused) is temporary: no channel is at fault.
    """
    client = aiosmtplib.SMTP(
        hostname=server.host,
        port=server.port,
        use_tls=server.tls == "implicit",
        start_tls=server.tls == "starttls",
        tls_context=None if server.tls == "none" else _context(server.ca_file),
        timeout=TOTAL_S,
        validate_certs=True,
    )
    try:
        async with asyncio.timeout(TOTAL_S):
            return await _hand_over(client, server, message, recipients)
    except MailRefusedError:
        raise
    except TimeoutError as error:
        raise MailRefusedError("mail.time", permanent=False) from error
    except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
        raise MailRefusedError("mail.server", permanent=False, excerpt=_told(error)) from error
    finally:
        client.close()


async def _hand_over(
    client: aiosmtplib.SMTP, server: MailServer, message: EmailMessage, recipients: Sequence[str]
) -> list[str]:
    try:
        await client.connect()
    except aiosmtplib.SMTPException as error:
        code = "mail.no_tls" if server.tls == "starttls" and "STARTTLS" in str(error) else "mail.connection"
        raise MailRefusedError(code, permanent=False, excerpt=_told(error)) from error
    try:
        if server.user is not None:
            await client.login(server.user, server.password or "")
        await client.mail(parseaddr(server.sender)[1])
    except aiosmtplib.SMTPException as error:
        raise MailRefusedError("mail.sender_refused", permanent=False, excerpt=_told(error)) from error
    refused = await _name_recipients(client, recipients)
    try:
        await client.data(message.as_bytes())
    except aiosmtplib.SMTPResponseException as error:
        permanent = error.code >= _PERMANENT
        code = "mail.message_refused" if permanent else "mail.later"
        raise MailRefusedError(code, permanent=permanent, excerpt=_told(error)) from error
    with contextlib.suppress(aiosmtplib.SMTPException):  # the message is theirs already
        await client.quit()
    return refused


async def _name_recipients(client: aiosmtplib.SMTP, recipients: Sequence[str]) -> list[str]:
    """Name the recipients; return those refused for good. Raises when none is taken, or one might be later."""
    refused: list[str] = []
    told = ""
    for each in recipients:
        try:
            await client.rcpt(each)
        except aiosmtplib.SMTPResponseException as error:
            if error.code < _PERMANENT:
                raise MailRefusedError("mail.later", permanent=False, excerpt=_told(error)) from error
            refused.append(each)
            told = _told(error)
    if len(refused) == len(recipients):
        raise MailRefusedError("mail.recipients_refused", permanent=True, excerpt=told)
    return refused


def _told(error: Exception) -> str:
    """Return what the server said, on one line and bounded."""
    text = f"{error.code} {error.message}" if isinstance(error, aiosmtplib.SMTPResponseException) else str(error)
    return re.sub(r"\s+", " ", text)[:300]


def _context(ca_file: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context
