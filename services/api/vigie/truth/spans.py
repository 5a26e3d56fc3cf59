"""Sets of spans of time: joined, cut, looked into. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from vigie.truth.openings import Span

Spans = tuple[Span, ...]


def joined(spans: Iterable[Span]) -> Spans:
    """Return spans in order, those that touch or overlap as one, empty ones left out."""
    found: list[Span] = []
    for span in sorted(span for span in spans if span.start < span.end):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return tuple(found)


def without(spans: Spans, holes: Iterable[Span]) -> Spans:
    """Return what is left of ordered spans when holes are cut out of them."""
    cuts = joined(holes)
    if not cuts:
        return spans
    found: list[Span] = []
    for span in spans:
        start = span.start
        for cut in cuts[max(bisect_right(cuts, (span.start,)) - 1, 0) :]:
            if cut.start >= span.end:
                break
            if cut.end <= start:
                continue
            if cut.start > start:
                found.append(Span(start, cut.start))
            start = cut.end
        if start < span.end:
            found.append(Span(start, span.end))
    return tuple(found)


def within(spans: Spans, bounds: Span) -> Spans:
    """Return the parts of ordered spans that lie between two instants."""
    return joined(Span(max(span.start, bounds.start), min(span.end, bounds.end)) for span in spans)


def at(spans: Sequence[Span], instant: int) -> Span | None:
    """Return the span that holds an instant, of ordered spans that do not overlap."""
    place = bisect_right(spans, (instant, float("inf"))) - 1
    if place >= 0 and instant < spans[place].end:
        return spans[place]
    return None


def before(instants: Sequence[int], instant: int) -> int | None:
    """Return the last of ordered instants that is not after another."""
    place = bisect_right(instants, instant)
    return instants[place - 1] if place else None
