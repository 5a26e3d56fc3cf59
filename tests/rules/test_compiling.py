"""What templates write, now that their calls, members and texts are plain Python: the same as the framework would."""

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import pytest
from jinja2 import DictLoader, StrictUndefined, UndefinedError
from markupsafe import Markup

from vigie.console.catalogues import TEXTS
from vigie.console.compiling import Templates, filled

_SHELL = "{% macro twice(text) %}{{ text }}{{ text }}{% endmacro %}<{% block main %}{% endblock %}>"


@dataclass
class _Thing:
    """No JSON object, and something a page may hold on to."""

    name: str


def _written(source: str, **data: Any) -> str:
    templates = Templates(
        TEXTS["fr"], loader=DictLoader({"page": source, "shell": _SHELL}), undefined=StrictUndefined, trim_blocks=True
    )
    return templates.write("page", **data)


_BAD = "<b>&\"'</b>"
_ESCAPED = "&lt;b&gt;&amp;&#34;&#39;&lt;/b&gt;"


@pytest.mark.parametrize(
    ("source", "written"),
    [
        ("{{ bad }}", _ESCAPED),
        ("{{ good }}", "<i>"),
        ("{{ 7 }} {{ number }} {{ true }} {{ none }}", "7 12 True None"),
        ("{{ row.name }} {{ row.deep.name }} {{ thing.name }}", f"{_ESCAPED} {_ESCAPED} {_ESCAPED}"),
        (
            "{{ row.get('name') }} {{ row['items'] }} {% for key in row.keys() %}{{ key }} {% endfor %}",
            f"{_ESCAPED} 3 name deep items ",
        ),
        ("{% for each in rows if each.on %}{{ loop.index }}{{ each.bad }}{% endfor %}", f"1{_ESCAPED}"),
        (
            "{% macro m(text, more='<') %}{{ text }}{{ more }}{% endmacro %}{{ m(bad) }}{{ m(bad, more=good) }}",
            f"{_ESCAPED}&lt;{_ESCAPED}<i>",
        ),
        ("{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ bad }}{% endcall %}", f"[{_ESCAPED}]"),
        ("{{ _('Bonjour %(name)s, 100 %%', name=bad) }}", f"Bonjour {_ESCAPED}, 100\N{NO-BREAK SPACE}%"),
        ("{{ _('Bonjour %(name)s', name=good) }}", "Bonjour <i>"),
        ("{{ ngettext('%(num)s poste de %(of)s', '%(num)s postes de %(of)s', 2, of=bad) }}", f"2 postes de {_ESCAPED}"),
        ("{{ (bad ~ good) }}{{ show(bad) }}{{ show(text=good) }}", f"{_ESCAPED}<i>{_ESCAPED}<i>"),
    ],
)
def test_templates_write_what_the_framework_would(source: str, written: str) -> None:
    row = {"name": _BAD, "deep": {"name": _BAD}, "items": 3}
    data = {"bad": _BAD, "good": Markup("<i>"), "number": 12, "row": row, "thing": _Thing(_BAD)}
    more = {"rows": [{"on": True, "bad": _BAD}, {"on": False, "bad": ""}], "show": lambda text: text}
    assert _written(source, **data, **more) == written


@pytest.mark.parametrize("source", ["{{ nobody }}", "{{ row.nobody }}", "{{ row.nobody.name }}", "{{ nobody() }}"])
def test_what_is_not_there_is_a_mistake_and_not_an_empty_place(source: str) -> None:
    with pytest.raises(UndefinedError):
        _written(source, row={})


def test_signs_of_other_kinds_are_left_to_the_language() -> None:
    assert filled("%(n)03d", n=7) == "007"
    assert filled("%(n)s", n="<") == "&lt;"
    with pytest.raises(KeyError):
        filled("%(n)s")


def test_nothing_of_a_page_is_left_for_the_collector() -> None:
    source = "{% extends 'shell' %}{% macro m(x) %}{{ thing.name }}{{ x }}{% endmacro %}{% block main %}{{ m(1) }}{% endblock %}"
    gc.collect()
    gc.disable()
    try:
        thing = _Thing("Elm")
        last = weakref.ref(thing)
        assert _written(source, thing=thing) == "<Elm1>"
        del thing
        assert last() is None
    finally:
        gc.enable()
