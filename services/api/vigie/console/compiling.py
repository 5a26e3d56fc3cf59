"""Templates that cost little to render: what is the same in every rendering of a language is settled when they are compiled.

There is one environment per language, so the text of `_("Alertes")` is known before anybody asks for a page. Without this
two thirds of the time of a long list went into looking up texts, each with a copy of all the names around it. What is left to do
in a rendering is written as the plain Python it means: a call is a call, a member of a JSON object a subscript (docs/adr/0035).
"""

import re
from functools import lru_cache
from keyword import iskeyword
from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer
from markupsafe import Markup, escape

from vigie.console.catalogues import Texts

_PLURAL: Final = "plural"
_FILLED: Final = "filled"
_WHOLE: Final = "whole"
_MADE: Final = "_made"
_WITH_CONTEXT: Final = frozenset({"_", "gettext", "ngettext", "pgettext", "npgettext"})
"""The functions that have to be told the names around their call."""
_DICT: Final = frozenset(dir(dict))
_HELD: Final = "held_"
_special: Final = re.compile("[&<>'\"]").search
_place: Final = re.compile(r"%\((\w+)\)s|%%|(%)")


def put(value: Any) -> str:
    """Return what a template writes of a value: escaped, unless it is markup. Most of what pages say has nothing to escape."""
    kind = type(value)
    if kind is str:
        return escape(value) if _special(value) else value
    if kind is Markup:
        return value  # type: ignore[no-any-return]
    return str(value) if kind is int else escape(value)


@lru_cache(maxsize=4096)
def _pieces(text: str) -> tuple[str | tuple[str], ...] | None:
    """Return a text of ours by its pieces: what it says, and (in tuples) the names of what is put in; None for other signs."""
    found: list[str | tuple[str]] = []
    at = 0
    for place in _place.finditer(text):
        if place[2]:
            return None
        found += [text[at : place.start()], (place[1],) if place[1] else "%"]
        at = place.end()
    return (*found, text[at:])


def filled(text: str, **named: Any) -> Markup:
    """Return a text of ours with what is put into it, escaped; as `Markup(text) % named` would."""
    pieces = _pieces(text)
    if pieces is None:
        return Markup(text) % named  # noqa: S704 - a text of ours
    return Markup("".join([each if type(each) is str else put(named[each[0]]) for each in pieces]))  # noqa: S704 - as above


class _Settled(NodeTransformer):
    """Puts the texts of one language in the place of what looks them up."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts

    def visit_Call(self, node: nodes.Call) -> nodes.Expr:  # noqa: N802 - the visitor's name for it
        """Replace `_(…)` by its text, and `ngettext(…)` by a plain function."""
        self.generic_visit(node)
        called = node.node.name if isinstance(node.node, nodes.Name) else None
        written = [each.value for each in node.args if isinstance(each, nodes.Const)]
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            return node
        if called in {"_", "gettext"} and len(node.args) == len(written) == 1:
            return self._text(node, self._texts.gettext(str(written[0])))
        if called == "ngettext" and len(written) >= 2:  # noqa: PLR2004 - one thing, several
            node.node = nodes.Name(_PLURAL, "load", lineno=node.lineno, environment=node.environment)
        return node

    def visit_Block(self, node: nodes.Block) -> nodes.Block:  # noqa: N802 - the visitor's name for it
        """Write a block as one piece: the pieces of a block of a shell go through five generators each, one after the other."""
        self.generic_visit(node)
        node.body = [_in_one_piece(node, node.body)]
        return node

    @staticmethod
    def _text(node: nodes.Call, text: str) -> nodes.Expr:
        """Return a text as gettext's newer functions return it: what is put into it is escaped, it itself is not."""
        at: dict[str, Any] = {"lineno": node.lineno, "environment": node.environment}
        if not node.kwargs:
            return nodes.MarkSafe(nodes.Const(text % {}, **at), **at)
        return nodes.Call(
            nodes.Name(_FILLED, "load", **at), [nodes.Const(text, **at)], list(node.kwargs), None, None, **at
        )


def _in_one_piece(node: nodes.Node, body: list[nodes.Node]) -> nodes.Node:
    at: dict[str, Any] = {"lineno": node.lineno, "environment": node.environment}
    return nodes.FilterBlock(body, nodes.Filter(None, _WHOLE, [], [], None, None, **at), **at)


def _lists_in_one_piece(body: list[nodes.Node]) -> list[nodes.Node]:
    for each in body:
        if isinstance(each, nodes.If):
            each.body, each.else_ = _lists_in_one_piece(each.body), _lists_in_one_piece(each.else_)
            _lists_in_one_piece(list(each.elif_))
    return [_in_one_piece(each, [each]) if isinstance(each, nodes.For) else each for each in body]


class _Writer(CodeGenerator):
    """Writes a template as Python: without the framework's questions whose answers are the same everywhere here."""

    def visit_Template(self, node: nodes.Template, frame: Frame | None = None) -> None:  # noqa: N802
        """Write a template, which knows `put`; a list that it begins with no block around is written as one piece."""
        self.writeline(f"from {__name__} import put")
        node.body = _lists_in_one_piece(node.body)
        super().visit_Template(node, frame)

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: CodeGenerator._FinalizeInfo) -> None:
        if frame.eval_ctx.volatile or not frame.eval_ctx.autoescape:
            super()._output_child_pre(node, frame, finalize)
        else:
            self.write("put(")

    def visit_Getattr(self, node: nodes.Getattr, frame: Frame) -> None:  # noqa: N802
        """Write `answer.name`, which mostly is the member of a JSON object: there first, and by the framework's rule after."""
        if node.attr in _DICT:
            super().visit_Getattr(node, frame)
            return
        self.write(f"({_HELD}[{node.attr!r}] if type({_HELD} := ")
        self.visit(node.node, frame)
        self.write(f") is dict and {node.attr!r} in {_HELD} else environment.getattr({_HELD}, {node.attr!r}))")

    def visit_Call(self, node: nodes.Call, frame: Frame, forward_caller: bool = False) -> None:  # noqa: N802, FBT001, FBT002
        """Write a call; only what looks up texts has to be told the names around it."""
        called = node.node.name if isinstance(node.node, nodes.Name) else None
        plain = (
            node.dyn_args is None and node.dyn_kwargs is None and not any(iskeyword(each.key) for each in node.kwargs)
        )
        if forward_caller or called in _WITH_CONTEXT or not plain:
            super().visit_Call(node, frame, forward_caller=forward_caller)
            return
        self.visit(node.node, frame)
        self.write("(")
        for each in (*node.args, *node.kwargs):
            self.visit(each, frame)
            self.write(", ")
        self.write(")")


class _Names(Context):
    """The names of a rendering, which notes them, so that it can undo the circles they are in."""

    def __init__(self, environment: Environment, parent: dict[str, Any], *args: Any, **named: Any) -> None:
        super().__init__(environment, parent, *args, **named)
        if (made := parent.get(_MADE)) is not None:
            made.append(self)


class Templates(Environment):
    """An environment for one language."""

    code_generator_class = _Writer
    context_class = _Names

    def __init__(self, texts: Texts, **options: Any) -> None:
        super().__init__(autoescape=True, extensions=["jinja2.ext.i18n"], **options)
        self._texts = texts
        self.install_gettext_callables(  # type: ignore[attr-defined]
            texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext, npgettext=texts.npgettext
        )
        self.globals[_PLURAL] = self._plural
        self.globals[_FILLED] = filled
        self.filters[_WHOLE] = Markup

    def write(self, template: str, **data: Any) -> str:
        """Return a template rendered. Nothing of the page outlives it, though macros and the names around them know each other."""
        made: list[_Names] = []
        try:
            return self.get_template(template).render(**{_MADE: made}, **data)
        finally:
            while made:
                made.pop().vars.clear()

    def remember(self, template: str, *macros: str) -> None:
        """Have macros of a template that is imported without its context render once for the same arguments.

        For those that write small pieces from words, over and over: what they write has to depend on nothing else.
        """
        module = self.get_template(template).module
        for name in macros:
            setattr(module, name, lru_cache(maxsize=512, typed=True)(getattr(module, name)))

    def _plural(self, singular: str, plural: str, number: int, **named: object) -> Markup:
        return filled(self._texts.ngettext(singular, plural, number), **{"num": number, **named})

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        """Compile a template, its texts settled."""
        return super()._generate(_Settled(self._texts).visit(source), *args, **named)
