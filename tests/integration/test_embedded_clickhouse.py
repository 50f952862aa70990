"""The front over chDB, as clickhouse-connect's HTTP clients and a killed machine see it."""

from __future__ import annotations

import asyncio
import datetime as dt
import gzip
import itertools
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from pathlib import Path

import clickhouse_connect
import lz4.frame
import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, Error, OperationalError

from tests.unit.embedded.waiting import eventually
from tokentide.embedded.clickhouse import prepare_clickhouse
from tokentide.embedded.clickhouse_front import CREDENTIALS_VARIABLE
from tokentide.embedded.folder import DataFolder
from tokentide.embedded.front.body import zstd
from tokentide.embedded.part import running
from tokentide.embedded.processes import wait_until_ready

TABLE = """
CREATE TABLE {name} (
  id UInt64, name LowCardinality(String), at DateTime64(3, 'UTC'), day DateTime('UTC'),
  means Array(Float32), note Nullable(String), money Decimal(18, 9)
) ENGINE = MergeTree ORDER BY id SETTINGS fsync_after_insert = 1
"""
at = dt.datetime.fromisoformat
ROW = (7, "n", at("2026-01-02T03:04:05.678"), at("2026-01-02"), [0.5, 2.0], None, "1.000000001")

PACK = {None: bytes, "lz4": lz4.frame.compress, "zstd": zstd.compress, "gzip": gzip.compress}


@pytest.fixture(scope="module")
def front(tmp_path_factory):
    """A running front, for all tests of this file that do not kill it."""
    # a folder whose name tries to be taken for options
    with DataFolder(tmp_path_factory.mktemp("front") / "data?readonly=1&x= ü") as folder:
        clickhouse = prepare_clickhouse(folder, memory_bytes=800_000_000)
        with running([clickhouse.part]) as children:
            yield clickhouse
        assert children["clickhouse"].exit_code == 0, children["clickhouse"].log_tail()


def connect(clickhouse, **options):
    return clickhouse_connect.get_client(
        dsn=clickhouse.dsn, **{"autogenerate_session_id": False, "query_retries": 0} | options
    )


@pytest.fixture
def client(front):
    return connect(front)


@pytest.fixture
def reader(front):
    """A client that gave up writing, as the read API does."""
    return connect(front, settings={"readonly": "1"})


@pytest.fixture
def table(client):
    """A table of this test's own, with one row of every kind of column."""
    client.command("CREATE DATABASE IF NOT EXISTS d")
    name = f"d.`table {uuid.uuid4()}`"
    client.command(TABLE.format(name=name))
    client.insert(name, [[value] for value in ROW], column_oriented=True, column_names="*")
    return name


def refusal(call, *arguments, **options):
    """Code and name of the error that a call ends with."""
    with pytest.raises(DatabaseError) as refused:
        call(*arguments, **options)
    return refused.value.code, refused.value.name


def test_what_goes_in_by_columns_comes_out(client, table):
    """Every kind of column survives the way through Native, both ways."""
    *found, money = client.query(f"SELECT * FROM {table}").first_row
    assert (*found, str(money)) == ROW


def test_an_insert_says_how_many_rows_it_wrote(client, table):
    """The summary counts them."""
    summary = client.insert(table, [[8, 9], ["a", "b"]], column_names=["id", "name"], column_oriented=True)
    assert summary.written_rows == 2
    assert client.query(f"SELECT count() FROM {table}").summary["read_rows"] != "0"


@pytest.mark.parametrize("compression", PACK)
def test_raw_bytes_are_inserted_with_settings(client, table, compression):
    """JSON lines, packed or not, with a setting that changes how they are read."""
    line = b'{"id":1,"name":"raw;","at":"2026-02-03T04:05:06.5Z"}\n'
    settings = {"date_time_input_format": "best_effort"}
    columns, body = ["id", "name", "at"], PACK[compression](line)
    client.raw_insert(table, columns, body, fmt="JSONEachRow", compression=compression, settings=settings)
    assert client.query(f"SELECT name, at FROM {table} WHERE id = 1").first_row == (
        "raw;",
        at("2026-02-03T04:05:06.5"),
    )


def test_raw_bytes_are_inserted_as_they_come(client, table):
    """A generator is sent in chunks and never held as a whole."""
    lines = (f'{{"id":{number},"name":"x"}}\n'.encode() * 100 for number in range(1000, 1100))
    client.raw_insert(table, ["id", "name"], lines, fmt="JSONEachRow")
    assert client.command(f"SELECT count() FROM {table} WHERE id >= 1000") == 10_000


def test_rows_can_be_written_in_sql(client, table):
    """INSERT … VALUES and INSERT … SELECT work as statements."""
    client.command(f"INSERT INTO {table} (id, name) VALUES (2, 'it''s; fine'), (3, 'c');")
    client.command(f"INSERT INTO {table} (id) SELECT number + 10 FROM numbers(5)")
    assert client.command(f"SELECT count() FROM {table}") == 8


def test_values_are_bound_on_the_server(client, table):
    """Scalars, arrays, times and text with everything in it arrive as values."""
    evil = "it's; DROP TABLE `x` -- \\ \t\n/* {y:String} */"
    client.insert(table, [[1], [evil]], column_names=["id", "name"], column_oriented=True)
    found = client.query(
        f"SELECT id FROM {table} WHERE name = {{name:String}} AND has({{ids:Array(UInt64)}}, id) "
        "AND {names:Array(String)}[1] = {name:String} AND {at:DateTime64(3)} > {no:Nullable(Int32)} IS NULL",
        parameters={"name": evil, "ids": [1, 2], "names": [evil], "at": at("2026-01-01"), "no": None},
    )
    assert found.result_rows == [(1,)]
    assert refusal(client.query, "SELECT {x:UInt8}", parameters={"x": "1 or 1=1"}) == (457, "BAD_QUERY_PARAMETER")


def test_long_values_travel_as_a_form(front):
    """A list that is too long for an address is sent as multipart."""
    client = connect(front, form_encode_query_params=True)
    ids = list(range(50_000))
    assert client.query("SELECT length({ids:Array(UInt64)})", parameters={"ids": ids}).first_row == (50_000,)


def test_a_name_can_be_bound(client, table):
    """An Identifier parameter is quoted by the engine, in an INSERT too."""
    name = table.removeprefix("d.").strip("`")
    query = "SELECT count() FROM d.{table:Identifier}"
    assert client.query(query, parameters={"table": name}).first_row == (1,)
    client.command("INSERT INTO d.{table:Identifier} (id) VALUES (5)", parameters={"table": name})
    assert client.query(query, parameters={"table": name}).first_row == (2,)


def test_rows_come_in_blocks(client):
    """A long answer can be read block by block, compressed on the way."""
    with client.query_row_block_stream("SELECT number, toString(number) FROM numbers(300000)") as blocks:
        assert sum(len(block) for block in blocks) == 300_000


def test_the_format_is_the_statements_own(client):
    """A FORMAT clause wins over the client's default."""
    assert client.raw_query("SELECT 1 AS x FORMAT JSONEachRow") == b'{"x":1}\n'
    assert client.raw_query("SELECT 1 AS x", fmt="CSVWithNames") == b'"x"\n1\n'


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("SELECT * FROM d.nothing", (60, "UNKNOWN_TABLE")),
        ("SELEC 1", (62, "SYNTAX_ERROR")),
        ("SELECT nothing", (47, "UNKNOWN_IDENTIFIER")),
        ("SELECT * FROM nowhere.t", (81, "UNKNOWN_DATABASE")),
        ("SELECT 1; SELECT 2", (62, "SYNTAX_ERROR")),
        ("SELECT 1 INTO OUTFILE '/tmp/tokentide-outfile'", (358, "INTO_OUTFILE_NOT_ALLOWED")),
        ("INSERT INTO d.nothing VALUES (1)", (60, "UNKNOWN_TABLE")),
        ("", (62, "SYNTAX_ERROR")),
    ],
)
def test_errors_have_clickhouses_codes(client, reader, sql, error):
    """Clients decide by the number, and a reader gets the same one."""
    client.command("CREATE DATABASE IF NOT EXISTS d")
    assert refusal(client.raw_query, sql) == error
    assert refusal(reader.raw_query, sql) == error


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; DROP TABLE {table}",
        "SELECT 1 -- ;\n; DROP TABLE {table}",
        "DROP TABLE {table}; nonsense (",
        "DROP TABLE {table}; '",
        "INSERT INTO {table} (id) VALUES (1); DROP TABLE {table}",
        "SELECT $x$;$x$; DROP TABLE {table}",
        "; DROP TABLE {table}",
    ],
)
def test_a_second_statement_is_never_run(client, table, sql):
    """The engine would run several; the front refuses them all, and does nothing."""
    assert refusal(client.raw_query, sql.format(table=table)) == (62, "SYNTAX_ERROR")
    assert client.command(f"SELECT count() FROM {table}") == 1


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO {table} (id) VALUES (1)",
        "INSERT INTO {table} (id) SELECT 1",
        "DROP TABLE {table}",
        "TRUNCATE TABLE {table}",
        "ALTER TABLE {table} DELETE WHERE 1",
        "CREATE TABLE d.fresh (a UInt8) ENGINE = Memory",
        "CREATE TEMPORARY TABLE fresh (a UInt8)",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM default.`/etc/passwd`",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "INSERT INTO FUNCTION file('/tmp/tokentide-written', 'CSV') SELECT 1",
        "SET readonly = 0",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_threads = 1",
        "KILL MUTATION WHERE 1",
        "SYSTEM FLUSH LOGS",
        "OPTIMIZE TABLE {table}",
        "BACKUP TABLE {table} TO File('/tmp/tokentide-backup')",
        "SELECT 1 SETTINGS readonly = 2",
    ],
)
def test_a_reader_cannot_write(client, reader, table, sql):
    """readonly=1 holds back every way to change something or to reach a file, and reading goes on."""
    assert refusal(reader.raw_query, sql.format(table=table)) == (164, "READONLY")
    assert reader.query(f"SELECT count() FROM {table} WHERE id = {{x:UInt8}}", parameters={"x": 7}).first_row == (1,)
    assert client.command(f"SELECT count() FROM {table}") == 1


def test_a_reader_has_other_settings_of_its_own(front):
    """What a client sets beside readonly is set before it."""
    reader = connect(front, settings={"readonly": "1", "max_execution_time": "3", "max_threads": "1"})
    names = "'readonly', 'max_execution_time', 'max_threads'"
    found = reader.query(f"SELECT name, value FROM system.settings WHERE name IN ({names})").result_rows
    assert dict(found) == {"readonly": "1", "max_execution_time": "3", "max_threads": "1"}


def test_get_cannot_write(front, client, table):
    """An address alone changes nothing, as on a ClickHouse server."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{front.dsn}/?query=" + urllib.parse.quote(f"DROP TABLE {table}"), timeout=10)
    assert refused.value.headers["X-ClickHouse-Exception-Code"] == "164"
    assert client.command(f"SELECT count() FROM {table}") == 1


def test_time_and_memory_are_bounded(client):
    """The engine stops what takes longer or more than a client allowed."""
    slow = "SELECT sum(sleepEachRow(0.05)) FROM numbers(100) SETTINGS max_block_size = 1"
    assert refusal(client.query, slow, settings={"max_execution_time": "0.3"}) == (159, "TIMEOUT_EXCEEDED")
    large = "SELECT length(groupArray(number)) FROM numbers(20000000)"
    assert refusal(client.query, large, settings={"max_memory_usage": "10000000"}) == (241, "MEMORY_LIMIT_EXCEEDED")


def test_all_statements_together_are_bounded(client):
    """Without any setting of the client's, one statement cannot take the machine's memory."""
    assert refusal(client.query, "SELECT length(groupArray(number)) FROM numbers(100000000)")[0] == 241


def test_settings_do_not_leak(front, table):
    """Settings, databases and temporary tables end with their statement."""
    client = connect(front, database="d")
    assert client.command(f"SELECT count() FROM {table.removeprefix('d.')}") == 1
    client.command("SET max_result_rows = 88")
    client.command("USE system")
    client.command("CREATE TEMPORARY TABLE passing (a UInt8)")
    assert client.command("SELECT getSetting('max_result_rows')", settings={"max_result_rows": "77"}) == 77
    assert client.command("SELECT getSetting('max_result_rows')") == 0
    assert refusal(client.query, "SELECT * FROM passing")[0] == 60


def test_many_clients_work_at_once(front, client, table):
    """Eight clients read and write side by side, and nothing is lost or mixed up."""
    problems = []

    def work(number):
        try:
            mine = connect(front)
            for turn in range(15):
                mine.insert(table, [[number * 1000 + turn], ["w"]], column_names=["id", "name"], column_oriented=True)
                assert mine.query("SELECT {n:UInt64}", parameters={"n": number}).first_row == (number,)
        except Exception as error:  # noqa: BLE001  told below, in the test's own thread
            problems.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert client.command(f"SELECT count() FROM {table} WHERE name = 'w'") == 120


async def test_the_async_client_works(front, table):
    """clickhouse-connect's AsyncClient inserts, binds, streams, and gets codes."""
    async with await clickhouse_connect.get_async_client(dsn=front.dsn, autogenerate_session_id=False) as asking:
        await asking.insert(table, [[20, 21], ["a", "b"]], column_names=["id", "name"], column_oriented=True)
        await asking.raw_insert(table, ["id"], b'{"id":22}\n', fmt="JSONEachRow")
        found = await asking.query(f"SELECT id FROM {table} WHERE id IN {{ids:Array(UInt64)}} ORDER BY id",
                                   parameters={"ids": [20, 22]})  # fmt: skip
        assert found.result_rows == [(20,), (22,)]
        many = await asyncio.gather(*(asking.query("SELECT {n:UInt8}", parameters={"n": n}) for n in range(20)))
        assert [each.first_row[0] for each in many] == list(range(20))
        async with await asking.query_row_block_stream("SELECT number FROM numbers(200000)") as blocks:
            assert sum([len(block) async for block in blocks]) == 200_000
        with pytest.raises(DatabaseError) as refused:
            await asking.query("SELECT * FROM d.nothing")
        assert refused.value.code == 60


def test_external_data_is_refused(client):
    """A feature that is missing says so."""
    data = clickhouse_connect.driver.external.ExternalData(file_name="t", data=b"1\n", fmt="CSV", structure="a UInt8")
    assert refusal(client.raw_query, "SELECT * FROM t", external_data=data) == (48, "NOT_IMPLEMENTED")


def test_a_statement_answers_quickly(client):
    """The way through HTTP costs little beside a query."""
    took_ms = []
    for _ in range(200):
        started_at = time.perf_counter()
        client.query("SELECT 1")
        took_ms.append((time.perf_counter() - started_at) * 1000)
    # measured at 1.6 ms on an idle machine; 45 ms without TCP_NODELAY
    assert sorted(took_ms)[100] < 20


def test_the_bundled_program_says_what_it_is():
    """Its help cannot be mistaken for a ClickHouse server's."""
    command = [sys.executable, "-m", "tokentide.embedded.clickhouse_front", "--help"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "It is not a ClickHouse server" in answer.stdout


def test_credentials_come_from_the_environment(tmp_path, monkeypatch):
    """With the variable set, clients need the user and the password, and nobody finds them in the process list."""
    monkeypatch.setenv(CREDENTIALS_VARIABLE, "tide:secret:word")
    with DataFolder(tmp_path) as folder:
        clickhouse = prepare_clickhouse(folder)
        with running([clickhouse.part]) as children:
            assert connect(clickhouse, username="tide", password="secret:word").command("SELECT 1") == 1
            assert refusal(connect, clickhouse, username="tide", password="wrong") == (516, "AUTHENTICATION_FAILED")
            assert refusal(connect, clickhouse) == (516, "AUTHENTICATION_FAILED")
            assert b"secret" not in Path(f"/proc/{children['clickhouse'].pid}/cmdline").read_bytes()


def test_a_second_front_on_the_same_data_is_refused(tmp_path):
    """Two engines on one folder would damage it."""
    with DataFolder(tmp_path) as folder:
        first, second = prepare_clickhouse(folder), prepare_clickhouse(folder, port=1)
        with running([first.part]):
            other = second.part.start()
            assert other.wait(30) == 3
            assert "cannot be opened" in other.log_tail()


def test_what_was_acknowledged_survives_kill_9(tmp_path):
    """Killed in the middle of inserts, several times, the front comes back with every acknowledged row, once each."""
    with DataFolder(tmp_path) as folder:
        clickhouse = prepare_clickhouse(folder)
        with running([clickhouse.part]) as children:
            connect(clickhouse).command("CREATE DATABASE d")
            connect(clickhouse).command(TABLE.format(name="d.t"))
            acknowledged = _insert_while_killing(clickhouse, children, kills=3)
            counted = connect(clickhouse).query("SELECT id, count() FROM d.t GROUP BY id").result_rows
    rows = dict(counted)
    assert len(acknowledged) > 20
    assert [batch for batch in acknowledged if rows.get(batch) != 500] == []
    # a batch whose acknowledgement was lost is there as a whole, perhaps twice (the client repeats it), or not at all
    assert {count % 500 for count in rows.values()} == {0}


def _insert_while_killing(clickhouse, children, kills):
    acknowledged: list[int] = []
    ended = threading.Event()

    def insert():
        client = None
        for batch in itertools.count():
            if ended.is_set():
                return
            try:
                client = client or connect(clickhouse)
                client.insert("d.t", [[batch] * 500, ["x"] * 500], column_names=["id", "name"], column_oriented=True)
            except (Error, OperationalError):
                client = None
            else:
                acknowledged.append(batch)

    inserting = threading.Thread(target=insert, daemon=True)
    inserting.start()
    try:
        for _ in range(kills):
            goal = len(acknowledged) + 15
            eventually(lambda goal=goal: len(acknowledged) >= goal, deadline_seconds=30)
            children["clickhouse"].kill()
            children["clickhouse"] = clickhouse.part.start()
            wait_until_ready(children["clickhouse"], clickhouse.part.is_ready, 30)
    finally:
        ended.set()
        inserting.join(30)
    return acknowledged
