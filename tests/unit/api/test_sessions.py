"""Tokens that are good, and tokens that only look so."""

from __future__ import annotations

import base64
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tests.unit.api.fakes import FakeStore
from tokentide.api.access import Access
from tokentide.api.failures import Kind, Refused
from tokentide.api.sessions import Session, Sessions, is_token
from tokentide.settings import Settings

SECRET = "a secret that is long enough for HS256, and even for HS512: 64 bytes"
CLAIMS = {"exp": 4_000_000_000, "org": "o", "projects": ["p", "foreign"], "sub": "someone"}


def token(key=SECRET, algorithm="HS256", headers=None, **changes):
    claims = {name: value for name, value in (CLAIMS | changes).items() if value is not None}
    return jwt.encode(claims, key, algorithm, headers)


def with_secret(**others):
    return Sessions(Settings(jwt_secret=SECRET, **others))


async def refusal(sessions, presented):
    with pytest.raises(Refused) as caught:
        await sessions.session(presented)
    return caught.value.failure


@pytest.fixture(scope="module")
def private_key():
    """The issuer's key."""
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def jwks(private_key):
    """An issuer that publishes its key, how often it was asked, and the keys, which a test may change."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(private_key.public_key()))
    asked, keys = [], [public | {"kid": "one", "use": "sig", "alg": "RS256"}]

    class Issuer(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            body = json.dumps({"keys": keys}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Issuer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/jwks", asked, keys
    server.shutdown()
    server.server_close()


async def test_a_good_token_is_a_session():
    """Organisation and projects come from its claims; its name is the subject, its tier free."""
    expected = Session("someone", "o", frozenset({"p", "foreign"}), "free")
    assert await with_secret().session(token()) == expected


async def test_a_session_is_named_by_its_jti_first():
    """What counts for limits is the token's own identity, then the subject, then the token itself."""
    assert (await with_secret().session(token(jti="j", tier="pro"))).name == "j"
    assert (await with_secret().session(token(jti="j", tier="pro"))).tier == "pro"
    assert (await with_secret().session(token(tier="platinum"))).tier == "free"
    nameless = {(await with_secret().session(token(sub=None, nonce=n))).name for n in ("1", "2")}
    assert len(nameless) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"exp": None},
        {"exp": 1_000_000_000},
        {"org": None},
        {"org": ""},
        {"org": 7},
        {"projects": None},
        {"projects": "p"},
        {"projects": [1]},
        {"key": "another secret that is long enough"},
        {"algorithm": "HS512"},
        {"nbf": 3_999_999_999},
    ],
)
async def test_a_bad_token_is_refused(changes):
    """Expiry, organisation and projects are required and must make sense, and the signature must be the issuer's."""
    assert (await refusal(with_secret(), token(**changes))).kind is Kind.UNKNOWN_KEY


@pytest.mark.parametrize("presented", ["a.b.c", "..", "eyJhbGciOiJIUzI1NiJ9.e30.", "\u00e9.\u00e9.\u00e9"])
async def test_nonsense_with_two_dots_is_refused(presented):
    """What cannot be read is no token."""
    assert is_token(presented)
    assert (await refusal(with_secret(), presented)).kind is Kind.UNKNOWN_KEY


async def test_an_unsigned_token_is_refused(jwks):
    """`alg: none` opens nothing, whatever is configured."""
    unsigned = token(key=None, algorithm="none")
    assert (await refusal(with_secret(jwt_jwks_url=jwks[0]), unsigned)).kind is Kind.UNKNOWN_KEY


async def test_issuer_and_audience_are_held_when_they_are_set():
    """A token of another issuer, for somebody else, or silent about it, is refused."""
    sessions = with_secret(jwt_issuer="us", jwt_audience="api")
    assert await sessions.session(token(iss="us", aud="api"))
    for claims in ({}, {"iss": "us"}, {"aud": "api"}, {"iss": "them", "aud": "api"}, {"iss": "us", "aud": "web"}):
        assert (await refusal(sessions, token(**claims))).kind is Kind.UNKNOWN_KEY
    assert await with_secret().session(token(iss="anyone", aud="anything"))


async def test_a_published_key_checks_its_tokens(jwks, private_key):
    """RS256 with the issuer's key is good; its keys are read once, also when a token names a key that is not there."""
    url, asked, _ = jwks
    sessions = Sessions(Settings(jwt_jwks_url=url))
    for _ in range(3):
        assert await sessions.session(token(private_key, "RS256", {"kid": "one"}))
    for kid in ("two", "three"):
        presented = token(private_key, "RS256", {"kid": kid})
        assert (await refusal(sessions, presented)).kind is Kind.UNKNOWN_KEY
    other = rsa.generate_private_key(65537, 2048)
    assert (await refusal(sessions, token(other, "RS256", {"kid": "one"}))).kind is Kind.UNKNOWN_KEY
    assert len(asked) == 1


async def test_a_rotated_key_is_found(jwks):
    """A token that names a key which the issuer has published since is good, and one of the old key no longer."""
    url, asked, keys = jwks
    sessions = Sessions(Settings(jwt_jwks_url=url), rotated_seconds=0)
    old, new = (rsa.generate_private_key(65537, 2048) for _ in range(2))

    def publish(key, kid):
        keys[:] = [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": kid, "use": "sig"}]

    publish(old, "old")
    assert await sessions.session(token(old, "RS256", {"kid": "old"}))
    publish(new, "new")
    assert await sessions.session(token(new, "RS256", {"kid": "new"}))
    assert (await refusal(sessions, token(old, "RS256", {"kid": "old"}))).kind is Kind.UNKNOWN_KEY
    assert len(asked) == 3


async def test_another_kind_of_published_key_checks_nothing(jwks):
    """A token of RS256 that names an issuer's key for another algorithm is refused, and so is one that names none."""
    url, _, keys = jwks
    curve = ec.generate_private_key(ec.SECP256R1())
    oct_key = {"kty": "oct", "k": "c2VjcmV0", "kid": "oct", "use": "sig"}
    keys += [json.loads(jwt.algorithms.ECAlgorithm.to_jwk(curve.public_key())) | {"kid": "ec", "use": "sig"}, oct_key]
    sessions = Sessions(Settings(jwt_jwks_url=url))
    other = rsa.generate_private_key(65537, 2048)
    for headers in ({"kid": "ec"}, {"kid": "oct"}, {}):
        assert (await refusal(sessions, token(other, "RS256", headers))).kind is Kind.UNKNOWN_KEY


async def test_a_published_key_is_no_secret(jwks, private_key):
    """Key confusion: a token signed with the public key's text as an HS256 secret is refused."""
    pem = private_key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header, payload, _ = token(headers={"kid": "one"}).split(".")
    algorithm = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    forged = base64.urlsafe_b64encode(algorithm.sign(f"{header}.{payload}".encode(), pem)).rstrip(b"=").decode()
    for sessions in (Sessions(Settings(jwt_jwks_url=jwks[0])), with_secret(jwt_jwks_url=jwks[0])):
        assert (await refusal(sessions, f"{header}.{payload}.{forged}")).kind is Kind.UNKNOWN_KEY


async def test_a_silent_issuer_is_worth_another_try(private_key):
    """When the issuer's keys cannot be read, nothing is known about the token."""
    sessions = Sessions(Settings(jwt_jwks_url="http://127.0.0.1:9/jwks"))
    failure = await refusal(sessions, token(private_key, "RS256", {"kid": "one"}))
    assert failure.kind is Kind.UNAVAILABLE
    assert failure.retry_after_seconds


async def test_without_settings_no_token_is_good():
    """A service that trusts no issuer refuses every token as an unknown key."""
    assert (await refusal(Sessions(Settings()), token())).kind is Kind.UNKNOWN_KEY


async def test_a_session_sees_only_its_organisations_projects():
    """A project that the token names but another organisation has is foreign."""
    store = FakeStore()
    store.rows["projects_by_organisation"] = [("o", ["p", "p2"]), ("other", ["foreign"])]
    access = Access(store, with_secret(), pause_seconds=0)
    caller = await access.reader(f"Bearer {token()}")
    await access.admit(caller, "p")
    assert access.projects(caller) == {"p"}
    for project in ("p2", "foreign"):
        with pytest.raises(Refused) as caught:
            await access.admit(caller, project)
        assert caught.value.failure.kind is Kind.FOREIGN_PROJECT
