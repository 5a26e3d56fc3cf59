"""What only the Windows API says without translation: the password policy (``NetUserModalsGet``)."""

import sys
from typing import Any

NEVER = 0xFFFFFFFF
DAY_S = 86400

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    def password_policy() -> dict[str, Any]:
        """Length, age, history and lockout of local passwords; ``OSError`` when Windows refuses."""
        return from_modals(_modals(0, 5), _modals(3, 3))

    def _modals(level: int, fields: int) -> list[int]:
        netapi = ctypes.WinDLL("netapi32")
        pointer = ctypes.POINTER(wintypes.DWORD)()
        code = netapi.NetUserModalsGet(None, level, ctypes.byref(pointer))
        if code != 0:
            raise OSError(code, "NetUserModalsGet")
        try:
            return [int(pointer[number]) for number in range(fields)]
        finally:
            netapi.NetApiBufferFree(pointer)

else:

    def password_policy() -> dict[str, Any]:
        """Windows only: raises ``FileNotFoundError`` elsewhere."""
        raise FileNotFoundError("netapi32")


def from_modals(passwords: list[int], lockout: list[int]) -> dict[str, Any]:
    """USER_MODALS_INFO_0 (length, age, minimum age, force logoff, history) and _3 (duration, window, threshold)."""
    length, age, _minimum_age, _logoff, history = passwords
    duration, _window, threshold = lockout
    return {
        "min_length": length,
        "max_age_days": None if age == NEVER else age // DAY_S,
        "history": history,
        "lockout_threshold": threshold,
        "lockout_s": None if duration == NEVER else duration,
        "complexity": "unknown",
    }
