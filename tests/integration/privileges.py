"""One role's work on ClickHouse's engine, which grants it no more than deploy/clickhouse/roles.sql does.

    python -m tests.integration.privileges ROLE FOLDER

A process of its own for each role, as the engine reads its users once. It ends with the privileges that the role's
statements used, as the engine's own log tells, in JSON.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import chdb
import httpx
import pytest

from tests.integration.folded import START_MS, fold_into, made_up_events
from tests.store_fixtures import settings_of
from tests.unit.gateway.fakes import FakeLog
from tokentide import clock
from tokentide.reconcile.days import day_differences, made_anew
from tokentide.reconcile.span import Span
from tokentide.reconcile.stored import Stored
from tokentide.rollups import TABLES, Position
from tokentide.rollups.days import DayMark
from tokentide.serving.app import create_app
from tokentide.store import Store, days, open_store, rows
from tokentide.store.access import create_key, list_keys, revoke_key
from tokentide.store.accounts import change_account, read_account
from tokentide.store.key_uses import last_uses, write_uses
from tokentide.store.migrate import migrate

ROLES = ("migrate", "worker", "operator", "api")
"""In the order of their work: each needs what those before it made."""

_TO_LOOK = ("SYSTEM FLUSH LOGS ON *.*", "SELECT ON system.query_log")
FILE = Path(__file__).parents[2] / "deploy/clickhouse/roles.sql"
DATABASE = "tokentide"
_DAY = START_MS // 86_400_000
_DAYS = range(_DAY - 10, _DAY + 10)
_TIMES = ("start=2026-10-25&end=2026-11-08", "start=2026-11-01T00:10:00Z&end=2026-11-01T02:20:00Z")
_PERF = ("overview", "customer", "performance", "failures", "daily")
ROUTES = [
    "/readyz",
    *(f"/v1/projects/p/overview?{times}" for times in _TIMES),
    *(f"/v1/{page}?projectId=p&{times}" for page in ("costs", "performance", "errors") for times in _TIMES),
    *(f"/v1/metrics/{page}?days=90" for page in _PERF),
    "/v1/metrics/providers?hours=24",
    "/api/analytics/llm?from=2026-11-01T00:00:00Z",
    "/api/events?from=2026-11-01T00:00:00Z",
]
WINDOW = {"startTs": "2026-11-01T00:00:00Z", "endTs": "2026-11-02T00:00:00Z", "type": "distribution"}
_CONCRETE = [{"fieldName": "virtualModelName", "operator": "IS_NULL", "value": True}]
QUESTIONS: list[dict[str, Any]] = [
    {"datasource": "modelMetrics", "aggregations": [{"type": "p95", "column": "latencyMs"}], "filters": _CONCRETE},
    {"datasource": "modelMetrics", "aggregations": [{"type": "sum", "column": "costInUSD"}], "groupBy": ["team"]},
    {"datasource": "mcpMetrics", "aggregations": [{"type": "p95", "column": "latencyMs"}]},
]


def grants() -> list[tuple[str, str]]:
    """What roles.sql grants: a role without its prefix, and what it gets, as GRANT wants it."""
    text = re.sub(r"--[^\n]*", "", FILE.read_text(encoding="utf-8"))
    statements = [" ".join(statement.split()) for statement in text.split(";")]
    found = [re.fullmatch(r"GRANT (.+ ON .+) TO tokentide_(\w+)_role", statement) for statement in statements]
    return [(match[2], match[1]) for match in found if match]


def _configure(role: str, folder: Path) -> Path:
    """The engine's settings: a log of statements, and one user who may do what the role may, and look at that log."""
    given = "".join(
        f"<query>GRANT {what}</query>" for what in [*(what for to, what in grants() if to == role), *_TO_LOOK]
    )
    users, settings = folder / f"{role}-users.xml", folder / f"{role}.xml"
    users.write_text(
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas><users><default><password/>"
        "<networks><ip>::/0</ip></networks><profile>default</profile><quota>default</quota>"
        f"<grants>{given}</grants></default></users></clickhouse>",
        encoding="utf-8",
    )
    log = "<query_log><database>system</database><table>query_log</table></query_log>"
    settings.write_text(f"<clickhouse>{log}<users_config>{users}</users_config></clickhouse>", encoding="utf-8")
    return settings


def _migrate(dsn: str) -> None:
    assert migrate(settings_of(dsn, DATABASE))
    assert migrate(settings_of(dsn, DATABASE, rollup_retention_days=5000)), "another time to live"


def _work(store: Store) -> None:
    log = fold_into(store, list(made_up_events(7, 200)))
    assert log
    for table in TABLES:
        assert rows.read_rows(store, table, 0, None)
    rows.write_progress(store, "llm.events", [rows.Progress(number, Position(200), START_MS) for number in (0, 1)])
    rows.read_progress(store, "llm.events")
    days.first_day(store)
    days.build_day(store, _DAY, {0, 1})
    days.write_marks(store, [DayMark(part, day, 200, 1) for part in (0, 1) for day in _DAYS])
    days.read_marks(store, [0, 1])


def _operate(store: Store, keys: Path) -> None:
    now = clock.now_ms()
    made = create_key(store, role="read", org="o", projects=["p"], now_ms=now)
    kept = create_key(store, role="read", org="o", projects=[], now_ms=now, tier="enterprise")
    keys.write_text(kept.key, encoding="utf-8")
    create_key(store, role="ingest", org="o", projects=["p"], now_ms=now)
    revoke_key(store, made.id, now)
    list_keys(store)
    last_uses(store)
    change_account(store, "o", {"gpt4o_input_price": Decimal(3)}, now)
    read_account(store, "o")
    _mend(store)


def _mend(store: Store) -> None:
    """What `reconcile` reads and `rebuild` writes."""
    rows.read_progress(store, "llm.events")
    stored, span = Stored(store, 0, 0, 1 << 40), Span(START_MS // 1000, START_MS // 1000 + 86_400)
    stored.size(span)
    stored.sums(span, events=span)
    for table in TABLES:
        (row, *_) = [row for (of, _), row in stored.rows(span).items() if of == table]
        stored.delete(table, row)
        stored.insert([(table, row)])
    stored.delete_event(min(stored.event_places(span)))
    day_differences(store, 0, span, 0)
    made_anew(store, 0, [_DAY])
    store.insert_json("events", rows.EVENT_COLUMNS, b"{}\n")


async def _serve(store: Store, key: str) -> None:
    """Every route that answers from the store, over whole hours and others, and what a sender is let in by."""
    app = create_app(settings_of("chdb:///never-opened", DATABASE), store, written=store, delivery=FakeLog())
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers) as client:
        for path in ROUTES:
            answer = await client.get(path)
            assert answer.status_code == 200, f"{path}: {answer.text}"
        for body in QUESTIONS:
            answer = await client.post("/api/svc/v1/llm-gateway/metrics/query", json=WINDOW | body)
            assert answer.status_code == 200, f"{body}: {answer.text}"
    write_uses(store, {"a": 1})
    last_uses(store)
    store.cancel("abc")


def _do(role: str, store: Store, keys: Path) -> None:
    if role == "worker":
        _work(store)
    elif role == "operator":
        _operate(store, keys)
    else:
        asyncio.run(_serve(store, keys.read_text(encoding="utf-8")))


def _must_refuse(engine: Any, statement: str) -> None:
    """What no role may do is refused: else all this would have shown nothing."""
    with pytest.raises(Exception, match="Not enough privileges"):
        engine.query(statement)


def main() -> None:
    """Do a role's work, and say what it used."""
    role, folder = sys.argv[1], Path(sys.argv[2])
    with closing(chdb.connect(f"{folder}/data?config-file={_configure(role, folder)}")) as engine:
        dsn = f"chdb://{folder}/data"
        if role == "migrate":
            _migrate(dsn)
        else:
            with closing(open_store(dsn, DATABASE)) as store:
                _do(role, store, folder / "key")
        _must_refuse(engine, f"DROP TABLE {DATABASE}.usage_1h")
        engine.query("SYSTEM FLUSH LOGS")
        used = engine.query("SELECT DISTINCT arrayJoin(used_privileges) FROM system.query_log", "TSV")
        sys.stdout.write(json.dumps(str(used.bytes().decode()).splitlines()))


if __name__ == "__main__":
    main()
