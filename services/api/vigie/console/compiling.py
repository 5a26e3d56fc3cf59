"""Templates that cost little to render: what is the same in every rendering of a language is settled when they are compiled.

There is one environment per language, so the text of `_("Alertes")` is known before anybody asks for a page. Without this
two thirds of the time of a long list went into looking up texts, each with a copy of all the names around it.
"""

from types import BuiltinMethodType, FunctionType, MethodType
from typing import Any, Final

from jinja2 import Environment, nodes
from jinja2.runtime import Context
from jinja2.visitor import NodeTransformer
from markupsafe import Markup

from vigie.console.catalogues import Texts

_PLURAL: Final = "plural"
_WHOLE: Final = "whole"
_FUNCTIONS: Final = (FunctionType, MethodType, BuiltinMethodType)
_DICT: Final = frozenset(dir(dict))


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
        at: dict[str, Any] = {"lineno": node.lineno, "environment": node.environment}
        whole = nodes.Filter(None, _WHOLE, [], [], None, None, **at)
        node.body = [nodes.FilterBlock(node.body, whole, **at)]
        return node

    @staticmethod
    def _text(node: nodes.Call, text: str) -> nodes.Expr:
        """Return a text as gettext's newer functions return it: what is put into it is escaped, it itself is not."""
        at: dict[str, Any] = {"lineno": node.lineno, "environment": node.environment}
        if not node.kwargs:
            return nodes.MarkSafe(nodes.Const(text % {}, **at), **at)
        pairs = [nodes.Pair(nodes.Const(each.key, **at), each.value, **at) for each in node.kwargs]
        return nodes.Mod(nodes.MarkSafe(nodes.Const(text, **at), **at), nodes.Dict(pairs, **at), **at)


class _Names(Context):
    """The names of a rendering; calls plain functions, which most are, as plain functions."""

    def call(self, called: Any, /, *args: Any, **named: Any) -> Any:
        """Call what a template calls."""
        if isinstance(called, _FUNCTIONS) and not hasattr(called, "jinja_pass_arg"):
            named.pop("_loop_vars", None)
            named.pop("_block_vars", None)
            return called(*args, **named)
        return super().call(called, *args, **named)


class Templates(Environment):
    """An environment for one language."""

    context_class = _Names

    def __init__(self, texts: Texts, **options: Any) -> None:
        super().__init__(autoescape=True, extensions=["jinja2.ext.i18n"], **options)
        self._texts = texts
        self.install_gettext_callables(  # type: ignore[attr-defined]
            texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext, npgettext=texts.npgettext
        )
        self.globals[_PLURAL] = self._plural
        self.filters[_WHOLE] = Markup

    def _plural(self, singular: str, plural: str, number: int, **named: object) -> Markup:
        return Markup(self._texts.ngettext(singular, plural, number)) % {"num": number, **named}  # noqa: S704 - a text of ours

    def _generate(self, source: nodes.Template, *args: Any, **named: Any) -> str:
        """Compile a template, its texts settled."""
        return super()._generate(_Settled(self._texts).visit(source), *args, **named)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Look up `answer.name`, which mostly is the member of a JSON object: there first, and by the framework's rule after."""
        if type(obj) is dict and attribute in obj and attribute not in _DICT:
            return obj[attribute]
        return super().getattr(obj, attribute)
