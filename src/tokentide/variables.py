"""Which variables `TOKENTIDE_…` are set, and where: in the environment, or in a file that it overrides?"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values

__all__ = ["PREFIX", "gather", "sources_of"]

PREFIX = "TOKENTIDE_"


def sources_of(environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> dict[str, str]:
    """Where each variable that looks like a setting is set: environment, or .env."""
    _, sources = gather(environment, env_file)
    return {PREFIX + name.upper(): source for name, source in sources.items()}


def gather(
    environment: Mapping[str, str] | None, env_file: Path | None
) -> tuple[dict[str, str], dict[str, Literal["environment", ".env"]]]:
    """The values by the names of their settings, and where each comes from."""
    environment = os.environ if environment is None else environment
    from_file = {k: v for k, v in dotenv_values(env_file).items() if v is not None} if env_file else {}
    given: dict[str, str] = {}
    sources: dict[str, Literal["environment", ".env"]] = {}
    layers: list[tuple[Mapping[str, str], Literal["environment", ".env"]]] = [
        (from_file, ".env"),
        (environment, "environment"),
    ]
    for layer, source in layers:
        for name, value in layer.items():
            if name.startswith(PREFIX):
                key = name.removeprefix(PREFIX).lower()
                given[key] = value
                sources[key] = source
    return given, sources
