"""What can be wrong with settings?"""

from __future__ import annotations

from tokentide.doctor.finding import Kind

__all__ = ["SETTINGS"]

SETTINGS = (
    Kind(
        "setting_wrong",
        "a setting cannot be read, or contradicts another: no process starts, and nothing else can be checked",
        "correct it where it is set",
        "settings",
    ),
    Kind("setting_unknown", "a variable looks like a setting and is none: it is ignored", "correct its name", "advice"),
    Kind("setting_without_effect", "a setting does nothing without another one", "set that too, or neither", "advice"),
    Kind(
        "dedup_off",
        "no duplicates are looked for: what a producer sends again counts again",
        "set a window longer than producers repeat",
    ),
    Kind(
        "hot_window_short",
        "hours leave memory while they fill, and each event of them is then read back first: right, but slow",
        "set an hour or more",
        "advice",
    ),
    Kind(
        "password_in_clear",
        "a password crosses the network unencrypted",
        "use SASL_SSL for Kafka, https for ClickHouse",
        "advice",
    ),
    Kind(
        "session_secret_short",
        "the HS256 secret of session tokens has fewer than 32 bytes, so that it can be guessed",
        "set a longer one: here and at the issuer",
    ),
    Kind(
        "session_keys_in_clear",
        "the issuer's keys are fetched without TLS: who is on the way can make sessions",
        "use an https:// address",
    ),
    Kind(
        "session_issuer_unchecked",
        "any token that the issuer's keys sign is taken, those for other services too",
        "set the issuer and the audience",
        "advice",
    ),
    Kind(
        "store_embedded",
        "the embedded engine can be opened by one process at a time, so worker and API cannot both run on it",
        "use a ClickHouse server, or `tokentide up`",
        "advice",
    ),
)
