"""`--device ssh://[user@]host[:port][/device]`: which machine, and which device there. Imports nothing slow."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from effprof.errors import EffprofError, UsageError
from effprof.settings import parse_device

SCHEME = "ssh://"
SPELLING = "ssh://[user@]host[:port][/cpu|/cuda]"

_URL = re.compile(
    r"ssh://((?P<user>[^/]*)@)?(?P<host>\[[^]/]*\]|[^]:/@[]*)(?P<colon>:(?P<port>[^:/]*))?(/(?P<device>.*))?", re.DOTALL
)
# Nothing that a shell, a ProxyCommand's %h or ssh's own options could take for something else.
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,63}")
_HOST = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_SCOPE = re.compile(r"[A-Za-z0-9_.-]{1,32}")


@dataclass(frozen=True)
class Target:
    """A machine that ssh reaches, and the device to measure on there."""

    host: str
    """A name (also one of ~/.ssh/config) or an address, IPv6 without brackets."""
    user: str | None = None
    """None: as ssh decides."""
    port: int | None = None
    device: str = "auto"
    """`auto`, `cpu`, `cuda`, `cuda:1` or `fake`, as the other machine understands it."""

    @property
    def where(self) -> str:
        """`user@host:port`, with what was given."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'' if self.user is None else f'{self.user}@'}{host}{'' if self.port is None else f':{self.port}'}"

    @property
    def url(self) -> str:
        return f"{SCHEME}{self.where}/{self.device}"


def is_remote(device: str) -> bool:
    return device.startswith(SCHEME)


def parse_target(text: str) -> Target:
    """The target that an `ssh://` text stands for.

    Raises UsageError for anything else: no host, one that begins with `-`, a port that is none, a device that effprof
    does not know (or a plan of the make-believe device, which lies here and not there).
    """
    found = _URL.fullmatch(text)
    if found is None:
        raise _bad(text, f"write {SPELLING}, an IPv6 address in brackets")
    user, port = found["user"], found["port"]
    if user is not None and not _USER.fullmatch(user):
        raise _bad(text, f"{user!r} cannot be a user")
    if found["colon"] and not (re.fullmatch(r"[0-9]{1,5}", port) and 1 <= int(port) <= 65535):
        raise _bad(text, f"{port!r} is no port; ports are 1 to 65535")
    return Target(_host(text, found["host"]), user, int(port) if port else None, _device(text, found["device"]))


def device_name(device: str) -> str:
    """One short name for folders: `cpu`, `fake`, and for another machine `board-cpu`."""
    if not is_remote(device):
        return device.partition(":")[0]
    target = parse_target(device)
    return f"{target.host}-{target.device.partition(':')[0]}"


def is_gpu(device: str) -> bool:
    return device_there(device).startswith("cuda")


def device_there(device: str) -> str:
    """As the machine that measures calls it."""
    return parse_target(device).device if is_remote(device) else device


def _host(text: str, host: str) -> str:
    if not host.startswith("["):
        if not _HOST.fullmatch(host):
            raise _bad(text, f"{host!r} cannot be a host" if host else "it names no host")
        return host
    address, percent, scope = host[1:-1].partition("%")
    try:
        ipaddress.IPv6Address(address)
    except ValueError:
        raise _bad(text, f"{host[1:-1]!r} is no IPv6 address") from None
    if len(scope) > 2:
        scope = scope.removeprefix("25")  # `%25eth0` is how URLs write `%eth0` (RFC 6874)
    if percent and not _SCOPE.fullmatch(scope):
        raise _bad(text, f"{scope!r} cannot be a network interface")
    return f"{address}{percent}{scope}"


def _device(text: str, device: str | None) -> str:
    if not device:
        return "auto"
    try:
        kind, argument = parse_device(device)
    except EffprofError as error:
        raise _bad(text, str(error).rstrip(".")) from None
    if kind == "fake" and argument is not None:
        raise _bad(text, "a plan of the make-believe device is not sent; give /fake")
    return device


def _bad(text: str, reason: str) -> UsageError:
    return UsageError(f"--device is {text!r}: {reason}.")
