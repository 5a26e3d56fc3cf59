"""A browser without a screen and without scripts: what a person does with pages, forms, links and redirects."""

import re
import ssl
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any, Self
from urllib.parse import urljoin, urlsplit

import httpx


@dataclass
class Form:
    """A form of a page, as a person would see it: where it goes and what its buttons say."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str, str]] = field(default_factory=list)  # name, value, words


class _Page(HTMLParser):
    """Collects links, forms and buttons of a page; a button outside its form names it."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[tuple[str, str]] = []  # words, address
        self._by_id: dict[str, Form] = {}
        self._open: Form | None = None
        self._button: tuple[Form, str, str] | None = None
        self._link: str | None = None
        self._words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").upper())
            self.forms.append(self._open)
            self._by_id[given.get("id", "")] = self._open
        elif tag == "input" and self._open is not None and given.get("name"):
            self._open.fields[given["name"]] = given.get("value", "")
        elif tag == "button":
            owner = self._by_id.get(given["form"]) if "form" in given else self._open
            self._button = None if owner is None else (owner, given.get("name", ""), given.get("value", ""))
            self._words = ""
        elif tag == "a" and "href" in given:
            self._link, self._words = given["href"], ""

    def handle_data(self, data: str) -> None:
        self._words += data

    def handle_endtag(self, tag: str) -> None:
        words = " ".join(self._words.split())
        if tag == "form":
            self._open = None
        elif tag == "button" and self._button is not None:
            owner, name, value = self._button
            owner.buttons.append((name, value, words))
            self._button = None
        elif tag == "a" and self._link is not None:
            self.links.append((words, self._link))
            self._link = None


class Browser:
    """One person's browser: keeps cookies, follows redirects, presses buttons and follows links by the words on them.

    It sends what browsers send with a form (`Origin`, `Sec-Fetch-Site`) and heeds the `form-action` of a page's policy as
    Chromium does, on redirects too: a page that forbids its own way out fails the test.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.http = httpx.AsyncClient(verify=tls or False, trust_env=False, timeout=20)
        self.page: httpx.Response
        self.addresses: list[str] = []  # every address visited, in order

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.http.aclose()

    async def open(self, url: str, *, stop_at: str | None = None) -> httpx.Response:
        """Go to an address and follow redirects, up to one that starts with `stop_at` (which is not asked for)."""
        return await self._go("GET", url, stop_at=stop_at)

    async def follow(self, words: str, *, stop_at: str | None = None) -> httpx.Response:
        """Follow the link of this page that carries these words."""
        for shown, address in self._read().links:
            if words in shown:
                return await self._go("GET", urljoin(str(self.page.url), address), stop_at=stop_at)
        raise AssertionError(f"no link {words!r} on {self.page.url}: {self.page.text[:4000]}")

    async def press(self, words: str, *, stop_at: str | None = None, **fields: str) -> httpx.Response:
        """Press the button of this page that carries these words."""
        for form in self._read().forms:
            for name, value, shown in form.buttons:
                if words in shown:
                    data = {**form.fields, **fields, **({name: value} if name else {})}
                    action = urljoin(str(self.page.url), form.action)
                    if form.method == "GET":
                        return await self._go("GET", str(httpx.URL(action, params=data)), stop_at=stop_at)
                    return await self._go("POST", action, stop_at=stop_at, allowed=self._form_action(), data=data)
        raise AssertionError(f"no button {words!r} on {self.page.url}: {self.page.text[:4000]}")

    def buttons(self) -> list[str]:
        """Return the words of every button of the page."""
        return [shown for form in self._read().forms for *_, shown in form.buttons]

    def _read(self) -> _Page:
        parser = _Page()
        parser.feed(self.page.text)
        return parser

    def _form_action(self) -> set[str] | None:
        """Return the origins the page's policy lets a form lead to; None when it says nothing (CSP 3 §6.4.1)."""
        policy = self.page.headers.get("content-security-policy", "")
        found = re.search(r"(?:^|;)\s*form-action\s+([^;]*)", policy)
        if found is None:
            return None
        own = _origin(str(self.page.url))
        return {own if source == "'self'" else source for source in found[1].split()}

    async def _go(
        self, method: str, url: str, *, stop_at: str | None, allowed: set[str] | None = None, **content: Any
    ) -> httpx.Response:
        origin = _origin(str(self.page.url)) if self.addresses else None
        for _ in range(20):
            headers = {"Accept": "text/html", "Accept-Language": "fr"}
            if origin is not None and method == "POST":
                headers["Origin"] = origin
                headers["Sec-Fetch-Site"] = "same-origin" if origin == _origin(url) else "cross-site"
            answer = await self.http.request(method, url, headers=headers, **content)
            self.addresses.append(url)
            self.page = answer
            if not answer.is_redirect:
                return answer
            url = urljoin(url, answer.headers["location"])
            assert allowed is None or _origin(url) in allowed, f"form-action {allowed} forbids the way to {url}"
            if stop_at is not None and url.startswith(stop_at):
                return answer
            if answer.status_code in {301, 302, 303} and method == "POST":
                method, content = "GET", {}
        raise AssertionError(f"no end of redirects: {self.addresses[-20:]}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
