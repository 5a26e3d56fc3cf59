"""Quotas of requests, counted in this process (docs/adr/0019): whoever asks too often is told when to come back.

A quota is written `600/minute` or `3000/10 seconds` and counts in windows that begin with the first request of a key. Each route
decides which quotas a request falls under, the caller's own before that of the whole provider, so that one client
cannot use up what belongs to the others. Devices are not counted here: their queue answers for itself.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

from limits import RateLimitItem, parse
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vigie.core.errors import AppError
from vigie.core.metrics import RATE_LIMITED

_CAPACITY: Final = 20_000  # keys; about ten megabytes
_HEADERS: Final = "vigie.quotas"
_V6_SITE: Final = 64  # bits of an IPv6 address that say whose it is; the rest changes at will


class RateLimitExceededError(AppError):
    """A quota is used up until its window ends."""

    status, code = 429, "rate_limit.exceeded"
    title, title_fr = "Too many requests: come back in a moment", "Trop de requêtes : revenez dans un instant"


@dataclass(frozen=True, slots=True)
class Quota:
    """How many requests a key may make in how many seconds; `name` is how callers read it in the headers."""

    name: str
    item: RateLimitItem
    policy: str

    @classmethod
    def of(cls, name: str, notation: str) -> "Quota":
        """Read the notation of a setting; raises `ValueError`."""
        item = parse(notation)
        return cls(name, item, f'"{name}";q={item.amount};w={item.get_expiry()}')


class RateLimits:
    """Counts requests against named quotas."""

    def __init__(self, quotas: Mapping[str, str], monotonic: Callable[[], float]) -> None:
        self._quotas = {name: Quota.of(name, notation) for name, notation in quotas.items()}
        self._monotonic = monotonic
        self._limiter = FixedWindowRateLimiter(_Counters(monotonic, _CAPACITY))

    def admit(self, scope: Scope, *claims: tuple[str, str]) -> None:
        """Count one request against each quota (its name, and whose it is) in turn, and say so in the answer's headers.

        Raises `RateLimitExceededError` at the first that is used up; the quotas after it are not touched.
        """
        policies: list[str] = []
        standings: list[str] = []
        for name, key in claims:
            quota = self._quotas[name]
            admitted = self._limiter.hit(quota.item, name, key)
            if admitted and _HEADERS not in scope:
                continue  # asked by a page: nobody reads how much is left
            ends_at, remaining = self._limiter.get_window_stats(quota.item, name, key)
            reset = max(1, math.ceil(ends_at - self._monotonic()))
            policies.append(quota.policy)
            standings.append(f'"{name}";r={remaining};t={reset}')
            if not admitted:
                self._note(scope, policies, standings)
                RATE_LIMITED.labels(name).inc()
                raise RateLimitExceededError(headers={"Retry-After": str(reset)}, quota=name)
        self._note(scope, policies, standings)

    def _note(self, scope: Scope, policies: list[str], standings: list[str]) -> None:
        noted: list[tuple[bytes, bytes]] | None = scope.get(_HEADERS)
        if noted is not None:
            noted += [
                (b"ratelimit-policy", ", ".join(policies).encode()),
                (b"ratelimit", ", ".join(standings).encode()),
            ]


class QuotaHeaders:
    """Adds `RateLimit-Policy` and `RateLimit` (draft-ietf-httpapi-ratelimit-headers) to the answers of counted requests."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        noted: list[tuple[bytes, bytes]] = []
        scope[_HEADERS] = noted

        async def adding(message: Message) -> None:
            if noted and message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *noted]
            await send(message)

        await self.app(scope, receive, adding)


def key_of_address(address: str | None) -> str:
    """Return whose an address is: itself, or the /64 network of an IPv6 one, inside which a machine may choose freely."""
    if address is None:
        return "nowhere"
    found = ip_address(address)
    if not isinstance(found, IPv6Address):
        return address
    return str(IPv6Address(int(found) >> _V6_SITE << _V6_SITE))


class _Counters(Storage):
    """Counters in memory: bounded, and as quick with many keys as with few.

    The library's own memory storage looks through all its keys after every request, two milliseconds of a core at ten
    thousand of them, and keeps each until then. Here the oldest window leaves when there are too many: who floods us from a
    hundred thousand addresses makes us forget counts, not run out of memory.
    """

    STORAGE_SCHEME = None

    def __init__(self, monotonic: Callable[[], float], capacity: int) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._capacity = capacity
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()  # in the order in which they began

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        ends_at, count = self._window(key)
        if count == 0:
            self._windows.pop(key, None)
            ends_at = self._monotonic() + expiry
        self._windows[key] = (ends_at, count + amount)
        if len(self._windows) > self._capacity:
            self._windows.popitem(last=False)
        return count + amount

    def get(self, key: str) -> int:
        return self._window(key)[1]

    def get_expiry(self, key: str) -> float:
        return self._window(key)[0]

    def _window(self, key: str) -> tuple[float, int]:
        ends_at, count = self._windows.get(key, (0.0, 0))
        now = self._monotonic()
        return (ends_at, count) if now < ends_at else (now, 0)

    def check(self) -> bool:
        return True

    def reset(self) -> int:
        count = len(self._windows)
        self._windows.clear()
        return count

    def clear(self, key: str) -> None:
        self._windows.pop(key, None)
