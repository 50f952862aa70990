"""What is found in settings, without asking anything."""

from __future__ import annotations

import pytest

from tokentide.doctor.judging.settings import judge_settings, judge_unknown, judge_wrong
from tokentide.errors import SettingsError
from tokentide.settings import Settings, load
from tokentide.variables import sources_of

SOURCES = {"TOKENTIDE_TOPIC": ".env", "TOKENTIDE_JWT_SECRET": "environment"}
LONG = "0123456789abcdef0123456789abcdef"


def judged(**settings):
    return [
        (finding.kind.name, finding.where, finding.what) for finding in judge_settings(Settings(**settings), SOURCES)
    ]


def names(**settings):
    return [name for name, _, _ in judged(**settings)]


def test_settings_as_they_come():
    """The defaults have nothing against them."""
    assert names() == []


def test_everything_that_is_wrong_is_told_at_once(tmp_path):
    """Each problem is a finding of its own, with its variable and where the value came from."""
    env_file = tmp_path / ".env"
    env_file.write_text("TOKENTIDE_TOPIC='a b'\nTOKENTIDE_METRICS_PORT=70000\n")
    environment = {"TOKENTIDE_FLUSH_INTERVAL_SECONDS": "soon"}
    with pytest.raises(SettingsError) as caught:
        load(environment, env_file)
    wrong = judge_wrong(caught.value.problems, sources_of(environment, env_file))
    assert [(finding.kind.name, finding.where) for finding in wrong] == [
        ("setting_wrong", "TOKENTIDE_TOPIC (.env)"),
        ("setting_wrong", "TOKENTIDE_FLUSH_INTERVAL_SECONDS (environment)"),
        ("setting_wrong", "TOKENTIDE_METRICS_PORT (.env)"),
    ]
    assert "soon" not in "".join(finding.what for finding in wrong)


def test_contradictions_name_both_sides():
    """Of two settings that exclude each other, each is told with where it came from."""
    with pytest.raises(SettingsError) as caught:
        load({"TOKENTIDE_TOPIC": "x", "TOKENTIDE_DEAD_TOPIC": "x"}, None)
    [wrong] = judge_wrong(caught.value.problems, {"TOKENTIDE_TOPIC": ".env"})
    assert wrong.where == "TOKENTIDE_DEAD_TOPIC (default), TOKENTIDE_TOPIC (.env)"


def test_a_name_that_is_none():
    """What was misspelt is told with where it stands."""
    [finding] = judge_unknown(["TOKENTIDE_TOPC"], {"TOKENTIDE_TOPC": ".env"})
    assert (finding.kind.name, finding.where) == ("setting_unknown", "TOKENTIDE_TOPC (.env)")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"dedup_window_seconds": 0}, ["dedup_off"]),
        ({"dedup_window_seconds": 1}, []),
        ({"hot_window_seconds": 3599}, ["hot_window_short"]),
        ({"hot_window_seconds": 3600}, []),
        ({"clickhouse": "chdb:///data"}, ["store_embedded"]),
        ({"kafka_sasl_username": "me"}, ["setting_without_effect"]),
        ({"kafka_sasl_username": "me", "kafka_security_protocol": "SASL_SSL"}, []),
        ({"jwt_issuer": "me", "jwt_audience": "you"}, ["setting_without_effect", "setting_without_effect"]),
        ({"jwt_issuer": "me", "jwt_secret": LONG}, []),
        ({"jwt_secret": LONG[1:]}, ["session_secret_short"]),
        ({"jwt_jwks_url": "https://idp/keys", "jwt_issuer": "i", "jwt_audience": "a"}, []),
        ({"jwt_jwks_url": "https://idp/keys", "jwt_issuer": "i"}, ["session_issuer_unchecked"]),
        ({"jwt_jwks_url": "http://idp/keys", "jwt_issuer": "i", "jwt_audience": "a"}, ["session_keys_in_clear"]),
        ({"jwt_jwks_url": "http://[::1]:80/keys", "jwt_issuer": "i", "jwt_audience": "a"}, []),
        ({"clickhouse": "http://me:hush@db:8123"}, ["password_in_clear"]),
        ({"clickhouse": "http://me:hush@localhost:8123"}, []),
        ({"clickhouse": "http://me@db:8123"}, []),
        ({"clickhouse": "https://me:hush@db:8443"}, []),
    ],
    ids=str,
)
def test_what_settings_break(settings, expected):
    """Each rule, on both sides of its border."""
    assert names(**settings) == expected


@pytest.mark.parametrize(
    ("servers", "mechanism", "expected"),
    [
        ("k1:9092,k2:9092", "PLAIN", ["password_in_clear"]),
        ("127.0.0.1:9092,k2:9092", "PLAIN", ["password_in_clear"]),
        ("127.0.0.1:9092,[::1]:9092", "PLAIN", []),
        ("k1:9092", "SCRAM-SHA-512", []),
    ],
)
def test_kafkas_password_in_clear(servers, mechanism, expected):
    """PLAIN without TLS gives the password away, but not on this machine; SCRAM never does."""
    sasl = {"kafka_security_protocol": "SASL_PLAINTEXT", "kafka_sasl_username": "me"}
    assert names(kafka=servers, kafka_sasl_mechanism=mechanism, **sasl) == expected


def test_secrets_are_not_told():
    """A finding about a secret says how long it is, and nothing else of it."""
    [(_, where, what)] = judged(jwt_secret="hush-hush")
    assert (where, what) == ("TOKENTIDE_JWT_SECRET (environment)", "the secret has 9 bytes")
    [(_, _, what)] = judged(clickhouse="http://me:hush@db:8123")
    assert "hush" not in what
