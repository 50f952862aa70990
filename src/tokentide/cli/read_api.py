"""Where is the read API, with which key, and what does it answer? Errors are told in one line, with what to do."""

from __future__ import annotations

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3
from dotenv import dotenv_values
from urllib3.exceptions import HTTPError, LocationParseError, LocationValueError

from tokentide.errors import DependencyUnavailable, QueryError, SettingsError

__all__ = ["ReadApi", "ask", "config_file", "find_api"]

_DEFAULT_URL = "http://127.0.0.1:8420"
_SECONDS = 30.0
_OK, _BAD_REQUEST, _UNAUTHORIZED, _FORBIDDEN = 200, 400, 401, 403


@dataclass(frozen=True, slots=True)
class ReadApi:
    """Where the API is, and a key for it."""

    url: str
    key: str = field(repr=False)


def find_api(
    url: str | None, environment: Mapping[str, str] | None = None, env_file: Path | None = Path(".env")
) -> ReadApi:
    """The API of a command: by its option, else the environment, else ./.env, else the configuration file.

    Args:
        url: the option, if it was given.
        environment: the process's own when not given.
        env_file: a file of such variables; need not exist.

    Raises:
        SettingsError: there is no key, or the file cannot be read.
    """
    environment = os.environ if environment is None else environment
    config = _read(config_file(environment))
    of_folder = dotenv_values(env_file) if env_file else {}

    def first(variable: str, name: str) -> str:
        return environment.get(variable) or of_folder.get(variable) or config.get(name) or ""

    key = first("TOKENTIDE_API_KEY", "api_key")
    if not key:
        where = config_file(environment)
        raise SettingsError([f'no read key: set TOKENTIDE_API_KEY, or write api_key = "als_…" into {where}'])
    return ReadApi((url or first("TOKENTIDE_URL", "url") or _DEFAULT_URL).rstrip("/"), key)


def config_file(environment: Mapping[str, str]) -> Path:
    """The configuration file of the command line; need not exist."""
    folder = environment.get("XDG_CONFIG_HOME") or Path(environment.get("HOME") or Path.home(), ".config")
    return Path(folder, "tokentide", "config.toml")


def ask(api: ReadApi, path: str, asked: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object of an answer that is good.

    Raises:
        QueryError: a parameter is wrong; the message says which.
        SettingsError: the address makes no sense, or the key is refused.
        DependencyUnavailable: nothing answers there, or not this API, or not now.
    """
    try:
        answer = urllib3.PoolManager().request(
            "GET",
            api.url + path,
            fields=dict(asked),
            headers={"Authorization": f"Bearer {api.key}", "Accept": "application/json"},
            timeout=_SECONDS,
            retries=False,
        )
    except (LocationParseError, LocationValueError, UnicodeError, ValueError) as error:
        raise SettingsError([f"{api.url!r} is no URL; it must read http(s)://HOST:PORT"]) from error
    except HTTPError as error:
        raise DependencyUnavailable(f"{api.url} does not answer; is `tokentide api` running there?") from error
    if answer.status != _OK:
        raise _failure(api, answer.status, answer.data)
    try:
        found = json.loads(answer.data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise DependencyUnavailable(f"{api.url} answers, but not as tokentide's API does")
    return found


def _failure(api: ReadApi, status: int, body: bytes) -> Exception:
    told = _told(body)
    if status == _BAD_REQUEST:
        return QueryError(told or "the API refused a parameter")
    if status in {_UNAUTHORIZED, _FORBIDDEN}:
        return SettingsError([f"{api.url} refuses the key: {told or status}"])
    return DependencyUnavailable(f"{api.url} answered {status}{': ' + told if told else ''}")


def _told(body: bytes) -> str:
    """What the API said was wrong, in one line; the parameters at fault, when it names them."""
    try:
        found = json.loads(body)
        details = [str(detail["message"]) for detail in found.get("details") or ()]
        told = "; ".join(details) or str(found.get("error") or "")
    except (AttributeError, KeyError, TypeError, ValueError):
        return ""
    return " ".join(told.split())


def _read(file: Path) -> dict[str, str]:
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError([f"{file} cannot be read: {error}"]) from error
    wrong = [name for name in ("url", "api_key") if not isinstance(values.get(name, ""), str)]
    if wrong:
        raise SettingsError([f"{file}: {wrong[0]} must be a text in quotes"])
    return values
