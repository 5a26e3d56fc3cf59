"""Mark the values of an open enumeration that are known today."""

from typing import Any

from pydantic import Field


def known(*values: str) -> Any:
    """Return the annotation that lists ``values`` in the JSON Schema as ``x-known-values``.

    The list documents, it does not restrict: agents in the field are older and newer than the server.
    """
    return Field(json_schema_extra={"x-known-values": list(values)})
