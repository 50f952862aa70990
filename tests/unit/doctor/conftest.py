"""What tests of the doctor share."""

from __future__ import annotations

import json

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa


@pytest.fixture(scope="session")
def an_rsa_key():
    """A JWKS with one RSA key, as an issuer publishes it."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    published = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return json.dumps({"keys": [published | {"kid": "1", "alg": "RS256", "use": "sig"}]})
