"""Finding the route of a request by the segments of its path, instead of trying every route in turn.

The framework tries some two hundred patterns one after the other, which costs the last of them a millisecond of a core. Here a
path is walked once; the few routes it leads to are then asked by the framework's own rule, in the order in which they were
added, so that what answers is what would have answered. Whatever is not found here (no such path, no such method, a slash too
many) is left to the framework.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from starlette.routing import BaseRoute, Match, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send


@dataclass(slots=True)
class _Place:
    """Where the segments so far lead: routes that end here, and the places beyond: by the next segment, or whatever it is."""

    routes: list[tuple[int, BaseRoute]] = field(default_factory=list)
    named: "dict[str, _Place]" = field(default_factory=dict)
    any: "_Place | None" = None

    def beyond(self, segment: str) -> "_Place":
        """Return the place behind a segment of a route's path, made where there is none."""
        if "{" not in segment:
            return self.named.setdefault(segment, _Place())
        self.any = self.any or _Place()
        return self.any


class RouteIndex:
    """Serves a request by its route; stands in front of the framework's own search."""

    def __init__(self, app: ASGIApp, routes: Sequence[BaseRoute]) -> None:
        self._otherwise = app
        self._root = _Place()
        self._anywhere: list[tuple[int, BaseRoute]] = []
        for order, route in enumerate(routes):
            self._add(order, route)

    def _add(self, order: int, route: BaseRoute) -> None:
        if not isinstance(route, Route) or ":path}" in route.path:
            self._anywhere.append((order, route))
            return
        place = self._root
        for segment in route.path.split("/"):
            place = place.beyond(segment)
        place.routes.append((order, route))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self.candidates(scope["path"]):
                match, found = route.matches(scope)
                if match is Match.FULL:
                    scope.update(found)
                    scope.setdefault("vigie.route", getattr(route, "path", None))  # by which it is counted and timed
                    await route.handle(scope, receive, send)
                    return
        await self._otherwise(scope, receive, send)

    def candidates(self, path: str) -> list[BaseRoute]:
        """Return the routes that a path may belong to, in the order in which they were added; no other can match it."""
        found = [*self._anywhere, *_walk(self._root, path.split("/"), 0)]
        found.sort(key=lambda each: each[0])
        return [route for _, route in found]


def _walk(place: _Place, segments: Sequence[str], depth: int) -> Iterator[tuple[int, BaseRoute]]:
    if depth == len(segments):
        yield from place.routes
        return
    for beyond in (place.named.get(segments[depth]), place.any):
        if beyond is not None:
            yield from _walk(beyond, segments, depth + 1)


def index_routes(router: Router) -> None:
    """Let the routes a router has now be found by their paths."""
    router.middleware_stack = RouteIndex(router.middleware_stack, router.routes)
