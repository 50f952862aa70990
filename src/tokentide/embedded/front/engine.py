"""What does chDB answer to a statement? One engine in this process; each statement in a connection of its own.

A connection costs a tenth of a millisecond, so settings, default database and temporary tables never reach another
statement. chDB runs several statements in one call, and files named in a statement are this machine's: both are
refused before it sees them.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import chdb

from tokentide.embedded.front.body import take
from tokentide.embedded.front.lexer import SYNTAX_ERROR
from tokentide.embedded.front.refusal import ClickHouseError, error_from_engine
from tokentide.embedded.front.request import quoted, set_statement
from tokentide.embedded.front.statement import DataInsert, find_data_insert, read_query, require_one_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tokentide.embedded.front.request import Request

__all__ = ["SQL_BYTES", "Answer", "Engine"]

SQL_BYTES = 16 * 1024 * 1024  # a longer statement is refused; the data of an INSERT does not count

_HEAD_BYTES = 1024 * 1024  # an INSERT's data begins within this

_READONLY = 164
_QUERY_IS_TOO_LARGE = 229

_SMALL = "mark_cache_size=67108864&index_mark_cache_size=16777216&uncompressed_cache_size=0"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave: `format` is None when it has no rows to give; `summary` counts rows and bytes."""

    data: bytes
    format: str | None
    summary: Mapping[str, int]


class Engine:
    """chDB on one folder. Any number of threads may call it; the process must not fork while it is open.

    Args:
        store: The data's folder, from the working folder: chDB takes options behind a `?`, which a whole path may have.
        memory_bytes: What all statements together may use.

    Raises:
        ClickHouseError: The data cannot be opened; another process has it, say.
    """

    def __init__(self, store: str, memory_bytes: int) -> None:
        self._store = store
        try:
            self._keep = _connect(f"{store}?max_server_memory_usage={memory_bytes}&{_SMALL}")
            self.timezone = _text(self._keep.query("SELECT timezone()", "TSVRaw"))
            self.version = _text(self._keep.query("SELECT version()", "TSVRaw"))
        except RuntimeError as error:
            raise error_from_engine(str(error)) from error

    def close(self) -> None:
        """Ends the engine; every statement must have come to its end."""
        self._keep.close()

    def run(self, request: Request, source: Iterator[bytes]) -> Answer:
        """Runs one statement, whose text (and data, for an INSERT) is `source`.

        Raises:
            ClickHouseError: The statement was refused, by us or by the engine; nothing of it was done.
        """
        head, is_complete = take(source, _HEAD_BYTES)
        insert = find_data_insert(head)
        with self._connection(request) as connection:
            if insert is None:
                return self._query(connection, request, _whole(head, source))
            if is_complete and insert.format.upper() == "VALUES":
                require_one_statement(head[insert.data_at :])
            if request.binds:  # here is no other way to hand them over
                connection.query(set_statement({f"param_{name}": value for name, value in request.binds.items()}))
            return self._insert(connection, insert, head, source)

    def _query(self, connection: Any, request: Request, text: bytes) -> Answer:
        query = read_query(text)
        sql = _decoded(query.sql)
        kind = _classify(connection, sql)
        if kind.statements > 1:
            raise ClickHouseError(SYNTAX_ERROR, "SYNTAX_ERROR", "Syntax error (Multi-statements are not allowed)")
        if kind.statements == 0 and not request.is_readonly:  # the engine cannot read it: all it may do is say so
            connection.query(set_statement({"readonly": "1"}))
        may_run = kind.only_reads or query.kills
        if kind.statements == 1 and request.is_readonly and not may_run:
            raise ClickHouseError(_READONLY, "READONLY", "Cannot execute query in readonly mode.")
        result = connection.query(sql, request.default_format, params=dict(request.binds))
        output_format = query.format or request.default_format
        return Answer(
            data=result.bytes() or b"",  # a copy: chdb's memoryview does not keep its memory alive
            format=output_format if may_run else None,
            summary=_summary(result),
        )

    def _insert(self, connection: Any, insert: DataInsert, head: bytes, source: Iterator[bytes]) -> Answer:
        # By way of a file: the engine's own streaming insert answers before the rows are written, and swallows what
        # the table says of them (a constraint, a full disk). The file has no name, so that none is ever left over.
        with TemporaryFile() as file:
            file.write(head[insert.data_at :])
            file.writelines(source)
            file.flush()
            target, settings = _decoded(insert.target), _decoded(insert.settings)
            result = connection.query(
                f"{target} FROM INFILE '/dev/fd/{file.fileno()}' COMPRESSION 'none' {settings} FORMAT {insert.format}"
            )
        return Answer(b"", None, _summary(result))

    @contextmanager
    def _connection(self, request: Request) -> Iterator[Any]:
        connection = _connect(self._store)
        try:
            if request.database:
                connection.query("USE " + quoted(request.database, "`"))
            if request.settings:
                connection.query(set_statement(request.settings))
            yield connection
        except (RuntimeError, chdb.ChdbError) as error:
            raise error_from_engine(str(error)) from error
        finally:
            connection.close()


def _connect(target: str) -> Any:
    return chdb.connect(target)  # type: ignore[no-untyped-call]  # chdb has no types here


@dataclass(frozen=True, slots=True)
class _Kind:
    statements: int
    only_reads: bool


def _classify(connection: Any, sql: str) -> _Kind:
    """What the engine's own parser makes of it: the judge above our lexer, which knows no grammar."""
    report = connection._conn.classify_query(sql)  # noqa: SLF001  chdb's wrapper does not pass it on
    return _Kind(report["statement_count"], report["query_class"].name == "READ_ONLY")


def _whole(head: bytes, source: Iterator[bytes]) -> bytes:
    rest, is_complete = take(source, SQL_BYTES - len(head)) if len(head) < SQL_BYTES else (b"", False)
    if not is_complete:
        raise ClickHouseError(_QUERY_IS_TOO_LARGE, "QUERY_IS_TOO_LARGE", f"a statement is limited to {SQL_BYTES} bytes")
    return head + rest


def _decoded(sql: bytes) -> str:
    try:
        return sql.decode()
    except UnicodeDecodeError as error:
        raise ClickHouseError(SYNTAX_ERROR, "SYNTAX_ERROR", f"Syntax error: not UTF-8: {error}") from error


def _summary(result: Any) -> dict[str, int]:
    return {
        "read_rows": result.storage_rows_read(),
        "read_bytes": result.storage_bytes_read(),
        "written_rows": result.rows_written(),
        "written_bytes": result.bytes_written(),
        "result_rows": result.rows_read(),
        "result_bytes": result.bytes_read(),
    }


def _text(result: Any) -> str:
    return str(result.bytes().decode().strip())
