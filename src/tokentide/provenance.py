"""What is the value of each setting, and where does it come from? For whoever asks; secrets are not told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import SecretStr

from tokentide.dsn import HIDDEN, hide_password
from tokentide.settings import PREFIX, Settings, gather, text_of

__all__ = ["Described", "describe", "sources_of"]


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as `tokentide settings` shows it; secrets are already hidden in `value`."""

    name: str
    value: str
    source: Literal["default", "environment", ".env"]
    meaning: str


def describe(
    settings: Settings, environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")
) -> list[Described]:
    """Every setting with its value, where that came from, and what it means."""
    _, sources = gather(environment, env_file)
    return [
        Described(
            PREFIX + name.upper(),
            _shown(getattr(settings, name)),
            sources.get(name, "default"),
            field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def sources_of(environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")) -> dict[str, str]:
    """Where each variable that looks like a setting is set: environment, or .env."""
    _, sources = gather(environment, env_file)
    return {PREFIX + name.upper(): source for name, source in sources.items()}


def _shown(value: Any) -> str:
    text = text_of(value)
    if isinstance(value, SecretStr):
        return hide_password(text) if "://" in text else (HIDDEN if text else "")
    return text
