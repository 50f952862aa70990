"""Which TCP ports does a data folder use? Free ones, the same for as long as the folder lives.

They are chosen below the range that the system takes ports for outgoing connections from. In that range a client that
keeps trying to reach a part that is just restarting can be given the part's own port, connect to itself, and keep the
part from coming back.
"""

from __future__ import annotations

import json
import random
import socket
from typing import TYPE_CHECKING

from tokentide.errors import DependencyUnavailable, SettingsError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["HOST", "free_port", "remembered_ports"]

HOST = "127.0.0.1"

_CANDIDATES = range(20_000, 32_768)
_TRIES = 200


def free_port(taken: frozenset[int] = frozenset()) -> int:
    """A port of this machine that nobody listens on and that is not in `taken`."""
    for port in random.sample(_CANDIDATES, _TRIES):
        if port not in taken and _can_bind(port):
            return port
    raise DependencyUnavailable(f"no free TCP port found on {HOST} between 20000 and 32767: name a port yourself")


def remembered_ports(file: Path, names: Sequence[str]) -> dict[str, int]:
    """The port of each name, as written in `file`; names that are new get a free one, which is then written.

    Raises:
        SettingsError: The file is not what this function writes.
    """
    known = _read(file) if file.exists() else {}
    ports = dict(known)
    for name in names:
        if name not in ports:
            ports[name] = free_port(frozenset(ports.values()))
    if ports != known:
        fresh = file.with_name(file.name + ".new")
        fresh.write_text(json.dumps(ports, indent=1), encoding="utf-8")
        fresh.replace(file)
    return {name: ports[name] for name in names}


def _read(file: Path) -> dict[str, int]:
    try:
        ports = json.loads(file.read_text(encoding="utf-8"))
        return {str(name): int(port) for name, port in ports.items()}
    except (ValueError, AttributeError, TypeError) as error:
        raise SettingsError([f"{file} is damaged ({error}): delete it, and new ports are chosen"]) from error


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
