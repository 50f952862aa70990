"""How Kafka's clients are told where it is and who they are."""

from __future__ import annotations

import ssl

import pytest
from pydantic import SecretStr

from tokentide.errors import SettingsError
from tokentide.kafka import kafka_options
from tokentide.settings import Settings


def test_plain():
    """Without security there is only the address."""
    assert kafka_options(Settings(kafka="a:1,b:2")) == {
        "bootstrap_servers": "a:1,b:2",
        "security_protocol": "PLAINTEXT",
    }


def test_sasl():
    """The SASL protocols take mechanism, user and password."""
    settings = Settings(
        kafka_security_protocol="SASL_PLAINTEXT",
        kafka_sasl_mechanism="SCRAM-SHA-512",
        kafka_sasl_username="worker",
        kafka_sasl_password=SecretStr("hush"),
    )
    assert kafka_options(settings) == {
        "bootstrap_servers": "127.0.0.1:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "worker",
        "sasl_plain_password": "hush",
    }


@pytest.mark.parametrize("protocol", ["SSL", "SASL_SSL"])
def test_tls_checks_the_broker(protocol):
    """The SSL protocols check the broker's certificate and name."""
    context = kafka_options(Settings(kafka_security_protocol=protocol, kafka_sasl_username="u"))["ssl_context"]
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_unreadable_authorities_are_a_problem_of_the_settings(tmp_path, content):
    """A file that is missing, or holds no certificate, is reported by the name of its setting."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    with pytest.raises(SettingsError, match="TOKENTIDE_KAFKA_TLS_CA"):
        kafka_options(Settings(kafka_security_protocol="SSL", kafka_tls_ca=str(file)))
