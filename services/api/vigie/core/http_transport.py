"""How our programs reach other servers over HTTP: httpx's own way, minus one fault of what lies below it."""

import httpx


class Transport(httpx.AsyncHTTPTransport):
    """Tells a connection that was reset as soon as it was made as any other that failed (`httpx.ConnectError`).

    uvloop has no socket any more for such a connection, and anyio asks it for its peer all the same: out of a hundred, some
    twenty ended in an `AttributeError`, which nobody who calls expects of a server.
    """

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; raises `httpx.TransportError` and nothing else for what the other side does."""
        try:
            return await super().handle_async_request(request)
        except AttributeError as error:
            raise httpx.ConnectError("reset as soon as it was connected", request=request) from error
