"""How the store's port is carried out: clickhouse-connect, over HTTP or on the embedded engine in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any
from urllib.parse import SplitResult, urlsplit, urlunsplit

import clickhouse_connect
from clickhouse_connect.datatypes.base import ClickHouseType
from clickhouse_connect.driver import Client
from clickhouse_connect.driver.compression import get_compressor
from clickhouse_connect.driver.summary import QuerySummary

from tokentide.errors import StoreRejected
from tokentide.store.failures import reporting
from tokentide.store.port import Answer, Query, ReadLimits, Store

__all__ = ["ClickHouseStore", "open_store", "settings_for"]

CONNECT_SECONDS = 5
WRITE_SECONDS = 120
"""How long ClickHouse may take: to accept a connection, and over a writer's call."""

Setting = int | str


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the store is: what a client needs to reach it, and how messages call it (no secrets)."""

    name: str
    arguments: Mapping[str, Any]


def open_store(
    dsn: str, database: str, *, read_only: bool = False, cluster: str = "", limits: ReadLimits | None = None
) -> Store:
    """Open the store that the DSN names.

    Args:
        dsn: `http(s)://[USER:PASSWORD@]HOST:PORT`, with options of clickhouse-connect after a `?` (`verify=false`,
            `ca_cert=FILE`); a path is not read. Or `chdb:///FOLDER`, the embedded engine: one folder per process, and
            one process per folder.
        database: where unqualified tables are. It need not exist yet; empty for the user's own, which only `migrate`
            and probes want.
        read_only: the store itself refuses everything but reading, and keeps every question within the limits.
        cluster: ClickHouse cluster when tables are replicated: writes wait for a quorum, and reads see what it has.
        limits: of a reader's question.

    Raises:
        StoreUnavailable: nothing answers there, or not now.
        StoreRejected: the DSN makes no sense, or the credentials are refused.
    """
    reading = (limits or ReadLimits()) if read_only else None
    place = _place(dsn, reading.seconds + CONNECT_SECONDS if reading else WRITE_SECONDS)
    with reporting(f"opening {place.name}"):
        client = clickhouse_connect.get_client(tz_mode="aware", **place.arguments)
        try:
            _set(client, settings_for(reading=reading, replicated=bool(cluster)))
        except Exception:
            client.close()
            raise
        if client.get_client_setting("session_timezone"):
            client.server_tz = UTC  # times are bound in the session's zone, whatever the server's is
        client.database = database or None
    return ClickHouseStore(client, place.name)


def settings_for(*, reading: ReadLimits | None, replicated: bool) -> dict[str, Setting]:
    """The ClickHouse settings of every call, of a reader when limits are given.

    `readonly` comes last because nothing can be set after it.
    """
    settings: dict[str, Setting] = {
        "session_timezone": "UTC",
        # Each table's month is part of its key, so no two partitions hold rows of one key.
        "do_not_merge_across_partitions_select_final": 1,
    }
    if replicated:
        settings["select_sequential_consistency"] = 1
    if reading:
        settings |= {"max_execution_time": reading.seconds, "max_memory_usage": reading.memory_bytes}
        return settings | {"cancel_http_readonly_queries_on_client_close": 1, "readonly": 1}
    settings |= {
        "async_insert": 0,  # acknowledged means stored
        # A table restored from a backup must take a replayed block. The first alone does nothing from 26.2 on.
        "insert_deduplicate": 0,
        "deduplicate_insert": "disable",
        "precise_float_parsing": 1,
        "input_format_skip_unknown_fields": 1,
        "input_format_defaults_for_omitted_fields": 1,
    }
    if replicated:
        settings |= {"insert_quorum": "auto", "insert_quorum_parallel": 0}
    return settings


class ClickHouseStore:
    """The store's port over one client, which may be shared by threads (the embedded engine takes them one by one)."""

    def __init__(self, client: Client, place: str) -> None:
        self._client = client
        self._place = place
        self._types: dict[tuple[str, tuple[str, ...]], Sequence[ClickHouseType]] = {}

    def insert(self, table: str, columns: Sequence[str], values: Sequence[Sequence[Any]]) -> None:
        """See `Store.insert`.

        DateTime columns take seconds since the epoch and DateTime64(3) milliseconds, as integers, or aware datetimes;
        the fastest columns are lists or tuples of what Python's `struct` packs.
        """
        lengths = {len(column) for column in values}
        if len(lengths) > 1 or len(values) != len(columns):
            raise StoreRejected(f"inserting into {table}: {len(columns)} columns need as many lists of one length")
        if not values or lengths == {0}:
            return
        named = table, tuple(columns)
        try:
            with reporting(f"inserting {len(values[0])} rows into {table} of {self._place}"):
                done = self._client.insert(
                    table, values, columns, self._client.database, self._types_of(*named), column_oriented=True
                )
                _require_end(done.summary)
        except StoreRejected:
            self._types.pop(named, None)  # the table may have changed under the remembered types
            raise

    def insert_json(self, table: str, columns: Sequence[str], lines: bytes) -> None:
        """See `Store.insert_json`."""
        if not lines:
            return
        squeeze = get_compressor(self._client.write_compression)
        with reporting(f"inserting {len(lines)} bytes of JSON into {table} of {self._place}"):
            block = bytes(squeeze.compress_block(lines)) + (squeeze.flush() or b"")  # type: ignore[no-untyped-call]
            done = self._client.raw_insert(
                table, columns, block, fmt="JSONEachRow", compression=self._client.write_compression
            )
            _require_end(done.summary)

    def ask(self, query: Query) -> list[tuple[Any, ...]]:
        """See `Store.ask`. Bind times as aware datetimes: a number of fewer than ten digits is not read as seconds."""
        unbound = [name for name in query.args if f"{{{name}:" not in query.sql]
        if unbound:
            raise StoreRejected(f"query {query.name}: {', '.join(unbound)} must stand in its SQL as {{name:Type}}")
        if ";" in query.sql:
            raise StoreRejected(f"query {query.name}: a semicolon, but a query is one statement")
        sql = f"{query.sql}\n{_mark(query.asking)}" if query.asking else query.sql
        args = {name: list(value) if isinstance(value, tuple) else value for name, value in query.args.items()}
        with reporting(f"asking {query.name} of {self._place}"):
            answer = self._client.query(sql, args, query_tz=UTC, tz_mode="aware")
            rows = Answer(tuple(row) for row in answer.result_rows)
            _require_end(answer.summary)
        rows.read_rows = int(answer.summary.get("read_rows", 0))
        rows.read_bytes = int(answer.summary.get("read_bytes", 0))
        return rows

    def cancel(self, asking: str) -> None:
        """See `Store.cancel`. A reader may stop its own user's questions."""
        with reporting(f"cancelling a question to {self._place}"):
            self._client.query(
                "KILL QUERY WHERE position(query, {mark:String}) > 0 AND query NOT LIKE 'KILL%' ASYNC",
                {"mark": _mark(asking)},
            )

    def command(self, sql: str) -> None:
        """See `Store.command`."""
        with reporting(f"running {' '.join(sql.split())[:60]!r} on {self._place}"):
            done = self._client.command(sql)
            if isinstance(done, QuerySummary):  # else the statement gave rows, as ON CLUSTER does
                _require_end(done.summary)

    def change(self, query: Query) -> None:
        """See `Store.change`."""
        with reporting(f"running {query.name} on {self._place}"):
            done = self._client.command(query.sql, dict(query.args))
            if isinstance(done, QuerySummary):
                _require_end(done.summary)

    def close(self) -> None:
        """See `Store.close`."""
        with reporting(f"closing {self._place}"):
            self._client.close()

    def _types_of(self, table: str, columns: tuple[str, ...]) -> Sequence[ClickHouseType]:
        known = self._types.get((table, columns))
        if known is None:
            context = self._client.create_insert_context(table, columns, self._client.database)
            known = self._types[table, columns] = context.column_types
        return known


def _place(dsn: str, answer_seconds: int) -> _Place:
    try:
        parts = urlsplit(dsn)
        where = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        # Without the cause, which may quote a piece of the password.
        raise StoreRejected("the ClickHouse DSN is not a URL; percent-encode what its password contains") from None
    if parts.scheme == "chdb" and not parts.netloc and parts.path.startswith("/"):
        return _Place(f"the embedded ClickHouse in {parts.path}", {"interface": "chdb", "path": parts.path})
    if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.path + parts.query + parts.fragment:
        raise StoreRejected(
            "the ClickHouse DSN must read http(s)://[USER:PASSWORD@]HOST:PORT, with the password percent-encoded, "
            "or chdb:///FOLDER with an absolute folder"
        )
    return _Place(f"ClickHouse at {where}", _http_arguments(parts, answer_seconds))


def _http_arguments(parts: SplitResult, answer_seconds: int) -> dict[str, Any]:
    return {
        "dsn": urlunsplit(parts._replace(path="")),
        "interface": parts.scheme,
        "client_name": "tokentide",
        "compress": True,
        "autogenerate_session_id": False,  # a session would refuse a second thread
        "form_encode_query_params": True,  # a URL has no room for long lists
        "dedicated_pool": True,  # so that close() closes the connections
        "connect_timeout": CONNECT_SECONDS,
        "send_receive_timeout": answer_seconds,
    }


def _mark(asking: str) -> str:
    """How a running question is known: the embedded engine gives it an id of its own."""
    if not asking.isalnum():
        raise StoreRejected("what marks a question is made of letters and digits")
    return f"/* {asking} */"


def _require_end(summary: Mapping[str, Any]) -> None:
    """Raise when ClickHouse's summary, which comes at the end, is not in the answer's head.

    A server that dies has often sent some of the head already, with status 200, and the HTTP library takes that for
    a whole answer without rows: an insert would count as acknowledged, a question as answered with nothing.
    """
    if not {"read_rows", "written_rows"} & summary.keys():
        raise ConnectionError("the answer broke off (or a proxy leaves out its X-ClickHouse-Summary)")


def _set(client: Client, settings: Mapping[str, Setting]) -> None:
    for name, value in settings.items():
        known = client.server_settings.get(name)
        # An older server lacks some; a user whose profile fixes a setting (`readonly` above all) cannot choose it.
        if known is not None and not known.readonly:
            client.set_client_setting(name, value)
