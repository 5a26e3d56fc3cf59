"""A mail server on the loopback of this machine, as others run them: it takes, defers or refuses, and keeps what it took."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult


@dataclass
class Mailbox:
    """What came in, and what is answered to whom: `answers` by recipient, `data` to the message itself."""

    taken: list[tuple[list[str], EmailMessage]] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    data: str = "250 taken"
    sender: str = "250 ok"
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0

    async def handle_MAIL(  # noqa: N802 - the name the server looks for
        self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        """Answer to the sender."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return self.sender

    async def handle_RCPT(  # noqa: N802 - the name the server looks for
        self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        """Answer to one recipient."""
        answer = self.answers.get(address, "250 ok")
        if answer.startswith("2"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(  # noqa: N802 - the name the server looks for
        self, _server: SMTP, session: Any, envelope: Any
    ) -> str:
        """Keep a message, or refuse it."""
        if self.data.startswith("2"):
            message = message_from_bytes(envelope.content, policy=policy.default)
            assert isinstance(message, EmailMessage)
            self.taken.append((list(envelope.rcpt_tos), message))
            self.encrypted.append(session.ssl is not None)
        return self.data


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None, password: str | None = None) -> AsyncIterator[Mailbox]:
    """Run a mail server while the block lasts; with `tls` it offers STARTTLS and wants it, with `password` a login."""
    found = Mailbox()

    def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == (password or "").encode())

    def make() -> SMTP:
        return SMTP(
            found,
            hostname="mail.test",
            tls_context=tls,
            require_starttls=tls is not None,
            auth_required=password is not None,
            authenticator=authenticate if password is not None else None,
        )

    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
