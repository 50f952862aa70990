"""The page's paths as a browser sees them: what is served, what the cookie opens, and what it does not."""

from __future__ import annotations

import logging
import re
from importlib import resources

import httpx
import jwt
import pytest

from tests.unit.api.fakes import INGEST_KEY, READ_KEY, WIDE_KEY, key_row
from tokentide import clock
from tokentide.api.times import iso_millis
from tokentide.serving.app import create_app
from tokentide.settings import Settings

SESSION = "/page/session"
NOTHING = {
    "page_before": [(0,) * 7],
    "page_month": [(0,)],
    "page_latency": [(3, 0, "", [float("nan")] * 3)],
}
SECRET = "a secret that is long enough for HS256, and then some"


@pytest.fixture
def store(store):
    """The store of the API's tests, with the page's rows over nothing."""
    store.rows |= NOTHING
    return store


def presenting(key):
    return {"Cookie": f"tokentide_session={key}"}


async def test_the_page_is_strict_about_where_things_come_from(client):
    """Nothing but its own scripts, styles, pictures and numbers; in no frame; with no word to other sites."""
    answer = await client.get("/")
    policy = dict(rule.strip().split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {"default-src": "'none'", "frame-ancestors": "'none'", "base-uri": "'none'"} | dict.fromkeys(
        ("script-src", "style-src", "img-src", "connect-src", "form-action"), "'self'"
    )
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=|https?:", answer.text)


async def test_the_page_is_kept_until_it_changes(client):
    """Who holds the page asks whether it changed; who holds a file never asks, for its address says what is in it."""
    page = await client.get("/")
    again = await client.get("/", headers={"If-None-Match": page.headers["ETag"]})
    assert (page.headers["Cache-Control"], again.status_code, again.content) == ("no-cache", 304, b"")
    assert (await client.head("/")).status_code == 200
    address = re.search(r'"(/page/files/\w+/)main\.js"', page.text)[1]
    file = await client.get(f"{address}main.js")
    assert file.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert file.headers["Content-Type"] == "text/javascript; charset=utf-8"
    for wrong in (
        f"{address}nothing.js",
        f"{address}index.html",
        "/page/files/0123/main.js",
        f"{address}..%2froutes.py",
    ):
        assert (await client.get(wrong)).status_code == 404


async def test_the_page_names_all_of_its_modules(client):
    """Each script is loaded at once, not one after the other found it, and each named file is there."""
    page = (await client.get("/")).text
    named = set(re.findall(r'/page/files/\w+/([\w.]+)"', page))
    files = {entry.name for entry in resources.files("tokentide.api.page").joinpath("files").iterdir()}
    assert named == files - {"index.html"}


async def test_the_page_needs_no_store(client, store):
    """While the store is away the page is served, and its numbers are refused with words and a time to come back."""
    assert (await client.get("/page/data", headers=presenting(READ_KEY))).status_code == 200
    store.away = True
    assert (await client.get("/")).status_code == 200
    answer = await client.get("/page/data?range=7d", headers=presenting(READ_KEY))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Try again later" in answer.json()["error"]
    assert "secret" not in answer.text


@pytest.mark.parametrize(("base", "secure"), [("http://api", False), ("https://api", True)])
async def test_the_cookie_is_for_the_page_alone(app, base, secure):
    """No script reads it, no other site sends it, no other path gets it, and TLS keeps it where there is any."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=base) as client:
        answer = await client.post(SESSION, json={"key": f" {READ_KEY} "})
    assert answer.status_code == 204
    name, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert name == f"tokentide_session={READ_KEY}"
    assert {one.lower() for one in attributes} == {"httponly", "path=/page", "samesite=strict"} | (
        {"secure"} if secure else set()
    )


@pytest.mark.parametrize(
    ("key", "status", "words"),
    [
        ("als_unknown", 401, "not known here"),
        (INGEST_KEY, 403, "cannot read data"),
        ("", 401, "begins with als_"),
        (None, 400, "key is required"),
        (["x"], 400, "key is required"),
        ("a.b.c", 401, "not known here"),
    ],
)
async def test_what_opens_nothing_is_refused(client, key, status, words):
    """A key that is unknown or not for reading sets no cookie, and the answer says what to do."""
    answer = await client.post(SESSION, json={"key": key})
    assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)
    assert words in answer.json()["error"]


async def test_a_token_signs_in_as_far_as_a_cookie_reaches(store):
    """A session's token opens what it opens elsewhere; one that is larger than browsers keep is refused in words."""
    app = create_app(Settings(jwt_secret=SECRET), store)

    def token(**more):
        claims = {"org": "o", "projects": ["p"], "exp": clock.now_ms() // 1000 + 600}
        return jwt.encode(claims | more, SECRET, "HS256")

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
        assert (await client.post(SESSION, json={"key": token()})).status_code == 204
        assert (await client.get("/page/data", headers=presenting(token()))).json()["shown"]["projects"] == ["p"]
        large = await client.post(SESSION, json={"key": token(more="x" * 4000)})
        assert (large.status_code, "use a read key" in large.json()["error"]) == (400, True)


async def test_another_site_can_do_nothing(client):
    """What another site makes a browser send is refused: by what the browser says of it, and by its form."""
    for site in ("cross-site", "same-site"):
        from_there = {"Sec-Fetch-Site": site}
        assert (await client.post(SESSION, json={"key": READ_KEY}, headers=from_there)).status_code == 403
        assert (await client.delete(SESSION, headers=from_there)).status_code == 403
    form = await client.post(SESSION, data={"key": READ_KEY})
    assert (form.status_code, "set-cookie" in form.headers) == (415, False)


async def test_the_cookie_opens_no_dialect(client):
    """Other paths want the header, so that nothing a browser sends by itself opens them; the page wants the cookie."""
    answer = await client.get("/v1/costs?projectId=p", headers=presenting(READ_KEY))
    assert answer.status_code == 401
    assert (await client.get("/page/data", headers={"Authorization": f"Bearer {READ_KEY}"})).status_code == 401


async def test_signing_out_takes_the_cookie_back(client):
    """The browser is told to forget it."""
    answer = await client.delete(SESSION)
    assert answer.status_code == 204
    assert 'tokentide_session=""' in answer.headers["Set-Cookie"]
    assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_a_revoked_key_opens_nothing(client, store, app):
    """Once it is known that a key was revoked, the cookie that holds it is worth nothing."""
    assert (await client.get("/page/data", headers=presenting(WIDE_KEY))).status_code == 200
    store.rows["access_keys"] = [key_row(WIDE_KEY, projects=(), revoked_ms=1)]
    await client.get("/page/data", headers=presenting("als_unknown"))  # makes it look
    answer = await client.get("/page/data", headers=presenting(WIDE_KEY))
    assert (answer.status_code, answer.json()["code"]) == (401, "unknown_key")


async def test_the_page_sees_what_the_key_sees(client):
    """Projects that may be chosen are the key's own, and another one is refused."""
    for key, projects in {READ_KEY: ["p"], WIDE_KEY: ["p", "p2"]}.items():
        answer = await client.get("/page/data", headers=presenting(key))
        assert answer.json()["shown"]["projects"] == projects
    for project in ("p2", "theirs"):
        answer = await client.get(f"/page/data?project={project}", headers=presenting(READ_KEY))
        assert (answer.status_code, answer.json()["code"]) == (403, "foreign_project")


async def test_the_page_is_limited_as_the_api_is(client):
    """The page's requests and those of programs with the same key count together: 300 a minute."""
    for _ in range(299):
        await client.post(SESSION, json={"key": READ_KEY})
    assert (await client.get("/page/data", headers=presenting(READ_KEY))).status_code == 200
    answer = await client.get("/page/data", headers=presenting(READ_KEY))
    assert (answer.status_code, answer.json()["code"]) == (429, "too_many_requests")
    assert int(answer.headers["Retry-After"]) > 0
    of_api = await client.get("/v1/costs?projectId=p", headers={"Authorization": f"Bearer {READ_KEY}"})
    assert of_api.status_code == 429


async def test_bad_parameters_are_named(client):
    """A wrong range or day is a 400 that says which."""
    for asked, word in {"range=1y": "range", "from=x": "from", "from=2026-01-01&to=x": "to"}.items():
        answer = await client.get(f"/page/data?{asked}", headers=presenting(READ_KEY))
        assert (answer.status_code, word in answer.json()["error"]) == (400, True)


async def test_it_says_how_far_the_data_reach(client, store):
    """The lag is the time from X-Data-Through to now; before anything was stored there is none."""
    store.rows["data_through"] = [(clock.now_ms() - 5000,)]
    answer = await client.get("/page/data", headers=presenting(READ_KEY))
    fresh = answer.json()["freshness"]
    assert fresh["dataThrough"] == answer.headers["X-Data-Through"] <= iso_millis(clock.now_ms() - 5000)
    assert 5 <= fresh["lagSeconds"] < 60


async def test_before_anything_was_stored_there_is_no_lag(client, store):
    """No progress is told as such, and all figures are 0."""
    store.rows["data_through"] = []
    answer = (await client.get("/page/data", headers=presenting(READ_KEY))).json()
    assert (answer["freshness"]["dataThrough"], answer["freshness"]["lagSeconds"]) == (None, None)
    assert answer["total"]["requests"] == answer["latency"]["p99"] == answer["projectedMonthEnd"] == 0
    assert len(answer["timeline"]) == 24


async def test_no_key_stands_in_a_log(client, caplog):
    """Neither a good one nor a bad one."""
    with caplog.at_level(logging.DEBUG):
        await client.post(SESSION, json={"key": READ_KEY})
        await client.post(SESSION, json={"key": "als_unknown"})
        await client.get("/page/data", headers=presenting(READ_KEY))
    assert READ_KEY not in caplog.text
    assert "als_unknown" not in caplog.text
