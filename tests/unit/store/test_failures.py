from __future__ import annotations

import pytest
from clickhouse_connect.driver import exceptions as driver
from urllib3.exceptions import ProtocolError

from tokentide.errors import StoreError, StoreOverLimit, StoreRejected, StoreUnavailable
from tokentide.store.failures import NOT_NOW, OVER_LIMIT, code_of, reporting


def _reported(error: Exception) -> StoreError:
    with pytest.raises(StoreError) as caught, reporting("inserting into usage_1h"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        *((driver.DatabaseError("x", code=code), StoreUnavailable) for code in NOT_NOW.keys() - OVER_LIMIT),
        *((driver.DatabaseError("x", code=code), StoreOverLimit) for code in OVER_LIMIT),
        (driver.OperationalError("503 of a busy server", code=202), StoreUnavailable),
        (driver.OperationalError("the connection broke"), StoreUnavailable),
        (driver.StreamFailureError("the answer ended too early"), StoreUnavailable),
        (driver.DatabaseError("HTTP 502 of something in between"), StoreUnavailable),
        (ProtocolError("reset"), StoreUnavailable),
        (OSError(28, "No space left on device"), StoreUnavailable),
        (driver.DatabaseError("unknown table", code=60), StoreRejected),
        (driver.DatabaseError("constraint", code=469), StoreRejected),
        (driver.DatabaseError("readonly", code=164), StoreRejected),
        (driver.DatabaseError("credentials", code=516), StoreRejected),
        (driver.StreamFailureError("division by zero, half way", code=153), StoreRejected),
        (driver.OperationalError("503, but the query is wrong", code=62), StoreRejected),
        (driver.ProgrammingError("no such column"), StoreRejected),
        (driver.DataError("None in a non-Nullable column"), StoreRejected),
        (TypeError("an int has no encode"), StoreRejected),
    ],
    ids=repr,
)
def test_the_code_or_the_transport_decides(error: Exception, kind: type[StoreError]) -> None:
    """A code of the closed set or a broken transport may pass; every other refusal stays, and a limit is told apart."""
    assert type(_reported(error)) is kind


def test_the_text_decides_nothing() -> None:
    """A refusal that speaks of time-outs and memory in its text is judged by its number alone."""
    error = driver.DatabaseError("Code: 159. TIMEOUT_EXCEEDED, MEMORY_LIMIT_EXCEEDED", code=62)
    assert type(_reported(error)) is StoreRejected


def test_the_message_says_what_was_done_and_why_it_failed() -> None:
    """What was tried, on what, and ClickHouse's number; the original is chained."""
    error = driver.DatabaseError("Code: 60. Unknown table", code=60)
    reported = _reported(error)
    assert str(reported) == "inserting into usage_1h: ClickHouse code 60: Code: 60. Unknown table"
    assert reported.__cause__ is error
    assert code_of(reported) == 60


def test_a_long_text_is_cut() -> None:
    """ClickHouse may quote whole queries; a log line need not."""
    assert len(str(_reported(driver.DatabaseError("x\n" * 5000, code=1)))) < 1000


def test_what_is_said_already_is_not_said_again() -> None:
    """A StoreError inside passes unchanged."""
    error = StoreRejected("said")
    assert _reported(error) is error
    assert code_of(error) is None
