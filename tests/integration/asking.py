"""One store with made-up events of every kind, and the API over it, asked metrics queries one after the other."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import httpx
import jwt

from tests.integration.folded import fold_into
from tests.integration.gateway_events import gateway_events
from tests.oracle.compare import differences, parse
from tests.oracle.truefoundry import data_points
from tests.store_fixtures import migrated, settings_of
from tokentide import clock
from tokentide.serving.app import create_app
from tokentide.store import Query, Store, open_store

__all__ = ["PATH", "Asking", "asking"]

PATH = "/api/svc/v1/llm-gateway/metrics/query"
SECRET = "a secret that is long enough for HS256, and then some"


class Asking:
    """Asks the API, each time as another session, so that no rate limit is met.

    Attributes:
        events: all that were sent and count.
        store: where they are.
        origins: how many answers came from where.
    """

    def __init__(self, store: Store, reader: Store, events: list[dict[str, Any]], database: str) -> None:
        self.events, self.store = events, store
        self.origins: Counter[str] = Counter()
        store.insert("projects", ("project_id", "org_id"), [["p", "q", "theirs"], ["org", "org", "another"]])
        settings = settings_of("chdb:///never-opened", database, jwt_secret=SECRET)
        self.app = create_app(settings, reader)
        self._numbers = itertools.count()
        self._runner = asyncio.Runner()
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://api")

    def close(self) -> None:
        self._runner.run(self._client.aclose())
        self._runner.close()

    def run(self, coroutine: Any) -> Any:
        """The result of a coroutine on the loop that everything here runs on."""
        return self._runner.run(coroutine)

    def post(
        self, body: Any, *, org: str = "org", projects: Any = ("p", "q"), token: str | None = None
    ) -> httpx.Response:
        """The answer to a body, a JSON value or bytes."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        claims = {"sub": f"s{next(self._numbers)}", "org": org, "projects": list(projects)}
        made = jwt.encode(claims | {"exp": clock.now_ms() // 1000 + 600}, SECRET, "HS256") if token is None else token
        headers = {"Authorization": f"Bearer {made}", "Content-Type": "application/json"}
        return self._runner.run(self._client.post(PATH, content=content, headers=headers))

    def differences(self, body: dict[str, Any], projects: Any = ("p", "q")) -> list[str]:
        """Where the answer to a valid body is not the oracle's."""
        answer = self.post(body, projects=projects)
        self.origins[answer.headers.get("X-Answered-From", "refused")] += 1
        if answer.status_code != 200:
            return [f"{answer.status_code}: {answer.text}"]
        return differences({"data": {"dataPoints": self.expected(body, projects)}}, parse(answer.text))

    def expected(self, body: dict[str, Any], projects: Any = ("p", "q")) -> list[dict[str, Any]]:
        """The oracle's data points."""
        return data_points(body, [event for event in self.events if event["project_id"] in projects])


@contextmanager
def asking(dsn: str, seed: int = 5, count: int = 1500) -> Iterator[Asking]:
    """The API over so many events, some of them sent twice."""
    with migrated(dsn) as store:
        [(database,)] = store.ask(Query("database", "SELECT currentDatabase()"))
        events = list(gateway_events(seed, count))
        fold_into(store, events + events[: count // 10 // 2 * 2])
        with closing(open_store(dsn, database, read_only=True)) as reader:
            made = Asking(store, reader, events, database)
            with closing(made):
                yield made
