"""One statement, its kind, and where its data begins."""

from __future__ import annotations

import json
import random
import subprocess
import sys

import pytest

from tokentide.embedded.front.refusal import ClickHouseError
from tokentide.embedded.front.statement import find_data_insert, read_query, require_one_statement


@pytest.mark.parametrize(
    ("sql", "alone"),
    [
        ("select 1", "select 1"),
        ("select 1;", "select 1"),
        ("select 1 ; ; -- the end", "select 1"),
        ("-- first\nselect ';' -- last;", "-- first\nselect ';'"),
    ],
)
def test_one_statement_is_taken_without_its_semicolon(sql, alone):
    """A single semicolon, or several, at the end are no second statement."""
    assert read_query(sql.encode()).sql.decode() == alone


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; drop table t",
        "select 1;select 2;",
        "select 'a\\';'; drop table t",
        "select 1 /* ; */; drop table t",
        "select $$;$$; drop table t",
        "select `;`; drop table t",
        "select 1 -- ;\n; drop table t",
        "select 1e--; drop table t",
        "; drop table t",
        "select 1; '",
    ],
)
def test_a_second_statement_is_refused(sql):
    """Nothing after a semicolon is run, wherever the semicolon hides."""
    with pytest.raises(ClickHouseError) as refused:
        read_query(sql.encode())
    assert refused.value.code == 62


@pytest.mark.parametrize("sql", ["", " \n", ";", "-- nothing", "/* nothing */ ;"])
def test_nothing_is_not_a_statement(sql):
    """An empty query is a syntax error."""
    with pytest.raises(ClickHouseError, match="Empty query"):
        read_query(sql.encode())


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select 1 into outfile '/tmp/x'", 358),
        ("select 1 INTO /* */ OUTFILE '/tmp/x' format CSV", 358),
        ("insert into t from infile '/etc/passwd' format LineAsString", 1),
    ],
)
def test_files_of_the_client_are_refused(sql, code):
    """What names a file on the client's side would be a file of this machine."""
    with pytest.raises(ClickHouseError) as refused:
        read_query(sql.encode())
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("sql", "output_format"),
    [
        ("select 1", None),
        ("select 1 format JSONEachRow", "JSONEachRow"),
        ("select 1 format Native settings max_threads = 1;", "Native"),
        ("select format from t", None),
        ("select * from (select 1 format) where 'format X'", None),
    ],
)
def test_the_format_clause_is_found(sql, output_format):
    """Only a FORMAT at the end names the output's format, in its own spelling."""
    assert read_query(sql.encode()).format == output_format


@pytest.mark.parametrize(
    ("sql", "kills"),
    [
        ("KILL QUERY WHERE 1", True),
        ("/* x */ kill query where 1 async", True),
        ("KILL MUTATION WHERE 1", False),
        ("SELECT 'KILL QUERY'", False),
        ("ALTER TABLE kill DROP COLUMN query", False),
    ],
)
def test_what_stops_questions_is_known(sql, kills):
    """A reader may stop its own questions, and nothing else that is not reading."""
    assert read_query(sql.encode()).kills is kills


def test_the_settings_of_an_insert_stand_apart():
    """They must follow the name of the file that the data comes from."""
    insert = find_data_insert(b"INSERT INTO t (settings) SETTINGS a = 1, b = 2 FORMAT CSV\n1")
    assert insert is not None
    assert (insert.target, insert.settings) == (b"INSERT INTO t (settings) ", b"SETTINGS a = 1, b = 2 ")


@pytest.mark.parametrize(
    ("text", "sql", "data_format", "data"),
    [
        ("INSERT INTO t FORMAT Native\nDATA", "INSERT INTO t ", "Native", "DATA"),
        ("insert into d.t (a, `b`) format JSONEachRow {}", "insert into d.t (a, `b`) ", "JSONEachRow", "{}"),
        ("INSERT INTO t FORMAT CSV\r\n1;2\n", "INSERT INTO t ", "CSV", "1;2\n"),
        ("INSERT INTO t FORMAT RowBinary \t\n\n\x01", "INSERT INTO t ", "RowBinary", "\n\x01"),
        ("INSERT INTO t FORMAT Native", "INSERT INTO t ", "Native", ""),
        ("INSERT INTO t VALUES (1);", "INSERT INTO t ", "Values", " (1);"),
        ("INSERT INTO t SETTINGS a = 1 FORMAT CSV\n1", "INSERT INTO t SETTINGS a = 1 ", "CSV", "1"),
        ("INSERT INTO TABLE FUNCTION null('a format') FORMAT CSV\n1", None, "CSV", "1"),
        ("INSERT INTO format FORMAT CSV\n1", "INSERT INTO format ", "CSV", "1"),
        ("INSERT INTO d.values VALUES (1)", "INSERT INTO d.values ", "Values", " (1)"),
        ("INSERT INTO {t:Identifier} (values) VALUES (1)", None, "Values", " (1)"),
        ("/* VALUES */ INSERT INTO -- FORMAT CSV\n t VALUES (1)", None, "Values", " (1)"),
    ],
)
def test_the_data_of_an_insert_is_found(text, sql, data_format, data):
    """The statement ends before FORMAT or VALUES; the data begins where ClickHouse begins to read it."""
    insert = find_data_insert(text.encode())
    assert insert is not None
    assert sql is None or (insert.target + insert.settings).decode() == sql
    assert insert.format == data_format
    assert text.encode()[insert.data_at :].decode() == data


@pytest.mark.parametrize(
    "sql",
    [
        "select 1 format CSV",
        "INSERT INTO t SELECT * FROM u FORMAT CSV",
        "INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
        "INSERT INTO t FROM INFILE 'x' FORMAT CSV",
        "INSERT INTO t (a)",
        "INSERT INTO t FORMAT",
        "INSERT INTO t FORMAT 'CSV'",
        "INSERT",
        "",
    ],
)
def test_other_statements_bring_no_data(sql):
    """What is no INSERT with data after it is left to be read whole."""
    assert find_data_insert(sql.encode()) is None


def test_data_is_not_read_as_sql():
    """Data may hold anything: open quotes, semicolons, bytes that are no text."""
    assert find_data_insert(b"INSERT INTO t FORMAT Native\n'\xff;drop table t;/*") is not None


def test_a_semicolon_after_the_format_is_refused():
    """ClickHouse takes it for a mistake, and so is it here."""
    with pytest.raises(ClickHouseError, match="excessive ';'"):
        find_data_insert(b"INSERT INTO t FORMAT CSV;\n1")


def test_values_may_not_be_followed_by_a_statement():
    """The data of VALUES is written like SQL, and ends like it."""
    require_one_statement(b" (1, 'a;b'), (2, 'c') ;")
    with pytest.raises(ClickHouseError, match="Multi-statements"):
        require_one_statement(b" (1, 'a;b'); drop table t")


PIECES = [
    *("select", "1", "a", "from", "numbers(1)", "format", "TSV", "drop table t", "(", ")", ",", ".", "1.", ".5", "_"),
    *(
        "'",
        '"',
        "`",
        "\\",
        "''",
        "\u2018",
        "\u2019",
        "\u201c",
        "\u201d",
        "x'",
        "b'",
        "$",
        "$$",
        "$a$",
        "{",
        "}",
        "\x00",
        "é",
        "\xa0",
        "-",
    ),
    *("--", "//", "/*", "*/", "#", "# ", "#!", "\n", "\t", " ", ";", "1e", "e-", "0x", "0b", "\u2212"),
]


# in a process of its own: an engine takes one folder, and other tests of this process may have theirs
COUNT_STATEMENTS = """
import chdb, json, sys
connection = chdb.connect(":memory:")
print(json.dumps([connection._conn.classify_query(text)["statement_count"] for text in json.load(sys.stdin)]))
"""


def is_one_statement(text: str) -> bool:
    try:
        read_query(text.encode())
    except ClickHouseError:
        return False
    return True


def test_the_engine_never_sees_two_statements_where_we_see_one():
    """On text made of everything that is hard to cut, ClickHouse's parser agrees or we are the stricter one."""
    chance = random.Random(20_260_613)
    ends = ["", " ;select 1", ";drop table t", " ; "]
    texts = [
        "select 1 " + "".join(chance.choices(PIECES, k=chance.randint(0, 8))) + chance.choice(ends)
        for _ in range(30_000)
    ]
    ours = [text for text in texts if is_one_statement(text)]
    counted = subprocess.run(
        [sys.executable, "-c", COUNT_STATEMENTS], input=json.dumps(ours), capture_output=True, text=True, check=True
    )
    theirs = json.loads(counted.stdout)
    assert [text for text, count in zip(ours, theirs, strict=True) if count > 1] == []
    assert theirs.count(1) > 1000
