"""May a call that failed succeed later?

Decided by ClickHouse's numeric code or by how the transport broke, never by text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

from clickhouse_connect.driver import exceptions as driver
from urllib3.exceptions import HTTPError, SSLError

from tokentide.errors import StoreError, StoreOverLimit, StoreRejected, StoreUnavailable

__all__ = ["MISSING", "NOT_NOW", "OVER_LIMIT", "code_of", "reporting"]

NOT_NOW: Mapping[int, str] = MappingProxyType(
    {
        74: "CANNOT_READ_FROM_FILE_DESCRIPTOR",
        75: "CANNOT_WRITE_TO_FILE_DESCRIPTOR",
        76: "CANNOT_OPEN_FILE",
        95: "CANNOT_READ_FROM_SOCKET",
        96: "CANNOT_WRITE_TO_SOCKET",
        159: "TIMEOUT_EXCEEDED",
        160: "TOO_SLOW",
        173: "CANNOT_ALLOCATE_MEMORY",
        198: "DNS_ERROR",
        201: "QUOTA_EXCEEDED",
        202: "TOO_MANY_SIMULTANEOUS_QUERIES",
        203: "NO_FREE_CONNECTION",
        204: "CANNOT_FSYNC",
        209: "SOCKET_TIMEOUT",
        210: "NETWORK_ERROR",
        225: "NO_ZOOKEEPER",
        236: "ABORTED",
        241: "MEMORY_LIMIT_EXCEEDED",
        242: "TABLE_IS_READ_ONLY",
        243: "NOT_ENOUGH_SPACE",
        244: "UNEXPECTED_ZOOKEEPER_ERROR",
        252: "TOO_MANY_PARTS",
        254: "NO_ACTIVE_REPLICAS",
        265: "NO_AVAILABLE_REPLICA",
        279: "ALL_CONNECTION_TRIES_FAILED",
        285: "TOO_FEW_LIVE_REPLICAS",
        286: "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE",
        289: "REPLICA_IS_NOT_IN_QUORUM",
        294: "CANNOT_WRITE_TO_FILE",
        319: "UNKNOWN_STATUS_OF_INSERT",
        364: "RECEIVED_ERROR_TOO_MANY_REQUESTS",
        369: "ALL_REPLICAS_ARE_STALE",
        384: "PART_IS_TEMPORARILY_LOCKED",
        394: "QUERY_WAS_CANCELLED",
        416: "REPLICA_STATUS_CHANGED",
        425: "SYSTEM_ERROR",
        439: "CANNOT_SCHEDULE_TASK",
        473: "DEADLOCK_AVOIDED",
        499: "S3_ERROR",
        500: "AZURE_BLOB_STORAGE_ERROR",
        667: "NOT_INITIALIZED",
        677: "THREAD_WAS_CANCELED",
        692: "TOO_MANY_MUTATIONS",
        696: "ASYNC_LOAD_CANCELED",
        722: "ASYNC_LOAD_WAIT_FAILED",
        735: "QUERY_WAS_CANCELLED_BY_CLIENT",
        745: "SERVER_OVERLOADED",
        749: "TCP_CONNECTION_LIMIT_REACHED",
        762: "HTTP_CONNECTION_LIMIT_REACHED",
        777: "MEMORY_RESERVATION_KILLED",
        778: "MEMORY_RESERVATION_FAILED",
        999: "KEEPER_EXCEPTION",
        1000: "POCO_EXCEPTION",
        1001: "STD_EXCEPTION",
        1019: "QUERY_SLOT_ACQUISITION_TIMEOUT",
        1020: "MEMORY_RESERVATION_ACQUISITION_TIMEOUT",
    }
)
"""ClickHouse's codes for "not now": time-outs, overload, no memory, no disk, the network, replicas and their Keeper."""

OVER_LIMIT = frozenset({159, 160, 241})
"""Those of them that one call brings upon itself: TIMEOUT_EXCEEDED, TOO_SLOW, MEMORY_LIMIT_EXCEEDED."""

MISSING = frozenset({60, 81})
"""ClickHouse's codes for a table and a database that do not exist."""

_LONGEST_MESSAGE = 600

_ADVICE: Mapping[int, str] = MappingProxyType(
    {
        192: "Check user and password in TOKENTIDE_CLICKHOUSE.",
        193: "Check user and password in TOKENTIDE_CLICKHOUSE.",
        194: "Check user and password in TOKENTIDE_CLICKHOUSE.",
        497: "Give its user the role that deploy/clickhouse/roles.sql has for this program.",
        516: "Check user and password in TOKENTIDE_CLICKHOUSE.",
    }
)
"""What to do about codes that tell of users: unknown, wrong or no password, no right, none of these."""

_CERTIFICATE_ADVICE = (
    "TOKENTIDE_CLICKHOUSE_TLS_CA must name the file with the authorities that signed its certificate, "
    "and TOKENTIDE_CLICKHOUSE a host that it is made out to."
)


@contextmanager
def reporting(doing: str) -> Iterator[None]:
    """Turn whatever goes wrong inside into a StoreError that says what was being done.

    Raises:
        StoreUnavailable: the same may succeed later; StoreOverLimit when it took too much.
        StoreRejected: it cannot.
    """
    try:
        yield
    except StoreError:
        raise
    except Exception as error:
        raise _kind(error)(f"{doing}: {_said(error)}") from error


def code_of(error: StoreError) -> int | None:
    """The number that ClickHouse gave its refusal; None when the refusal is not ClickHouse's."""
    return _code(error.__cause__)


def _kind(error: Exception) -> type[StoreError]:
    if _code(error) in OVER_LIMIT:
        return StoreOverLimit
    return StoreUnavailable if _may_pass(error) else StoreRejected


def _may_pass(error: Exception) -> bool:
    code = _code(error)
    if code is not None:
        return code in NOT_NOW
    # An answer without ClickHouse's code is not ClickHouse's: the connection broke, or something on the way answered.
    broken = isinstance(error, driver.OperationalError | HTTPError | OSError)
    return broken or type(error) is driver.DatabaseError


def _code(error: BaseException | None) -> int | None:
    return error.code if isinstance(error, driver.Error) else None


def _said(error: Exception) -> str:
    text = " ".join(str(error).split())
    short = text if len(text) <= _LONGEST_MESSAGE else f"{text[:_LONGEST_MESSAGE]}…"
    code = _code(error)
    if code is not None:
        return f"ClickHouse code {code}: {short} {_ADVICE.get(code, '')}".rstrip()
    advice = _CERTIFICATE_ADVICE if _is_distrusted(error) else ""
    return f"{type(error).__name__}: {short} {advice}".rstrip()


def _is_distrusted(error: BaseException | None) -> bool:
    """Whether a certificate that could not be verified is at the bottom of it."""
    while error is not None:
        reason = getattr(error, "reason", None)  # where the HTTP library keeps what it gave up for
        if isinstance(error, SSLError) or isinstance(reason, SSLError):
            return True
        error = error.__cause__ or error.__context__
    return False
