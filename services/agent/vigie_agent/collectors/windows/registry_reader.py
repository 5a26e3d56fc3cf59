"""The registry behind a seam: always the 64-bit view, never a value that holds a secret."""

import sys
from collections.abc import Mapping
from typing import Any, Protocol

HKLM, HKU = "HKLM", "HKU"


class Registry(Protocol):
    """What collectors may ask. A key is written with its root first, HKLM or HKU, then a backslash."""

    def value(self, key: str, name: str) -> Any | None:
        """A value, None when the key or the value does not exist; ``PermissionError`` when it is closed to us."""

    def exists(self, key: str) -> bool:
        """Whether a key exists."""

    def has_value(self, key: str, name: str) -> bool:
        """Whether a value exists, without looking at it."""

    def subkeys(self, key: str) -> list[str]:
        """The names below a key; [] when it does not exist."""


class RecordedRegistry:
    """A registry of recorded values: ``{key: {name: value}}``; a key that only has subkeys may be left out."""

    def __init__(self, keys: Mapping[str, Mapping[str, Any]]) -> None:
        self.keys = {key.lower(): {name.lower(): item for name, item in values.items()} for key, values in keys.items()}

    def value(self, key: str, name: str) -> Any | None:
        """See ``Registry``."""
        return self.keys.get(key.lower(), {}).get(name.lower())

    def has_value(self, key: str, name: str) -> bool:
        """See ``Registry``."""
        return name.lower() in self.keys.get(key.lower(), {})

    def exists(self, key: str) -> bool:
        """See ``Registry``."""
        return any(known == key.lower() or known.startswith(key.lower() + "\\") for known in self.keys)

    def subkeys(self, key: str) -> list[str]:
        """See ``Registry``."""
        prefix = key.lower() + "\\"
        return sorted({known[len(prefix) :].split("\\")[0] for known in self.keys if known.startswith(prefix)})


if sys.platform == "win32":
    import winreg

    _ROOTS = {HKLM: winreg.HKEY_LOCAL_MACHINE, HKU: winreg.HKEY_USERS}
    _ACCESS = winreg.KEY_READ | winreg.KEY_WOW64_64KEY

    class SystemRegistry:
        """The registry of this machine."""

        def _open(self, key: str) -> Any:
            root, _, path = key.partition("\\")
            return winreg.OpenKey(_ROOTS[root], path, 0, _ACCESS)

        def value(self, key: str, name: str) -> Any | None:
            """See ``Registry``."""
            try:
                with self._open(key) as handle:
                    return winreg.QueryValueEx(handle, name)[0]
            except FileNotFoundError:
                return None

        def has_value(self, key: str, name: str) -> bool:
            """See ``Registry``."""
            try:
                with self._open(key) as handle:
                    count = winreg.QueryInfoKey(handle)[1]
                    return any(winreg.EnumValue(handle, n)[0].lower() == name.lower() for n in range(count))
            except FileNotFoundError:
                return False

        def exists(self, key: str) -> bool:
            """See ``Registry``."""
            try:
                with self._open(key):
                    return True
            except FileNotFoundError:
                return False

        def subkeys(self, key: str) -> list[str]:
            """See ``Registry``."""
            try:
                with self._open(key) as handle:
                    return [winreg.EnumKey(handle, number) for number in range(winreg.QueryInfoKey(handle)[0])]
            except FileNotFoundError:
                return []


def system_registry() -> Registry:
    """The registry of this machine; an empty one on other systems."""
    if sys.platform == "win32":
        return SystemRegistry()
    return RecordedRegistry({})
