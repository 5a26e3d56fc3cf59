"""The identifiers Windows gives to an installation and to a boot; neither leaves the machine in clear."""

from vigie_agent.collectors.windows.registry_reader import Registry, system_registry

CRYPTOGRAPHY = r"HKLM\SOFTWARE\Microsoft\Cryptography"
PREFETCH = r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager\Memory Management\PrefetchParameters"


def machine_id(registry: Registry | None = None) -> bytes:
    """The MachineGuid; ``OSError`` when there is none. Imaging without sysprep duplicates it: the server watches."""
    value = (registry or system_registry()).value(CRYPTOGRAPHY, "MachineGuid")
    if not isinstance(value, str) or not value:
        raise OSError("no MachineGuid")
    return value.encode()


def boot_id(registry: Registry | None = None) -> bytes:
    """The number of the boot, which the prefetcher counts."""
    value = (registry or system_registry()).value(PREFETCH, "BootId")
    return str(value if isinstance(value, int) else 0).encode()
