"""What a ClickHouse DSN holds besides a place: a password, which nobody may see, and options of the client."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

__all__ = ["HIDDEN", "hide_password", "with_authorities"]

HIDDEN = "********"
"""What stands where a secret would."""


def hide_password(dsn: str) -> str:
    """The DSN without the password in its authority, fit for logs and tables."""
    parts = urlsplit(dsn)
    if parts.password is None:
        return dsn
    place = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{parts.username or ''}:{HIDDEN}@{place}"))


def with_authorities(dsn: str, file: str) -> str:
    """The DSN with the file of the certificate authorities that the server's certificate is held against."""
    parts = urlsplit(dsn)
    options = [option for option in (parts.query, f"ca_cert={quote(file)}") if option]
    return urlunsplit(parts._replace(query="&".join(options)))
